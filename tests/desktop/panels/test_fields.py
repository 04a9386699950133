from __future__ import annotations

import pytest

from core.engine.step_type import Config, StepTypes, setting
from core.steps import discover
from desktop.panels.fields import ABSENT, FormField, fields_of, new_item, wants_template

TYPE_NAMES = discover(plug_ins=[]).names()


def field(types: StepTypes, type_name: str, key: str) -> FormField:
    kind = types.get(type_name)
    assert kind is not None
    return next(one for one in fields_of(kind.config_model) if one.key == key)


@pytest.mark.parametrize("type_name", TYPE_NAMES)
def test_every_setting_of_every_step_type_is_a_field_by_the_name_that_documents_use(
    types: StepTypes, type_name: str
) -> None:
    kind = types.get(type_name)
    assert kind is not None
    expected = [info.alias or name for name, info in kind.config_model.model_fields.items()]
    fields = fields_of(kind.config_model)
    assert [one.key for one in fields] == expected
    assert all(one.title for one in fields)


@pytest.mark.parametrize(
    ("type_name", "key", "kind"),
    [
        ("chat", "model", "model"),
        ("chat", "prompt", "multiline"),
        ("chat", "temperature", "number"),
        ("chat", "max_tokens", "integer"),
        ("chat", "effort", "choice"),
        ("chat", "schema", "json_schema"),
        ("chat", "images", "list"),
        ("code", "source", "code"),
        ("code", "repeatable", "switch"),
        ("code", "inputs", "key_values"),
        ("api", "timeout", "duration"),
        ("api", "auth", "group"),
        ("condition", "value", "value"),
        ("condition", "rules", "list"),
        ("workflow", "workflow", "workflow"),
        ("read_file", "path", "file"),
        ("wait", "duration", "duration"),
    ],
)
def test_a_setting_gets_the_control_that_its_type_and_hint_ask_for(
    types: StepTypes, type_name: str, key: str, kind: str
) -> None:
    assert field(types, type_name, key).kind == kind


def test_limits_units_and_defaults_come_from_the_model(types: StepTypes) -> None:
    temperature = field(types, "chat", "temperature")
    assert (temperature.low, temperature.high) == (0, 2)
    assert field(types, "chat", "max_tokens").unit == "tokens"
    assert field(types, "api", "expected").default == ["2xx"]
    assert field(types, "chat", "prompt").required
    assert not field(types, "chat", "model").required


def test_what_stands_inside_a_group_follows_the_group(types: StepTypes) -> None:
    auth = field(types, "api", "auth")
    token = next(one for one in auth.fields if one.key == "token")
    assert token.kind == "secret"
    assert token.secrets
    rules = field(types, "repeat", "rules")
    assert rules.item is not None
    assert {one.scope for one in rules.item.fields} == {"body"}


def test_a_new_rule_begins_with_nothing_that_nobody_chose(types: StepTypes) -> None:
    rules = field(types, "condition", "rules")
    assert new_item(rules) == {}


def test_only_fields_with_a_control_of_their_own_switch_to_a_template(types: StepTypes) -> None:
    assert wants_template(field(types, "chat", "effort"), "{{ input.effort }}")
    assert not wants_template(field(types, "chat", "prompt"), "{{ input.effort }}")
    assert not wants_template(field(types, "code", "repeatable"), "{{ input.effort }}")
    assert not wants_template(field(types, "chat", "effort"), ABSENT)


class _Odd(Config):
    either: int | str = setting(1, title="Either")
    one: bool | None = setting(None, title="One")


def test_settings_of_several_types_and_optional_ones_are_understood() -> None:
    either, one = fields_of(_Odd)
    assert either.kind == "text"
    assert one.kind == "switch"
