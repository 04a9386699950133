"""Pictures and other files of messages, and what a model thought: shown, opened large, folded, found again."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QGuiApplication, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog

from core.agents.attachments import Attachment
from core.agents.made_files import MadeFile, keep
from core.engine.services import ChatAnswer, ChatImage, ImageAnswer
from core.engine.testing_models import ScriptedModels
from core.store.conversation_records import FILES, FunctionCall, StoredMessage
from core.workflow.model import Step, Workflow
from desktop.chat.file_window import FileWindow
from desktop.chat.files_box import FilesBox
from desktop.chat.files_strip import LARGE, SMALL
from desktop.chat.link_card import LinkCard
from desktop.chat.message_row import MessageRow
from desktop.chat.pictures import small_picture
from desktop.dialogs.approval import ApprovalCard
from desktop.panels.file_view import decode
from tests.core.agents.test_made_files import Thinks, draws, painter
from tests.support.agent_rig import SPENT, AgentRig
from tests.support.chat_screen import ChatScreen, chat_screen, click
from tests.support.desktop import move_mouse
from tests.support.desktop_program import until
from tests.support.pictures import png

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


def row_at(screen: ChatScreen, index: int) -> MessageRow:
    row = screen.view.transcript.row_of(index)
    assert row is not None
    return row


def place(row: MessageRow, index: int = 0) -> QPoint:
    """The middle of a file of the row."""
    strip = row._files if index < row._files.count else row._made
    at = index if strip is row._files else index - row._files.count
    return strip.place_of(at).center().toPoint()


async def opened(screen: ChatScreen) -> FileWindow:
    await until(lambda: bool(windows(screen)))
    return windows(screen)[0]


def windows(screen: ChatScreen) -> list[FileWindow]:
    return [each for each in screen.view.findChildren(FileWindow) if each.isVisible()]


async def test_a_picture_of_the_model_stands_in_the_answer_as_large_as_it_is() -> None:
    rig = AgentRig(draws("Here.", png(160, 80), png(2000, 1000)), look_up=painter)
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("Draw")
        row = row_at(screen, 1)
        row.grab()
        await until(lambda: screen.view.pictures.known(row.shown.message.blobs[1]) is not None)
        screen.view.transcript.place()
        assert row.accessibleName() == "Ada: Here., 2 files"
        first, second = row._files.place_of(0), row._files.place_of(1)
        assert (first.width(), first.height()) == (160, 80)
        assert (second.width(), second.height()) == (LARGE.width(), LARGE.width() / 2)
        assert row.grab().toImage().pixelColor(place(row)) == QColor("#4463E4")


async def test_a_click_opens_a_picture_large_and_the_arrows_lead_to_the_next() -> None:
    rig = AgentRig(draws("", png(300, 200), png(200, 300, "#157A3C")), look_up=painter)
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("Draw")
        row = row_at(screen, 1)
        click(row, place(row))
        window = await opened(screen)
        picture = window.view.picture
        await until(lambda: picture.image is not None)
        assert window.windowTitle() == "picture-1.png"
        assert "300 x 200 pixels" in window.view.about.text()
        QTest.keyClick(window, Qt.Key.Key_Right)
        await until(lambda: "200 x 300 pixels" in window.view.about.text())
        assert window.windowTitle() == "picture-2.png"
        QTest.keyClick(window, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
        assert QGuiApplication.clipboard().image().pixelColor(5, 5) == QColor("#157A3C")
        QTest.keyClick(window, Qt.Key.Key_Escape)
        await until(lambda: not windows(screen))


async def test_an_attached_picture_opens_large_too_and_is_saved(tmp_path: Path) -> None:
    data = png(900, 600)
    rig = AgentRig("I see.")
    async with chat_screen(rig) as screen:
        held = await rig.conversation()
        await rig.finish(rig.chat.send(held.id, "Look", [Attachment(data, "cat.png"), Attachment(b"a,b", "t.csv")]))
        await screen.open(held.id)
        row = row_at(screen, 0)
        row.grab()
        await until(lambda: screen.view.pictures.known(row.shown.message.blobs[0]) is not None)
        screen.view.transcript.place()
        assert row._files.place_of(0).height() <= SMALL.height()
        screen.view.transcript.make_current(0)
        screen.press_on_row(Qt.Key.Key_O)
        window = await opened(screen)
        await until(lambda: window.view.picture.image is not None)
        QTest.keyClick(window, Qt.Key.Key_S, Qt.KeyboardModifier.ControlModifier)
        (dialog,) = window.findChildren(QFileDialog)
        dialog.fileSelected.emit(str(tmp_path / "out.png"))
        await until(lambda: (tmp_path / "out.png").exists() and (tmp_path / "out.png").read_bytes() == data)
        dialog.close()
        window.activateWindow()
        await until(window.isActiveWindow)
        QTest.keyClick(window, Qt.Key.Key_Right)
        await until(lambda: window.view.text.shown == "a,b")
        window.view.copy_button.click()
        assert QGuiApplication.clipboard().text() == "a,b"


async def test_files_of_a_call_stand_below_its_card() -> None:
    rig = AgentRig()
    held = await rig.conversation()
    log = await rig.conversations.write(held.id)
    await log.add(StoredMessage(0, None, "user", "Draw", {"role": "user", "content": "Draw"}))
    files = await keep([MadeFile(png(60, 60), "image/png", "icon.png")], rig.blobs)
    now = rig.clock.now()
    call = FunctionCall(
        "c", "w", "draw", arguments={}, status="completed", result="ok", state={FILES: list(files)}, started=now,
        ended=now,
    )  # fmt: skip
    await log.add(StoredMessage(0, None, "assistant", "", {"role": "assistant"}, agent="Ada"), calls=[call])
    await log.add(StoredMessage(0, None, "tool", "ok", {"role": "tool", "content": "ok"}))
    await log.add(StoredMessage(0, None, "assistant", "Done.", {"role": "assistant", "content": "Done."}, agent="Ada"))
    await log.close()
    async with chat_screen(rig) as screen:
        await screen.open(held.id)
        row = row_at(screen, 1)
        assert place(row).y() > row.cards["c"].geometry().bottom()
        click(row, place(row))
        window = await opened(screen)
        await until(lambda: window.view.picture.image is not None)


async def test_a_picture_elsewhere_is_not_loaded_but_says_where_it_is() -> None:
    answer = draws("Look.", png(10, 10))
    answer.message["images"] = [{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]
    async with chat_screen(AgentRig(answer, look_up=painter)) as screen:
        await screen.begin()
        await screen.say("Draw")
        row = row_at(screen, 1)
        index = row._files.count - 1
        click(row, place(row, index))
        (card,) = screen.view.findChildren(LinkCard)
        assert card.address == "https://example.org/a.png"
        assert not windows(screen)
        card.put_away()


async def test_a_picture_that_is_gone_says_so_and_loses_nothing_else() -> None:
    rig = AgentRig(draws("Here.", png(30, 30)), look_up=painter)
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("Draw")
        held = screen.view.talk.conversation
        assert held is not None
    rig.blobs._data.clear()
    async with chat_screen(rig) as screen:
        await screen.open(held.id)
        row = row_at(screen, 1)
        row.grab()
        await until(lambda: screen.view.pictures.is_lost(row.shown.message.blobs[0]))
        screen.view.transcript.place()
        assert row._files.place_of(0).height() == 40
        click(row, place(row))
        window = await opened(screen)
        await until(lambda: "no file" in window.view.picture.text)


# -- what it thought ---------------------------------------------------------------------------------------------------


async def test_what_the_model_thought_is_folded_above_the_answer_also_when_it_is_opened_again() -> None:
    answer = ChatAnswer(
        "Four.", {"role": "assistant", "content": "Four."}, "m", reasoning="Two and **two**.\n\nThat is four.",
        usage=SPENT,
    )  # fmt: skip
    rig = AgentRig(answer)
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("2 + 2?")
        held = screen.view.talk.conversation
        assert held is not None
    async with chat_screen(rig) as screen:
        await screen.open(held.id)
        row = row_at(screen, 1)
        fold = row.thought
        assert fold is not None
        assert fold.accessibleName() == "What it thought, 6 words, folded"
        before = row.height()
        click(fold, QPoint(60, 12))
        assert fold.is_open
        assert row.height() > before + 30
        screen.view.transcript.make_current(1)
        screen.press_on_row(Qt.Key.Key_T)
        assert row.height() == before
        fold.setFocus()
        QTest.keyClick(fold, Qt.Key.Key_Space)
        assert fold.is_open
        assert row.text_picked() == ""
        screen.press_on_row(Qt.Key.Key_C)
        assert QGuiApplication.clipboard().text() == "Four."


async def test_thinking_can_be_watched_while_it_goes_on_and_stays_when_it_is_stopped() -> None:
    thinks = Thinks()
    rig = AgentRig(models=thinks)
    async with chat_screen(rig) as screen:
        await screen.begin()
        screen.write("3 + 3?")
        screen.press(Qt.Key.Key_Return)
        await thinks.began.wait()
        await until(lambda: screen.view.transcript.live_row is not None)
        await until(lambda: getattr(screen.view.transcript.live_row, "thought", None) is not None)
        live = screen.view.transcript.live_row
        assert live is not None
        assert live.thought is not None
        await until(lambda: live.thought is not None and live.thought.text == "Let me see.")
        assert live.thought.accessibleName() == "Thinking, 3 words so far, folded"
        live.thought.set_open(True)
        assert live.thought.height() > 28
        screen.press(Qt.Key.Key_Escape)
        await screen.over()
        fold = row_at(screen, 1).thought
        assert fold is not None
        assert fold.text == "Let me see."


async def test_an_answer_without_thoughts_has_no_fold() -> None:
    async with chat_screen(AgentRig("Hello.")) as screen:
        await screen.begin()
        await screen.say("Hi")
        assert row_at(screen, 1).thought is None


SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="/etc/hostname"/></svg>'


def test_only_pictures_that_can_name_no_other_files_are_shown() -> None:
    assert small_picture(SVG).isNull()
    assert decode(SVG)[0].isNull()
    assert not small_picture(png(9, 9)).isNull()


async def test_a_huge_picture_is_shown_smaller_and_copied_whole() -> None:
    rig = AgentRig(draws("", png(3000, 30)), look_up=painter)
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("Draw")
        row = row_at(screen, 1)
        click(row, place(row))
        window = await opened(screen)
        await until(lambda: window.view.picture.image is not None)
        assert window.view.picture.image is not None
        assert window.view.picture.image.width() == 2048
        window.view.copy_button.click()
        await until(lambda: QGuiApplication.clipboard().image().width() == 3000)


async def test_a_question_about_a_picture_shows_the_picture() -> None:
    asks = Workflow(
        "Asks",
        inputs={"message": {"type": "string"}},
        steps={
            "draw": Step("draw", "image", config={"prompt": "{{ input.message }}"}, then={"out": ("ask",)}),
            "ask": Step("ask", "approval", config={"message": "Keep this picture?", "choices": ["keep", "discard"]}),
        },
        outputs={"answer": "{{ ask.choice }}"},
    )
    picture = ImageAnswer((ChatImage(png(320, 200, "#157A3C"), "image/png"),), "painter", usage=SPENT)
    rig = AgentRig(workflows=[asks], models=ScriptedModels(picture, usage=SPENT))
    async with chat_screen(rig) as screen:
        screen.view.begin(workflow="Asks")
        await until(lambda: screen.view.composer.isEnabled())
        await screen.say("A cat")
        await until(lambda: bool(screen.view.tail.findChildren(FilesBox)))
        (box,) = screen.view.tail.findChildren(FilesBox)
        screen.view.transcript.place()
        await until(lambda: box.height() == 200)
        (card,) = screen.view.tail.cards
        assert isinstance(card, ApprovalCard)
        assert card.comment is not None
        assert box.geometry().bottom() < card.comment.geometry().top()
        click(box, QPoint(20, 20))
        window = await opened(screen)
        await until(lambda: window.view.picture.image is not None)
        window.close()
        click(card.buttons[0])
        await screen.over()
        assert screen.texts == ["A cat", "keep"]


async def test_a_large_picture_is_zoomed_by_wheel_and_keys_and_moved() -> None:
    rig = AgentRig(draws("", png(1600, 1200)), look_up=painter)
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("Draw")
        row = row_at(screen, 1)
        click(row, place(row))
        window = await opened(screen)
        picture = window.view.picture
        await until(lambda: picture.image is not None)
        whole = picture._area()
        assert picture.rect().toRectF().contains(whole.adjusted(1, 1, -1, -1))
        QTest.keyClick(picture, Qt.Key.Key_1)
        assert (picture.scale, picture._area().width()) == (1.0, 1600)
        middle = picture._area().center()
        QTest.mousePress(picture, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(300, 200))
        move_mouse(picture, QPoint(260, 180), Qt.MouseButton.LeftButton)
        QTest.mouseRelease(picture, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(260, 180))
        moved = picture._area().center() - middle
        assert (round(moved.x()), round(moved.y())) == (-40, -20)
        at = QPointF(100, 100)
        share = (at.x() - picture._area().x()) / picture._area().width()
        wheel = QWheelEvent(
            at, QPointF(picture.mapToGlobal(at.toPoint())), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(picture, wheel)
        assert (picture.scale, picture._area().width()) == (1.25, 2000)
        assert (at.x() - picture._area().x()) / picture._area().width() == pytest.approx(share)
        QTest.mouseDClick(picture, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(50, 50))
        assert picture._area() == whole
