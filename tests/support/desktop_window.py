"""A main window with its commands, on a canvas that paints nothing, and its parts named for tests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QLineEdit, QWidget

from core.workflow.model import Step, Workflow
from desktop.commands import Commands
from desktop.docks import PanelSpec
from desktop.document import OpenDocument
from desktop.icons import Icons
from desktop.key_bindings import KeyBindings
from desktop.memory import RecentWork, WindowMemory
from desktop.overlay import RunOverlay
from desktop.theme import ThemeManager
from desktop.window import MainWindow
from desktop.window_commands import edit_commands, run_commands, view_commands
from desktop.work_tab import WorkTab
from tests.support.desktop import refuse_work


class PlainCanvas(QWidget):
    """A canvas that can take the focus and shows nothing."""

    def __init__(self, document: OpenDocument, overlay: RunOverlay) -> None:
        super().__init__()
        self.document, self.overlay = document, overlay
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)


@dataclass
class NotedRuns:
    """Notes what was to be run."""

    noted: list[str]

    def start(self, tab: WorkTab) -> None:
        self.noted.append(f"start {tab.title}")

    def start_again(self, tab: WorkTab) -> None:
        self.noted.append(f"again {tab.title}")

    def stop(self, tab: WorkTab) -> None:
        self.noted.append(f"stop {tab.title}")


def panel(panel_id: str, area: str, made: list[str] | None = None, *, shown: bool = True) -> PanelSpec:
    """A panel with one field; `made` notes when it is made."""

    def factory() -> QWidget:
        if made is not None:
            made.append(panel_id)
        widget = QWidget()
        QLineEdit(widget)
        return widget

    return PanelSpec(panel_id, panel_id.capitalize(), "box", area, factory, shown=shown)  # type: ignore[arg-type] # tests name areas only


def work_named(name: str, *, file: Path | None = None) -> tuple[OpenDocument, RecentWork | None]:
    """A document with one step, and where it is kept."""
    document = OpenDocument(Workflow(name, steps={"a": Step("a", "value")}), file=file)
    return document, RecentWork("file", str(file), name) if file else None


def open_work(window: MainWindow, name: str, *, file: Path | None = None) -> WorkTab:
    """Open such a document in a tab."""
    document, work = work_named(name, file=file)
    return window.open_document(document, PlainCanvas, work)


@contextmanager
def main_window(home: Path, panels: Sequence[PanelSpec] = (), *, ran: list[str] | None = None) -> Iterator[MainWindow]:
    """A window with its own commands, closed and destroyed afterwards. ran: notes `start` and `stop`."""
    noted = [] if ran is None else ran
    themes, icons, memory = ThemeManager(), Icons(), WindowMemory(home)
    commands = Commands(icons, themes, spawn=refuse_work, bindings=KeyBindings(memory.keys))
    window = MainWindow(icons=icons, themes=themes, commands=commands, memory=memory, panels=panels)
    commands.add(
        *edit_commands(window),
        *view_commands(window),
        *run_commands(window, NotedRuns(noted)),
    )
    commands.attach(window, "window")
    try:
        yield window
    finally:
        window.close_at_once()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
