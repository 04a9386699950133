"""The window of MCP servers with real ones: added, imported, tested, agreed to, changed, removed, and what they ask."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QWidget

from core.agents.mcp.exchange import Elicitation, ElicitationAnswer
from core.agents.mcp.foreign_files import read_text
from core.agents.mcp.tool import McpTool
from desktop.agents.elicitation import ElicitationDialog, PageDialog
from desktop.agents.server_add import ServerAdd
from desktop.agents.server_import import ServerImport
from desktop.agents.server_window import ServerWindow
from desktop.agents.tool_card import ToolCard, marked
from desktop.agents.tool_picker import ToolControl
from desktop.program import Program
from tests.desktop.agents.conftest import workspace_of
from tests.support.desktop_program import until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support")

PROGRAM = str(Path(__file__).parents[2] / "support" / "mcp_program.py")


def shown(program: Program) -> ServerWindow:
    program.commands.run("agents.servers")
    window = program.agents._server_window
    assert window is not None
    return window


async def with_server(program: Program, mode: str = "plain", name: str = "files") -> ServerWindow:
    window = shown(program)
    entry = {"mcpServers": {name: {"command": sys.executable, "args": [PROGRAM, mode]}}}
    program.agents.servers.add(read_text(json.dumps(entry)))
    await until(lambda: name in program.agents.servers.servers)
    window.choose(name)
    return window


def press(button: QWidget) -> None:
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


async def test_a_program_is_added_tested_and_its_tools_agreed_to(program: Program) -> None:
    window = shown(program)
    press(window.add)
    dialog = window.dialog
    assert isinstance(dialog, ServerAdd)
    press(dialog.agree)
    assert dialog.problem.text() == "Give it a name."
    QTest.keyClicks(dialog.name, "files")
    QTest.keyClicks(dialog.command, f"'{sys.executable}' '{PROGRAM}' plain")
    press(dialog.agree)
    await until(lambda: window.list.count() == 1)
    assert window.page.about.text() == "Test it to see what it offers."
    press(window.page.test)
    await until(lambda: len(window.page.cards) > 5)
    assert window.page.state.text().startswith("Ready")
    assert window.page.card("add").state.text() == "New: read it"
    press(window.page.card("add").button)
    await until(lambda: window.page.card("add").tool.state == "approved")
    assert (await workspace_of(program).mcp.call("files", "add", {"a": 1, "b": 2})).text == "3"
    press(window.page.card("add").button)
    await until(lambda: window.page.card("add").tool.state == "new")
    press(window.page.agree_all)
    await until(lambda: {card.tool.state for card in window.page.cards} == {"approved"})
    window.close()


async def test_a_changed_description_is_compared_with_what_was_agreed_to(program: Program) -> None:
    window = await with_server(program, "turncoat")
    press(window.page.test)
    await until(lambda: bool(window.page.cards))
    press(window.page.cards[0].button)
    await until(lambda: window.page.cards[0].tool.state == "approved")
    await workspace_of(program).mcp.call("files", "weather", {"city": "Rome"})
    program.agents.servers.look("files")
    await until(lambda: window.page.cards[0].tool.state == "changed")
    card = window.page.cards[0]
    assert card.button.text() == "Agree to the change"
    assert card.tool.approved_description == "The weather of a city."
    window.close()


def test_words_that_differ_are_marked_and_markup_of_servers_is_no_markup() -> None:
    old, new = marked("The weather of a city.", "The <b>weather</b>.", "red", "green")
    assert '<span style="background:red">' in old
    assert "&lt;b&gt;weather&lt;/b&gt;." in new
    assert "<b>" not in new


async def test_a_server_that_cannot_be_started_says_why(program: Program) -> None:
    window = shown(program)
    program.agents.servers.add(read_text('{"mcpServers": {"gone": {"command": "no-such-program-here"}}}'))
    await until(lambda: window.list.count() == 1)
    press(window.page.test)
    await until(lambda: "no-such-program-here" in window.page.error.text())
    assert not window.page.error.isHidden()
    window.close()


async def test_servers_of_other_programs_and_pasted_ones_are_imported(program: Program, tmp_path: Path) -> None:
    window = await with_server(program)
    (tmp_path / ".cursor").mkdir()
    found = {"files": {"command": "other"}, "search": {"command": "search-it"}, "broken": {"x": 1}}
    (tmp_path / ".cursor" / "mcp.json").write_text(json.dumps({"mcpServers": found}))
    dialog = ServerImport(program.agents.servers, program.themes, window, home=tmp_path)
    dialog.open()
    await until(lambda: len(dialog.boxes) == 3)
    state = {box.text(): (box.isEnabled(), box.isChecked()) for box, _ in dialog.boxes}
    assert state == {"files": (True, False), "search": (True, True), "broken": (False, False)}
    dialog.paste.setFocus()
    QTest.keyClicks(dialog.paste, '{"command": "pasted", "args": ["a"]}')
    await until(lambda: len(dialog.boxes) == 4)
    assert dialog.agree.text() == "Import 2"
    press(dialog.agree)
    await until(lambda: set(program.agents.servers.servers) == {"files", "search", "server"})
    assert program.agents.servers.servers["files"].command == sys.executable
    window.close()


async def test_a_text_that_names_no_servers_says_so(program: Program, tmp_path: Path) -> None:
    window = shown(program)
    press(window.bring)
    dialog = window.dialog
    assert isinstance(dialog, ServerImport)
    QTest.keyClicks(dialog.paste, "{broken")
    await until(lambda: dialog._pasted is not None and bool(dialog._pasted.trouble))
    assert not dialog.agree.isEnabled()
    dialog.close()
    window.close()


async def test_a_server_is_edited_switched_off_and_removed(program: Program) -> None:
    window = await with_server(program)
    window.ask_edit("files")
    dialog = window.dialog
    assert isinstance(dialog, ServerAdd)
    assert not dialog.name.isEnabled()
    dialog.folder.setText("/tmp")
    press(dialog.agree)
    desk = program.agents.servers
    await until(lambda: desk.servers["files"].cwd == "/tmp")
    action = next(each for each in window.page.menu().actions() if each.text() == "Switch off")
    action.trigger()
    await until(lambda: desk.servers["files"].disabled)
    assert not window.page.test.isEnabled()
    window.ask_remove("files")
    assert window.question is not None
    press(window.question.buttons["cancel"])
    assert "files" in desk.servers
    window.list.setFocus()
    QTest.keyClick(window.list, Qt.Key.Key_Delete)
    press(window.question.buttons["remove"])
    await until(lambda: not desk.servers)
    assert window.list.count() == 0
    window.close()


async def test_what_a_server_asks_is_a_form_that_the_person_fills_in(program: Program) -> None:
    window = await with_server(program)
    mcp = workspace_of(program).mcp
    ask = next(tool for tool in await mcp.tools("files") if tool.name == "ask")
    await mcp.approve("files", "ask", ask.hash)
    asked: list[QWidget] = []
    program.agents.servers.questions.asked.connect(asked.append)
    call = asyncio.ensure_future(mcp.call("files", "ask"))
    await until(lambda: bool(asked))
    dialog = asked[0]
    assert isinstance(dialog, ElicitationDialog)
    press(dialog.send)
    assert dialog.form.rows["name"].problem.text
    QTest.keyClicks(dialog.form.rows["name"].editor.focusProxy() or dialog.form.rows["name"].editor, "Ada")
    press(dialog.send)
    assert (await call).text == "accept: Ada 18"
    again = asyncio.ensure_future(mcp.call("files", "ask"))
    await until(lambda: len(asked) == 2)
    assert isinstance(asked[1], ElicitationDialog)
    press(asked[1].decline)
    assert (await again).text == "decline"
    window.close()


async def test_a_question_goes_away_with_the_call_that_asked_it(program: Program) -> None:
    asked: list[QWidget] = []
    questions = program.agents.servers.questions
    questions.asked.connect(asked.append)
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    waiting = asyncio.ensure_future(questions.ask(Elicitation("s", "t", "form", "Who?", schema)))  # type: ignore[arg-type]  # a plain schema
    await until(lambda: bool(asked))
    dialog = asked[0]
    gone: list[int] = []
    dialog.destroyed.connect(lambda: gone.append(1))
    waiting.cancel()
    await until(lambda: bool(gone))


async def test_a_page_is_opened_only_after_its_whole_address_was_agreed_to(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(QUrl(url).toString()))
    asked: list[PageDialog] = []
    questions = program.agents.servers.questions
    questions.asked.connect(asked.append)
    address = "https://pay.example.org.evil.test/confirm?id=1"
    page = Elicitation("s", "t", "url", "Please pay.", url=address)
    for button, answer in (("refuse", "decline"), ("open_page", "accept")):
        waiting = asyncio.ensure_future(questions.ask(page))
        await until(lambda: bool(asked))
        dialog = asked.pop()
        assert dialog.address.toPlainText() == address
        assert not dialog.open_page.isDefault()
        press(getattr(dialog, button))
        assert await waiting == ElicitationAnswer(answer)  # type: ignore[arg-type]  # one of its words
    assert opened == [address]
    waiting = asyncio.ensure_future(questions.ask(Elicitation("s", "t", "url", "x", url="file:///etc/passwd")))
    await until(lambda: bool(asked))
    assert not asked[0].open_page.isEnabled()
    asked[0].close()
    assert (await waiting).action == "decline"


async def test_an_agent_uses_servers_and_functions_choose_tools(program: Program) -> None:
    window = await with_server(program)
    program.agents.desk.edit("Clerk")
    await until(lambda: bool(program.agents.editors.open))
    editor = program.agents.editors.open[0]
    editor.show_tab("MCP servers")
    await until(lambda: "files" in editor.servers.boxes)
    box = editor.servers.boxes["files"]
    box.setFocus()
    QTest.keyClick(box, Qt.Key.Key_Space)
    assert editor.draft.agent.servers == ("files",)
    editor.show_tab("Functions")
    editor.functions.add_kind("mcp")
    control = editor.functions.form.rows["target"].control
    assert isinstance(control, ToolControl)
    press(control.button)
    popup = control.popup
    assert popup is not None
    await until(lambda: popup.model.rowCount() > 5, 30)
    QTest.keyClicks(popup.search, "add")
    QTest.keyClick(popup.search, Qt.Key.Key_Return)
    assert editor.draft.agent.functions[0].target == "files/add"
    await until(lambda: bool(editor.functions.form.trouble.texts))
    assert "agreed" in editor.functions.form.trouble.texts[0]
    editor.let_go()
    window.close()


async def test_a_tool_without_words_is_shown_whole(program: Program) -> None:
    tool = McpTool("s", "t", "", {"type": "object"}, "h", "changed", approved_description="")
    card = ToolCard(tool, program.themes.theme, program.icons)
    assert card.button.text() == "Agree to the change"
    assert not card.findChildren(QLineEdit)
    card.deleteLater()
