"""How long the window is held up while many runs stream.

    python -m benchmarks.responsiveness [--runs 50] [--tokens 2000] [--seconds 15] [--memory] [--profile FILE]

A heartbeat of 5 ms on the window's own loop tells the gaps: first with nothing to do, then while that many runs stream
that many tokens a second in all (as many streams at once as the program opens connections, the other runs wait their
turn), from a model server of its own process over loopback HTTP, into a Postgres journal
(--memory: without one), with the canvas, the timeline and the values of a run in view. What counts is the 99.9th
percentile of the gaps; the goal is 50 ms. Run it with nothing else on the machine: the first row says what the machine
itself costs. --profile: where a profile of the GUI thread is written (it slows everything down).
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.workflow.model import Workflow

GOAL_MS = 50.0
BEAT_MS = 5
WARM_UP_S = 2.0
WORDS = ("the ", "graph ", "of ", "steps ", "streams ", "word ", "by ", "word ")


@dataclass(frozen=True, slots=True)
class Gaps:
    """Milliseconds between ticks, and CPU seconds a second of the whole process."""

    name: str
    ticks: Sequence[float]
    cpu: float

    def at(self, share: float) -> float:
        """The gap that this share of all gaps does not exceed."""
        ordered = sorted(self.ticks)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def row(self) -> str:
        """The figures on one line."""
        figures = "".join(f"{self.at(share):9.1f}" for share in (0.5, 0.95, 0.99, 0.999))
        return f"{self.name:34}{figures}{max(self.ticks):9.1f}{len(self.ticks):8}{self.cpu * 100:7.0f} %"


async def serve(rate: float) -> None:
    """Be a model server that streams each answer at so many tokens a second, and print the port."""
    server = await asyncio.start_server(lambda reader, writer: answer(reader, writer, rate), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, rate: float) -> None:
    try:
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = next((int(v) for k, _, v in _headers(head) if k == b"content-length"), 0)
            body = json.loads(await reader.readexactly(length)) if length else {}
            if not head.startswith(b"POST") or not body.get("stream"):
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11\r\n\r\n")
                writer.write(b'{"data":[]}')
                continue
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
            begun, count = time.monotonic(), int(body.get("max_tokens") or 100)
            for number in range(count):
                await asyncio.sleep(max(0.0, begun + number / rate - time.monotonic()))
                _event(writer, {"choices": [{"index": 0, "delta": {"content": WORDS[number % 8]}}]})
                await writer.drain()
            usage = {"prompt_tokens": 10, "completion_tokens": count}
            _event(writer, {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage})
            writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


def _headers(head: bytes) -> list[tuple[bytes, bytes, bytes]]:
    return [line.lower().partition(b": ") for line in head.split(b"\r\n")[1:]]


def _event(writer: asyncio.StreamWriter, data: object) -> None:
    text = f"data: {json.dumps({'id': 'x', 'model': 'bench', 'object': 'chat.completion.chunk', **data})}\n\n".encode()  # type: ignore[dict-item] # an object of JSON
    writer.write(b"%x\r\n%s\r\n" % (len(text), text))


async def measure(arguments: argparse.Namespace, port: int) -> list[Gaps]:
    """The gaps with nothing to do, and while the runs stream."""
    from core.engine.events import Event, StepDelta
    from core.settings import ModelServerSettings
    from core.workspace import Workspace
    from desktop.bridge import Bridge
    from desktop.canvas.view import CanvasView
    from desktop.document import OpenDocument
    from desktop.icons import Icons
    from desktop.overlay import RunOverlay
    from desktop.panels.timeline import TimelinePanel
    from desktop.panels.values import ValuesPanel
    from desktop.run_controller import RunController
    from desktop.theme import ThemeManager

    server = ModelServerSettings(base_url=f"http://127.0.0.1:{port}/v1", kind="generic")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        async with Workspace.open(
            home, memory_only=arguments.memory, model_server=server, stream_in_thread=not arguments.one_loop
        ) as workspace:
            bridge = Bridge(asyncio.get_running_loop())
            bridge.failed.connect(lambda text: print("FAILED:", text, file=sys.stderr))
            themes, icons = ThemeManager(), Icons()
            document = OpenDocument(workflow(arguments))
            controller = RunController(workspace, document, bridge)
            canvas = CanvasView(document, RunOverlay(), workspace.types, themes, icons=icons)
            controller.shown_changed.connect(lambda run: canvas.show_run(run.overlay if run else RunOverlay()))
            controller.changed.connect(canvas.overlay_changed)
            timeline = TimelinePanel(controller, bridge, themes, icons, now=workspace.clock.now)
            values = ValuesPanel(controller, workspace.engine.services.blobs.get, bridge, themes, icons)  # type: ignore[union-attr] # a workspace always has blobs
            for widget, width, height in ((canvas, 1200, 600), (timeline, 800, 250), (values, 600, 250)):
                widget.resize(width, height)
                widget.show()
            await asyncio.sleep(WARM_UP_S)
            rows = [await beat("nothing to do", arguments.seconds)]
            values.show_step("say_0")
            for _ in range(arguments.runs):
                controller.start({})
            await asyncio.sleep(WARM_UP_S)
            profile = cProfile.Profile() if arguments.profile else None
            if profile:
                profile.enable()
            live, words = len(controller.live), 0

            def count(event: Event) -> None:
                nonlocal words
                words += event.text.count(" ") if isinstance(event, StepDelta) else 0

            workspace.engine.listeners.append(count)
            row = await beat(f"{live} runs", arguments.seconds)
            rows.append(replace(row, name=f"{live} runs, {words / arguments.seconds:,.0f} tokens/s"))
            if profile:
                profile.disable()
                profile.dump_stats(arguments.profile)
            controller.close()
            await workspace.stop_runs()
            await bridge.close()
            for widget in (canvas, timeline, values):
                widget.close()
            return rows


def workflow(arguments: argparse.Namespace) -> Workflow:
    """A chain of model calls, about two seconds each, so that steps begin and end all the time."""
    from core.llm.connection import ConnectionLimits
    from core.workflow.model import Step, Workflow

    streams = min(arguments.runs, ConnectionLimits().connections)
    each = max(1, round(arguments.tokens / streams * 2))
    count = int((arguments.seconds + 2 * WARM_UP_S) / 2) + 3
    steps = {
        f"say_{n}": Step(
            f"say_{n}",
            "chat",
            title=f"Say it, part {n + 1}",
            config={"model": "bench", "prompt": "Say something long.", "max_tokens": each},
            then={"out": (f"say_{n + 1}",)} if n < count - 1 else {},
        )
        for n in range(count)
    }
    return Workflow(
        "Streaming", steps=steps, layout={name: (n % 6 * 280.0, n // 6 * 160.0) for n, name in enumerate(steps)}
    )


async def beat(name: str, seconds: float) -> Gaps:
    """Tick on the GUI loop for some seconds."""
    from PySide6.QtCore import Qt, QTimer

    ticks: list[float] = []
    last = begun = time.perf_counter()
    cpu = time.process_time()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        ticks.append((now - last) * 1000)
        last = now

    timer = QTimer()
    timer.setTimerType(Qt.TimerType.PreciseTimer)
    timer.timeout.connect(tick)
    timer.start(BEAT_MS)
    await asyncio.sleep(seconds)
    timer.stop()
    return Gaps(name, ticks, (time.process_time() - cpu) / (time.perf_counter() - begun))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--tokens", type=int, default=2000, help="a second, of all runs together")
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--memory", action="store_true", help="keep no journal in Postgres")
    parser.add_argument("--one-loop", action="store_true", help="read the answers on the window's own loop")
    parser.add_argument("--profile", default="", help="file for a profile of the GUI thread")
    parser.add_argument("--serve", type=float, default=0.0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        asyncio.run(serve(arguments.serve))
        return 0
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication
    from qasync import QEventLoop

    from core.llm.connection import ConnectionLimits
    from desktop.bridge import TURN_S

    rate = arguments.tokens / min(arguments.runs, ConnectionLimits().connections)
    command = [sys.executable, "-m", "benchmarks.responsiveness", "--serve", str(rate)]
    peer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert peer.stdout is not None
        port = int(peer.stdout.readline())
        sys.setswitchinterval(TURN_S)
        application = QApplication([])
        application.setQuitOnLastWindowClosed(False)
        loop = QEventLoop(application)
        asyncio.set_event_loop(loop)
        gc.collect()
        with loop:
            rows = loop.run_until_complete(measure(arguments, port))
    finally:
        peer.kill()
        peer.wait()
    print(f"{'gap between ticks of 5 ms, in ms':34}   median     95 %     99 %   99.9 %      max   ticks    CPU")
    for row in rows:
        print(row.row())
    worst = rows[-1].at(0.999)
    print(f"99.9th percentile {worst:.1f} ms; the goal is {GOAL_MS:.0f} ms")
    return 0 if worst <= GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main())
