"""The values of a step: what is shown of which part, in pages, searched, copied, dragged; large values stay quick."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from PySide6.QtCore import QAbstractItemModel, QModelIndex, Qt
from PySide6.QtGui import QColor, QGuiApplication, QImage
from PySide6.QtTest import QAbstractItemModelTester, QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit

from core.engine.errors import StepError
from core.workflow.model import Json, Retry
from desktop.panels.json_tree import BRANCH_PAGE, JsonTree
from desktop.panels.markdown_view import MarkdownView
from desktop.panels.value_parts import TEXT_PAGE, prompt_keys
from desktop.panels.value_view import ValueView
from desktop.panels.values import ValuesPanel
from desktop.theme import Theme
from tests.support.desktop_runs import open_run_desk
from tests.support.engine_rig import step, workflow
from tests.support.panel_parts import PanelParts, panel_parts

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen


class KeptFiles:
    """Files by hash."""

    def __init__(self, **files: bytes) -> None:
        self.files = files

    async def get(self, blob_hash: str) -> bytes:
        if blob_hash not in self.files:
            raise StepError("The file is not in the store (any more).", kind="not_found")
        return self.files[blob_hash]


@pytest.fixture
async def parts(qapp: QApplication) -> AsyncIterator[PanelParts]:
    async with panel_parts() as made:
        yield made


@pytest.fixture
def files(tmp_path: Path) -> KeptFiles:
    image = QImage(40, 20, QImage.Format.Format_RGB32)
    image.fill(Qt.GlobalColor.red)
    assert image.save(str(tmp_path / "a.png"))
    return KeptFiles(png=(tmp_path / "a.png").read_bytes(), bad=b"no picture")


@pytest.fixture
async def view(parts: PanelParts, files: KeptFiles) -> ValueView:
    made = ValueView(files.get, parts.bridge, parts.themes, parts.icons)
    parts.show(made)
    return made


def cells(model: QAbstractItemModel, parent: QModelIndex | None = None) -> list[tuple[str, str]]:
    above = parent or QModelIndex()
    return [
        (model.index(row, 0, above).data(), model.index(row, 1, above).data()) for row in range(model.rowCount(above))
    ]


def test_the_tree_is_a_sound_model(qapp: QApplication) -> None:
    model = JsonTree(Theme.dark())
    QAbstractItemModelTester(model, QAbstractItemModelTester.FailureReportingMode.Fatal)
    values: list[Json] = [{"a": [1, {"b": None}], "c": {}}, [], "text", list(range(500)), None]
    for value in values:
        model.show(value, "step")
        model.fetchMore(model.index_of((0,)) if isinstance(value, list) else QModelIndex())
    model.show({"deep": [[[{"x": 1}]]]}, "step")

    assert model.index_of(("deep", 0, 0, 0, "x")).data() == "x"
    assert not model.index_of(("deep", 5)).isValid()


def test_rows_show_keys_and_values_on_one_line(qapp: QApplication) -> None:
    model = JsonTree(Theme.dark())
    model.show({"text": "a\nb", "n": 1.5, "yes": True, "none": None, "list": [1], "object": {"x": 1}}, "step")

    assert cells(model) == [
        ("text", '"a b"'), ("n", "1.5"), ("yes", "true"), ("none", "null"), ("list", "[1 item]"), ("object", "{x}"),
    ]  # fmt: skip
    assert len(model.index(0, 1).data()) < 200


def test_a_long_list_is_filled_a_page_at_a_time(qapp: QApplication) -> None:
    model = JsonTree(Theme.dark())
    model.show({"items": list(range(1_000_000))}, "step")
    items = model.index_of(("items",))
    assert model.rowCount(items) == 0
    model.fetchMore(items)

    assert model.rowCount(items) == BRANCH_PAGE
    assert model.canFetchMore(items)
    assert model.index_of(("items", 999)).data() == "[999]"
    assert model.rowCount(items) == 1_000


async def test_choosing_a_part_gives_its_template_to_the_clipboard_and_to_a_drag(view: ValueView) -> None:
    view.show_value({"items": [{"full name": "Ann"}]}, "people")
    view.choose(("items", 0, "full name"))
    view.path.click()

    assert QGuiApplication.clipboard().text() == '{{ people.items[0]["full name"] }}'
    dragged = view.model.mimeData([view.tree.currentIndex()])
    assert dragged.text() == '{{ people.items[0]["full name"] }}'
    assert view.tree.dragEnabled()


async def test_a_value_that_no_template_reads_is_dragged_as_it_is(view: ValueView, parts: PanelParts) -> None:
    view.show_value({"prompt": "Hello\nyou"})
    view.choose(("prompt",))
    view.copy_value()
    await parts.idle()

    assert view.model.mimeData([view.tree.currentIndex()]).text() == "Hello\nyou"
    assert QGuiApplication.clipboard().text() == "Hello\nyou"


async def test_the_chosen_part_is_what_the_other_views_show(view: ValueView) -> None:
    view.show_value({"text": "# Title " + "x" * 60, "note": "short"}, "step")
    view.show_view("markdown")
    assert view.markdown.shown.startswith("# Title")
    view.show_view("json")
    view.choose(("note",))
    view.show_view("text")

    assert view.text.shown == "short"


async def test_only_views_that_have_something_to_show_are_offered(view: ValueView) -> None:
    def offered() -> set[str]:
        return {name for name, button in view.buttons.items() if button.isVisible()}

    view.show_value({"n": 1})
    assert offered() == {"json", "text"}
    view.show_value([{"a": 1}])
    assert offered() == {"json", "text", "table"}
    view.show_view("table")
    assert view.table_model.rowCount() == 1
    view.show_value({"images": [{"blob": "png", "media_type": "image/png", "size": 1, "name": "a.png"}]})
    assert looked_at(view) == "table"
    view.show_value({"answer": "yes, " * 30})
    assert offered() == {"json", "text", "markdown"}
    assert looked_at(view) == "json"


def looked_at(view: ValueView) -> str:
    return view.view


async def test_a_search_goes_from_place_to_place(view: ValueView, parts: PanelParts) -> None:
    view.show_value({"a": "Boat", "b": [{"c": "a boat"}], "d": "car"}, "step")
    QTest.keyClicks(view.search, "boat")
    view.search.returnPressed.emit()
    await found(view, parts)
    assert (view.keys, view.hits.text()) == (("a",), "1 of 2")
    QTest.keyClick(view.search, Qt.Key.Key_Return)
    assert (view.keys, view.hits.text()) == (("b", 0, "c"), "2 of 2")
    QTest.keyClick(view.search, Qt.Key.Key_Return)
    assert view.keys == ("a",)
    view.search.setText("plane")
    await found(view, parts)
    assert view.hits.text() == "Nothing found"


async def found(view: ValueView, parts: PanelParts) -> None:
    """Do now what the search does after a pause in typing."""
    view.search_now()
    await parts.idle()


async def test_a_large_value_is_shown_in_pages_and_never_whole(view: ValueView, parts: PanelParts) -> None:
    value: Any = {"items": [{"text": "word " * 200} for _ in range(5_000)]}
    began = perf_counter()
    view.show_value(value, "step")
    view.show_view("text")
    taken = perf_counter() - began
    assert view.text.shown == "Preparing…"
    await parts.idle()

    assert len(view.text.shown) <= TEXT_PAGE
    assert view.text.count > 100
    view.text.bar.chosen.emit(1)
    assert view.text.page == 1
    assert taken < 0.5  # what is not laid out costs nothing; 5 MB of text would take seconds


async def test_a_picture_is_read_from_the_kept_files(view: ValueView, parts: PanelParts) -> None:
    image: Any = {"blob": "png", "media_type": "image/png", "size": 120, "name": "a.png"}
    view.show_value({"images": [image, {**image, "blob": "bad", "name": "b.png"}, {**image, "blob": "gone"}]})
    view.show_view("files")
    await parts.idle()
    picture = view.files.picture
    assert size_of(picture.image) == (40, 20)
    assert "40 x 20 pixels" in view.files.about.text()

    view.files.bar.chosen.emit(1)
    await parts.idle()
    assert size_of(picture.image) is None
    assert "cannot be shown" in picture.text
    view.files.bar.chosen.emit(2)
    await parts.idle()
    assert "not in the store" in picture.text


def size_of(image: QImage | None) -> tuple[int, int] | None:
    return (image.width(), image.height()) if image is not None else None


async def test_another_file_is_not_read_but_offered_to_be_saved(view: ValueView, parts: PanelParts) -> None:
    view.show_value({"file": {"blob": "x", "media_type": "application/pdf", "size": 12_000, "name": "a.pdf"}})
    view.show_view("files")
    await parts.idle()

    assert "Save it" in view.files.picture.text
    assert view.files.about.text() == "a.pdf · application/pdf · 12 kB"


def detail_of(view: ValueView) -> tuple[bool, str, str]:
    return view.detail.isVisible(), view.detail.name.text(), view.detail.text.shown


async def test_the_text_that_matters_stands_whole_beside_the_rows(view: ValueView) -> None:
    answer = "Dear Ann, " + "we are sorry. " * 8
    view.show_value({"text": answer, "model": "m", "note": "One line\nand another"}, "reply")
    assert detail_of(view) == (True, "text", answer)
    view.choose(("note",))
    assert detail_of(view) == (True, "note", "One line\nand another")
    view.choose(("model",))
    assert detail_of(view) == (True, "text", answer)
    view.show_view("text")
    assert not view.detail.isVisible()
    view.show_view("json")
    view.show_value({"text": "short", "model": "m"}, "reply")
    assert not view.detail.isVisible()
    view.show_value({"message": "No\nluck", "source": "x" * 300}, main=("message",))
    assert detail_of(view) == (True, "message", "No\nluck")
    view.show_value("Streaming " * 20)
    assert detail_of(view) == (True, "", "Streaming " * 20)


async def test_of_a_request_the_messages_are_open_and_the_last_one_stands_whole(view: ValueView) -> None:
    long = "How urgent is this ticket, from 1 to 5? Reply with the number alone, and nothing else at all, please."
    request: Any = {
        "model": "m", "stream": True,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": long}],
        "made": [{"blob": "png", "media_type": "image/png"}],
    }  # fmt: skip
    view.show_value(request, main=prompt_keys(request))
    for keys in (("messages",), ("messages", 0), ("messages", 1)):
        assert view.tree.isExpanded(view.model.index_of(keys))
    assert not view.tree.isExpanded(view.model.index_of(("made",)))
    assert detail_of(view) == (True, "messages[1].content", long)
    view.show_value({"items": list(range(500)), "one": {"a": 1}})
    assert not view.tree.isExpanded(view.model.index_of(("items",)))
    assert prompt_keys({"messages": [{"role": "user", "content": None}]}) == ()
    assert prompt_keys({"url": "https://example.org"}) == ()


async def test_a_text_that_streams_in_is_followed_and_not_laid_out_anew(view: ValueView) -> None:
    said = "One line.\n" * 30
    view.show_value(said)
    plain = view.detail.text.findChildren(QPlainTextEdit)[0]
    bar = plain.verticalScrollBar()
    changes: list[tuple[int, int]] = []
    plain.document().contentsChange.connect(lambda at, _removed, added: changes.append((at, added)))
    bar.setValue(bar.maximum())
    view.show_value(said + "And more.\n" * 5)
    assert plain.toPlainText() == said + "And more.\n" * 5
    assert changes == [(len(said), 50)]
    assert bar.value() == bar.maximum()
    bar.setValue(3)
    view.show_value(said + "And more.\n" * 9)
    assert bar.value() == 3
    view.show_value("Another. " * 20)
    assert plain.toPlainText() == "Another. " * 20


async def test_a_picture_is_seen_beside_the_rows_at_once(view: ValueView, parts: PanelParts) -> None:
    image: Any = {"blob": "png", "media_type": "image/png", "size": 120, "name": "a.png"}
    view.show_value({"image": image, "text": "A red surface, as the prompt says. " * 4})
    await parts.idle()
    assert view.detail.files is not None
    assert view.detail.files.isVisible()
    assert size_of(view.detail.files.picture.image) == (40, 20)
    view.choose(("text",))
    assert not view.detail.files.isVisible()
    assert view.detail.text.shown.startswith("A red surface")


async def test_markdown_shows_no_picture_of_this_machine_and_takes_html_as_text(
    parts: PanelParts, tmp_path: Path
) -> None:
    red, file = QColor("#ff0102"), tmp_path / "red.png"
    picture = QImage(40, 40, QImage.Format.Format_RGB32)
    picture.fill(red)
    assert picture.save(str(file))
    for address in (str(file), file.as_uri(), "https://example.org/x.png"):
        shown = MarkdownView(parts.themes)
        shown.resize(300, 200)
        shown.show_markdown(f"![my photo]({address}) <script>alert(1)</script> **bold**")
        seen = shown.grab().toImage()

        assert "▣ my photo <script>alert(1)</script> bold" in shown.toPlainText()
        assert not any(seen.pixelColor(x, y) == red for x in range(0, 300, 4) for y in range(0, 200, 4)), address


def value_of(panel: ValuesPanel) -> Any:
    return panel.view.model.value


@pytest.fixture
def document() -> Any:
    return workflow(
        step("a", config={"value": {"deep": [1, 2]}, "fails": 1}, retry=Retry(attempts=2, wait=0.001), then="b"),
        step("b", config={"deltas": ["Hello ", "you"], "gate": True}, title="Say it", then="c"),
        step("c", "fail", config={"message": "No luck.\nReally."}),
    )


async def test_the_panel_shows_exactly_what_went_in_and_came_out(home: Path, qapp: QApplication, document: Any) -> None:
    async with open_run_desk(document, home) as desk, panel_parts(desk.bridge) as parts:
        panel = ValuesPanel(desk.controller, KeptFiles().get, desk.bridge, parts.themes, parts.icons)
        parts.show(panel, 900, 300)
        assert panel.empty.isVisible()
        run = await desk.begin()
        await desk.stage_reached("b")
        panel.show_step("b")
        assert panel.title.text() == "Say it"
        assert value_of(panel) == "Hello you"  # as it streams in
        desk.stage.gate("b").set()
        await desk.over()
        output = run.log.records["b", 1].output
        assert value_of(panel) == output

        panel.show_step("a")
        assert panel.attempts.isVisible()
        said = [panel.attempts.itemText(row) for row in range(panel.attempts.count())]
        assert said == ["Attempt 1: failed", "Attempt 2: done"]
        assert panel.record is run.log.records["a", 2]
        panel.show_part("input")
        assert panel.view.model.value == dict(run.log.records["a", 2].inputs)
        panel.attempts.activated.emit(0)
        assert panel.record is run.log.records["a", 1]
        panel.show_part("error")
        assert panel.view.model.value == {"type": "failed", "message": "It broke.", "attempt": 1}

        shown_tabs = [panel.parts.tabRect(n) for n in range(panel.parts.count()) if panel.parts.isTabVisible(n)]
        assert all(one.right() + 1 == other.left() for one, other in pairwise(shown_tabs))
        panel.show_step_id("c")
        assert panel.parts.tabData(panel.parts.currentIndex()) == "error"
        panel.show_part("facts")
        shown = panel.view.model.value
        assert isinstance(shown, dict)
        assert (shown["status"], shown["why"]) == ("failed", "first time in this run")
        panel.show_step("nowhere")
        assert panel.empty.isVisible()
        assert "nowhere" in panel.empty.text.text()


async def test_another_run_shows_the_same_step_of_that_run(home: Path, qapp: QApplication) -> None:
    document = workflow(step("a", config={"value": "{{ run.id }}"}))
    async with open_run_desk(document, home) as desk, panel_parts(desk.bridge) as parts:
        panel = ValuesPanel(desk.controller, KeptFiles().get, desk.bridge, parts.themes, parts.icons)
        parts.show(panel, 900, 300)
        first = await desk.finish()
        second = await desk.finish()
        panel.show_step("a")
        assert panel.record is second.log.newest("a")
        desk.controller.show(first.id)

        assert panel.record is first.log.newest("a")
        desk.controller.show("")
        assert panel.empty.isVisible()
