"""The step type that runs Python."""

from __future__ import annotations

import ast
import asyncio
import json
import os
import signal
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.engine import child_code
from core.engine.clock import Deadline
from core.engine.errors import StepError
from core.engine.step_type import Config, Effect, StepContext, StepType, setting
from core.steps.parts.fields import Seconds
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json

if TYPE_CHECKING:
    from core.steps.parts.process import Ended


def interpreter() -> Sequence[str]:
    """The command whose process runs `child_code.main`: this Python, or this very program when it is frozen."""
    if getattr(sys, "frozen", False):
        return (sys.executable, child_code.RUN_CODE_ARGUMENT)
    # -I: nothing of the person's PYTHON* variables and user packages gets in; -X utf8: text is UTF-8 everywhere.
    return (sys.executable, "-I", "-B", "-X", "utf8", str(Path(child_code.__file__).resolve()))


_FRAME = len('{"result": }')
"""What the child writes around a result, in bytes."""

_ROOM_FOR_ERRORS = 65_536
"""How long the child's word of an error may be, in bytes, however small a result is allowed."""


class CodeConfig(Config):
    """Settings of a code step."""

    source: str = setting(
        title="Python", help="Defines run(inputs), or sets result.", widget="code", template=False, min_length=1
    )
    inputs: dict[str, Any] = setting(
        title="Inputs", help="What the code finds in inputs.", widget="key_values", default_factory=dict
    )
    timeout: Seconds = setting(60.0, title="Longest time", unit="s", gt=0)
    cpu_s: int = setting(60, title="Longest computing", help="Processor time.", unit="s", ge=1, le=86_400)
    memory_mb: int = setting(1024, title="Most memory", unit="MB", ge=64, le=1_000_000)
    max_output: int = setting(1_000_000, title="Largest result", unit="bytes", ge=1, le=100_000_000)
    repeatable: bool = setting(
        False, title="Repeatable", help="The code changes nothing outside, so it may run again.", template=False
    )


class CodeStep(StepType[CodeConfig]):
    """Runs Python in a process of its own.

    - `source`: defines `run(inputs)` and returns a value (it may be `async`), or uses `inputs` and sets `result`.
      Templates are not filled in here; values come by `inputs`.
    - `inputs`: what the code finds in `inputs`, by name.
    - `timeout`, `cpu_s`, `memory_mb`, `max_output`: limits of time, processor time, memory and result.
    - `repeatable`: say so if the code changes nothing outside. It may then run again after a crash without asking.

    The process has no environment variables of yours, a folder of its own that is deleted afterwards, and the packages
    of this program. It is no sandbox: the code may do whatever you may. On Windows the limits of processor time and
    memory are not enforced. When the step ends, is cancelled or runs out of time, all that the code started ends too.

    An error names the line of your code: `line 3: ZeroDivisionError: division by zero`.

    **Port:** `out`. **Output:** `result`, what the code gave, which has to be JSON, and `log`, what it printed.

    ```yaml
    total:
      type: code
      config:
        inputs:
          orders: "{{ orders.body }}"
        source: |
          def run(inputs):
              print(len(inputs["orders"]), "orders")
              return {"sum": sum(order["price"] for order in inputs["orders"])}
    ```
    """

    type = "code"
    title = "Python code"
    icon = "code"
    category = "code"
    also_called = "python script function"
    effect = "writes"
    outputs: ClassVar[Mapping[str, str]] = {
        "result": "What the code gave.",
        "log": "What the code printed; the first 64 KB.",
    }
    main_field = "inputs"
    main_output = "result"
    config_model = CodeConfig

    def __init__(self, command: Callable[[], Sequence[str]] = interpreter) -> None:
        """command: gives the command line of a process that runs `child_code.main`."""
        self._command = command

    def effect_of(self, config: Mapping[str, Json]) -> Effect:
        """Code that is said to be repeatable is pure."""
        return "pure" if config.get("repeatable") is True else "writes"

    def hosts(self, config: Mapping[str, Json]) -> Sequence[str] | None:
        """None of its own; what the code reaches is another matter, see `runs_program`."""
        return ()

    @property
    def runs_program(self) -> bool:
        """It does."""
        return True

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """Python that cannot be read."""
        problem = _syntax_problem(str(config.get("source", "")))
        if problem:
            yield ConfigProblem(("source",), "wrong_code", problem, "Mend the Python.")

    async def run(self, config: CodeConfig, context: StepContext) -> dict[str, Json]:
        """Run the code and read what it gave."""
        from core.steps.parts.process import converse

        job = {
            "source": config.source,
            "inputs": config.inputs,
            "cpu_s": config.cpu_s,
            "memory_bytes": config.memory_mb * 1024 * 1024,
        }
        folder = tempfile.TemporaryDirectory(prefix="steploom-code-", ignore_cleanup_errors=True)
        try:
            async with Deadline(context.clock, config.timeout):
                ended = await converse(
                    self._command(),
                    json.dumps(job).encode("ascii") + b"\n",
                    folder=Path(folder.name),
                    environment=_environment(folder.name),
                    max_answer=max(config.max_output, _ROOM_FOR_ERRORS) + _FRAME,
                )
        except TimeoutError:
            raise StepError(
                f"The code took longer than {config.timeout:g} s and was ended. Make it faster or raise its time.",
                kind="timeout",
                retryable=True,
            ) from None
        except OSError as error:
            raise StepError(f"The process for the code could not be started: {error.strerror or error}.") from None
        finally:
            await asyncio.to_thread(folder.cleanup)
        return {"result": _result(ended, config), "log": ended.log}


