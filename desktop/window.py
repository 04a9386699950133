"""The main window: open workflows as tabs, panels around them, one status line. It shows; others do the work."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QKeyEvent, QShowEvent
from PySide6.QtWidgets import QMainWindow, QStackedWidget, QTabWidget, QToolButton, QWidget

from desktop.commands import Commands
from desktop.docks import Docks, PanelSpec
from desktop.document import OpenDocument
from desktop.icons import Icons
from desktop.last_work import IN_FRONT, Place
from desktop.memory import RecentWork, WindowMemory
from desktop.menus import Menus
from desktop.palette_search import Provider, Recency
from desktop.start_page import StartPage
from desktop.status_bar import StatusBar
from desktop.tab_bar import WorkTabs
from desktop.theme import ThemeManager
from desktop.toasts import Toasts
from desktop.work_tab import CanvasFactory, WorkTab

if TYPE_CHECKING:
    from desktop.command_palette import CommandPalette

FIRST_SIZE: Final = QSize(1440, 900)
SMALLEST: Final = QSize(720, 480)
NAME: Final = "Steploom"


class CloseGuard(Protocol):
    """Who is asked before open work goes."""

    def clear(self, tabs: Sequence[WorkTab], then: Callable[[], object]) -> bool:
        """Whether these may be closed now. If not, `then` is called once they may; or never, if the person says no."""


class MainWindow(QMainWindow):
    """active_changed: the WorkTab in front, or None. opened, tab_closed: a WorkTab came or goes.

    files_dropped: paths of files dropped on the window. shown_first: it stands on the screen for the first time.
    hidden: it was closed and stays. closed: it was closed for good. is_closed_at_once: without a question about unsaved
    work. stays: whether closing it only hides it, because there is another way back to it.
    """

    active_changed = Signal(object)
    opened = Signal(object)
    tab_closed = Signal(object)
    files_dropped = Signal(list)
    shown_first = Signal()
    hidden = Signal()
    closed = Signal()

    def __init__(
        self,
        *,
        icons: Icons,
        themes: ThemeManager,
        commands: Commands,
        memory: WindowMemory,
        panels: Sequence[PanelSpec] = (),
        providers: Sequence[Provider] = (),
    ) -> None:
        super().__init__()
        self.icons, self.themes, self.commands, self.memory = icons, themes, commands, memory
        self._guard: CloseGuard | None = None
        self._providers = providers
        self._palette: CommandPalette | None = None
        self._quitting = False
        self.stays: Callable[[], bool] = lambda: False
        self._was_shown = False
        self._pages: dict[QWidget, Callable[[], object]] = {}
        self.is_closed_at_once = False
        self.setMinimumSize(SMALLEST)
        self.setWindowIcon(icons.program())
        self.setAcceptDrops(True)
        self.setDockNestingEnabled(True)
        # The sides keep their whole height: the inspector needs it more than the drawer needs width.
        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        self.start_page = StartPage(icons, themes)
        self.tabs = WorkTabs()
        self._middle = QStackedWidget()
        self._blank = QWidget()
        self._build_middle()
        self.status = StatusBar(icons, themes)
        self.setStatusBar(self.status)
        self.setTabPosition(Qt.DockWidgetArea.AllDockWidgetAreas, QTabWidget.TabPosition.North)
        self.docks = Docks(self, panels, icons, themes)
        self.toasts = Toasts(self, icons, themes, self._toast_margin)
        self._search_button = QToolButton()
        self._build_search_button()
        self._menus = Menus(self.menuBar(), commands)
        themes.changed.connect(lambda _: self._dress())
        self._dress()
        self._restore()
        self._title()

    @property
    def active(self) -> WorkTab | None:
        """The tab in front, None if no workflow is open."""
        tab = self.tabs.currentWidget()
        return tab if isinstance(tab, WorkTab) else None

    @property
    def all_tabs(self) -> Sequence[WorkTab]:
        """All tabs from left to right."""
        found = [self.tabs.widget(n) for n in range(self.tabs.count())]
        return [tab for tab in found if isinstance(tab, WorkTab)]

    @property
    def palette_window(self) -> CommandPalette:
        """The command palette, made when it is first wanted."""
        if self._palette is None:
            from desktop.command_palette import CommandPalette

            recency = Recency(self.memory.palette_recent)
            self._palette = CommandPalette(self, self.icons, self.themes, self._providers, recency)
            self._palette.chosen.connect(self._remember_choice)
        return self._palette

    def provide(self, providers: Sequence[Provider]) -> None:
        """Let the command palette offer this from now on."""
        self._providers = providers
        if self._palette is not None:
            self._palette.providers = list(providers)

    def set_guard(self, guard: CloseGuard) -> None:
        """Ask this before open work goes."""
        self._guard = guard

    def open_document(
        self,
        document: OpenDocument,
        make_canvas: CanvasFactory,
        work: RecentWork | None = None,
        place: Place = IN_FRONT,
    ) -> WorkTab:
        """Open a document in a new tab in front; one that is open already (the same `work`) just comes to the front.

        place: among the tabs, and behind the one in front if the person did not ask for it.
        """
        for tab in self.all_tabs:
            if work is not None and work.is_same(tab.work):
                if not place.behind:
                    self.tabs.setCurrentWidget(tab)
                return tab
        tab = WorkTab(document, make_canvas, self.commands, self.icons, self.themes, work=work)
        self.commands.attach(tab.canvas, "canvas")
        tab.title_changed.connect(lambda: self._retitle(tab))
        tab.running_changed.connect(lambda _: self.commands.refresh())
        if work is not None:
            self.memory.opened(work)
        index = self.tabs.insertTab(-1 if place.index is None else place.index, tab, tab.title)
        if not place.behind:
            self.tabs.setCurrentIndex(index)
        self._middle.setCurrentWidget(self.tabs)
        self._retitle(tab)
        selected = getattr(tab.canvas, "selection_changed", None)
        if selected is not None:
            selected.connect(lambda _: self.commands.refresh())
        self.opened.emit(tab)
        self.commands.refresh()
        if tab is self.active:
            tab.canvas.setFocus()
        return tab

    def close_tab(self, tab: WorkTab) -> None:
        """Close a tab, after the guard agreed."""
        if self._guard is None or self._guard.clear([tab], lambda: self._drop(tab)):
            self._drop(tab)

    def open_page(self, page: QWidget, title: str, icon: str, closed: Callable[[], object]) -> None:
        """Show something else than a workflow in a tab of its own, in front. closed: the person closes the tab."""
        self._pages[page] = closed
        index = self.tabs.addTab(page, self.icons.icon(icon, self.themes.theme), title)
        self.tabs.setCurrentIndex(index)
        self._middle.setCurrentWidget(self.tabs)

    def close_page(self, page: QWidget) -> None:
        """Take such a tab away; the page is destroyed."""
        closed = self._pages.pop(page, None)
        if closed is None:
            return
        closed()
        self.tabs.removeTab(self.tabs.indexOf(page))
        page.hide()
        page.deleteLater()
        self._show_start()

    def run_palette(self, text: str = "") -> None:
        """Open the command palette with that text typed."""
        self.palette_window.open(text)

    def step_tab(self, step: int) -> None:
        """Go to the next tab (1) or the one before (-1), around the ends."""
        if self.tabs.count():
            self.tabs.setCurrentIndex((self.tabs.currentIndex() + step) % self.tabs.count())

    def quit(self) -> None:
        """Close for good, though the window would only be hidden otherwise."""
        self._quitting = True
        self.close()

    def close_at_once(self) -> None:
        """Close without a question, because the system or the terminal says so; unsaved work is in the undo journal."""
        self._guard = None
        self.is_closed_at_once = True
        self.close()

    def reset_layout(self) -> None:
        """Put all panels back where they belong."""
        with self.docks.held():
            self.docks.put_drawer_aside(False)
            self.docks.arrange()
            self._make_room()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802 - Qt's name
        """Ask about unsaved work, then remember the layout and go; or only hide, with all work as it is."""
        if not self._quitting and not self.is_closed_at_once and self.stays():
            event.ignore()
            self.hide()
            self.hidden.emit()
            return
        quitting, self._quitting = self._quitting, False
        if self._guard is not None and not self._guard.clear(self.all_tabs, self.quit if quitting else self.close):
            event.ignore()
            return
        self.memory.open_work = [tab.work for tab in self.all_tabs if tab.work is not None]
        self.memory.front = self.active.work if self.active is not None else None
        self.docks.hold()
        self.docks.put_drawer_aside(False)
        self.memory.keep_layout(self.saveGeometry(), self.saveState())
        self.memory.flush()
        event.accept()
        for tab in self.all_tabs:
            self._drop(tab)
        for page in list(self._pages):
            self.close_page(page)
        self.closed.emit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Tell when it is shown for the first time."""
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            self._make_room()
            self.shown_first.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Escape closes the newest message, where nothing else had a use for it."""
        if event.key() == Qt.Key.Key_Escape and self.toasts.shown:
            self.toasts.remove(self.toasts.shown[-1])
        else:
            super().keyPressEvent(event)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Files may be dropped anywhere."""
        if _files(event):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802 - Qt's name
        """Say which files were dropped."""
        if files := _files(event):
            event.acceptProposedAction()
            self.files_dropped.emit(files)

    def _build_middle(self) -> None:
        self.tabs.tabCloseRequested.connect(lambda index: self._close_index(index))
        self.tabs.currentChanged.connect(lambda _: self._activated())
        self._blank.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._blank.setProperty("surface", "window")
        self._blank.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self._middle.addWidget(self.start_page)
        self._middle.addWidget(self._blank)
        self._middle.addWidget(self.tabs)
        self._middle.currentChanged.connect(lambda _: self._make_room())
        self.setCentralWidget(self._middle)

    def _build_search_button(self) -> None:
        button = self._search_button
        button.setText("  Search or run a command    Ctrl+K ")
        button.setToolTip("Search steps, actions, workflows and settings  Ctrl+K")
        button.setAccessibleName("Search or run a command")
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setProperty("role", "search")
        button.clicked.connect(lambda: self.run_palette())
        self.menuBar().setCornerWidget(button)

    def _dress(self) -> None:
        self._search_button.setIcon(self.icons.icon("search", self.themes.theme, "text.muted", 14))
        self._search_button.setIconSize(QSize(14, 14))

    def _restore(self) -> None:
        self.resize(FIRST_SIZE)
        if (geometry := self.memory.geometry) is not None:
            self.restoreGeometry(geometry)
        if (layout := self.memory.layout) is not None:
            self.restoreState(layout)

    def _activated(self) -> None:
        self._title()
        self.commands.refresh()
        self.active_changed.emit(self.active)

    def _retitle(self, tab: WorkTab) -> None:
        index = self.tabs.indexOf(tab)
        mark = "" if tab.document.is_saved else " •"
        self.tabs.setTabText(index, f"{tab.title.replace('&', '&&')}{mark}")
        self.tabs.setTabToolTip(index, tab.work.name if tab.work and tab.work.kind == "file" else tab.title)
        if tab.document.read_only:
            self.tabs.setTabIcon(index, self.icons.icon("lock", self.themes.theme, "text.muted", 14))
            self.tabs.setTabToolTip(index, tab.document.reason)
        self._title()
        self.commands.refresh()

    def _title(self) -> None:
        tab = self.active
        self.setWindowTitle(f"{tab.title}[*] — {NAME}" if tab else NAME)
        self.setWindowModified(tab is not None and not tab.document.is_saved)

    def _close_index(self, index: int) -> None:
        tab = self.tabs.widget(index)
        if isinstance(tab, WorkTab):
            self.close_tab(tab)
        elif tab is not None:
            self.close_page(tab)

    def expect_work(self) -> None:
        """Show no start page until `expect_nothing`: work is about to be opened."""
        self._middle.setCurrentWidget(self._blank)
        self._blank.setFocus()  # else something around it has the keyboard, and a ring to say so

    def expect_nothing(self) -> None:
        """No work comes by itself any more: where none came one begins."""
        if self._middle.currentWidget() is self._blank:
            self._show_start()

    def _make_room(self) -> None:
        """The start page has the height to itself: below it there is nothing to be told of runs yet."""
        if self._was_shown:
            self.docks.put_drawer_aside(self._middle.currentWidget() is self.start_page)

    def _show_start(self) -> None:
        """Where no tab is open one begins."""
        if not self.tabs.count():
            self.start_page.show_recent(self.memory.recent)
            self._middle.setCurrentWidget(self.start_page)
            self.start_page.take_focus()

    def _drop(self, tab: WorkTab) -> None:
        index = self.tabs.indexOf(tab)
        if index < 0:
            return
        self.tab_closed.emit(tab)
        self.tabs.removeTab(index)
        tab.deleteLater()
        self._show_start()

    def _toast_margin(self) -> int:
        """Pixels from the bottom that messages leave free: the status line and the drawer."""
        bottom = self.height() - self._middle.mapTo(self, self._middle.rect().bottomLeft()).y()
        return max(bottom, self.status.height()) + 8

    def _remember_choice(self) -> None:
        self.memory.palette_recent = self.palette_window.recency.ids


def _files(event: QDragEnterEvent | QDropEvent) -> list[Path]:
    urls = event.mimeData().urls()
    return [Path(url.toLocalFile()) for url in urls if url.isLocalFile()]


def main_widget_of(window: MainWindow) -> QWidget:
    """What the focus goes to besides the panels: the canvas in front, or the start page."""
    tab = window.active
    return tab.canvas if tab is not None else window.start_page
