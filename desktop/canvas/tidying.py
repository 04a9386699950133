"""Tidying a workflow up: Graphviz's `dot` arranges it in a process of its own, while the window goes on."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeAlias

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer

from desktop.canvas.dot_child import LAYOUT_ARGUMENT
from desktop.canvas.layers import Place
from desktop.canvas.levels import Level, placed

PATIENCE_MS: Final = 8_000
"""How long `dot` may take: 0.6 s for 1,000 steps and 2.6 s for 2,000 were measured, 15 s for 5,000. After that the
arrangement in columns is taken, which is there in half a second."""

Done: TypeAlias = Callable[[dict[str, Place]], object]


class Arranger(QObject):
    """Arranges one level after the other; one at a time, a new one takes the place of what is at work.

    command: the program and its arguments, instead of our own Python.
    """

    def __init__(self, parent: QObject, *, command: tuple[str, ...] = (), patience_ms: int = PATIENCE_MS) -> None:
        super().__init__(parent)
        self._command = command or _own_command()
        self._processes: list[QProcess] = []
        # Not a bound method: it is called when this object is all but gone.
        self.destroyed.connect(partial(_end, self._processes))
        self._job: tuple[Level, Done] | None = None
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.setInterval(patience_ms)
        self._patience.timeout.connect(self._give_up)

    @property
    def is_busy(self) -> bool:
        """Whether an arrangement is still to come."""
        return self._job is not None

    def arrange(self, level: Level, done: Done) -> None:
        """Find places for everything on a level; `done` is called with top left corners from 0, 0 on."""
        self.stop()
        self._job = level, done
        process = QProcess()  # without a parent, so that none can take it away while it runs
        self._processes.append(process)
        process.setProcessEnvironment(_environment())
        process.setProcessChannelMode(QProcess.ProcessChannelMode.SeparateChannels)
        process.finished.connect(lambda *_: self._finished(process))
        process.errorOccurred.connect(lambda _: self._finished(process))
        self._patience.start()
        process.start(self._command[0], list(self._command[1:]))
        process.write(json.dumps(level.as_json()).encode())
        process.closeWriteChannel()

    def stop(self) -> None:
        """Give up what is at work; nobody is told."""
        self._job = None
        self._patience.stop()
        _end(self._processes)

    def _give_up(self) -> None:
        job = self._job
        self.stop()
        if job is not None:
            level, done = job
            done(placed(level)[0])

    def _finished(self, process: QProcess) -> None:
        if process not in self._processes or self._job is None:
            return
        level, done = self._job
        places = _read(bytes(process.readAllStandardOutput().data()), level)
        self.stop()
        done(placed(level)[0] if places is None else places)


def _end(processes: list[QProcess], _gone: QObject | None = None) -> None:
    for process in processes:
        process.blockSignals(True)
        process.kill()
        process.waitForFinished(1_000)
        process.deleteLater()
    processes.clear()


def _read(answer: bytes, level: Level) -> dict[str, Place] | None:
    """The positions that an answer holds, None if it is no answer to the question."""
    try:
        data = json.loads(answer)
        places = {str(step): (float(x), float(y)) for step, (x, y) in data.items()}
    except (ValueError, TypeError, AttributeError):
        return None
    return places if len(places) == level.count() else None


def _own_command() -> tuple[str, ...]:
    if getattr(sys, "frozen", False):
        return (sys.executable, LAYOUT_ARGUMENT)
    return (sys.executable, "-B", "-X", "utf8", "-m", "desktop.canvas.dot_child")


def _environment() -> QProcessEnvironment:
    """Ours, in which the process finds the packages that this one has."""
    environment = QProcessEnvironment.systemEnvironment()
    environment.insert("PYTHONPATH", str(Path(__file__).parents[2]))
    return environment
