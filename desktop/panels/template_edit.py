"""The editor of a template: its marks in colour, completion after `{{`, wrong references underlined."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QFocusEvent, QHelpEvent, QHideEvent, QKeyEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextEdit, QToolTip, QWidget
from shiboken6 import isValid

from desktop.panels.completion import Flaw, Suggestion
from desktop.panels.completion_popup import CompletionPopup
from desktop.panels.highlight import TemplateHighlighter
from desktop.panels.last_run import Preview
from desktop.panels.positions import from_qt, to_qt
from desktop.panels.template_text import OpenPlace, open_place
from desktop.panels.text_edit import TextEdit
from desktop.theme import Theme

LONGEST: Final = 50_000
"""Characters of a template whose wrong references are underlined; a longer one would hold up the window for seconds.

The list of problems names those of longer ones, too.
"""


class TemplateSource(Protocol):
    """What is known where templates stand. secrets: the field may read them; inside: it reads the loop's inside."""

    def suggestions(self, typed: OpenPlace, *, secrets: bool, inside: bool) -> Sequence[Suggestion]:
        """What can stand where something is being typed."""

    def flaws(self, text: str, *, secrets: bool, inside: bool) -> Sequence[Flaw]:
        """The wrong references of a template."""

    def previewer(self, text: str) -> Callable[[], Preview | None] | None:
        """What tells, in a thread, what the template became in the last run; None if there was none."""


class TemplateEdit(TextEdit):
    """An editor of text that may hold templates.

    flaws_changed: the wrong references in it (a list of Flaw), whenever they may have changed.
    """

    flaws_changed = Signal(object)

    def __init__(
        self,
        theme: Theme,
        source: TemplateSource,
        *,
        secrets: bool = False,
        inside: bool = False,
        least: int = 1,
        most: int = 6,
        mono: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(theme, least=least, most=most, mono=mono, parent=parent)
        self._theme = theme
        self._source = source
        self._secrets, self._inside = secrets, inside
        self._popup: CompletionPopup | None = None
        self._flaws: Sequence[Flaw] = ()
        self._highlighter = TemplateHighlighter(self.document(), theme)
        self.edited.connect(lambda _text: self._edited())

    @property
    def flaws(self) -> Sequence[Flaw]:
        """The wrong references in it."""
        return self._flaws

    @property
    def popup(self) -> CompletionPopup | None:
        """The open list of suggestions."""
        return self._popup if self._popup is not None and self._popup.isVisible() else None

    def check(self) -> None:
        """Look for wrong references again."""
        if not isValid(self):  # a check that was asked for just before the form was taken apart
            return
        text = self.toPlainText()
        is_read = "{" in text and len(text) <= LONGEST
        self._flaws = self._source.flaws(text, secrets=self._secrets, inside=self._inside) if is_read else ()
        shown = []
        for flaw in self._flaws:
            selection = QTextEdit.ExtraSelection()
            selection.cursor = self._cursor(flaw.start, flaw.end)
            selection.format = self._underline()
            shown.append(selection)
        self.setExtraSelections(shown)
        self.flaws_changed.emit(list(self._flaws))

    def mend(self, flaw: Flaw) -> None:
        """Put the nearest right reference in place of a wrong one."""
        if flaw in self._flaws and flaw.replacement:
            self._cursor(flaw.start, flaw.end).insertText(flaw.replacement)
            self.check()

    def complete(self) -> None:
        """Offer what can be put in at the cursor; outside of marks, a whole `{{ … }}`."""
        at = self._at()
        self._offer(open_place(self.toPlainText(), at) or OpenPlace(at, ""))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Walk through the open suggestions, or type."""
        popup = self.popup
        if event.key() == Qt.Key.Key_Space and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.complete()
            return
        if popup is not None and self._steers(popup, event.key()):
            return
        super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """Keep Tab and Esc for the open suggestions, and explain a wrong reference under the pointer."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self.popup is not None:
            if event.key() in (Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                event.accept()
                return True
        elif event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Tab:
            popup = self.popup
            if popup is not None and self._steers(popup, Qt.Key.Key_Tab):
                return True
        return super().event(event)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Explain a wrong reference under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            at = from_qt(self.toPlainText(), self.cursorForPosition(event.pos()).position())
            flaw = next((one for one in self._flaws if one.start <= at <= one.end), None)
            if flaw is not None:
                QToolTip.showText(event.globalPos(), flaw.problem.words, self)
                return True
        return super().viewportEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802 - Qt's name
        """Close the suggestions."""
        self._close_popup()
        super().focusOutEvent(event)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Close the suggestions."""
        self._close_popup()
        super().hideEvent(event)

    def _steers(self, popup: CompletionPopup, key: int) -> bool:
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 7, Qt.Key.Key_PageUp: -7}
        for each, rows in steps.items():
            if key == each:
                popup.step(rows)
                return True
        if key == Qt.Key.Key_Escape:
            self._close_popup()
            return True
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Tab) and popup.current is not None:
            self._put_in(popup.current)
            return True
        return False

    def _edited(self) -> None:
        # The cursor has moved on only after the text has changed.
        place = open_place(self.toPlainText(), self._at()) if self.hasFocus() else None
        if place is not None:
            self._offer(place)
        else:
            self._close_popup()

    def _offer(self, place: OpenPlace) -> None:
        items = self._source.suggestions(place, secrets=self._secrets, inside=self._inside)
        if not items or [item.text for item in items] == [place.typed]:
            self._close_popup()
            return
        if self._popup is None:
            self._popup = CompletionPopup(self._theme, self)
            self._popup.chosen.connect(self._put_in)
        begin = self._cursor(place.start, place.start)
        rect = self.cursorRect(begin)
        self._popup.offer(items, QRect(self.viewport().mapToGlobal(rect.topLeft()), rect.size()))

    def _put_in(self, item: Suggestion) -> None:
        text = self.toPlainText()
        at = self._at()
        place = open_place(text, at)
        self._close_popup()
        if place is None:
            self.textCursor().insertText(f"{{{{ {item.text} }}}}")
        else:
            lead = "" if place.is_filter or text[: place.start].endswith(" ") else " "
            rest = text[at:]
            closes, opens = rest.find("}}"), rest.find("{{")
            in_statement = text.rfind("{%", 0, at) > text.rfind("{{", 0, at)
            is_closed = in_statement or (closes >= 0 and (opens < 0 or closes < opens))
            cursor = self._cursor(place.start, at)
            cursor.insertText(lead + item.text + ("" if is_closed else " }}"))
        self._close_popup()
        self.check()

    def _close_popup(self) -> None:
        if self._popup is not None:
            self._popup.hide()

    def _cursor(self, start: int, end: int) -> QTextCursor:
        text = self.toPlainText()
        cursor = self.textCursor()
        cursor.setPosition(to_qt(text, start))
        cursor.setPosition(to_qt(text, end), QTextCursor.MoveMode.KeepAnchor)
        return cursor

    def _at(self) -> int:
        return from_qt(self.toPlainText(), self.textCursor().position())

    def _underline(self) -> QTextCharFormat:
        line = QTextCharFormat()
        line.setUnderlineStyle(QTextCharFormat.UnderlineStyle.WaveUnderline)
        line.setUnderlineColor(self._theme.color("state.failed"))
        return line
