"""The settings dialog is made from the settings model: every setting has its field, and wrong values are said there."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QScrollArea,
    QSpinBox,
    QTableWidget,
    QWidget,
)
from pytestqt.qtbot import QtBot

from core.settings import Settings
from desktop.dialogs.settings import SettingsDialog
from desktop.settings_fields import groups_of, nested, value_at
from desktop.settings_pages import problems_of

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


class Server(BaseModel):
    address: str = Field("here", title="Address", description="Where it is.")
    kind: Literal["auto", "own"] = Field("auto", title="Kind")


class Folder(BaseModel):
    path: Path = Field(title="Folder")
    write: bool = Field(False, title="May write")


class Sample(BaseModel):
    """A settings model with every kind of field."""

    name: str = Field("", title="Name", description="What it is called.")
    wait_s: float = Field(60, ge=0, le=100, title="Wait", json_schema_extra={"unit": "s"})
    runs: int | None = Field(None, ge=1, title="Runs")
    hosts: list[str] = Field(default_factory=list, title="Hosts")
    folders: list[Folder] = Field(default_factory=list, title="Folders")
    quiet: bool = Field(False, title="Quiet", description="Say nothing.")
    server: Server = Field(default_factory=Server, title="Server")


def no_problems(wanted: Mapping[str, Any]) -> Mapping[str, str]:
    return {}


def dialog_of(qtbot: QtBot, values: Sample | None = None, check: Any = no_problems) -> SettingsDialog:
    dialog = SettingsDialog(None, groups_of(Sample), (values or Sample()).model_dump(), check=check)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.open()
    return dialog


def widget(dialog: SettingsDialog, name: str) -> QWidget:
    return dialog.row(name).editor.widget


def test_every_setting_of_the_program_has_a_field_with_a_title() -> None:
    fields = [field for group in groups_of(Settings) for field in group.fields]
    names = {field.name for field in fields}
    assert {"database_url", "model_server.base_url", "folders", "retention.runs", "secrets_file"} <= names
    plain = {name for name, info in Settings.model_fields.items() if not isinstance(info.annotation, type)}
    assert plain <= names
    assert [field.name for field in fields if not field.title] == []


def test_the_kind_of_a_field_follows_its_type() -> None:
    kinds = {field.name: field.kind for group in groups_of(Sample) for field in group.fields}
    assert kinds == {
        "name": "text", "wait_s": "number", "runs": "integer", "hosts": "lines", "folders": "rows", "quiet": "switch",
        "server.address": "text", "server.kind": "choice",
    }  # fmt: skip
    wait = next(field for group in groups_of(Sample) for field in group.fields if field.name == "wait_s")
    assert (wait.unit, wait.low, wait.high, wait.default) == ("s", 0, 100, 60)


def test_only_what_was_changed_is_wanted(qtbot: QtBot) -> None:
    dialog = dialog_of(qtbot, Sample(name="old", server=Server(address="there")))
    wanted: list[dict[str, Any]] = []
    dialog.wanted.connect(wanted.append)
    assert not dialog.save.isEnabled()
    field = widget(dialog, "server.kind")
    assert isinstance(field, QComboBox)
    field.setCurrentText("own")
    field.activated.emit(1)
    QTest.mouseClick(dialog.save, Qt.MouseButton.LeftButton)
    assert wanted == [{"server": {"address": "there", "kind": "own"}}]
    assert not dialog.isVisible()


def test_values_are_entered_by_typing_and_clicking(qtbot: QtBot) -> None:
    dialog = dialog_of(qtbot)
    name, runs, hosts, quiet = (widget(dialog, each) for each in ("name", "runs", "hosts", "quiet"))
    assert isinstance(name, QLineEdit)
    assert isinstance(runs, QSpinBox)
    assert isinstance(hosts, QPlainTextEdit)
    assert isinstance(quiet, QCheckBox)
    QTest.keyClicks(name, "Mine")
    assert dialog.row("runs").editor.value is None
    runs.setValue(7)
    hosts.setPlainText("one\n\n two ")
    QTest.keyClick(quiet, Qt.Key.Key_Space)
    read = {each: dialog.row(each).editor.value for each in ("name", "runs", "hosts", "quiet")}
    assert read == {"name": "Mine", "runs": 7, "hosts": ["one", "two"], "quiet": True}


def test_rows_are_shown_changed_and_removed(qtbot: QtBot) -> None:
    dialog = dialog_of(qtbot, Sample(folders=[Folder(path=Path("/a")), Folder(path=Path("/b"), write=True)]))
    part = widget(dialog, "folders")
    table = part.findChildren(QTableWidget)[0]
    (remove,) = [button for button in part.findChildren(QPushButton) if button.text() == "Remove"]
    assert not remove.isEnabled()
    first = table.visualRect(table.model().index(0, 0)).center()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=first)
    QTest.mouseClick(remove, Qt.MouseButton.LeftButton)
    item = table.item(0, 1)
    assert item is not None
    item.setCheckState(Qt.CheckState.Unchecked)
    assert dialog.row("folders").editor.value == [{"path": "/b", "write": False}]
    assert dialog.save.isEnabled()


def test_what_is_wrong_is_said_beside_the_setting_and_keeps_from_saving(qtbot: QtBot) -> None:
    def check(wanted: Mapping[str, Any]) -> Mapping[str, str]:
        return {"name": "Too rude."} if wanted.get("name") == "x" else {}

    dialog = dialog_of(qtbot, check=check)
    name = widget(dialog, "name")
    QTest.keyClicks(name, "x")
    from PySide6.QtWidgets import QLabel

    said = [label.text() for label in dialog.row("name").findChildren(QLabel) if label.isVisible()]
    assert "Too rude." in said
    assert name.property("invalid") == "true"
    assert not dialog.save.isEnabled()
    QTest.keyClicks(name, "y")
    assert name.property("invalid") == "false"
    assert dialog.save.isEnabled()


def test_a_search_leaves_what_fits(qtbot: QtBot) -> None:
    dialog = dialog_of(qtbot)
    QTest.keyClicks(dialog.search, "address")
    assert dialog.row("server.address").isVisible()
    assert not dialog.row("name").isVisible()
    dialog.search.setText("wait_s")  # as its file calls it
    assert [row.field.name for row in dialog._rows if row.isVisibleTo(dialog)] == ["wait_s"]
    dialog.search.setText("server kind")
    assert [row.field.name for row in dialog._rows if row.isVisibleTo(dialog)] == ["server.kind"]
    dialog.search.setText("hsts")  # with a slip of the fingers
    assert [row.field.name for row in dialog._rows if row.isVisibleTo(dialog)] == ["hosts"]
    dialog.search.setText("qwertz")
    assert dialog.nothing.isVisibleTo(dialog)
    assert "qwertz" in dialog.nothing.text()
    dialog.search.clear()
    assert not dialog.nothing.isVisibleTo(dialog)
    assert dialog.row("name").isVisible()


def test_every_field_has_a_name_for_those_who_do_not_see_it(qtbot: QtBot) -> None:
    dialog = dialog_of(qtbot)
    fields = [field for group in groups_of(Sample) for field in group.fields]
    assert [field.name for field in fields if widget(dialog, field.name).accessibleName() != field.title] == []


def test_changes_inside_a_group_keep_the_rest_of_it() -> None:
    base = {"server": {"address": "a", "kind": "auto"}, "name": "n"}
    assert nested({("server", "kind"): "own", ("name",): "m"}, base) == {
        "server": {"address": "a", "kind": "own"},
        "name": "m",
    }
    assert value_at(base, ("server", "address")) == "a"
    assert base["server"] == {"address": "a", "kind": "auto"}


def test_a_section_is_gone_to_from_the_list_and_the_list_shows_which_one_is_in_view(qtbot: QtBot) -> None:
    dialog = SettingsDialog(None, groups_of(Settings), Settings.model_construct().model_dump(), check=no_problems)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.open()
    titles = [dialog.sections.item(n).text() for n in range(dialog.sections.count())]
    assert titles[:3] == ["General", "Model server", "Keep runs"]
    bar = dialog.findChildren(QScrollArea)[0].verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 500)
    item = dialog.sections.visualItemRect(dialog.sections.item(titles.index("Memory"))).center()
    QTest.mouseClick(dialog.sections.viewport(), Qt.MouseButton.LeftButton, pos=item)
    learn = widget(dialog, "memory.learn")
    assert 0 < learn.mapTo(dialog, learn.rect().topLeft()).y() < 200
    dialog.search.setFocus()
    bar.setValue(0)
    assert dialog.sections.currentItem().text() == "General"
    bar.setValue(bar.maximum())
    assert dialog.sections.currentItem().text() == titles[-1]
    QTest.keyClicks(dialog.search, "worker")
    assert [t for n, t in enumerate(titles) if not dialog.sections.item(n).isHidden()] == ["Workers"]


def test_a_number_shows_no_decimals_where_there_are_none(qtbot: QtBot) -> None:
    box = widget(dialog_of(qtbot), "wait_s")
    assert isinstance(box, QDoubleSpinBox)
    assert box.text() == "60 s"
    box.setValue(2.5)
    assert box.text() == "2.5 s"


@pytest.mark.parametrize(
    ("name", "wrong", "right"),
    [
        ("database_url", "nonsense://x y", "postgresql://ann@db.example.org/steploom"),
        ("database_url", "postgresql://ann:hunter2@db.example.org/x", "postgresql:///steploom?host=/run/postgresql"),
        ("model_server.base_url", "openrouter", "http://localhost:1234/v1"),
        ("telemetry.endpoint", "127.0.0.1:4318", ""),
    ],
)
def test_an_address_that_can_be_none_is_said_beside_its_field_while_it_is_typed(
    qtbot: QtBot, name: str, wrong: str, right: str
) -> None:
    values = Settings.model_construct().model_dump()
    dialog = SettingsDialog(
        None, groups_of(Settings), values, check=lambda changed: problems_of(Settings, {**values, **changed})
    )
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    qtbot.addWidget(dialog)
    dialog.open()
    field = widget(dialog, name)
    assert isinstance(field, QLineEdit)
    field.clear()
    QTest.keyClicks(field, wrong)
    assert not dialog.save.isEnabled()
    assert "address" in dialog.row(name).problem.text() or "password" in dialog.row(name).problem.text()
    field.selectAll()
    QTest.keyClicks(field, right) if right else QTest.keyClick(field, Qt.Key.Key_Delete)
    assert dialog.save.isEnabled()
    assert dialog.row(name).problem.text() == ""
