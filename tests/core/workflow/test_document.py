from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.workflow.decoding import DOCUMENT_FIELDS, RETRY_FIELDS, STEP_FIELDS
from core.workflow.document import dumps, from_data, load, loads, read_leniently, save, to_data
from core.workflow.model import Json, Retry, Step, Trigger, Workflow
from core.workflow.problems import DocumentError, Problem
from tests.support.documents import json_values, texts, workflows

FILES = Path(__file__).parent / "files"

SMALL = "steploom: 1\nname: Small\nsteps:\n  a:\n    type: value\n    then: b\n  b:\n    type: value\n"


def problems_of(text: str) -> tuple[Problem, ...]:
    with pytest.raises(DocumentError) as caught:
        loads(text)
    return caught.value.problems


def the_problem(text: str) -> Problem:
    (problem,) = problems_of(text)
    return problem


def with_step(fields: str) -> str:
    return f"steploom: 1\nname: Small\nsteps:\n  a:\n    type: value\n    {fields}\n"


@given(workflows())
@settings(max_examples=150, deadline=None)
def test_any_document_that_can_be_built_survives_save_and_load(workflow: Workflow) -> None:
    text = dumps(workflow)
    again = loads(text)
    assert again == workflow
    assert dumps(again) == text


@given(workflows())
@settings(max_examples=60, deadline=None)
def test_any_document_survives_json(workflow: Workflow) -> None:
    data = json.loads(json.dumps(to_data(workflow)))
    assert from_data(data) == workflow
    assert to_data(from_data(data)) == data


@given(st.binary(max_size=80) | st.text(max_size=80) | texts)
@settings(max_examples=150, deadline=None)
def test_random_text_never_raises_anything_but_the_document_error(text: str | bytes) -> None:
    workflow, problems = read_leniently(text)
    if workflow is None or any(problem.severity == "error" for problem in problems):
        with pytest.raises(DocumentError):
            loads(text)
    else:
        assert loads(text) == workflow


_field_names = st.sampled_from([*DOCUMENT_FIELDS, *STEP_FIELDS, *RETRY_FIELDS, "a", "version", "flow", "next", "id"])
_near_documents: st.SearchStrategy[Json] = st.recursive(
    st.one_of(json_values, st.sampled_from([0, 1, "value", "60s", True, None])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_field_names, inner, max_size=6)),
    max_leaves=30,
)


@given(st.dictionaries(_field_names, _near_documents), st.sampled_from([{"steploom": 1}, {"version": 0}, {}]))
@settings(max_examples=200, deadline=None)
def test_random_data_never_raises_anything_but_the_document_error(
    data: dict[str, Json], start: dict[str, Json]
) -> None:
    try:
        workflow = from_data({**data, **start})
    except DocumentError as error:
        str(error)
    else:
        assert from_data(to_data(workflow)) == workflow


@pytest.mark.parametrize("name", ["support-triage", "format-1"])
def test_a_canonical_file_is_saved_byte_for_byte(name: str) -> None:
    text = (FILES / f"{name}.loom.yaml").read_text("utf-8")
    assert dumps(loads(text)) == text


def test_the_sample_means_what_it_says() -> None:
    workflow = load(FILES / "support-triage.loom.yaml")
    assert workflow.trigger == Trigger("message")
    classify = workflow.steps["classify"]
    assert classify.retry == Retry(4, 1.0, 2.0, 30.0)
    assert classify.timeout == 60.0
    assert classify.then == {"out": ("urgent",)}
    assert str(classify.config["prompt"]).endswith("alone.\n{{ input.ticket }}\n")
    assert workflow.steps["urgent"].then == {"true": ("page",), "false": ("reply",)}
    assert workflow.layout == {"classify": (120.0, 80.0)}


def test_fields_are_saved_in_a_fixed_order_with_defaults_left_out() -> None:
    step = Step("a", "value", then={"out": ("b",), "error": ("c", "d")}, on_error="branch", join="any", disabled=True)
    workflow = Workflow("N", layout={"a": (1.5, 2.0)}, steps={"a": step}, tags=("x",), timeout=120, description="D")
    assert dumps(workflow) == (
        "steploom: 1\nname: N\ndescription: D\ntags: [x]\ntimeout: 2m\nsteps:\n  a:\n    type: value\n"
        "    join: any\n    disabled: true\n    on_error: branch\n    then:\n      out: b\n      error: [c, d]\n"
        "layout:\n  a: [1.5, 2]\n"
    )


