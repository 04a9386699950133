"""Keys of the canvas. A window may bind its own actions to them; whatever it does not take comes here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

from desktop.canvas.geometry import GRID

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_ZOOM = 1.25


def bindings(canvas: CanvasView) -> Mapping[str, Callable[[], object]]:
    """What each key does, by the key as `spelt` spells it."""
    do = canvas.commands
    moves = {"Left": (-1.0, 0.0), "Right": (1.0, 0.0), "Up": (0.0, -1.0), "Down": (0.0, 1.0)}
    keys: dict[str, Callable[[], object]] = {
        "Tab": do.ask_next, "F2": do.rename, "C": do.ask_target,
        "Shift+C": do.ask_cut, "W": do.ask_wire, "L": do.ask_loop_around, "Ctrl+F": do.find, "M": do.toggle_disabled,
        "G": do.group, "Shift+G": do.ungroup, "H": do.toggle_collapsed,
        "Delete": do.delete, "Backspace": do.delete, "Ctrl+Delete": lambda: do.delete(rejoin=True),
        "Ctrl+Backspace": lambda: do.delete(rejoin=True),
        "Ctrl+A": do.select_all, "Ctrl+C": do.copy, "Ctrl+X": do.cut, "Ctrl+V": do.paste, "Ctrl+D": do.duplicate,
        "Shift+1": canvas.fit, "Shift+2": do.fit_selection, "Shift+0": lambda: canvas.zoom_to(1.0),
        "Ctrl++": lambda: canvas.zoom(_ZOOM), "Ctrl+=": lambda: canvas.zoom(_ZOOM),
        "Ctrl+-": lambda: canvas.zoom(1 / _ZOOM), "Ctrl+0": lambda: canvas.zoom_to(1.0),
        "Return": lambda: _open(canvas), "Enter": lambda: _open(canvas),
        "[": do.select_upstream, "]": do.select_downstream,
        "Ctrl+Z": canvas.document.stack.undo, "Ctrl+Shift+Z": canvas.document.stack.redo,
        "Ctrl+Y": canvas.document.stack.redo,
        "Ctrl+Left": lambda: do.walk("left"), "Ctrl+Right": lambda: do.walk("right"),
        "Ctrl+Up": lambda: do.walk("up"), "Ctrl+Down": lambda: do.walk("down"),
    }  # fmt: skip
    for name, (x, y) in moves.items():
        keys[name] = _arrow(canvas, name, x, y)
        keys[f"Shift+{name}"] = _nudge(canvas, x, y)
    form = QKeySequence.SequenceFormat.PortableText
    return {QKeySequence(name).toString(form): act for name, act in keys.items()}


def spelt(event: QKeyEvent) -> str:
    """A key event as `bindings` spells it. The digits above letters count as such whatever Shift makes of them."""
    shown = event.keyCombination()
    key, held = shown.key(), shown.keyboardModifiers() & ~Qt.KeyboardModifier.KeypadModifier
    shifted = {Qt.Key.Key_Exclam: "1", Qt.Key.Key_At: "2", Qt.Key.Key_QuoteDbl: "2", Qt.Key.Key_ParenRight: "0",
               Qt.Key.Key_Equal: "="}  # fmt: skip
    if held == Qt.KeyboardModifier.ShiftModifier and key in shifted and key != Qt.Key.Key_Equal:
        return f"Shift+{shifted[key]}"
    if key == Qt.Key.Key_Plus:
        held &= ~Qt.KeyboardModifier.ShiftModifier
    if key in (Qt.Key.Key_BracketLeft, Qt.Key.Key_BracketRight):
        return "[" if key == Qt.Key.Key_BracketLeft else "]"
    return QKeySequence(QKeyCombination(held, key)).toString(QKeySequence.SequenceFormat.PortableText)


def _open(canvas: CanvasView) -> None:
    if len(canvas.selected) == 1:
        step = next(iter(canvas.selected))
        if canvas.diagram.boxes[step].shape.form == "note":
            canvas.commands.edit_note(step)
        else:
            canvas.activated.emit(step)


def _arrow(canvas: CanvasView, name: str, x: float, y: float) -> Callable[[], object]:
    """Arrows move the selected steps; without any they move the keyboard to a step."""

    def act() -> None:
        if canvas.selected:
            canvas.commands.nudge(x * GRID, y * GRID)
        else:
            directions = {"Left": "left", "Right": "right", "Up": "up", "Down": "down"}
            canvas.commands.walk(directions[name])  # type: ignore[arg-type]  # the values are directions

    return act


def _nudge(canvas: CanvasView, x: float, y: float) -> Callable[[], object]:
    return lambda: canvas.commands.nudge(x, y)
