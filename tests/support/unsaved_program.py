"""A program that edits a document without end and says after each write how far it is. To be killed.

Arguments: the folder of unsaved work, and `agent` if an agent is to be edited instead of a workflow.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from PySide6.QtCore import QCoreApplication

from core.agents.agent import Agent
from core.engine.clock import SystemClock
from core.workflow.edits import set_title
from core.workflow.model import Step, Workflow
from desktop.agents.draft import AgentDraft
from desktop.agents.unsaved_agent import snapshot_of
from desktop.document import OpenDocument
from desktop.undo_journal import UndoJournal
from desktop.unsaved_work import Owner


class HurryingClock(SystemClock):
    """A second passes whenever it is asked, so that every edit is written."""

    def __init__(self) -> None:
        self._seconds = 0.0

    def monotonic(self) -> float:
        """One second more."""
        self._seconds += 1
        return self._seconds


async def _edit(folder: Path, kind: str) -> None:
    with ThreadPoolExecutor(1) as worker:
        journal = UndoJournal(
            folder, clock=HurryingClock(), worker=worker, owner=Owner.this_process(), new_id=lambda: "only"
        )
        edit = _edited_agent(journal) if kind == "agent" else _edited_workflow(journal)
        for number in itertools.count(1):
            edit(str(number))
            # The worker does one thing after the other, so what it says comes after what it wrote.
            await asyncio.wrap_future(worker.submit(print, number, flush=True))


def _edited_workflow(journal: UndoJournal) -> Callable[[str], object]:
    workflow = Workflow("Long", steps={"a": Step("a", "ask")})
    document = OpenDocument(workflow, file=Path("/some/long.loom.yaml"), version=7)
    journal.follow(document)
    return lambda text: document.apply("Count", partial(set_title, step_id="a", title=text))


def _edited_agent(journal: UndoJournal) -> Callable[[str], object]:
    draft = AgentDraft(Agent("Long", prompt="Be brief."), name="Long", version=7)
    journal.follow_any(draft, lambda: snapshot_of(draft))
    return lambda text: draft.set_value("profile", "description", text)


if __name__ == "__main__":
    application = QCoreApplication([])
    asyncio.run(_edit(Path(sys.argv[1]), "".join(sys.argv[2:])))
