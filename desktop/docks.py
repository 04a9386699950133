"""Panels around the canvas as a table, and the docks that hold them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QLabel, QMainWindow, QTabBar, QToolButton, QVBoxLayout, QWidget

from desktop.icons import Icons
from desktop.theme import ThemeManager

Area: TypeAlias = Literal["left", "right", "bottom"]

_AREAS: Final = {
    "left": Qt.DockWidgetArea.LeftDockWidgetArea,
    "right": Qt.DockWidgetArea.RightDockWidgetArea,
    "bottom": Qt.DockWidgetArea.BottomDockWidgetArea,
}
LEAST: Final = {"left": 190, "right": 300, "bottom": 0}
"""Logical pixels below which a side cannot be read any more, however small the window is."""
WIDTHS: Final = {"left": 240, "right": 340, "bottom": 220}
"""Logical pixels of a new layout: width of the sides, height of the bottom."""


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """A panel. id: stable, for the remembered layout. factory: makes its widget, when it is first seen.

    keys: show or hide it. shown: whether it is there in a new layout.
    """

    id: str
    title: str
    icon: str
    area: Area
    factory: Callable[[], QWidget]
    keys: tuple[str, ...] = ()
    shown: bool = True


class PanelDock(QDockWidget):
    """A dock whose panel is made when it is first seen after `allow`."""

    def __init__(self, spec: PanelSpec, icons: Icons, themes: ThemeManager, parent: QWidget) -> None:
        super().__init__(spec.title, parent)
        self.spec = spec
        self.panel: QWidget | None = None
        self._allowed = False
        self._broken = False
        self.setObjectName(f"panel.{spec.id}")
        self.setAllowedAreas(Qt.DockWidgetArea.AllDockWidgetAreas)
        self._title = _DockTitle(self, icons, themes)
        self.setTitleBarWidget(self._title)
        waiting = QWidget()
        waiting.setProperty("surface", "panel")
        waiting.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setWidget(_Room(waiting, LEAST[spec.area]))
        self.visibilityChanged.connect(self._seen)

    def allow(self) -> None:
        """From now on the panel may be made: what it needs is there."""
        self._allowed = True
        self._seen(self.is_in_front)

    def hold(self) -> None:
        """The panel is not made until `allow`."""
        self._allowed = False

    @property
    def is_allowed(self) -> bool:
        """Whether the panel is made when it is seen."""
        return self._allowed

    @property
    def is_in_front(self) -> bool:
        """Whether it is to be seen, and not behind another."""
        return self.isVisible() and not self.visibleRegion().isEmpty()

    def fill(self) -> QWidget:
        """The panel, made now if it was not."""
        if self.panel is None:
            self.panel = self.spec.factory()
            self.panel.setProperty("surface", "panel")
            self.panel.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
            if not self.panel.accessibleName():
                self.panel.setAccessibleName(self.spec.title)
            before = self.widget()
            self.setWidget(_Room(self.panel, LEAST[self.spec.area]))
            before.deleteLater()
        return self.panel

    def renew(self) -> None:
        """Make the panel anew, if it was made: what it shows comes from elsewhere now."""
        self._broken = False
        if self.panel is not None:
            self.panel = None
            self._seen(True)

    def count(self, number: int) -> None:
        """Say how many things are in it, beside its title; 0 says nothing."""
        title = f"{self.spec.title} ({number})" if number else self.spec.title
        self.setWindowTitle(title)
        self._title.name.setText(title)

    def show_title(self, needed: bool) -> None:
        """Whether the dock names itself; a tab beside others does that already."""
        self._title.set_needed(needed)

    def _seen(self, visible: bool) -> None:
        if not visible or not self._allowed or self._broken:
            return
        try:
            self.fill()
        except Exception:  # noqa: BLE001 - one panel that cannot be made must not take the window along
            self._broken = True
            sys.excepthook(*sys.exc_info())


class _Room(QWidget):
    """Holds a panel: as narrow as that can be, but never so that it cannot be read. least: in logical pixels."""

    def __init__(self, panel: QWidget, least: int) -> None:
        super().__init__()
        self._least = least
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(panel)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """What the panel needs, or the least."""
        needed = super().minimumSizeHint()
        return QSize(max(needed.width(), self._least), needed.height())


class _DockTitle(QWidget):
    """A dock's title with its two buttons."""

    def __init__(self, dock: PanelDock, icons: Icons, themes: ThemeManager) -> None:
        super().__init__(dock)
        self._icons, self._themes = icons, themes
        self._needed = True
        self.setProperty("surface", "panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.name = QLabel(dock.spec.title)
        self.name.setProperty("kind", "strong")
        self._float = _button(f"Let {dock.spec.title} float, or dock it")
        self._float.clicked.connect(lambda: dock.setFloating(not dock.isFloating()))
        self._close = _button(f"Hide {dock.spec.title}")
        self._close.clicked.connect(dock.close)
        self._row = QHBoxLayout(self)
        self._row.setSpacing(2)
        self._row.addWidget(self.name)
        self._row.addStretch()
        self._row.addWidget(self._float)
        self._row.addWidget(self._close)
        self._margins()
        themes.changed.connect(self._dress)
        self._dress()

    def set_needed(self, needed: bool) -> None:
        if needed != self._needed:
            self._needed = needed
            for child in self.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
                child.setVisible(needed)
            self._margins()
            self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return QSize(80, 34 if self._needed else 0)

    def minimumSizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        return self.sizeHint()

    def _margins(self) -> None:
        self._row.setContentsMargins(*((12, 4, 6, 2) if self._needed else (0, 0, 0, 0)))

    def _dress(self) -> None:
        self._float.setIcon(self._icons.icon("maximize", self._themes.theme, "text.muted", 14))
        self._close.setIcon(self._icons.icon("x", self._themes.theme, "text.muted", 14))


class Docks:
    """All panels of a window."""

    def __init__(self, window: QMainWindow, specs: Sequence[PanelSpec], icons: Icons, themes: ThemeManager) -> None:
        self._window = window
        self.all = [PanelDock(spec, icons, themes, window) for spec in specs]
        for dock in self.all:
            dock.dockLocationChanged.connect(lambda _: self.name_once())
            dock.topLevelChanged.connect(lambda _: self.name_once())
        self._aside: list[PanelDock] = []
        self.arrange()

    def arrange(self) -> None:
        """Put every panel where it belongs, in its first size: bottom panels as tabs of one drawer."""
        for area in ("left", "right", "bottom"):
            docks = [dock for dock in self.all if dock.spec.area == area]
            for n, dock in enumerate(docks):
                dock.setFloating(False)
                self._window.addDockWidget(_AREAS[area], dock)
                dock.setVisible(dock.spec.shown)
                if n:
                    self._window.tabifyDockWidget(docks[0], dock)
            if docks:
                docks[0].raise_()
                way = Qt.Orientation.Vertical if area == "bottom" else Qt.Orientation.Horizontal
                self._window.resizeDocks([docks[0]], [WIDTHS[area]], way)
        self.name_once()

    def name_once(self) -> None:
        """Show a dock's own title only where no tab shows it."""
        for dock in self.all:
            beside = [each for each in self._window.tabifiedDockWidgets(dock) if not each.isHidden()]
            dock.show_title(dock.isFloating() or not beside)
        for bar in self._window.findChildren(QTabBar, options=Qt.FindChildOption.FindDirectChildrenOnly):
            bar.setElideMode(Qt.TextElideMode.ElideNone)  # whole names to scroll through, instead of their beginnings
            bar.setUsesScrollButtons(True)

    def put_drawer_aside(self, aside: bool) -> None:
        """Hide what stands below the middle, or show what was hidden so, the same panel in front as before."""
        if aside and not self._aside:
            below = [dock for dock in self.all if self._is_below(dock)]
            self._aside = sorted(below, key=lambda dock: dock.is_in_front)  # the one in front last
            for dock in below:
                dock.hide()
        elif not aside:
            back, self._aside = self._aside, []
            with self.held():  # each comes to the front for a moment, and what is not to be seen is not made
                for dock in back:
                    dock.show()
                for dock in back[-1:]:
                    dock.raise_()
        self.name_once()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Make no panel meanwhile, then those that are in front."""
        allowed = [dock for dock in self.all if dock.is_allowed]
        self.hold()
        yield
        for dock in allowed:
            dock.allow()

    def hold(self) -> None:
        """Make no panel until they are allowed again."""
        for dock in self.all:
            dock.hold()

    def _is_below(self, dock: PanelDock) -> bool:
        area = self._window.dockWidgetArea(dock)
        return area == _AREAS["bottom"] and not dock.isHidden() and not dock.isFloating()

    def get(self, panel_id: str) -> PanelDock:
        """The dock of that panel. Raises KeyError."""
        for dock in self.all:
            if dock.spec.id == panel_id:
                return dock
        raise KeyError(panel_id)

    def allow(self) -> None:
        """Let panels be made as they are seen."""
        for dock in self.all:
            dock.allow()

    def toggle(self, panel_id: str) -> None:
        """Show and focus a panel, or hide it if it is to be seen."""
        dock = self.get(panel_id)
        if dock.is_in_front:
            dock.close()
        else:
            self.reveal(panel_id)
        self.name_once()

    def reveal(self, panel_id: str) -> None:
        """Show a panel in front of others and give it the focus."""
        dock = self.get(panel_id)
        dock.show()
        dock.raise_()
        self.name_once()
        focus_first(dock.panel or dock)

    def focus_next(self, step: int, main: QWidget) -> None:
        """Move the focus on through the visible panels and the main widget. step: 1 or -1."""
        stops = [dock for dock in self.all if dock.is_in_front]
        ring: list[QWidget] = [main, *stops]
        focused: QWidget | None = self._window.focusWidget()
        at = next(
            (
                n
                for n, stop in enumerate(ring)
                if focused is not None and (stop is focused or stop.isAncestorOf(focused))
            ),
            0,
        )
        focus_first(ring[(at + step) % len(ring)])


def focus_first(widget: QWidget) -> None:
    """Give the focus to the first thing in a widget that takes it, its title's buttons last."""
    titles = widget.findChildren(_DockTitle)
    for child in [widget, *widget.findChildren(QWidget)]:
        inside_title = any(title.isAncestorOf(child) for title in titles)
        if (
            child.focusPolicy() & Qt.FocusPolicy.TabFocus
            and child.isVisible()
            and child.isEnabled()
            and not inside_title
        ):
            child.setFocus(Qt.FocusReason.TabFocusReason)
            return


def _button(name: str) -> QToolButton:
    button = QToolButton()
    button.setAccessibleName(name)
    button.setToolTip(name)
    button.setAutoRaise(True)
    button.setIconSize(QSize(14, 14))
    return button
