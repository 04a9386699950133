"""Shows where a link leads before anything is opened."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from desktop.chat.blocks import PICTURE
from desktop.chat.source import ChatAround
from desktop.panels.markdown_view import open_link
from desktop.style import set_role

_OPENED = ("http", "https", "mailto")


class LinkCard(QFrame):
    """The full address, with Open and Copy, over the conversation. Nothing is fetched before Open is pressed.

    It goes when the keyboard goes elsewhere, and on Escape.
    """

    def __init__(self, address: str, around: ChatAround, parent: QWidget) -> None:
        super().__init__(parent)
        set_role(self, role="popup")
        self.setAccessibleName("Where the link leads")
        self.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self._back = QApplication.focusWidget()
        is_picture = address.startswith(PICTURE)
        self.address = address.removeprefix(PICTURE)
        url = QUrl(self.address)
        can_open = url.scheme().lower() in _OPENED
        what = "A picture that was not loaded" if is_picture else "A link of the answer"
        title = QLabel(f"{what}, at {url.host()}" if url.host() else what)
        title.setTextFormat(Qt.TextFormat.PlainText)
        set_role(title, kind="strong")
        full = QLabel(_broken(self.address))
        full.setTextFormat(Qt.TextFormat.PlainText)
        full.setWordWrap(True)
        full.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        full.setFont(around.themes.theme.font("mono"))
        full.setAccessibleName(f"Address: {self.address}")
        hint = QLabel(
            "Whoever wrote it may be told that it was opened, and whatever stands in the address."
            if can_open
            else "Only addresses of the web and of mail are opened."
        )
        hint.setWordWrap(True)
        set_role(hint, kind="caption")
        self.open_button, self.copy_button = QPushButton("Open in the browser"), QPushButton("Copy the address")
        self.open_button.setEnabled(can_open)
        self.open_button.clicked.connect(self._open)
        self.copy_button.clicked.connect(self._copy)
        row = QHBoxLayout()
        row.addWidget(self.open_button)
        row.addWidget(self.copy_button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(14, 12, 14, 12)
        column.setSpacing(8)
        for each in (title, full, hint):
            column.addWidget(each)
        column.addLayout(row)
        self.setFixedWidth(min(380, parent.width() - 16))

    def appear(self, at: QPoint) -> None:
        """Show it near a point of the parent."""
        self.adjustSize()
        parent = self.parentWidget()
        assert parent is not None
        room = parent.rect()
        x = min(max(at.x(), 8), room.right() - self.width() - 8)
        y = at.y() + 8 if at.y() + 16 + self.height() < room.bottom() else at.y() - 8 - self.height()
        self.move(x, max(y, 8))
        self.show()
        self.raise_()
        self.copy_button.setFocus()  # so that Enter, pressed too often, opens nothing
        QApplication.instance().focusChanged.connect(self._focus_moved)  # type: ignore[union-attr] # it is there

    def put_away(self) -> None:
        """Close it, and give the keyboard back."""
        if not self.isHidden():
            QApplication.instance().focusChanged.disconnect(self._focus_moved)  # type: ignore[union-attr] # the same
            self.hide()
            self.deleteLater()
            if self._back is not None and isValid(self._back):
                self._back.setFocus()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Escape closes it."""
        if event.key() == Qt.Key.Key_Escape:
            self.put_away()
        else:
            super().keyPressEvent(event)

    def _focus_moved(self, _old: QWidget | None, now: QWidget | None) -> None:
        if now is not None and now is not self and not self.isAncestorOf(now):
            self._back = None
            self.put_away()

    def _open(self) -> None:
        self.put_away()
        open_link(QUrl(self.address))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.address)
        self.put_away()


def _broken(address: str) -> str:
    """The address with places at which a line may end."""
    return "\u200b".join(address[at : at + 8] for at in range(0, min(len(address), 2_000), 8))
