"""The settings as a form needs them: read from the settings model, so that a new setting is one new field there."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

FieldKind: TypeAlias = Literal["text", "integer", "number", "switch", "choice", "lines", "rows", "folder"]
"""How a value is entered. lines: a list of texts. rows: a list of records."""


@dataclass(frozen=True, slots=True)
class SettingField:
    """One setting. path: names from the settings down. optional: it may be empty. columns: of `rows`."""

    path: tuple[str, ...]
    kind: FieldKind
    title: str
    help: str = ""
    unit: str = ""
    default: Any = None
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    optional: bool = False
    columns: tuple[SettingField, ...] = ()

    @property
    def name(self) -> str:
        """The path with dots, as the settings' errors name it."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class SettingGroup:
    """Settings that stand together."""

    title: str
    fields: tuple[SettingField, ...]


def groups_of(model: type[BaseModel], title: str = "General") -> Sequence[SettingGroup]:
    """All settings: the plain ones first, then a group for every model inside."""
    plain: list[SettingField] = []
    groups: list[SettingGroup] = []
    for name, info in model.model_fields.items():
        inner = _model_of(info)
        if inner is not None:
            groups.append(SettingGroup(info.title or name, tuple(_fields(inner, (name,)))))
        else:
            plain.append(_field((name,), info))
    return [SettingGroup(title, tuple(plain)), *groups]


def value_at(values: Mapping[str, Any], path: Sequence[str]) -> Any:
    """The value at a path of nested mappings."""
    found: Any = values
    for name in path:
        found = found[name]
    return found


def nested(changes: Mapping[tuple[str, ...], Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """The changed top-level settings, whole: what is not changed inside them is as in `base`."""
    result: dict[str, Any] = {}
    for path, value in changes.items():
        top = path[0]
        if len(path) == 1:
            result[top] = value
            continue
        inner = result.setdefault(top, dict(base[top]))
        inner[path[1]] = value
    return result


def _fields(model: type[BaseModel], path: tuple[str, ...]) -> list[SettingField]:
    return [_field((*path, name), info) for name, info in model.model_fields.items()]


def _field(path: tuple[str, ...], info: FieldInfo) -> SettingField:
    kind, optional, choices, columns = _kind(info.annotation)
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    return SettingField(
        path=path,
        kind=kind,
        title=info.title or path[-1].replace("_", " ").capitalize(),
        help=info.description or "",
        unit=str(extra.get("unit", "")),
        default=None if info.is_required() else info.get_default(call_default_factory=True),
        choices=choices,
        low=_limit(info, "ge"),
        high=_limit(info, "le"),
        optional=optional,
        columns=columns,
    )


def _kind(annotation: Any) -> tuple[FieldKind, bool, tuple[str, ...], tuple[SettingField, ...]]:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (Union, types.UnionType) and type(None) in arguments:
        inner = next(each for each in arguments if each is not type(None))
        kind, _, choices, columns = _kind(inner)
        return kind, True, choices, columns
    if origin is Literal:
        return "choice", False, tuple(map(str, arguments)), ()
    if origin is list:
        (item,) = arguments
        if isinstance(item, type) and issubclass(item, BaseModel):
            return "rows", False, (), tuple(_fields(item, ()))
        return "lines", False, (), ()
    plain: dict[Any, FieldKind] = {bool: "switch", int: "integer", float: "number", Path: "folder"}
    return plain.get(annotation, "text"), False, (), ()


def _model_of(info: FieldInfo) -> type[BaseModel] | None:
    annotation = info.annotation
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


def _limit(info: FieldInfo, name: str) -> float | None:
    return next((getattr(each, name) for each in info.metadata if hasattr(each, name)), None)
