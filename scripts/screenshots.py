"""Takes the pictures of the documentation: the real window, without a screen, with a run of an example in it.

make screenshots
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from pathlib import Path

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import qasync
from PySide6.QtWidgets import QApplication

from core.resources import example
from desktop.bridge import Bridge
from desktop.canvas.view import CanvasView
from desktop.memory import WindowMemory
from desktop.program import Program
from desktop.session import Session
from desktop.theme import ThemeChoice

TARGET = Path(__file__).resolve().parent.parent / "docs" / "images"
INPUTS = {"ticket": "Our shop is DOWN, this is urgent!", "customer": "Ann", "model": ""}


async def take(app: QApplication, scheme: ThemeChoice, home: Path) -> None:
    """Open the example, run it with the demonstration model, and keep a picture of the window."""
    memory = WindowMemory(home)
    memory.first_run_done, memory.theme = True, scheme
    memory.flush()
    session = Session(home, memory_only=True, demo=True)
    program = Program(app, session, Bridge(asyncio.get_running_loop()), files=[example("support_triage")])
    window = program.window
    window.resize(1440, 900)
    window.show()
    await program.start()
    async with asyncio.timeout(60):
        while window.active is None or program.running.controller(window.active) is None:  # noqa: ASYNC110 - as a person
            await asyncio.sleep(0.05)
        tab = window.active
        controller = program.running.controller(tab)
        assert controller is not None
        assert isinstance(tab.canvas, CanvasView)
        controller.start(INPUTS)
        while not tab.bar.note.text().startswith("Done"):  # noqa: ASYNC110 - would wait: by looking
            await asyncio.sleep(0.05)
        tab.canvas.fit()
        tab.canvas.select(["reply"])
        await asyncio.sleep(1)  # the tick of the last step fades in
    window.grab().save(str(TARGET / f"window-{scheme}.png"))
    window.close_at_once()
    await program.close()


def main() -> int:
    """Take every picture; the exit code."""
    TARGET.mkdir(parents=True, exist_ok=True)
    app = QApplication([sys.argv[0]])
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    with loop, tempfile.TemporaryDirectory() as home:
        scheme: ThemeChoice = "light" if sys.argv[1] == "light" else "dark"
        loop.run_until_complete(take(app, scheme, Path(home)))
    sys.stdout.write(f"{TARGET / f'window-{sys.argv[1]}.png'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
