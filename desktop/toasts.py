"""Short messages in the corner of the window: what happened, and the next move if there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from PySide6.QtCore import QEvent, QObject, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from desktop.icons import Icons
from desktop.theme import Theme, ThemeManager

WIDTH: Final = 360
MOST: Final = 3
LONGEST: Final = 360
"""Characters of a message's text that are shown; all of it stands in the tip of the mouse."""
SHOWN_MS: Final = 5_000
"""How long a message stays; errors stay until they are closed."""

Kind: TypeAlias = Literal["info", "done", "failed"]
_STATES: Final = {"info": "running", "done": "done", "failed": "failed"}
_ICONS: Final = {"info": "info", "done": "circle-check", "failed": "circle-alert"}


class Toast(QFrame):
    """One message. done_with: it was closed, its time is over, or its action was taken."""

    done_with = Signal()

    def __init__(
        self,
        parent: QWidget,
        icons: Icons,
        theme: Theme,
        *,
        kind: Kind,
        title: str,
        text: str,
        action: str,
        on_action: Callable[[], object] | None,
    ) -> None:
        super().__init__(parent)
        self._stripe = theme.color(f"state.{_STATES[kind]}")
        self.title, self.text = title, text
        self.setProperty("role", "popup")
        self.setFixedWidth(WIDTH)
        self.setAccessibleName(f"{title} {text}".strip())
        picture = QLabel()
        picture.setPixmap(icons.pixmap(_ICONS[kind], self._stripe, 16, self.devicePixelRatioF()))
        heading = QLabel(title)
        heading.setProperty("kind", "strong")
        close = QToolButton()
        close.setIcon(icons.icon("x", theme, "text.muted", 14))
        close.setIconSize(QSize(14, 14))
        close.setAccessibleName("Close this message")
        close.clicked.connect(self.done_with)
        words = QVBoxLayout()
        words.setSpacing(3)
        for label in (heading, *([self._body(text)] if text else [])):
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setWordWrap(True)
            words.addWidget(label)
        if action and on_action is not None:
            words.addWidget(self._action(action, on_action), 0, Qt.AlignmentFlag.AlignLeft)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 12, 8, 12)
        row.setSpacing(10)
        row.addWidget(picture, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(close, 0, Qt.AlignmentFlag.AlignTop)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """The stripe says of what kind it is; the icon says it too."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self._stripe)
        painter.drawRoundedRect(4, 10, 3, self.height() - 20, 1.5, 1.5)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.done_with.emit()
        else:
            super().keyPressEvent(event)

    def fit(self) -> None:
        """Take the height that the wrapped words need; QWidget.adjustSize forgets that they wrap."""
        self.ensurePolished()
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.resize(WIDTH, layout.totalHeightForWidth(WIDTH))

    def _body(self, text: str) -> QLabel:
        is_long = len(text) > LONGEST
        label = QLabel(f"{text[:LONGEST].rstrip()}…" if is_long else text)
        label.setProperty("kind", "secondary")
        label.setToolTip(text if is_long else "")
        return label

    def _action(self, title: str, on_action: Callable[[], object]) -> QPushButton:
        button = QPushButton(title)
        button.setProperty("role", "link")
        button.setStyleSheet("QPushButton { padding-left: 0; }")  # in line with the words above
        button.clicked.connect(lambda: on_action())
        button.clicked.connect(self.done_with)
        return button


class Toasts(QObject):
    """The messages of one window, the newest at the bottom."""

    def __init__(self, window: QWidget, icons: Icons, themes: ThemeManager, margin: Callable[[], int]) -> None:
        super().__init__(window)
        self._window, self._icons, self._themes, self._margin = window, icons, themes, margin
        self._shown: list[Toast] = []
        window.installEventFilter(self)

    @property
    def shown(self) -> list[Toast]:
        """The messages that stand now."""
        return list(self._shown)

    def show(
        self,
        title: str,
        text: str = "",
        *,
        kind: Kind = "info",
        action: str = "",
        on_action: Callable[[], object] | None = None,
    ) -> Toast:
        """Show a message. action: the title of a button that calls `on_action`."""
        for same in [old for old in self._shown if (old.title, old.text) == (title, text)]:
            self.remove(same)
        toast = Toast(
            self._window, self._icons, self._themes.theme,
            kind=kind, title=title, text=text, action=action, on_action=on_action,
        )  # fmt: skip
        toast.done_with.connect(lambda: self.remove(toast))
        self._shown.append(toast)
        for old in self._shown[:-MOST]:
            self.remove(old)
        if kind != "failed":
            timer = QTimer(toast)
            timer.setSingleShot(True)
            timer.timeout.connect(toast.done_with)
            timer.start(SHOWN_MS)
        toast.show()
        self._place()
        self._watch()
        if QAccessible.isActive():
            QAccessible.updateAccessibility(QAccessibleAnnouncementEvent(self._window, f"{title} {text}".strip()))
        return toast

    def remove(self, toast: Toast) -> None:
        """Take a message away."""
        if toast in self._shown:
            self._shown.remove(toast)
            toast.hide()
            toast.deleteLater()
            self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """The corner moves with the window's size; what comes to the front beside the messages stays under them."""
        if event.type() in (QEvent.Type.Resize, QEvent.Type.LayoutRequest) and watched is self._window:
            self._place()
        elif event.type() == QEvent.Type.ZOrderChange:
            QTimer.singleShot(0, self, self._raise)  # a dock takes itself for chosen only if it is on top meanwhile
        return super().eventFilter(watched, event)

    def _watch(self) -> None:
        """Hear when a panel is brought to the front; a filter that is there already is only moved."""
        for child in self._window.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if not isinstance(child, Toast):
                child.installEventFilter(self)

    def _raise(self) -> None:
        for toast in self._shown:
            toast.raise_()

    def _place(self) -> None:
        bottom = self._window.height() - self._margin()
        for toast in reversed(self._shown):
            toast.fit()
            bottom -= toast.height() + 8
            toast.move(self._window.width() - WIDTH - 16, bottom)
        self._raise()
