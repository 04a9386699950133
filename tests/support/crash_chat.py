"""The program that the crash tests of conversations kill: talks with one agent and says each event on a line.

    python -m tests.support.crash_chat begin SITE TEXT
    python -m tests.support.crash_chat finish CONVERSATION TEXT   (goes on until all is answered, then says TEXT)

What a person is asked about interrupted calls is answered with CRASH_ANSWER.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any
from uuid import UUID

from core.agents.agent import Agent, Function
from core.agents.chat_events import TurnWaiting, chat_event_json
from core.agents.reply import Reply
from core.workflow.model import Step, Workflow
from core.workspace import Workspace


def paying(site: str, name: str) -> Workflow:
    """A workflow that changes something outside, without a key that would make it safe to repeat."""
    config: dict[str, Any] = {"method": "POST", "url": f"{site}/{name}", "body": {"kind": "json", "value": {"n": 1}}}
    return Workflow(
        f"Pay {name}", steps={"pay": Step("pay", "api", config=config)}, outputs={"paid": "{{ pay.status }}"}
    )


async def main(action: str, target: str, text: str = "") -> None:
    """Do one thing."""
    async with Workspace.open() as workspace:
        if action == "begin":
            await _prepare(workspace, target)
            conversation = (await workspace.chat.start("Payer")).id
        else:
            conversation = UUID(target)
        _say({"event": "conversation", "id": str(conversation)})
        if action == "finish":
            while await _resume(workspace, conversation) == "waiting":
                pass
        await _follow(workspace.chat.send(conversation, text))


async def _prepare(workspace: Workspace, site: str) -> None:
    assert workspace.store is not None
    functions = [Function(f"pay_{name}", target=f"Pay {name}", policy="auto") for name in ("one", "two")]
    target = "tests.support.crash_functions:pay_three"
    functions.append(Function("pay_three", kind="python", target=target, policy="auto"))
    known = {entry.name for entry in await workspace.store.workflows.list()}
    for name in ("one", "two"):
        if f"Pay {name}" not in known:
            await workspace.store.workflows.save(paying(site, name), 0)
    if not await workspace.agents.list():
        await workspace.agents.save(Agent("Payer", prompt="You pay.", functions=tuple(functions)), 0)


async def _resume(workspace: Workspace, conversation: UUID) -> str:
    pending = await workspace.chat.pending(conversation)
    if not pending:
        return await _follow(workspace.chat.resume(conversation))
    status = ""
    for each in pending:
        answer = os.environ["CRASH_ANSWER"]
        if each.kind == "unknown":
            reply = await workspace.chat.answer_unknown(each.id, answer)
        else:
            reply = await workspace.chat.answer_question(each.id, {"choice": answer})
        status = await _follow(reply)
    return status


async def _follow(reply: Reply) -> str:
    async for event in reply:
        told = chat_event_json(event)
        told.pop("body", None)
        _say(told)
    outcome = await reply.outcome()
    status = "waiting" if isinstance(outcome, TurnWaiting) else outcome.status
    _say({"event": "result", "status": status, "text": getattr(outcome, "text", "")})
    return status


def _say(told: dict[str, Any]) -> None:
    print(json.dumps(told), flush=True)  # noqa: T201 - this is the program's output


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
