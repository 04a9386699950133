"""The graph on paper: on one page, as large as it goes, in the light theme's colours whatever the window's are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPageLayout, QPainter
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtWidgets import QWidget

from desktop.canvas.export import MARGIN, whole
from desktop.canvas.export import paint as paint_graph
from desktop.canvas.geometry import Rect
from desktop.canvas.ink import Ink
from desktop.canvas.painter import Painter
from desktop.theme import Theme

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_DENSITY: Final = 4.0
_CAPTION: Final = 14.0


def print_dialog(parent: QWidget, canvas: CanvasView) -> QPrintDialog:
    """A dialog that prints the graph when the person agrees. Show it with `open()`."""
    printer = printer_for(canvas)
    dialog = QPrintDialog(printer, parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("Print the workflow")
    dialog.accepted.connect(lambda: print_on(printer, canvas))
    return dialog


def printer_for(canvas: CanvasView) -> QPrinter:
    """A printer set up for the graph: the page lies as the graph does."""
    area = whole(canvas)
    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setDocName(canvas.document.workflow.name or "Workflow")
    wide = area.width > area.height
    printer.setPageOrientation(QPageLayout.Orientation.Landscape if wide else QPageLayout.Orientation.Portrait)
    return printer


def print_on(printer: QPrinter, canvas: CanvasView) -> None:
    """Print the whole graph on one page."""
    area = whole(canvas)
    painter = QPainter(printer)
    page = painter.viewport()
    factor = min(page.width() / area.width, page.height() / (area.height + MARGIN))
    painter.translate((page.width() - area.width * factor) / 2, 0.0)
    painter.scale(factor, factor)
    inks = on_paper(canvas)
    painter.setFont(inks.ink.title)
    painter.setPen(inks.ink.text)
    painter.drawText(QRectF(MARGIN, _CAPTION, area.width - 2 * MARGIN, 24.0), canvas.document.workflow.name)
    painter.translate(0.0, MARGIN)
    paint_graph(painter, canvas, Rect(*area), _DENSITY, inks)
    painter.end()


def on_paper(canvas: CanvasView) -> Painter:
    """What paints the canvas's graph in colours for white paper."""
    return Painter(
        canvas.diagram, Ink(Theme.light()), canvas.icons, look=canvas.look, afar=canvas.afar, tone=canvas.tone,
        flow=canvas.flow,
    )  # fmt: skip
