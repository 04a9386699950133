"""Files that go along with a message: by drop, paste and button; what cannot be sent is refused with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QColor, QGuiApplication, QImage

from core.agents.attachments import Attachment
from core.agents.kit import ModelFacts
from desktop.chat.attaching import named, read_files, why_not
from desktop.chat.wording import attached
from tests.support.agent_rig import AgentRig
from tests.support.chat_screen import ChatScreen, chat_screen, click
from tests.support.desktop_drop import drop_files
from tests.support.desktop_program import until
from tests.support.pictures import png

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

BLIND = ModelFacts("blind/one", inputs=("text",))
SEEING = ModelFacts("seeing/one", inputs=("text", "image"))


async def blind(model: str) -> ModelFacts:
    return BLIND


def picture(side: int = 8) -> QImage:
    made = QImage(side, side, QImage.Format.Format_RGB32)
    made.fill(QColor("red"))
    return made


@pytest.mark.parametrize(
    ("attachment", "facts", "reason"),
    [
        (named(b"hello", "a.txt"), BLIND, ""),
        (named(b"%PDF-1.7 x", "a.pdf"), BLIND, ""),
        (named(png(8, 8), "a.png"), SEEING, ""),
        (named(png(8, 8), "a.png"), None, ""),
        (named(png(8, 8), "a.png"), BLIND, "blind/one cannot see pictures, so a.png stays here."),
        (named(b"\x00\x01\x02", "a.bin"), SEEING, "a.bin is application/octet-stream. Text, pictures and PDF"),
        (named(b"PK\x03\x04\x00", "a.zip"), SEEING, "a.zip is application/zip."),
        (named(b"", "a.txt"), SEEING, "a.txt is empty."),
        (Attachment(b"x" * 50_000_001, "big.txt", "text/plain"), SEEING, "at most"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(
    attachment: Attachment, facts: ModelFacts | None, reason: str
) -> None:
    said = why_not(attachment, facts)
    assert reason in said
    assert bool(said) == bool(reason)


def test_text_is_known_by_being_text() -> None:
    assert named("grün".encode(), "notes.weird").media_type == "text/plain"
    assert named(b"def f(): pass", "tool.loom").media_type == "text/plain"


def test_folders_and_files_that_are_gone_are_told_by_name(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "good.txt").write_text("yes")
    found, troubles = read_files([tmp_path / "folder", tmp_path / "gone.txt", tmp_path / "good.txt"])
    assert [each.name for each in found] == ["good.txt"]
    assert troubles[0] == "folder is a folder. Send the files in it."
    assert troubles[1].startswith("gone.txt cannot be read: ")


async def begun(screen: ChatScreen) -> None:
    await screen.begin()
    await until(lambda: screen.view.composer.facts is not None)


async def test_a_dropped_file_goes_along_and_is_shown_with_the_message(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("the notice is 30 days")
    rig = AgentRig("Thirty days.")
    async with chat_screen(rig) as screen:
        await begun(screen)
        drop_files(screen.view.composer, [file])
        await until(lambda: len(screen.view.composer.attachments) == 1)
        await screen.say("How long?")
        assert screen.view.composer.attachments == []
        message = screen.view.talk.message(0)
        assert message is not None
        assert [part["name"] for part in attached(message)] == ["notes.txt"]
        assert "the notice is 30 days" in str(rig.sent())


async def test_a_file_can_be_sent_without_a_word(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("x")
    async with chat_screen(AgentRig("I read it.")) as screen:
        await begun(screen)
        screen.view.composer.add_files([file])
        await until(lambda: len(screen.view.composer.attachments) == 1)
        click(screen.view.composer.send_button)
        await screen.over()
        assert screen.texts == ["", "I read it."]


async def test_a_pasted_picture_goes_along_and_is_painted_in_the_message() -> None:
    rig = AgentRig("Red.")
    async with chat_screen(rig) as screen:
        await begun(screen)
        QGuiApplication.clipboard().setImage(picture())
        screen.view.focus()
        screen.press(Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        assert [chip.attachment.name for chip in screen.view.composer.attachments] == ["pasted.png"]
        await screen.say("Which colour?")
        message = screen.view.talk.message(0)
        assert message is not None
        row = screen.view.transcript.row_of(0)
        assert row is not None
        row.grab()
        (part,) = attached(message)
        await until(lambda: screen.view.pictures.get(str(part["blob"])) is not None)


async def test_a_model_that_cannot_see_refuses_a_picture_and_says_so() -> None:
    rig = AgentRig(look_up=blind)
    async with chat_screen(rig) as screen:
        await begun(screen)
        mime = QMimeData()
        mime.setImageData(picture())
        screen.view.composer.take(mime)
        assert screen.view.composer.attachments == []
        assert screen.view.composer.refusal.isVisible()
        assert screen.view.composer.refusal.text().startswith("blind/one cannot see pictures")


async def test_an_attachment_is_taken_back_by_its_cross(tmp_path: Path) -> None:
    async with chat_screen(AgentRig()) as screen:
        await begun(screen)
        screen.view.composer.add([named(b"x", "a.txt"), named(b"y", "b.txt")])
        from PySide6.QtWidgets import QToolButton

        button = screen.view.composer.attachments[0].findChild(QToolButton)
        assert button is not None
        assert button.accessibleName() == "Do not send a.txt"
        click(button)
        assert [chip.attachment.name for chip in screen.view.composer.attachments] == ["b.txt"]


async def test_pasted_text_keeps_its_form_without_its_look() -> None:
    async with chat_screen(AgentRig()) as screen:
        await begun(screen)
        mime = QMimeData()
        mime.setHtml("<b>bold</b>")
        mime.setText("bold")
        QGuiApplication.clipboard().setMimeData(mime)
        screen.view.focus()
        screen.press(Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        assert screen.view.composer.edit.toPlainText() == "bold"


async def test_pasted_files_go_along(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text("x")
    async with chat_screen(AgentRig()) as screen:
        await begun(screen)
        mime = QMimeData()
        mime.setUrls([QUrl.fromLocalFile(str(file))])
        QGuiApplication.clipboard().setMimeData(mime)
        screen.view.focus()
        screen.press(Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)
        await until(lambda: len(screen.view.composer.attachments) == 1)
