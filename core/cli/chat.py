"""`steploom chat`: talk with an agent, or with a workflow that takes a message."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from core.cli.exit_codes import CANCELLED, COMPLETED, FAILED, SUSPENDED
from core.cli.refusal import Refusal
from core.cli.run import DemoOption, MemoryOption, ReadOption, Show, WriteOption, grants, shown
from core.cli.terminal import error_console, print_json
from core.workflow.model import Json

if TYPE_CHECKING:
    from core.agents.attachments import Attachment
    from core.agents.chat_events import Pending
    from core.agents.reply import Outcome, Reply
    from core.store.conversation_records import Conversation
    from core.workspace import Workspace

ALLOW, DENY = "allow", "deny"
_LOOK_AGAIN_S = 2.0
_QUIT = frozenset({"/quit", "/exit", "/q"})


def chat(
    *,
    name: Annotated[str, typer.Argument(metavar="AGENT|WORKFLOW", help="Whom to talk with.")] = "",
    message: Annotated[str, typer.Option("--message", "-m", help="Say this one thing, print the answer, end.")] = "",
    conversation: Annotated[str, typer.Option("--conversation", "-c", help="Go on with this one.")] = "",
    answer: Annotated[
        str, typer.Option("--answer", help="To what the conversation waits for: allow, deny, or a choice.")
    ] = "",
    files: Annotated[
        list[Path], typer.Option("--file", "-f", metavar="FILE", help="Send a file along.", default_factory=list)
    ],
    save_files: Annotated[
        Path | None, typer.Option("--save-files", metavar="DIR", help="Write pictures and files that are made here.")
    ] = None,
    demo: DemoOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object when the answer is there.")] = False,
    events: Annotated[bool, typer.Option("--events", help="Print every event as a line of JSON.")] = False,
    memory_only: MemoryOption = False,
    allow_read: ReadOption,
    allow_write: WriteOption,
) -> int:
    """Talk with an agent, or with a workflow that takes a `message`.

    Without --message it reads from the terminal until /quit, and asks there before calls that need leave. A message may
    also come on standard input. Exit codes: 0 answered, 1 failed or at a limit, 2 bad usage, 3 waits for an answer (see
    --answer), 130 stopped.
    """
    if not name and not conversation:
        raise typer.BadParameter("Name an agent or a workflow, or give --conversation.")
    wish = _Wish(name, message, conversation, answer, files, shown(as_json, events), save_files)
    return asyncio.run(_chat(wish, demo, memory_only, allow_read, allow_write))


@dataclass(frozen=True, slots=True)
class _Wish:
    name: str
    message: str
    conversation: str
    answer: str
    files: list[Path]
    show: Show
    save_files: Path | None = None


async def _chat(wish: _Wish, demo: bool, memory_only: bool, read: list[Path], write: list[Path]) -> int:
    from core.workspace import Workspace

    async with Workspace.open(demo=demo, memory_only=memory_only, grants=grants(read, write)) as workspace:
        talk = _Talk(workspace, await _conversation(workspace, wish), wish.show, wish.save_files)
        if wish.answer:
            return await talk.answer(wish.answer)
        message = wish.message or ("" if sys.stdin.isatty() else await asyncio.to_thread(sys.stdin.read))
        if message.strip() or wish.files:
            return await talk.say(message, [_attachment(file) for file in wish.files])
        if not sys.stdin.isatty():
            raise Refusal("There is nothing to say. Give --message, or write on standard input.")
        return await talk.until_quit()


async def _conversation(workspace: Workspace, wish: _Wish) -> Conversation:
    """The conversation to go on with, or a new one. Raises Refusal."""
    from core.engine.errors import StepError
    from core.store.errors import AgentNotFound, ConversationNotFound

    if wish.conversation:
        try:
            return await workspace.conversations.get(UUID(wish.conversation))
        except (ValueError, ConversationNotFound):
            raise Refusal(f"There is no conversation {wish.conversation!r}.") from None
    try:
        return await workspace.chat.start(wish.name)
    except AgentNotFound as unknown:
        try:
            found = await workspace.find(wish.name)
        except StepError:
            raise Refusal(str(unknown)) from None
    from core.agents.workflow_chat import message_input

    if not message_input(found.workflow):
        raise Refusal(f"The workflow {wish.name!r} cannot be talked with: it has no input 'message'.")
    return await workspace.chat.start(workflow=wish.name)


def _attachment(file: Path) -> Attachment:
    from core.agents.attachments import Attachment

    try:
        return Attachment(file.read_bytes(), file.name)
    except OSError as error:
        raise Refusal(f"--file: {file} cannot be read: {error.strerror or error}.") from None


class _Talk:
    """One conversation on a terminal."""

    def __init__(
        self, workspace: Workspace, conversation: Conversation, show: Show, save_files: Path | None = None
    ) -> None:
        self._workspace = workspace
        self._save_files = save_files
        self._made: dict[str, Mapping[str, Json]] = {}
        self._id = conversation.id
        self._show = show
        self._console = error_console()

    async def say(self, text: str, files: list[Attachment]) -> int:
        """Say one thing; the exit code for what came of it."""
        outcome = await self._follow(self._workspace.chat.send(self._id, text, files))
        return await self._settled(outcome)

    async def until_quit(self) -> int:
        """Talk until the person has had enough. What goes wrong is said, and the talk goes on."""
        from core.agents.errors import ChatError
        from core.engine.errors import StepError
        from core.store.errors import StoreError

        self._console.print(f"Conversation {self._id}. /quit ends it.", style="dim")
        while True:
            text = await _read("> ")
            if text is None or text.strip() in _QUIT:
                return COMPLETED
            if text.strip():
                try:
                    await self.say(text, [])
                except (ChatError, StoreError, StepError) as error:
                    self._print(str(error))

    async def answer(self, word: str) -> int:
        """Answer what the conversation waits for, all of it alike; or go on with it if it was only interrupted."""
        pending = await self._workspace.chat.pending(self._id)
        if not pending:
            outcome: Outcome = await self._follow(self._workspace.chat.resume(self._id))
            return await self._settled(outcome)
        asked = [each for each in pending if each.kind != "asker"]
        if not asked:
            raise Refusal(f"{pending[0].message} Say something else to go on without it.")
        for each in asked:
            outcome = await self._follow(await self._answered(each, word))
        return await self._settled(outcome)

    async def _settled(self, outcome: Outcome) -> int:
        """Ask the person about what waits, if there is one; then show how it ended."""
        from core.agents.chat_events import TurnEnded

        while not isinstance(outcome, TurnEnded) and self._show == "text" and sys.stdin.isatty():
            before = outcome
            for pending in before.pending:
                if pending.kind != "asker":
                    outcome = await self._asked(pending)
            if outcome is before:
                break
        files = await self._written()
        self._tell(outcome, files)
        if not isinstance(outcome, TurnEnded):
            return SUSPENDED
        return {"completed": COMPLETED, "cancelled": CANCELLED}.get(outcome.status, FAILED)

    async def _asked(self, pending: Pending) -> Outcome:
        self._print_pending(pending)
        if pending.kind == "later":
            return await self._waited(pending)
        choices = pending.choices or (ALLOW, DENY)
        word = ""
        while word not in choices:
            read = await _read(f"{' / '.join(choices)}? ")
            if read is None:
                raise typer.Exit(SUSPENDED)
            word = next((choice for choice in choices if read.strip() and choice.startswith(read.strip())), "")
        return await self._follow(await self._answered(pending, word))

    async def _waited(self, pending: Pending) -> Outcome:
        """Go on when the time has come. Who does not want to wait that long presses Ctrl-C, and nothing is lost."""
        clock = self._workspace.clock
        left = (pending.until - clock.now()).total_seconds() if pending.until is not None else _LOOK_AGAIN_S
        await clock.sleep(max(left, 0.0))
        return await self._follow(self._workspace.chat.resume(self._id))

    async def _answered(self, pending: Pending, word: str) -> Reply:
        chat = self._workspace.chat
        if pending.kind == "later":
            return chat.resume(self._id)
        if pending.kind == "approval":
            if word not in (ALLOW, DENY):
                raise Refusal(f"Answer with {ALLOW} or {DENY}.")
            return await chat.answer_approval(pending.id, word == ALLOW)
        if pending.choices and word not in pending.choices:
            raise Refusal(f"{word!r} is not one of the choices: {', '.join(pending.choices)}.")
        if pending.kind == "unknown":
            return await chat.answer_unknown(pending.id, word)
        return await chat.answer_question(pending.id, {"choice": word})

    async def _follow(self, reply: Reply) -> Outcome:
        from core.agents.chat_events import ChatEvent, chat_event_json
        from core.agents.made_files import made_in
        from core.cli.interrupts import on_interrupt

        lines = _Lines()
        show = self._show

        def tell(event: ChatEvent) -> None:
            if show == "events":
                print_json(chat_event_json(event))
            elif show == "text":
                lines.tell(event)
            self._made |= {str(part["blob"]): part for part in made_in(event)}

        for event in tuple(reply.events):
            tell(event)
        reply.listeners.append(tell)
        with on_interrupt(lambda _: reply.cancel()):
            outcome = await reply.outcome()
        lines.end()
        return outcome

    async def _written(self) -> list[str]:
        """What was made since the last time, written if that is wanted: where it is now, or what it is called."""
        from core.cli.run_files import write_named

        made, self._made = list(self._made.values()), {}
        blobs = self._workspace.chat.parts.kit.blobs
        if self._save_files is None or blobs is None:
            return [f"{part.get('name') or 'file'} (--save-files DIR writes it)" for part in made]
        try:
            return [str(path) for path in await write_named(map(dict, made), blobs, self._save_files)]
        except OSError as error:
            raise Refusal(f"--save-files: {self._save_files} cannot be written: {error.strerror or error}.") from None

    def _tell(self, outcome: Outcome, files: Sequence[str] = ()) -> None:
        from core.agents.chat_events import TurnEnded

        if self._show == "json":
            said = outcome_json(str(self._id), outcome)
            print_json({**said, "files": list(files)} if files else said)
            return
        if self._show != "text":
            return
        for file in files:
            self._print(f"made {file}")
        if isinstance(outcome, TurnEnded):
            if outcome.reason:
                self._print(outcome.reason)
        else:
            for pending in outcome.pending:
                self._print_pending(pending)
            if any(pending.kind != "asker" for pending in outcome.pending):
                self._print(f"Answer: steploom chat -c {self._id} --answer {ALLOW}|{DENY}|CHOICE")

    def _print_pending(self, pending: Pending) -> None:
        if pending.call is not None and pending.kind == "approval":
            arguments = json.dumps(dict(pending.call.arguments or {}), ensure_ascii=False, indent=1)
            self._print(f"{pending.agent} wants to call {pending.call.name} with {arguments}")
        self._print(pending.message)
        for warning in pending.warnings:
            self._print(f"! {warning}")

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, soft_wrap=True)


class _Lines:
    """Shows a turn as it happens: the answer on standard output, everything else on standard error."""

    def __init__(self) -> None:
        self._is_open = False

    def tell(self, event: object) -> None:
        """Show one event."""
        from core.agents import chat_events as told

        match event:
            case told.TextDelta():
                typer.echo(event.text, nl=False)
                self._is_open = True
            case told.MemoryRecalled() if event.memories:
                self._note(f"remembers {len(event.memories)}")
            case told.ContextCompacted():
                self._note("makes room: older messages give way to a note")
            case told.CallStarted():
                self._note(f"→ {event.call.name}")
            case told.CallFinished():
                sign = "✓" if event.call.status == "completed" else "✗"
                why = f": {event.call.reason}" if event.call.status != "completed" and event.call.reason else ""
                self._note(f"{sign} {event.call.name}{why}")
            case told.HandedOver():
                self._note(f"{event.to} goes on: {event.reason}")
            case told.RequestSent() if event.step == 1:
                for trouble in event.troubles:
                    self._note(f"cannot be used: {trouble}")
            case _:
                pass

    def end(self) -> None:
        """End the line of the answer."""
        if self._is_open:
            typer.echo()
        self._is_open = False

    def _note(self, text: str) -> None:
        self.end()
        error_console().print(text, style="dim", markup=False, soft_wrap=True)


def outcome_json(conversation: str, outcome: Outcome) -> dict[str, Json]:
    """How a turn ended, as the JSON object that `--json` prints."""
    from core.agents.chat_events import TurnEnded, chat_event_json

    told = chat_event_json(outcome)
    found: dict[str, Json] = {"conversation": conversation}
    if isinstance(outcome, TurnEnded):
        found |= {key: told[key] for key in ("status", "text", "value", "reason", "usage", "duration_s")}
        return found
    return {**found, "status": "waiting", "pending": told["pending"], "usage": told["usage"]}


async def _read(prompt: str) -> str | None:
    """A line that the person types; None when there is no more."""

    def ask() -> str | None:
        sys.stderr.write(prompt)
        sys.stderr.flush()
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None

    return await asyncio.to_thread(ask)
