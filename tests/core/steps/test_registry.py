"""Every step type, those of plug-ins included, is complete: what the palette, forms and manual are made from."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from core.engine.step_type import Category, Config, Effect, StepType
from core.steps import discover
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json

_TYPES = sorted(discover(plug_ins=()), key=lambda step_type: step_type.type)
_EACH = pytest.mark.parametrize("step_type", _TYPES, ids=lambda step_type: step_type.type)
_WITHOUT_OUTPUT = {"note", "stop"}
_FENCE = re.compile(r"```yaml\n(.*?)```", re.DOTALL)


def test_all_step_types_are_found() -> None:
    assert [step_type.type for step_type in _TYPES] == [
        "agent", "api", "approval", "chat", "code", "condition", "for_each", "image", "note", "read_file",
        "recall", "remember", "repeat", "set", "stop", "switch", "template", "wait", "workflow", "write_file",
    ]  # fmt: skip


@_EACH
def test_a_type_is_described(step_type: StepType[Any]) -> None:
    assert re.fullmatch(r"[a-z][a-z_]*", step_type.type)
    assert step_type.title[0].isupper()
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", step_type.icon)
    assert step_type.category in Category.__args__  # type: ignore[attr-defined]  # a Literal's values
    assert step_type.effect in Effect.__args__  # type: ignore[attr-defined]  # a Literal's values
    assert len(step_type.manual()) > 200
    assert "**Output:**" in step_type.manual()


@_EACH
def test_a_type_names_its_outputs_and_main_fields(step_type: StepType[Any]) -> None:
    assert bool(step_type.outputs) == (step_type.type not in _WITHOUT_OUTPUT)
    assert all(key and text.endswith(".") for key, text in step_type.outputs.items())
    assert step_type.main_output in {"", *step_type.outputs}
    assert step_type.main_field in step_type.config_model.model_fields


@_EACH
def test_every_config_field_has_a_title(step_type: StepType[Any]) -> None:
    for model in _models(step_type.config_model):
        assert model.model_config["extra"] == "forbid"
        untitled = [name for name, field in model.model_fields.items() if not field.title]
        assert not untitled, f"{model.__name__} has fields without a title"


@_EACH
def test_the_json_schema_is_one(step_type: StepType[Any]) -> None:
    schema = step_type.json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    fields = step_type.config_model.model_fields
    assert set(schema["properties"]) == {field.alias or name for name, field in fields.items()}


@_EACH
def test_a_config_that_is_empty_or_nonsense_gives_problems_rather_than_exceptions(step_type: StepType[Any]) -> None:
    assert all(isinstance(problem, ConfigProblem) for problem in step_type.check_config({}))
    names = step_type.config_model.model_fields
    many: list[Json] = [None, 7, "{{", "", [], [None], [{}], {"": None}, True]
    for nonsense in many:
        config: dict[str, Json] = dict.fromkeys(names, nonsense)
        assert all(problem.message for problem in step_type.check_config(config))
        assert all(isinstance(port, str) for port in step_type.ports(config))
        assert all(isinstance(name, str) for name in step_type.variables_set(config))
        assert step_type.effect_of(config) in Effect.__args__  # type: ignore[attr-defined]  # a Literal's values
    (problem,) = [p for p in step_type.check_config({"no_such_field": 1}) if p.code == "unknown_field"]
    assert problem.path == ("no_such_field",)


@_EACH
def test_the_examples_in_the_manual_page_are_valid(step_type: StepType[Any]) -> None:
    examples = [
        step for text in _FENCE.findall(step_type.manual()) for step in _steps(yaml.safe_load(text), step_type.type)
    ]
    assert examples, "the manual page shows no step of its type in a yaml block"
    for step in examples:
        assert step_type.check_config(step.get("config", {})) == []
        then = step.get("then", {})
        ports = {*step_type.ports(step.get("config", {})), "error"}
        assert (
            not isinstance(then, dict)
            or {str(port).replace("True", "true").replace("False", "false") for port in then} <= ports
        )


def test_discovery_loads_nothing_heavy() -> None:
    program = (
        "import sys; from core.steps import discover; discover(plug_ins=())\n"
        "print([name for name in ('httpx', 'jsonschema', 'psutil', 'yaml', 'sqlalchemy') if name in sys.modules])"
    )
    root = Path(__file__).parents[3]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_plug_in_adds_its_step_types() -> None:
    reports: list[str] = []
    types = discover(reports.append, [EntryPoint("one", f"{__name__}:PlugIn", "steploom.steps")])
    assert "plug_in" in types.names()
    assert not reports


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no_such_module_at_all", "No module named"),
        ("json:dumps", "it names no StepType"),
        ("json", "it names no StepType"),
        (f"{__name__}:Impostor", "Two step types are called 'condition'"),
    ],
)
def test_a_broken_plug_in_is_reported_and_the_others_stay(value: str, said: str) -> None:
    reports: list[str] = []
    types = discover(reports.append, [EntryPoint("broken", value, "steploom.steps")])
    assert len(types.names()) == len(_TYPES)
    (report,) = reports
    assert "'broken'" in report
    assert said in report


class _NoConfig(Config):
    pass


class PlugIn(StepType[_NoConfig]):
    """A step type as an installed package would bring it."""

    type = "plug_in"
    config_model = _NoConfig

    async def run(self, config: _NoConfig, context: object) -> dict[str, Any]:
        return {}


class Impostor(PlugIn):
    """A step type with a name that is taken."""

    type = "condition"


def _models(model: type[Config]) -> Iterator[type[Config]]:
    """A config model and those of the objects in it."""
    yield model
    for field in model.model_fields.values():
        for inner in _inside(field.annotation):
            yield from _models(inner)


def _inside(annotation: Any) -> Iterator[type[Config]]:
    if isinstance(annotation, type) and issubclass(annotation, Config):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _inside(argument)


def _steps(data: Any, type_name: str) -> Iterator[dict[str, Any]]:
    if isinstance(data, dict):
        if data.get("type") == type_name and "config" in data:
            yield data
        for value in data.values():
            yield from _steps(value, type_name)


@pytest.mark.parametrize(
    ("kind", "config", "said"),
    [
        ("chat", {"prompt": "x", "temperature": 9}, "The most is 2. Give a smaller number."),
        ("chat", {"prompt": "x", "temperature": -1}, "The least is 0. Give a larger number."),
        ("chat", {"prompt": "x", "temperature": "warm"}, "This is no number. Write one, such as 0.5."),
        ("for_each", {"items": [], "concurrency": 2.5}, "This is no whole number. Write one, such as 3."),
        (
            "api",
            {"url": "https://example.org", "max_bytes": 10**12},
            "The most is 1,000,000,000. Give a smaller number.",
        ),
        ("remember", {"content": "x", "pinned": "sure"}, "This is neither yes nor no. Write true or false."),
    ],
)
def test_a_value_that_does_not_fit_is_spoken_of_in_plain_words(kind: str, config: dict[str, Json], said: str) -> None:
    step_type = next(each for each in _TYPES if each.type == kind)
    (problem,) = step_type.check_config(config)
    assert f"{problem.message} {problem.fix}" == said
