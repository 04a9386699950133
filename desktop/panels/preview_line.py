"""The line under a template that shows what it became in the last run; a click opens all of it."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget
from shiboken6 import isValid

from core.workflow.template_texts import has_marks
from desktop.panels.background import Surroundings
from desktop.panels.last_run import Preview
from desktop.panels.template_edit import TemplateSource
from desktop.style import set_role

MOST: Final = 1_200
"""Characters that are shown when it is open."""


class PreviewLine(QLabel):
    """What a template became in the last run, in one line or, once clicked, whole; hidden where there is nothing."""

    def __init__(self, around: Surroundings, source: TemplateSource, parent: QWidget) -> None:
        super().__init__(parent)
        self._background = around.background
        self._source = source
        self._asked = ""
        self._whole = ""
        self._line = ""
        self.is_open = False
        self.setFont(around.themes.theme.font("mono"))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setContentsMargins(8, 0, 0, 0)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        set_role(self, kind="muted")
        self.hide()

    def ask(self, text: str) -> None:
        """Fill the template in, beside the painting, and show what came out."""
        self._asked = text
        fill = self._source.previewer(text) if has_marks(text) else None
        if fill is None:
            self.hide()
            return
        self._background.in_thread(fill, partial(self._show, text), lambda _error: None)

    def toggle(self) -> None:
        """Show all of it, or one line again."""
        self.is_open = not self.is_open
        self._lay_out()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Cut the line to its new width."""
        if not self.is_open:
            self._lay_out()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        """Open or close it, unless a text was selected in it."""
        super().mouseReleaseEvent(event)
        if event.button() == Qt.MouseButton.LeftButton and not self.hasSelectedText():
            self.toggle()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Open or close it by Enter or Space."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space):
            self.toggle()
        else:
            super().keyPressEvent(event)

    def _show(self, text: str, made: Preview | None) -> None:
        if not isValid(self) or text != self._asked:
            return
        self.setVisible(made is not None)
        if made is not None:
            words = " ".join((made.problem or made.text).split())
            self._line = f"no value: {words}" if made.problem else f"= {words}" if words else "= (empty)"
            self._whole = self._line if made.problem or not words else made.text
            self.setToolTip("What this became in the last run. Click to see all of it, or one line.")
            self.setAccessibleName(f"In the last run: {words}")
            self._lay_out()

    def _lay_out(self) -> None:
        self.setWordWrap(self.is_open)
        if self.is_open:
            self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            self.setText(self._whole if len(self._whole) <= MOST else f"{self._whole[:MOST]}…")
            self.setCursor(Qt.CursorShape.IBeamCursor)
        else:
            self.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
            self.setCursor(Qt.CursorShape.PointingHandCursor)
            width = self.width() - 10
            self.setText(self.fontMetrics().elidedText(self._line, Qt.TextElideMode.ElideRight, max(width, 40)))
