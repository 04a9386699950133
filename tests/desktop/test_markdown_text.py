"""Markdown where only plain text can stand, and headings on cards."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtGui import QColor, QImage, QPainter, QTextDocument
from pytestqt.qtbot import QtBot

from desktop.markdown_text import calm_headings, read_markdown, unmarked


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


def test_a_picture_in_markdown_is_its_name_and_its_file_is_not_read(qtbot: QtBot, tmp_path: Path) -> None:
    red, file = QColor("#ff0102"), tmp_path / "red.png"
    picture = QImage(40, 40, QImage.Format.Format_RGB32)
    picture.fill(red)
    assert picture.save(str(file))
    document = QTextDocument()
    read_markdown(
        document, f"A ![cat]({file}) and ![dog]({file.as_uri()}), [![a dog]({file})](https://x.org) <b>too</b>"
    )
    paper = QImage(300, 100, QImage.Format.Format_RGB32)
    paper.fill(QColor("white"))
    painter = QPainter(paper)
    document.drawContents(painter)
    painter.end()

    assert document.toPlainText() == "A ▣ cat and ▣ dog, ▣ a dog <b>too</b>"
    assert not any(paper.pixelColor(x, y) == red for x in range(300) for y in range(100))
