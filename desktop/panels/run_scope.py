"""Which runs a history lists, if not those of the workflow in front, and the chip that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from core.engine.journal import Journal, RunRecord, RunStanding
from desktop.icons import Icons
from desktop.theme import Theme, ThemeManager

_WIDEST: Final = 420
"""Logical pixels of the chip's words, at most."""

_NARROWEST: Final = 110
_AROUND: Final = 44
"""Logical pixels of the chip at least, and of all that is around its words."""


@dataclass(frozen=True, slots=True)
class RunScope:
    """Runs that were started in a span of time. workflow: '' for all. status: how they stand, '' for any.

    title: says all of that to a person.
    """

    since: datetime
    until: datetime
    workflow: str = ""
    status: RunStanding | None = None
    title: str = ""

    async def read(self, journal: Journal, limit: int) -> Sequence[RunRecord]:
        """The newest of these runs. Runs that nobody executes any more are among those that run, as they say so."""
        standings: list[RunStanding | None] = [self.status]
        if self.status == "running":
            standings.append("interrupted")
        found: list[RunRecord] = []
        for standing in standings:
            found += await journal.runs(
                status=standing, workflow=self.workflow or None, since=self.since, until=self.until, limit=limit
            )
        return sorted(found, key=lambda run: (run.created, run.id), reverse=True)[:limit]


class ScopeChip(QWidget):
    """Says which runs are listed. cleared: the person wants the usual ones again."""

    cleared = Signal()

    def __init__(self, themes: ThemeManager, icons: Icons) -> None:
        super().__init__()
        self._themes, self._icons = themes, icons
        self.said = ""
        self._words = QLabel()
        self._words.setTextFormat(Qt.TextFormat.PlainText)
        self.clear = QToolButton()
        self.clear.setIconSize(QSize(12, 12))
        self.clear.setAccessibleName("List the runs of the workflow in front again")
        self.clear.setToolTip("List the runs of the workflow in front again (Esc)")
        self.clear.clicked.connect(lambda _checked=False: self.cleared.emit())
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 2, 2, 2)
        row.setSpacing(6)
        row.addWidget(self._words)
        row.addWidget(self.clear)
        themes.changed.connect(self._dress)
        self._dress(themes.theme)

    def say(self, text: str) -> None:
        """Say which runs those are."""
        self.said = text
        self.setAccessibleName(f"Listed: {text}")
        self.setToolTip(text)
        self.setMaximumWidth(self.sizeHint().width())
        self.updateGeometry()
        self._fit()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for all that is said."""
        words = min(_WIDEST, QFontMetrics(self._words.font()).horizontalAdvance(self.said) + 4)
        return QSize(words + _AROUND, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """Room for its beginning: the panel must not press its neighbours for it."""
        return QSize(_NARROWEST, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """As much as there is room for."""
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = max(0, self.width() - _AROUND)
        shown = QFontMetrics(self._words.font()).elidedText(self.said, Qt.TextElideMode.ElideRight, room)
        if shown != self._words.text():
            self._words.setText(shown)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the ground."""
        theme = self._themes.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme.color("accent"), 1))
        painter.setBrush(theme.color("accent", 0.14))
        radius = theme.px("radius.control")
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), radius, radius)

    def _dress(self, theme: Theme) -> None:
        self.clear.setIcon(self._icons.icon("x", theme, "text.secondary", 12))
        self.update()
