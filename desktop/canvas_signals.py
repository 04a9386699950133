"""What a canvas asks of the window: a menu at the pointer, a step to be opened, a sentence to be said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from PySide6.QtCore import QPoint, SignalInstance
from PySide6.QtWidgets import QMenu, QWidget

from desktop.canvas_commands import CONTEXT
from desktop.step_bar import Pointed, StepBar
from desktop.window import MainWindow
from desktop.work_tab import WorkTab


@runtime_checkable
class CanvasSignals(Pointed, Protocol):
    """The part of CanvasView that speaks to the window."""

    @property
    def menu_requested(self) -> SignalInstance:
        """A place in the canvas, and what is there."""

    @property
    def activated(self) -> SignalInstance:
        """A step that a person wants to open."""

    @property
    def said(self) -> SignalInstance:
        """A sentence for the person."""

    def focus_on(self, step: str, *, reveal: bool = True) -> None:
        """Select a step and bring it into view."""

    def fit(self) -> None:
        """Show everything."""

    def viewport(self) -> QWidget:
        """What places in the canvas are counted from."""


def join_canvas(tab: WorkTab, canvas: CanvasSignals, window: MainWindow) -> None:
    """Do what the canvas of a tab asks for."""
    tab.step_wanted.connect(canvas.focus_on)
    canvas.said.connect(lambda text: window.toasts.show(text))
    canvas.menu_requested.connect(lambda at, _hit: _pop_up(window, canvas.viewport(), at))
    if not tab.document.read_only:
        StepBar(
            canvas, window.commands, window.icons, window.themes, lambda at: _pop_up(window, canvas.viewport(), at)
        )  # fmt: skip


def _pop_up(window: MainWindow, viewport: QWidget, at: QPoint) -> None:
    menu = context_menu(window, CONTEXT)
    menu.aboutToHide.connect(menu.deleteLater)
    menu.popup(viewport.mapToGlobal(at))


def context_menu(window: MainWindow, names: Sequence[str]) -> QMenu:
    """A menu of these commands, of which those that cannot be used now are left out. '' is a line."""
    window.commands.refresh()
    menu = QMenu(window)
    menu.setToolTipsVisible(False)
    waiting = False
    for name in names:
        if not name:
            waiting = not menu.isEmpty()
        elif "/" in name:
            part = [each for each in window.commands if each.menu == name and each.enabled()]
            if part:
                inner = menu.addMenu(name.rpartition("/")[2])
                inner.addActions([window.commands.action(each.id) for each in part])
        elif window.commands.knows(name) and window.commands.get(name).enabled():
            if waiting:
                menu.addSeparator()
                waiting = False
            menu.addAction(window.commands.action(name))
    return menu
