"""Chooses the colour and the icon of an agent's picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QColor, QIcon, QKeyEvent, QPainter, QPixmap
from PySide6.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from core.agents.agent import COLOURS
from desktop.agents.avatar import ICONS, TOKENS, Avatar
from desktop.icons import Icons
from desktop.panels.popup_frame import PopupFrame
from desktop.style import set_role
from desktop.theme import ThemeManager

COLUMNS: Final = 8
MOST: Final = 40
"""Icons that are shown at once."""


class LookButton(QPushButton):
    """The agent's picture; pressed it opens the choice. chosen: colour and icon."""

    chosen = Signal(str, str)

    def __init__(self, icons: Icons, themes: ThemeManager, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icons, self._themes = icons, themes
        self.avatar = Avatar(icons, themes, 56, self)
        self.avatar.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.avatar.move(4, 4)
        self.setFixedSize(64, 64)
        self.setAccessibleName("Picture: colour and icon")
        self.setToolTip("Choose a colour and an icon")
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        set_role(self, role="round")
        self.popup: LookPopup | None = None
        self.clicked.connect(self.open)

    def open(self) -> None:
        """Show what can be chosen."""
        popup = LookPopup(self._icons, self._themes, self.avatar.colour, self.avatar.icon, self)
        popup.chosen.connect(self.chosen)
        self.popup = popup
        popup.appear(self.mapToGlobal(QPoint(0, self.height() + 4)))


def _disc(colour: QColor, dpr: float) -> QIcon:
    side = round(20 * dpr)
    pixmap = QPixmap(side, side)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(pixmap.rect().adjusted(2, 2, -2, -2))
    painter.end()
    pixmap.setDevicePixelRatio(dpr)
    return QIcon(pixmap)


class LookPopup(PopupFrame):
    """Colours, and icons to search among. chosen: colour and icon, at every choice."""

    chosen = Signal(str, str)

    def __init__(self, icons: Icons, themes: ThemeManager, colour: str, icon: str, parent: QWidget) -> None:
        super().__init__(themes.theme, Qt.WindowType.Popup, parent)
        self._icons, self._themes = icons, themes
        self._colour, self._icon = colour, icon
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.colours: dict[str, QToolButton] = {}
        self.icons: dict[str, QToolButton] = {}
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search all icons")
        self.search.setAccessibleName("Search all icons")
        self.search.textChanged.connect(lambda _: self._fill())
        row = QHBoxLayout()
        row.setSpacing(4)
        for each in COLOURS:
            row.addWidget(self._colour_button(each))
        row.addStretch()
        self._grid = QGridLayout()
        self._grid.setSpacing(2)
        self._none = QLabel("No icon is called so.")
        set_role(self._none, kind="muted")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 12, 12, 12)
        column.setSpacing(8)
        column.addLayout(row)
        column.addWidget(self.search)
        column.addLayout(self._grid)
        column.addWidget(self._none)
        column.addStretch()
        self.setFixedWidth(COLUMNS * 34 + 24)
        self._fill()

    def appear(self, at: QPoint) -> None:
        """Show it there."""
        self.adjustSize()
        self.move(at)
        self.show()
        self.colours[self._colour if self._colour in self.colours else "blue"].setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.close()
        else:
            super().keyPressEvent(event)

    def _colour_button(self, colour: str) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        button.setAutoExclusive(True)
        button.setChecked(colour == self._colour)
        button.setAccessibleName(colour)
        button.setToolTip(colour.capitalize())
        button.setFixedSize(32, 32)
        button.setIconSize(QSize(20, 20))
        button.setIcon(_disc(self._themes.theme.color(TOKENS[colour]), self.devicePixelRatioF()))
        button.clicked.connect(lambda: self._choose(colour, self._icon))
        self.colours[colour] = button
        return button

    def _choose(self, colour: str, icon: str) -> None:
        was, self._colour, self._icon = self._colour, colour, icon
        self.chosen.emit(colour, icon)
        if was != colour:
            self._fill()
        for name, button in self.icons.items():
            button.setChecked(name == icon)

    def _names(self) -> Sequence[str]:
        words = self.search.text().strip().lower().split()
        if not words:
            return ICONS if self._icon in ICONS else (self._icon, *ICONS)
        return [name for name in self._icons.names if all(word in name for word in words)][:MOST]

    def _fill(self) -> None:
        for button in self.icons.values():
            self._grid.removeWidget(button)
            button.hide()
            button.deleteLater()
        self.icons = {}
        for place, name in enumerate(self._names()):
            button = QToolButton()
            button.setCheckable(True)
            button.setChecked(name == self._icon)
            button.setAccessibleName(name.replace("-", " "))
            button.setToolTip(name.replace("-", " "))
            button.setFixedSize(32, 32)
            button.setIconSize(QSize(18, 18))
            button.setIcon(self._icons.icon(name, self._themes.theme, TOKENS.get(self._colour, "text.muted"), 18))
            button.clicked.connect(lambda _checked=False, name=name: self._choose(self._colour, name))
            self.icons[name] = button
            self._grid.addWidget(button, place // COLUMNS, place % COLUMNS)
        self._none.setVisible(not self.icons)
