"""Finding steps on the canvas: by title and id, by what stands in their settings, and by their last values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Final

from core.workflow.find import find
from core.workflow.model import Json
from desktop.canvas.chooser import Choice, ranked
from desktop.canvas.diagram import Diagram
from desktop.canvas.quick_add import step_choices
from desktop.overlay import RunOverlay

MOST_FOUND: Final = 50
LEAST_TEXT: Final = 2
"""Settings and values are searched for texts of so many characters at least: single letters stand everywhere."""

_MOST_TEXT: Final = 20_000
_AROUND: Final = 24
"""Characters shown before a hit."""


class Finder:
    """Searches one canvas as it is now; values are turned into text once, when they are first asked for."""

    def __init__(self, diagram: Diagram, overlay: RunOverlay) -> None:
        self._diagram = diagram
        self._overlay = overlay
        self._choices = {choice.key: choice for choice in step_choices(diagram)}
        self._values: Mapping[str, Sequence[tuple[str, str]]] | None = None

    def __call__(self, text: str) -> list[Choice]:
        """The steps that fit a text: those that are called so first, then those that hold it."""
        named = ranked(list(self._choices.values()), text)[:MOST_FOUND]
        wanted = text.strip()
        if len(wanted) < LEAST_TEXT or len(named) >= MOST_FOUND:
            return named
        found = {choice.key: choice for choice in named}
        for step, where, line in (*self._in_settings(wanted), *self._in_values(wanted)):
            known = self._choices.get(step)
            if known is not None and step not in found:
                shown = f"{where}: {_excerpt(line, wanted)}"
                found[step] = Choice(step, known.title, shown, known.icon, known.colour)
            if len(found) >= MOST_FOUND:
                break
        return list(found.values())

    def _in_settings(self, text: str) -> list[tuple[str, str, str]]:
        hits = find(self._diagram.workflow, text)
        return [
            (hit.step, str(hit.field[1]).replace("_", " ") if len(hit.field) > 1 else str(hit.field[0]), hit.line)
            for hit in hits
            if hit.step and hit.field[0] not in ("id", "title")
        ]

    def _in_values(self, text: str) -> list[tuple[str, str, str]]:
        if self._values is None:
            self._values = {step: _texts(view.output, view.error) for step, view in self._overlay.by_id.items()}
        wanted = text.casefold()
        return [
            (step, where, value)
            for step, texts in self._values.items()
            for where, value in texts
            if wanted in value.casefold()
        ]


def _texts(output: Mapping[str, Json] | None, error: str) -> list[tuple[str, str]]:
    """The last values of a step as text, each with what it is."""
    found = [("error", error)] if error else []
    for name, value in (output or {}).items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        found.append((f"last {name}", text[:_MOST_TEXT]))
    return found


def _excerpt(line: str, text: str) -> str:
    """The part of a line around a hit."""
    flat = " ".join(line.split())
    at = flat.casefold().find(text.casefold())
    return flat if at <= _AROUND else f"…{flat[at - _AROUND :]}"
