"""Which panels there are, where they stand, and what makes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from PySide6.QtWidgets import QWidget

from desktop.docks import Area, PanelSpec
from desktop.empty_state import EmptyState
from desktop.icons import Icons
from desktop.theme import ThemeManager

PanelMaker: TypeAlias = Callable[[], QWidget]


def panel_table(
    icons: Icons, themes: ThemeManager, makers: Mapping[str, PanelMaker] | None = None
) -> Sequence[PanelSpec]:
    """The panels of the main window.

    makers: what makes them, by id, looked up when a panel is first seen; the others say that they are empty.
    """
    made_by = makers if makers is not None else {}

    def empty(icon: str, title: str, text: str) -> PanelMaker:
        return lambda: EmptyState(icons, themes, icon=icon, title=title, text=text)

    def spec(panel_id: str, title: str, icon: str, area: Area, keys: str, waiting: PanelMaker) -> PanelSpec:
        def make() -> QWidget:
            return made_by.get(panel_id, waiting)()

        return PanelSpec(panel_id, title, icon, area, make, (keys,))

    return [
        spec("palette", "Steps", "boxes", "left", "Ctrl+1",
             empty("boxes", "No workflow is open", "Open one, then drag steps from here.")),
        spec("library", "Library", "library", "left", "Ctrl+9",
             empty("library", "The library is empty", "Workflows that you save without a file are kept here.")),
        spec("agents", "Agents", "bot", "left", "Ctrl+Shift+A",
             empty("bot", "No agents yet", "An agent is a model with instructions, memory and functions.")),
        spec("inspector", "Inspector", "sliders-horizontal", "right", "Ctrl+2",
             empty("mouse-pointer-2", "Nothing is selected", "Select a step to see and change its settings.")),
        spec("chat", "Chat", "message-square", "right", "Ctrl+J",
             empty("message-square", "Nobody to talk to yet", "Talk here with agents, and with workflows.")),
        spec("memory", "Memory", "brain", "right", "Ctrl+Shift+M",
             empty("brain", "Nothing is remembered", "What agents remember is kept in the database.")),
        spec("timeline", "Timeline", "chart-gantt", "bottom", "Ctrl+3",
             empty("chart-gantt", "No run yet", "Press Run, and every step appears here as it happens.")),
        spec("values", "Values", "braces", "bottom", "Ctrl+4",
             empty("braces", "No values yet", "Select a step of a run to see what went in and what came out.")),
        spec("variables", "Variables", "variable", "bottom", "Ctrl+5",
             empty("variable", "No variables", "Add one in the workflow's settings, and set it with a Set step.")),
        spec("problems", "Problems", "circle-check", "bottom", "Ctrl+6",
             empty("circle-check", "Nothing to mend", "What keeps a workflow from running is listed here.")),
        spec("history", "History", "history", "bottom", "Ctrl+7",
             empty("history", "No runs yet", "Every run of this workflow is kept here.")),
        spec("waiting", "Waiting for you", "hand", "bottom", "Ctrl+8",
             empty("hand", "Nothing waits for you", "Approvals and questions of runs appear here.")),
        spec("monitoring", "Monitoring", "chart-line", "bottom", "Ctrl+Shift+U",
             empty("chart-line", "Nothing is counted", "Runs, durations, spending and workers are charted here.")),
    ]  # fmt: skip
