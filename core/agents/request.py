"""From a conversation to a request: prompt, memory, functions and history, made to fit, sent, and told of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core.agents.approval import is_tainted
from core.agents.attachments import loader
from core.agents.built_in import READ_RESULT, built_in
from core.agents.chat_events import (
    CallProposed,
    ChatEvent,
    ContextCompacted,
    MemoryRecalled,
    ReasoningDelta,
    RequestSent,
    TextDelta,
)
from core.agents.compaction import cut_point, prune_point, summarise
from core.agents.context import COMPACT_AT, Context, after_note, assemble, load_parts, room
from core.agents.foreign_text import RULES, new_mark, visible
from core.agents.functions import CallableFunction, CallContext, CallResult, FunctionFacts, Surroundings
from core.agents.kit import Kit, KnownAgent, Learned, ModelFacts, Recollection
from core.agents.limits import turn_of
from core.agents.model_step import Partial, ask
from core.agents.prompt import SystemPrompt, fill_in
from core.agents.structured import FINAL_ANSWER, AnswerForm, answer_form
from core.agents.terms import ASKERS, NO_TERMS, Terms
from core.engine.errors import StepError
from core.engine.events import NO_USAGE, Usage
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest
from core.store.conversation_records import ConversationLog, FunctionCall, SentRequest, StoredMessage
from core.workflow.model import Json


@dataclass(frozen=True, slots=True)
class Asked:
    """A model's answer, what it was sent, and what that cost."""

    answer: ChatAnswer
    sent: SentRequest
    usage: Usage


@dataclass(frozen=True, slots=True)
class Wish:
    """How a request differs from the usual. withheld: functions that are not offered. in_words: no functions.

    must_call: of the asker's functions, which alone are offered then, the one that must be called, or ANY.
    """

    schema: Mapping[str, Json] | None = None
    withheld: frozenset[str] = frozenset()
    in_words: bool = False
    may_hand_over: bool = True
    depth: int = 0
    step: int = 1
    terms: Terms = NO_TERMS
    must_call: str = ""


