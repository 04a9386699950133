"""Shows where a link leads before anything is opened."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from desktop.chat.blocks import PICTURE
from desktop.chat.source import ChatAround
from desktop.panels.markdown_view import open_link
from desktop.panels.popup_frame import PopupFrame
from desktop.style import set_role

_OPENED = ("http", "https", "mailto")


class LinkCard(PopupFrame):
    """The full address, with Open and Copy. Nothing is fetched before Open is pressed."""

    def __init__(self, address: str, around: ChatAround, parent: QWidget) -> None:
        super().__init__(around.themes.theme, Qt.WindowType.Popup, parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
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
        self.setFixedWidth(380)

    def popup(self, at: QPoint) -> None:
        """Show it at a place on the screen."""
        self.adjustSize()
        screen = QGuiApplication.screenAt(at) or QGuiApplication.primaryScreen()
        room = screen.availableGeometry()
        x = min(max(at.x(), room.left()), room.right() - self.width())
        y = at.y() + 8 if at.y() + 8 + self.height() < room.bottom() else at.y() - 8 - self.height()
        self.move(x, max(y, room.top()))
        self.show()
        (self.open_button if self.open_button.isEnabled() else self.copy_button).setFocus()

    def _open(self) -> None:
        self.close()
        open_link(QUrl(self.address))

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.address)
        self.close()


def _broken(address: str) -> str:
    """The address with places at which a line may end."""
    return "\u200b".join(address[at : at + 8] for at in range(0, min(len(address), 2_000), 8))
