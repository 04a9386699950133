"""The code step with real processes."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from core.engine.errors import StepError
from core.engine.step_type import StepContext
from core.engine.testing import ManualClock, lone_context
from core.steps.code import CodeStep, interpreter
from tests.support.step_services import output_of

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="limits and process groups are POSIX's")


async def result_of(source: str, context: StepContext | None = None, **config: Any) -> Any:
    return (await output_of(CodeStep(), {"source": source, **config}, context))["result"]


async def failure(source: str, **config: Any) -> StepError:
    with pytest.raises(StepError) as caught:
        await output_of(CodeStep(), {"source": source, **config})
    return caught.value


async def comes_true(condition: Callable[[], bool]) -> bool:
    """Whether something about other processes comes true within twenty seconds."""

    def watch() -> bool:
        given_up = time.monotonic() + 20
        while not condition():
            if time.monotonic() > given_up:
                return False
            time.sleep(0.01)
        return True

    return await asyncio.to_thread(watch)


async def reports(place: Path) -> str:
    """The line that the code wrote into a file, as soon as it is there."""
    found: list[str] = []

    def is_whole() -> bool:
        found[:] = [place.read_text()] if place.exists() else [""]
        return found[0].endswith("\n")

    assert await comes_true(is_whole)
    return found[0].strip()


async def ends(pid: int) -> bool:
    """Whether a process ends; a dead one that nobody waited for has ended."""
    return await comes_true(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)


def is_there(folder: str) -> bool:
    return Path(folder).exists()


def is_same(one: str, other: str) -> bool:
    return Path(one).resolve() == Path(other).resolve()


@pytest.mark.parametrize(
    "source",
    [
        "def run(inputs):\n    return {'sum': inputs['a'] + inputs['b']}",
        "result = {'sum': inputs['a'] + inputs['b']}",
        "async def run(inputs):\n    return {'sum': inputs['a'] + inputs['b']}",
    ],
)
async def test_code_gives_a_value_made_from_its_inputs(source: str) -> None:
    assert await result_of(source, inputs={"a": 1, "b": 2}) == {"sum": 3}


async def test_values_keep_their_types_in_both_directions() -> None:
    value: dict[str, Any] = {"n": None, "t": True, "i": 10**30, "f": 0.5, "s": "é😀\u2028\n", "l": [[], {}]}
    assert await result_of("result = inputs['x']", inputs={"x": value}) == value
    assert await result_of("result = (1, (2,), {3: 'x'})") == [1, [2], {"3": "x"}]


async def test_what_the_code_prints_is_its_log() -> None:
    source = "import sys\nprint('out é')\nprint('err', file=sys.stderr)\nresult = 1"
    output = await output_of(CodeStep(), {"source": source})
    assert output["result"] == 1
    assert sorted(output["log"].split("\n")) == ["", "err", "out é"]


async def test_a_long_log_is_cut_and_the_rest_counted() -> None:
    output = await output_of(CodeStep(), {"source": "print('x' * 1_000_000, end='')\nresult = 1"})
    assert output["log"].endswith(f"x\n… ({1_000_000 - 65_536} more bytes)")


async def test_the_process_has_nothing_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "s3cret")
    (tmp_path / "planted.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    source = """
import importlib.util, os, pathlib, sys, tempfile
result = {
    "environment": dict(os.environ), "folder": os.getcwd(), "files": os.listdir(), "temporary": tempfile.gettempdir(),
    "planted": importlib.util.find_spec("planted") is not None, "read": sys.stdin.read(),
}
pathlib.Path("left.txt").write_text("x")
"""
    found = await result_of(source)
    assert "s3cret" not in str(found["environment"])
    assert set(found["environment"]) <= {"HOME", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "LC_CTYPE"}
    assert (found["files"], found["read"], found["planted"]) == ([], "", False)
    assert is_same(found["temporary"], found["folder"])
    assert not is_there(found["folder"])


async def test_an_error_names_the_persons_line_and_shows_it() -> None:
    source = "def run(inputs):\n    items = []\n    return sum(items) / len(items)"
    error = await failure(source)
    assert error.kind == "code"
    assert str(error) == "line 3: ZeroDivisionError: division by zero\n    return sum(items) / len(items)"
    assert error.detail["trace"] == [{"line": 3, "function": "run"}]


async def test_an_error_inside_a_library_is_placed_at_the_line_that_called_it() -> None:
    error = await failure("import json\n\nresult = json.loads('{')\n")
    assert str(error).startswith("line 3: JSONDecodeError: Expecting property name")


async def test_what_was_printed_before_an_error_is_kept() -> None:
    assert (await failure("print('so far')\nraise ValueError")).detail["log"] == "so far\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1", "The code neither defines run(inputs) nor sets result."),
        ("result = {'when': {1, 2}}", "result.when is of the type set"),
        ("result = [1, float('nan')]", "result[1] is nan"),
        ("result = {(1, 2): 3}", "result has the key (1, 2)"),
        ("result = 'a\\0b'", "holds a character that cannot be kept"),
        ("result = '\\ud800'", "holds a character that cannot be kept"),
        ("def run(inputs)\n    pass", "line 1: SyntaxError: expected ':'"),
        ("result = []\nresult.append(result)", "RecursionError"),
        (
            "class Odd(Exception):\n    def __str__(self): return 1\nraise Odd",
            "line 3: Odd: (the error has no readable text)",
        ),
    ],
)
async def test_code_that_gives_no_json_is_told_why(source: str, message: str) -> None:
    error = await failure(source)
    assert error.kind == "code"
    assert message in str(error)


async def test_leaving_early_is_an_error() -> None:
    assert str(await failure("import sys\nsys.exit(0)")).startswith("line 2: SystemExit: 0")
    error = await failure("import os\nos._exit(3)")
    assert "ended with the status 3 before it gave a result" in str(error)


async def test_a_result_over_the_limit_is_refused() -> None:
    assert (await failure("result = 'x' * 1000", max_output=100)).kind == "limit"
    assert (await failure("result = 'x' * 1_000_000", max_output=100)).kind == "limit"
    assert await result_of("result = 'x' * 98", max_output=100) == "x" * 98


@POSIX
async def test_memory_is_limited() -> None:
    error = await failure("x = 1\nresult = len(bytearray(2_000_000_000))", memory_mb=300)
    assert error.kind == "limit"
    assert str(error).startswith("line 2: the code needs more than 300 MB of memory")


@POSIX
async def test_processor_time_is_limited() -> None:
    error = await failure("while True: pass", cpu_s=1)
    assert (error.kind, "more than 1 s of processor time" in str(error)) == ("limit", True)


async def test_time_is_limited_and_the_process_is_gone(tmp_path: Path) -> None:
    clock = ManualClock()
    source = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(f'{{os.getpid()}}\\n')\ntime.sleep(1000)"
    config = {"source": source, "timeout": "5s"}
    task = asyncio.create_task(output_of(CodeStep(), config, lone_context(clock=clock)))
    pid = int(await reports(tmp_path / "pid"))
    await clock.advance(6)
    with pytest.raises(StepError, match="longer than 5 s") as caught:
        await task
    assert caught.value.kind == "timeout"
    assert not psutil.pid_exists(pid)


@POSIX
async def test_cancelling_ends_the_process_and_all_it_started(tmp_path: Path) -> None:
    source = f"""
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"])
open({str(tmp_path / "pids")!r}, "w").write(f"{{os.getpid()}} {{child.pid}} {{os.getcwd()}}\\n")
child.wait()
"""
    task = asyncio.create_task(result_of(source))
    parent, child, folder = (await reports(tmp_path / "pids")).split()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.pid_exists(int(parent))
    assert await ends(int(child))
    assert not is_there(folder)


@POSIX
async def test_what_the_code_leaves_running_ends_with_it(tmp_path: Path) -> None:
    source = """
