"""Agents, chats, memory and monitoring, over a database of their own."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.screens.stage import Scene, Shots, heighten, reveal, until, workspace_of

if TYPE_CHECKING:
    from desktop.program import Program

SERVER = Path(__file__).resolve().parents[2] / "tests" / "support" / "mcp_program.py"


async def agents(program: Program) -> Shots:
    """The panel, the editor page by page, MCP servers."""
    from desktop.agents.editor import TABS

    await until(lambda: program.session.workspace)
    panel = await reveal(program, "agents", 0.8)
    yield "empty", program.window
    for example in program.agents.desk.examples:
        program.agents.desk.add_example(example)
    await until(lambda: len(program.agents.desk.agents) == len(program.agents.desk.examples))
    for toast in program.window.toasts.shown:
        program.window.toasts.remove(toast)
    await asyncio.sleep(0.5)
    yield "", panel
    name = program.agents.desk.agents[-1].agent.name
    program.agents.desk.edit(name)
    await until(lambda: program.agents.editors.open)
    editor = program.agents.editors.open[0]
    await asyncio.sleep(1.0)
    for tab in TABS:
        editor.show_tab(tab)
        await asyncio.sleep(0.4)
        yield f"editor_{tab.lower().replace(' ', '_')}", editor
    editor.close()
    program.commands.run("agents.servers")
    window = program.agents._server_window
    assert window is not None
    await asyncio.sleep(0.5)
    yield "servers_empty", window
    from core.agents.mcp.foreign_files import read_text

    entry = {"mcpServers": {"files": {"command": sys.executable, "args": [str(SERVER), "plain"]}}}
    program.agents.servers.add(read_text(json.dumps(entry)))
    await until(lambda: "files" in program.agents.servers.servers)
    window.choose("files")
    await asyncio.sleep(0.5)
    yield "servers", window
    window.ask_add()
    await asyncio.sleep(0.4)
    assert window.dialog is not None
    yield "server_add", window.dialog
    window.dialog.reject()
    window.ask_import()
    await asyncio.sleep(1.0)
    assert window.dialog is not None
    yield "server_import", window.dialog
    window.dialog.reject()
    window.close()


async def chat(program: Program) -> Shots:
    """Nobody to talk to, a conversation, the list, what was sent."""
    from PySide6.QtCore import Qt
    from PySide6.QtTest import QTest

    from core.agents.agent import Agent

    await until(lambda: program.session.workspace)
    program.commands.run("chat.open")
    await asyncio.sleep(0.8)
    yield "empty", program.window
    await workspace_of(program).agents.save(Agent("Ada", "Answers questions.", prompt="You are Ada."), 0)
    panel = program.chats.panel
    assert panel is not None
    panel.refresh()
    await until(lambda: panel.view.talk.agent == "Ada" and program.bridge.busy == 0)
    await asyncio.sleep(0.3)
    yield "begin", panel
    thread = panel.view.talk
    for text in ("Plan the launch of the loom", "Write **Python** for it:\n\n```python\nprint(1)\n```"):
        panel.view.focus()
        panel.view.composer.edit.setPlainText(text)
        QTest.keyClick(panel.view.composer.edit, Qt.Key.Key_Return)
        await asyncio.sleep(0.3)
        await until(lambda: thread.last is not None and thread.last.role == "assistant" and not thread.is_answering)
    await asyncio.sleep(0.8)
    yield "", panel
    panel.show_list()
    await asyncio.sleep(0.3)
    yield "list", panel
    panel.show_conversation()
    program.commands.run("chat.full")
    page = program.chats.page
    assert page is not None
    await until(lambda: page.view.talk.total and program.bridge.busy == 0)
    await asyncio.sleep(0.5)
    yield "full", program.window


async def memory(program: Program) -> Shots:
    """Nothing remembered, a list, one of them, a trial, what to tidy up, adding."""
    from tests.support.memory_panel import make_agent, memories_of, panel_of, tell

    await until(lambda: program.session.workspace)
    await reveal(program, "memory", 0.8)
    panel = panel_of(program)
    yield "empty", panel
    owner = await make_agent(program, "Concierge")
    for text, kind in (
        ("Ada is vegetarian and dislikes mushrooms.", "fact"), ("Ada prefers short answers.", "learned"),
        ("The shop was moved to Ghent in May 2026.", "conversation"), ("Answer letters within a day.", "learned"),
        ("Ada is vegetarian.", "fact"),
    ):  # fmt: skip
        await tell(program, owner, text, kind)  # type: ignore[arg-type] # they are kinds of memories
    program.memories.refresh()
    await until(lambda: (panel.list.rows.total or 0) > 2)
    await asyncio.sleep(0.5)
    yield "", panel
    memories = (await memories_of(program).list(panel.list.shown_filter())).items
    panel.open_memory(memories[0])
    await asyncio.sleep(0.5)
    yield "detail", panel
    panel.go_back()
    panel.show_recall()
    await asyncio.sleep(0.3)
    yield "recall_empty", panel
    panel.recall.question.setText("What may Ada eat?")
    panel.recall.ask()
    await asyncio.sleep(1.5)
    yield "recall", panel
    panel.show_audit()
    await asyncio.sleep(0.4)
    yield "audit_start", panel
    panel.audit.look()
    await asyncio.sleep(1.5)
    yield "audit", panel
    panel.add()
    await asyncio.sleep(0.4)
    from scripts.screens.stage import dialog_of

    yield "add", dialog_of(program)


async def monitoring(program: Program) -> Shots:
    """Nothing counted, then many runs."""
    from datetime import UTC, datetime

    from tests.support.monitoring import keep_runs, keep_spending, keep_workers, panel_of, store_of

    await until(lambda: program.session.workspace)
    heighten(program, 420)
    await reveal(program, "monitoring", 1.0)
    yield "empty", program.window
    now, store = datetime.now(UTC), store_of(program)
    await keep_runs(store, now)
    await keep_spending(store, now)
    await keep_workers(store)
    panel = panel_of(program)
    program.monitoring.refresh()
    await until(lambda: panel.numbers is not None and not panel.numbers.uncounted and bool(panel.numbers.types))
    await asyncio.sleep(0.5)
    yield "", program.window
    panel._area.verticalScrollBar().setValue(10_000)
    await asyncio.sleep(0.3)
    yield "below", panel


SCENES = {
    "agents": Scene(agents, database=True),
    "chat": Scene(chat, database=True),
    "memory": Scene(memory, database=True),
    "monitoring": Scene(monitoring, database=True),
}
