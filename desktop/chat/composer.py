"""Where one writes: the text, the files that go along, Send and Stop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLabel, QPlainTextEdit, QToolButton, QVBoxLayout, QWidget

from core.agents.attachments import Attachment
from core.agents.kit import ModelFacts
from core.cli.wording import size_text
from desktop.chat.attaching import files_in, picture_in, read_files, why_not
from desktop.chat.files_strip import icon_of
from desktop.chat.flow_row import FlowRow
from desktop.chat.source import ChatAround
from desktop.style import set_role

MOST_LINES: Final = 10


class MessageEdit(QPlainTextEdit):
    """The text. send_wanted: Enter. stop_wanted: Escape. edit_last_wanted: Up while it is empty. walk_wanted: Ctrl with
    an arrow, 1 or -1. files_given: paths that were pasted or dropped. picture_given: a pasted Attachment."""

    send_wanted = Signal()
    stop_wanted = Signal()
    edit_last_wanted = Signal()
    walk_wanted = Signal(int)
    files_given = Signal(list)
    picture_given = Signal(object)
    focus_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Message")
        self.setStyleSheet("QPlainTextEdit { background: transparent; border: none; padding: 0; }")
        self.document().setDocumentMargin(2)
        self.setTabChangesFocus(True)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.textChanged.connect(self._grow)
        self._grow()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter sends, Shift+Enter makes a line, Escape stops, Up edits the last message, Ctrl+arrows walk."""
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter if not shift:
                self.send_wanted.emit()
            case Qt.Key.Key_Escape:
                self.stop_wanted.emit()
            case Qt.Key.Key_Up | Qt.Key.Key_Down if control:
                self.walk_wanted.emit(-1 if event.key() == Qt.Key.Key_Up else 1)
            case Qt.Key.Key_Up if not self.toPlainText() and not shift:
                self.edit_last_wanted.emit()
            case _:
                super().keyPressEvent(event)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:  # noqa: N802 - Qt's name
        """Files and pictures can be pasted and dropped, and text."""
        return source.hasImage() or bool(files_in(source)) or super().canInsertFromMimeData(source)

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802 - Qt's name
        """Files and pictures go along; text is written."""
        if files := files_in(source):
            self.files_given.emit(files)
        elif not source.hasText() and (picture := picture_in(source)) is not None:
            self.picture_given.emit(picture)
        elif source.hasText():
            self.insertPlainText(source.text())

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """The frame around it shows the keyboard."""
        super().focusInEvent(event)
        self.focus_changed.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """The frame around it shows that the keyboard is elsewhere."""
        super().focusOutEvent(event)
        self.focus_changed.emit()

    def resizeEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Another width breaks lines elsewhere."""
        super().resizeEvent(event)  # type: ignore[arg-type] # a QResizeEvent
        self._grow()

    def _grow(self) -> None:
        lines = int(self.document().size().height())
        height = QFontMetrics(self.font()).lineSpacing()
        self.setFixedHeight(height * min(max(lines, 1), MOST_LINES) + 10)


class AttachmentChip(QWidget):
    """One file that goes along. removed: it shall not."""

    removed = Signal()

    def __init__(self, attachment: Attachment, around: ChatAround) -> None:
        super().__init__()
        self._around = around
        self.attachment = attachment
        self.setProperty("surface", "chip")
        theme = around.themes.theme
        picture = QLabel()
        picture.setPixmap(
            around.icons.pixmap(icon_of(attachment.media_type), theme.color("type.file"), 16, self.devicePixelRatioF())
        )
        name = QLabel(QFontMetrics(self.font()).elidedText(attachment.name, Qt.TextElideMode.ElideMiddle, 180))
        name.setTextFormat(Qt.TextFormat.PlainText)
        size = QLabel(size_text(len(attachment.data)))
        set_role(size, kind="caption")
        gone = QToolButton()
        gone.setIcon(around.icons.icon("x", theme, "text.muted", 14))
        gone.setIconSize(QSize(12, 12))
        gone.setAccessibleName(f"Do not send {attachment.name}")
        gone.setToolTip(f"Do not send {attachment.name}")
        gone.clicked.connect(self.removed)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 2, 2, 2)
        row.setSpacing(6)
        for each in (picture, name, size, gone):
            row.addWidget(each)
        self.setAccessibleName(f"Goes along: {attachment.name}")

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the ground."""
        theme = self._around.themes.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("border.subtle"), 1))
        painter.setBrush(theme.color("surface.hover"))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 6, 6)
        painter.end()


