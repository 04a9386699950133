"""Evaluating templates: JSON in, JSON out, types kept.

Most templates of real workflows are a plain path (`{{ classify.text }}`); those are read without Jinja2, a hundred
times faster. Both ways give the same results and errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final, TypeAlias

from jinja2 import Undefined
from jinja2.environment import Template as JinjaTemplate
from jinja2.environment import TemplateExpression
from jinja2.exceptions import SecurityError, TemplateSyntaxError, UndefinedError

from core.engine.errors import TemplateError
from core.workflow.model import Json
from core.workflow.template_sandbox import MAX_TEXT
from core.workflow.templates import Skipped, TemplateSyntax, environment, references, single_expression

MAX_VALUES: Final = 5_000_000
"""The most values that a template which is one expression may give, those inside of others counted."""

SKIPPED: Final = Skipped(hint="the step was skipped, so it has no output")
"""What stands for the output of a step that was skipped."""

NOT_RUN: Final = Skipped(hint="the step has not run to its end, so it has no output")
"""What stands for the output of a step that another did not wait for (`join: any`), or that never ran."""

Names: TypeAlias = Mapping[str, Any]
"""What a template may read: JSON values, or SKIPPED, by name."""

_PATH = re.compile(r"\s*([A-Za-z_]\w*)((?:\.[A-Za-z_]\w*|\[\d+\])*)\s*")
_PART = re.compile(r"\.(\w+)|\[(\d+)\]")
_WORDS = frozenset({"true", "false", "none", "True", "False", "None", "not"})


class Template:
    """One template, compiled. names: what it reads from outside. secrets: the names it reads below `secrets`."""

    __slots__ = ("_expression", "_path", "_text", "names", "secrets", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._path: tuple[str | int, ...] | None = None
        self._expression: TemplateExpression | None = None
        self._text: JinjaTemplate | None = None
        try:
            found = references(source)
            self.names = frozenset(reference.root for reference in found)
            self.secrets = frozenset(str(r.path[0]) for r in found if r.root == "secrets" and r.path)
            expression = single_expression(source)
            if expression is None:
                self._text = environment().from_string(source)
                return
            self._path = _plain_path(expression)
            if self._path is None:
                compiled = environment().compile_expression(expression.strip(), undefined_to_none=False)
                assert isinstance(compiled, TemplateExpression)
                self._expression = compiled
        except (TemplateSyntax, TemplateSyntaxError) as error:
            raise TemplateError(
                f"The template {_short(source)} cannot be read: {error.message}", str(error.message)
            ) from None

    def evaluate(self, names: Names, *, tolerant: bool = False) -> Json:
        """The value. tolerant: a value that is not there gives None instead of an error. Raises TemplateError."""
        if self._path is not None:
            return self._read(self._path, names, tolerant)
        try:
            if self._expression is not None:
                return _json(self._expression(self._read_names(names)), tolerant)
            assert self._text is not None
            return _bounded(self._text.generate(self._read_names(names)))
        except UndefinedError as error:
            if tolerant:
                return None
            raise self._failure(str(error)) from None
        except SecurityError as error:
            raise self._failure(f"that is not allowed in a template: {error}") from None
        except TemplateError:
            raise
        except Exception as error:  # noqa: BLE001 - filters and operators raise anything on values of the wrong kind
            raise self._failure(str(error) or type(error).__name__) from None

    def _read_names(self, names: Names) -> dict[str, Any]:
        return {name: names[name] for name in self.names if name in names}

    def _read(self, path: tuple[str | int, ...], names: Names, tolerant: bool) -> Json:
        value: Any = names.get(str(path[0]), _ABSENT)
        if value is _ABSENT:
            if tolerant:
                return None
            raise self._failure(f"{str(path[0])!r} is undefined. {_known('Names here', names)}")
        for depth, key in enumerate(path[1:], 1):
            found: Any = _item(value, key)
            if found is not _ABSENT:
                value = found
            elif isinstance(value, Skipped):
                break
            elif tolerant:
                return None
            else:
                raise self._failure(_missing(path[:depth], key, value))
        if isinstance(value, Skipped):
            if tolerant:
                return None
            raise self._failure(
                f"the step {path[0]!r} {_why(value)}, so it has no output. Give another value: "
                f"{{{{ {_dotted(path)} or 'another value' }}}}"
            )
        return value  # type: ignore[no-any-return]  # names hold JSON values, by their definition

    def _failure(self, reason: str) -> TemplateError:
        return TemplateError(f"The template {_short(self.source)} could not be filled in: {reason}", reason)


_ABSENT: Final = object()


def _why(value: Skipped) -> str:
    return "has not run to its end" if value is NOT_RUN else "was skipped"


def _item(value: Any, key: str | int) -> Any:
    if isinstance(value, dict):
        return value.get(key, _ABSENT)
    if isinstance(value, list) and isinstance(key, int) and key < len(value):
        return value[key]
    return _ABSENT


@lru_cache(maxsize=8192)
def compiled(source: str) -> Template:
    """The compiled template, kept for the next use. Raises TemplateError if it cannot be parsed."""
    return Template(source)


def is_template(text: str) -> bool:
    """Whether a text holds template marks at all."""
    return "{{" in text or "{%" in text or "{#" in text


def evaluate(value: Json, names: Names, *, tolerant: bool = False) -> Json:
    """A JSON value with every template in it filled in; keys of objects are not templates. Raises TemplateError."""
    if isinstance(value, str):
        return compiled(value).evaluate(names, tolerant=tolerant) if is_template(value) else value
    if isinstance(value, dict):
        return {key: evaluate(item, names, tolerant=tolerant) for key, item in value.items()}
    if isinstance(value, list):
        return [evaluate(item, names, tolerant=tolerant) for item in value]
    return value


def templates_in(value: Json) -> Iterator[Template]:
    """Every template in a JSON value, compiled."""
    if isinstance(value, str):
        if is_template(value):
            yield compiled(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from templates_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from templates_in(item)


def _plain_path(expression: str) -> tuple[str | int, ...] | None:
    match = _PATH.fullmatch(expression)
    if match is None or match[1] in _WORDS:
        return None
    parts: list[str | int] = [match[1]]
    parts += [name or int(index) for name, index in _PART.findall(match[2])]
    return tuple(parts)


def _json(value: Any, tolerant: bool) -> Json:
    """An expression's result as JSON: lazy sequences become lists, numbers stay what they are."""
    left = MAX_VALUES

    def plain(value: Any) -> Json:
        nonlocal left
        left -= 1
        if left < 0:
            raise SecurityError(f"the value holds more than {MAX_VALUES} values")
        match value:
            case None | bool() | int() | float():
                return value
            case str():
                return str(value)
            case Mapping():
                return {str(key): plain(item) for key, item in value.items()}
            case Undefined():
                if tolerant:
                    return None
                value._fail_with_undefined_error()
            case list() | tuple() | set() | frozenset() | range() | Iterator():
                return [plain(item) for item in value]
            case _:
                pass
        raise TypeError(f"it gives a {type(value).__name__}, which is no JSON value")

    return plain(value)


def _bounded(pieces: Iterator[str]) -> str:
    parts, size = [], 0
    for piece in pieces:
        size += len(piece)
        if size > MAX_TEXT:
            raise SecurityError(f"the text grew over {MAX_TEXT} characters")
        parts.append(piece)
    return "".join(parts)


def _missing(path: tuple[str | int, ...], key: str | int, value: Any) -> str:
    what = _dotted(path)
    if isinstance(value, dict):
        return f"{what!r} has no {key!r}. {_known('It has', value)}"
    if isinstance(value, list):
        return f"{what!r} is a list of {len(value)}, it has no {key!r}."
    kind = "nothing (null)" if value is None else f"a {type(value).__name__}"
    return f"{what!r} is {kind}, it has no {key!r}."


def _known(lead: str, names: Mapping[str, Any]) -> str:
    shown = list(names)[:12]
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"{lead}: {', '.join(map(str, shown)) or 'nothing'}{more}."


def _dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return f"“{text[:77]}…”" if len(text) > 80 else f"“{text}”"
