"""Learning from conversations in the background: plain statements at once, the rest by a model when a talk pauses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from core.engine.clock import Clock, Timer
from core.engine.errors import StepError
from core.engine.services import Models
from core.memory import extraction
from core.memory.asking import ask_json
from core.memory.budget import Budget
from core.memory.guard import without_secrets
from core.memory.memories import Keep, Memories
from core.memory.proposal import Outcome, Proposed
from core.memory.statements import statements_in
from core.store.errors import StoreError
from core.store.lessons import Lesson, Lessons
from core.store.memory_records import Memory, Scope, Source

_log = logging.getLogger(__name__)

AUTHOR = "learner"
"""Who stands in the history of what was learned."""

_BATCH = 8
"""Turns in one request to the model, and turns after which a talk without pauses is learned from."""
_MOST_TRIES = 3
_STALE = timedelta(minutes=10)
_KNOWN = 12
_WITHOUT_MODEL = frozenset({"credentials", "payment", "config", "bad_request"})
"""Kinds of errors that time alone does not mend: the turns wait for a key and are not given up."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A finished turn. user, assistant: what each said. who: the person's name. message: id of the person's message.

    tainted: content from outside was at hand. prompts: the system prompts in force. recalled: memories that were at
    hand; neither is learned again. keep: how much its agent may remember.
    """

    scope: Scope
    conversation: str
    message: str
    user: str
    assistant: str = ""
    who: str = ""
    tainted: bool = False
    prompts: tuple[str, ...] = ()
    recalled: tuple[UUID, ...] = ()
    keep: Keep | None = None


class Learner:
    """Learns from the turns that it hears. Everything it does happens on the loop that called `hear`.

    models: None to learn plain statements only. model: '' for the default one; a small one will do. budget: for a day.
    pause: seconds without a new turn after which a conversation is learned from. on_learned: told of each outcome.

    Turns wait in the database: what a closed program, a missing key or an empty budget kept from being learned is
    learned later, by `catch_up` or when the conversation goes on.
    """

    def __init__(
        self,
        memories: Memories,
        lessons: Lessons,
        models: Models | None,
        *,
        clock: Clock,
        budget: Budget,
        model: str = "",
        pause: float = 20.0,
        on_learned: Callable[[Outcome], None] | None = None,
    ) -> None:
        self._memories = memories
        self._lessons = lessons
        self._models = models
        self._clock = clock
        self._budget = budget
        self._model = model
        self._pause = pause
        self._on_learned = on_learned
        self._waiting: dict[str, int] = {}
        self._timers: dict[str, Timer] = {}
        self._prompts: dict[str, tuple[str, ...]] = {}
        self._keeps: dict[UUID | None, Keep] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False

    def hear(self, heard: Heard) -> None:
        """Take in a turn. Returns at once; the same turn twice is one."""
        self._prompts[heard.conversation] = heard.prompts
        if heard.keep is not None:
            self._keeps[heard.scope.agent_id] = heard.keep
        self._begin(self._take_in(heard))

    async def learn(self, conversation: str) -> list[Outcome]:
        """Learn from the turns of a conversation that wait. Never fails: what cannot be learned now waits on."""
        outcomes: list[Outcome] = []
        async with self._locks.setdefault(conversation, asyncio.Lock()):
            while self._models is not None and self._budget.is_left():
                lessons = await self._lessons.take(conversation, self._clock.now(), limit=_BATCH, stale=_STALE)
                if not lessons:
                    break
                found = await self._learned(lessons)
                if found is None:
                    break
                outcomes += found
        return outcomes

    async def catch_up(self) -> None:
        """Learn from all turns that wait, such as those of an earlier run of the program."""
        for conversation in await self._lessons.conversations():
            await self.learn(conversation)

    async def settle(self) -> None:
        """Learn from everything that was heard, now, and wait until that is done."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        for conversation in list(self._waiting):
            self._stop_timer(conversation)
            await self.learn(conversation)
        self._waiting.clear()

    async def forget(self, conversation: str) -> None:
        """Learn no more from a conversation that was deleted."""
        self._stop_timer(conversation)
        self._waiting.pop(conversation, None)
        self._prompts.pop(conversation, None)
        await self._lessons.forget(conversation)

    async def close(self) -> None:
        """Stop. Turns that wait are kept for the next start."""
        self._closed = True
        for conversation in list(self._timers):
            self._stop_timer(conversation)
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _take_in(self, heard: Heard) -> None:
        source = Source("user", heard.who, heard.conversation, heard.message)
        for statement in statements_in(heard.user):
            proposed = Proposed(
                statement.content, statement.type, statement.importance, source, explicit=statement.asked, author=AUTHOR
            )
            self._tell(await self._memories.remember(heard.scope, proposed, prompts=heard.prompts, keep=heard.keep))
        if self._models is None or not heard.user.strip():
            return
        lesson = Lesson(
            heard.scope.agent_id,
            heard.conversation,
            heard.message,
            without_secrets(heard.user),
            without_secrets(heard.assistant),
            self._clock.now(),
            who=heard.who,
            recalled=heard.recalled,
            tainted=heard.tainted,
        )
        if await self._lessons.add(lesson):
            self._await_pause(heard.conversation)

    def _await_pause(self, conversation: str) -> None:
        self._waiting[conversation] = self._waiting.get(conversation, 0) + 1
        self._stop_timer(conversation)
        if self._closed:
            return
        if self._waiting[conversation] >= _BATCH:
            self._paused(conversation)
        else:
            self._timers[conversation] = self._clock.call_later(self._pause, lambda: self._paused(conversation))

    def _paused(self, conversation: str) -> None:
        self._stop_timer(conversation)
        self._waiting.pop(conversation, None)

        async def learn() -> None:
            await self.learn(conversation)

        self._begin(learn())

    async def _learned(self, lessons: Sequence[Lesson]) -> list[Outcome] | None:
        """What came of some turns; None if the model could not be asked, and they wait on."""
        assert self._models is not None
        numbers = [lesson.number for lesson in lessons]
        known = await self._known(lessons)
        prompt = extraction.prompt(lessons, known)
        try:
            answer, usage = await ask_json(
                self._models, self._model, extraction.SYSTEM, prompt, extraction.SCHEMA, name="memories"
            )
        except StepError as error:
            _log.info("nothing could be learned now: %s", error.message)
            most = 1_000_000 if error.kind in _WITHOUT_MODEL else _MOST_TRIES
            await self._lessons.give_back(numbers, most_tries=most)
            return None
        self._budget.spend(usage)
        outcomes = [await self._remember(entry, known) for entry in extraction.read(answer, lessons)]
        await self._lessons.done(numbers)
        return outcomes

    async def _known(self, lessons: Sequence[Lesson]) -> list[Memory]:
        """What is remembered about the same things, and what was at hand."""
        scope = Scope(lessons[0].agent_id)
        about = " ".join(lesson.said[:500] for lesson in lessons)
        recall = await self._memories.recall(scope, about, limit=_KNOWN)
        known = {item.memory.id: item.memory for item in recall.items}
        missing = {memory_id for lesson in lessons for memory_id in lesson.recalled} - set(known)
        for memory in await self._memories.some(missing):
            known[memory.id] = memory
        return list(known.values())

    async def _remember(self, entry: extraction.Extracted, known: Sequence[Memory]) -> Outcome:
        lesson = entry.lesson
        kind: Any = "user" if entry.by_person else "assistant"
        proposed = Proposed(
            entry.content,
            entry.type,
            entry.importance,
            Source(kind, lesson.who if entry.by_person else "", lesson.conversation, lesson.message),
            tainted=lesson.tainted,
            valid_from=lesson.at,
            valid_to=entry.until,
            author=AUTHOR,
        )
        outcome = await self._memories.remember(
            Scope(lesson.agent_id),
            proposed,
            prompts=self._prompts.get(lesson.conversation, ()),
            recalled=[memory.content for memory in known],
            keep=self._keeps.get(lesson.agent_id),
        )
        self._tell(outcome)
        return outcome

    def _tell(self, outcome: Outcome) -> None:
        if self._on_learned is not None:
            self._on_learned(outcome)

    def _stop_timer(self, conversation: str) -> None:
        timer = self._timers.pop(conversation, None)
        if timer is not None:
            timer.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(_quietly(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _quietly(work: Coroutine[Any, Any, None]) -> None:
    """Learning must never disturb what a person does; the log says what happened."""
    try:
        await work
    except (StoreError, StepError) as error:
        _log.warning("a turn could not be learned from: %s", error)
