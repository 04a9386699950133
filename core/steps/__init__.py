"""The step types: one module each, found by looking. Installed packages add more (entry points `steploom.steps`)."""

from __future__ import annotations

import importlib
import inspect
import logging
import pkgutil
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any

from core.engine.step_type import StepType, StepTypes

ENTRY_POINT_GROUP = "steploom.steps"
"""Where an installed package names its step types: each entry point is a module or a StepType class."""

_log = logging.getLogger(__name__)


def discover(report: Callable[[str], None] = _log.warning, plug_ins: Iterable[EntryPoint] | None = None) -> StepTypes:
    """Every step type there is: those beside this file and those of installed packages.

    report: is told of each plug-in that cannot be used; the others still are. plug_ins: None for the installed ones.
    """
    types = StepTypes()
    for found in pkgutil.iter_modules(__path__):
        if found.ispkg:
            continue
        for step_type in _types_in(importlib.import_module(f"{__name__}.{found.name}")):
            types.add(step_type())
    for plug_in in entry_points(group=ENTRY_POINT_GROUP) if plug_ins is None else plug_ins:
        try:
            for step_type in _types_of(plug_in):
                types.add(step_type())
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything; the program must start all the same
            report(f"The step plug-in {plug_in.name!r} ({plug_in.value}) cannot be used: {error}")
    return types


def _types_of(plug_in: EntryPoint) -> list[type[StepType[Any]]]:
    loaded = plug_in.load()
    found = list(_types_in(loaded)) if isinstance(loaded, ModuleType) else [loaded]
    if not found or not all(inspect.isclass(each) and issubclass(each, StepType) for each in found):
        raise TypeError("it names no StepType.")
    return found


def _types_in(module: ModuleType) -> Iterator[type[StepType[Any]]]:
    for value in vars(module).values():
        if (
            inspect.isclass(value)
            and issubclass(value, StepType)
            and value.__module__ == module.__name__
            and not inspect.isabstract(value)
        ):
            yield value
