"""SVG snapshots: how a step looks in every state and form, in both themes.

A snapshot is what is drawn, shape by shape, so a change of a colour, a line or a text shows as a difference in the
file. `SNAPSHOTS=write` writes them anew; look at them before they are committed.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Final, get_args

import pytest
from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QRect, QRectF, QSize
from PySide6.QtGui import QPainter
from PySide6.QtSvg import QSvgGenerator, QSvgRenderer
from pytestqt.qtbot import QtBot

from core.engine.errors import Question
from core.engine.events import Usage
from core.steps import discover
from core.workflow.model import Step
from core.workflow.problems import Severity
from desktop.canvas.faces import MARGIN, Faces
from desktop.canvas.ink import Ink
from desktop.canvas.look import look_of
from desktop.canvas.shapes import Shapes
from desktop.icons import Icons
from desktop.overlay import StepMark, StepState, StepView
from desktop.theme import Theme, add_fonts

FOLDER: Final = Path(__file__).parent / "snapshots"
TYPES = discover(plug_ins=())
_NUMBER = re.compile(r"-?\d+\.\d+(e-?\d+)?")
CHAT = Step(
    "ask",
    "chat",
    "Classify the ticket",
    {"model": "openai/gpt-5-mini", "prompt": "How urgent is it?\n{{ input.text }}"},
)
VIEWS: Final[dict[StepState, StepView]] = {
    "idle": StepView(),
    "queued": StepView(state="queued"),
    "running": StepView(state="running", text="It is rather urgent, as the"),
    "waiting": StepView(state="waiting", question=Question("Shall it go out?")),
    "done": StepView(state="done", seconds=1.84, usage=Usage(1_000, 204, 0.004), output={"text": "4"}),
    "failed": StepView(state="failed", seconds=0.2, error="Rate limit reached."),
    "skipped": StepView(state="skipped"),
    "cancelled": StepView(state="cancelled"),
}
MARKS: Final = {
    "pinned": (VIEWS["done"], StepMark(pinned=True)),
    "stale": (VIEWS["done"], StepMark(stale="its settings have changed")),
    "reused": (replace(VIEWS["done"], cause="reused"), StepMark()),
    "tried_again": (replace(VIEWS["done"], attempt=3, cause="retry"), StepMark()),
}
FORMS: Final = {
    "disabled": replace(CHAT, disabled=True),
    "folded": CHAT,
    "not_installed": Step("mood", "acme.sentiment", "Sentiment"),
    "note": Step("why", "note", config={"text": "# Why five?\nIt is **their** scale.\n\n- ask\n- them"}),
    "decision": Step("urgent", "condition", "Is it urgent?", {"value": "4", "operator": "equals", "operand": "4"}),
    "with_error_port": replace(CHAT, on_error="branch"),
}


def test_every_state_has_a_snapshot() -> None:
    assert VIEWS.keys() == set(get_args(StepState))


@pytest.mark.parametrize("theme", [Theme.dark(), Theme.light()], ids=lambda theme: theme.name)
@pytest.mark.parametrize("state", VIEWS)
def test_a_state_looks_as_it_did(qtbot: QtBot, theme: Theme, state: StepState) -> None:
    compare(f"state_{state}_{theme.name}", drawn(CHAT, VIEWS[state], theme))


@pytest.mark.parametrize("theme", [Theme.dark(), Theme.light()], ids=lambda theme: theme.name)
@pytest.mark.parametrize("mark", MARKS)
def test_a_marked_result_looks_as_it_did(qtbot: QtBot, theme: Theme, mark: str) -> None:
    view, what = MARKS[mark]
    compare(f"mark_{mark}_{theme.name}", drawn(CHAT, view, theme, mark=what))


@pytest.mark.parametrize("theme", [Theme.dark(), Theme.light()], ids=lambda theme: theme.name)
@pytest.mark.parametrize("form", FORMS)
def test_a_form_looks_as_it_did(qtbot: QtBot, theme: Theme, form: str) -> None:
    compare(f"form_{form}_{theme.name}", drawn(FORMS[form], None, theme, folded=form == "folded"))


@pytest.mark.parametrize("theme", [Theme.dark(), Theme.light()], ids=lambda theme: theme.name)
@pytest.mark.parametrize("fault", get_args(Severity))
def test_a_step_that_needs_mending_looks_as_it_did(qtbot: QtBot, theme: Theme, fault: Severity) -> None:
    compare(f"fault_{fault}_{theme.name}", drawn(CHAT, None, theme, fault=fault))


@pytest.mark.parametrize("theme", [Theme.dark(), Theme.light()], ids=lambda theme: theme.name)
def test_no_two_states_look_the_same(qtbot: QtBot, theme: Theme) -> None:
    pictures = {state: drawn(CHAT, view, theme) for state, view in VIEWS.items()}
    assert len(set(pictures.values())) == len(pictures)


def drawn(
    step: Step,
    view: StepView | None,
    theme: Theme,
    *,
    folded: bool = False,
    mark: StepMark | None = None,
    fault: Severity | None = None,
) -> str:
    """A step's face as SVG, numbers rounded to a hundredth of a pixel."""
    add_fonts()
    kind = TYPES.get(step.type)
    shape = Shapes().of(step, kind, collapsed=folded)
    look = look_of(step, kind, shape, view, frozenset({("in", "")}), mark, fault)
    left, top, right, bottom = MARGIN
    size = QSize(round(shape.width + left + right), round(shape.height + top + bottom))
    content = QByteArray()
    buffer = QBuffer(content)
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    generator = QSvgGenerator()
    generator.setOutputDevice(buffer)
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    generator.setResolution(96)
    painter = QPainter(generator)
    painter.setFont(theme.font("body"))  # else SVG writes the application's font, whichever test set that last
    painter.fillRect(QRectF(0, 0, size.width(), size.height()), theme.color("canvas.bg"))
    painter.translate(left, top)
    Faces(Ink(theme), Icons()).paint(painter, look, 1.0, 1.0)
    painter.end()
    return _plain(bytes(content.data()).decode())


def compare(name: str, picture: str) -> None:
    """Compare with the snapshot of that name, or write it if that is wanted."""
    file = FOLDER / f"{name}.svg"
    assert QSvgRenderer(QByteArray(picture.encode())).isValid()
    if os.environ.get("SNAPSHOTS") == "write":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(picture, encoding="utf-8")
    assert file.is_file(), f"There is no snapshot {name}. Write it with SNAPSHOTS=write and look at it."
    assert picture == file.read_text(encoding="utf-8"), f"{name} looks otherwise; see {file}."


def _plain(svg: str) -> str:
    head, _, rest = svg.partition("\n")
    rest = re.sub(r"<(title|desc)>.*?</\1>\n?", "", rest, flags=re.DOTALL)
    rest = re.sub(r"<[^>]*>", lambda tag: _NUMBER.sub(lambda one: f"{float(one[0]):.2f}", tag[0]), rest)
    return "\n".join([head, *(line.rstrip() for line in rest.splitlines() if line.strip())]) + "\n"
