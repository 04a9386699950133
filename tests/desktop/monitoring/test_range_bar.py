"""The choice of a time range, in a window that stands open for days."""

from datetime import timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from core.engine.testing import ManualClock
from desktop.icons import Icons
from desktop.monitoring.range_bar import RangeBar
from desktop.theme import ThemeManager

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen


async def test_the_day_that_has_begun_meanwhile_can_be_chosen(qtbot: QtBot) -> None:
    clock = ManualClock()
    bar = RangeBar(ThemeManager(), Icons(), clock.now)
    qtbot.addWidget(bar)
    bar.show()
    for _ in range(bar.ranges.count()):
        QTest.keyClick(bar.ranges, Qt.Key.Key_Down)
    before = bar.last.date()
    await clock.advance(timedelta(days=1).total_seconds())
    bar.last.setDate(before.addDays(1))
    assert bar.last.date() == before, "days to come cannot be chosen"
    QTest.mouseClick(bar.reread, Qt.MouseButton.LeftButton)
    bar.last.setDate(before.addDays(1))
    assert bar.last.date() == before.addDays(1)
