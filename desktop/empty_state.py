"""What a panel shows while it has nothing to show: an icon, what is missing, and the next move."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.icons import Icons
from desktop.theme import ThemeManager

_ICON = 28


class EmptyState(QWidget):
    """An icon, a title, a sentence that says what to do, and a button that does it if there is one."""

    def __init__(
        self,
        icons: Icons,
        themes: ThemeManager,
        *,
        icon: str,
        title: str,
        text: str = "",
        button: str = "",
        on_press: Callable[[], object] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._icons, self._themes, self._icon = icons, themes, icon
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        heading = _label(title, "title")
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        column.addStretch(2)
        column.addWidget(self._picture)
        column.addWidget(heading)
        if text:
            column.addWidget(_label(text, "muted"))
        if button and on_press is not None:
            pressed = on_press
            self.button = QPushButton(button)
            self.button.clicked.connect(lambda: pressed())
            column.addSpacing(8)
            column.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(3)
        themes.changed.connect(self._dress)
        self._dress()

    def _dress(self) -> None:
        colour = self._themes.theme.color("text.muted")
        self._picture.setPixmap(self._icons.pixmap(self._icon, colour, _ICON, self.devicePixelRatioF()))


def _label(text: str, kind: str) -> QLabel:
    label = QLabel(text)
    label.setProperty("kind", kind)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setWordWrap(True)
    return label
