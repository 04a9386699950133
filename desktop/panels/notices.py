"""Lines under a field that say what is wrong and offer the cure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from core.workflow.problems import Severity
from desktop.panels.background import Surroundings
from desktop.style import set_role


class Notices(QWidget):
    """Any number of lines, each with an icon, a text and perhaps a button; hidden while there are none."""

    def __init__(self, around: Surroundings, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = around
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(around.themes.theme.px("space.1"))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self._lines: list[QWidget] = []
        self.hide()

    @property
    def texts(self) -> list[str]:
        """What is said."""
        return [label.text() for line in self._lines for label in line.findChildren(QLabel) if label.text()]

    @property
    def buttons(self) -> list[QPushButton]:
        """The offered cures."""
        return [button for line in self._lines for button in line.findChildren(QPushButton)]

    def clear(self) -> None:
        """Say nothing."""
        for line in self._lines:
            self._layout.removeWidget(line)
            line.hide()
            line.deleteLater()
        self._lines.clear()
        self.hide()

    def add(
        self,
        severity: Severity | Literal["info"],
        text: str,
        label: str = "",
        action: Callable[[], None] | None = None,
        also: Sequence[tuple[str, Callable[[], None]]] = (),
    ) -> None:
        """Say one thing more. label, action: of the button that mends it. also: labels and actions of further ones."""
        theme = self._around.themes.theme
        icon, colour = {
            "error": ("circle-alert", "state.failed"),
            "warning": ("triangle-alert", "state.waiting"),
            "info": ("info", "text.muted"),
        }[severity]
        line = QWidget(self)
        row = QHBoxLayout(line)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.px("space.1") + 2)
        picture = QLabel(line)
        picture.setPixmap(self._around.icons.pixmap(icon, theme.color(colour), 14, self.devicePixelRatioF()))
        picture.setContentsMargins(0, 1, 0, 0)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        words = QLabel(text, line)
        words.setWordWrap(True)
        words.setTextFormat(Qt.TextFormat.PlainText)
        words.setAccessibleName(f"{severity.capitalize()}: {text}")
        words.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_role(words, kind="notice", severity=severity)
        size = theme.font("caption").pixelSize()
        words.setStyleSheet(f"color: {theme.css(colour)}; font-size: {size}px; font-weight: 500;")
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(words)
        offered = [(label, action)] if action is not None and label else []
        if buttons := [self._button(text, act, line) for text, act in (*offered, *also)]:
            together = QHBoxLayout()
            together.setSpacing(theme.px("space.3"))
            for button in buttons:
                together.addWidget(button)
            together.addStretch(1)
            column.addLayout(together)
        row.addLayout(column, 1)
        self._layout.addWidget(line)
        self._lines.append(line)
        self.show()

    def _button(self, text: str, act: Callable[[], None], parent: QWidget) -> QPushButton:
        button = QPushButton(text, parent)
        set_role(button, role="link")
        button.setStyleSheet("QPushButton { padding-left: 0; padding-right: 0; }")  # in line with the words above
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.clicked.connect(lambda _checked=False: act())
        return button
