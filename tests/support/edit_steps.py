"""Hypothesis strategies for sound documents of small steps and for random edits of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies as st

from core.engine.step_type import StepTypes
from core.workflow import edits
from core.workflow.model import Json, Step, Trigger, Wire, Workflow


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of a workflow; may raise WorkflowError. It chooses its steps by numbers once it sees the document."""

    kind: str
    numbers: tuple[int, ...]
    text: str
    types: StepTypes

    def __call__(self, workflow: Workflow) -> Workflow:
        """The changed workflow."""
        return _MAKERS[self.kind](workflow, _Choice(workflow, self.numbers), self.text, self.types)


_TYPES = ("ask", "gather", "choose", "loop", "until", "note", "end", "value", "nosuchtype")
_NUMBERS = st.integers(0, 1_000_000)


def _ids(workflow: Workflow) -> list[str]:
    return [step.id for _, step in workflow.walk()]


@st.composite
def small_documents(draw: st.DrawFn) -> Workflow:
    """Documents of a few steps and a loop, wired forwards, with references along the wires."""
    count = draw(st.integers(0, 6))
    steps: dict[str, Step] = {}
    for number in range(count):
        step_id = f"s{number}"
        targets = tuple(f"s{later}" for later in range(number + 1, count) if draw(st.booleans()))
        prompt = " ".join(f"{{{{ s{earlier}.text }}}}" for earlier in range(number) if draw(st.booleans()))
        body = None
        if draw(st.integers(0, 3)) == 0:
            body = {
                f"in{number}": Step(
                    f"in{number}", "ask", config={"prompt": f"{{{{ item }}}} {prompt}"}, then={"out": (f"on{number}",)}
                ),
                f"on{number}": Step(f"on{number}", "ask", config={"prompt": f"{{{{ in{number}.text }}}}"}),
            }
        kind = "loop" if body else "ask"
        config: dict[str, Json] = {"times": 1} if body else {"prompt": prompt}
        steps[step_id] = Step(step_id, kind, config=config, then={"out": targets} if targets else {}, body=body)
    workflow = Workflow("N", steps=steps, inputs={"q": {"type": "string"}})
    layout = {step_id: (float(draw(st.integers(-99, 99))), 0.0) for step_id in _ids(workflow) if draw(st.booleans())}
    return edits.move_steps(workflow, layout)


@st.composite
def _edits(draw: st.DrawFn, types: StepTypes) -> Edit:
    numbers = tuple(draw(st.lists(_NUMBERS, min_size=8, max_size=8)))
    kind = draw(st.sampled_from(sorted(_MAKERS)))
    text = draw(st.sampled_from(["x", "", "{{ s0.text }}", "a\nb", "é😀", "{{ s1.text | upper }}"]))
    return Edit(kind, numbers, text, types)


def edit_sequences(types: StepTypes) -> st.SearchStrategy[list[Edit]]:
    """Up to a dozen edits, one after the other."""
    return st.lists(_edits(types), min_size=1, max_size=12)


class _Choice:
    """Steps, ports and places by random numbers."""

    def __init__(self, workflow: Workflow, numbers: tuple[int, ...]) -> None:
        self._ids = _ids(workflow) or ["nothing"]
        self._workflow = workflow
        self.numbers = numbers

    def step(self, place: int = 0) -> str:
        return self._ids[self.numbers[place] % len(self._ids)]

    def some(self) -> list[str]:
        return list(dict.fromkeys(self.step(place) for place in range(1 + self.numbers[7] % 4)))

    def kind(self) -> str:
        return _TYPES[self.numbers[4] % len(_TYPES)]

    def port(self) -> str:
        return ("out", "true", "false", "error")[self.numbers[5] % 4 if self.numbers[6] % 3 == 0 else 0]

    def place(self) -> tuple[float, float]:
        return (self.numbers[5] / 7, -self.numbers[6] / 3)

    def wire(self) -> Wire:
        wires = [wire for _, step in self._workflow.walk() for wire in step.wires()]
        return wires[self.numbers[3] % len(wires)] if wires else Wire("a", "out", "b")

    def group(self) -> str:
        groups = [*self._workflow.groups, "nothing"]
        return groups[self.numbers[3] % len(groups)]

    def loop(self) -> str:
        loops = ["", *(step.id for _, step in self._workflow.walk() if step.body is not None)]
        return loops[self.numbers[3] % len(loops)]


