"""The composition root: opens the store, wires engine, steps, models and keys, and hands them out.

async with Workspace.open() as workspace:
    result = await workspace.run("triage.loom.yaml", {"ticket": "The site is down"})
"""

from __future__ import annotations

import asyncio
import logging
import platform
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakSet

from core.agents.when_used import AgentsWhenUsed
from core.engine.clock import Clock, SystemClock
from core.engine.engine import Engine, Run
from core.engine.errors import InputError, RunBusy
from core.engine.events import Event
from core.engine.journal import Journal, RunRecord, StepRecord
from core.engine.lifecycle import RunResult
from core.engine.memory_blobs import MemoryBlobs
from core.engine.memory_journal import MemoryJournal
from core.engine.part import WHOLE, Part, cut
from core.engine.services import Models, Services
from core.engine.step_type import StepTypes
from core.grants import AllowedHosts, Grant, GrantedFolders
from core.ids import new_run_id
from core.library import Library, find_file
from core.llm.demo import DemoModels
from core.llm.from_settings import model_server
from core.llm.limited_models import limited
from core.llm.model_thread import ModelsInThread
from core.monitoring.budgets import budget
from core.monitoring.watch import Watch, traced
from core.secrets import KeyringSecrets
from core.service.queue import DEMO_LABEL
from core.settings import default_home, load
from core.steps import discover
from core.store.errors import StoreError
from core.store.from_settings import open_store
from core.store.pins import MemoryPins, Pins
from core.store.store import Store
from core.workflow.document import read_bounded
from core.workflow.inputs import check_inputs
from core.workflow.model import Json, Workflow
from core.workflow.problems import DocumentError, Problem
from core.workflow.validate import check_text, validate
from core.workspace_agents import Ground, WorkspaceAgents

if TYPE_CHECKING:
    from core.agents.agent import Agent, Function
    from core.agents.chat import Chat
    from core.agents.check import Available
    from core.agents.functions import FunctionFacts
    from core.agents.library import AgentLibrary
    from core.agents.mcp.servers import McpServers
    from core.agents.trial import Trial
    from core.engine.spread import Spread
    from core.memory.learner import Learner
    from core.memory.memories import Memories
    from core.monitoring.forecast import Forecasts
    from core.service.queue import RunQueue
    from core.service.triggers.switches import Switches
    from core.store.conversations import Conversations


@dataclass(frozen=True, slots=True)
class Found:
    """A workflow and where it came from. origin: its folder, '' for one of the library."""

    workflow: Workflow
    origin: str


