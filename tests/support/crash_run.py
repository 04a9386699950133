"""The program that the crash tests kill: runs, or resumes, one workflow and says each event on a line of its own.

    python tests/support/crash_run.py start FILE INPUTS_JSON
    python tests/support/crash_run.py resume RUN_ID

A lone question (a step was interrupted while it changed something) is answered with what CRASH_ANSWER says.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping

from core.engine.engine import Run
from core.engine.events import Event, event_json
from core.workflow.model import Json
from core.workspace import Workspace


async def main(action: str, target: str, inputs: str = "{}") -> None:
    async with Workspace.open() as workspace:
        if action == "start":
            found = await workspace.find(target)
            run = workspace.start(found.workflow, json.loads(inputs), origin=found.origin)
        else:
            record = await workspace.journal.run(target)
            if record.status == "completed":  # killed after its last record
                _say_result(record.status, record.outputs or {})
                return
            await _answer(workspace, target)
            run = await workspace.resume(target)
        await _follow(run)


async def _answer(workspace: Workspace, run_id: str) -> None:
    newest = {step.path: step for step in await workspace.steps(run_id)}
    for step in newest.values():
        if step.status == "suspended" and step.question is not None and step.answer is None:
            await workspace.journal.answer(run_id, step.path, {"choice": os.environ["CRASH_ANSWER"]})


async def _follow(run: Run) -> None:
    def say(event: Event) -> None:
        print(json.dumps(event_json(event)), flush=True)  # noqa: T201 - this is the program's output

    run.listeners.append(say)
    result = await run.result()
    _say_result(result.status, result.outputs or {})


def _say_result(status: str, outputs: Mapping[str, Json]) -> None:
    print(json.dumps({"event": "result", "status": status, "outputs": dict(outputs)}), flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
