"""The control for a schedule in cron's five fields: said in words, with the next times and the usual ones to choose."""

from __future__ import annotations

from datetime import datetime, tzinfo
from functools import partial
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QLabel, QMenu, QWidget

from desktop.panels.controls import FormContext, TextControl
from desktop.panels.fields import FormField, Value
from desktop.style import set_role

USUAL: Final = (
    ("Every 15 minutes", "*/15 * * * *"),
    ("Every hour", "0 * * * *"),
    ("Every day at 9:00", "0 9 * * *"),
    ("On weekdays at 9:00", "0 9 * * 1-5"),
    ("Every Monday at 9:00", "0 9 * * 1"),
    ("On the first of the month at 9:00", "0 9 1 * *"),
)
"""Schedules that many want, and how they are written."""

NEXT: Final = 3
"""How many times to come are told."""


class CronControl(TextControl):
    """minute hour day month weekday. zone: the time zone in which it is meant, by its IANA name; '' for here."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self.zone = ""
        self.button = self.add_button("calendar-clock", "Choose a usual schedule")
        self.button.clicked.connect(self.offer)
        self.menu = QMenu(self)
        for title, spelled in USUAL:
            self.menu.addAction(title, partial(self.set_text, spelled))
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        set_role(self.said, kind="caption")
        layout = self.layout()
        assert layout is not None
        layout.addWidget(self.said)
        self.editor.setPlaceholderText("0 9 * * 1-5")
        self.editor.edited.connect(lambda _text: self.say())
        self.said.hide()

    def show_value(self, value: Value) -> None:
        """Show a schedule, and say what it means."""
        super().show_value(value)
        self.say()

    def set_zone(self, zone: str) -> None:
        """Tell the next times in that zone."""
        if zone != self.zone:
            self.zone = zone
            self.say()

    def set_text(self, text: str) -> None:
        """Put a schedule in as if it was typed."""
        super().set_text(text)
        self.say()

    def offer(self) -> None:
        """Show the usual schedules."""
        self.menu.popup(self.button.mapToGlobal(QPoint(0, self.button.height())))

    def say(self) -> None:
        """Say in words what is written, and when it comes next."""
        text = self.editor.toPlainText().strip()
        self.said.setVisible(bool(text))
        if text:
            self.said.setText(meaning(text, self.context.around.now(), self.zone))


def meaning(text: str, now: datetime, zone: str = "") -> str:
    """A schedule in words, with its next times; or what is wrong with it. now: with a time zone."""
    from cronsim import CronSim, CronSimError  # only the workflow's page needs it

    place: tzinfo | None = None
    if zone:
        try:
            place = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError):
            return f"There is no time zone {zone!r}; write one such as Europe/Berlin."
    try:
        local = now.astimezone(place)
        words = CronSim(text, local).explain()
        times = CronSim(text, local)
        coming = [f"{at:%a %-d %b %H:%M}" for _, at in zip(range(NEXT), times, strict=False)]
    except CronSimError:
        return "This is no schedule yet: minute, hour, day, month and weekday, such as 0 9 * * 1-5."
    return f"{words}. Next: {', '.join(coming)}." if coming else f"{words}. It never comes."
