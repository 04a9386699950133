"""What validation has to know of the step types, without knowing any of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from core.workflow.model import Json

TemplateScope: TypeAlias = Literal["step", "body"]
"""Whose names a template may read: those around the step, or those inside the loop that the step is."""


@dataclass(frozen=True, slots=True)
class TemplateField:
    """A text of a step's config that is evaluated as a template. path: keys and indexes from the config down."""

    path: tuple[str | int, ...]
    text: str
    secrets: bool = False
    scope: TemplateScope = "step"


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """Something wrong in a step's config. path: as in TemplateField, () for the config as a whole."""

    path: tuple[str | int, ...]
    code: str
    message: str
    fix: str = ""


class StepKind(Protocol):
    """What is fixed by a step's type."""

    @property
    def type(self) -> str:
        """The name in the document's `type:` field."""

    @property
    def is_container(self) -> bool:
        """Whether steps of this type have a body."""

    @property
    def canvas_only(self) -> bool:
        """Whether steps of this type are never run and take no wires (notes)."""

    @property
    def main_field(self) -> str:
        """The config field that a new wire fills with a reference if it is empty; '' for none."""

    @property
    def main_output(self) -> str:
        """The key of the output that such a reference names; '' for none."""

    def ports(self, config: Mapping[str, Json]) -> Sequence[str]:
        """The output ports for that config, the main one first; `error` is not among them."""

    def check_config(self, config: Mapping[str, Json]) -> Sequence[ConfigProblem]:
        """Everything wrong with a config; values that are templates are not judged."""

    def template_fields(self, config: Mapping[str, Json]) -> Iterator[TemplateField]:
        """The texts of a config that are templates."""

    def variables_set(self, config: Mapping[str, Json]) -> Iterable[str]:
        """Names of the workflow variables that such a step sets."""

    def body_names(self, config: Mapping[str, Json]) -> Iterable[str]:
        """Names besides `item` and `index` that templates inside the body may read."""

    def empty_outputs(self, config: Mapping[str, Json]) -> Mapping[str, str]:
        """Keys of the output that hold nothing with that config, each with the config field that fills it."""

    def passes_apart(self, config: Mapping[str, Json]) -> bool:
        """Whether passes through the body may be made in different places, knowing nothing of each other."""


class Catalogue(Protocol):
    """The known step types."""

    def get(self, type_name: str) -> StepKind | None:
        """The step type of that name, or None."""

    def names(self) -> Sequence[str]:
        """All type names, sorted."""
