"""The dialogs of the strip that switches triggers: inputs to try a workflow with, and a new token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from core.workflow.model import Json, Workflow
from desktop.bridge import Bridge
from desktop.dialogs.inputs import InputsDialog
from desktop.dialogs.message import Choice, MessageDialog
from desktop.panels.background import Surroundings

_TOKEN_HEIGHT: Final = 56


class TrialDialog(InputsDialog):
    """Asks with which inputs a workflow is tried; what its trigger would give, or something made up, stands there."""

    def __init__(
        self, workflow: Workflow, inputs: Mapping[str, Json], around: Surroundings, parent: QWidget | None
    ) -> None:
        super().__init__(workflow, cast("Bridge", around.background), around.themes, around.icons, parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Test {workflow.name}")
        self.heading.setText(f"Test “{workflow.name}”")
        self.run.setText(" Test")
        for widget in (self.sets, self.remove, self.keep):
            widget.hide()
        self.fill(inputs)


class TokenDialog(MessageDialog):
    """Shows a new token, the only time that it is shown."""

    def __init__(self, token: str, parent: QWidget | None) -> None:
        super().__init__(
            parent, title="A new token", detail=token,
            text="It may start workflows of this library. It is kept only as a hash and not shown again: copy it now.",
            choices=[Choice("close", "Close"), Choice("copy", "Copy", "primary")],
        )  # fmt: skip
        self._token = token
        if (shown := self.findChild(QPlainTextEdit)) is not None:
            shown.setFixedHeight(_TOKEN_HEIGHT)
        self.chosen.connect(self._copy)

    def _copy(self, key: str) -> None:
        if key == "copy":
            QApplication.clipboard().setText(self._token)
