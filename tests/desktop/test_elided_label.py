"""A text that is cut off says so, and says all of it in its tip."""

import pytest
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from desktop.elided_label import ElidedLabel

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen


def test_a_label_gives_way_to_its_neighbours_and_keeps_its_text(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    row = QHBoxLayout(window)
    label, button = ElidedLabel("scene.png, a picture of 1,024 x 768 pixels"), QPushButton("Save as…")
    row.addWidget(label)
    row.addWidget(button)
    window.resize(700, 40)
    window.show()
    label.grab()
    assert (label.shown, label.toolTip()) == (label.text(), "")
    window.resize(220, 40)
    label.grab()
    assert label.shown.endswith("…")
    assert label.toolTip() == label.text()
    assert button.width() >= button.sizeHint().width()
