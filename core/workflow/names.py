"""Which names steps, inputs and variables may have, and which known name a misspelt one was probably meant to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator

from core.workflow.model import RESERVED_NAMES, Workflow
from core.workflow.problems import Problem

MAX_NAME = 64
"""The longest id of a step, in characters."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def name_problem(name: str, *, step: str | None = None, field: str = "", reserved: bool = True) -> Problem | None:
    """What keeps a text from being a name in templates, or None. reserved: whether templates' own words are refused."""
    if not _NAME.fullmatch(name):
        shown = name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"
        fix = "Use letters without accents, digits and _, beginning with a letter or _."
        return Problem("bad_id", f"{shown!r} cannot be a name in templates.", fix, step, field)
    if len(name) > MAX_NAME:
        message = f"The name {name[:20]!r}… is {len(name)} characters long."
        return Problem("bad_id", message, f"Use at most {MAX_NAME} characters.", step, field)
    if reserved and name in RESERVED_NAMES:
        message = f"{name!r} means something else in templates, so no step can be called that."
        return Problem("reserved_id", message, f"Choose another name, such as {name + '_step'!r}.", step, field)
    return None


def id_problems(workflow: Workflow) -> Iterator[Problem]:
    """Ids that templates could not name, or that stand twice in the document, loop bodies included."""
    seen: set[str] = set()
    for _, step in workflow.walk():
        if problem := name_problem(step.id, step=step.id):
            yield problem
        if step.id in seen:
            fix = "Give one of them another id; ids are unique in the whole document, loop bodies included."
            yield Problem("duplicate_id", f"Two steps are called {step.id!r}.", fix, step.id)
        seen.add(step.id)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that a misspelt one was probably meant to be, or None."""
    candidates = {candidate.lower(): candidate for candidate in known}
    found = difflib.get_close_matches(name.lower(), candidates, n=1, cutoff=0.6)
    return candidates[found[0]] if found else None


def hint(name: str, known: Iterable[str], what: str) -> str:
    """The next move after an unknown name: the nearest known one, else all of them. what: their kind, in the plural."""
    names = list(dict.fromkeys(known))
    near = nearest(name, names)
    if near is not None:
        return f"Did you mean {near!r}?"
    if not names:
        return f"There are no {what} here."
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"Known {what}: {', '.join(names[:12])}{more}."
