"""A step's values in the last run, in a viewer that is made when it is first seen, or why there are none."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QStackedLayout, QWidget

from core.workflow.model import Json
from desktop.empty_state import EmptyState
from desktop.panels.background import Surroundings
from desktop.panels.value_parts import Keys, prompt_keys
from desktop.panels.value_view import ValueView


class StepValues(QWidget):
    """One object of values. name: what it is, for screen readers. icon, title, text: what is shown without values.

    main: the key of what matters most in it, '' if nothing does.
    """

    def __init__(
        self,
        around: Surroundings,
        name: str,
        icon: str,
        title: str,
        text: str,
        main: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._around = around
        self._main: Keys = (main,) if main else ()
        self._value: Mapping[str, Json] | None = None
        self._root = ""
        self._is_stale = True
        self.viewer: ValueView | None = None
        self.setAccessibleName(name)
        self._stack = QStackedLayout(self)
        self._stack.addWidget(EmptyState(around.icons, around.themes, icon=icon, title=title, text=text))

    @property
    def value(self) -> Mapping[str, Json] | None:
        """What is shown, None if there is nothing."""
        return self._value

    def show_value(self, value: Mapping[str, Json] | None, root: str = "") -> None:
        """Show values, None for none. root: what templates call them, '' if they cannot be read by templates."""
        if value is not self._value or root != self._root:
            self._value, self._root, self._is_stale = value, root, True
            if self.isVisible():
                self._fill()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Show the values that came while it was not seen."""
        super().showEvent(event)
        self._fill()

    def _fill(self) -> None:
        if not self._is_stale:
            return
        self._is_stale = False
        if not self._value:
            self._stack.setCurrentIndex(0)
            return
        if self.viewer is None:
            self.viewer = self._around.make_viewer()
            self.viewer.setAccessibleName(self.accessibleName())
            side = self._around.themes.theme.px("space.3")
            self.viewer.setContentsMargins(side, 0, side, side)
            self.viewer.setMinimumWidth(1)  # a viewer's bar of buttons must not decide how wide the inspector is
            self._stack.addWidget(self.viewer)
        value = dict(self._value)
        self.viewer.show_value(value, self._root, prompt_keys(value) or self._main)
        self._stack.setCurrentIndex(1)