import subprocess, sys
result = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"]).pid
"""
    assert await ends(await result_of(source))


@POSIX
async def test_a_program_that_leaves_the_group_does_not_hold_the_step_up() -> None:
    source = """
import subprocess, sys
result = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(1000)"], start_new_session=True).pid
"""
    pid = await result_of(source)
    psutil.Process(pid).kill()


@POSIX
async def test_the_code_ends_when_its_parent_is_gone(tmp_path: Path) -> None:
    """The parent is a real process that is killed as a crash would."""
    inner = f"import os, time\nopen({str(tmp_path / 'pid')!r}, 'w').write(f'{{os.getpid()}}\\n')\ntime.sleep(1000)"
    outer = f"""
import asyncio
from core.engine.testing import run_lone, lone_context
from core.steps.code import CodeStep
asyncio.run(run_lone(CodeStep(), {{"source": {inner!r}}}, lone_context()))
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", outer, cwd=Path(__file__).parents[3])
    code = int(await reports(tmp_path / "pid"))
    parent.kill()
    await parent.wait()
    assert await ends(code)


async def test_classes_of_the_code_find_their_module() -> None:
    source = """
from __future__ import annotations
import pickle
from dataclasses import asdict, dataclass

@dataclass
class Point:
    x: int

result = [asdict(pickle.loads(pickle.dumps(Point(1)))), __name__]
"""
    assert await result_of(source) == [{"x": 1}, "__main__"]


async def test_an_interpreter_that_is_not_there_is_told() -> None:
    with pytest.raises(StepError, match="could not be started"):
        await output_of(CodeStep(lambda: ["/nowhere/python"]), {"source": "result = 1"})


def test_a_frozen_program_runs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert interpreter() == (sys.executable, "--steploom-run-code")


@pytest.mark.parametrize(
    ("config", "field", "code"),
    [
        ({}, "source", "missing_field"),
        ({"source": "def run(:\n pass"}, "source", "wrong_code"),
        ({"source": "x = '\0'"}, "source", "wrong_code"),
        ({"source": "result = 1", "memory_mb": 1}, "memory_mb", "wrong_value"),
        ({"source": "result = 1", "inputs": [1]}, "inputs", "wrong_value"),
        ({"source": "result = 1", "timeout": "soon"}, "timeout", "wrong_value"),
    ],
)
def test_a_bad_configuration_is_named(config: dict[str, Any], field: str, code: str) -> None:
    (problem,) = CodeStep().check_config(config)
    assert (problem.path[0], problem.code) == (field, code)


def test_braces_in_the_source_are_no_template() -> None:
    config: dict[str, Any] = {"source": "result = {'a': {{1}}}", "inputs": {"x": "{{ a.b }}"}}
    assert [field.path for field in CodeStep().template_fields(config)] == [("inputs", "x")]
    assert not CodeStep().check_config({"source": "import re\nresult = re.findall('\\d', '1')"})


@pytest.mark.parametrize(("repeatable", "effect"), [(True, "pure"), (False, "writes"), (None, "writes")])
def test_only_code_that_is_said_to_be_repeatable_is_pure(repeatable: bool | None, effect: str) -> None:
    assert CodeStep().effect_of({"source": "result = 1", "repeatable": repeatable}) == effect
