"""What one run has done so far: the journal's records of it, folded from the events of a live run or loaded.

Every panel reads these records, so that a live run, a resumed one and one of last week look the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from core.engine.events import (
    NO_USAGE,
    Event,
    StepCompleted,
    StepDelta,
    StepEvent,
    StepSkipped,
    StepStarted,
    Usage,
)
from core.engine.fold import fold_step, is_journalled
from core.engine.journal import StepRecord
from core.workflow.model import Json

AttemptKey: TypeAlias = tuple[str, int]
"""The scope path of a step and the number of the attempt."""

_PASS = re.compile(r"\[\d+\]\Z")


@dataclass(frozen=True, slots=True)
class VariableValue:
    """A workflow variable now. scope: path of the sub-workflow it belongs to, '' for the run's own workflow.

    set_by: scope path of the step that set it, '' for its initial value. at: when, None for an initial value.
    """

    scope: str
    name: str
    value: Json
    set_by: str = ""
    at: datetime | None = None


class RunLog:
    """The records of one run, in order of their making.

    touched: the key of every record that is new or changed, in order; a reader keeps its place in it. usage: spent
    so far. initial: the values that the workflow's variables began with.
    """

    def __init__(self, initial: Mapping[str, Json] | None = None) -> None:
        self.records: dict[AttemptKey, StepRecord] = {}
        self.touched: list[AttemptKey] = []
        self.usage: Usage = NO_USAGE
        self.variables: dict[tuple[str, str], VariableValue] = {
            ("", name): VariableValue("", name, value) for name, value in (initial or {}).items()
        }
        self._newest: dict[str, int] = {}
        self._asking: dict[str, None] = {}

    def __call__(self, event: Event) -> None:
        """Take an event in."""
        if type(event) is StepDelta or not isinstance(event, StepEvent) or not is_journalled(event):
            return
        key = event.path, event.attempt
        self._keep(key, fold_step(self.records.get(key), event))
        if not isinstance(event, StepStarted | StepSkipped):
            self.usage = self.usage + getattr(event, "usage", NO_USAGE)
        if type(event) is StepCompleted:
            self._set_variables(event.path, event.variables, event.at)

    def load(self, records: Iterable[StepRecord]) -> None:
        """Take in what the journal has of the run, in order of its making."""
        ended: list[StepRecord] = []
        for record in records:
            self._keep((record.path, record.attempt), record)
            self.usage = self.usage + record.usage
            if record.status == "completed" and record.variables:
                ended.append(record)
        for record in sorted(ended, key=lambda each: each.ended or _LONG_AGO):
            self._set_variables(record.path, record.variables, record.ended)

    def newest(self, path: str) -> StepRecord | None:
        """The newest record of a path, or None."""
        attempt = self._newest.get(path)
        return None if attempt is None else self.records[path, attempt]

    def newest_of_step(self, step_id: str) -> StepRecord | None:
        """The record that was made last of a step, in whatever pass of a loop, or None."""
        return next((record for record in reversed(self.records.values()) if record.step_id == step_id), None)

    def attempts(self, path: str) -> Sequence[StepRecord]:
        """All records of a path, oldest first."""
        newest = self._newest.get(path, 0)
        return [record for number in range(1, newest + 1) if (record := self.records.get((path, number))) is not None]

    def waiting(self) -> Sequence[StepRecord]:
        """The steps that ask a person and have no answer yet, oldest first."""
        return [record for path in self._asking if (record := self.newest(path)) is not None]

    def _keep(self, key: AttemptKey, record: StepRecord) -> None:
        self.records[key] = record
        self.touched.append(key)
        self._newest[key[0]] = max(key[1], self._newest.get(key[0], 0))
        if self.records[key[0], self._newest[key[0]]].asks:
            self._asking.setdefault(key[0])
        else:
            self._asking.pop(key[0], None)

    def _set_variables(self, path: str, values: Mapping[str, Json], at: datetime | None) -> None:
        if not values:
            return
        scope = variable_scope(path)
        for name, value in values.items():
            known = self.variables.get((scope, name))
            if known is not None and known.set_by.startswith((f"{path}[", f"{path}/")) and known.value == value:
                continue  # a loop's own record repeats what the steps in it have set
            self.variables[scope, name] = VariableValue(scope, name, value, path, at)


_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def variable_scope(path: str) -> str:
    """The sub-workflow whose variables a step at that path sets, '' for the run's own workflow.

    Passes of a loop share the variables around it: `call/all[2]/note` sets those of `call`.
    """
    around = path.split("/")[:-1]
    while around and _PASS.search(around[-1]):
        around.pop()
    return "/".join(around)
