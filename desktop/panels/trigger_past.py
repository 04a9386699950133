"""The latest times of a trigger, each with what became of it; the run that it started is one click away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QPushButton, QSizePolicy, QWidget

from desktop.panels.background import Surroundings
from desktop.panels.trigger_standing import Came
from desktop.style import set_role

SHOWN: Final = 5
"""How many times are shown."""

_DOT: Final = 6


class PastTimes(QWidget):
    """Hidden while nothing has come yet. run_wanted: the id of a run that a person wants to look at."""

    run_wanted = Signal(str)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._around = around
        self._shown: tuple[Came, ...] = ()
        gap = around.themes.theme.px("space.2")
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(gap)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(2, 1)
        heading = _caption("Came last", self)
        grid.addWidget(heading, 0, 0, 1, 3)
        self._rows = [_Row(self) for _ in range(SHOWN)]
        for number, row in enumerate(self._rows, 1):
            row.place(grid, number)
            row.button.clicked.connect(lambda _, at=number - 1: self.run_wanted.emit(self._shown[at].run_id))
        self.hide()

    @property
    def texts(self) -> list[tuple[str, str]]:
        """When, and what became of it, as it is shown."""
        return [(row.when.text(), row.said) for row in self._rows[: len(self._shown)]]

    @property
    def buttons(self) -> list[QPushButton]:
        """Of the times that started a run which is still kept, the latest first."""
        return [row.button for row, one in zip(self._rows, self._shown, strict=False) if one.run_id]

    def show_times(self, came: Sequence[Came]) -> None:
        """Show these, the latest first."""
        self._shown = tuple(came[:SHOWN])
        theme = self._around.themes.theme
        for number, row in enumerate(self._rows):
            one = self._shown[number] if number < len(self._shown) else None
            row.show_time(one, theme.css(f"state.{one.tone}") if one is not None else "")
        self.setVisible(bool(self._shown))


class _Row:
    """One time: a dot, when it was, and what became of it."""

    def __init__(self, parent: QWidget) -> None:
        self.dot = QLabel(parent)
        self.dot.setFixedSize(_DOT, _DOT)
        self.when = _caption("", parent)
        self.label = _caption("", parent)
        self.label.setWordWrap(True)
        self.button = QPushButton(parent)
        self.button.setStyleSheet("QPushButton { padding: 0; text-align: left; }")  # in line with words without a run
        self.button.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        set_role(self.button, role="link")

    @property
    def said(self) -> str:
        """What became of it."""
        return self.button.text() or self.label.text()

    def place(self, grid: QGridLayout, number: int) -> None:
        """Put it into a line of the grid."""
        grid.addWidget(self.dot, number, 0, Qt.AlignmentFlag.AlignVCenter)
        grid.addWidget(self.when, number, 1)
        grid.addWidget(self.label, number, 2)
        grid.addWidget(self.button, number, 2, Qt.AlignmentFlag.AlignLeft)

    def show_time(self, came: Came | None, colour: str) -> None:
        """Show that time, or nothing."""
        has_run = came is not None and bool(came.run_id)
        for widget in (self.dot, self.when):
            widget.setVisible(came is not None)
        self.button.setVisible(has_run)
        self.label.setVisible(came is not None and not has_run)
        if came is None:
            return
        self.dot.setStyleSheet(f"background: {colour}; border-radius: {_DOT // 2}px;")
        self.when.setText(came.when)
        self.button.setText(came.said if has_run else "")
        self.button.setToolTip(f"Show the run {came.run_id}" if has_run else "")
        self.button.setAccessibleName(f"Show the run of {came.when}: {came.said}" if has_run else "")
        self.label.setText("" if has_run else came.said)
        self.label.setToolTip(came.more)


def _caption(text: str, parent: QWidget) -> QLabel:
    label = QLabel(text, parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    set_role(label, kind="caption")
    return label
