"""The report of a document that cannot be opened: each problem with its line and its cure."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from core.workflow.problems import Problem

WIDTH = 620
ROW_HEIGHT = 62
MOST_HEIGHT = 420


class ProblemReport(QDialog):
    """Lists problems in the order of their lines. Show it with `open()`. edit_wanted: the file is to be mended.

    editable: whether there is a file that an editor could open.
    """

    edit_wanted = Signal()

    def __init__(
        self, parent: QWidget | None, *, title: str, text: str, problems: Sequence[Problem], editable: bool = True
    ) -> None:
        super().__init__(parent)
        self.problems = sorted(problems, key=lambda each: each.line or 0)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        heading = _label(title, "title")
        self._copy = QPushButton("Copy the report")
        self._copy.clicked.connect(self._to_clipboard)
        self.edit = QPushButton("Open in an editor")
        self.edit.setVisible(editable)
        self.edit.clicked.connect(self.edit_wanted)
        close = QPushButton("Close")
        close.setProperty("role", "primary")
        close.setDefault(True)
        close.clicked.connect(self.accept)
        self.buttons = {"copy": self._copy, "edit": self.edit, "close": close}
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self._copy)
        row.addWidget(self.edit)
        row.addStretch()
        row.addWidget(close)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(8)
        column.addWidget(heading)
        column.addWidget(_label(text, "secondary"))
        column.addSpacing(4)
        column.addWidget(self._list(), 1)
        column.addSpacing(8)
        column.addLayout(row)

    def text(self) -> str:
        """The report as plain text."""
        return "\n".join(map(str, self.problems))

    def _list(self) -> QWidget:
        inner = QWidget()
        grid = QGridLayout(inner)
        grid.setContentsMargins(14, 10, 14, 10)
        grid.setHorizontalSpacing(14)
        grid.setVerticalSpacing(12)
        grid.setColumnStretch(1, 1)
        top = Qt.AlignmentFlag.AlignTop
        for n, problem in enumerate(self.problems):
            line = _label(f"Line {problem.line}" if problem.line else "File", "keys")
            grid.addWidget(line, n, 0, top | Qt.AlignmentFlag.AlignLeft)
            grid.addWidget(_problem(problem), n, 1)
        grid.setRowStretch(len(self.problems), 1)
        area = QScrollArea()
        area.setWidget(inner)
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName("What is wrong")
        area.setMinimumHeight(min(len(self.problems) * ROW_HEIGHT + 20, MOST_HEIGHT))
        frame = QFrame()
        frame.setProperty("role", "card")
        around = QVBoxLayout(frame)
        around.setContentsMargins(1, 1, 1, 1)
        around.addWidget(area)
        return frame

    def _to_clipboard(self) -> None:
        QGuiApplication.clipboard().setText(self.text())
        self._copy.setText("Copied")


def _problem(problem: Problem) -> QWidget:
    words = QWidget()
    column = QVBoxLayout(words)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(2)
    where = ".".join(part for part in (problem.step or "", problem.field) if part)
    column.addWidget(_label(f"{where}: {problem.message}" if where else problem.message, ""))
    if problem.fix:
        column.addWidget(_label(problem.fix, "muted"))
    return words


def _label(text: str, kind: str) -> QLabel:
    label = QLabel(text)
    if kind:
        label.setProperty("kind", kind)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(kind != "keys")
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
