"""A limit that a workflow carries, reached in the window, and the cheaper model that a person picks there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMenu

from core.workflow.document import loads
from desktop.document import OpenDocument
from desktop.panels.waiting import WaitingPanel
from desktop.program import Program
from tests.support.desktop_program import until
from tests.support.openrouter import StandIn, configured_stand_in
from tests.support.openrouter_defaults import MODELS, model_entry
from tests.support.openrouter_replies import json_reply, text_stream

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)

TWO_CHATS = """\
steploom: 1
name: Two
limits: {usd_per_run: 0.00001}
steps:
  first: {type: chat, config: {prompt: One?}, then: second}
  second: {type: chat, config: {prompt: "Two? {{ first.text }}"}}
outputs: {text: "{{ second.text }}"}
"""


@pytest.fixture
def billing(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """A model server that bills and has a cheaper model; named before the program is made."""
    with configured_stand_in(monkeypatch) as stand_in:
        small = model_entry("openai/gpt-5-nano", prompt="0.00000005", completion="0.0000004")
        stand_in.script(json_reply({"data": [*MODELS, small], "links": {"next": None}}), path="/models")
        stand_in.script(text_stream("one"), text_stream("two"))
        yield stand_in


async def test_the_card_of_a_reached_limit_offers_a_cheaper_model_and_the_run_goes_on_with_it(
    billing: StandIn, empty_program: Program
) -> None:
    program = empty_program
    assert program.session.workspace is not None
    program.session.workspace.demo = False
    program.filing.opened.emit(OpenDocument(loads(TWO_CHATS)), None)
    tab = program.window.active
    assert tab is not None
    QTest.mouseClick(tab.bar.run, Qt.MouseButton.LeftButton)
    program.window.docks.reveal("waiting")
    panel = program.window.docks.get("waiting").fill()
    assert isinstance(panel, WaitingPanel)
    await until(lambda: bool(panel.cards))
    (card,) = panel.cards.values()
    assert [button.text() for button in card.buttons] == ["continue", "Cheaper model", "stop"]
    menu = card.buttons[1].menu()
    assert isinstance(menu, QMenu)
    (nano,) = menu.actions()
    nano.trigger()
    controller = program.running.controller(tab)
    assert controller is not None
    await until(lambda: bool(controller.runs) and controller.runs[0].status == "completed")
    assert [body["model"] for body in billing.sent()] == ["openai/gpt-5-mini", "openai/gpt-5-nano"]
    await until(lambda: not panel.cards)
