"""What a panel says while it has nothing to show: one sentence, and the next move."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from desktop.icons import Icons
from desktop.style import set_role
from desktop.theme import Theme, ThemeManager

_ICON = 28


class EmptyNote(QWidget):
    """An icon, a title and a line below it, in the middle."""

    def __init__(self, icon: str, title: str, text: str, themes: ThemeManager, icons: Icons) -> None:
        super().__init__()
        self._icons, self._icon = icons, icon
        self._picture = QLabel()
        self._picture.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.title = QLabel(title)
        set_role(self.title, kind="title")
        self.text = QLabel(text)
        set_role(self.text, kind="muted")
        layout = QVBoxLayout(self)
        layout.setSpacing(themes.theme.px("space.1"))
        layout.addStretch(1)
        layout.addWidget(self._picture)
        for label in (self.title, self.text):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter)
            label.setWordWrap(True)
            layout.addWidget(label)
        layout.addStretch(1)
        themes.changed.connect(self._retheme)
        self._retheme(themes.theme)

    def say(self, title: str, text: str) -> None:
        """Say something else."""
        self.title.setText(title)
        self.text.setText(text)

    def _retheme(self, theme: Theme) -> None:
        pixmap = self._icons.pixmap(self._icon, theme.color("text.muted"), _ICON, self.devicePixelRatioF())
        self._picture.setPixmap(pixmap)
