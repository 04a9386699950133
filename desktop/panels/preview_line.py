"""The line under a template that shows what it became in the last run."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget
from shiboken6 import isValid

from core.workflow.template_texts import has_marks
from desktop.panels.background import Surroundings
from desktop.panels.last_run import Preview
from desktop.panels.template_edit import TemplateSource
from desktop.style import set_role


class PreviewLine(QLabel):
    """What a template became in the last run, in one line; hidden where there is nothing to tell."""

    def __init__(self, around: Surroundings, source: TemplateSource, parent: QWidget) -> None:
        super().__init__(parent)
        self._background = around.background
        self._source = source
        self._asked = ""
        self._whole = ""
        self.setFont(around.themes.theme.font("mono"))
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setContentsMargins(8, 0, 0, 0)
        set_role(self, kind="muted")
        self.hide()

    def ask(self, text: str) -> None:
        """Fill the template in, beside the painting, and show what came out."""
        self._asked = text
        fill = self._source.previewer(text) if has_marks(text) else None
        if fill is None:
            self.hide()
            return
        self._background.in_thread(fill, lambda made: self._show(text, made), lambda _error: None)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """Cut the line to its new width."""
        self._elide()

    def _show(self, text: str, made: Preview | None) -> None:
        if not isValid(self) or text != self._asked:
            return
        self.setVisible(made is not None)
        if made is not None:
            words = " ".join((made.problem or made.text).split())
            self._whole = f"no value: {words}" if made.problem else f"= {words}" if words else "= (empty)"
            self.setToolTip(made.problem or made.text[:1_000])
            self.setAccessibleName(f"In the last run: {words}")
            self._elide()

    def _elide(self) -> None:
        width = self.width() - 10
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, max(width, 40)))