_Maker: TypeAlias = Callable[[Workflow, _Choice, str, StepTypes], Workflow]

_MAKERS: dict[str, _Maker] = {
    "add": lambda w, c, t, k: edits.add_step(w, c.kind(), at=c.place(), into=c.loop(), title=t, types=k)[0],
    "add after": lambda w, c, t, k: edits.add_step(w, c.kind(), after=(c.step(), c.port()), types=k)[0],
    "add on wire": lambda w, c, t, k: edits.add_step(w, c.kind(), on=c.wire(), types=k)[0],
    "remove": lambda w, c, t, k: edits.remove_steps(w, c.some()),
    "rejoin": lambda w, c, t, k: edits.remove_steps(w, c.some(), rejoin=True),
    "connect": lambda w, c, t, k: edits.connect(w, c.step(0), c.port(), c.step(1), types=k),
    "disconnect": lambda w, c, t, k: edits.disconnect(w, [c.wire()]),
    "reconnect": lambda w, c, t, k: edits.reconnect(w, {c.wire(): Wire(c.step(0), c.port(), c.step(1))}, types=k),
    "insert": lambda w, c, t, k: edits.insert_on_wire(w, c.step(), c.wire(), types=k),
    "move": lambda w, c, t, k: edits.move_steps(w, dict.fromkeys(c.some(), c.place())),
    "shift": lambda w, c, t, k: edits.shift_steps(w, c.some(), *c.place()),
    "resize": lambda w, c, t, k: edits.resize(w, c.step(), (*c.place(), 10, 20)),
    "collapse": lambda w, c, t, k: edits.set_collapsed(w, c.some(), c.numbers[3] % 2 == 0),
    "title": lambda w, c, t, k: edits.set_title(w, c.step(), t),
    "rename": lambda w, c, t, k: edits.rename(w, c.step(), f"r{c.numbers[5] % 4}", types=k),
    "config": lambda w, c, t, k: edits.set_config_field(w, c.step(), ("prompt", "a.b.0")[c.numbers[3] % 2], t),
    "clear": lambda w, c, t, k: edits.clear_config_field(w, c.step(), "prompt"),
    "field": lambda w, c, t, k: edits.set_field(w, c.step(), "on_error", "branch"),
    "disable": lambda w, c, t, k: edits.set_disabled(w, c.some(), c.numbers[3] % 2 == 0),
    "type": lambda w, c, t, k: edits.change_type(w, c.step(), c.kind(), k),
    "duplicate": lambda w, c, t, k: edits.duplicate_steps(w, c.some(), types=k)[0],
    "copy and paste": lambda w, c, t, k: edits.paste(w, edits.copy_steps(w, c.some()), into=c.loop(), types=k)[0],
    "into": lambda w, c, t, k: edits.move_into_body(w, c.some(), c.loop(), types=k),
    "out of": lambda w, c, t, k: edits.move_out_of_body(w, c.some(), types=k),
    "wrap": lambda w, c, t, k: edits.wrap_in_loop(w, c.some(), "loop", types=k)[0],
    "unwrap": lambda w, c, t, k: edits.unwrap_loop(w, c.loop() or c.step(), types=k),
    "group": lambda w, c, t, k: edits.add_group(w, c.some(), title=t, colour="blue")[0],
    "join": lambda w, c, t, k: edits.join_group(w, c.group(), c.some()),
    "ungroup": lambda w, c, t, k: edits.leave_groups(w, c.some()),
    "extract": lambda w, c, t, k: edits.extract(w, c.some(), t or "Part", types=k).workflow,
    "extracted": lambda w, c, t, k: edits.extract(w, c.some(), t or "Part", types=k).extracted,
    "there and back": lambda w, c, t, k: _there_and_back(w, c.some(), k),
    "about": lambda w, c, t, k: edits.set_about(w, description=t, trigger=Trigger("api")),
}


def _there_and_back(workflow: Workflow, ids: list[str], types: StepTypes) -> Workflow:
    done = edits.extract(workflow, ids, "Part", types=types)
    return edits.inline(done.workflow, done.step, done.extracted, types=types)[0]
