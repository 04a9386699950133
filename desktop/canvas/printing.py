"""The graph on paper: on one page, as large as it goes, in the light theme's colours whatever the window's are."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPageLayout, QPainter
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtWidgets import QWidget

from desktop.canvas.export import MARGIN, draw, whole
from desktop.canvas.geometry import Rect
from desktop.canvas.ink import Ink
from desktop.canvas.painter import Painter
from desktop.canvas.sheets import Sheet
from desktop.theme import Theme

if TYPE_CHECKING:
    from desktop.canvas.view import CanvasView

_CAPTION: Final = 14.0


class Paper(Sheet):
    """One page of a printer."""

    def __init__(self, printer: QPrinter, area: Rect, name: str, ink: Ink) -> None:
        super().__init__()
        self._printer, self._area, self._name, self._ink = printer, area, name, ink

    def _opened(self) -> QPainter:
        area, painter = self._area, QPainter(self._printer)
        page = painter.viewport()
        factor = min(page.width() / area.width, page.height() / (area.height + MARGIN))
        painter.translate((page.width() - area.width * factor) / 2, 0.0)
        painter.scale(factor, factor)
        painter.setFont(self._ink.title)
        painter.setPen(self._ink.text)
        painter.drawText(QRectF(MARGIN, _CAPTION, area.width - 2 * MARGIN, 24.0), self._name)
        painter.translate(0.0, MARGIN)
        return painter

    def drop(self) -> None:
        """Print nothing."""
        if not self._closing:
            self._printer.abort()
        super().drop()


def print_dialog(parent: QWidget, canvas: CanvasView, print_it: Callable[[QPrinter], object]) -> QPrintDialog:
    """A dialog that asks for a printer, and calls back when the person agrees. Show it with `open()`."""
    printer = printer_for(canvas)
    dialog = QPrintDialog(printer, parent)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("Print the workflow")
    dialog.accepted.connect(lambda: print_it(printer))
    return dialog


def printer_for(canvas: CanvasView) -> QPrinter:
    """A printer set up for the graph: the page lies as the graph does."""
    area = whole(canvas)
    printer = QPrinter(QPrinter.PrinterMode.HighResolution)
    printer.setDocName(canvas.document.workflow.name or "Workflow")
    wide = area.width > area.height
    printer.setPageOrientation(QPageLayout.Orientation.Landscape if wide else QPageLayout.Orientation.Portrait)
    return printer


async def print_on(
    printer: QPrinter, canvas: CanvasView, progressed: Callable[[float], None] = lambda _share: None
) -> None:
    """Print the whole graph on one page, a slice at a time."""
    inks = on_paper(canvas)

    def page() -> Paper:
        return Paper(printer, whole(canvas), canvas.document.workflow.name, inks.ink)

    await draw(canvas, page, progressed=progressed, inks=inks)


def on_paper(canvas: CanvasView) -> Painter:
    """What paints the canvas's graph in colours for white paper."""
    return Painter(
        canvas.diagram, Ink(Theme.light()), canvas.icons, look=canvas.look, afar=canvas.afar, tone=canvas.tone,
        flow=canvas.flow, tally=canvas.tally,
    )  # fmt: skip
