"""What every part of the memory panel needs: the desk, the look, the time; and small makers of controls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QToolButton

if TYPE_CHECKING:
    from desktop.icons import Icons
    from desktop.memory_panel.desk import MemoryDesk
    from desktop.theme import ThemeManager


@dataclass(frozen=True, slots=True)
class Around:
    """desk: what is done with memories. now: the time in UTC."""

    desk: MemoryDesk
    themes: ThemeManager
    icons: Icons
    now: Callable[[], datetime]


def text_label(text: str = "", kind: str = "", *, selectable: bool = False) -> QLabel:
    """A label of plain text that breaks its lines. kind: of the style sheet, such as `muted`."""
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setMinimumWidth(0)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
    if kind:
        label.setProperty("kind", kind)
    if selectable:
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def button(text: str, press: Callable[[], object], role: str = "", *, name: str = "") -> QPushButton:
    """A button. name: for those who cannot see what it stands beside; '' for its text."""
    made = QPushButton(text)
    if role:
        made.setProperty("role", role)
    if role == "link":
        made.setProperty("inline", True)  # in line with the words around
        made.setCursor(Qt.CursorShape.PointingHandCursor)
    if name:
        made.setAccessibleName(name)
    made.clicked.connect(lambda _checked=False: press())
    return made


def tool(name: str, press: Callable[[], object] | None = None, *, keys: str = "") -> QToolButton:
    """A button with an icon only. keys: said in its tip."""
    made = QToolButton()
    made.setAccessibleName(name)
    made.setToolTip(f"{name}  {keys}" if keys else name)
    made.setIconSize(QSize(16, 16))
    if press is not None:
        made.clicked.connect(lambda _checked=False: press())
    return made
