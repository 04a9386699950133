from __future__ import annotations

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from core.workflow.document import dumps, from_data
from core.workflow.model import Json, Step, Workflow
from core.workflow.problems import DocumentError
from core.workflow.rename import rename_input, rename_step, rename_variable
from core.workflow.template_renaming import NameTaken, rename_key, rename_name
from core.workflow.templates import TemplateSyntax, parse
from tests.support.documents import workflows
from tests.support.small_steps import small_step_types

TYPES = small_step_types()


def document(steps: dict[str, Json], **fields: Json) -> Workflow:
    return from_data({"steploom": 1, "name": "N", "steps": steps, **fields})


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{{ a.text }}", "{{ b.text }}"),
        ("{{a}} and {{  a . text  }}", "{{b}} and {{  b . text  }}"),
        ("{{ a['text'] if a else [a, (a), -a] }}", "{{ b['text'] if b else [b, (b), -b] }}"),
        ("{{ {'a': a} }}{{ x[a] }}{{ f(a) }}", "{{ {'a': b} }}{{ x[b] }}{{ f(b) }}"),
        (
            "{% if a %}{{ a | upper }}{% elif a.b %}{% else %}{{ a ~ 'a' }}{% endif %}",
            "{% if b %}{{ b | upper }}{% elif b.b %}{% else %}{{ b ~ 'a' }}{% endif %}",
        ),
        (
            "{% for x in a if a %}{{ x }}{% else %}{{ a }}{% endfor %}",
            "{% for x in b if b %}{{ x }}{% else %}{{ b }}{% endfor %}",
        ),
        ("{% for a in a %}{{ a }}{% endfor %}{{ a }}", "{% for a in b %}{{ a }}{% endfor %}{{ b }}"),
        ("{% for x, a in y %}{{ a }}{% endfor %}", "{% for x, a in y %}{{ a }}{% endfor %}"),
        ("{{ a }}{% set a = a.x %}{{ a }}", "{{ b }}{% set a = b.x %}{{ a }}"),
        ("{% set a %}{{ a }}{% endset %}{{ a }}", "{% set a %}{{ b }}{% endset %}{{ a }}"),
        (
            "{% if x %}{% set a = 1 %}{% else %}{% set a = 2 %}{% endif %}{{ a }}",
            "{% if x %}{% set a = 1 %}{% else %}{% set a = 2 %}{% endif %}{{ a }}",
        ),
        ("{% if not a %}{% set a = 1 %}{% endif %}{{ a }}", "{% if not b %}{% set b = 1 %}{% endif %}{{ b }}"),
        ("{% with a = a %}{{ a }}{% endwith %}{{ a }}", "{% with a = b %}{{ a }}{% endwith %}{{ b }}"),
        (
            "{% macro m(a, x=a) %}{{ a }}{% endmacro %}{{ m(a) }}",
            "{% macro m(a, x=b) %}{{ a }}{% endmacro %}{{ m(b) }}",
        ),
        ("{% macro a() %}{% endmacro %}{{ a() }}", "{% macro a() %}{% endmacro %}{{ a() }}"),
        ("{% call(a) m() %}{{ a }}{% endcall %}{{ a }}", "{% call(a) m() %}{{ a }}{% endcall %}{{ b }}"),
        ("{% block a %}{{ a }}{% endblock a %}", "{% block a %}{{ b }}{% endblock a %}"),
        ("{% filter upper %}{{ a }}{% endfilter %}", "{% filter upper %}{{ b }}{% endfilter %}"),
        ("{{ x.a }}{{ x['a'] }}{{ f(a=1) }}{{ x | a }}{{ x is a }}{{ 'a' }}{{ \"{{ a }}\" }}", None),
        ("a {# {{ a }} #} {% raw %}{{ a }}{% endraw %}", None),
        ("{{ aa }}{{ a_ }}{{ A }}", None),
        ("{{ a", None),
        ("{{ a }}{% if %}", None),
        (
            "a {{- a -}} \r\n a\r\n\r\n  {%- if a -%} \r x\n\n {%- endif -%}\n\n{{ a }}\n",
            "a {{- b -}} \r\n a\r\n\r\n  {%- if b -%} \r x\n\n {%- endif -%}\n\n{{ b }}\n",
        ),
        ("{{ a | nosuchfilter }}", "{{ b | nosuchfilter }}"),
        ("é😀 {{ a }}\u2028{{ a }}", "é😀 {{ b }}\u2028{{ b }}"),
        ("{% for i in a recursive %}{{ loop(a) }}{% endfor %}", "{% for i in b recursive %}{{ loop(b) }}{% endfor %}"),
    ],
)
def test_exactly_the_references_in_a_template_are_renamed(before: str, after: str | None) -> None:
    assert rename_name(before, "a", "b") == (before if after is None else after)


