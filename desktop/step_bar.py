"""A few buttons at the step under the pointer: run it, pass it over, delete it, and everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, QTimer, SignalInstance
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QToolButton, QWidget

from desktop.canvas.geometry import Rect
from desktop.canvas.viewport import Viewport
from desktop.commands import Commands
from desktop.icons import Icons
from desktop.theme import Theme, ThemeManager

SHOWN_MS: Final = 300
"""How long the pointer rests on a step before its buttons come."""

GONE_MS: Final = 220
"""How long they stay when it has left, so that one can reach them."""

LEAST_SCALE: Final = 0.5
"""On a smaller step they would be larger than it."""

_GAP: Final = 4
_BUTTONS: Final = (("run.step", "play"), ("step.disable", "ban"), ("edit.delete", "trash-2"))


class Pointed(Protocol):
    """A canvas whose steps can be pointed at; CanvasView is one."""

    camera: Viewport

    @property
    def pointed(self) -> SignalInstance:
        """The step under the pointer, '' for none."""

    @property
    def viewed(self) -> SignalInstance:
        """Another part is in view."""

    def viewport(self) -> QWidget:
        """What the buttons lie on."""

    def place_of(self, step: str) -> Rect | None:
        """The body of a step."""

    def focus_on(self, step: str, *, reveal: bool = True) -> None:
        """Select a step."""


class StepBar(QFrame):
    """more: opens the menu of the step at a place in the canvas's window. step: the one that it is at, '' for none.

    It is for the hand that holds the mouse; keys and the menu do the same.
    """

    def __init__(
        self, canvas: Pointed, commands: Commands, icons: Icons, themes: ThemeManager, more: Callable[[QPoint], object]
    ) -> None:
        super().__init__(canvas.viewport())
        self._canvas, self._commands, self._icons, self._themes, self._more = canvas, commands, icons, themes, more
        self.step = self._next = ""
        self.setProperty("role", "popup")
        self.setAccessibleName("What can be done with the step under the pointer")
        row = QHBoxLayout(self)
        row.setContentsMargins(3, 2, 3, 2)
        row.setSpacing(1)
        self.buttons: dict[str, QToolButton] = {}
        for name, _ in _BUTTONS:
            if commands.knows(name):
                self._add(row, name, commands.action(name).toolTip(), lambda name=name: self._run(name))  # type: ignore[misc] # a loop variable is bound early
        self._add(row, "more", "More", self._open_menu)
        self._coming, self._going = self._timer(SHOWN_MS, self._come), self._timer(GONE_MS, self._go)
        canvas.pointed.connect(self._pointed)
        canvas.viewed.connect(self._go)
        themes.changed.connect(self._dress)
        self._dress(themes.theme)
        self.hide()

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802 - Qt's name
        """It is reached: stay."""
        super().enterEvent(event)
        self._going.stop()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802 - Qt's name
        """It is left."""
        super().leaveEvent(event)
        self._going.start()

    def _pointed(self, step: str) -> None:
        self._next = step
        if not step or QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._coming.stop()
            self._going.start()
        elif step == self.step:
            self._going.stop()
        else:
            self._coming.start()

    def _come(self) -> None:
        place = self._canvas.place_of(self._next)
        camera = self._canvas.camera
        if place is None or camera.scale < LEAST_SCALE or QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._go()
            return
        self.step = self._next
        self._going.stop()
        self.adjustSize()
        right, top = camera.to_window(place.right, place.top)
        _, bottom = camera.to_window(place.right, place.bottom)
        y = top - self.height() - _GAP
        room = self._canvas.viewport().rect()
        x = max(_GAP, min(right, room.right() - _GAP) - self.width())
        self.move(round(x), round(y if y >= _GAP else bottom + _GAP))
        self.show()
        self.raise_()

    def _go(self) -> None:
        for timer in (self._coming, self._going):
            timer.stop()
        self.step = ""
        self.hide()

    def _run(self, name: str) -> None:
        step = self.step
        self._go()
        if self._canvas.place_of(step) is not None:
            self._canvas.focus_on(step, reveal=False)
            self._commands.refresh()
            self._commands.run(name)

    def _open_menu(self) -> None:
        step, at = self.step, self.geometry().bottomLeft()
        self._go()
        if self._canvas.place_of(step) is not None:
            self._canvas.focus_on(step, reveal=False)
            self._more(at)

    def _add(self, row: QHBoxLayout, name: str, tip: str, act: Callable[[], None]) -> None:
        button = QToolButton(self)
        button.setToolTip(tip)
        button.setAccessibleName(tip.partition("  ")[0])
        button.setIconSize(QSize(16, 16))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the keyboard stays on the canvas
        button.clicked.connect(lambda _checked=False: act())
        self.buttons[name] = button
        row.addWidget(button)

    def _timer(self, interval: int, call: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval)
        timer.timeout.connect(call)
        return timer

    def _dress(self, theme: Theme) -> None:
        signs = {**dict(_BUTTONS), "more": "ellipsis"}
        for name, button in self.buttons.items():
            button.setIcon(self._icons.icon(signs[name], theme, "text.secondary", 16))
