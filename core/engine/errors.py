"""What can go wrong while a workflow runs.

    EngineError
    ├── StepError            a step failed, in words for the person who drew the graph
    │   ├── TemplateError    a template could not be evaluated
    │   └── ConfigError      the resolved config is not what the step type needs
    ├── InputError           the inputs given to a run do not fit the workflow
    ├── RunNotFound          no run has that id
    ├── RunBusy              another process is executing the run
    ├── LeaseLost            another process took the run over; this one must stop touching it
    └── JournalUnavailable   the journal's storage cannot be reached or written

Control flow, not failures: `Suspend` (a step waits for a person or a time), `EndRun` (a step ends the run).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from core.workflow.model import Json
from core.workflow.problems import Problem


class EngineError(Exception):
    """Running a workflow did not work."""

    code = "engine"


class StepError(EngineError):
    """A step failed.

    message: what happened, to what, and the next move. kind: stable word for branches, logs and metrics
    (`rate_limit`, `timeout`, `connection`, `server`, `bad_request`, `context_length`, `credentials`, `payment`,
    `not_found`, `refused`, `budget`, `template`, `config`, `validation`, `limit`, `code`, `interrupted`, `stopped`,
    `failed`). retryable: whether the same attempt may succeed later. retry_after: seconds the other side asked to
    wait. detail: facts for the inspector, JSON.
    path, attempt: the scope path of the step that failed and which try it was, set by the engine.
    """

    code = "step"

    def __init__(
        self,
        message: str,
        *,
        kind: str = "failed",
        retryable: bool = False,
        retry_after: float | None = None,
        detail: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.retryable = retryable
        self.retry_after = retry_after
        self.detail = dict(detail or {})
        self.path = ""
        self.attempt = 1


class TemplateError(StepError):
    """A template could not be read or filled in. reason: why, without the template's text."""

    code = "template"

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message, kind="template")
        self.reason = reason


class ConfigError(StepError):
    """A step's config, after its templates were filled in, is not what the step type needs."""

    code = "config"

    def __init__(self, message: str) -> None:
        super().__init__(message, kind="config")


class InputError(EngineError):
    """The inputs given to a run do not fit the workflow's `inputs`."""

    code = "input"

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("The inputs do not fit the workflow:\n" + "\n".join(f"  {p}" for p in self.problems))


class RunNotFound(EngineError):
    """No run has that id. `steploom runs list` shows the runs there are."""

    code = "run_not_found"


class RunBusy(EngineError):
    """Another process is executing this run. Wait for it, or stop that process first."""

    code = "run_busy"


class LeaseLost(EngineError):
    """Another process took this run over, so this one stopped touching it. Nothing was written twice."""

    code = "lease_lost"


class JournalUnavailable(EngineError):
    """The database could not be reached in time, so the run stopped. What was done is kept; resume the run later."""

    code = "journal_unavailable"


@dataclass(frozen=True, slots=True)
class Question:
    """What a suspended step asks a person. choices: allowed answers, or schema: JSON Schema of a form."""

    message: str
    choices: tuple[str, ...] = ()
    schema: Mapping[str, Json] | None = None


class Suspend(Exception):
    """Raised by a step that waits for a person (`question`) or a time (`until`, UTC), or whichever comes first.

    state: JSON the step gets back in `context.state` when it is run again.
    """

    def __init__(
        self,
        *,
        question: Question | None = None,
        until: datetime | None = None,
        state: Mapping[str, Json] | None = None,
    ) -> None:
        super().__init__(question.message if question else f"until {until}")
        self.question = question
        self.until = until
        self.state = dict(state or {})


class EndRun(Exception):
    """Raised by a step that ends the whole run now, as completed or as failed.

    Inside a workflow that another one called, it ends the called one. raised_at: scope path, set by the engine.
    """

    def __init__(
        self, status: Literal["completed", "failed"], message: str = "", outputs: Mapping[str, Json] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.outputs = dict(outputs or {})
        self.raised_at = ""


class Suspended(Exception):
    """Raised by `run_body` and `run_workflow` when all that could run inside has run and the rest waits.

    A step that runs several passes lets the others finish and raises it on.
    """
