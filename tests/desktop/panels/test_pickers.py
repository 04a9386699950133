from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QFileDialog, QWidget
from pytestqt.qtbot import QtBot

from core.engine.errors import StepError
from core.engine.step_type import StepTypes
from desktop.panels.background import Surroundings
from desktop.panels.fields import FormField, Value
from desktop.panels.form import Form
from desktop.panels.picker_popup import PickerPopup
from desktop.panels.pickers import ModelControl, PathControl, PickControl, model_line, price_line
from desktop.panels.step_templates import StepTemplates
from tests.support.panel_documents import triage
from tests.support.panel_facts import MODELS, KnownFacts

# Qt's offscreen platform says of every window that pops up what it cannot do with it.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)


class Rig:
    """A form of one field, and what it told."""

    def __init__(self, form: Form) -> None:
        self.form = form
        self.told: list[Value] = []
        form.edited.connect(lambda _key, value, _typing: self.told.append(value))

    def open(self) -> PickerPopup:
        control = self.form.rows["f"].control
        assert isinstance(control, PickControl)
        control.open()
        assert control.popup is not None
        return control.popup


@pytest.fixture
def make(around: Surroundings, types: StepTypes, stand: Callable[..., QWidget]) -> Callable[[FormField], Rig]:
    def made(field: FormField) -> Rig:
        form = Form([field], around, StepTemplates(triage(), types), lambda _source: None)
        stand(form)
        return Rig(form)

    return made


Make = Callable[[FormField], Rig]


def titles(popup: PickerPopup) -> list[str]:
    return [popup.model.item(row).title for row in range(popup.model.rowCount())]


def test_a_model_is_found_by_a_few_letters_and_taken_by_enter(make: Make) -> None:
    rig = make(FormField("f", "model", "Model"))
    popup = rig.open()
    assert len(titles(popup)) == len(MODELS)
    QTest.keyClicks(popup.search, "sonn")
    assert titles(popup) == ["anthropic/claude-sonnet"]
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    assert rig.told == ["anthropic/claude-sonnet"]
    assert popup.isHidden()


def test_the_arrows_walk_through_the_models(make: Make) -> None:
    rig = make(FormField("f", "model", "Model"))
    popup = rig.open()
    QTest.keyClick(popup.search, Qt.Key.Key_Down)
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    assert rig.told == [MODELS[1].id]


def test_the_list_opens_at_the_model_that_is_set(make: Make) -> None:
    rig = make(FormField("f", "model", "Model"))
    rig.form.show_values({"f": MODELS[2].id})
    popup = rig.open()
    assert popup.model.item(popup.view.currentIndex().row()).value == MODELS[2].id


def test_a_model_tells_its_price_and_what_it_can() -> None:
    assert price_line(MODELS[0]) == "$0.25 in · $2.00 out /M"
    assert price_line(MODELS[2]) == "free"
    assert model_line(MODELS[0]) == "400k context · functions"


def test_a_list_that_cannot_be_had_says_why_and_what_to_do(make: Make, facts: KnownFacts) -> None:
    facts.trouble = StepError("The model server does not answer.")
    popup = make(FormField("f", "model", "Model")).open()
    assert "does not answer" in popup.status
    assert "typed by hand" in popup.status


def test_nothing_that_fits_is_said(make: Make) -> None:
    popup = make(FormField("f", "model", "Model")).open()
    QTest.keyClicks(popup.search, "zzz")
    assert popup.status == "Nothing fits. Other letters find more."
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    assert not popup.isHidden()


def test_a_secret_is_put_in_by_name(make: Make) -> None:
    rig = make(FormField("f", "secret", "Token", secrets=True))
    popup = rig.open()
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    assert rig.told == ["{{ secrets.crm }}"]
    rig.open()
    QTest.keyClick(popup.search, Qt.Key.Key_Down)
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    assert rig.told[-1] == '{{ secrets["mail key"] }}'


def test_without_secrets_the_list_says_where_to_add_one(make: Make, facts: KnownFacts) -> None:
    facts.secrets = ()
    assert "No secrets are kept yet" in make(FormField("f", "secret", "Token", secrets=True)).open().status


def test_a_workflow_of_the_library_is_chosen(make: Make) -> None:
    rig = make(FormField("f", "workflow", "Workflow"))
    QTest.keyClick(rig.open().search, Qt.Key.Key_Return)
    assert rig.told == ["Daily report"]


@pytest.mark.parametrize(
    ("kind", "mode"), [("file", QFileDialog.FileMode.AnyFile), ("folder", QFileDialog.FileMode.Directory)]
)
def test_a_path_comes_from_a_dialog_that_stops_nothing(make: Make, kind: str, mode: QFileDialog.FileMode) -> None:
    rig = make(FormField("f", kind, "Path"))  # type: ignore[arg-type] # kinds from the table
    control = rig.form.rows["f"].control
    assert isinstance(control, PathControl)
    control.open()
    assert control.dialog is not None
    assert control.dialog.isVisible()
    assert control.dialog.fileMode() == mode
    control.dialog.fileSelected.emit("/data/notes.md")
    control.dialog.close()
    assert rig.told == ["/data/notes.md"]


def test_a_list_that_comes_after_its_control_is_gone_harms_nothing(make: Make, qtbot: QtBot) -> None:
    rig = make(FormField("f", "model", "Model"))
    control = rig.form.rows["f"].control
    assert isinstance(control, ModelControl)
    popup = rig.open()
    popup.close()
    with qtbot.waitSignal(control.destroyed):
        rig.form.deleteLater()
    control._offer([])
    control._failed(StepError("late"))
