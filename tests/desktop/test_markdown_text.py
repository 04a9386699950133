"""Markdown where only plain text can stand, and headings on cards."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QTextDocument
from pytestqt.qtbot import QtBot

from desktop.markdown_text import calm_headings, unmarked


@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("Shall **Spring letter** go out?", "Shall Spring letter go out?"),
        ("# Title\n\n> quoted\n- one\n* two", "Title\n\nquoted\none\ntwo"),
        ("See [the page](https://x.org) and ![it](a.png)", "See the page and it"),
        ("Use `code` and *this*, __that__, ~~not this~~", "Use code and this, that, not this"),
        ("2 * 3 * 4 = 24, snake_case_name, a - b", "2 * 3 * 4 = 24, snake_case_name, a - b"),
        ("", ""),
    ],
)
def test_marks_are_taken_off_and_nothing_else(marked: str, plain: str) -> None:
    assert unmarked(marked) == plain


def test_headings_are_little_larger_than_the_text(qtbot: QtBot) -> None:
    wild, calm = QTextDocument(), QTextDocument()
    for document in (wild, calm):
        document.setMarkdown("# Title\n\ntext")
    calm_headings(calm)
    assert calm.size().height() < wild.size().height()
