"""Chooses a tool of an MCP server, from what the servers offer now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from desktop.panels.controls import FormContext
from desktop.panels.fields import FormField
from desktop.panels.picker_popup import Pick
from desktop.panels.pickers import PickControl


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool as it can be chosen. state: `new`, `approved` or `changed`."""

    target: str
    description: str
    state: str


class ToolControl(PickControl):
    """`server/tool`, typed or chosen. tools: lists what the servers offer; starts them if need be."""

    what = "tools of your MCP servers"
    icon = "plug"

    def __init__(
        self,
        field: FormField,
        context: FormContext,
        tools: Callable[[], Awaitable[Sequence[OfferedTool]]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(field, context, parent)
        self._tools = tools

    async def picks(self) -> Sequence[Pick]:
        """The tools of all servers that answer."""
        words = {"approved": "", "new": "not agreed to yet", "changed": "changed since you agreed"}
        found = await self._tools()
        return [
            Pick(tool.target, tool.target, detail=" ".join(tool.description.split())[:120], right=words[tool.state])
            for tool in found
        ]

    def empty(self) -> str:
        """What is said if there are none."""
        return "No MCP server that is set up offers a tool. Set one up first."
