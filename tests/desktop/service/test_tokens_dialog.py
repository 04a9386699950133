"""Who may call the service: tokens made, shown once, used, and revoked in the window."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.store.tokens import Tokens
from desktop.dialogs.new_token import NewTokenDialog
from desktop.program import Program
from desktop.service.tokens_dialog import TokensDialog
from tests.support.desktop_program import made_program, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen


@pytest.fixture
async def program(tmp_path: Path, database_url: str) -> AsyncIterator[Program]:
    made = await made_program(tmp_path / "home", database_url=database_url)
    yield made
    await take_apart(made)


@pytest.fixture
def tokens(program: Program) -> Tokens:
    workspace = program.session.workspace
    assert workspace is not None
    assert workspace.store is not None
    return Tokens(workspace.store.database, now=workspace.clock.now)


def opened(program: Program) -> TokensDialog:
    assert program.window.commands.run("service.tokens")
    (dialog,) = program.window.findChildren(TokensDialog)
    return dialog


def click(widget: QWidget) -> None:
    assert widget.isEnabled()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def row(dialog: TokensDialog, number: int) -> list[str]:
    cells = [dialog.table.item(number, column) for column in range(dialog.table.columnCount())]
    return [cell.text() for cell in cells if cell is not None]


async def test_a_token_is_made_with_what_it_may_shown_once_and_revoked(program: Program, tokens: Tokens) -> None:
    dialog = opened(program)
    assert not dialog.make.isEnabled()
    QTest.keyClicks(dialog.name, "the shop")
    click(dialog.scopes["read"])
    click(dialog.scopes["answer"])
    click(dialog.make)
    await until(lambda: bool(dialog.findChildren(NewTokenDialog)))
    (shown,) = dialog.findChildren(NewTokenDialog)
    click(shown.buttons["copy"])
    text = QApplication.clipboard().text()
    await until(lambda: dialog.table.rowCount() == 1)
    assert row(dialog, 0)[:2] == ["the shop", "run, answer"]
    assert row(dialog, 0)[3:] == ["never", ""]
    token = await tokens.check(text)
    assert token is not None
    assert (token.name, set(token.scopes)) == ("the shop", {"run", "answer"})
    assert all(text not in cell for cell in row(dialog, 0))

    dialog.table.selectRow(0)
    click(dialog.revoke)
    await until(lambda: row(dialog, 0)[4:] == ["revoked"])
    assert not dialog.revoke.isEnabled()
    assert await tokens.check(text) is None
    dialog.reject()


async def test_a_token_with_an_end_says_when_and_one_without_a_name_or_a_right_is_not_made(
    program: Program, tokens: Tokens
) -> None:
    workspace = program.session.workspace
    assert workspace is not None
    now = workspace.clock.now()
    await tokens.create("ended", ["read"], expires=now - timedelta(days=1))
    await tokens.create("ends", ["admin"], expires=now + timedelta(days=1))
    dialog = opened(program)
    await until(lambda: dialog.table.rowCount() == 2)
    said = {row(dialog, number)[0]: row(dialog, number)[-1] for number in range(2)}
    assert said["ended"] == "has ended"
    assert said["ends"].startswith("until ")
    QTest.keyClicks(dialog.name, "nothing")
    for scope in ("run", "read"):
        click(dialog.scopes[scope])
    assert not dialog.make.isEnabled()
    QTest.keyClick(dialog.name, Qt.Key.Key_Return)
    assert dialog.findChildren(NewTokenDialog) == []
    dialog.reject()
