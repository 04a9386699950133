"""What a model is sent: system prompt, note of what came before, history, functions; and how many tokens that is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from core.agents.kit import DEFAULT_CONTEXT, ModelFacts
from core.agents.made_files import IMAGES
from core.agents.prompt import SystemPrompt
from core.agents.results import result_name
from core.agents.tokens import estimate, estimate_functions, estimate_message
from core.engine.services import Message
from core.store.conversation_records import CompactionNote, Section, StoredMessage

COMPACT_AT: Final = 0.75
"""Part of the room at which a conversation is compacted."""

RESERVE: Final = 0.10
"""Part of a model's context that is left free, because estimates err."""

_USUAL_OUTPUT: Final = 4_000
"""Tokens kept for the answer of a model whose limit is unknown."""

_WORTH_PRUNING: Final = 400
"""Characters of a result from which leaving it out helps."""

PartLoader: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""Makes the part of a message that is sent out of one that names a file."""


@dataclass(frozen=True, slots=True)
class Context:
    """A request in the making. path: from the first message that is sent. pinned: sent before it, though older.

    prune_before: results of messages with a smaller id are left out. known_tokens: what a server counted for the
    request up to the message `known_until`, 0 if nothing is known.
    """

    system: SystemPrompt
    path: tuple[StoredMessage, ...]
    pinned: tuple[StoredMessage, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    prune_before: int = 0

    def wire(self) -> list[Message]:
        """The messages in wire form; parts that name files are still to be loaded."""
        head: list[Message] = [{"role": "system", "content": self.system.text}] if self.system.text else []
        return head + [body for each in (*self.pinned, *self.path) if (body := self._body(each))]

    def sections(self) -> tuple[Section, ...]:
        """The parts with their tokens, those that are empty left out."""
        history = sum(estimate_message(body) for each in (*self.pinned, *self.path) if (body := self._body(each)))
        system = self.system
        parts = (
            Section("system", estimate(system.fixed), system.fixed),
            Section("memory", estimate(system.memory_section), system.memory_section),
            Section("summary", estimate(system.summary_section), system.summary_section),
            Section("history", history),
            Section("functions", estimate_functions(self.tools)),
        )
        return tuple(part for part in parts if part.tokens)

    def tokens(self) -> int:
        """Tokens of the whole, by the server's count of the last request where that still tells something."""
        estimated = sum(section.tokens for section in self.sections())
        if self.prune_before or self.pinned or self.system.summary:
            return estimated
        for index in range(len(self.path) - 1, -1, -1):
            message = self.path[index]
            if message.role == "assistant" and message.usage.tokens_in:
                new = sum(estimate_message(body) for each in self.path[index + 1 :] if (body := self._body(each)))
                return message.usage.tokens + new
        return estimated

    def _body(self, message: StoredMessage) -> Message | None:
        if not message.body:
            return None
        body = dict(message.body)
        if message.role == "tool" and message.id < self.prune_before and len(message.text) > _WORTH_PRUNING:
            name = result_name(str(message.body.get(CALL_ID, "")))
            left_out = (
                f"[{len(message.text)} characters left out to save room. Read them with read_result(name={name})]"
            )
            body["content"] = left_out
        return {key: value for key, value in body.items() if key not in _NOT_SENT}


CALL_ID: Final = "call"
"""Key in the kept form of a tool message that names our call."""

REPAIR: Final = "repair"
"""Key in the kept form of a message that this program, not a person, put to the model."""

_NOT_SENT = frozenset({CALL_ID, REPAIR})


def room(facts: ModelFacts, max_tokens: int | None) -> int:
    """Tokens that a request may have: the context without the answer and a reserve."""
    context = facts.context or DEFAULT_CONTEXT
    answer = min(max_tokens or facts.max_output or _USUAL_OUTPUT, context // 4)
    return max(500, int(context * (1 - RESERVE)) - answer)


def after_note(path: Sequence[StoredMessage], notes: Sequence[CompactionNote]) -> tuple[CompactionNote | None, int]:
    """The newest note that holds on this path, and the index of the first message after what it stands for."""
    places = {message.id: index for index, message in enumerate(path)}
    held = [note for note in notes if note.last in places]
    if not held:
        return None, 0
    newest = max(held, key=lambda note: places[note.last])
    return newest, places[newest.last] + 1


def assemble(
    system: SystemPrompt,
    path: Sequence[StoredMessage],
    notes: Sequence[CompactionNote],
    tools: Sequence[Mapping[str, Any]],
    *,
    prune_before: int = 0,
) -> Context:
    """A request out of a conversation: what notes stand for is left out, but never what was asked last."""
    note, start = after_note(path, notes)
    rest = tuple(path[start:])
    pinned: tuple[StoredMessage, ...] = ()
    if start and not any(message.role == "user" for message in rest):
        pinned = tuple([message for message in path[:start] if message.role == "user"][-1:])
    if note is not None:
        system = replace(system, summary=note.text)
    return Context(system, rest, pinned, tuple(tools), prune_before)


async def load_parts(messages: Sequence[Message], load: PartLoader) -> list[Message]:
    """The messages with every part that names a file replaced by what is sent of it.

    A model's own pictures go back to it as pictures, if they can; those that cannot are left out.
    """
    loaded = []
    for message in messages:
        if pictures := message.get(IMAGES):
            message = await _with_pictures(message, pictures, load)
        content = message.get("content")
        if isinstance(content, list) and any(part.get("type") == "blob" for part in content):
            parts = [await load(part) if part.get("type") == "blob" else part for part in content]
            message = {**message, "content": parts}
        loaded.append(message)
    return loaded


async def _with_pictures(message: Message, pictures: Sequence[Mapping[str, Any]], load: PartLoader) -> Message:
    """An answer with the pictures that its model made."""
    parts = [await load(part) if part.get("type") == "blob" else part for part in pictures]
    sent = [part for part in parts if part.get("type") == "image_url"]
    rest = {key: value for key, value in message.items() if key != IMAGES}
    if not rest.get("content") and not rest.get("tool_calls"):
        rest["content"] = "" if sent else "[A picture that you made.]"
    return {**rest, IMAGES: sent} if sent else rest
