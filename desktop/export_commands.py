"""Getting a workflow out of the window as a picture, on paper, or as the text of a diagram."""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFileDialog, QProgressDialog, QPushButton
from shiboken6 import isValid

from desktop.bridge import Bridge, explain
from desktop.canvas_commands import canvas_in_front
from desktop.commands import Command
from desktop.window import MainWindow

if TYPE_CHECKING:
    from PySide6.QtPrintSupport import QPrinter

    from desktop.canvas.view import CanvasView

PATIENCE_MS: Final = 400
"""What is done sooner needs no dialog that says how far it is."""

WIDTH: Final = 360
"""Of that dialog, in logical pixels."""

Progressed: TypeAlias = Callable[[float], None]
"""Hears the share that is painted, from 0 to 1."""

_FORMATS: Final = (
    ("png", "Picture (PNG)…", "image"), ("svg", "Drawing (SVG)…", "spline"), ("pdf", "PDF…", "file-text"),
)  # fmt: skip


def export_commands(window: MainWindow, bridge: Bridge) -> Sequence[Command]:
    """The menu File/Export, and Print."""

    def on_canvas(act: Callable[[MainWindow, CanvasView], object]) -> Callable[[], None]:
        def run() -> None:
            if (canvas := canvas_in_front(window)) is not None:
                act(window, canvas)

        return run

    def some() -> bool:
        canvas = canvas_in_front(window)
        return canvas is not None and bool(canvas.diagram.boxes)

    def ask(suffix: str) -> Callable[[MainWindow, CanvasView], object]:
        return lambda window, canvas: ask_export(window, bridge, canvas, suffix)

    return [
        *(Command(f"file.export.{suffix}", title, on_canvas(ask(suffix)), icon, (), "File/Export", "export", some,
                  help="The whole workflow in the colours of the theme.") for suffix, title, icon in _FORMATS),
        Command("file.export.mermaid", "Copy as Mermaid text", on_canvas(copy_mermaid), "copy", (),
                "File/Export", "export", some, help="Documents and chats that know Mermaid draw it."),
        Command("file.print", "Print…", on_canvas(lambda window, canvas: ask_print(window, bridge, canvas)), "printer",
                ("Ctrl+P",), "File", "export", some, help="On one page, as large as it goes."),
    ]  # fmt: skip


def ask_export(window: MainWindow, bridge: Bridge, canvas: CanvasView, suffix: str) -> QFileDialog:
    """Ask for a file and write the workflow's picture there."""
    dialog = QFileDialog(window, "Export the workflow", "", f"{suffix.upper()} (*.{suffix})")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suffix)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    name = re.sub(r"[^\w.-]+", "_", canvas.document.workflow.name.lower()).strip("_.") or "workflow"
    folder = canvas.document.file.parent if canvas.document.file is not None else Path.home()
    dialog.setDirectory(str(folder))
    dialog.selectFile(f"{name}.{suffix}")
    dialog.fileSelected.connect(lambda chosen: write(window, bridge, canvas, Path(chosen)))
    dialog.open()
    return dialog


def write(window: MainWindow, bridge: Bridge, canvas: CanvasView, file: Path) -> None:
    """Write the workflow's picture to a file, and say so or why not."""
    from desktop.canvas.export import draw, sheet_for

    def work(progressed: Progressed) -> Coroutine[Any, Any, None]:
        return draw(canvas, lambda: sheet_for(canvas, file), progressed=progressed)

    _begin(window, bridge, canvas, f"Writing {file.name}…", work, (f"{file.name} is written", f"In {file.parent}."))


def copy_mermaid(window: MainWindow, canvas: CanvasView) -> None:
    """Put the workflow as a Mermaid flowchart on the clipboard."""
    from core.workflow.mermaid import mermaid

    QGuiApplication.clipboard().setText(mermaid(canvas.document.workflow, canvas.types))
    window.toasts.show("The Mermaid text is on the clipboard", "Paste it into a document or a chat.", kind="done")


def ask_print(window: MainWindow, bridge: Bridge, canvas: CanvasView) -> None:
    """Ask for a printer and print the workflow."""
    from desktop.canvas.printing import print_dialog, print_on

    def agreed(printer: QPrinter) -> None:
        name = canvas.document.workflow.name or "The workflow"
        _begin(
            window, bridge, canvas, f"Printing {name}…", lambda progressed: print_on(printer, canvas, progressed),
            (f"{name} is printed", f"On {printer.printerName() or printer.outputFileName()}."),
        )  # fmt: skip

    QDialog.open(print_dialog(window, canvas, agreed))  # its own `open` wants a slot by name


def _begin(
    window: MainWindow,
    bridge: Bridge,
    canvas: CanvasView,
    title: str,
    work: Callable[[Progressed], Coroutine[Any, Any, None]],
    done: tuple[str, str],
) -> None:
    """Paint in the background, show how far it is if that takes a while, and let the person give it up."""
    shown, cancel = QProgressDialog(title, "", 0, 100, window), QPushButton("Cancel")
    cancel.setAutoDefault(False)
    shown.setCancelButton(cancel)
    shown.setMinimumWidth(WIDTH)
    shown.setWindowTitle(title.rstrip("…"))
    shown.setMinimumDuration(PATIENCE_MS)
    shown.setAutoClose(False)

    def over(_task: object = None) -> None:
        if isValid(shown):
            shown.reset()
            shown.deleteLater()

    def failed(error: Exception) -> None:
        window.toasts.show("That was not finished", explain(error), kind="failed")

    def finished(_nothing: None) -> None:
        window.toasts.show(*done, kind="done")

    task = bridge.spawn(work(lambda share: shown.setValue(round(share * 99))), finished, failed, name="export")
    if task is None:
        over()
        return
    task.add_done_callback(over)
    shown.canceled.connect(task.cancel)
    canvas.destroyed.connect(task.cancel)  # nothing is left to paint
