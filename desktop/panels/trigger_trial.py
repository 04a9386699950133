"""Asks for the inputs that a workflow is tried with, before its trigger is switched on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget

from core.workflow.model import Json, Workflow
from desktop.bridge import Bridge
from desktop.dialogs.inputs import InputsDialog
from desktop.panels.background import Surroundings


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
