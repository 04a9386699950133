from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import core
from core import (
    DocumentError,
    Grant,
    InputError,
    RunResult,
    Step,
    StepError,
    Workflow,
    Workspace,
    load,
    run_workflow,
    save,
)
from core.engine.events import RunStarted, StepDelta, event_json
from core.engine.part import Part
from core.settings import SettingsError
from core.store.errors import ConnectError, StoreError
from tests.support.http_site import Site

GREETING = Workflow(
    "Greeting",
    inputs={"name": {"type": "string"}, "times": {"type": "integer", "default": 1}},
    steps={"greet": Step("greet", "template", config={"text": "Hello {{ input.name }}"})},
    outputs={"greeting": "{{ greet.text }}", "times": "{{ input.times }}"},
)
READER = Workflow("Reader", steps={"read": Step("read", "read_file", config={"path": "beside.txt"})})
FAILING = Workflow("Failing", steps={"a": Step("a", "stop", config={"status": "failed", "message": "No more."})})
SMALL = Workflow(
    "Small",
    inputs={"n": {"type": "integer"}},
    steps={
        "ask": Step("ask", "chat", config={"prompt": "The number {{ input.n }} alone."}, then={"out": ("big",)}),
        "big": Step("big", "condition", config={"value": "{{ input.n }}", "operator": "at_least", "operand": 100}),
    },
    outputs={"text": "{{ ask.text }}", "big": "{{ big.result }}"},
)


@pytest.fixture
async def workspace(home: Path, database_url: str) -> AsyncIterator[Workspace]:
    async with Workspace.open(database_url=database_url, demo=True) as opened:
        yield opened


