"""Shows a token that was just made: the only time that anybody sees it."""

from __future__ import annotations

from typing import Final

from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from desktop.dialogs.message import Choice, MessageDialog

_HEIGHT: Final = 56


class NewTokenDialog(MessageDialog):
    """The token, and a button that copies it. Show it with `open()`."""

    def __init__(self, token: str, allows: str, parent: QWidget | None) -> None:
        super().__init__(
            parent, title="A new token", detail=token,
            text=f"{allows} It is kept only as a hash and not shown again: copy it now.",
            choices=[Choice("close", "Close"), Choice("copy", "Copy", "primary")],
        )  # fmt: skip
        self._token = token
        if (shown := self.findChild(QPlainTextEdit)) is not None:
            shown.setFixedHeight(_HEIGHT)
            shown.setAccessibleName("The new token")
        self.chosen.connect(self._copy)

    def _copy(self, key: str) -> None:
        if key == "copy":
            QApplication.clipboard().setText(self._token)
