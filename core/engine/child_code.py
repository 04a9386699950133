"""The program of the process that runs a code step's Python. It stands alone: nothing of Steploom is imported here.

It reads one line of JSON from its input, `{"source", "inputs", "cpu_s", "memory_bytes"}`, and writes one JSON object
to its output: `{"result"}`, or `{"error": {"kind", "type", "message", "line", "trace"}}`. What the person's code
prints goes to the error stream. When the input ends, the parent is gone, and the process ends itself too.
"""

from __future__ import annotations

import json
import math
import os
import signal
import sys
import threading
import types
from typing import Any

RUN_CODE_ARGUMENT = "--steploom-run-code"
"""The hidden argument by which a frozen program runs this module's `main` instead of its own."""

SOURCE_NAME = "<code>"
"""What the person's source is called in tracebacks."""

_SHOWN_MESSAGE = 2000
_SHOWN_FRAMES = 20


def main() -> int:
    """Run the code that the input describes. The exit status is 0 also when the code failed: the output tells."""
    answers = os.dup(1)
    os.dup2(2, 1)
    orders = os.dup(0)
    _silence_input()
    with os.fdopen(orders, "rb", buffering=0) as stream:
        job = json.loads(_line(stream.fileno()))
        threading.Thread(target=_end_with_parent, args=(stream.fileno(),), daemon=True).start()
        _limit(job["cpu_s"], job["memory_bytes"])
        outcome = _outcome(job["source"], job["inputs"])
        _flush()
        with os.fdopen(answers, "wb") as out:
            out.write(outcome)
        # Not by the usual way out: threads that the code left behind must not hold the result up.
        os._exit(0)


def _outcome(source: str, inputs: Any) -> bytes:
    """What the parent is told, as JSON."""
    try:
        return json.dumps({"result": _plain(_run(source, inputs), "result")}).encode("ascii")
    except BaseException as error:  # noqa: BLE001 - the code may raise anything, SystemExit too; all of it is told
        return json.dumps({"error": _told(error)}).encode("ascii")


def _run(source: str, inputs: Any) -> Any:
    """The value that the code gives: what `run(inputs)` returns, or what `result` was set to."""
    module = types.ModuleType("__main__")
    # In its place, so that dataclasses, pickle and the like find the module of the code's classes.
    sys.modules["__main__"] = module
    names = module.__dict__
    names["inputs"] = inputs
    exec(compile(source, SOURCE_NAME, "exec", dont_inherit=True), names)  # noqa: S102 - this is what a code step is
    run = names.get("run")
    if callable(run):
        value = run(inputs)
        return _awaited(value) if isinstance(value, types.CoroutineType) else value
    if "result" not in names:
        raise NoResult("The code neither defines run(inputs) nor sets result.")
    return names["result"]


def _awaited(coroutine: types.CoroutineType[Any, Any, Any]) -> Any:
    import asyncio

    return asyncio.run(coroutine)


class NoResult(Exception):
    """The code gave nothing, or something that is not JSON."""


def _plain(value: Any, place: str) -> Any:
    """The value as JSON; tuples become lists. Raises NoResult that names the place of what is not JSON."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise NoResult(f"{place} is {value}, which JSON cannot hold. Use None or text instead.")
        return float(value)
    if isinstance(value, str):
        return _sound(value, place)
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, dict):
        return {_key(key, place): _plain(item, f"{place}.{key}") for key, item in value.items()}
    raise NoResult(
        f"{place} is of the type {type(value).__name__}, which JSON cannot hold. "
        "Give text, numbers, true, false, None, lists and dicts with text as keys."
    )


def _key(key: Any, place: str) -> str:
    if not isinstance(key, str | int) or isinstance(key, bool):
        raise NoResult(f"{place} has the key {key!r:.100}, which is no text. Make it text.")
    return _sound(str(key), place)


def _sound(text: str, place: str) -> str:
    if "\0" in text or (not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text)):
        raise NoResult(f"{place} holds a character that cannot be kept (NUL or half a surrogate pair). Replace it.")
    return str(text)


def _told(error: BaseException) -> dict[str, Any]:
    """An error by the lines of the person's own code."""
    trace = _trace(error)
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == SOURCE_NAME else None
    kind = {MemoryError: "memory", NoResult: "result", SystemExit: "exit"}.get(type(error), "raised")
    try:
        message = str(error.msg if isinstance(error, SyntaxError) else error)
    except Exception:  # noqa: BLE001 - a __str__ of the person's own may fail
        message = "(the error has no readable text)"
    return {
        "kind": kind,
        "type": type(error).__name__,
        "message": message[:_SHOWN_MESSAGE],
        "line": line or (trace[-1]["line"] if trace else None),
        "trace": trace[-_SHOWN_FRAMES:],
    }


def _trace(error: BaseException) -> list[dict[str, Any]]:
    found = []
    step = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == SOURCE_NAME:
            found.append({"line": step.tb_lineno, "function": step.tb_frame.f_code.co_name})
        step = step.tb_next
    return found


def _limit(cpu_s: int, memory_bytes: int) -> None:
    """Ask the operating system to hold the process to its limits, as far as it can (Windows cannot)."""
    try:
        import resource
    except ImportError:
        return
    for what, amount in ((resource.RLIMIT_CPU, cpu_s), (resource.RLIMIT_AS, memory_bytes), (resource.RLIMIT_CORE, 0)):
        hard = resource.getrlimit(what)[1]
        ceiling = amount if hard == resource.RLIM_INFINITY else min(amount, hard)
        try:
            resource.setrlimit(what, (ceiling, ceiling))
        except (ValueError, OSError):  # macOS knows no limit of memory
            continue


def _line(stream: int) -> bytes:
    """The first line of the input, the rest left unread."""
    found = bytearray()
    while not found.endswith(b"\n"):
        piece = os.read(stream, 65_536)
        if not piece:
            break
        found += piece
    return bytes(found)


def _silence_input() -> None:
    """The code reads an empty input, not ours."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)


def _end_with_parent(stream: int) -> None:
    """Wait for the input's end, then end this process and all that it started."""
    while os.read(stream, 1024):
        continue
    if sys.platform != "win32" and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # the code may have closed or replaced it
            continue


if __name__ == "__main__":
    sys.exit(main())