@pytest.fixture
def short_home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home whose path is short enough for a socket, in a folder that the embedded server's user can reach."""
    with tempfile.TemporaryDirectory(prefix="steploom-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.setenv("STEPLOOM_HOME", str(folder / "home"))
        monkeypatch.chdir(folder)
        yield folder / "home"


def hanging(site: Site) -> Workflow:
    site.hangs("/slow")
    return Workflow("Hanging", steps={"wait": Step("wait", "api", config={"url": f"{site.url}/slow"})})


async def test_a_workflow_built_in_python_runs_and_is_kept(workspace: Workspace) -> None:
    result = await workspace.run(GREETING, {"name": "Ada"})
    assert (result.status, result.outputs) == ("completed", {"greeting": "Hello Ada", "times": 1})
    (kept,) = await workspace.runs()
    assert (kept.id, kept.status, kept.workflow) == (result.run_id, "completed", GREETING)
    assert [step.path for step in await workspace.steps(result.run_id)] == ["greet"]


async def test_a_workflow_runs_by_file_and_by_its_name_in_the_library(workspace: Workspace, tmp_path: Path) -> None:
    await asyncio.to_thread(save, GREETING, tmp_path / "greeting.loom.yaml")
    for name in ("greeting.loom.yaml", "greeting", tmp_path / "greeting.loom.yaml"):
        assert (await workspace.run(name, {"name": "Ada"})).status == "completed"
    assert workspace.store is not None
    await workspace.store.workflows.save(GREETING, 0)
    assert (await workspace.run("Greeting", {"name": "Bo"})).outputs == {"greeting": "Hello Bo", "times": 1}
    with pytest.raises(StepError, match="Did you mean 'Greeting'"):
        await workspace.run("Greting")


async def test_a_workflow_of_a_file_may_read_its_own_folder_and_no_other(workspace: Workspace, tmp_path: Path) -> None:
    folder = tmp_path / "flows"
    folder.mkdir()
    (folder / "beside.txt").write_text("beside it")
    await asyncio.to_thread(save, READER, folder / "reader.loom.yaml")
    assert (await workspace.run(folder / "reader.loom.yaml")).status == "completed"
    result = await workspace.run(READER)
    assert result.error is not None
    assert result.error.type == "refused"


async def test_grants_let_steps_use_more_folders(home: Path, tmp_path: Path) -> None:
    writer = Workflow("W", steps={"w": Step("w", "write_file", config={"path": str(tmp_path / "x"), "content": "hi"})})
    async with Workspace.open(memory_only=True, grants=[Grant(tmp_path)]) as workspace:
        assert (await workspace.run(writer)).status == "failed"
    async with Workspace.open(memory_only=True, grants=[Grant(tmp_path, write=True)]) as workspace:
        assert (await workspace.run(writer)).status == "completed"


async def test_a_part_runs_although_something_else_is_wrong(workspace: Workspace) -> None:
    broken = GREETING.with_step(Step("ask", "chat", config={}))
    with pytest.raises(DocumentError):
        await workspace.prepare(broken, {"name": "Ada"})
    part = Part(until="greet")
    await workspace.prepare(broken, {"name": "Ada"}, part=part)
    result = await workspace.start(broken, {"name": "Ada"}, part=part).result()
    assert result.outputs == {"text": "Hello Ada"}
    with pytest.raises(DocumentError, match="prompt"):
        await workspace.prepare(broken, {}, part=Part(only="ask"))


async def test_a_step_alone_needs_no_inputs_of_the_workflow(workspace: Workspace) -> None:
    part = Part(only="greet", names={"input": {"name": "typed"}})
    await workspace.prepare(GREETING, {}, part=part)
    result = await workspace.start(GREETING, {}, part=part, checked=True).result()
    assert result.outputs == {"text": "Hello typed"}


async def test_a_failed_run_is_a_result_and_not_an_exception(workspace: Workspace) -> None:
    result = await workspace.run(FAILING)
    assert (result.status, result.error_path) == ("failed", "a")
    assert result.error is not None
    assert result.error.message == "No more."


async def test_what_keeps_a_run_from_starting_is_an_exception(workspace: Workspace) -> None:
    with pytest.raises(DocumentError, match="Did you mean 'chat'"):
        await workspace.run(Workflow("Broken", steps={"a": Step("a", "chatt")}))
    with pytest.raises(InputError, match=r"inputs\.name"):
        await workspace.run(GREETING)
    with pytest.raises(InputError, match=r"inputs\.times"):
        await workspace.run(GREETING, {"name": "Ada", "times": "many"})
    assert list(await workspace.runs()) == []


async def test_a_stream_gives_every_event_in_order(workspace: Workspace) -> None:
    events = [event async for event in workspace.stream(SMALL, {"n": 3})]
    names = [event_json(event)["event"] for event in events if not isinstance(event, StepDelta)]
    assert names == ["run_started", "step_started", "step_completed", "step_started", "step_completed", "run_completed"]
    assert "".join(event.text for event in events if isinstance(event, StepDelta)) != ""


async def test_leaving_a_stream_early_cancels_the_run(home: Path, database_url: str, allowed_site: Site) -> None:
    async with Workspace.open(database_url=database_url) as workspace:
        async for event in workspace.stream(hanging(allowed_site)):
            if not isinstance(event, RunStarted):
                break
        gc.collect()
    async with Workspace.open(database_url=database_url) as workspace:
        (run,) = await workspace.runs()
        assert (run.status, run.resumable) == ("cancelled", True)
        assert [step.status for step in await workspace.steps(run.id)] == ["cancelled"]


async def test_closing_a_workspace_leaves_runs_that_can_be_resumed(
    home: Path, database_url: str, allowed_site: Site
) -> None:
    async with Workspace.open(database_url=database_url) as workspace:
        run = workspace.start(hanging(allowed_site))
        await asyncio.to_thread(allowed_site.arrived.wait, 30)
    assert (await run.result()).status == "cancelled"
    allowed_site.go_on.set()
    async with Workspace.open(database_url=database_url) as workspace:
        assert (await (await workspace.resume(run.id)).result()).status == "completed"


async def test_a_question_is_answered_from_another_workspace(home: Path, database_url: str) -> None:
    asks = Workflow(
        "Asks",
        steps={"ask": Step("ask", "approval", config={"message": "Now?", "choices": ["now", "never"]})},
        outputs={"choice": "{{ ask.choice }}"},
    )
    async with Workspace.open(database_url=database_url) as workspace:
        first = await workspace.run(asks)
        assert (first.status, first.waiting) == ("suspended", ("ask",))
    async with Workspace.open(database_url=database_url) as workspace:
        result = await workspace.answer(first.run_id, "ask", {"choice": "never"})
    assert result.outputs == {"choice": "never"}


async def test_a_run_takes_no_longer_than_its_timeout(workspace: Workspace) -> None:
    waits = Workflow("Waits", steps={"w": Step("w", "wait", config={"duration": 50})})
    result = await workspace.run(waits, timeout=0.05)
    assert result.error is not None
    assert (result.status, result.error.type) == ("failed", "timeout")


async def test_two_hundred_workflows_run_at_once_and_are_all_kept(workspace: Workspace) -> None:
    async with asyncio.timeout(120):
        results = await asyncio.gather(*(workspace.run(SMALL, {"n": n}) for n in range(200)))
    assert {result.status for result in results} == {"completed"}
    outputs = [result.outputs or {} for result in results]
    assert [output["big"] for output in outputs] == [n >= 100 for n in range(200)]
    assert [n for n, output in enumerate(outputs) if f"number {n} alone" not in str(output["text"])] == []
    kept = await workspace.runs(limit=500)
    assert {run.id for run in kept} == {result.run_id for result in results}
    assert {run.status for run in kept} == {"completed"}
    some = [await workspace.steps(result.run_id) for result in results[::40]]
    assert [[step.status for step in steps] for steps in some] == [["completed", "completed"]] * 5


@pytest.mark.parametrize(
    ("url", "error", "said"),
    [
        ("postgresql://me:hidden7@127.0.0.1:1/x", ConnectError, "Check that the server runs"),
        ("nonsense hidden7", StoreError, "STEPLOOM_DATABASE_URL"),
    ],
)
async def test_a_database_that_cannot_be_used_is_said_plainly(
    home: Path, url: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said) as caught:
        async with Workspace.open(database_url=url):
            pytest.fail("it opened")
    assert "hidden7" not in str(caught.value)


async def test_a_database_that_does_not_exist_is_said_plainly(home: Path, database_url: str) -> None:
    with pytest.raises(StoreError, match="nowhere_at_all"):
        async with Workspace.open(database_url=database_url.replace("/test_", "/nowhere_at_all_")):
            pytest.fail("it opened")


async def test_wrong_settings_are_said_plainly(home: Path) -> None:
    with pytest.raises(SettingsError, match="database_patience_s"):
        async with Workspace.open(memory_only=True, database_patience_s="soon"):
            pytest.fail("it opened")
    with pytest.raises(SettingsError, match="no_such_setting"):
        async with Workspace.open(memory_only=True, no_such_setting=1):
            pytest.fail("it opened")


async def test_nothing_is_kept_in_memory_and_no_database_is_touched(home: Path) -> None:
    async with Workspace.open(memory_only=True) as workspace:
        assert (await workspace.run(GREETING, {"name": "Ada"})).status == "completed"
        assert len(await workspace.runs()) == 1
    async with Workspace.open(memory_only=True) as workspace:
        assert list(await workspace.runs()) == []
    assert not (home / "postgres").exists()


def test_a_script_runs_a_workflow_in_one_call_on_its_own_database(short_home: Path) -> None:
    save(GREETING, "greeting.loom.yaml")
    result = run_workflow("greeting.loom.yaml", name="Ada", times=2)
    assert isinstance(result, RunResult)
    assert result.outputs == {"greeting": "Hello Ada", "times": 2}
    assert load("greeting.loom.yaml") == GREETING
    assert run_workflow("greeting.loom.yaml", demo=True, name="Bo").status == "completed"

    async def kept() -> int:
        async with Workspace.open() as workspace:
            return len(await workspace.runs())

    assert asyncio.run(kept()) == 2


def test_an_input_called_path_does_not_clash(home: Path, monkeypatch: pytest.MonkeyPatch, database_url: str) -> None:
    monkeypatch.setenv("STEPLOOM_DATABASE_URL", database_url)
    workflow = Workflow("P", inputs={"path": {"type": "string"}}, outputs={"p": "{{ input.path }}"})
    save(workflow, "p.loom.yaml")
    assert run_workflow("p.loom.yaml", path="x").outputs == {"p": "x"}


@pytest.mark.parametrize("name", core.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(core, name).__name__ == name


def test_other_names_are_not_public() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Engine'"):
        _ = core.Engine
