"""A note is for people."""

from __future__ import annotations

from core.steps.note import NoteStep

_STEP = NoteStep()


def test_a_note_takes_no_wires_and_is_never_run() -> None:
    assert _STEP.canvas_only
    assert list(_STEP.ports({"text": "x"})) == []


def test_nothing_in_a_note_is_a_template() -> None:
    assert list(_STEP.template_fields({"text": "Write {{ like.this }}"})) == []
    assert _STEP.check_config({"text": "Write {{ like.this }} or {% that"}) == []


def test_an_unknown_colour_is_a_problem() -> None:
    (problem,) = _STEP.check_config({"colour": "plaid"})
    assert problem.path == ("colour",)
