"""A workflow as the text of a Mermaid flowchart, for documents and chats that draw such texts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from core.workflow.catalogue import Catalogue
from core.workflow.editing.tree import is_canvas_only
from core.workflow.model import DEFAULT_PORT, Step, Workflow

_INDENT = "  "


def mermaid(workflow: Workflow, types: Catalogue | None = None) -> str:
    """The flowchart: steps as boxes, those that choose a branch as diamonds, loops around what they hold.

    types: tells notes, which are left out as they never run.
    """
    return "\n".join(_Chart(workflow, types).lines()) + "\n"


class _Chart:
    def __init__(self, workflow: Workflow, types: Catalogue | None) -> None:
        self._workflow = workflow
        # Numbers, as words such as `end` or `graph` cannot be names in a flowchart.
        drawn = (step for _, step in workflow.walk() if not is_canvas_only(step, types))
        self._names = {step.id: f"s{number}" for number, step in enumerate(drawn, 1)}

    def lines(self) -> Iterator[str]:
        if self._workflow.name.strip():
            yield from ("---", f"title: {json.dumps(_one_line(self._workflow.name), ensure_ascii=False)}", "---")
        yield "flowchart LR"
        yield from self._steps(self._workflow.steps, 1)
        for _, step in self._workflow.walk():
            for wire in step.wires():
                if wire.source in self._names and wire.target in self._names:
                    label = "" if wire.port == DEFAULT_PORT else f"|{_quoted(wire.port)}|"
                    yield f"{_INDENT}{self._names[wire.source]} -->{label} {self._names[wire.target]}"
        disabled = [
            self._names[step.id] for _, step in self._workflow.walk() if step.disabled and step.id in self._names
        ]
        if disabled:
            yield f"{_INDENT}classDef disabled stroke-dasharray:4 4,opacity:0.6"
            yield f"{_INDENT}class {','.join(disabled)} disabled"

    def _steps(self, steps: Mapping[str, Step], depth: int) -> Iterator[str]:
        margin = _INDENT * depth
        for step in steps.values():
            if step.id not in self._names:
                continue
            name, label = self._names[step.id], _quoted(step.name)
            if step.body:
                yield f"{margin}subgraph {name}[{label}]"
                yield from self._steps(step.body, depth + 1)
                yield f"{margin}end"
            elif len([port for port, targets in step.then.items() if targets and port != "error"]) > 1:
                yield f"{margin}{name}{{{label}}}"
            else:
                yield f"{margin}{name}[{label}]"


def _quoted(text: str) -> str:
    """A text as a label: on one line, with what Mermaid would read as its own marks written as entities."""
    line = _one_line(text).replace("#", "#35;")
    for character, entity in (("&", "#amp;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;"), ("`", "#96;")):
        line = line.replace(character, entity)
    return f'"{line}"'


def _one_line(text: str) -> str:
    return " ".join(text.split())
