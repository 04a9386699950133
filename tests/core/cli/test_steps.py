from __future__ import annotations

import jsonschema
import pytest

from core.steps import discover
from tests.support.command_line import Cli


def test_all_step_types_are_listed(cli: Cli) -> None:
    done = cli("steps")
    assert [line.split()[0] for line in done.out.splitlines()[1:]] == list(discover().names())
    assert [entry["type"] for entry in sorted(cli("steps", "--json").json, key=lambda e: e["type"])] == list(
        discover().names()
    )


@pytest.mark.parametrize("name", discover().names())
def test_every_step_type_has_a_manual_page_and_a_schema(cli: Cli, name: str) -> None:
    kind = discover().get(name)
    assert kind is not None
    page = cli("steps", name).out
    assert page.startswith(f"# {kind.title} (`{name}`)")
    assert kind.manual() in page
    for field in kind.json_schema()["properties"]:
        assert f"| `{field}` |" in page
    schema = cli("steps", name, "--schema").json
    jsonschema.Draft202012Validator.check_schema(schema)
    assert cli("steps", name, "--json").json["schema"] == schema


def test_the_schemas_of_all_types_come_as_one_object(cli: Cli) -> None:
    assert sorted(cli("steps", "--schema").json) == list(discover().names())


def test_an_unknown_type_is_answered_with_the_nearest(cli: Cli) -> None:
    done = cli("steps", "chatt")
    assert done.code == 2
    assert "Did you mean 'chat'?" in done.err
    assert "for_each" in cli("steps", "xyzzy").err
