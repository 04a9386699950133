"""How soon the window stands with the last workflow, from the start of the process.

    python -m benchmarks.startup [--runs 7] [--steps 30] [--library]

Each start is a process of its own, with kept bytecode and warm file caches: the first one is not counted. Told are
seconds since the process was asked for, and the processor's seconds of it (which other work on the machine lengthens
less):

    imported    everything is imported that the first paint needs
    first paint the window was painted for the first time
    workflow    the canvas was painted with the workflow that was open last; the goal is 1.0 s
    database    the workspace is open; without --library there is no database behind it

--library: the workflow is one of the library, in the embedded PostgreSQL, instead of a file.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.workflow.model import Workflow

GOAL_S = 1.0
BEGUN = "STEPLOOM_BENCHMARK_BEGUN"
MARKS = ("imported", "first paint", "workflow", "database")


def since_start() -> tuple[float, float]:
    """Seconds since this process was asked for, and processor seconds of it."""
    return time.time() - float(os.environ[BEGUN]), time.process_time()


def child(home: Path, *, library: bool) -> int:
    """Start the program, note the marks, end it, and print them."""
    from desktop import garbage
    from desktop.app import main
    from desktop.start_up import plain_imports

    garbage.rest()  # as the program itself does before it imports what is looked at below
    plain_imports()
    import desktop.launch  # noqa: F401 - the window, which is imported by the program itself otherwise

    marks = {"imported": since_start()}
    watch(marks)
    code = main(["--home", str(home), "--demo", *([] if library else ["--in-memory"])])
    print(json.dumps(marks))
    return code


def watch(marks: dict[str, tuple[float, float]]) -> None:
    """Note when the window and its canvas are painted, by standing before their own methods."""
    from PySide6.QtCore import QEvent, QObject, QTimer

    from desktop.program import Program
    from desktop.window import MainWindow

    class Painted(QObject):
        def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
            if event.type() == QEvent.Type.Paint and "first paint" not in marks:
                QTimer.singleShot(0, lambda: marks.setdefault("first paint", since_start()))
            return False

    open_document, used, made = MainWindow.open_document, Program._workspace_used, MainWindow.__init__

    def init(self: MainWindow, *args: object, **more: object) -> None:
        made(self, *args, **more)  # type: ignore[arg-type] # handed on as it came
        self._painted = Painted(self)  # type: ignore[attr-defined] # kept as long as the window
        self.installEventFilter(self._painted)  # type: ignore[attr-defined] # as above

    def opened(self: MainWindow, *args: object, **more: object) -> object:
        tab = open_document(self, *args, **more)  # type: ignore[arg-type] # handed on as it came
        paint = type(tab.canvas).paintEvent

        def painted(canvas: object, event: object) -> None:
            paint(canvas, event)  # type: ignore[arg-type] # handed on as it came
            marks.setdefault("workflow", since_start())
            end_when_seen(self)

        type(tab.canvas).paintEvent = painted  # type: ignore[method-assign] # only for this measurement
        return tab

    def ready(self: Program, workspace: object) -> None:
        used(self, workspace)  # type: ignore[arg-type] # handed on as it came
        marks["database"] = since_start()
        end_when_seen(self.window)

    def end_when_seen(window: MainWindow) -> None:
        if len(marks) == len(MARKS):
            QTimer.singleShot(500, window.close_at_once)  # so that what it keeps for the next start is written

    MainWindow.__init__, MainWindow.open_document = init, opened  # type: ignore[method-assign, assignment] # as above
    Program._workspace_used = ready  # type: ignore[method-assign] # as above


def workflow_of(steps: int) -> Workflow:
    """A chain of so many steps."""
    from core.workflow.model import Step, Workflow

    names = [f"step_{n}" for n in range(steps)]
    made = {
        name: Step(name, "template", title=f"Step {n}", config={"text": "Hello"},
                   then={"out": (names[n + 1],)} if n + 1 < steps else {})
        for n, name in enumerate(names)
    }  # fmt: skip
    layout = {name: (n % 10 * 280.0, n // 10 * 160.0) for n, name in enumerate(names)}
    return Workflow("Last", steps=made, layout=layout)


def prepare(home: Path, steps: int, *, library: bool = False) -> None:
    """A home whose last workflow has so many steps."""
    from core.workflow.document import save
    from desktop.memory import RecentWork, WindowMemory

    workflow, file = workflow_of(steps), home / "last.loom.yaml"
    if library:
        asyncio.run(keep(home, workflow))
    else:
        save(workflow, file)
    memory = WindowMemory(home)
    memory.first_run_done = True
    memory.open_work = [RecentWork("library", "Last", "Last") if library else RecentWork("file", str(file), "Last")]
    memory.flush()


async def keep(home: Path, workflow: Workflow) -> None:
    """Save a workflow in the library of a home."""
    from core.workspace import Workspace

    async with Workspace.open(home) as workspace:
        assert workspace.store is not None
        await workspace.store.workflows.save(workflow, 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--library", action="store_true")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(Path(options.child), library=options.library)
    environment = {"QT_QPA_PLATFORM": "offscreen", **os.environ}
    found: list[dict[str, tuple[float, float]]] = []
    with tempfile.TemporaryDirectory() as home:
        prepare(Path(home), options.steps, library=options.library)
        for _ in range(options.runs + 1):
            command = [sys.executable, "-m", "benchmarks.startup", "--child", home]
            command += ["--library"] if options.library else []
            environment[BEGUN] = str(time.time())
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
    print(f"{'seconds since the process began':32}   median      min      max   processor")
    for mark in MARKS:
        wall = [each[mark][0] for each in found[1:]]
        processor = statistics.median(each[mark][1] for each in found[1:])
        print(f"{mark:32}{statistics.median(wall):9.2f}{min(wall):9.2f}{max(wall):9.2f}{processor:12.2f}")
    median = statistics.median(each["workflow"][0] for each in found[1:])
    print(f"the last workflow stands after {median:.2f} s; the goal is {GOAL_S:.1f} s")
    return 0 if median <= GOAL_S else 1


if __name__ == "__main__":
    sys.exit(main())
