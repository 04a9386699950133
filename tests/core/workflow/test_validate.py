from __future__ import annotations

import re
import time
from typing import Any

import pytest

from core.engine.errors import TemplateError
from core.engine.templates import evaluate
from core.workflow.document import from_data, loads
from core.workflow.model import Json, Retry, Step, Trigger, Workflow
from core.workflow.problems import Problem
from core.workflow.validate import check_text, problems_with_lines, validate
from tests.support.small_steps import small_step_types

TYPES = small_step_types()


def problems(steps: dict[str, Json], **fields: Json) -> list[Problem]:
    """What is wrong with a document of these steps. A step's type is `value` unless it says otherwise."""
    return validate(from_data({"steploom": 1, "name": "N", "steps": _typed(steps), **fields}), TYPES)


def _typed(steps: dict[str, Json]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for step_id, step in steps.items():
        assert isinstance(step, dict)
        body = step.get("body")
        found[step_id] = {"type": "value", **step, **({"body": _typed(body)} if isinstance(body, dict) else {})}
    return found


def reading(text: str, **fields: Json) -> dict[str, Json]:
    """A step whose config is one template."""
    return {"config": {"value": text}, **fields}


def loop(body: dict[str, Json], **fields: Json) -> dict[str, Json]:
    return {"type": "loop", "config": {"times": 2}, "body": body, **fields}


def setting(name: str, **fields: Json) -> dict[str, Json]:
    return {"type": "set", "config": {"variables": {name: 1}}, **fields}


def found(steps: dict[str, Json], **fields: Json) -> list[tuple[str, str | None, str]]:
    return [(problem.code, problem.step, problem.field) for problem in problems(steps, **fields)]


def one(steps: dict[str, Json], **fields: Json) -> Problem:
    (problem,) = problems(steps, **fields)
    return problem


def test_a_right_document_has_no_problems() -> None:
    steps: dict[str, Json] = {
        "start": reading("{{ input.limit + vars.count }}", then="big"),
        "big": {"type": "choose", "config": {"value": "{{ start.value }}"}, "then": {"true": ["many"], "false": "end"}},
        "many": {
            "type": "loop",
            "config": {"times": "{{ start.value }}", "collect": "{{ twice.sum + item + index + times }}"},
            "body": {
                "twice": {
                    "type": "add",
                    "config": {"a": "{{ item + index }}", "b": "{{ start.value + times }}"},
                    "then": "inner",
                },
                "inner": loop({"deep": reading("{{ twice.sum }}{{ start.value }}{{ run.id }}{{ range(3) | list }}")}),
            },
            "then": "end",
        },
        "end": {
            "type": "add",
            "config": {"a": 1, "b": 2, "key": "{{ secrets.token }}"},
            "join": "any",
            "on_error": "branch",
            "then": {"error": "failed"},
            "idempotency_key": "{{ many.items | length }}",
        },
        "failed": reading(
            "{{ end.message }} {% for x in many['items'] %}{{ x }}{% endfor %}",
            on_error="default",
            default={"v": "{{ big.chosen }}"},
        ),
        "lone": {"retry": {"attempts": 3}, "timeout": "5s"},
        "remark": {"type": "note"},
    }
    assert (
        found(
            steps,
            inputs={"limit": {"type": "integer", "default": 3}},
            variables={"count": {"type": "integer", "default": 0}},
            outputs={"all": ["{{ failed.value }}", {"deep": "{{ lone.value }} {{ vars.items() }}"}]},
            trigger={"type": "schedule", "cron": "0 7 * * *"},
            timeout="1h",
        )
        == []
    )


CASES: list[tuple[str, dict[str, Json], dict[str, Json], tuple[str, str | None, str], str]] = [
    ("an unknown type", {"a": {"type": "vlaue"}}, {}, ("unknown_type", "a", "type"), "Did you mean 'value'?"),
    ("a missing config field", {"a": {"type": "choose"}}, {}, ("missing_field", "a", "config.value"), "Set value"),
    ("a misspelt config field", {"a": {"config": {"valeu": 1}}}, {}, ("unknown_field", "a", "config.valeu"), "'value'"),
    (
        "a wrong config value",
        {"a": {"type": "add", "config": {"a": "x", "b": 1}}},
        {},
        ("wrong_value", "a", "config.a"),
        "",
    ),
    ("a body where none belongs", {"a": {"body": {"b": {}}}}, {}, ("unexpected_body", "a", "body"), "loop"),
    ("a loop without a body", {"a": {"type": "loop", "config": {"times": 1}}}, {}, ("empty_body", "a", "body"), "Put"),
    ("a loop with an empty body", {"a": loop({})}, {}, ("empty_body", "a", "body"), "Put"),
    ("a wire to nowhere", {"step": {"then": "ned"}, "end": {}}, {}, ("wire_to_nowhere", "step", "then"), "'end'"),
    (
        "a wire from an unknown port",
        {"a": {"then": {"true": "b"}}, "b": {}},
        {},
        ("unknown_port", "a", "then.true"),
        "out",
    ),
    (
        "a wire from a misspelt port",
        {"a": {"type": "choose", "config": {"value": 1}, "then": {"flase": "b"}}, "b": {}},
        {},
        ("unknown_port", "a", "then.flase"),
        "Did you mean 'false'?",
    ),
    (
        "a wire from the main port of a step that branches",
        {"a": {"type": "choose", "config": {"value": 1}, "then": "b"}, "b": {}},
        {},
        ("unknown_port", "a", "then"),
        "Known ports: true, false.",
    ),
    (
        "an error wire without branch",
        {"a": {"then": {"error": "b"}}, "b": {}},
        {},
        ("error_port", "a", "then.error"),
        "branch",
    ),
    (
        "a wire into a loop",
        {"a": {"then": "c"}, "b": loop({"c": {}})},
        {},
        ("wire_crosses_loop", "a", "then"),
        "loop itself",
    ),
    (
        "a wire out of a loop",
        {"a": {}, "b": loop({"c": {"then": "a"}})},
        {},
        ("wire_crosses_loop", "c", "then"),
        "loop itself",
    ),
    ("a wire to itself", {"a": {"then": "a"}}, {}, ("wire_to_itself", "a", "then"), "loop"),
    ("a cycle", {"a": {"then": "b"}, "b": {"then": "c"}, "c": {"then": "a"}}, {}, ("cycle", "a", "then"), "Remove one"),
    ("a wire at a note", {"a": {"then": "n"}, "n": {"type": "note"}}, {}, ("canvas_only", "a", "then"), "Remove"),
    ("a wire from a note", {"n": {"type": "note", "then": "a"}, "a": {}}, {}, ("canvas_only", "n", "then"), "Remove"),
    ("retry of a note", {"n": {"type": "note", "retry": {}}}, {}, ("canvas_only", "n", "retry"), "Remove"),
    (
        "default without output",
        {"a": {"on_error": "default"}},
        {},
        ("default_missing", "a", "default"),
        "Set `default`",
    ),
    ("an unused default", {"a": {"default": {}}}, {}, ("default_unused", "a", "default"), "on_error: default"),
    ("attempts", {"a": {"retry": {"attempts": 0}}}, {}, ("retry_range", "a", "retry.attempts"), "1 or more"),
    ("a wait", {"a": {"retry": {"wait": -1}}}, {}, ("retry_range", "a", "retry.wait"), "0 or more"),
    ("a factor", {"a": {"retry": {"factor": 0.5}}}, {}, ("retry_range", "a", "retry.factor"), "1 or more"),
    ("a longest wait", {"a": {"retry": {"max_wait": -1}}}, {}, ("retry_range", "a", "retry.max_wait"), "0 or more"),
    ("a step's timeout", {"a": {"timeout": 0}}, {}, ("timeout_range", "a", "timeout"), "60s"),
    ("the timeout", {}, {"timeout": -1}, ("timeout_range", None, "timeout"), "60s"),
    ("the trigger", {}, {"trigger": "shedule"}, ("unknown_trigger", None, "trigger.type"), "'schedule'"),
    ("an input's schema", {}, {"inputs": {"x": {"type": "text"}}}, ("bad_schema", None, "inputs.x"), "string"),
    ("a pattern", {}, {"inputs": {"x": {"pattern": "["}}}, ("bad_schema", None, "inputs.x"), "Correct"),
    (
        "an input's default",
        {},
        {"inputs": {"x": {"type": "integer", "default": "3"}}},
        ("bad_default", None, "inputs.x.default"),
        "Change",
    ),
    (
        "a reference elsewhere",
        {},
        {"inputs": {"x": {"$ref": "http://x.invalid/", "default": 1}}},
        ("bad_default", None, "inputs.x.default"),
        "Change",
    ),
    (
        "an endless reference",
        {},
        {"variables": {"x": {"$ref": "#", "default": 1}}},
        ("bad_default", None, "variables.x.default"),
        "Change",
    ),
    (
        "an undeclared variable",
        {"a": setting("tnoe")},
        {"variables": {"tone": {}}},
        ("undeclared_variable", "a", "config"),
        "'tone'",
    ),
    ("a template's syntax", {"a": reading("{{ input. }}")}, {}, ("template_syntax", "a", "config.value"), "Correct"),
    ("an unknown filter", {"a": reading("{{ 1 | nosuch }}")}, {}, ("template_syntax", "a", "config.value"), "Correct"),
    (
        "a template in a list",
        {"a": {"config": {"value": [1, {"x": "{{ }"}]}}},
        {},
        ("template_syntax", "a", "config.value.1.x"),
        "Correct",
    ),
    (
        "an output's template",
        {},
        {"outputs": {"x": {"y": "{{ 1 +"}}},
        ("template_syntax", None, "outputs.x.y"),
        "Correct",
    ),
    (
        "an unknown name",
        {"start": {"then": "b"}, "b": reading("{{ strat.value }}")},
        {},
        ("unknown_name", "b", "config.value"),
        "'start'",
    ),
    (
        "an unknown name in an output",
        {"start": {}},
        {"outputs": {"x": "{{ strat }}"}},
        ("unknown_name", None, "outputs.x"),
        "'start'",
    ),
    (
        "a later step",
        {"a": reading("{{ b.value }}", then="b"), "b": {}},
        {},
        ("step_not_before", "a", "config.value"),
        "Draw a wire",
    ),
    (
        "a parallel step",
        {"a": reading("{{ b.value }}"), "b": {}},
        {},
        ("step_not_before", "a", "config.value"),
        "Draw a wire",
    ),
    ("the step itself", {"a": reading("{{ a.value }}")}, {}, ("step_not_before", "a", "config.value"), "before it"),
    (
        "a note's output",
        {"a": reading("{{ n.text }}"), "n": {"type": "note"}},
        {},
        ("step_not_before", "a", "config.value"),
        "another",
    ),
    (
        "a note in an output",
        {"n": {"type": "note"}},
        {"outputs": {"x": "{{ n }}"}},
        ("step_not_before", None, "outputs.x"),
        "another",
    ),
    (
        "a step inside a loop",
        {"a": loop({"b": {}}, then="c"), "c": reading("{{ b.value }}")},
        {},
        ("step_in_loop", "c", "config.value"),
        "Collect",
    ),
    (
        "a step inside a loop in an output",
        {"a": loop({"b": {}})},
        {"outputs": {"x": "{{ b.value }}"}},
        ("step_in_loop", None, "outputs.x"),
        "Collect",
    ),
    (
        "the loop around a step",
        {"a": loop({"b": reading("{{ a.items }}")})},
        {},
        ("step_not_before", "b", "config.value"),
        "'item'",
    ),
    (
        "a step parallel to the loop",
        {"a": loop({"b": reading("{{ c.value }}")}), "c": {}},
        {},
        ("step_not_before", "b", "config.value"),
        "Draw",
    ),
    (
        "a later step of the body",
        {"a": loop({"b": reading("{{ c.value }}"), "c": {}})},
        {},
        ("step_not_before", "b", "config.value"),
        "Draw",
    ),
    (
        "a body step outside the body's own fields",
        {"a": {"type": "loop", "config": {"times": "{{ b.value }}"}, "body": {"b": {}}}},
        {},
        ("step_in_loop", "a", "config.times"),
        "Collect",
    ),
    (
        "an unknown name about a body",
        {"a": {"type": "loop", "config": {"times": 1, "collect": "{{ inne.value }}"}, "body": {"inner": {}}}},
        {},
        ("unknown_name", "a", "config.collect"),
        "'inner'",
    ),
    (
        "an unknown input",
        {"a": reading("{{ input.tikcet }}")},
        {"inputs": {"ticket": {}}},
        ("unknown_input", "a", "config.value"),
        "'ticket'",
    ),
    (
        "an unknown input by key",
        {"a": reading("{{ input['x y'] }}")},
        {},
        ("unknown_input", "a", "config.value"),
        "no inputs",
    ),
    (
        "an unknown variable",
        {"a": reading("{{ vars.tnoe }}")},
        {"variables": {"tone": {}}},
        ("unknown_variable", "a", "config.value"),
        "'tone'",
    ),
    (
        "a secret in the open",
        {"a": reading("{{ secrets.key }}")},
        {},
        ("secret_not_allowed", "a", "config.value"),
        "such a field",
    ),
    (
        "a secret in an output",
        {},
        {"outputs": {"x": "{{ secrets.key }}"}},
        ("secret_not_allowed", None, "outputs.x"),
        "such a field",
    ),
    ("item outside a loop", {"a": reading("{{ item }}")}, {}, ("not_in_loop", "a", "config.value"), "Move"),
    ("a loop's name outside it", {"a": reading("{{ times }}")}, {}, ("unknown_name", "a", "config.value"), ""),
    ("an idempotency key", {"a": {"idempotency_key": "{{ nope }}"}}, {}, ("unknown_name", "a", "idempotency_key"), ""),
    (
        "a default's template",
        {"a": {"on_error": "default", "default": {"x": ["{{ nope }}"]}}},
        {},
        ("unknown_name", "a", "default.x.0"),
        "",
    ),
]


@pytest.mark.parametrize(
    ("steps", "fields", "expected", "fix"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_each_kind_of_error_is_reported_alone_with_its_place(
    steps: dict[str, Json], fields: dict[str, Json], expected: tuple[str, str | None, str], fix: str
) -> None:
    problem = one(steps, **fields)
    assert (problem.code, problem.step, problem.field) == expected
    assert problem.severity == "error"
    assert fix in problem.fix
    assert problem.message.endswith(".")
    assert problem.fix.endswith((".", "?"))


def test_a_cycle_names_its_steps() -> None:
    assert "a → b → c → a" in one({"a": {"then": "b"}, "b": {"then": "c"}, "c": {"then": "a"}}).message


def test_references_along_a_cycle_are_not_reported_besides_the_cycle() -> None:
    assert found({"a": reading("{{ b.value }}", then="b"), "b": reading("{{ a.value }}", then="a")}) == [
        ("cycle", "a", "then")
    ]


def test_every_problem_comes_at_once_in_document_order() -> None:
    steps: dict[str, Json] = {"z": {"type": "nope", "then": "gone"}, "a": reading("{{ q }}{{ secrets.x }}", timeout=-1)}
    assert [(problem.code, problem.step) for problem in problems(steps, trigger="x", inputs={"i": {"type": 5}})] == [
        ("unknown_trigger", None),
        ("bad_schema", None),
        ("unknown_type", "z"),
        ("wire_to_nowhere", "z"),
        ("timeout_range", "a"),
        ("unknown_name", "a"),
        ("secret_not_allowed", "a"),
    ]


def test_an_error_port_without_a_wire_is_a_warning() -> None:
    problem = one({"a": {"on_error": "branch"}})
    assert (problem.code, problem.severity) == ("unwired_error_port", "warning")


def test_steps_behind_a_disabled_step_are_unreachable() -> None:
    steps: dict[str, Json] = {"a": {"disabled": True, "then": "b"}, "b": {"then": "c"}, "c": {}, "lone": {}}
    assert [(p.code, p.step, p.severity) for p in problems(steps)] == [
        ("unreachable", "b", "warning"),
        ("unreachable", "c", "warning"),
    ]


def test_a_step_with_another_way_to_it_is_reached() -> None:
    assert found({"a": {"disabled": True, "then": "c"}, "b": {"then": "c"}, "c": {}}) == []


def test_steps_behind_a_cycle_are_unreachable() -> None:
    assert [code for code, _, _ in found({"a": {"then": "b"}, "b": {"then": ["a", "c"]}, "c": {}})] == [
        "cycle",
        "unreachable",
    ]


def test_a_reference_to_a_disabled_step_is_a_warning() -> None:
    steps: dict[str, Json] = {"a": {"disabled": True, "then": "c"}, "b": {"then": "c"}, "c": reading("{{ a.value }}")}
    assert [(p.code, p.severity) for p in problems(steps)] == [("reference_to_disabled", "warning")]


VARIABLE: dict[str, Any] = {"variables": {"tone": {"type": "integer"}}}


def test_parallel_steps_that_set_the_same_variable_are_a_warning() -> None:
    problem = one({"a": setting("tone"), "b": setting("tone")}, **VARIABLE)
    assert (problem.code, problem.step, problem.severity) == ("variable_race", "b", "warning")
    assert "'a' and 'b' both set the variable 'tone'" in problem.message
    assert "document order decides" in problem.message


def test_steps_one_after_the_other_may_set_the_same_variable() -> None:
    assert found({"a": setting("tone", then="m"), "m": {"then": "b"}, "b": setting("tone")}, **VARIABLE) == []


def test_opposite_ports_of_one_step_may_set_the_same_variable() -> None:
    steps: dict[str, Json] = {
        "pick": {"type": "choose", "config": {"value": 1}, "then": {"true": "a", "false": "m"}},
        "a": setting("tone"),
        "m": {"then": "b"},
        "b": setting("tone"),
    }
    assert found(steps, **VARIABLE) == []


def test_a_step_behind_both_ports_may_race_with_one_behind_a_port() -> None:
    steps: dict[str, Json] = {
        "pick": {"type": "choose", "config": {"value": 1}, "then": {"true": ["a", "b"], "false": "b"}},
        "a": setting("tone"),
        "b": setting("tone"),
    }
    assert [code for code, _, _ in found(steps, **VARIABLE)] == ["variable_race"]


def test_a_loop_that_sets_a_variable_inside_races_with_steps_beside_it() -> None:
    problem = one({"a": loop({"deep": loop({"inner": setting("tone")})}), "b": setting("tone")}, **VARIABLE)
    assert "'inner' and 'b'" in problem.message
    assert found({"a": loop({"inner": setting("tone")}, then="b"), "b": setting("tone")}, **VARIABLE) == []


def test_parallel_steps_in_one_body_race() -> None:
    assert found({"a": loop({"x": setting("tone"), "y": setting("tone")})}, **VARIABLE) == [
        ("variable_race", "y", "config")
    ]


def test_disabled_steps_set_nothing() -> None:
    assert found({"a": setting("tone", disabled=True), "b": setting("tone")}, **VARIABLE) == []


def test_documents_that_no_file_could_hold_are_judged_too() -> None:
    steps = {
        "a": Step("b", ""),
        "c": Step("c", "value", then={"out": ("d", "d")}),
        "d": Step("d", "value", timeout=float("inf"), retry=Retry(attempts=1, factor=float("nan"))),
        "run": Step("run", "value"),
        "loop": Step("loop", "loop", config={"times": 1}, body={"c": Step("c", "value")}),
    }
    workflow = Workflow(" ", steps=steps, trigger=Trigger(""), layout={"gone": (0.0, 0.0)})
    codes = sorted((problem.code, problem.step or "") for problem in validate(workflow, TYPES))
    assert codes == [
        ("duplicate_id", "c"),
        ("duplicate_target", "c"),
        ("id_mismatch", "b"),
        ("missing_field", ""),
        ("missing_field", "b"),
        ("reserved_id", "loop"),
        ("reserved_id", "run"),
        ("retry_range", "d"),
        ("timeout_range", "d"),
        ("unknown_layout", ""),
        ("unknown_trigger", ""),
    ]


def test_problems_get_the_lines_of_their_fields() -> None:
    text = (
        "steploom: 1\nname: N\ntrigger: {type: x}\nsteps:\n  a:\n    type: loop\n    config: {times: 1}\n    body:\n"
        "      b:\n        type: value\n        config:\n"
        '          value:\n            - 1\n            - "{{ nope }}"\n'
        "        then: gone\n"
    )
    located = problems_with_lines(text, validate(loads(text), TYPES))
    assert [(problem.code, problem.line) for problem in located] == [
        ("unknown_trigger", 3),
        ("wire_to_nowhere", 15),
        ("unknown_name", 14),
    ]


def test_a_field_that_the_text_does_not_have_gets_the_line_of_its_step() -> None:
    text = "steploom: 1\nname: N\nsteps:\n  a:\n    type: choose\n"
    (problem,) = problems_with_lines(text, validate(loads(text), TYPES))
    assert (problem.code, problem.line) == ("missing_field", 4)


def test_a_text_is_read_and_checked_in_one_go_with_each_problem_once() -> None:
    text = "steploom: 1\nsteps:\n  run:\n    then: gone\n"
    workflow, all_of_it = check_text(text, TYPES)
    assert workflow is not None
    assert [(problem.code, problem.step, problem.line) for problem in all_of_it] == [
        ("missing_field", None, 1),
        ("missing_field", "run", 3),
        ("reserved_id", "run", 3),
        ("wire_to_nowhere", "run", 4),
    ]


def test_a_text_that_is_no_document_gives_only_what_is_wrong_with_it() -> None:
    workflow, all_of_it = check_text("a: [", TYPES)
    assert workflow is None
    assert [problem.code for problem in all_of_it] == ["yaml_syntax"]


def _large(count: int, then: Any) -> Workflow:
    steps = {}
    for number in range(count):
        before = f"s{number - 1}" if number else ""
        template = f"{{{{ {before}.value }}}} {number}" if before else "0"
        targets = tuple(f"s{target}" for target in then(number) if target < count)
        steps[f"s{number}"] = Step(f"s{number}", "value", config={"value": template}, then={"out": targets})
    return Workflow("Large", steps=steps)


def test_a_document_of_5000_steps_is_checked_in_seconds() -> None:
    workflow = _large(5000, lambda number: (number + 1, number + 2))
    began = time.process_time()
    assert validate(workflow, TYPES) == []
    assert time.process_time() - began < 5, "about one second on the machine it was written on"


def test_thousands_of_mistakes_do_not_make_checking_slow() -> None:
    wrong = {f"s{n}": Step(f"s{n}", "vlaue", then={"out": (f"z{n}",)}) for n in range(3000)}
    setters = {f"t{n}": Step(f"t{n}", "set", config={"variables": {"tone": f"{{{{ q{n} }}}}"}}) for n in range(2000)}
    began = time.process_time()
    assert len(validate(Workflow("Wrong", steps={**wrong, **setters}), TYPES)) == 3000 * 2 + 2000 * 3 - 1
    assert time.process_time() - began < 15


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("{{", "{{"),
        ("{{ input.name", "{{"),
        ("{{ 1 +", "{{"),
        ("{% if 1 %}{{ 2", "{{"),
        ("{% if input.name", "{%"),
        ("{{ 1 }}{% set x =", "{%"),
    ],
)
def test_marks_that_are_not_closed_are_spoken_of_in_plain_words(text: str, mark: str) -> None:
    problem = one({}, outputs={"x": text})
    assert problem.message == f"The template cannot be read: “{mark}” is not closed."
    with pytest.raises(TemplateError, match=f"“{re.escape(mark)}” is not closed"):
        evaluate(text, {})
