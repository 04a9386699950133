"""The real program as a process on a real screen: a person draws, types, runs, and sees what came out."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from desktop.unsaved_work import FOLDER
from scripts.check_screen import NoScreen
from tests.support.x11_hand import PATIENCE_S, Hand, SpiedProgram, screen

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the screen is an X server for Linux")


@pytest.fixture
def display() -> Iterator[str]:
    """A screen without a monitor. A machine on which there is none fails the test, so that nobody thinks it passed."""
    try:
        with screen() as name:
            yield name
    except NoScreen as error:
        pytest.fail(f"The program could not be tried on a screen. {error}", pytrace=False)


@pytest.fixture
def hand(display: str) -> Iterator[Hand]:
    made = Hand(display)
    yield made
    made.close()


def drag(program: SpiedProgram, hand: Hand, start: str, end: str, done: str) -> None:
    """Press at one place, move to the other and let go, until the program says that it took place."""
    hand.move(*centre(program, start))
    hand.button(True)
    for _ in hand.way_to(program.ask(end)):
        program.ask("True")  # it has heard of the move, as a person's hand is slower than a program
    hand.button(False)
    program.until(done)


def centre(program: SpiedProgram, place: str) -> tuple[int, int]:
    x, y, width, height = program.until(place)
    return x + width // 2, y + height // 2


CANVAS = "window.active.canvas"
STEPS = "window.active.document.workflow.steps"


def below(right: int, down: int) -> str:
    """A place on the canvas."""
    return f"rect({CANVAS}.viewport(), QRect({right}, {down}, 1, 1))"


def test_a_person_draws_two_steps_runs_them_and_sees_the_answer_and_unsaved_work_survives_a_kill(
    tmp_path: Path, display: str, hand: Hand
) -> None:
    program = SpiedProgram(tmp_path / "home", display, "--in-memory")
    try:
        draw_and_run(program, hand)
        wait_for_unsaved(tmp_path / "home", "Say hello to Ada")
        program.kill()
        program = SpiedProgram(tmp_path / "home", display, "--in-memory")
        program.until("window is not None and window.isVisible()")
        program.until("where('Open') and 'Unsaved work' in QApplication.activeModalWidget().windowTitle()")
        hand.click(program.until("where('Open')"))
        program.until(f"window.active is not None and len({STEPS}) == 2")
        program.until("QApplication.activeModalWidget() is None")
        program.ask("window.activateWindow()")  # there is no window manager here that would give the keyboard back
        program.until("window.isActiveWindow()")
        hand.key("Ctrl", "q")
        hand.click(program.until("where('Discard')"))
        assert program.quit() == 0, program.errors.read_text()
    finally:
        program.kill()
    assert "Traceback" not in program.errors.read_text()


def wait_for_unsaved(home: Path, text: str) -> None:
    """Wait until a text is in the copies of unsaved work on disk."""
    ends = time.monotonic() + PATIENCE_S
    while not any(text in file.read_text("utf-8") for file in (home / FOLDER).glob("*.unsaved")):
        assert time.monotonic() < ends, "The unsaved work was not kept."
        time.sleep(0.02)


def draw_and_run(program: SpiedProgram, hand: Hand) -> None:
    """From the first start to the answer of the demo model."""
    program.until("window is not None and window.isVisible()")
    program.until("window.status.text('database') == 'Kept in memory'")
    hand.click(program.until("where('Use the demo model')"))
    program.until("where('Use the demo model') is None")
    hand.click(program.until("where('New workflow')"))
    program.until("window.active is not None")

    drag(program, hand, "palette_row(window, 'Text')", below(120, 160), f"len({STEPS}) == 1")
    drag(program, hand, "palette_row(window, 'Chat')", below(480, 160), f"len({STEPS}) == 2")
    drag(
        program, hand, f"port({CANVAS}, step(window, 0), 'out')", f"port({CANVAS}, step(window, 1), 'in')",
        f"{STEPS}[step(window, 0)].then",
    )  # fmt: skip

    hand.click(program.ask(f"header({CANVAS}, step(window, 0))"))
    program.until(f"list({CANVAS}.selected) == [step(window, 0)]")
    hand.click(program.until("where('Text')"))
    hand.type("Say hello to Ada")
    program.until(f"{STEPS}[step(window, 0)].config.get('text') == 'Say hello to Ada'")

    hand.click(program.ask(f"header({CANVAS}, step(window, 1))"))
    program.until(f"list({CANVAS}.selected) == [step(window, 1)]")
    program.until(f"'text' in str({STEPS}[step(window, 1)].config.get('prompt', ''))")  # filled in by the wire

    hand.key("F5")
    program.until("window.active.bar.note.text().startswith('Done')")
    hand.click(program.until("tab('Output')"))
    program.until("'Say hello to Ada' in listed() and 'demo' in listed()")