@pytest.mark.parametrize(
    "template",
    [
        "{% for b in x %}{{ a }}{% endfor %}",
        "{% set b = 1 %}{{ a }}",
        "{% if x %}{% set b = 1 %}{% endif %}{{ a }}",
        "{{ b }}{% if not a %}{% set a = 1 %}{% endif %}{{ a }}",
    ],
)
def test_a_reference_that_would_be_captured_is_refused(template: str) -> None:
    with pytest.raises(NameTaken):
        rename_name(template, "a", "b")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "{{ vars.old + vars['old'] + vars [ \"old\" ] . old }}",
            "{{ vars.new + vars['new'] + vars [ \"new\" ] . old }}",
        ),
        ("{{ x.vars.old }}{{ old }}{{ vars.older }}{{ vars[old] }}", None),
        ("{{ vars['old' ~ x] }}{{ input.old }}{{ vars.get('old') }}", None),
        (
            "{% for vars in x %}{{ vars.old }}{% endfor %}{{ vars.old }}",
            "{% for vars in x %}{{ vars.old }}{% endfor %}{{ vars.new }}",
        ),
        ("{{ vars.old", None),
    ],
)
def test_exactly_the_keys_of_a_name_are_renamed(before: str, after: str | None) -> None:
    assert rename_key(before, "vars", "old", "new") == (before if after is None else after)


statements = ["{% for a in a %}", "{% for x in a %}", "{% endfor %}", "{% if a %}", "{% else %}", "{% endif %}"]
more = [
    "{% set a = a %}",
    "{%- set x = a -%}",
    "{% raw %}",
    "{% endraw %}",
    "{# a #}",
    "{{ a }}",
    "{{ a.b }}",
    "{{- a -}}",
]
blanks = [" ", "\r\n", "\n", "\r", "\t", "a", "{{", "}}", "{%", "%}"]
parts = st.lists(st.sampled_from([*statements, *more, *blanks]), max_size=10).map("".join)


@given(parts)
@settings(max_examples=200, deadline=None)
@example("{{ a }}\r")
@example(" \r\n{%- if a -%}\r\n\r\n{{ a }}{% endif %}")
def test_renaming_there_and_back_gives_the_same_template(template: str) -> None:
    try:
        there = rename_name(template, "a", "other")
    except NameTaken:
        assume(False)
    assert rename_name(there, "other", "a") == template
    try:
        parse(template)
    except TemplateSyntax:
        assert there == template
    else:
        parse(there)


SAMPLE: dict[str, Json] = {
    "first": {"type": "value", "config": {"value": "{{ input.x }}"}, "then": ["many", "pick"]},
    "many": {
        "type": "loop",
        "config": {"times": "{{ first.value }}", "collect": "{{ inner.value }}{{ first.value }}"},
        "body": {
            "inner": {
                "type": "value",
                "config": {"value": ["{{ first.value }}", {"first": "{{ item }}"}]},
                "then": "last",
            },
            "last": {"type": "value", "idempotency_key": "{{ inner.value }}"},
        },
    },
    "pick": {
        "type": "choose",
        "config": {"value": "first"},
        "on_error": "default",
        "default": {"first": "{{ first.value }}"},
        "then": {"true": "end", "false": ["end"]},
    },
    "end": {"type": "note", "config": {"text": "{{ first.value }}"}},
}


def test_a_renamed_step_is_renamed_everywhere() -> None:
    workflow = document(SAMPLE, outputs={"o": ["{{ first.value }}"]}, layout={"first": [1, 2], "end": [3, 4]})
    renamed = rename_step(workflow, "first", "start")
    text = dumps(workflow)
    expected = text.replace("{{ first", "{{ start").replace("\n  first:", "\n  start:")
    assert dumps(renamed) == expected
    assert rename_step(renamed, "start", "first") == workflow
    assert list(renamed.steps) == ["start", "many", "pick", "end"]


def test_a_step_in_a_body_is_renamed_with_its_wires_and_the_loops_fields() -> None:
    renamed = rename_step(document(SAMPLE), "last", "final")
    body = renamed.steps["many"].body
    assert body is not None
    assert list(body) == ["inner", "final"]
    assert body["inner"].then == {"out": ("final",)}
    assert body["final"].id == "final"
    renamed = rename_step(document(SAMPLE), "inner", "deep")
    assert renamed.steps["many"].config["collect"] == "{{ deep.value }}{{ first.value }}"
    body = renamed.steps["many"].body
    assert body is not None
    assert body["last"].idempotency_key == "{{ deep.value }}"


