"""What can go wrong between a person and an agent.

    ChatError
    ├── NothingToDo         there is nothing to resume, answer or make again
    └── FunctionError       a function could not be called; the model reads it as data

Control flow, not a failure: `CallWaits` (a call waits for a person or a time).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from core.workflow.model import Json


class ChatError(Exception):
    """A conversation could not go on. The text says why, and the next move."""

    code = "chat"


class NothingToDo(ChatError):
    """Nothing in this conversation waits, or was interrupted."""

    code = "nothing_to_do"


class FunctionError(ChatError):
    """A function call failed. kind: a stable word. hint: for the model, what to do instead."""

    code = "function"

    def __init__(self, message: str, *, kind: str = "failed", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind
        self.hint = hint


class CallWaits(Exception):
    """Raised by a function that cannot go on without a person, before a time, or without whoever asks (`asker`).

    state: what it gets back in its call's `state` when it is called again; JSON.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: Literal["question", "later", "asker"] = "question",
        state: Mapping[str, Json] | None = None,
        until: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.kind: Literal["question", "later", "asker"] = kind
        self.state = dict(state or {})
        self.until = until