class RequestMaker:
    """Makes the requests of one turn. extra: what notes and the like have cost besides the messages.

    is_private: something private (memories, a person's files) is before the model.
    """

    def __init__(
        self, kit: Kit, log: ConversationLog, surroundings: Surroundings, emit: Callable[[ChatEvent], None]
    ) -> None:
        self._kit = kit
        self._log = log
        self._surroundings = surroundings
        self._emit = emit
        self._functions: dict[str, Sequence[CallableFunction]] = {}
        self._recalled: dict[str, Recollection] = {}
        self._prompts: dict[str, str] = {}
        self._prune_before = 0
        self.extra: Usage = NO_USAGE
        self.is_private = False

    async def ask(self, known: KnownAgent, path: Sequence[StoredMessage], partial: Partial, wish: Wish) -> Asked:
        """The model's answer to the conversation. Raises StepError."""
        facts = await self._kit.look_up(known.agent.model.model)
        form = answer_form(wish.schema, facts, known.agent.model.effort)
        functions = await self._offered(known, path, wish)
        context = await self._context(known, path, functions, form, facts)
        if self._prune_before and READ_RESULT not in functions:
            # What was left out just now can be read on from this very request.
            functions = await self._offered(known, path, wish)
            context = replace(context, tools=tuple(function.facts.wire() for function in functions.values()))
        try:
            return await self._sent(known, context, facts, form, partial, wish)
        except StepError as error:
            if error.kind != "context_length" or partial.text:
                raise
        context = await self._compacted(known, path, context, facts, forced=True)
        return await self._sent(known, context, facts, form, partial, wish)

    async def form(self, known: KnownAgent, schema: Mapping[str, Json] | None) -> AnswerForm | None:
        """How answers of that form are got out of the agent's model."""
        return answer_form(schema, await self._kit.look_up(known.agent.model.model), known.agent.model.effort)

    async def callable_functions(
        self, known: KnownAgent, path: Sequence[StoredMessage], depth: int, schema: Mapping[str, Json] | None
    ) -> dict[str, CallableFunction]:
        """Everything that the agent may call now, by name."""
        key = known.agent.name
        if key not in self._functions:
            self._functions[key] = await self._kit.functions.functions_of(known.agent, depth)
        form = await self.form(known, schema)
        final = [FinalAnswer(form)] if form is not None and form.way == "function" else []
        own = built_in(path, self._surroundings.variables, self._kit.blobs, pruned=self._prune_before > 0)
        return {function.facts.name: function for function in (*self._functions[key], *own, *final)}

    def detail(self, answer: ChatAnswer, path: Sequence[StoredMessage]) -> dict[str, Json]:
        """What else a screen shows with an answer: what the model thought aloud and, with a turn's first, the memories
        that were before it."""
        found: dict[str, Json] = {}
        if answer.reasoning:
            found["reasoning"] = visible(answer.reasoning)
        if answer.provider:
            found["provider"] = answer.provider
        recalled = [memory for each in self._recalled.values() for memory in each.memories]
        if recalled and not any(message.role == "assistant" for message in turn_of(path)):
            found["memories"] = [
                {"id": memory.id, "text": memory.text, "score": memory.score, "why": memory.why} for memory in recalled
            ]
        return found

    def propose(self, call: FunctionCall, agent: str) -> None:
        """Tell of a call that the model wants made."""
        self._tell(CallProposed, call=call, agent=agent)

    def learn(self, known: KnownAgent, path: Sequence[StoredMessage], *, tainted: bool) -> None:
        """Hand the finished turn to the agent's memory."""
        use = known.agent.memory
        if self._kit.memory is not None and use.enabled and use.learn:
            recalled = [memory.id for found in self._recalled.values() for memory in found.memories]
            turn = Learned(self._log.conversation.id, turn_of(path), tuple(self._prompts.values()), recalled, tainted)
            self._kit.memory.learn(known.id, use, turn)

    async def _offered(
        self, known: KnownAgent, path: Sequence[StoredMessage], wish: Wish
    ) -> Mapping[str, CallableFunction]:
        functions = await self.callable_functions(known, path, wish.depth, wish.schema)
        return {
            name: function
            for name, function in functions.items()
            if name not in wish.withheld
            and function.facts.policy != "never"
            and not function.facts.trouble
            and (wish.may_hand_over or not function.facts.hands_over)
            and (not wish.must_call or function.facts.kind == ASKERS)
        }

    async def _context(
        self,
        known: KnownAgent,
        path: Sequence[StoredMessage],
        functions: Mapping[str, CallableFunction],
        form: AnswerForm | None,
        facts: ModelFacts,
    ) -> Context:
        system = await self._system(known, path, form, bool(functions))
        tools = [function.facts.wire() for function in functions.values()]
        context = assemble(system, path, await self._log.notes(), tools, prune_before=self._prune_before)
        return await self._compacted(known, path, context, facts)

    async def _system(
        self, known: KnownAgent, path: Sequence[StoredMessage], form: AnswerForm | None, has_functions: bool
    ) -> SystemPrompt:
        recalled = await self._recall(known, path)
        has_files = any(message.blobs for message in path if message.role == "user")
        self.is_private = self.is_private or bool(recalled.text) or has_files
        own, is_shown = fill_in(known.agent, self._surroundings.variables, self._kit.clock.now(), recalled.text)
        self._prompts[known.agent.name] = own
        needs_rules = has_functions or has_files or bool(recalled.text) or is_tainted(path)
        return SystemPrompt(
            own,
            rules=RULES if needs_rules else "",
            memory="" if is_shown else recalled.text,
            answer=form.rule if form is not None else "",
        )

    async def _recall(self, known: KnownAgent, path: Sequence[StoredMessage]) -> Recollection:
        """What memory gives for the turn's question, once per agent and turn."""
        name, memory = known.agent.name, self._kit.memory
        if name not in self._recalled:
            query = next((message.text for message in reversed(path) if message.role == "user"), "")
            if memory is None or not known.agent.memory.enabled or not query.strip():
                self._recalled[name] = Recollection()
            else:
                found = self._recalled[name] = await memory.recall(known.id, known.agent.memory, query)
                self.extra = self.extra + found.usage
                self._tell(MemoryRecalled, memories=found.memories, mode=found.mode, note=found.note)
        return self._recalled[name]

    async def _compacted(
        self,
        known: KnownAgent,
        path: Sequence[StoredMessage],
        context: Context,
        facts: ModelFacts,
        *,
        forced: bool = False,
    ) -> Context:
        """The request made to fit. forced: the server said that it does not."""
        most = int(room(facts, known.agent.model.max_tokens) * COMPACT_AT)
        before = context.tokens()
        if before <= most and not forced:
            return context
        self._prune_before = prune_point(path)
        pruned = replace(context, prune_before=self._prune_before)
        after = pruned.tokens()
        if after < before:
            self._tell(ContextCompacted, kind="pruned", tokens_before=before, tokens_after=after)
        if after <= most and not (forced and after >= before):
            return pruned
        return await self._summarised(known, path, pruned, most)

    async def _summarised(
        self, known: KnownAgent, path: Sequence[StoredMessage], context: Context, most: int
    ) -> Context:
        notes = await self._log.notes()
        note, start = after_note(path, notes)
        cut = cut_point(path[start:], most)
        if not cut:
            return context
        before = context.tokens()
        made = await summarise(
            path[start : start + cut],
            note.text if note is not None else "",
            models=self._kit.models,
            model=self._kit.summary_model or known.agent.model.model,
            mark=new_mark(self._kit.random),
        )
        made = replace(made, first=path[0].id)
        self.extra = self.extra + made.usage
        await self._log.add_note(made)
        shorter = assemble(context.system, path, [*notes, made], context.tools, prune_before=self._prune_before)
        self._tell(
            ContextCompacted,
            kind="summarised",
            tokens_before=before,
            tokens_after=shorter.tokens(),
            first=made.first,
            last=made.last,
            note=made.text,
        )
        return shorter

    async def _sent(
        self,
        known: KnownAgent,
        context: Context,
        facts: ModelFacts,
        form: AnswerForm | None,
        partial: Partial,
        wish: Wish,
    ) -> Asked:
        choice = wish.terms.choice(known.agent.model)
        request = ChatRequest(
            messages=await load_parts(context.wire(), loader(self._kit.blobs, facts)),
            model=choice.model,
            fallbacks=choice.fallbacks,
            temperature=choice.temperature,
            top_p=choice.top_p,
            max_tokens=choice.max_tokens,
            stop=wish.terms.stop,
            seed=wish.terms.seed,
            effort=choice.effort,
            schema=form.schema if form is not None and form.way != "function" else None,
            tools=context.tools,
            tool_choice=_tool_choice(context, form, wish),
            modalities=_modalities(facts),
            session=str(self._log.conversation.id),
        )
        sections = context.sections()
        sent = SentRequest(self._kit.models.wire_request(request), sections)
        model = facts.id or choice.model
        self._tell(
            RequestSent,
            step=wish.step,
            model=model,
            sections=sections,
            context=facts.context,
            body=sent.body,
            troubles=self._troubles(known),
        )
        answer = await ask(self._kit.models, request, self._show, partial)
        return Asked(answer, sent, answer.usage)

    def _troubles(self, known: KnownAgent) -> tuple[str, ...]:
        facts = (function.facts for function in self._functions.get(known.agent.name, ()))
        return tuple(f"{each.name}: {each.trouble}" for each in facts if each.trouble)

    def _show(self, piece: ChatDelta) -> None:
        if piece.reasoning:
            self._tell(ReasoningDelta, text=piece.reasoning)
        if piece.text:
            self._tell(TextDelta, text=piece.text)

    def _tell(self, kind: Any, /, **facts: Any) -> None:
        self._emit(kind(self._log.conversation.id, self._kit.clock.now(), **facts))


class FinalAnswer:
    """The function by which a model without structured output answers."""

    def __init__(self, form: AnswerForm) -> None:
        self.facts: FunctionFacts = form.facts()
        self._form = form

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """The answer itself: what a person reads in the end."""
        return CallResult(arguments.get("value") if self._form.wrapped else dict(arguments))


def _modalities(facts: ModelFacts) -> tuple[str, ...]:
    """A model that makes pictures does so only if it is asked to."""
    return tuple(kind for kind in ("image", "text") if kind in facts.outputs) if "image" in facts.outputs else ()


def _tool_choice(context: Context, form: AnswerForm | None, wish: Wish) -> str:
    """Last words are had by offering no function, or only the one for the answer."""
    if not context.tools:
        return ""
    if wish.in_words:
        return FINAL_ANSWER if form is not None and form.way == "function" else "none"
    return wish.must_call