class Composer(QWidget):
    """sent: the text and the attachments. stopped: the answer shall stop. The rest as MessageEdit.

    edit_ended: a message that was edited is no longer.
    """

    sent = Signal(str, list)
    stopped = Signal()
    edit_ended = Signal()

    def __init__(self, around: ChatAround, foot: QWidget) -> None:
        super().__init__()
        self._around = around
        self.facts: ModelFacts | None = None
        self._answering = False
        self._editing = False
        self._draft = ""
        self.edit = MessageEdit()
        self.attachments: list[AttachmentChip] = []
        self.refusal = QLabel()
        self.refusal.setWordWrap(True)
        self.refusal.setTextFormat(Qt.TextFormat.PlainText)
        set_role(self.refusal, kind="error")
        self.refusal.hide()
        self.notice = QLabel("Editing a message. Escape leaves it as it was.")
        set_role(self.notice, kind="caption")
        self.notice.hide()
        self.chips = FlowRow(spacing=6)
        self.chips.hide()
        self.attach_button, self.send_button = QToolButton(), QToolButton()
        self.attach_button.setToolTip("Send files along. They can be dropped and pasted, too.")
        self.attach_button.setAccessibleName("Send files along")
        self.attach_button.clicked.connect(self._ask_files)
        self.send_button.clicked.connect(self._pressed)
        line = QHBoxLayout()
        line.setSpacing(8)
        line.addWidget(self.attach_button)
        line.addWidget(foot, 1)
        line.addWidget(self.send_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 8, 6)
        column.setSpacing(4)
        for each in (self.notice, self.refusal, self.chips, self.edit):
            column.addWidget(each)
        column.addLayout(line)
        self.setAcceptDrops(True)
        self.edit.send_wanted.connect(self._send)
        self.edit.stop_wanted.connect(self._escape)
        self.edit.files_given.connect(self.add_files)
        self.edit.picture_given.connect(lambda picture: self.add([picture]))
        self.edit.textChanged.connect(self._show_send)
        self.edit.focus_changed.connect(self.update)
        around.themes.changed.connect(lambda _: self._dress())
        self._dress()

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to send."""
        return not self.edit.toPlainText().strip() and not self.attachments

    def show_answering(self, answering: bool) -> None:
        """Whether an answer is being made: the button stops it then."""
        self._answering = answering
        self._dress()

    def show_hint(self, hint: str) -> None:
        """What stands there while nothing is written."""
        self.edit.setPlaceholderText(hint)

    def begin_edit(self, text: str) -> None:
        """Write on at a message that was sent; what was being written comes back afterwards."""
        if not self._editing:
            self._draft = self.edit.toPlainText()
        self._editing = True
        self.notice.show()
        self.edit.setPlainText(text)
        self.edit.moveCursor(self.edit.textCursor().MoveOperation.End)
        self.edit.setFocus()

    def end_edit(self) -> None:
        """Go back to what was being written."""
        if self._editing:
            self._editing = False
            self.notice.hide()
            self.edit.setPlainText(self._draft)
            self._draft = ""
            self.edit_ended.emit()

    def clear(self) -> None:
        """Nothing is written, nothing goes along."""
        self.edit.clear()
        self._editing = False
        self.notice.hide()
        for chip in list(self.attachments):
            self._remove(chip)
        self.refuse("")

    def add_files(self, paths: Sequence[Path]) -> None:
        """Read files, and send them along if they can be."""
        self._around.bridge.in_thread(lambda: read_files(paths), self._read)

    def add(self, attachments: Sequence[Attachment], troubles: Sequence[str] = ()) -> None:
        """Send files along; those that cannot be are refused with the reason."""
        refused = list(troubles)
        for each in attachments:
            if reason := why_not(each, self.facts):
                refused.append(reason)
                continue
            chip = AttachmentChip(each, self._around)
            chip.removed.connect(lambda chip=chip: self._remove(chip))
            self.attachments.append(chip)
            self.chips.add(chip)
        self.chips.setVisible(bool(self.attachments))
        self.refuse("\n".join(refused))
        self._show_send()

    def refuse(self, reason: str) -> None:
        """Say what cannot be sent, and why."""
        self.refusal.setText(reason)
        self.refusal.setVisible(bool(reason))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the frame of the field."""
        theme = self._around.themes.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focused = self.edit.hasFocus()
        painter.setPen(QPen(theme.color("focus" if focused else "border.control"), 2 if focused else 1))
        painter.setBrush(theme.color("surface.input"))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 10, 10)
        painter.end()

    def dragEnterEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Files and pictures may be dropped anywhere on it."""
        mime = event.mimeData()  # type: ignore[attr-defined] # a QDragEnterEvent
        if files_in(mime) or mime.hasImage():
            event.acceptProposedAction()  # type: ignore[attr-defined] # the same

    def dropEvent(self, event: object) -> None:  # noqa: N802 - Qt's name
        """Send along what was dropped."""
        self.take(event.mimeData())  # type: ignore[attr-defined] # a QDropEvent
        event.acceptProposedAction()  # type: ignore[attr-defined] # the same

    def take(self, mime: QMimeData) -> None:
        """Send along the files or the picture in something dropped."""
        if files := files_in(mime):
            self.add_files(files)
        elif (picture := picture_in(mime)) is not None:
            self.add([picture])

    def _read(self, read: tuple[list[Attachment], list[str]]) -> None:
        self.add(*read)

    def _remove(self, chip: AttachmentChip) -> None:
        self.attachments.remove(chip)
        self.chips.remove(chip)
        self.chips.setVisible(bool(self.attachments))
        self._show_send()

    def _pressed(self) -> None:
        if self._answering:
            self.stopped.emit()
        else:
            self._send()

    def _send(self) -> None:
        if self._answering or self.is_empty:
            return
        self.sent.emit(self.edit.toPlainText().strip(), [chip.attachment for chip in self.attachments])

    def _escape(self) -> None:
        if self._editing:
            self.end_edit()
        elif self._answering:
            self.stopped.emit()

    def _ask_files(self) -> None:
        dialog = QFileDialog(self, "Send files along")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: self.add_files([Path(name) for name in names]))
        dialog.open()

    def _show_send(self) -> None:
        self.send_button.setEnabled(self._answering or not self.is_empty)

    def _dress(self) -> None:
        icons, theme = self._around.icons, self._around.themes.theme
        self.attach_button.setIcon(icons.icon("paperclip", theme))
        self.send_button.setIcon(icons.icon("square" if self._answering else "send", theme, "accent.on"))
        self.send_button.setProperty("role", "send")
        what = "Stop the answer  Esc" if self._answering else "Send  Enter"
        self.send_button.setToolTip(what)
        self.send_button.setAccessibleName(what.partition("  ")[0])
        self._show_send()
        self.update()