def test_short_forms_are_read() -> None:
    workflow = loads(
        "steploom: 1\nname: N\ntrigger: api\ntimeout: 90\nsteps:\n  a: {type: value, config: , then: [b]}\n"
        "  b: {type: value, then: {out: a}}\n"
    )
    assert workflow.trigger == Trigger("api")
    assert workflow.timeout == 90
    assert [step.then for step in workflow.steps.values()] == [{"out": ("b",)}, {"out": ("a",)}]


def test_comments_do_not_matter() -> None:
    assert loads(SMALL.replace("then: b", "then: b  # next")) == loads(SMALL)


@pytest.mark.parametrize(
    ("text", "code", "step", "field", "line"),
    [
        ("", "empty_document", None, "", None),
        ("- a", "not_a_document", None, "", None),
        ("name: N", "version_missing", None, "steploom", 1),
        ("steploom: 2\nname: N", "version_newer", None, "steploom", 1),
        ("name: N\nsteploom: -1", "version_unknown", None, "steploom", 2),
        ("steploom: '1'\nname: N", "version_unknown", None, "steploom", 1),
        ("steploom: true\nname: N", "version_unknown", None, "steploom", 1),
        ("version: 1\nname: N", "version_unknown", None, "version", 1),
        ("steploom: 1", "missing_field", None, "name", 1),
        ("steploom: 1\nname: ' '", "missing_field", None, "name", 2),
        ("steploom: 1\nname: 5", "wrong_type", None, "name", 2),
        ("steploom: 1\nname: N\ntags: x", "wrong_type", None, "tags", 3),
        ("steploom: 1\nname: N\ntimeout: soon", "wrong_value", None, "timeout", 3),
        ("steploom: 1\nname: N\nsteps: [a]", "wrong_type", None, "steps", 3),
        ("steploom: 1\nname: N\ntrigger: {at: 5}", "missing_field", None, "trigger.type", 3),
        ("steploom: 1\nname: N\ninputs:\n  a: string", "wrong_type", None, "inputs.a", 4),
        ("steploom: 1\nname: N\nlayout:\n  a: 5", "wrong_type", None, "layout.a", 4),
        ("steploom: 1\nname: N\nsteps:\n  a: 5", "wrong_type", "a", "", 4),
        ("steploom: 1\nname: N\nsteps:\n  a: {}", "missing_field", "a", "type", 4),
        ("steploom: 1\nname: N\nsteps:\n  a-b: {type: value}", "bad_id", "a-b", "", 4),
        (f"steploom: 1\nname: N\nsteps:\n  {'a' * 65}: {{type: value}}", "bad_id", "a" * 65, "", 4),
        ("steploom: 1\nname: N\nsteps:\n  vars: {type: value}", "reserved_id", "vars", "", 4),
        ("steploom: 1\nname: N\nsteps:\n  a: {type: loop, body: {a: {type: value}}}", "duplicate_id", "a", "", 4),
        ("steploom: 1\nname: N\nsteps:\n  a: {type: x}\n  a: {type: y}", "duplicate_key", None, "", 5),
        (with_step("then: [b, b]"), "duplicate_target", "a", "then", 6),
        (with_step("then: {true: [b, b]}"), "duplicate_target", "a", "then.true", 6),
        (with_step("then: 5"), "wrong_type", "a", "then", 6),
        (with_step("join: some"), "wrong_value", "a", "join", 6),
        (with_step("on_error: stopp"), "wrong_value", "a", "on_error", 6),
        (with_step("disabled: yes"), "wrong_type", "a", "disabled", 6),
        (with_step("config: [1]"), "wrong_type", "a", "config", 6),
        (with_step("body: 5"), "wrong_type", "a", "body", 6),
        (with_step("retry: 5"), "wrong_type", "a", "retry", 6),
        (with_step("retry: {attempts: 1.5}"), "wrong_type", "a", "retry.attempts", 6),
        (with_step("retry: {factor: x}"), "wrong_type", "a", "retry.factor", 6),
        (with_step("retry: {wait: x}"), "wrong_value", "a", "retry.wait", 6),
        (with_step("retry: {atempts: 4}"), "unknown_field", "a", "retry.atempts", 6),
        (with_step("default: text"), "wrong_type", "a", "default", 6),
        (with_step("idempotency_key: [x]"), "wrong_type", "a", "idempotency_key", 6),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_shape_is_said_with_its_place(
    text: str, code: str, step: str | None, field: str, line: int | None
) -> None:
    problem = the_problem(text)
    assert (problem.code, problem.step, problem.field, problem.line) == (code, step, field, line)
    assert problem.message.endswith(".")
    assert problem.fix


@pytest.mark.parametrize(
    ("fields", "near"),
    [("thne: b", "then"), ("titel: x", "title"), ("on_eror: stop", "on_error"), ("Config: {}", "config")],
)
def test_a_misspelt_field_names_the_nearest_one(fields: str, near: str) -> None:
    assert the_problem(with_step(fields)).fix == f"Did you mean {near!r}?"


def test_a_newer_document_says_so() -> None:
    assert "made by a newer Steploom" in the_problem("steploom: 7\nname: N").message


def test_all_problems_of_a_document_come_at_once() -> None:
    text = "steploom: 1\nnaem: N\nsteps:\n  a: {type: 5, timeout: x}\n  run: {type: value}\ntags: &t []\n"
    codes = [problem.code for problem in problems_of(text)]
    assert sorted(codes) == ["anchor", "missing_field", "reserved_id", "unknown_field", "wrong_type", "wrong_value"]


def test_the_error_names_the_file_and_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "broken.loom.yaml"
    path.write_text("steploom: 1\nnaem: N\n", "utf-8")
    with pytest.raises(DocumentError) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert "line 2: naem: There is no field 'naem' here. Did you mean 'name'?" in str(caught.value)


def test_values_that_are_no_json_are_refused() -> None:
    values: list[Any] = [float("nan"), "\ud800", {1: 2}, (1,), object()]
    for value in values:
        with pytest.raises(DocumentError) as caught:
            from_data({"steploom": 1, "name": "N", "steps": {"a": {"type": "value", "config": {"x": value}}}})
        assert caught.value.problems[0].field == "steps.a.config.x"
        with pytest.raises(DocumentError):
            dumps(Workflow("N", steps={"a": Step("a", "value", config={"x": value})}))


def test_layout_of_a_missing_step_is_a_warning_and_is_not_saved() -> None:
    text = f"{SMALL}layout:\n  aa: [1, 2]\n  b: [3, 4]\n"
    workflow, problems = read_leniently(text)
    (warning,) = problems
    assert (warning.code, warning.severity, warning.line, warning.fix) == (
        "unknown_layout",
        "warning",
        10,
        "Did you mean 'a'?",
    )
    assert workflow == loads(text)
    assert dumps(loads(text)) == f"{SMALL}layout:\n  b: [3, 4]\n"
    assert "aa" not in dumps(Workflow("N", layout={"aa": (1.0, 2.0)}))


def test_lenient_reading_keeps_what_can_be_read() -> None:
    workflow, problems = read_leniently(
        "steploom: 1\nsteps:\n"
        "  a: {type: value, timeout: soon, config: {x: 1}, then: [b, 5]}\n  b: 7\n  c:\n  input: {type: t}\n"
    )
    assert workflow is not None
    assert workflow.steps == {
        "a": Step("a", "value", config={"x": 1}, then={"out": ("b",)}),
        "c": Step("c", ""),
        "input": Step("input", "t"),
    }
    assert len(problems) == 6


def test_lenient_reading_of_no_document_gives_the_problems_alone() -> None:
    for text in ("a: [", "- a", "", "steploom: 9\nname: N", b"\xff"):
        workflow, problems = read_leniently(text)
        assert workflow is None
        assert problems


def test_saving_replaces_the_file_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "x.loom.yaml"
    path.write_text("old", "utf-8")
    path.chmod(0o640)
    save(loads(SMALL), path)
    assert load(path) == loads(SMALL)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.loom.yaml"]


def test_a_new_file_gets_the_mode_that_the_umask_leaves(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        save(loads(SMALL), tmp_path / "x.loom.yaml")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x.loom.yaml").stat().st_mode) == 0o640


def test_saving_through_a_link_keeps_the_link(tmp_path: Path) -> None:
    (tmp_path / "real.loom.yaml").write_text("old", "utf-8")
    (tmp_path / "link.loom.yaml").symlink_to("real.loom.yaml")
    save(loads(SMALL), tmp_path / "link.loom.yaml")
    assert (tmp_path / "link.loom.yaml").is_symlink()
    assert load(tmp_path / "real.loom.yaml") == loads(SMALL)


def test_a_save_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x.loom.yaml"
    save(loads(SMALL), path)
    with pytest.raises(DocumentError):
        save(Workflow("N", outputs={"x": float("inf")}), path)
    assert load(path) == loads(SMALL)
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        save(loads(SMALL), tmp_path / "folder")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder", "x.loom.yaml"]


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    path = tmp_path / "x.loom.yaml"
    save(loads(SMALL), path)
    first = path.read_bytes()
    save(load(path), path)
    assert path.read_bytes() == first