class Workspace:
    """Everything that is needed to check, run and look into workflows. Made by `Workspace.open`."""

    def __init__(self, ground: Ground, services: Services, *, demo: bool) -> None:
        self.home, self.settings, self.clock = ground.home, ground.settings, ground.clock
        self.types, self.journal, self.store = ground.types, ground.journal, ground.store
        self.secrets, self.server, self.watch = ground.secrets, ground.server, ground.watch
        self.pins: Pins | MemoryPins = self.store.pins if self.store is not None else MemoryPins()
        self.demo = demo
        self._runs: WeakSet[Run] = WeakSet()
        self._has_run = False
        self._agents = WorkspaceAgents(ground, self._shared_services, runs=self)
        self._services = services = replace(
            services,
            agents=AgentsWhenUsed(lambda: self._agents.office(demo=False)),
            memory=self._agents.step_memory(demo=False),
            budget=budget(self.settings.budgets, self.store, self.clock, self._agents.run_models(services.workflows)),
        )
        self._folders = services.folders
        self._demo_services = replace(
            services,
            models=self.watch.over(DemoModels()),
            agents=AgentsWhenUsed(lambda: self._agents.office(demo=True)),
            memory=self._agents.step_memory(demo=True),
        )
        self.engine = Engine(
            self.types,
            self.journal,
            services=self._demo_services if demo else services,
            clock=self.clock,
            new_id=new_run_id,
            random=SystemRandom(),
            bind_inputs=bind_inputs,
        )
        self.engine.listeners = self.watch.listeners

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        home: Path | str | None = None,
        *,
        database_url: str = "",
        memory_only: bool = False,
        demo: bool = False,
        grants: Sequence[Grant] = (),
        clock: Clock | None = None,
        types: StepTypes | None = None,
        stream_in_thread: bool = False,
        **overrides: Any,
    ) -> AsyncIterator[Self]:
        """Open a workspace; leaving it cancels what still runs (resumably), writes and closes everything.

        home: the folder of Steploom's data (STEPLOOM_HOME, else the user's data folder). database_url: instead of the
        settings' database. memory_only: keep nothing. demo: use the demonstration model. grants: folders that steps may
        use besides those of the settings. stream_in_thread: read models' answers on a thread, for a program whose own
        loop must stay free. overrides: settings by name.

        Raises SettingsError, or StoreError if the database cannot be used.
        """
        folder = Path(home) if home is not None else default_home()
        if database_url:
            overrides["database_url"] = database_url
        settings = await asyncio.to_thread(load, folder, **overrides)
        # At DEBUG it logs the headers of replies, in which servers repeat keys.
        logging.getLogger("httpcore").setLevel(logging.INFO)
        clock = clock or SystemClock()
        secrets = KeyringSecrets(folder, allow_file=settings.secrets_file)
        async with AsyncExitStack() as stack:
            server = model_server(settings, secrets, folder, clock)
            stack.push_async_callback(server.aclose)
            models: Models = server
            if stream_in_thread:
                # A server of its own: connections belong to one loop.
                models = threaded = ModelsInThread(model_server(settings, secrets, folder, clock))
                stack.push_async_callback(threaded.aclose)
            watch = Watch(clock)
            if settings.telemetry.endpoint:
                stack.push_async_callback(await asyncio.to_thread(traced, watch, settings.telemetry))
            store: Store | None = None
            journal: Journal = MemoryJournal()
            if not memory_only:
                store = await stack.enter_async_context(open_store(folder, settings, secrets))
                journal = store.journal
            settings_grants = [Grant(entry.path, entry.write) for entry in settings.folders]
            folders = GrantedFolders([*settings_grants, *grants])
            services = Services(
                models=watch.over(limited(models, settings, store.rates if store is not None else None, clock)),
                workflows=Library(store.workflows if store is not None else None, folders),
                secrets=secrets,
                blobs=store.blobs if store is not None else MemoryBlobs(),
                folders=folders,
                addresses=AllowedHosts(settings.allowed_hosts),
            )
            ground = Ground(folder, settings, clock, types or discover(), journal, store, secrets, server, watch)
            workspace = cls(ground, services, demo=demo)
            stack.push_async_callback(workspace._agents.stop_servers)
            stack.push_async_callback(workspace._agents.stop_memories)
            stack.push_async_callback(workspace.tidy)
            stack.push_async_callback(workspace.stop_runs)
            stack.push_async_callback(workspace._agents.stop_chats)
            yield workspace

    @cached_property
    def queue(self) -> RunQueue:
        """Where runs wait for workers; for this process if nothing is kept."""
        from core.service.queue import queue_of

        return queue_of(self)

    @property
    def switches(self) -> Switches:
        """The triggers of the library's workflows, to be published and switched; only where the library is kept."""
        from core.service.triggers.switches import Switches

        assert self.store is not None, "a trigger that lasts needs a store"
        return Switches(self.store.workflows, self.store.schedules, self.validate, self.clock)

    @property
    def agents(self) -> AgentLibrary:
        """The library of agents; one that lasts as long as the workspace if nothing is kept."""
        return self._agents.library

    @property
    def conversations(self) -> Conversations:
        """All conversations; those of this workspace alone if nothing is kept."""
        return self._agents.conversations

    @property
    def mcp(self) -> McpServers:
        """The MCP servers of `mcp.json` in the home folder. None is started before it is used."""
        return self._agents.mcp

    async def available(self) -> Available:
        """What agents can use here, by name: to choose from, and to check them against."""
        return await self._agents.available()

    @property
    def chat(self) -> Chat:
        """Talking with agents, and with workflows that take a `message`."""
        self._has_run = True
        return self._agents.office(demo=self.demo).chat

    @property
    def memories(self) -> Memories | None:
        """What agents remember; None if nothing is kept. First used on a running loop."""
        return self._agents.remembrance(demo=self.demo).memories if self.store is not None else None

    @property
    def learner(self) -> Learner | None:
        """Learns from conversations in the background; None if nothing is kept. First used on a running loop."""
        return self._agents.remembrance(demo=self.demo).learner if self.store is not None else None

    async def function_facts(self, agent: Agent, function: Function) -> FunctionFacts:
        """What is known of a function of an agent that need not be kept; may start an MCP server."""
        from core.agents.trial import facts_of

        return await facts_of(self._agents.office(demo=self.demo).kit, agent, function)

    async def try_function(
        self,
        agent: Agent,
        function: Function,
        arguments: Mapping[str, Json],
        progress: Callable[[str], None] = lambda _: None,
    ) -> Trial:
        """Call one function of an agent by hand, whatever its policy; what fails is told in the Trial."""
        from core.agents.trial import try_function

        self._has_run = True
        return await try_function(self._agents.office(demo=self.demo).kit, self, agent, function, arguments, progress)

    async def tidy(self) -> None:
        """Remove the runs that the settings no longer keep, and the files that nothing names any more."""
        if self.store is None:
            return
        try:
            await self.store.database.ping()
            await self._prune(self.store)
        except StoreError:
            return  # the database is away, and whoever opens it next tidies up

    async def _prune(self, store: Store) -> None:
        forgotten = store.forgotten
        if self._has_run:
            kept = self.settings.retention
            days = timedelta(days=kept.days) if kept.days else None
            forgotten += await store.executions.prune(keep_runs=kept.runs or None, keep=days)
        if forgotten:
            await store.blobs.sweep()

    async def find(self, name: str | Path) -> Found:
        """The workflow in a file, or of that name in the library.

        Raises DocumentError, or StepError(kind='not_found') that names the nearest.
        """
        file = await asyncio.to_thread(find_file, str(name), "")
        if file is not None:
            path = await asyncio.to_thread(file.resolve)
            return Found(await asyncio.to_thread(self._read, path), str(path.parent))
        assert self._services.workflows is not None
        return Found(await self._services.workflows.get(str(name), ""), "")

    def _read(self, path: Path) -> Workflow:
        """The workflow of a file. Raises DocumentError with everything that keeps it from running, or OSError."""
        workflow, problems = check_text(read_bounded(path), self.types)
        errors = [problem for problem in problems if problem.severity == "error"]
        if workflow is None or errors:
            raise DocumentError(errors, str(path))
        return workflow

    def validate(self, workflow: Workflow) -> list[Problem]:
        """Everything that is wrong with a workflow; those of severity `error` keep it from running."""
        return validate(workflow, self.types)

    async def prepare(self, workflow: Workflow, inputs: Mapping[str, Json], *, part: Part = WHOLE) -> None:
        """Check a workflow and its inputs in a thread and make it ready; `start` with `checked` then takes a moment.

        part: what of it shall run; what is wrong elsewhere does not matter then. Raises DocumentError or InputError,
        or EngineError if the part names a step that is not there.
        """
        await asyncio.to_thread(self._prepare, workflow, inputs, part)

    def start(
        self,
        workflow: Workflow,
        inputs: Mapping[str, Json] | None = None,
        *,
        origin: str = "",
        timeout: float | None = None,
        labels: Mapping[str, str] | None = None,
        from_text: bool = False,
        checked: bool = False,
        part: Part = WHOLE,
        run_id: str = "",
        variables: Mapping[str, Json] | None = None,
    ) -> Run:
        """Start a run of a checked workflow. from_text: turn texts into the types that the inputs ask for.

        A workflow that came from a file may read its own folder. checked: `prepare` found nothing wrong with it.
        part: what of it is executed, and what is known before. run_id, variables: as in Engine.start. Raises
        DocumentError or InputError, or EngineError for a part that names a step that is not there.
        """
        if not checked:
            self._refuse_problems(workflow, part)
        if from_text:
            inputs = _complete(workflow, inputs or {}, from_text=True)
        marked = {**(labels or {}), **({DEMO_LABEL: "yes"} if self.demo else {})}
        services = self._services_for(origin, self.demo)
        self._has_run = True
        run = self.engine.start(
            workflow,
            inputs,
            origin=origin,
            services=services,
            labels=marked,
            timeout=timeout,
            part=part,
            run_id=run_id,
            variables=variables,
        )
        self._runs.add(run)
        return run

    async def resume(self, run_id: str, *, timeout: float | None = None, queued: bool = False) -> Run:
        """Go on with a run that was suspended, interrupted, failed, or cancelled as resumable.

        queued: a worker does so, and other workers may share its parts.
        """
        record = await self.journal.run(run_id)
        demo = self.demo or DEMO_LABEL in record.labels
        services = self._services_for(record.origin, demo)
        if self.store is not None:
            machine = platform.node() if queued else ""
            services = replace(services, spread=self._spread(self.store, is_worker=queued), machine=machine)
            if not queued:
                # What was answered may have been asked by one of its passes, which workers go on with.
                with suppress(StoreError):  # they find it themselves a little later
                    await self.store.spread_runs.answered(run_id, itself=False)
        run = await self.engine.resume(run_id, services=services, timeout=timeout, record=record)
        self._runs.add(run)
        return run

    async def run(
        self,
        workflow: Workflow | str | Path,
        inputs: Mapping[str, Json] | None = None,
        *,
        timeout: float | None = None,
    ) -> RunResult:
        """Run a workflow (or the one in a file, or of that name) to its end. timeout: seconds."""
        return await (await self._started(workflow, inputs, timeout)).result()

    async def stream(
        self,
        workflow: Workflow | str | Path,
        inputs: Mapping[str, Json] | None = None,
        *,
        timeout: float | None = None,
    ) -> AsyncIterator[Event]:
        """Run a workflow and give every event as it happens. Leaving the loop early cancels the run, resumably.

        Raises EngineError after the last event if the run could not be executed to an end.
        """
        run = await self._started(workflow, inputs, timeout)
        try:
            async for event in run.events():
                yield event
            await run.result()
        finally:
            run.cancel("nobody watched it any more", resumable=True)

    async def follow(self, run_id: str, *, goes_on: bool = True) -> AsyncGenerator[Event, None]:
        """Every event of a run, whichever process executes it: first what has happened, then the rest until it ends.

        goes_on: whether to wait for the rest. A run that waits for a person has not ended. Close it early with
        `aclosing`; that leaves the run alone. Raises RunNotFound.
        """
        from core.service.run_watching import watching

        async with watching(self) as runs, aclosing(runs.events(run_id, follow=goes_on)) as told:
            async for each in told:
                yield each.event

    @property
    def running(self) -> Sequence[str]:
        """The ids of the runs that are executed here now."""
        return [run.id for run in self._runs if not run.done]

    async def stop_runs(self) -> None:
        """Cancel what still runs so that it can be resumed, and wait until that is written down."""
        running = [run for run in self._runs if not run.done]
        for run in running:
            run.cancel("the workspace was closed", resumable=True)
        await asyncio.gather(*(run.result() for run in running), return_exceptions=True)

    async def answer(self, run_id: str, path: str, answer: Mapping[str, Json]) -> RunResult:
        """Answer what the step at that path asks, and go on with the run."""
        await self.journal.answer(run_id, path, answer)
        return await (await self.resume(run_id)).result()

    @cached_property
    def forecasts(self) -> Forecasts:
        """What runs will cost."""
        from core.monitoring.forecast import Forecasts

        past = self.store.spending if self.store is not None else None
        return Forecasts(past, self.server.catalogue, self._agents.run_models(self._services.workflows))

    async def delete_run(self, run_id: str) -> None:
        """Forget a run and everything that it did.

        Raises RunNotFound, or RunBusy if somebody executes it.
        """
        if self.store is not None:
            gone = await self.store.executions.delete(run_id)
        else:
            gone = isinstance(self.journal, MemoryJournal) and self.journal.forget(run_id)
        if not gone:
            await self.journal.run(run_id)
            raise RunBusy(
                f"Run {run_id}, or the run that asked for it, is being executed. Stop it first, then delete it."
            )

    async def read_file(self, blob_hash: str) -> bytes:
        """A file that a step made, by the hash in its output. Raises StepError(kind='not_found')."""
        assert self._services.blobs is not None
        return await self._services.blobs.get(blob_hash)

    async def keep_file(self, data: bytes, media_type: str, name: str) -> Mapping[str, Json]:
        """Keep a file for a run; the object by which its steps know it."""
        assert self._services.blobs is not None
        return (await self._services.blobs.put(data, media_type, name)).as_json()

    async def runs(self, limit: int = 50) -> Sequence[RunRecord]:
        """The newest runs first."""
        return await self.journal.runs(limit=limit)

    async def steps(self, run_id: str) -> Sequence[StepRecord]:
        """All records of a run, in order of their making."""
        return await self.journal.steps(run_id)

    def _prepare(self, workflow: Workflow, inputs: Mapping[str, Json], part: Part) -> None:
        self._refuse_problems(workflow, part)
        if not part.only:
            bind_inputs(workflow, inputs)
        self.engine.plan_part(workflow, part)

    def _refuse_problems(self, workflow: Workflow, part: Part = WHOLE) -> None:
        problems = [problem for problem in self.validate(workflow) if problem.severity == "error"]
        if not part.is_whole:
            taking_part = {step.id for _, step in cut(workflow, part).walk()}
            problems = [problem for problem in problems if problem.step in taking_part]
        if problems:
            raise DocumentError(problems, workflow.name)

    async def _started(
        self, workflow: Workflow | str | Path, inputs: Mapping[str, Json] | None, timeout: float | None
    ) -> Run:
        found = Found(workflow, "") if isinstance(workflow, Workflow) else await self.find(workflow)
        return self.start(found.workflow, inputs, origin=found.origin, timeout=timeout)

    def _spread(self, store: Store, *, is_worker: bool) -> Spread:
        from core.service.spread import QueuedSpread

        limits = self.settings.limits.workflows
        return QueuedSpread(store.spread_runs, self.clock, is_worker=is_worker, workflow_limits=limits)

    def _shared_services(self, demo: bool) -> Services:
        return self._demo_services if demo else self._services

    def _services_for(self, origin: str, demo: bool) -> Services:
        services = self._shared_services(demo)
        if not origin or not isinstance(self._folders, GrantedFolders):
            return services
        folders = self._folders.with_grants([Grant(Path(origin))])
        source = services.workflows
        return replace(
            services, folders=folders, workflows=source.within(folders) if isinstance(source, Library) else source
        )


def bind_inputs(workflow: Workflow, inputs: Mapping[str, Json]) -> dict[str, Json]:
    """The complete inputs of a run. Raises InputError with everything that does not fit."""
    return _complete(workflow, inputs, from_text=False)


def run_workflow(path: str | Path, /, *, demo: bool = False, **inputs: Json) -> RunResult:
    """Run the workflow in a file to its end and wait for it: for scripts without an event loop.

    Steps may read the workflow's own folder and write to the working folder.
    """

    async def work() -> RunResult:
        async with Workspace.open(demo=demo, grants=[Grant(Path.cwd(), write=True)]) as workspace:
            return await workspace.run(path, inputs)

    return asyncio.run(work())


def _complete(workflow: Workflow, inputs: Mapping[str, Json], *, from_text: bool) -> dict[str, Json]:
    complete, problems = check_inputs(workflow, inputs, from_text=from_text)
    if problems:
        raise InputError(problems)
    return complete
