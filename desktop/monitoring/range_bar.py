"""Where a person chooses of which time and of which workflow numbers are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta

from PySide6.QtCore import QDate, QSize, Qt, Signal
from PySide6.QtGui import QTextCharFormat
from PySide6.QtWidgets import QCalendarWidget, QDateEdit, QHBoxLayout, QLabel, QToolButton, QWidget

from desktop.dialogs.value_editors import ChoiceBox
from desktop.icons import Icons
from desktop.monitoring.ranges import CHOICES, Range, between, last
from desktop.style import set_role
from desktop.theme import Theme, ThemeManager

OWN = "Other dates"
ALL = "All workflows"

_CALENDAR = QSize(312, 250)
"""Room for the short names of the days and for six weeks."""


class RangeBar(QWidget):
    """changed: another range or workflow was chosen. again: the numbers shall be read again. now: the time in UTC."""

    changed = Signal()
    again = Signal()

    def __init__(self, themes: ThemeManager, icons: Icons, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._icons, self._now = icons, now
        self.ranges = ChoiceBox()
        self.ranges.setAccessibleName("Time range")
        for name in (*CHOICES, OWN):
            self.ranges.addItem(f"Last {name}" if name in CHOICES else name)
        self.ranges.setCurrentIndex(1)
        self.ranges.activated.connect(self._chosen)
        self.first, self.last = self._date("First day"), self._date("Last day")
        self._to = QLabel("to")
        set_role(self._to, kind="muted")
        today = QDate(*_day(now()))
        self.first.setDate(today.addDays(-13))
        self.last.setDate(today)
        for edit in (self.first, self.last):
            edit.dateChanged.connect(lambda _date: self.changed.emit())
        self.workflows = ChoiceBox()
        self.workflows.setAccessibleName("Workflow")
        self.workflows.addItem(ALL)
        self.workflows.setMaximumWidth(260)
        self.workflows.activated.connect(lambda _row: self.changed.emit())
        self.note = QLabel()
        set_role(self.note, kind="muted")
        self.reread = QToolButton()
        self.reread.setAccessibleName("Read the numbers again")
        self.reread.setToolTip("Read the numbers again")
        self.reread.setIconSize(QSize(16, 16))
        self.reread.clicked.connect(self._read_again)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(themes.theme.px("space.2"))
        for widget in (self.ranges, self.first, self._to, self.last, self.workflows):
            row.addWidget(widget)
        row.addStretch(1)
        row.addWidget(self.note)
        row.addWidget(self.reread)
        self._show_dates()
        themes.changed.connect(self._dress)
        self._dress(themes.theme)

    @property
    def range(self) -> Range:
        """The chosen range."""
        row = self.ranges.currentIndex()
        if row < len(CHOICES):
            return last(list(CHOICES.values())[row], self._now())
        first, end = sorted(
            date(each.year(), each.month(), each.day()) for each in (self.first.date(), self.last.date())
        )
        begin = datetime.combine(first, time()).astimezone()
        return between(begin, datetime.combine(end + timedelta(days=1), time()).astimezone())

    @property
    def workflow(self) -> str:
        """The chosen workflow, '' for all."""
        return self.workflows.currentText() if self.workflows.currentIndex() > 0 else ""

    def show_workflows(self, names: Sequence[str]) -> None:
        """Offer these workflows; the chosen one stays."""
        chosen = self.workflow
        if chosen and chosen not in names:
            names = [*names, chosen]
        if [self.workflows.itemText(n) for n in range(1, self.workflows.count())] == list(names):
            return
        self.workflows.clear()
        self.workflows.addItem(ALL)
        for name in names:
            self.workflows.addItem(name)
        self.workflows.setCurrentIndex(self.workflows.findText(chosen) if chosen else 0)

    def say(self, text: str) -> None:
        """Say how current the numbers are."""
        self.note.setText(text)

    def _read_again(self) -> None:
        self._show_dates()
        self.again.emit()

    def _chosen(self, _row: int) -> None:
        self._show_dates()
        self.changed.emit()

    def _show_dates(self) -> None:
        today = QDate(*_day(self._now()))  # another one than before, where the window stands open over night
        for edit in (self.first, self.last):
            edit.setMaximumDate(today)
        own = self.ranges.currentIndex() == len(CHOICES)
        for widget in (self.first, self._to, self.last):
            widget.setVisible(own)

    def _date(self, name: str) -> QDateEdit:
        edit = QDateEdit()
        edit.setCalendarPopup(True)
        edit.setAccessibleName(name)
        edit.setDisplayFormat("yyyy-MM-dd")
        calendar = edit.calendarWidget()
        calendar.setVerticalHeaderFormat(QCalendarWidget.VerticalHeaderFormat.NoVerticalHeader)
        calendar.setMinimumSize(_CALENDAR)
        return edit

    def _dress(self, theme: Theme) -> None:
        day = QTextCharFormat()
        day.setForeground(theme.color("text.primary"))
        head = QTextCharFormat(day)
        head.setBackground(theme.color("surface.menu"))
        for edit in (self.first, self.last):
            calendar = edit.calendarWidget()
            calendar.setHeaderTextFormat(head)
            for weekday in (Qt.DayOfWeek.Saturday, Qt.DayOfWeek.Sunday):  # Qt's own red says nothing here
                calendar.setWeekdayTextFormat(weekday, day)
        self.reread.setIcon(self._icons.icon("refresh-cw", theme, "text.secondary", 16))


def _day(now: datetime) -> tuple[int, int, int]:
    local = now.astimezone()
    return local.year, local.month, local.day
