"""A hand on the real program: a screen of its own, the program as a process on it, mouse and keys by the X server."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from scripts.check_screen import load_xtest, start_screen

ROOT: Final = Path(__file__).parents[2]
PATIENCE_S: Final = 60.0
STEPS: Final = 12
"""Places on the way of a drag."""

_SHIFT: Final = 0xFFE1
_NAMED: Final = {"Return": 0xFF0D, "Tab": 0xFF09, "Escape": 0xFF1B, "F5": 0xFFC2, "Ctrl": 0xFFE3, "Delete": 0xFFFF}


class Hand:
    """Moves the pointer, presses buttons and keys. Everything is an event of the X server."""

    def __init__(self, display: str) -> None:
        self._x11, self._xtest = load_xtest()
        self._x11.XOpenDisplay.restype = ctypes.c_void_p
        self._x11.XOpenDisplay.argtypes = [ctypes.c_char_p]
        for name in ("XSync", "XCloseDisplay", "XKeysymToKeycode", "XkbKeycodeToKeysym"):
            getattr(self._x11, name).argtypes = None
        self._x11.XkbKeycodeToKeysym.restype = ctypes.c_ulong
        self._display = ctypes.c_void_p(self._x11.XOpenDisplay(display.encode()))
        assert self._display.value, f"The screen {display} cannot be reached."
        self._at = (0, 0)

    def move(self, x: int, y: int) -> None:
        """Move the pointer there at once."""
        self._at = (x, y)
        self._xtest.XTestFakeMotionEvent(self._display, -1, x, y, 0)
        self._x11.XSync(self._display, 0)

    def button(self, down: bool) -> None:
        """Press or let go of the left button."""
        self._xtest.XTestFakeButtonEvent(self._display, 1, int(down), 0)
        self._x11.XSync(self._display, 0)

    def click(self, area: Sequence[int]) -> None:
        """Click into the middle of an area: x, y, width, height."""
        self.move(*middle(area))
        self.button(True)
        self.button(False)

    def way_to(self, area: Sequence[int]) -> Iterator[None]:
        """Move to an area's middle in steps; whoever drags waits between them."""
        (x0, y0), (x1, y1) = self._at, middle(area)
        for n in range(1, STEPS + 1):
            self.move(x0 + (x1 - x0) * n // STEPS, y0 + (y1 - y0) * n // STEPS)
            yield

    def key(self, *names: str) -> None:
        """Press keys together: named ones (`Ctrl`, `F5`) or letters."""
        codes = [self._code(_NAMED.get(name) or ord(name))[0] for name in names]
        for code in codes:
            self._press(code, True)
        for code in reversed(codes):
            self._press(code, False)

    def type(self, text: str) -> None:
        """Type a text in Latin letters."""
        for letter in text:
            code, shifted = self._code(ord(letter))
            if shifted:
                self._press(self._code(_SHIFT)[0], True)
            self._press(code, True)
            self._press(code, False)
            if shifted:
                self._press(self._code(_SHIFT)[0], False)

    def close(self) -> None:
        """Let go of the screen."""
        self._x11.XCloseDisplay(self._display)

    def _press(self, code: int, down: bool) -> None:
        self._xtest.XTestFakeKeyEvent(self._display, code, int(down), 0)
        self._x11.XSync(self._display, 0)

    def _code(self, keysym: int) -> tuple[int, bool]:
        """The key that makes a symbol, and whether Shift is needed for it."""
        code = int(self._x11.XKeysymToKeycode(self._display, ctypes.c_ulong(keysym)))
        assert code, f"No key of this screen makes {keysym:#x}."
        plain = int(self._x11.XkbKeycodeToKeysym(self._display, ctypes.c_uint(code), 0, 0))
        return code, plain != keysym


class SpiedProgram:
    """The program as a process, and questions to it."""

    def __init__(self, home: Path, display: str, *arguments: str) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "WAYLAND_DISPLAY"}
        environment |= {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "QT_SCALE_FACTOR": "1"}
        command = [sys.executable, "-m", "tests.support.spied_program", "--home", str(home), *arguments]
        self.errors = home.with_suffix(".errors")
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )

    def ask(self, question: str) -> Any:
        """The value of an expression inside the program."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{question}\n".encode())
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"The program is gone: {self.errors.read_text()[-2000:]}"
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            raise AssertionError(f"{question}: {answer['error']}")
        return answer

    def until(self, question: str, meanwhile: Callable[[], object] = lambda: None) -> Any:
        """Ask again and again until the answer is a yes; the answer. meanwhile: done after every no."""
        ends = time.monotonic() + PATIENCE_S
        while not (answer := self.ask(question)):
            assert time.monotonic() < ends, f"It did not come true: {question}"
            meanwhile()
            time.sleep(0.02)
        return answer

    def kill(self) -> None:
        """End it as the system ends a program that hangs."""
        self.process.kill()
        self.process.communicate()

    def quit(self) -> int:
        """Wait for its end; its exit code."""
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode


def middle(area: Sequence[int]) -> tuple[int, int]:
    """The middle of x, y, width, height."""
    return area[0] + area[2] // 2, area[1] + area[3] // 2


@contextmanager
def screen() -> Iterator[str]:
    """A screen of the test's own; its display. Raises NoScreen."""
    process, display = start_screen()
    try:
        yield display
    finally:
        process.terminate()
        process.wait(20)
