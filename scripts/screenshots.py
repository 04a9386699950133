"""Takes pictures of the real window, without a screen: those of the documentation, or of every screen for looking.

make screenshots                                            # docs/images, both themes
python scripts/screenshots.py --all FOLDER --scale 2        # every screen in both themes at 200 %
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, get_args

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication, QWidget

    from desktop.program import Program
    from desktop.theme import ThemeName
    from desktop.work_tab import WorkTab

TARGET: Final = Path(__file__).resolve().parent.parent / "docs" / "images"
INPUTS: Final = {"ticket": "Our shop is DOWN, this is urgent!", "customer": "Ann", "model": ""}
PATIENCE_S: Final = 60.0

Shoot: TypeAlias = "Callable[[Program], Awaitable[QWidget]]"
"""Brings the program to where it is to be seen, and gives what is to be in the picture."""


async def until(met: Callable[[], object]) -> None:
    """Wait as a person does: by looking."""
    async with asyncio.timeout(PATIENCE_S):
        while not met():  # noqa: ASYNC110 - many different signals tell what is waited for
            await asyncio.sleep(0.02)


@asynccontextmanager
async def program_in(
    app: QApplication, theme: ThemeName, home: Path, *, first: bool = False, database: bool = False
) -> AsyncIterator[Program]:
    """A program with the demo model. first: it is started for the first time. database: with one of its own."""
    from core.resources import example
    from desktop.bridge import Bridge
    from desktop.memory import WindowMemory
    from desktop.program import Program
    from desktop.session import Session

    memory = WindowMemory(home)
    memory.first_run_done, memory.theme = not first, theme
    memory.flush()
    session = Session(home, memory_only=not database, demo=True)
    files = () if first else (example("support_triage"),)
    program = Program(app, session, Bridge(asyncio.get_running_loop()), files=files)
    program.window.resize(1440, 900)
    program.window.show()
    try:
        await program.start()
        await asyncio.sleep(0.2)
        yield program
    finally:
        program.window.close_at_once()
        await program.close()
        program.window.deleteLater()


async def _tab(program: Program) -> WorkTab:
    window = program.window
    await until(lambda: window.active is not None and program.running.controller(window.active) is not None)
    assert window.active is not None
    return window.active


async def after_a_run(program: Program) -> QWidget:
    """The example after it ran, with a step chosen."""
    from desktop.canvas.view import CanvasView

    tab = await _tab(program)
    controller = program.running.controller(tab)
    assert controller is not None
    assert isinstance(tab.canvas, CanvasView)
    controller.start(INPUTS)
    await until(lambda: tab.bar.note.text().startswith("Done"))
    tab.canvas.fit()
    tab.canvas.select(["reply"])
    await asyncio.sleep(1)  # the tick of the last step fades in
    return program.window


async def start_page(program: Program) -> QWidget:
    """No workflow is open."""
    program.window.close_tab(await _tab(program))
    await asyncio.sleep(0.2)
    return program.window


async def first_run(program: Program) -> QWidget:
    """Where models come from."""
    await asyncio.sleep(0.5)
    return program.window


async def library(program: Program) -> QWidget:
    """The library with a few workflows, one of which ran."""
    from dataclasses import replace

    from core.resources import examples
    from core.workflow.document import load

    await _tab(program)
    workspace = program.session.workspace
    assert workspace is not None
    assert workspace.store is not None
    for n, file in enumerate(examples()):
        folder = "Customers" if n > 1 else ""
        await workspace.store.workflows.save(await asyncio.to_thread(load, file), 0, folder=folder)
    greeting = await asyncio.to_thread(load, examples()[-1])
    await workspace.store.workflows.save(replace(greeting, name="Weekly report", tags=("weekly", "sales")), 0)
    await (workspace.start(greeting, INPUTS)).result()
    program.window.docks.reveal("library")
    program.library.refresh()
    await until(lambda: any(entry.last_run_status for entry in program.library.entries))
    return program.window


async def newer_file(program: Program) -> QWidget:
    """A workflow of a newer format, and what is said of it."""
    text = "steploom: 99\nname: Tomorrow\nsteps:\n  say: {type: acme.speak, title: Say it, config: {a: 1}}\n"
    file = program.session.home / "newer.loom.yaml"
    file.write_text(text, encoding="utf-8")
    program.filing.open_files([file])
    await until(lambda: len(program.window.all_tabs) == 2)
    await asyncio.sleep(0.3)
    return program.window


async def models(program: Program) -> QWidget:
    """Where models come from, asked later."""
    program.commands.run("file.models")
    await asyncio.sleep(0.5)
    return _dialog(program)


async def menu(program: Program) -> QWidget:
    """The menu of steps."""
    from PySide6.QtWidgets import QMenu

    await _tab(program)
    action = next(each for each in program.window.menuBar().actions() if each.text() == "&Step")
    shown = action.menu()
    assert isinstance(shown, QMenu)
    shown.ensurePolished()
    shown.adjustSize()
    return shown


async def palette(program: Program) -> QWidget:
    """The command palette with a few letters typed."""
    await _tab(program)
    program.window.run_palette("run")
    return program.window


async def settings(program: Program) -> QWidget:
    """The settings over the window."""
    await _tab(program)
    program.settings.open()
    await until(lambda: program.settings.dialog)
    return _dialog(program)


async def shortcuts(program: Program) -> QWidget:
    """The editor of keys."""
    program.settings.open_shortcuts()
    return _dialog(program)


async def help_page(program: Program) -> QWidget:
    """The help page."""
    program.commands.run("help.page")
    return _dialog(program)


async def broken_file(program: Program) -> QWidget:
    """The report of a file that cannot be opened."""
    file = program.session.home / "broken.loom.yaml"
    file.write_text("steploom: 1\nname: X\nsteps:\n  a:\n    type: 5\n    nonsense: true\n", encoding="utf-8")
    program.filing.open_files([file])
    from desktop.dialogs.problem_report import ProblemReport

    await until(lambda: program.window.findChildren(ProblemReport))
    return _dialog(program)


def _dialog(program: Program) -> QWidget:
    from PySide6.QtWidgets import QDialog

    return next(each for each in program.window.findChildren(QDialog) if each.isVisible())


SCREENS: Final[Mapping[str, Shoot]] = {
    "window": after_a_run,
    "start": start_page,
    "first_run": first_run,
    "library": library,
    "models": models,
    "menu": menu,
    "newer_file": newer_file,
    "palette": palette,
    "settings": settings,
    "shortcuts": shortcuts,
    "help": help_page,
    "broken_file": broken_file,
}


async def take(app: QApplication, theme: ThemeName, name: str, file: Path) -> None:
    """Take one picture."""
    with tempfile.TemporaryDirectory() as home:
        flags = {"first": name == "first_run", "database": name == "library"}
        async with program_in(app, theme, Path(home), **flags) as program:
            widget = await SCREENS[name](program)
            await asyncio.sleep(0.3)
            file.parent.mkdir(parents=True, exist_ok=True)
            widget.grab().save(str(file))
            sys.stdout.write(f"{file}\n")


def take_all(names: list[str], themes: list[ThemeName], folder: Path, mark: str) -> None:
    """Take pictures one after the other, each of a program of its own."""
    import qasync
    from PySide6.QtWidgets import QApplication

    app = QApplication([sys.argv[0]])
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    with loop:
        for theme in themes:
            for name in names:
                loop.run_until_complete(take(app, theme, name, folder / f"{name}-{theme}{mark}.png"))


def main() -> int:
    """Take every picture that was asked for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", metavar="FOLDER", default="", help="take every screen instead of the documentation's")
    parser.add_argument("--only", choices=[*SCREENS], action="append", default=[], help="with --all: these alone")
    parser.add_argument("--theme", choices=["dark", "light"], default="", help="this one alone")
    parser.add_argument("--scale", type=float, default=1.0, help="device pixels for each pixel")
    options = parser.parse_args()
    if os.environ.get("QT_SCALE_FACTOR") != str(options.scale) or os.environ.get("QT_QPA_PLATFORM") != "offscreen":
        # Qt reads these before anything else.
        environment = {**os.environ, "QT_SCALE_FACTOR": str(options.scale), "QT_QPA_PLATFORM": "offscreen"}
        return subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode  # noqa: S603 - itself
    from desktop.theme import ThemeName

    themes: list[ThemeName] = [name for name in get_args(ThemeName) if options.theme in ("", name)]
    mark = f"@{options.scale:g}x" if options.scale != 1 else ""
    names = (options.only or [*SCREENS]) if options.all else ["window"]
    take_all(names, themes, Path(options.all) if options.all else TARGET, mark)
    return 0


if __name__ == "__main__":
    sys.exit(main())
