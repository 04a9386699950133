"""Bringing documents of earlier formats to the present one, one version at a time, on plain data.

Format 0 was the pre-release form: `version: 0` in place of `steploom`, `flow` in place of `name`, steps as a list of
objects with an `id`, and `next` in place of `then`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from core.workflow.fields import kind
from core.workflow.model import FORMAT_VERSION, Json
from core.workflow.problems import DocumentError, Problem

Upgrade: TypeAlias = Callable[[dict[str, Json]], dict[str, Json]]
"""Gives a document's data in the next format. Raises DocumentError if the data is not of its own format."""

_FIRST = f"Write `steploom: {FORMAT_VERSION}` as the first line."


def upgrade(data: Json) -> dict[str, Json]:
    """A document's data in the present format. Raises DocumentError if the version cannot be told or read."""
    if data is None:
        raise DocumentError(
            [Problem("empty_document", "The document is empty.", f"{_FIRST} Then `name:` and `steps:`.")]
        )
    if not isinstance(data, dict):
        message = f"A workflow document holds fields such as `name` and `steps`; this is {kind(data)}."
        raise DocumentError([Problem("not_a_document", message, _FIRST)])
    version = version_of(data)
    while version < FORMAT_VERSION:
        data = UPGRADES[version](data)
        version += 1
    return data


def version_of(data: Mapping[str, Json]) -> int:
    """The number of the format that a document's data is in. Raises DocumentError if it is none that can be read."""
    field = "steploom" if "steploom" in data else "version"
    version = data.get(field)
    oldest = min(UPGRADES)
    if version is None:
        problem = Problem("version_missing", "The document does not say which format it has.", _FIRST, field="steploom")
    elif isinstance(version, bool) or not isinstance(version, int):
        message = f"The format version must be a whole number, not {kind(version)}."
        problem = Problem("version_unknown", message, _FIRST, field=field)
    elif version > FORMAT_VERSION:
        message = (
            f"The document was made by a newer Steploom (format {version}; this program reads up to {FORMAT_VERSION})."
        )
        problem = Problem("version_newer", message, "Update Steploom to open it.", field=field)
    elif version < oldest or (field == "version") != (version == 0):
        message = f"There is no format {version} with the field {field!r}."
        problem = Problem("version_unknown", message, _FIRST, field=field)
    else:
        return version
    raise DocumentError([problem])


def _from_0(data: dict[str, Json]) -> dict[str, Json]:
    problems: list[Problem] = []
    new: dict[str, Json] = {"steploom": 1}
    for field, value in data.items():
        match field:
            case "version":
                pass
            case "flow":
                new["name"] = value
            case "steps":
                new["steps"] = _steps_from_0(value, "steps", problems)
            case _:
                new[field] = value
    if problems:
        raise DocumentError(problems)
    return new


def _steps_from_0(value: Json, field: str, problems: list[Problem]) -> Json:
    """A list of steps as a mapping by id; what is no list stays, for the check of the shape to judge."""
    if not isinstance(value, list):
        return value
    steps: dict[str, Json] = {}
    for index, item in enumerate(value):
        place = f"{field}.{index}"
        step_id = item.get("id") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(step_id, str) or not step_id:
            fix = "Give it one: a text of letters, digits and _."
            problems.append(Problem("missing_field", f"The step in place {index + 1} has no id.", fix, field=place))
        elif step_id in steps:
            message = f"Two steps are called {step_id!r}."
            problems.append(Problem("duplicate_id", message, "Give one of them another id.", step_id, place))
        else:
            steps[step_id] = _step_from_0(item, place, problems)
    return steps


def _step_from_0(item: dict[str, Json], place: str, problems: list[Problem]) -> dict[str, Json]:
    step: dict[str, Json] = {}
    for field, value in item.items():
        match field:
            case "id":
                pass
            case "next":
                step["then"] = value
            case "body":
                step["body"] = _steps_from_0(value, f"{place}.body", problems)
            case _:
                step[field] = value
    return step


UPGRADES: Final[Mapping[int, Upgrade]] = MappingProxyType({0: _from_0})
"""The step from each earlier format to the next."""
