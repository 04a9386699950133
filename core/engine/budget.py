"""Limits on what a run may spend: looked at before every step that spends; past one, a person is asked.

The run is suspended with its state kept, by one question; its other steps that would spend wait for the answer too,
and so do runs that share its work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Protocol

from core.engine.errors import Question, StepError, Suspend
from core.engine.events import NO_USAGE, Usage
from core.engine.journal import StepRecord
from core.workflow.model import Json, Workflow

CONTINUE, STOP = "continue", "stop"
"""What a person may answer."""

USE = "use "
"""Begins the answer that names a model: the run goes on and asks that one wherever it would ask a dearer one."""

BUDGET: Final = "limit on spending"
"""Marks the state of an attempt that waits because of a limit."""


@dataclass(frozen=True, slots=True)
class Spender:
    """A run that would spend more. workflow: its name. spent: by it, in all processes.

    allowed: by the key of a limit, up to how many US dollars a person lets this run go on in spite of it. document:
    what it runs; origin: the folder that this one's relative names start from. cheaper: the model that a person had
    it go on with, '' for none.
    """

    run_id: str
    workflow: str
    spent: Usage = NO_USAGE
    allowed: Mapping[str, float] = field(default_factory=dict)
    document: Workflow | None = None
    origin: str = ""
    cheaper: str = ""


@dataclass(frozen=True, slots=True)
class Reached:
    """A limit that does not let a run spend more.

    key: stable name of the limit. message: for the person who is asked; Markdown. up_to_usd: the limit that holds for
    this run from now on, if the person lets it go on. cheaper: models that it may go on with instead. asked: a run that
    shares its work asks already, so it waits for that answer. stopped: a person told one of those to stop.
    """

    key: str
    message: str = ""
    up_to_usd: float = 0.0
    cheaper: tuple[str, ...] = ()
    asked: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Instead:
    """No limit keeps the run from spending more, but a person had those that share its work go on with this model."""

    model: str


class Budget(Protocol):
    """Knows the limits, and what has been spent besides the run that asks."""

    async def reached(self, spender: Spender) -> Reached | Instead | None:
        """The limit that keeps the run from spending more, if any. Raises StepError if that cannot be known.

        Called before every step that spends, so that `is_dearer` finds the prices of the run's models at hand.
        """

    def is_dearer(self, model: str, than: str) -> bool:
        """Whether a chat model ('' for the default) costs more than another; also if that is not known."""


class Allowance:
    """What people have answered about the limits of one run. history: the records of earlier processes, by path.

    cheaper: the model that the last of them chose to go on with, '' for none.
    """

    def __init__(self, history: Mapping[str, Sequence[StepRecord]]) -> None:
        self._allowed: dict[str, float] = {}
        self.cheaper = ""
        self._chosen_at: datetime | None = None
        self._asked = self._stopped = False
        for records in history.values():
            for record in records:
                if record.status == "suspended" and BUDGET in record.state:
                    self._know(record, is_last=record is records[-1])

    async def check(self, budget: Budget, spender: Spender) -> None:
        """Let a step spend. Raises Suspend if a person must be asked, StepError(kind='budget') if one said to stop."""
        if self._stopped:
            raise _stopped()
        limit = await budget.reached(replace(spender, allowed=self._allowed, cheaper=self.cheaper))
        if isinstance(limit, Instead):
            self.cheaper = limit.model
        if not isinstance(limit, Reached):
            return
        if limit.stopped:
            raise _stopped()
        if self._asked or limit.asked:
            raise Suspend(state={BUDGET: {}})
        self._asked = True
        state: dict[str, Json] = {BUDGET: {"key": limit.key, "up_to_usd": limit.up_to_usd}}
        choices = (CONTINUE, *(f"{USE}{model}" for model in limit.cheaper), STOP)
        raise Suspend(question=Question(limit.message, choices=choices), state=state)

    def _know(self, record: StepRecord, *, is_last: bool) -> None:
        if record.answer is None:
            self._asked = self._asked or (is_last and record.question is not None)
            return
        limit = record.state[BUDGET]
        choice = record.answer.get("choice")
        if (
            self._goes_on(choice, record)
            and isinstance(limit, dict)
            and isinstance(up_to := limit.get("up_to_usd"), int | float)
        ):
            key = str(limit.get("key"))
            self._allowed[key] = max(up_to, self._allowed.get(key, 0.0))
        elif choice == STOP and is_last:  # of a run that is resumed after it was stopped, a person is asked again
            self._stopped = True

    def _goes_on(self, choice: Json, record: StepRecord) -> bool:
        """Whether the run goes on by that answer, taking note of the model that it names."""
        if choice == CONTINUE:
            return True
        if not isinstance(choice, str) or not choice.startswith(USE):
            return False
        if record.question is None or choice not in record.question.choices:
            return False
        if self._chosen_at is None or (record.ended is not None and record.ended >= self._chosen_at):
            self._chosen_at, self.cheaper = record.ended, choice.removeprefix(USE)
        return True


def _stopped() -> StepError:
    return StepError("A limit on spending was reached, and a person chose to stop.", kind="budget")