def _environment(folder: str) -> dict[str, str]:
    """Nothing of ours; the places of temporary files, and what Windows cannot start without."""
    found = {"HOME": folder, "TMPDIR": folder, "TEMP": folder, "TMP": folder}
    if sys.platform == "win32":
        found["SYSTEMROOT"] = os.environ.get("SYSTEMROOT", "C:\\Windows")
    return found


def _result(ended: Ended, config: CodeConfig) -> Json:
    """What the code gave. Raises StepError for whatever else happened."""
    if ended.too_much:
        raise _too_large(config, ended.log)
    try:
        told = json.loads(ended.answer)
    except ValueError:
        raise _died(ended, config) from None
    if "error" in told:
        raise _failed(told["error"], config, ended.log)
    if len(ended.answer) > config.max_output + _FRAME:
        raise _too_large(config, ended.log)
    result: Json = told["result"]
    return result


def _too_large(config: CodeConfig, log: str) -> StepError:
    return StepError(
        f"The code gave more than {config.max_output} bytes. Give less, or raise the size of the result.",
        kind="limit",
        detail={"log": log},
    )


def _failed(error: Mapping[str, Any], config: CodeConfig, log: str) -> StepError:
    if error["kind"] == "memory":
        return _out_of_memory(config, error["line"], log)
    line = error["line"]
    shown = _line_of(config.source, line)
    where = f"line {line}: " if line else ""
    what = error["message"] if error["kind"] == "result" else f"{error['type']}: {error['message']}".rstrip(": ")
    return StepError(
        f"{where}{what}" + (f"\n    {shown}" if shown else ""),
        kind="code",
        detail={"line": line, "source": shown, "trace": error["trace"], "log": log},
    )


def _out_of_memory(config: CodeConfig, line: int | None, log: str) -> StepError:
    return StepError(
        (f"line {line}: " if line else "")
        + f"the code needs more than {config.memory_mb} MB of memory. Use less, or raise its memory.",
        kind="limit",
        detail={"line": line, "source": _line_of(config.source, line), "log": log},
    )


def _died(ended: Ended, config: CodeConfig) -> StepError:
    """The error of a process that ended without a word."""
    if sys.platform != "win32" and ended.status in (-signal.SIGXCPU, -signal.SIGKILL):
        return StepError(
            f"The code used more than {config.cpu_s} s of processor time, or more memory than there is, and was ended. "
            "Make it cheaper, or raise its limits.",
            kind="limit",
            detail={"log": ended.log},
        )
    how = f"by signal {-ended.status}" if ended.status < 0 else f"with the status {ended.status}"
    return StepError(
        f"The code's process ended {how} before it gave a result. Look at what it printed, and leave os._exit out.",
        kind="code",
        detail={"log": ended.log},
    )


def _line_of(source: str, line: int | None) -> str:
    lines = source.splitlines()
    return lines[line - 1].strip() if line and 0 < line <= len(lines) else ""


def _syntax_problem(source: str) -> str:
    """What keeps the source from being Python, or ''."""
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(source, child_code.SOURCE_NAME)
    except SyntaxError as error:
        return f"line {error.lineno}: {error.msg}."
    except (ValueError, MemoryError, RecursionError):
        return "The code cannot be read: it holds a NUL character or is nested too deeply."
    return ""
