"""What templates of strangers cannot do: reach Python, or take the program's memory or its time."""

from __future__ import annotations

import tracemalloc
from typing import Any

import pytest

from core.engine.errors import TemplateError
from core.engine.templates import compiled
from core.workflow.templates import TemplateSyntax, references

NAMES: dict[str, Any] = {"input": {"text": "a b", "list": [3, 1, 2], "rows": [{"n": 1}, {"n": 2}]}}
LONG = "{% set l = [0] * 1000000 %}"
SHARED = "{% set a = ['x' * 1000] * 1000 %}{% set b = [a] * 1000 %}"

GREEDY = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ '%(a)1000000000d' % {'a': 1} }}",
    "{{ '%*d' % (1000000000, 1) }}",
    "{{ '{:>1000000000}'.format(1) }}",
    "{{ '{:>{}}'.format(1, 1000000000) }}",
    "{{ '{a:>1000000000}'.format_map({'a': 1}) }}",
    "{{ ('{0}' * 300000).format('x' * 1000000) }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ 'x'.zfill(1000000000) }}",
    "{{ '\\t'.expandtabs(tabsize=1000000000) }}",
    "{{ 'x'.translate({120: 'y' * 1000000}) }}",
    "{{ ('x' * 1000000).replace('x', 'y' * 1000) }}",
    "{{ ('x' * 1000000) | replace('x', 'y' * 1000) }}",
    "{{ ('y' * 1000).join(('x' * 1000000) | list) }}",
    "{{ range(99999) | map('string') | join('x' * 10000) }}",
    "{{ 'x' | center(1000000000) }}",
    "{{ ('a\\n' * 1000) | indent(1000000000) }}",
    "{{ ('a\\n' * 1000) | indent('x' * 1000000) }}",
    "{{ ('x' * 1000000) | wordwrap(1, wrapstring='y' * 1000) }}",
    "{{ [1] | slice(1000000000) | list }}",
    "{{ [1] | batch(1000000000, 'x') | list }}",
    "{{ 5 | round(-100000000) }}",
    "{{ ((10 ** 1000) ** 1000) ** 900 }}",
    "{% set a = 'x' * 1000000 %}{% set b = a + a + a + a + a %}{% set c = b + b + b + b %}{{ c | length }}",
    "{% set a = 'x' * 1000000 %}{% set b = a ~ a ~ a ~ a ~ a %}{% set c = b ~ b ~ b ~ b %}{{ c | length }}",
    "{% for n in range(99999) %}{% set k %}{{ input.text * 300000 }}{% endset %}{% endfor %}",
    "{% for n in range(99999) %}{% set k %}" + "x" * 100_000 + "{% endset %}{% endfor %}",
    "{{ [[1] * 1000000] * 1000000 }}",
    SHARED + "{{ [b] * 1000 }}",
    SHARED + "{{ ([b] * 1000) | string | length }}",
    SHARED + "{{ ([b] * 1000) | tojson | length }}",
    SHARED + "{{ ('' ~ [b] * 1000) | length }}",
    SHARED + "{{ ('%s' % ([b] * 1000)) | length }}",
    "{{ ([[1] * 1000] * 100000) | sum(start=[]) | length }}",
    LONG + "{{ l | select('in', l) | list | length }}",
    LONG + "{% for x in l %}{% if 1 in l %}{% endif %}{% endfor %}",
    LONG + "{{ ([l] * 1000000) | map('sort') | map('length') | sum }}",
]


@pytest.mark.parametrize("source", GREEDY)
def test_a_template_that_would_take_all_memory_or_time_is_refused_before_it_does(source: str) -> None:
    with pytest.raises(TemplateError, match="not allowed in a template"):
        compiled(source).evaluate(NAMES)


@pytest.mark.parametrize("source", GREEDY)
def test_reading_a_template_reckons_nothing_of_it(source: str) -> None:
    tracemalloc.start()
    try:
        references(source)
        compiled.__wrapped__(source)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ input['__class__'] }}",
        "{{ input | attr('__class__') }}",
        "{{ [1] | map(attribute='__class__') | list }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ '{0.__class__}'.format_map({'0': 1}) }}",
        "{{ [1] | map('attr', '__class__') | list }}",
        "{{ [input] | sum(attribute='__class__') }}",
        "{% include '/etc/passwd' %}",
        "{{ input.list.append(4) }}",
        "{{ range.__globals__ }}",
        "{{ self._TemplateReference__context }}",
    ],
)
def test_no_template_reaches_python_or_files(source: str) -> None:
    with pytest.raises(TemplateError):
        compiled(source).evaluate(NAMES)


@pytest.mark.parametrize("source", ["{{ " + "1" * 100_000 + " }}", "{{ a" + " | upper" * 20_000 + " }}"])
def test_what_python_cannot_read_is_an_error_of_the_template(source: str) -> None:
    with pytest.raises(TemplateSyntax):
        references(source)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("{{ input.list | sort | join(', ') }} {{ input.list | sum }}", "1, 2, 3 6"),
        ("{{ input.rows | sum('n') }} {{ input.rows | sum(attribute='n', start=1) }}", "3 4"),
        ("{{ [[1], [2]] | sum(start=[]) }}", [1, 2]),
        ("{{ ', '.join(input.list | map('string')) }}", "3, 1, 2"),
        (
            "{{ '%05.2f' % 3.14159 }} {{ '%s * 12345' % 'a' }} {{ '{:>4}|{a:.1f}'.format(1, a=2) }}",
            "03.14 a * 12345    1|2.0",
        ),
        ("{{ 'a' ~ 1 ~ true }} {{ 'ab' | center(4) }}.", "a1True  ab ."),
        (
            "{% for x in input.list %}{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last }}{% endfor %}",
            "1/3,2/3,3/3",
        ),
        ("{% for x in [] %}{% else %}none{% endfor %}{{ 3 in input.list }}{{ 'b' in input.text }}", "nonetruetrue"),
        ("{% macro f(a, b='q') %}[{{ a }}{{ b }}]{% endmacro %}{{ f(1) }}{{ f(2, b='z') }}", "[1q][2z]"),
        ("{{ 2000000 | int(2000000) }}{{ none | default(20000000) }}", "2000000"),
        (
            "{{ 'a\\nb' | indent(2) }}{{ 'long text' | truncate(7, true, '...', 0) }}{{ 2.567 | round(2) }}",
            "a\n  blong...2.57",
        ),
    ],
)
def test_what_honest_templates_do_goes_on_as_before(source: str, value: Any) -> None:
    assert compiled(source).evaluate(NAMES) == value
