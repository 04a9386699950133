"""What can be done with the window itself: files, undo, panels, look, help. Everything here is a table of commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, get_args

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog

from desktop.commands import Command
from desktop.dialogs.edit_history import EditHistoryDialog
from desktop.filing import SUFFIX, Filing
from desktop.theme import ThemeChoice
from desktop.window import MainWindow, main_widget_of
from desktop.work_tab import WorkTab

FILES = f"Workflows (*{SUFFIX} *.yaml *.yml);;All files (*)"
_THEMES = {"system": ("Follow the system", "monitor"), "dark": ("Dark", "moon"), "light": ("Light", "sun")}


def file_commands(window: MainWindow, filing: Filing) -> Sequence[Command]:
    """Opening, saving and closing."""

    def some() -> bool:
        return window.active is not None

    def savable() -> bool:
        return window.active is not None and not window.active.document.is_newer

    def on_tab(action: Callable[[WorkTab], object]) -> Callable[[], object]:
        return lambda: action(window.active) if window.active else None

    return [
        Command("file.new", "New workflow", filing.new, "file-plus", ("Ctrl+N",), "File", "open"),
        Command(
            "file.open", "Open file…", lambda: ask_files(window, "Open workflows", filing.open_files), "folder-open",
            ("Ctrl+O",), "File", "open",
        ),
        Command(
            "file.save", "Save", on_tab(filing.save), "save", ("Ctrl+S",), "File", "save", enabled=savable,
            help="Saves where the workflow is kept: its file, or the library as a new version.",
        ),
        Command(
            "file.save_as", "Save as file…", on_tab(lambda tab: ask_save(window, filing, tab)), "download",
            ("Ctrl+Shift+S",), "File", "save", enabled=savable,
        ),
        Command(
            "file.save_library", "Save into the library", on_tab(filing.save_in_library), "library", (), "File", "save",
            lambda: savable() and filing.library is not None,
            help="From then on it is kept in the library, with all its versions.",
        ),
        Command("file.close", "Close workflow", on_tab(window.close_tab), "x", ("Ctrl+W",), "File", "close", some),
        Command("file.quit", "Quit", window.quit, "power", ("Ctrl+Q",), "File", "quit"),
    ]  # fmt: skip


def edit_commands(window: MainWindow) -> Sequence[Command]:
    """Undo and redo of the workflow in front."""

    def stack_can(what: str) -> Callable[[], bool]:
        return lambda: window.active is not None and getattr(window.active.document.stack, what)()

    def undo() -> None:
        if window.active is not None:
            window.active.document.stack.undo()

    def redo() -> None:
        if window.active is not None:
            window.active.document.stack.redo()

    return [
        Command("edit.undo", "Undo", undo, "undo-2", ("Ctrl+Z",), "Edit", "undo", stack_can("canUndo")),
        Command("edit.redo", "Redo", redo, "redo-2", ("Ctrl+Shift+Z", "Ctrl+Y"), "Edit", "undo", stack_can("canRedo")),
        Command(
            "edit.history",
            "Undo history…",
            lambda: _show_history(window),
            "history",
            ("Ctrl+Alt+Z",),
            "Edit",
            "undo",
            lambda: window.active is not None,
            help="Every edit since the workflow was opened; goes to any of them.",
        ),
    ]


def view_commands(window: MainWindow) -> Sequence[Command]:
    """Panels, tabs, and the look."""

    def focus(step: int) -> Callable[[], None]:
        return lambda: window.docks.focus_next(step, main_widget_of(window))

    several = lambda: window.tabs.count() > 1  # noqa: E731 - a condition in a table
    return [
        Command(
            "view.palette", "Search or run a command…", window.run_palette, "command", ("Ctrl+K",), "View", "find",
            help="Finds steps, actions, workflows and settings by a few letters.",
        ),
        *(_panel_command(window, dock.spec.id) for dock in window.docks.all),
        Command("view.next_panel", "Next panel", focus(1), "", ("F6",), "View", "focus"),
        Command("view.previous_panel", "Previous panel", focus(-1), "", ("Shift+F6",), "View", "focus"),
        Command("view.next_tab", "Next workflow", lambda: window.step_tab(1), "", ("Ctrl+PgDown",), "View", "focus",
                several),
        Command("view.previous_tab", "Previous workflow", lambda: window.step_tab(-1), "", ("Ctrl+PgUp",), "View",
                "focus", several),
        *(_theme_command(window, choice) for choice in get_args(ThemeChoice)),
        Command(
            "view.reduced_motion", "Reduced motion", lambda: _reduce_motion(window), "", (), "View", "look",
            checked=lambda: window.memory.reduced_motion, help="Nothing moves that need not.",
        ),
        Command("view.full_screen", "Full screen", lambda: _full_screen(window), "fullscreen", ("F11",), "View", "look",
                checked=window.isFullScreen),
        Command("view.reset_layout", "Reset the layout", window.reset_layout, "layout-dashboard", (), "View", "look",
                help="Puts all panels back where they belong."),
    ]  # fmt: skip


class Runs(Protocol):
    """Starts and stops runs; Running does."""

    def start(self, tab: WorkTab) -> None:
        """Run, after asking for the inputs."""

    def start_again(self, tab: WorkTab) -> None:
        """Run with the inputs of the last time."""

    def stop(self, tab: WorkTab) -> None:
        """Stop the shown run so that it can be resumed."""


def run_commands(window: MainWindow, runs: Runs) -> list[Command]:
    """Run and Stop for the workflow in front."""

    def can_run() -> bool:
        document = window.active.document if window.active is not None else None
        return document is not None and bool(document.workflow.steps) and not document.is_newer

    def is_running() -> bool:
        return window.active is not None and window.active.is_running

    def on_tab(action: Callable[[WorkTab], None]) -> Callable[[], None]:
        return lambda: action(window.active) if window.active else None

    return [
        Command("run.start", "Run", on_tab(runs.start), "play", ("F5", "Ctrl+Return"), "Run", "run", can_run,
                help="Runs the workflow in front."),
        Command("run.again", "Run again", on_tab(runs.start_again), "repeat", ("Ctrl+Shift+Return",), "Run", "run",
                can_run, help="Runs with the inputs of the last time, without asking."),
        Command("run.stop", "Stop", on_tab(runs.stop), "square", ("Shift+F5",), "Run", "run", is_running,
                help="Stops the run so that it can be resumed."),
    ]  # fmt: skip


def _show_history(window: MainWindow) -> None:
    if window.active is not None:
        EditHistoryDialog(window, window.active.document, window.icons, window.themes).open()


def _panel_command(window: MainWindow, panel_id: str) -> Command:
    dock = window.docks.get(panel_id)
    return Command(
        f"view.panel.{panel_id}", dock.spec.title, lambda: window.docks.toggle(panel_id), dock.spec.icon,
        dock.spec.keys, "View/Panels", "panels", checked=lambda: not dock.isHidden(),
        help=f"Shows or hides {dock.spec.title}.",
    )  # fmt: skip


def _theme_command(window: MainWindow, choice: ThemeChoice) -> Command:
    title, icon = _THEMES[choice]

    def choose() -> None:
        window.memory.theme = choice
        window.themes.choose(choice)

    return Command(
        f"view.theme.{choice}", title, choose, icon, (), "View/Theme", "look",
        checked=lambda: window.themes.choice == choice,
    )  # fmt: skip


def _reduce_motion(window: MainWindow) -> None:
    window.memory.reduced_motion = not window.memory.reduced_motion
    window.themes.reduce_motion(window.memory.reduced_motion)


def _full_screen(window: MainWindow) -> None:
    window.setWindowState(window.windowState() ^ Qt.WindowState.WindowFullScreen)


def ask_files(window: MainWindow, title: str, then: Callable[[Sequence[Path]], object]) -> None:
    """Ask for files of workflows."""
    dialog = QFileDialog(window, title, "", FILES)
    dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.filesSelected.connect(lambda names: then([Path(name) for name in names]))
    dialog.open()


def ask_save(window: MainWindow, filing: Filing, tab: WorkTab) -> None:
    """Ask for a file, and save a workflow there."""
    dialog = QFileDialog(window, "Save the workflow", "", FILES)
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.selectFile(str(tab.document.file or f"{tab.title.lower().replace(' ', '_').replace('/', '_')}{SUFFIX}"))
    dialog.fileSelected.connect(lambda name: filing.save_to_file(tab, _with_suffix(Path(name))))
    dialog.open()


def _with_suffix(file: Path) -> Path:
    return file if file.suffix in (".yaml", ".yml") else file.with_name(file.name + SUFFIX)
