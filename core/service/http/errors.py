"""What went wrong, as an answer: a status, a stable code, and a sentence that says what to do.

Every answer that is no success has the body `{"error": {"code", "type", "message", "problems"?}}`, which clients of
OpenAI's API understand as well.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Final

from core.agents.errors import ChatError, NothingToDo
from core.engine.errors import EngineError, InputError, JournalUnavailable, RunBusy, RunNotFound, StepError
from core.service.hooks import HookRefused
from core.store.errors import (
    AddressTaken,
    AgentNotFound,
    CallSettled,
    ConnectError,
    ConversationBusy,
    ConversationLost,
    ConversationNotFound,
    NotScheduled,
    StoreError,
    TokenNotFound,
    WorkflowNotFound,
)
from core.workflow.model import Json
from core.workflow.problems import DocumentError, Problem

_log = logging.getLogger(__name__)

_TYPES: Final = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


class ApiError(Exception):
    """A request that is not fulfilled. headers: of the answer. param: what of the request is wrong, '' if it is all."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        problems: Sequence[Mapping[str, Json]] = (),
        headers: Mapping[str, str] | None = None,
        param: str = "",
    ) -> None:
        super().__init__(message)
        self.param = param
        self.status = status
        self.code = code
        self.message = message
        self.problems = tuple(problems)
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Json]:
        """The answer's body."""
        kind = _TYPES.get(self.status, "invalid_request_error" if self.status < 500 else "server_error")
        error: dict[str, Json] = {"code": self.code, "type": kind, "message": self.message, "param": self.param or None}
        if self.problems:
            error["problems"] = [dict(problem) for problem in self.problems]
        return {"error": error}


def as_api_error(error: Exception) -> ApiError | None:
    """An error that was to be expected, as an answer; None for one that was not."""
    match error:
        case ApiError():
            return error
        case HookRefused():
            return ApiError(error.status, error.code, error.message, headers=error.headers)
        case (
            RunNotFound()
            | WorkflowNotFound()
            | AgentNotFound()
            | ConversationNotFound()
            | TokenNotFound()
            | NotScheduled()
            | StepError(kind="not_found")
        ):
            return ApiError(404, _code(error), str(error))
        case InputError() | DocumentError():
            return ApiError(422, error.code, str(error), problems=[_problem(each) for each in error.problems])
        case (
            AddressTaken()
            | RunBusy()
            | ConversationBusy()
            | ConversationLost()
            | CallSettled()
            | NothingToDo()
            | ChatError()
        ):
            return ApiError(409, error.code, str(error))
        case JournalUnavailable() | ConnectError() | StepError(kind="connection"):
            return _unavailable(error, "The database cannot be reached now. Try again.", 5)
        case EngineError():
            return ApiError(409, error.code, str(error))
        case StoreError():
            return _unavailable(error, "The database cannot do that now. The service's log says why.", 30)
        case _:
            return None


def _code(error: EngineError | StoreError) -> str:
    return error.kind if isinstance(error, StepError) else error.code


def _unavailable(error: EngineError | StoreError, message: str, seconds: int) -> ApiError:
    """Why is for the log: it names the database's address and user, and not every caller has shown a token."""
    _log.warning("A request cannot be answered: %s", error)
    return ApiError(503, _code(error), message, headers={"Retry-After": str(seconds)})


def _problem(problem: Problem) -> dict[str, Json]:
    return {
        "code": problem.code,
        "message": problem.message,
        "fix": problem.fix,
        "step": problem.step,
        "field": problem.field,
    }
