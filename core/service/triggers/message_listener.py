"""Starting workflows by notices of Postgres: `NOTIFY channel, 'payload'`."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from core.engine.errors import InputError
from core.service.queue import RunQueue
from core.store.errors import StoreError
from core.store.message_notices import MessageNotices
from core.store.publications import ActiveWorkflow
from core.workflow.inputs import check_inputs
from core.workflow.model import Json, Workflow
from core.workflow.problems import DocumentError
from core.workflow.triggers import MessageTrigger, read_trigger

_log = logging.getLogger(__name__)

MESSAGE_INPUT: Final = "message"
"""The input that gets a payload which is no JSON object."""


class ActiveWorkflows(Protocol):
    """What is needed of the library."""

    async def active(self, type_: str = "") -> Sequence[ActiveWorkflow]:
        """The active workflows with that type of trigger."""


class MessageListener:
    """Starts a run of every active workflow that listens to a channel, for each of its notices. A BackgroundTask.

    Of several listeners on one database one listens, and another takes over when it is gone. Postgres keeps no
    notices: those sent while nobody listens are lost. A transaction that sends the same notice twice sends one. told:
    hears the id of every run that was started.
    """

    def __init__(
        self,
        workflows: ActiveWorkflows,
        notices: MessageNotices,
        queue: RunQueue,
        *,
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._told = told
        self._workflows = workflows
        self._notices = notices
        self._queue = queue
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin on the running loop; does nothing if it has begun."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self.run(), name="notices that start workflows")

    async def stop(self) -> None:
        """End what `start` began."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def run(self) -> None:
        """Listen until cancelled."""
        await self._notices.listen(self._channels, self._heard)

    async def _channels(self) -> Sequence[str]:
        return sorted({channel for channel, _ in await self._listening()})

    async def _listening(self) -> list[tuple[str, ActiveWorkflow]]:
        found = []
        for active in await self._workflows.active("message"):
            options, _ = read_trigger(active.workflow.trigger)
            if isinstance(options, MessageTrigger) and options.channel:
                found.append((options.channel, active))
        return found

    async def _heard(self, channel: str, payload: str) -> None:
        for wanted, active in await self._listening():
            if wanted == channel:
                await self._start(active.workflow, channel, payload)

    async def _start(self, workflow: Workflow, channel: str, payload: str) -> None:
        try:
            complete = _complete(workflow, payload)
            labels = {"trigger": "message", "channel": channel}
            run_id = await self._queue.enqueue(workflow, complete, labels=labels)
            _log.info("A notice of %r started run %s of %r", channel, run_id, workflow.name)
            self._told(run_id)
        except (DocumentError, InputError, StoreError) as error:
            _log.error("A notice of %r could not start %r: %s", channel, workflow.name, error)


def inputs_of(workflow: Workflow, payload: str) -> Mapping[str, Json]:
    """What a payload gives to a workflow: a JSON object gives inputs by name, anything else is the input `message`."""
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        data = None
    if isinstance(data, dict):
        return data
    return {MESSAGE_INPUT: payload} if payload or MESSAGE_INPUT in workflow.inputs else {}


def _complete(workflow: Workflow, payload: str) -> Mapping[str, Json]:
    complete, problems = check_inputs(workflow, inputs_of(workflow, payload), from_text=True)
    if problems:
        raise InputError(problems)
    return complete
