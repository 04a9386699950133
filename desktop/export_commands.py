"""Getting a workflow out of the window as a picture, on paper, or as the text of a diagram."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QFileDialog

from desktop.canvas_commands import canvas_in_front
from desktop.commands import Command
from desktop.window import MainWindow

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_FORMATS: Final = (
    ("png", "Picture (PNG)…", "image"), ("svg", "Drawing (SVG)…", "spline"), ("pdf", "PDF…", "file-text"),
)  # fmt: skip


def export_commands(window: MainWindow) -> Sequence[Command]:
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
        return lambda window, canvas: ask_export(window, canvas, suffix)

    return [
        *(Command(f"file.export.{suffix}", title, on_canvas(ask(suffix)), icon, (), "File/Export", "export", some,
                  help="The whole workflow in the colours of the theme.") for suffix, title, icon in _FORMATS),
        Command("file.export.mermaid", "Copy as Mermaid text", on_canvas(copy_mermaid), "copy", (),
                "File/Export", "export", some, help="Documents and chats that know Mermaid draw it."),
        Command("file.print", "Print…", on_canvas(ask_print), "printer", ("Ctrl+P",), "File", "export", some,
                help="On one page, as large as it goes."),
    ]  # fmt: skip


def ask_export(window: MainWindow, canvas: CanvasView, suffix: str) -> QFileDialog:
    """Ask for a file and write the workflow's picture there."""
    dialog = QFileDialog(window, "Export the workflow", "", f"{suffix.upper()} (*.{suffix})")
    dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
    dialog.setDefaultSuffix(suffix)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    name = re.sub(r"[^\w.-]+", "_", canvas.document.workflow.name.lower()).strip("_.") or "workflow"
    folder = canvas.document.file.parent if canvas.document.file is not None else Path.home()
    dialog.setDirectory(str(folder))
    dialog.selectFile(f"{name}.{suffix}")
    dialog.fileSelected.connect(lambda chosen: write(window, canvas, Path(chosen)))
    dialog.open()
    return dialog


def write(window: MainWindow, canvas: CanvasView, file: Path) -> None:
    """Write the workflow's picture to a file, and say so or why not."""
    from desktop.canvas.export import ExportFailed, export

    try:
        export(canvas, file)
    except ExportFailed as error:
        window.toasts.show("The picture was not written", str(error), kind="failed")
    else:
        window.toasts.show(f"{file.name} is written", f"In {file.parent}.", kind="done")


def copy_mermaid(window: MainWindow, canvas: CanvasView) -> None:
    """Put the workflow as a Mermaid flowchart on the clipboard."""
    from core.workflow.mermaid import mermaid

    QGuiApplication.clipboard().setText(mermaid(canvas.document.workflow, canvas.types))
    window.toasts.show("The Mermaid text is on the clipboard", "Paste it into a document or a chat.", kind="done")


def ask_print(window: MainWindow, canvas: CanvasView) -> None:
    """Ask for a printer and print the workflow."""
    from desktop.canvas.printing import print_dialog

    QDialog.open(print_dialog(window, canvas))  # its own `open` wants a slot by name
