"""Editors for text in a form: they grow with what is in them, leave undo to the document, and tell each change once."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QMimeData, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetricsF, QKeyEvent, QKeySequence, QPalette, QResizeEvent, QWheelEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QSizePolicy, QWidget

from desktop.theme import Theme

INSET: Final = 5
"""What brings the text to where a line editor has it, in logical pixels."""

FRAME: Final = 10
"""Height that an editor's border and padding take, in logical pixels."""


def is_undo(event: QEvent) -> bool:
    """Whether a key is that of undo or redo, which belongs to the document and not to one field."""
    if not isinstance(event, QKeyEvent):
        return False
    return event.matches(QKeySequence.StandardKey.Undo) or event.matches(QKeySequence.StandardKey.Redo)


class LineEdit(QLineEdit):
    """A line of text whose undo is the document's. left: the keyboard went elsewhere."""

    left = Signal()

    def event(self, event: QEvent) -> bool:
        """Leave the keys of undo to the window."""
        if event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress) and is_undo(event):
            event.ignore()
            return False
        return super().event(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Tell that the field was left."""
        super().focusOutEvent(event)
        self.left.emit()


class TextEdit(QPlainTextEdit):
    """A text that grows from `least` to `most` lines. Enter makes a new line only if there are several.

    edited: the text, after each change by the person. left: the keyboard went elsewhere.
    """

    edited = Signal(str)
    left = Signal()

    def __init__(
        self, theme: Theme, *, least: int = 1, most: int = 6, mono: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._least, self._most = least, most
        self._showing = False
        self.setFont(theme.font("mono" if mono else "body"))
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.document().setDocumentMargin(1)
        self.setViewportMargins(INSET, 0, 0, 0)
        palette = self.palette()
        palette.setColor(QPalette.ColorRole.PlaceholderText, theme.color("text.muted"))
        self.setPalette(palette)
        self.textChanged.connect(self._text_changed)
        self.document().documentLayout().documentSizeChanged.connect(lambda _size: self._fit())
        self._fit()

    @property
    def takes_lines(self) -> bool:
        """Whether Enter makes a new line."""
        return self._least > 1

    def show_text(self, text: str) -> None:
        """Show a text that did not come from this editor; the cursor stays where it can."""
        if text == self.toPlainText():
            return
        cursor = self.textCursor()
        at = min(cursor.position(), len(text))
        self._showing = True
        self.setPlainText(text)
        self._showing = False
        cursor = self.textCursor()
        cursor.setPosition(at)
        self.setTextCursor(cursor)

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as its lines."""
        return QSize(160, self._wanted_height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """As high as its lines, and narrow if need be."""
        return QSize(40, self._wanted_height())

    def event(self, event: QEvent) -> bool:
        """Leave the keys of undo to the window."""
        if event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress) and is_undo(event):
            event.ignore()
            return False
        return super().event(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Grow where lines are broken anew; the document does not tell of that."""
        super().resizeEvent(event)
        self._fit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Keep Enter from breaking a line where there is only one; with Shift it always breaks."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not self.takes_lines:
            if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
                self.insertPlainText("\n")
            else:
                event.ignore()
            return
        super().keyPressEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802 - Qt's name
        """Scroll the form when there is nothing to scroll here."""
        if self.verticalScrollBarPolicy() == Qt.ScrollBarPolicy.ScrollBarAlwaysOff or not self.hasFocus():
            event.ignore()
            return
        super().wheelEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Tell that the field was left."""
        super().focusOutEvent(event)
        self.left.emit()

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802 - Qt's name
        """Paste and drop text only."""
        if source.hasText():
            self.insertPlainText(source.text())

    def _text_changed(self) -> None:
        if not self._showing:
            self.edited.emit(self.toPlainText())

    def _wanted_height(self) -> int:
        lines = max(self._least, min(self._most, round(self.document().size().height())))
        return round(QFontMetricsF(self.font()).lineSpacing() * lines) + 2 + FRAME

    def _fit(self) -> None:
        overflows = round(self.document().size().height()) > self._most
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded if overflows else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        if policy != self.verticalScrollBarPolicy():
            self.setVerticalScrollBarPolicy(policy)
        height = self._wanted_height()
        if height != self.minimumHeight() or height != self.maximumHeight():
            self.setFixedHeight(height)
            self.updateGeometry()


class CodeEdit(TextEdit):
    """A text for code: equal widths, Tab indents, Enter keeps the indent. Esc, then Tab, leaves it by keyboard."""

    INDENT: Final = "    "

    def __init__(self, theme: Theme, *, least: int = 6, most: int = 24, parent: QWidget | None = None) -> None:
        super().__init__(theme, least=least, most=most, mono=True, parent=parent)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.setTabChangesFocus(False)
        self.setAccessibleDescription("Tab indents. Press Escape, then Tab, to leave.")

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Indent and keep the indent."""
        key = event.key()
        if key == Qt.Key.Key_Escape:
            self.setTabChangesFocus(True)
        elif key == Qt.Key.Key_Tab and not self.tabChangesFocus():
            self.insertPlainText(self.INDENT)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            line = self.textCursor().block().text()[: self.textCursor().positionInBlock()]
            indent = line[: len(line) - len(line.lstrip())]
            self.insertPlainText("\n" + indent + (self.INDENT if line.rstrip().endswith((":", "{", "[", "(")) else ""))
        else:
            super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Tab indents again when the editor is entered the next time."""
        super().focusOutEvent(event)
        self.setTabChangesFocus(False)
