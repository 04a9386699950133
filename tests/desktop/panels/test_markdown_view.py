"""Markdown in cards: nothing of it is cut off, and its tables fit."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextTable
from PySide6.QtWidgets import QApplication

from desktop.panels.markdown_view import MarkdownView
from tests.support.panel_parts import PanelParts, panel_parts

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen

TABLE = """\
| Model | 1 M tokens in | 1 M tokens out |
| --- | ---: | ---: |
| google/gemini-flash-lite | $0.10 | $0.80 |
"""


@pytest.fixture
async def parts(qapp: QApplication) -> AsyncIterator[PanelParts]:
    async with panel_parts() as made:
        yield made


def view_of(parts: PanelParts, text: str, width: int) -> MarkdownView:
    view = MarkdownView(parts.themes, grows=True)
    view.show_markdown(text)
    parts.show(view, width, 500)
    return view


async def test_a_long_text_in_a_card_breaks_its_lines_beside_the_scroll_bar(parts: PanelParts) -> None:
    view = view_of(parts, "Some words that fill a line. " * 60, 290)
    await parts.idle()
    assert view.verticalScrollBar().isVisible()
    assert view.document().size().width() <= view.viewport().width()
    short = view_of(parts, "Some words.", 290)
    await parts.idle()
    assert not short.verticalScrollBar().isVisible()


async def test_a_table_takes_the_room_there_is_and_has_its_headings_above_its_numbers(parts: PanelParts) -> None:
    view = view_of(parts, TABLE, 240)
    await parts.idle()
    (table,) = view.document().rootFrame().childFrames()
    assert isinstance(table, QTextTable)
    assert view.document().size().width() <= view.viewport().width()
    sides = [
        [table.cellAt(row, column).firstCursorPosition().blockFormat().alignment() for column in range(3)]
        for row in range(2)
    ]
    assert sides[0] == sides[1]
    assert sides[0][1] & Qt.AlignmentFlag.AlignRight
    border = table.format().toTableFormat().borderBrush().color()
    assert border.name() == parts.themes.theme.color("border.subtle").name()


async def test_paragraphs_have_room_between_them_and_lines_of_code_have_none(parts: PanelParts) -> None:
    view = view_of(parts, "One.\n\nTwo.\n\n- a\n- b\n\n```\nx = 1\ny = 2\n```\n\nThe end.", 290)
    margins = {}
    block = view.document().begin()
    while block.isValid():
        margins[block.text()] = block.blockFormat().bottomMargin()
        block = block.next()
    assert margins["One."] == margins["Two."] == margins["b"] == margins["y = 2"] == 8
    assert (margins["a"], margins["x = 1"], margins["The end."]) == (3, 0, 0)
