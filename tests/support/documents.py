"""Hypothesis strategies for JSON values and for documents that can be built."""

from __future__ import annotations

from hypothesis import strategies as st

from core.workflow.model import (
    RESERVED_NAMES,
    ErrorMode,
    Group,
    GroupColour,
    JoinMode,
    Json,
    Limits,
    Retry,
    Step,
    Trigger,
    Workflow,
)

texts = st.text(
    st.one_of(
        st.sampled_from(" \n\t:#-'\"{}[]%|>&*!?,.0123456789eExo_~trufalsnyd\\\r\x85\u2028\ufeff\u200dé😀"),
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
    ),
    max_size=30,
)
"""Texts, with what YAML treats in some special way more often than chance would."""

scalars = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), texts)
"""JSON values that are no containers."""

json_values: st.SearchStrategy[Json] = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=15,
)
"""Any JSON value."""

ids = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True).filter(lambda name: name not in RESERVED_NAMES)
"""Ids that steps can have."""

_objects: st.SearchStrategy[dict[str, Json]] = st.dictionaries(texts, json_values, max_size=3)
_seconds = st.one_of(st.integers(0, 10**6).map(float), st.floats(allow_nan=False, allow_infinity=False))
_numbers = st.one_of(st.integers(-5000, 5000).map(float), st.floats(-1e6, 1e6))
_retries = st.builds(Retry, st.integers(), _seconds, st.floats(allow_nan=False, allow_infinity=False), _seconds)
_dollars = st.none() | st.floats(allow_nan=False, allow_infinity=False)
_join: tuple[JoinMode, ...] = ("all", "any")
_on_error: tuple[ErrorMode, ...] = ("stop", "default", "branch")
_colours: tuple[GroupColour, ...] = ("grey", "yellow", "green", "blue", "purple", "pink")
_targets = st.lists(ids, min_size=1, max_size=3, unique=True).map(tuple)


@st.composite
def _levels(draw: st.DrawFn, names: list[str], depth: int) -> dict[str, Step]:
    """Steps that share out the names among themselves and their loop bodies."""
    steps: dict[str, Step] = {}
    while names:
        name = names.pop()
        body = None
        if depth < 3 and draw(st.integers(0, 4)) == 0:
            inside = [names.pop() for _ in range(draw(st.integers(0, len(names))))]
            body = draw(_levels(inside, depth + 1))
        steps[name] = Step(
            id=name,
            type=draw(texts.filter(str.strip)),
            title=draw(texts),
            config=draw(_objects),
            then=draw(st.dictionaries(texts, _targets, max_size=2)),
            body=body,
            join=draw(st.sampled_from(_join)),
            retry=draw(st.none() | _retries),
            timeout=draw(st.none() | _seconds),
            on_error=draw(st.sampled_from(_on_error)),
            default=draw(st.none() | _objects),
            idempotency_key=draw(texts),
            disabled=draw(st.booleans()),
            notes=draw(texts),
        )
    return steps


@st.composite
def workflows(draw: st.DrawFn) -> Workflow:
    """Any document that can be built, whether or not it can run."""
    names = draw(st.lists(ids, max_size=6, unique=True))
    places = st.one_of(st.tuples(_numbers, _numbers), st.tuples(_numbers, _numbers, _numbers, _numbers))
    layout = {name: draw(places) for name in names if draw(st.booleans())}
    grouped = [name for name in names if draw(st.booleans())]
    cut = draw(st.integers(0, len(grouped)))
    groups = {
        key: Group(draw(texts), draw(st.sampled_from(_colours)), tuple(members))
        for key, members in (("one", grouped[:cut]), (draw(texts.filter(lambda key: key != "one")), grouped[cut:]))
        if members
    }
    options = draw(st.dictionaries(texts.filter(lambda name: name != "type"), json_values, max_size=2))
    return Workflow(
        name=draw(texts.filter(str.strip)),
        description=draw(texts),
        trigger=Trigger(draw(texts.filter(str.strip)), options),
        inputs=draw(st.dictionaries(texts, _objects, max_size=2)),
        variables=draw(st.dictionaries(texts, _objects, max_size=2)),
        steps=draw(_levels(list(names), 0)),
        outputs=draw(_objects),
        timeout=draw(st.none() | _seconds),
        limits=draw(st.builds(Limits, _dollars, _dollars)),
        tags=tuple(draw(st.lists(texts, max_size=3))),
        layout=layout,
        collapsed=frozenset(name for name in names if draw(st.booleans())),
        groups=groups,
    )
