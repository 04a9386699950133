"""What is said of the part of the canvas under the pointer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from core.workflow.model import Json
from desktop.canvas.hit import Hit

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_TIP: Final = 300
"""Characters of a value that a tooltip shows."""


def tip(canvas: CanvasView, at: Hit) -> str:
    """What a tooltip says about a part of the canvas."""
    if at.part == "port" and at.port is not None:
        if at.port.side == "in":
            return "Input: wires end here"
        kind = "decides where it goes on" if at.port.kind == "flow" else f"gives {at.port.kind}"
        return f"{at.port.name}: {kind}. Drag to lead on, click to add a step."
    if at.part == "step":
        view = canvas.state(at.step)
        if view is not None and view.error:
            return view.error
        mark = canvas.overlay.marks.get(at.step)
        name, fault = canvas.look(at.step).title, canvas.faults.sentence(at.step)
        if fault:
            return f"{name}\n{fault}"
        if mark is not None and mark.pinned:
            return f"{name}\nPinned: runs take the pinned output instead of running it."
        return f"{name}\n{mark.stale}" if mark is not None and mark.stale else name
    if at.part == "wire" and at.wire is not None:
        view = canvas.state(at.wire.source)
        output = view.output if view is not None else None
        names = f"{canvas.look(at.wire.source).title} → {canvas.look(at.wire.target).title}"
        if (tally := canvas.tally(at.wire)) not in ("", "1 item"):
            names += f" · {tally}"
        return names if output is None else f"{names}\n{_json_text(output)}"
    return ""


def _json_text(output: Mapping[str, Json]) -> str:
    """A value as far as a tooltip has room for it."""
    shown = {name: _short(value) for name, value in output.items()}
    text = json.dumps(shown, ensure_ascii=False, indent=2)
    return text if len(text) <= _TIP else f"{text[:_TIP]}…"


def _short(value: Json) -> Json:
    """A text or list cut to what can be seen; large values need not be written out for that."""
    if isinstance(value, str) and len(value) > _TIP:
        return f"{value[:_TIP]}…"
    return [*value[:20], "…"] if isinstance(value, list) and len(value) > 20 else value
