"""What a form shows for each setting, read from the JSON Schema of a step type's config model. No Qt.

A field's kind says which control it gets. Settings inside a group or a list are fields of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from core.engine.step_type import ConfigModel, choice_words, is_template
from core.workflow.catalogue import TemplateScope
from core.workflow.model import Json

FieldKind: TypeAlias = Literal[
    "text", "multiline", "code", "value", "json", "json_schema", "integer", "number", "duration", "choice", "switch",
    "model", "file", "folder", "secret", "workflow", "agent", "cron", "key_values", "list", "group",
]  # fmt: skip
"""Which control a field gets. `value`: any JSON value, mostly text. `duration`: text such as 30s."""

Path: TypeAlias = tuple[str | int, ...]
"""Keys and indexes from the config (or another object with fields) down."""


class Absent(Enum):
    """What stands for a setting that the document does not hold."""

    ABSENT = "absent"


ABSENT: Final = Absent.ABSENT
"""A setting that is not set."""

Value: TypeAlias = "Json | Absent"
"""What a field shows and gives."""

_TEXT_WIDGETS: Final = frozenset(
    {"multiline", "code", "model", "file", "folder", "secret", "workflow", "agent", "cron"}
)


@dataclass(frozen=True, slots=True)
class FormField:
    """One setting.

    default: what holds if it is not set. low, high: limits of a number, None for none. choices: of a `choice`; labels:
    what people read instead. fields: of a `group`. item: each element of a `list`, each value of `key_values`.
    keep_empty: an empty text is a value (in a list), not a setting left out. large: a text of several lines. template,
    secrets, scope: as `setting` says.
    """

    key: str
    kind: FieldKind
    title: str = ""
    help: str = ""
    unit: str = ""
    required: bool = False
    default: Json = None
    template: bool = True
    secrets: bool = False
    scope: TemplateScope = "step"
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    fields: tuple[FormField, ...] = ()
    item: FormField | None = None
    keep_empty: bool = False
    large: bool = False

    def said(self, choice: str) -> str:
        """What people read instead of one of its choices."""
        return choice_words(choice, dict(zip(self.choices, self.labels, strict=False)))

    @property
    def is_text(self) -> bool:
        """Whether its control is a text editor, so that a template can be typed without switching."""
        return self.kind not in ("choice", "switch", "key_values", "list", "group", "json", "json_schema")


@lru_cache(maxsize=256)
def fields_of(model: ConfigModel) -> tuple[FormField, ...]:
    """The fields of a config model, in the order of their declaration."""
    schema = model.model_json_schema()
    found = _Reader(schema.get("$defs", {})).fields(schema)
    made = {info.alias or name: info.default_factory for name, info in model.model_fields.items()}
    return tuple(_with_made_default(field, made.get(field.key)) for field in found)


def _with_made_default(field: FormField, factory: Any) -> FormField:
    """A list's default is made anew for each config, so that the schema does not hold it."""
    return replace(field, default=factory()) if factory is not None and field.kind == "list" else field


def wants_template(field: FormField, value: Value) -> bool:
    """Whether a value of a field with a control of its own is a template as a whole, to be shown as text."""
    return field.template and not field.is_text and isinstance(value, str) and is_template(value)


def new_item(field: FormField) -> Json:
    """What a new element of a list, or a new value, begins with."""
    item = field.item
    if item is None:
        return ""
    empty: Mapping[FieldKind, Json] = {
        "integer": 0, "number": 0, "switch": False, "key_values": {}, "group": {}, "list": [], "json": {},
    }  # fmt: skip
    return empty.get(item.kind, "")


@dataclass(frozen=True, slots=True)
class _Inherited:
    """What holds for everything inside a setting."""

    template: bool = True
    secrets: bool = False
    scope: TemplateScope = "step"


class _Reader:
    def __init__(self, defs: Mapping[str, Any]) -> None:
        self._defs = defs

    def fields(self, schema: Mapping[str, Any], around: _Inherited | None = None) -> tuple[FormField, ...]:
        needed = schema.get("required", ())
        found = []
        for key, part in schema.get("properties", {}).items():
            inside = _Inherited(
                part.get("template", True) and (around is None or around.template),
                bool(part.get("secrets")) if around is None else around.secrets,
                part.get("scope", "step") if around is None else around.scope,
            )
            found.append(replace(self._field(key, part, inside), required=key in needed))
        return tuple(found)

    def _field(self, key: str, part: Mapping[str, Any], inside: _Inherited) -> FormField:
        real = self._resolved(part)
        widget = part.get("widget", "")
        field = FormField(
            key,
            _kind(real, widget),
            title=part.get("title") or real.get("title") or key,
            help=part.get("description", ""),
            unit=part.get("unit", ""),
            default=part.get("default"),
            template=inside.template,
            secrets=inside.secrets,
            scope=inside.scope,
            low=real.get("minimum", real.get("exclusiveMinimum")),
            high=real.get("maximum", real.get("exclusiveMaximum")),
            choices=(choices := tuple(real.get("enum", ()))),
            labels=tuple(choice_words(choice, part.get("labels", {})) for choice in choices),
            large=widget == "multiline",
        )
        if field.kind == "group":
            return replace(field, fields=self.fields(real, inside))
        if field.kind == "list":
            return replace(field, item=self._item(real.get("items", {}), widget, inside))
        if field.kind == "key_values":
            values = real.get("additionalProperties")
            return replace(field, item=self._item(values if isinstance(values, dict) else {}, "", inside))
        return field

    def _item(self, schema: Mapping[str, Any], widget: str, inside: _Inherited) -> FormField:
        item = self._field("", {**schema, "widget": widget} if widget else schema, inside)
        return replace(item, title="", keep_empty=True)

    def _resolved(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema behind references, and of what may be null the rest."""
        if "$ref" in part:
            return {**self._resolved(self._defs[part["$ref"].rpartition("/")[2]])}
        options = [self._resolved(one) for one in part.get("anyOf", ()) if one.get("type") != "null"]
        if not options:
            return part
        text = next((one for one in options if one.get("type") == "string"), None)
        return options[0] if len(options) == 1 else text or {}


def _kind(schema: Mapping[str, Any], widget: str) -> FieldKind:
    type_ = schema.get("type")
    if isinstance(type_, list):
        return "duration" if "examples" in schema else "value"
    if type_ == "array":
        return "list"
    if type_ == "object":
        if "properties" in schema:
            return "group"
        return "json_schema" if widget == "json_schema" else "key_values" if widget == "key_values" else "json"
    if "enum" in schema:
        return "choice"
    if type_ in ("boolean", "integer", "number"):
        kinds: Mapping[str, FieldKind] = {"boolean": "switch", "integer": "integer", "number": "number"}
        return kinds[type_]
    if type_ == "string":
        return widget if widget in _TEXT_WIDGETS else "text"  # type: ignore[return-value]  # the set names kinds only
    return "value"
