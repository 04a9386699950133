"""What waits for a person, of all runs that the journal keeps: known again after a restart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from core.engine.errors import Question
from core.engine.journal import Journal, StepRecord, asking
from core.workflow.model import Json
from desktop.bridge import Bridge, OnError
from desktop.made_pictures import pictures_of


@dataclass(frozen=True, slots=True)
class Waiting:
    """One question. path: scope path of the step that asks. asked: when, in UTC.

    made: the newest pictures that its run has made, as objects that name kept files.
    """

    run_id: str
    workflow: str
    path: str
    title: str
    question: Question
    asked: datetime
    made: Sequence[Mapping[str, Json]] = ()

    @property
    def key(self) -> tuple[str, str, datetime]:
        """What tells questions apart."""
        return self.run_id, self.path, self.asked


class Answers(Protocol):
    """Takes an answer and goes on with the run; a RunController is one."""

    def answer(self, path: str, answer: Mapping[str, Json], run_id: str = "", on_error: OnError | None = None) -> None:
        """Answer what the step at that path asks. on_error: gets what kept the answer from being taken."""


class WaitingList(QObject):
    """The questions that nobody has answered, oldest first. changed: there are others. arrived: a new Waiting.

    limit: how many suspended runs are looked at.
    """

    changed = Signal()
    arrived = Signal(object)

    def __init__(self, journal: Journal, bridge: Bridge, *, limit: int = 200, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._journal = journal
        self._bridge = bridge
        self._limit = limit
        self._reading = False
        self._again = False
        self._read_once = False
        self.questions: Sequence[Waiting] = ()

    def refresh(self) -> None:
        """Read the journal again; calls while it is read make one more reading."""
        if self._reading:
            self._again = True
            return
        self._reading = True
        self._bridge.spawn(self._read(), self._show, self._failed)

    async def _read(self) -> list[Waiting]:
        found: list[Waiting] = []
        for run in await self._journal.runs(status="suspended", limit=self._limit):
            steps = await self._journal.steps(run.id)
            asked = asking(steps)
            made = pictures_of(steps) if asked else []
            found += [waiting_for(run.id, run.workflow.name, record, made) for record in asked]
        return sorted(found, key=lambda each: each.asked)

    def _show(self, found: list[Waiting]) -> None:
        self._reading = False
        before = {each.key for each in self.questions}
        if found != self.questions:
            self.questions = found
            self.changed.emit()
        for each in found if self._read_once else ():
            if each.key not in before:
                self.arrived.emit(each)
        self._read_once = True
        if self._again:
            self._again = False
            self.refresh()

    def _failed(self, error: Exception) -> None:
        self._reading = self._again = False
        self._bridge.tell(error)


def waiting_for(run_id: str, workflow: str, record: StepRecord, made: Sequence[Mapping[str, Json]] = ()) -> Waiting:
    """The question that a suspended record asks. made: pictures of its run."""
    assert record.question is not None
    assert record.ended is not None
    title = record.title or record.step_id
    return Waiting(run_id, workflow, record.path, title, record.question, record.ended, made)
