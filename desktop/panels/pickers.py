"""Text controls with a button that offers what can stand there: models, secrets, workflows, files, folders."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Final

from PySide6.QtWidgets import QFileDialog, QWidget
from shiboken6 import isValid

from core.llm.catalogue import ModelInfo
from desktop.bridge import explain
from desktop.panels.controls import FormContext, TextControl
from desktop.panels.fields import FormField
from desktop.panels.picker_popup import Pick, PickerPopup

LEAST_WIDTH: Final = 380
"""Width of an open list, in logical pixels, if the control is narrower."""


class PickControl(TextControl):
    """A text with a list to choose from. Subclasses say what the list holds."""

    what = ""
    """What is chosen, in the plural."""

    icon = "chevrons-up-down"

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self.button = self.add_button(self.icon, f"Choose from the {self.what}")
        self.button.clicked.connect(self.open)
        self.popup: PickerPopup | None = None

    def open(self) -> None:
        """Show the list and fill it as soon as it is there."""
        if self.popup is None:
            self.popup = PickerPopup(self.context.theme, self.what, self)
            self.popup.chosen.connect(lambda value: self.set_text(self.text_for(value)))
        popup = self.popup
        popup.search.clear()
        popup.say("Loading…")
        popup.open_under(self.editor, max(LEAST_WIDTH, self.width()))
        self.context.around.background.spawn(self.picks(), self._offer, self._failed)

    def picks(self) -> Coroutine[Any, Any, Sequence[Pick]]:
        """What can be chosen."""
        raise NotImplementedError

    def text_for(self, value: str) -> str:
        """What is put into the field for a chosen value."""
        return value

    def empty(self) -> str:
        """What is said if there is nothing to choose."""
        return f"There are no {self.what} yet."

    def _offer(self, items: Sequence[Pick]) -> None:
        if isValid(self) and self.popup is not None:
            self.popup.offer(items, self.editor.toPlainText(), self.empty())

    def _failed(self, error: Exception) -> None:
        if isValid(self) and self.popup is not None:
            self.popup.say(f"The {self.what} could not be listed: {explain(error)} A name can be typed by hand.")


class ModelControl(PickControl):
    """A model's name, chosen by price, context and abilities."""

    what = "models"

    async def picks(self) -> Sequence[Pick]:
        """The models of the server."""
        models = await self.context.around.facts.models()
        return [Pick(one.id, one.id, detail=model_line(one), right=price_line(one)) for one in models]

    def empty(self) -> str:
        """What is said if the server offers none."""
        return "The model server lists no models. A name can be typed by hand."


class SecretControl(PickControl):
    """A text that should come from a kept secret, by its name; the secret itself is never shown."""

    what = "secrets"
    icon = "key-round"

    async def picks(self) -> Sequence[Pick]:
        """The names of the kept secrets."""
        return [Pick(name, name) for name in await self.context.around.facts.secret_names()]

    def text_for(self, value: str) -> str:
        """A reference to the secret."""
        return f"{{{{ secrets.{value} }}}}" if value.isidentifier() else f'{{{{ secrets["{value}"] }}}}'

    def empty(self) -> str:
        """What is said if none is kept."""
        return "No secrets are kept yet. Add one in the settings, under Keys."


class WorkflowControl(PickControl):
    """Another workflow's name."""

    what = "workflows"
    icon = "library"

    async def picks(self) -> Sequence[Pick]:
        """The names of the library's workflows."""
        return [Pick(name, name) for name in await self.context.around.facts.workflow_names()]

    def empty(self) -> str:
        """What is said if the library is empty."""
        return "The library holds no workflows yet. The path of a file can be typed too."


class AgentControl(PickControl):
    """An agent, by its name."""

    what = "agents"

    async def picks(self) -> Sequence[Pick]:
        """The agents there are."""
        return [Pick(name, name) for name in await self.context.around.facts.agent_names()]


class PathControl(TextControl):
    """A path, with a button that opens the system's dialog beside everything else."""

    def __init__(self, field: FormField, context: FormContext, parent: QWidget | None = None) -> None:
        super().__init__(field, context, parent)
        self.dialog: QFileDialog | None = None
        is_folder = field.kind == "folder"
        button = self.add_button("folder-open", "Choose a folder" if is_folder else "Choose a file")
        button.clicked.connect(self.open)

    def open(self) -> None:
        """Show the dialog; the program goes on meanwhile."""
        if self.dialog is None:
            self.dialog = QFileDialog(self, self.field.title or "Choose")
            if self.field.kind == "folder":
                self.dialog.setFileMode(QFileDialog.FileMode.Directory)
            else:
                self.dialog.setFileMode(QFileDialog.FileMode.AnyFile)
                self.dialog.setLabelText(QFileDialog.DialogLabel.Accept, "Choose")
            self.dialog.fileSelected.connect(self.set_text)
        self.dialog.open()


def model_line(model: ModelInfo) -> str:
    """What a model can do, in a line."""
    parts = [f"{_short(model.context)} context"] if model.context else []
    gives = [word for word in model.output_modalities if word != "text"]
    takes = [word for word in model.input_modalities if word != "text"]
    parts += [f"reads {', '.join(takes)}"] if takes else []
    parts += [f"makes {', '.join(gives)}"] if gives else []
    names = {"tools": "functions", "structured_outputs": "structured", "reasoning": "reasoning"}
    parts += [word for parameter, word in names.items() if model.supports(parameter)]
    parts += [f"until {model.expires}"] if model.expires else []
    return " · ".join(parts)


def price_line(model: ModelInfo) -> str:
    """What a model costs per million tokens, in and out."""
    if model.is_free:
        return "free"
    if model.price_in is None or model.price_out is None:
        return ""
    return f"${model.price_in * 1e6:,.2f} in · ${model.price_out * 1e6:,.2f} out /M"


def _short(number: int) -> str:
    return f"{number / 1e6:.3g}M" if number >= 1e6 else f"{number / 1e3:.0f}k" if number >= 1_000 else str(number)
