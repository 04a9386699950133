"""The problems panel: everything that is wrong with the open document, kept up to date; a click leads there."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QModelIndex, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QLabel,
    QListView,
    QStackedLayout,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from desktop.empty_state import EmptyState
from desktop.icons import Icons
from desktop.panels.problem_watch import Findings, ProblemWatch
from desktop.panels.problems_model import ITEM, Index, ProblemLine, ProblemsModel, field_words, lines_of
from desktop.style import set_role
from desktop.theme import ThemeManager

ROW: Final = 44
"""Height of a problem, in logical pixels."""


class ProblemsPanel(QWidget):
    """The problems of one document. chosen: the step's id (None for the workflow) and the field's path."""

    chosen = Signal(object, str)

    def __init__(self, themes: ThemeManager, icons: Icons, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._watch: ProblemWatch | None = None
        self.model = ProblemsModel(self)
        self.view = QListView(self)
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(themes, icons, self))
        self.view.setUniformItemSizes(True)
        self.view.setMouseTracking(True)
        self.view.setAccessibleName("Problems")
        self.view.clicked.connect(self._chosen)
        self.view.activated.connect(self._chosen)
        self.count = QLabel(self)
        set_role(self.count, kind="caption")
        self.count.setContentsMargins(12, 6, 12, 0)
        whole = QWidget(self)
        layout = QVBoxLayout(whole)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.count)
        layout.addWidget(self.view, 1)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(
            EmptyState(
                icons,
                themes,
                icon="circle-check",
                title="Nothing to mend",
                text="What keeps a workflow from running is listed here while you draw it.",
            )
        )
        self._stack.addWidget(whole)
        themes.changed.connect(self._theme_changed)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is wrong."""
        return self._stack.currentIndex() == 0

    def show_watch(self, watch: ProblemWatch | None) -> None:
        """Show the problems of another document, None for no document."""
        if self._watch is not None and isValid(self._watch):
            self._watch.changed.disconnect(self._found)
        self._watch = watch
        if watch is None or watch.findings is None:
            self._show([])
        else:
            self._found(watch.findings)
        if watch is not None:
            watch.changed.connect(self._found)

    def _found(self, findings: Findings) -> None:
        self._show(lines_of(findings.workflow, findings.problems))

    def _show(self, lines: list[ProblemLine]) -> None:
        row = self.view.currentIndex().row()
        current = self.model.line(row) if 0 <= row < self.model.rowCount() else None
        if [self.model.line(n) for n in range(self.model.rowCount())] != lines:
            self.model.show(lines)
            if current in lines:
                self.view.setCurrentIndex(self.model.index(lines.index(current), 0))
        errors = sum(line.problem.severity == "error" for line in lines)
        self.count.setText(count_words(errors, len(lines) - errors))
        self._stack.setCurrentIndex(1 if lines else 0)

    def _chosen(self, index: QModelIndex) -> None:
        problem = self.model.line(index.row()).problem
        self.chosen.emit(problem.step, problem.field)

    def _theme_changed(self) -> None:
        self.view.viewport().update()


class _Delegate(QStyledItemDelegate):
    """Paints a problem: severity, where it is, what is wrong and what to do."""

    def __init__(self, themes: ThemeManager, icons: Icons, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes = themes
        self._icons = icons

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802 - Qt's name
        """Two lines."""
        return QSize(200, ROW)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """One problem."""
        line: ProblemLine = index.data(ITEM)
        theme, problem = self._themes.theme, line.problem
        rect: QRect = option.rect
        state = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            chosen = bool(state & QStyle.StateFlag.State_Selected)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.color("accent", 0.18) if chosen else theme.color("surface.hover"))
            painter.drawRoundedRect(rect.adjusted(0, 1, 0, -1), theme.px("radius.chip"), theme.px("radius.chip"))
        is_error = problem.severity == "error"
        icon, colour = ("circle-alert", "state.failed") if is_error else ("triangle-alert", "state.waiting")
        dpr = painter.device().devicePixelRatioF()
        pixmap = self._icons.pixmap(icon, theme.color(colour), 16, dpr)
        painter.drawPixmap(QPoint(rect.left() + 8, rect.top() + 6), pixmap)
        inner = rect.adjusted(34, 5, -10, -5)
        self._first(painter, inner, line)
        painter.setFont(theme.font("caption"))
        painter.setPen(theme.color("text.muted"))
        metrics = QFontMetrics(theme.font("caption"))
        text = metrics.elidedText(problem.fix, Qt.TextElideMode.ElideRight, inner.width())
        painter.drawText(inner, Qt.AlignmentFlag.AlignBottom | Qt.AlignmentFlag.AlignLeft, text)
        painter.restore()

    def _first(self, painter: QPainter, inner: QRect, line: ProblemLine) -> None:
        theme = self._themes.theme
        strong, plain = theme.font("body.strong"), theme.font("body")
        right = field_words(line.problem.field)
        caption = theme.font("caption")
        painter.setFont(caption)
        painter.setPen(theme.color("text.muted"))
        painter.drawText(inner.adjusted(0, 1, 0, 0), Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignRight, right)
        room = inner.width() - QFontMetrics(caption).horizontalAdvance(right) - 12
        name = QFontMetrics(strong).elidedText(line.where, Qt.TextElideMode.ElideRight, room // 2)
        wide = QFontMetrics(strong).horizontalAdvance(name) + 8
        painter.setFont(strong)
        painter.setPen(theme.color("text.primary"))
        painter.drawText(inner, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, name)
        painter.setFont(plain)
        painter.setPen(theme.color("text.secondary"))
        text = QFontMetrics(plain).elidedText(line.problem.message, Qt.TextElideMode.ElideRight, room - wide)
        painter.drawText(inner.adjusted(wide, 0, 0, 0), Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, text)


def count_words(errors: int, warnings: int) -> str:
    """How many there are of each kind."""
    parts = [f"{errors} error{'s' * (errors != 1)}"] if errors else []
    parts += [f"{warnings} warning{'s' * (warnings != 1)}"] if warnings else []
    return " and ".join(parts)
