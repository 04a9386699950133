"""Questions as cards on the canvas: below the step that asks, answered there, put away and brought back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from PySide6.QtCore import QObject, QRect, QSize, Qt, Signal
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.workflow.model import Step, Workflow
from desktop.canvas.geometry import Rect
from desktop.canvas.viewport import Viewport
from desktop.chat.file_window import FileWindow
from desktop.chat.files_box import FilesBox
from desktop.made_pictures import PictureRoom
from desktop.run_cards import HIGHEST, CardFrame, QuestionCards, card_place
from tests.support.desktop_runs import RunDesk, open_run_desk
from tests.support.panel_parts import panel_parts
from tests.support.pictures import png

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

ASKING = Workflow(
    "Asking",
    steps={
        "ask": Step("ask", "approval", title="Publish?", then={"yes": ("after",)},
                    config={"message": "Shall it **go out**?", "choices": ["yes", "no"]}),
        "after": Step("after", "work"),
    },
)  # fmt: skip


class Ground(QObject):
    """A canvas as far as cards know it: steps at places that a test chooses."""

    viewed = Signal()
    drawn = Signal(object)
    selection_changed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.camera = Viewport(900.0, 600.0)
        self.widget = QWidget()
        self.places = {"ask": Rect(100.0, 80.0, 340.0, 176.0)}

    def viewport(self) -> QWidget:
        return self.widget

    def place_of(self, step: str) -> Rect | None:
        return self.places.get(step)


@dataclass
class Table:
    desk: RunDesk
    ground: Ground
    cards: QuestionCards

    async def asked(self) -> CardFrame:
        await self.desk.finish()
        return self.cards.cards["ask"]


@pytest.fixture
async def table(qapp: QApplication, home: Path) -> AsyncIterator[Table]:
    async with open_run_desk(ASKING, home) as desk, panel_parts(desk.bridge) as parts:
        ground = Ground()
        parts.show(ground.widget, 900, 600)
        room = PictureRoom(desk.workspace.read_file, desk.bridge, parts.themes, parts.icons)
        cards = QuestionCards(ground, desk.controller, room)
        yield Table(desk, ground, cards)
        cards.deleteLater()
        ground.deleteLater()


async def test_a_step_that_asks_has_a_card_below_it(table: Table) -> None:
    frame = await table.asked()
    left, bottom = table.ground.camera.to_window(100.0, 176.0)
    assert frame.isVisible()
    assert (frame.x(), frame.y()) == (round(left), round(bottom) + 10)
    assert [button.text() for button in frame.card.buttons] == ["yes", "no"]


async def test_an_answer_on_the_card_goes_on_with_the_run_and_takes_the_card_away(table: Table) -> None:
    frame = await table.asked()
    QTest.mouseClick(frame.card.buttons[0], Qt.MouseButton.LeftButton)
    assert (await table.desk.over()).status == "completed"
    assert table.cards.cards == {}
    assert table.desk.stage.paths == ["after"]


async def test_a_card_follows_its_step_and_stays_in_the_window(table: Table) -> None:
    frame = await table.asked()
    before = frame.pos()
    table.ground.camera.pan(-50.0, -20.0)
    table.ground.viewed.emit()
    assert (frame.x() - before.x(), frame.y() - before.y()) == (50, 20)
    table.ground.places["ask"] = Rect(800.0, 480.0, 880.0, 590.0)
    table.ground.drawn.emit(frozenset())
    assert table.ground.widget.rect().contains(frame.geometry())
    table.ground.places["ask"] = Rect(5_000.0, 0.0, 5_100.0, 90.0)
    table.ground.drawn.emit(frozenset())
    assert not frame.isVisible()


async def test_escape_puts_a_card_away_and_choosing_the_step_brings_it_back(table: Table) -> None:
    frame = await table.asked()
    frame.card.buttons[0].setFocus()
    QTest.keyClick(frame.card.buttons[0], Qt.Key.Key_Escape)
    assert table.cards.cards == {}
    table.cards.refresh()
    assert table.cards.cards == {}
    table.ground.selection_changed.emit(frozenset({"ask"}))
    assert table.cards.cards["ask"].isVisible()


async def test_a_card_is_opened_for_the_keyboard(table: Table) -> None:
    frame = await table.asked()
    frame.close_button.click()
    table.cards.open("ask")
    assert table.cards.cards["ask"].card.buttons[0].hasFocus() or not table.ground.widget.isActiveWindow()
    table.cards.open("after")
    assert list(table.cards.cards) == ["ask"]


async def test_a_run_that_is_not_shown_has_no_cards(table: Table) -> None:
    await table.asked()
    table.desk.controller.show("")
    assert table.cards.cards == {}


async def test_cards_take_the_colours_of_another_theme(table: Table) -> None:
    frame = await table.asked()
    table.cards._themes.choose("light")
    assert table.cards.cards["ask"] is not frame
    assert table.cards.cards["ask"].isVisible()


def test_no_card_hides_another_or_leaves_the_window() -> None:
    room, size = QRect(0, 0, 1200, 700), QSize(340, 200)
    steps = [QRect(320, 100, 240, 96), QRect(320, 240, 240, 96), QRect(330, 130, 240, 96)]
    taken: list[QRect] = []
    for step in steps:
        place = QRect(card_place(step, size, room, taken), size)
        assert room.contains(place)
        assert not any(place.intersects(other) for other in taken)
        taken.append(place)
    below = card_place(steps[0], size, room, [])
    assert (below.x(), below.y() > steps[0].bottom()) == (320, True)


def test_a_card_hides_no_other_step_that_asks_if_there_is_room() -> None:
    room, size = QRect(0, 0, 900, 640), QSize(340, 200)
    upper, lower = QRect(320, 190, 200, 140), QRect(320, 335, 200, 60)
    first = QRect(card_place(upper, size, room, [], [lower]), size)
    second = QRect(card_place(lower, size, room, [first], [upper]), size)
    assert not any(card.intersects(step) for card in (first, second) for step in (upper, lower))


def test_where_there_is_no_free_place_a_card_is_still_in_the_window() -> None:
    room, size = QRect(0, 0, 400, 260), QSize(340, 220)
    place = QRect(card_place(QRect(20, 20, 240, 96), size, room, [QRect(0, 0, 400, 260)]), size)
    assert room.contains(place)


DRAWN = Workflow(
    "Drawn",
    inputs={"picture": {"type": "object"}, "note": {"type": "object"}},
    steps={
        "draw": Step("draw", "work", config={"value": "{{ [input.note, input.picture] }}"}, then={"out": ("ask",)}),
        "ask": Step("ask", "approval", title="Keep it?", config={"message": "Keep it?", "choices": ["yes", "no"]}),
    },
)


async def test_a_question_shows_the_pictures_that_the_run_has_made(qapp: QApplication, home: Path) -> None:
    async with open_run_desk(DRAWN, home) as desk, panel_parts(desk.bridge) as parts:
        ground = Ground()
        parts.show(ground.widget, 900, 600)
        room = PictureRoom(desk.workspace.read_file, desk.bridge, parts.themes, parts.icons)
        cards = QuestionCards(ground, desk.controller, room)
        picture = await desk.workspace.keep_file(png(320, 200), "image/png", "scene.png")
        note = await desk.workspace.keep_file(b"Hello", "text/plain", "note.txt")
        await desk.finish({"picture": dict(picture), "note": dict(note)})
        frame = cards.cards["ask"]
        (box,) = frame.findChildren(FilesBox)
        assert (box.count, box.accessibleName()) == (1, "Made so far: scene.png")
        await parts.idle()
        assert 80 < box.height() <= 126
        assert frame.height() <= HIGHEST
        (button, _) = frame.card.buttons
        assert frame.rect().contains(QRect(button.mapTo(frame, button.rect().topLeft()), button.size()))
        box.setFocus()
        QTest.keyClick(box, Qt.Key.Key_Return)
        await parts.idle()
        (window,) = [each for each in QApplication.topLevelWidgets() if isinstance(each, FileWindow)]
        assert window.windowTitle() == "scene.png"
        assert window.view.picture.image is not None
        window.close()
        cards.deleteLater()
        ground.deleteLater()