def test_with_a_catalogue_texts_that_are_no_templates_are_left_alone() -> None:
    assert rename_step(document(SAMPLE), "first", "start").steps["end"].config == {"text": "{{ start.value }}"}
    assert rename_step(document(SAMPLE), "first", "start", TYPES).steps["end"].config == {"text": "{{ first.value }}"}


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("nope", "x", "unknown_step"),
        ("first", "pick", "duplicate_id"),
        ("first", "inner", "duplicate_id"),
        ("first", "a b", "bad_id"),
        ("first", "", "bad_id"),
        ("first", "x" * 65, "bad_id"),
        ("first", "vars", "reserved_id"),
    ],
)
def test_an_id_that_cannot_be_used_is_refused(old: str, new: str, code: str) -> None:
    with pytest.raises(DocumentError) as caught:
        rename_step(document(SAMPLE), old, new)
    assert [problem.code for problem in caught.value.problems] == [code]


def test_a_name_taken_inside_templates_names_every_place() -> None:
    taken = "{% for x in y %}{{ a }}{% endfor %}"
    steps = {"a": Step("a", "value"), "b": Step("b", "value", config={"v": [taken]}, idempotency_key=taken)}
    with pytest.raises(DocumentError) as caught:
        rename_step(Workflow("N", steps=steps, outputs={"o": taken}), "a", "x")
    assert [(p.code, p.step, p.field) for p in caught.value.problems] == [
        ("name_taken", "b", "config.v.0"),
        ("name_taken", "b", "idempotency_key"),
        ("name_taken", None, "outputs.o"),
    ]


def test_renaming_to_the_same_name_changes_nothing() -> None:
    workflow = document(SAMPLE)
    assert rename_step(workflow, "first", "first") == workflow


@given(workflows())
@settings(max_examples=50, deadline=None)
def test_renaming_any_step_there_and_back_is_the_identity(workflow: Workflow) -> None:
    wired = {target for _, step in workflow.walk() for targets in step.then.values() for target in targets}
    assume("renamed_step" not in wired)
    for step_id in [step.id for _, step in workflow.walk()]:
        there = rename_step(workflow, step_id, "renamed_step")
        assert there.step(step_id) is None
        assert rename_step(there, "renamed_step", step_id) == workflow


def test_a_variable_is_renamed_in_templates_declarations_and_the_steps_that_set_it() -> None:
    steps: dict[str, Json] = {
        "s": {"type": "set", "config": {"variables": {"tone": "{{ vars.tone }}", "other": "tone"}}, "then": "v"},
        "v": {"type": "value", "config": {"value": "{{ vars['tone'] }} {{ input.tone }} tone"}},
    }
    fields: dict[str, Json] = {"variables": {"tone": {"type": "string"}, "other": {}}, "inputs": {"tone": {}}}
    workflow = document(steps, outputs={"o": "{{ vars.tone }}"}, **fields)
    renamed = rename_variable(workflow, "tone", "mood", TYPES)
    assert list(renamed.variables) == ["mood", "other"]
    assert renamed.steps["s"].config == {"variables": {"mood": "{{ vars.mood }}", "other": "tone"}}
    assert renamed.steps["v"].config == {"value": "{{ vars['mood'] }} {{ input.tone }} tone"}
    assert renamed.outputs == {"o": "{{ vars.mood }}"}
    assert rename_variable(renamed, "mood", "tone", TYPES) == workflow


def test_an_input_is_renamed_in_templates_and_declarations() -> None:
    workflow = document(
        {"v": {"type": "value", "config": {"value": "{{ input.x }} {{ vars.x }}"}}},
        inputs={"x": {}, "y": {}},
        variables={"x": {}},
    )
    renamed = rename_input(workflow, "x", "item")
    assert list(renamed.inputs) == ["item", "y"]
    assert renamed.steps["v"].config == {"value": "{{ input.item }} {{ vars.x }}"}
    assert rename_input(renamed, "item", "x") == workflow


def test_unusable_names_of_variables_and_inputs_are_refused() -> None:
    workflow = document({}, inputs={"x": {}, "y": {}}, variables={"x": {}, "y": {}})
    for rename, what in ((rename_input, "input"), (rename_variable, "variable")):
        for old, new, code in (("z", "a", f"unknown_{what}"), ("x", "y", "duplicate_id"), ("x", "a-b", "bad_id")):
            with pytest.raises(DocumentError) as caught:
                rename(workflow, old, new)
            assert caught.value.problems[0].code == code
