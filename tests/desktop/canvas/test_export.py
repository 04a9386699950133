"""Writing a graph as a picture, a slice at a time: the window lives on, one may give it up, and edits are not lost."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QProgressDialog

from core.workflow import edits
from desktop.canvas import export
from desktop.canvas.export import draw, sheet_for, whole
from desktop.canvas.sheets import ExportFailed, FileSheet, ImageSheet
from desktop.canvas.view import CanvasView
from desktop.document import OpenDocument
from desktop.overlay import RunOverlay
from desktop.theme import ThemeManager, add_fonts
from tests.support.canvas_hand import small_workflow
from tests.support.small_steps import small_step_types


@pytest.fixture
def canvas(qapp: QApplication) -> Iterator[CanvasView]:
    add_fonts()
    made = CanvasView(OpenDocument(small_workflow()), RunOverlay(), small_step_types(), ThemeManager())
    made.resize(600, 400)
    yield made
    made.close()
    made.deleteLater()
    qapp.sendPostedEvents()


def slow_clock() -> Iterator[float]:
    """Every look at it comes after a whole slice."""
    return count(0.0, export.SLICE_S * 2)


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
async def test_the_window_has_its_turn_between_the_slices(canvas: CanvasView, tmp_path: Path, suffix: str) -> None:
    file, shares, turns = tmp_path / f"graph{suffix}", list[float](), 0
    ticks = slow_clock()

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    await draw(canvas, lambda: sheet_for(canvas, file), progressed=shares.append, clock=lambda: next(ticks))
    beside.cancel()
    assert len(shares) >= len(canvas.diagram.boxes)
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1
    assert turns >= len(shares)
    assert file.stat().st_size > 2_000
    assert names(tmp_path) == [file.name]


async def test_it_looks_as_it_does_when_it_is_painted_at_once(canvas: CanvasView, tmp_path: Path) -> None:
    ticks = slow_clock()
    await draw(canvas, lambda: sheet_for(canvas, tmp_path / "sliced.png"), clock=lambda: next(ticks))
    export.export(canvas, tmp_path / "once.png")
    assert QImage(str(tmp_path / "sliced.png")) == QImage(str(tmp_path / "once.png"))


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
async def test_what_is_given_up_leaves_the_file_that_was_there(canvas: CanvasView, tmp_path: Path, suffix: str) -> None:
    file, ticks = tmp_path / f"graph{suffix}", slow_clock()
    file.write_text("before", encoding="utf-8")
    begun = asyncio.Event()
    task = asyncio.create_task(
        draw(canvas, lambda: sheet_for(canvas, file), progressed=lambda _: begun.set(), clock=lambda: next(ticks))
    )
    await begun.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert names(tmp_path) == [file.name]
    assert file.read_text(encoding="utf-8") == "before"


async def test_a_graph_that_is_edited_meanwhile_is_painted_anew(canvas: CanvasView, tmp_path: Path) -> None:
    file, ticks, shares = tmp_path / "graph.svg", slow_clock(), list[float]()

    def progressed(share: float) -> None:
        shares.append(share)
        if len(shares) == 3:
            canvas.document.apply("Rename", lambda workflow: edits.set_title(workflow, "free", "Renamed meanwhile"))

    await draw(canvas, lambda: sheet_for(canvas, file), progressed=progressed, clock=lambda: next(ticks))
    assert "Renamed meanwhile" in file.read_text(encoding="utf-8")
    assert shares != sorted(shares)


async def test_where_nothing_may_be_written_that_is_said_and_nothing_is_left(
    canvas: CanvasView, tmp_path: Path
) -> None:
    (tmp_path / "graph.png").mkdir()
    with pytest.raises(ExportFailed, match="could not be written"):
        await draw(canvas, lambda: sheet_for(canvas, tmp_path / "graph.png"))
    assert names(tmp_path) == ["graph.png"]


def test_a_huge_graph_gets_fewer_pixels(canvas: CanvasView, tmp_path: Path) -> None:
    canvas.apply("Move", lambda workflow: edits.move_steps(workflow, {"free": (90_000.0, 60_000.0)}))
    sheet: FileSheet = sheet_for(canvas, tmp_path / "huge.png")
    assert isinstance(sheet, ImageSheet)
    area = whole(canvas)
    assert area.width * area.height * sheet.density**2 == pytest.approx(64_000_000, rel=0.01)


def test_nothing_of_it_asks_for_a_dialog_that_blocks() -> None:
    """A progress dialog of Qt handles events inside setValue while it is modal, which would paint slices in slices."""
    dialog = QProgressDialog("Writing", "Cancel", 0, 100)
    assert dialog.windowModality() == Qt.WindowModality.NonModal
    dialog.deleteLater()
