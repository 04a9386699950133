"""Chat with a workflow: each message starts a run, and the run's main text output, streamed, is the answer.

The workflow is given the message as its input `message`, or as the one text that it needs, and, where it declares
them, `history`, `conversation` and `files`. Variables that it declares are the conversation's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from core.agents.chat_events import (
    CANCELLED,
    CallProgress,
    ChatEvent,
    MessageSaved,
    Pending,
    ReasoningDelta,
    TextDelta,
    TurnEnded,
    TurnStarted,
    TurnStatus,
    TurnWaiting,
)
from core.agents.chat_surroundings import CONVERSATION_LABEL
from core.agents.errors import CallWaits, ChatError, FunctionError
from core.agents.foreign_text import visible
from core.agents.made_files import IMAGES, files_in, hashes
from core.agents.results import as_text
from core.agents.workflow_runs import Ran, RunFailed, RunMaker, Wanted, carry_through
from core.engine.clock import Clock
from core.engine.events import NO_USAGE, Event, StepCompleted, StepDelta, StepStarted, Usage
from core.engine.templates import templates_in
from core.store.conversation_records import ConversationLog, StoredMessage
from core.workflow.model import Json, Workflow

MESSAGE: Final = "message"
"""The input that takes what a person says."""

_MAIN = ("answer", "reply", "text", "message", "output")
"""Names of outputs that are the answer, the best first."""

_MOST_HISTORY: Final = 200
"""Messages that a workflow is given at most."""

E = TypeVar("E", bound=ChatEvent)


def message_input(workflow: Workflow) -> str:
    """The input that takes what a person says: `message`, else the only one that has to be given if that is a text.

    '' for a workflow that one cannot chat with.
    """
    if MESSAGE in workflow.inputs:
        return MESSAGE
    needed = [name for name, schema in workflow.inputs.items() if "default" not in schema]
    is_text = len(needed) == 1 and workflow.inputs[needed[0]].get("type", "string") == "string"
    return needed[0] if is_text else ""


def main_output(workflow: Workflow) -> str:
    """The output that is the answer, '' if the workflow has none."""
    named = next((name for name in _MAIN if name in workflow.outputs), "")
    return named or next(iter(workflow.outputs), "")


class WorkflowChat:
    """Answers the newest message of a conversation by a run, or goes on with that run."""

    def __init__(
        self,
        workflow: Workflow,
        origin: str,
        log: ConversationLog,
        runs: RunMaker,
        clock: Clock,
        new_run_id: Callable[[], str],
        emit: Callable[[ChatEvent], None],
    ) -> None:
        self._workflow = workflow
        self._origin = origin
        self._log = log
        self._runs = runs
        self._clock = clock
        self._new_run_id = new_run_id
        self._emit = emit
        self._text = ""
        self._reasoning = ""
        self._done = 0
        self._streams = _streamed_steps(workflow)

    async def run(
        self, *, resumed: bool = False, answer: tuple[str, Mapping[str, Json]] | None = None
    ) -> TurnEnded | TurnWaiting:
        """How it ended. answer: path and answer of the question that the run waits with. As `Turn.run`."""
        self._tell(TurnStarted, agent=self._workflow.name, resumed=resumed)
        began = self._clock.monotonic()
        run_id = ""
        try:
            path, run_id = await self._begun()
            wanted = self._wanted(path, run_id)
            ran = await carry_through(wanted, self._runs, lambda event: self._listen(event, run_id), answer)
        except CallWaits as wait:
            return self._told(TurnWaiting, pending=(self._pending(wait, run_id),))
        except asyncio.CancelledError:
            await self._end("cancelled", CANCELLED, run_id, NO_USAGE, self._clock.monotonic() - began)
            raise
        except RunFailed as error:
            return await self._end("failed", error.message, run_id, error.usage, self._clock.monotonic() - began)
        except (FunctionError, ChatError) as error:
            return await self._end("failed", str(error), run_id, NO_USAGE, self._clock.monotonic() - began)
        return await self._answered(ran, run_id)

    async def _begun(self) -> tuple[Sequence[StoredMessage], str]:
        """The messages up to the question, and the id of the run that answers it: durable before the run begins."""
        path = await self._log.path()
        last = path[-1] if path else None
        if last is not None and last.role == "tool" and last.run_id:
            return path[:-1], last.run_id
        if last is None or last.role != "user":
            raise ChatError("The newest message is an answer already. Write another, or have it made again.")
        begun = await self._log.add(StoredMessage(0, None, "tool", run_id=self._new_run_id()))
        return path, begun.run_id

    def _wanted(self, path: Sequence[StoredMessage], run_id: str) -> Wanted:
        question, conversation = path[-1], self._log.conversation
        takes = message_input(self._workflow)
        given: dict[str, Json] = {
            takes: question.text,
            "history": [
                {"role": message.role, "text": message.text}
                for message in path[:-1][-_MOST_HISTORY:]
                if message.role != "tool" and message.text
            ],
            "conversation": str(conversation.id),
            "files": _files(question.body),
        }
        if not takes:
            raise ChatError(
                f"The workflow {self._workflow.name!r} cannot answer: it has no input {MESSAGE!r}. Add one to it."
            )
        inputs = {name: value for name, value in given.items() if name in self._workflow.inputs}
        labels = {CONVERSATION_LABEL: str(conversation.id), "trigger": MESSAGE}
        return Wanted(run_id, self._workflow, inputs, self._origin, labels, conversation.variables)

    def _listen(self, event: Event, run_id: str) -> None:
        match event:
            case StepDelta(path=path, channel="text") if path in self._streams:
                self._text += event.text
                self._tell(TextDelta, text=event.text)
            case StepDelta(path=path, channel="reasoning") if path in self._streams:
                self._reasoning += event.text
                self._tell(ReasoningDelta, text=event.text)
            case StepStarted():
                title = event.title or event.step_id
                self._tell(CallProgress, call_id=run_id, text=title, done=float(self._done), total=None)
            case StepCompleted():
                self._done += 1
            case _:
                pass

    async def _answered(self, ran: Ran, run_id: str) -> TurnEnded:
        conversation = self._log.conversation
        if ran.changes:
            await self._log.set_variables({**conversation.variables, **ran.changes})
        value = ran.outputs.get(main_output(self._workflow))
        files = files_in(value)
        text = "" if value is None or _is_files(value) else as_text(value)
        if text and not self._text:
            self._tell(TextDelta, text=text)
        await self._keep(text, "complete", "", run_id, ran.usage, ran.duration_s, files)
        structured = None if isinstance(value, str) else value
        return self._told(
            TurnEnded, status="completed", text=text, value=structured, usage=ran.usage, duration_s=ran.duration_s
        )

    async def _end(self, status: TurnStatus, reason: str, run_id: str, usage: Usage, seconds: float) -> TurnEnded:
        kept: Any = "failed" if status == "failed" else "partial"
        await self._keep(self._text, kept, reason, run_id, usage, seconds)
        return self._told(
            TurnEnded, status=status, text=self._text, reason=reason, usage=usage, duration_s=round(seconds, 6)
        )

    async def _keep(
        self,
        text: str,
        status: Any,
        reason: str,
        run_id: str,
        usage: Usage,
        seconds: float,
        files: Sequence[Mapping[str, Json]] = (),
    ) -> None:
        content: dict[str, Any] = {"content": text} if text else {}
        if files:
            content[IMAGES] = list(files)
        message = StoredMessage(
            id=0,
            parent=None,
            role="assistant",
            text=text,
            body={"role": "assistant", **content} if content else {},
            status=status,
            reason=reason,
            agent=self._workflow.name,
            usage=usage,
            duration_s=round(seconds, 6),
            run_id=run_id,
            blobs=hashes(files),
            detail={"reasoning": visible(self._reasoning)} if self._reasoning else {},
        )
        self._tell(MessageSaved, message=await self._log.add(message))

    def _pending(self, wait: CallWaits, run_id: str) -> Pending:
        return Pending(
            id=run_id,
            kind=wait.kind,
            message=wait.message,
            agent=self._workflow.name,
            choices=tuple(map(str, _listed(wait.state.get("choices")))),
            schema=_object(wait.state.get("schema")),
            run_id=run_id,
            path=str(wait.state.get("path") or ""),
            until=wait.until,
        )

    def _tell(self, kind: Any, /, **facts: Any) -> None:
        self._emit(kind(self._log.conversation.id, self._clock.now(), **facts))

    def _told(self, kind: type[E], /, **facts: Any) -> E:
        event = kind(self._log.conversation.id, self._clock.now(), **facts)
        self._emit(event)
        return event


def _streamed_steps(workflow: Workflow) -> frozenset[str]:
    """The steps whose text is the answer as it comes: what the main output is one reference to."""
    template = workflow.outputs.get(main_output(workflow))
    if template is None:
        return frozenset()
    names = {name for found in templates_in(template) for name in found.names if name in workflow.steps}
    return frozenset(names) if len(names) == 1 else frozenset()


def _files(body: Mapping[str, Any]) -> list[Json]:
    content = body.get("content")
    parts = content if isinstance(content, list) else []
    keys = ("blob", "media_type", "size", "name")
    return [{key: part[key] for key in keys if key in part} for part in parts if part.get("type") == "blob"]


def _is_files(value: Json) -> bool:
    """Whether a value is nothing but a kept file, or some of them."""
    if isinstance(value, list):
        return bool(value) and all(map(_is_files, value))
    return isinstance(value, dict) and "blob" in value and "media_type" in value


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _object(value: Json) -> dict[str, Json] | None:
    return value if isinstance(value, dict) else None
