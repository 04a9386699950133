"""Nothing in the desktop stops the loop for an answer: a modal `exec` in a coroutine stops every other task."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

DESKTOP: Final = Path(__file__).parents[2] / "desktop"
ASKING: Final = {
    "QMessageBox": {"question", "information", "warning", "critical", "about", "aboutQt"},
    "QInputDialog": {"getText", "getMultiLineText", "getItem", "getInt", "getDouble"},
    "QFileDialog": {
        "getOpenFileName", "getOpenFileNames", "getSaveFileName", "getExistingDirectory", "getOpenFileUrl",
        "getOpenFileUrls", "getSaveFileUrl", "getExistingDirectoryUrl",
    },
    "QColorDialog": {"getColor"},
    "QFontDialog": {"getFont"},
    "QApplication": {"processEvents"},
    "QCoreApplication": {"processEvents"},
}  # fmt: skip
"""Functions that come back only when a person has answered, or that turn the loop inside the loop."""

ALLOWED: Final = {("panels/palette.py", "drag.exec")}
"""A drag has no other way, and Qt goes on with timers and sockets meanwhile."""


def modal_calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Lines that wait for an answer, and what they call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            name, called = ast.unparse(node.func.value), node.func.attr
            if called in ("exec", "exec_") or called in ASKING.get(name, ()):
                yield node.lineno, f"{name}.{called}"


def test_no_file_waits_for_an_answer() -> None:
    found = [
        (file.relative_to(DESKTOP).as_posix(), call, line)
        for file in DESKTOP.rglob("*.py")
        for line, call in modal_calls(ast.parse(file.read_text("utf-8")))
    ]
    assert [each for each in found if each[:2] not in ALLOWED] == []


@pytest.mark.parametrize(
    "text", ["dialog.exec()", "QMessageBox.question(a, b, c)", "QFileDialog.getOpenFileName()", "menu.exec_(at)"]
)
def test_what_waits_for_an_answer_is_found(text: str) -> None:
    assert len(list(modal_calls(ast.parse(text)))) == 1


@pytest.mark.parametrize("text", ["dialog.open()", "menu.popup(at)", "box.question.setText('')", "exec('1')"])
def test_what_does_not_wait_is_left_alone(text: str) -> None:
    assert list(modal_calls(ast.parse(text))) == []
