"""Mistakes of the program itself are kept and told once, and the program goes on."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication, QPlainTextEdit
from pytestqt.qtbot import QtBot

from core.engine.mask import Mask
from desktop.crash import CrashKeeper, report_dialog

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[CrashKeeper]:
    made = CrashKeeper(tmp_path)
    yield made
    made.close()


def fail(text: str) -> None:
    """Let the interpreter's hook see an error, as a slot that raises does."""
    try:
        int(text)
    except ValueError as error:
        sys.excepthook(type(error), error, error.__traceback__)


def test_an_error_is_logged_and_told_once(qapp: object, keeper: CrashKeeper) -> None:
    told: list[str] = []
    keeper.tell_with(told.append)
    for _ in range(3):
        fail("the canvas stumbled")
    assert len(told) == 1
    assert "ValueError: " in told[0]
    assert "the canvas stumbled" in told[0]
    assert keeper.file.read_text().count("the canvas stumbled") == 3


def test_before_there_is_a_window_an_error_is_only_logged(qapp: object, keeper: CrashKeeper) -> None:
    fail("too early")
    assert "too early" in keeper.file.read_text()


def test_everything_is_as_before_after_closing(qapp: object, tmp_path: Path) -> None:
    hook, handlers = sys.excepthook, list(logging.getLogger().handlers)
    CrashKeeper(tmp_path).close()
    assert sys.excepthook is hook
    assert logging.getLogger().handlers == handlers


def test_a_home_that_cannot_be_written_to_is_no_hindrance(qapp: object, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file where the folder should be")
    CrashKeeper(tmp_path).close()


def test_the_report_can_be_copied(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = report_dialog(None, "Traceback: it broke", tmp_path / "desktop.log")
    dialog.open()
    assert dialog.findChildren(QPlainTextEdit)[0].toPlainText() == "Traceback: it broke"
    dialog.buttons["copy"].click()
    assert QApplication.clipboard().text() == "Traceback: it broke"


def test_keys_stay_out_of_the_log(qapp: object, keeper: CrashKeeper) -> None:
    mask = Mask()
    mask.add("mine", "not-shaped-like-a-key")
    keeper.mask_with(mask)
    logging.getLogger("library").error("GET /?key=not-shaped-like-a-key and sk-or-v1-0123456789abcdef0123")
    kept = keeper.file.read_text()
    assert "GET /?key=" in kept
    assert "not-shaped" not in kept
    assert "0123456789" not in kept
