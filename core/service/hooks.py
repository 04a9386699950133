"""What a call from outside that is to start a run looks like, for who listens on HTTP and who knows triggers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from core.workflow.model import Json, Workflow

KEY_S: Final = 24 * 3600.0
"""Seconds for which an idempotency key holds."""


@dataclass(frozen=True, slots=True)
class HookRequest:
    """A call as it came in.

    method: in capitals. path: what follows `/hooks`, with its slash. headers: names in lower case. query: every value
    of every name. client: address of the caller, '' if unknown.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, Sequence[str]]
    body: bytes
    client: str = ""


HOOK_LABEL: Final = "hook"
"""The label of runs that calls started; its value is the id of their workflow."""


@dataclass(frozen=True, slots=True)
class AnswerShape:
    """How outputs are sent. output: the one that is the body, '' for all as JSON. media_type: '' to go by the value.

    tells_why: whether the caller learns why a run failed, which may name files of this machine and lines of code.
    """

    output: str = ""
    media_type: str = ""
    tells_why: bool = True


@dataclass(frozen=True, slots=True)
class HookCall:
    """A run that a call asks for.

    wait: answer with the outputs once the run has ended, within timeout_s seconds. key: the same one gives the same
    run for key_s seconds; with other inputs it is refused. status: of the answer that brings the outputs. shape: of
    that answer. poll: the path below `/hooks` where this caller may ask for the run, its id behind it; '' for none.
    apart: an input that may be another when a call is sent again, '' for none.
    """

    workflow: Workflow
    inputs: Mapping[str, Json]
    wait: bool = False
    timeout_s: float = 30.0
    key: str = ""
    key_s: float = KEY_S
    labels: Mapping[str, str] = field(default_factory=dict)
    status: int = 200
    origin: str = ""
    shape: AnswerShape = AnswerShape()
    poll: str = ""
    apart: str = ""


@dataclass(frozen=True, slots=True)
class HookPoll:
    """A question for a run that an earlier call started. hook: of which workflow it has to be, as its label says."""

    run_id: str
    hook: str
    shape: AnswerShape = AnswerShape()


class HookRefused(Exception):
    """A call that starts nothing. status: of HTTP, 400 to 429. headers: of the answer, such as `Retry-After`."""

    def __init__(self, message: str, *, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.headers = dict(headers or {})


class Hooks(Protocol):
    """The workflows that are started by calls from outside."""

    def body_limit(self, method: str, path: str) -> int:
        """Bytes of the largest body that a call there may have."""

    async def call(self, request: HookRequest) -> HookCall:
        """The run that a call asks for, once its path, method, token or signature, rate and inputs are right.

        Raises HookRefused.
        """

    async def poll(self, request: HookRequest) -> HookPoll | None:
        """What a call asks for that wants to know what became of an earlier one; None if it does not.

        Raises HookRefused for one that proves nothing.
        """


class NoHooks:
    """Listens to nothing."""

    def body_limit(self, method: str, path: str) -> int:
        """As the protocol says."""
        return 1_000_000

    async def call(self, request: HookRequest) -> HookCall:
        """As the protocol says."""
        raise HookRefused("Nothing listens there.", status=404, code="no_hook")

    async def poll(self, request: HookRequest) -> HookPoll | None:
        """As the protocol says."""
        return None
