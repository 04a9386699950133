"""Templates as text: what they may contain and what they refer to. `core.engine.templates` evaluates them.

Templates are Jinja2 in its immutable sandbox. `{{ classify.text }}` reads a value; a template that is one expression
and nothing else keeps the value's type. Inside a template a key of an object wins over a method of Python's dict, so
that an output key may be called `items` or `values`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

from jinja2 import Undefined, nodes
from jinja2.exceptions import TemplateSyntaxError
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.workflow.problems import WorkflowError
from core.workflow.template_sandbox import Sandbox

_TOO_DEEP = "The template is nested too deeply."


class TemplateSyntax(WorkflowError):
    """A template's text cannot be parsed. lineno: 1-based line inside the template."""

    code = "template_syntax"

    def __init__(self, message: str, lineno: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.lineno = lineno


@dataclass(frozen=True, slots=True)
class Reference:
    """A name that a template reads from outside, with the fixed keys and indexes behind it: `classify`, ("text",)."""

    root: str
    path: tuple[str | int, ...] = ()


class Absent(Undefined):
    """A value that is not there: false in `or` and `default`, an error wherever it would be shown or used."""

    __slots__ = ()

    def __str__(self) -> str:
        return str(self._fail_with_undefined_error())

    __iter__ = __len__ = __add__ = __radd__ = __mul__ = Undefined._fail_with_undefined_error


class Skipped(Absent):
    """The output of a step that was skipped: as Absent, and so is everything in it."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Skipped:
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __getitem__(self, key: object) -> Skipped:  # type: ignore[override]  # jinja2's class refuses every key
        return self


@cache
def environment() -> ImmutableSandboxedEnvironment:
    """The sandbox that every template of every document is parsed and evaluated in."""
    return Sandbox(Absent)


@lru_cache(maxsize=4096)
def parse(text: str) -> nodes.Template:
    """The template's syntax tree. Raises TemplateSyntax."""
    try:
        return environment().parse(text)
    except TemplateSyntaxError as error:
        raise _syntax(error, text) from None
    except RecursionError:
        raise TemplateSyntax(_TOO_DEEP) from None
    except ValueError:
        raise TemplateSyntax("A number in the template has too many digits.") from None


@lru_cache(maxsize=4096)
def references(text: str) -> frozenset[Reference]:
    """Everything that a template reads from outside. Raises TemplateSyntax."""
    tree = parse(text)
    try:
        free = find_undeclared_variables(tree) - set(environment().globals)
    except TemplateSyntaxError as error:  # an unknown filter or test
        raise _syntax(error, text) from None
    except RecursionError:
        raise TemplateSyntax(_TOO_DEEP) from None
    return frozenset(reference for reference in _chains(tree) if reference.root in free)


@lru_cache(maxsize=4096)
def single_expression(text: str) -> str | None:
    """The expression of a template that is one `{{ … }}` and white space around it, else None."""
    stripped = text.strip()
    if not (stripped.startswith("{{") and stripped.endswith("}}")):
        return None
    try:
        tokens = list(environment().lex(stripped))
    except TemplateSyntaxError as error:
        raise _syntax(error, text) from None
    kinds = [kind for _, kind, _ in tokens]
    if kinds.count("variable_begin") != 1 or kinds[0] != "variable_begin" or kinds[-1] != "variable_end":
        return None
    return "".join(value for _, _, value in tokens[1:-1])


def _chains(node: nodes.Node) -> Iterator[Reference]:
    """The longest fixed chains of attribute and item reads, each from its outermost node."""
    chain = _chain(node)
    if chain is not None:
        yield chain
        return
    for child in node.iter_child_nodes():
        yield from _chains(child)


def _chain(node: nodes.Node) -> Reference | None:
    keys: list[str | int] = []
    while True:
        match node:
            case nodes.Name(ctx="load"):
                return Reference(node.name, tuple(reversed(keys)))
            case nodes.Getattr():
                keys.append(node.attr)
                node = node.node
            case nodes.Getitem(arg=nodes.Const(value=str() | int() as key)):
                keys.append(key)
                node = node.node
            case _:
                return None


def _syntax(error: TemplateSyntaxError, text: str) -> TemplateSyntax:
    """What the parser says of a text, as a sentence; in words of ours where the text just ends too early."""
    said = (error.message or "the template cannot be parsed").strip()
    if said.lower().replace("'", "").startswith("unexpected end of template") and "following tags" not in said:
        said = f"“{max('{{', '{%', key=text.rfind)}” is not closed"
    return TemplateSyntax(said[:1].upper() + said[1:] + ("" if said.endswith((".", "!", "?")) else "."), error.lineno)
