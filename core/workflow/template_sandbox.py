"""The sandbox of templates: nothing reaches Python objects, and no template takes the program's memory or its time.

A template runs in the program's own process, on the loop of all its runs, and nothing can interrupt one operation of
Python. So each operation that makes something is bounded before it does, and all of them together have a budget.
Nothing is reckoned while a template is only read, constants neither: documents of strangers are read as they open.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from typing import Any, Final

from jinja2 import Undefined, nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment

MAX_TEXT: Final = 16 * 1024 * 1024
"""The longest text that a template, or anything in it, may give, in characters."""

MAX_REPEAT: Final = 1_000_000
"""The longest text or list that `*` may make inside a template, and the largest width, in characters or items."""

MAX_ITEMS: Final = 4_000_000
"""The longest list that `+` may make inside a template."""

MAX_EXPONENT: Final = 1_000
"""The largest exponent of `**` inside a template."""

MAX_BITS: Final = 65_536
"""The longest whole number that a template may reckon, in bits."""

MAX_EFFORT: Final = 5_000_000
"""What one evaluation may do: a pass of a loop counts 1, a call 8, 32 characters or 2 items 1."""

_ITEM: Final = 4
_CALL: Final = 8
_TEXT_FOR_ONE: Final = 32
_WIDE_PERCENT: Final = re.compile(r"%(?:\([^)]*\))?[-+ #0-9.]*(?:[0-9]{5}|\*)")
_WIDE_BRACES: Final = re.compile(r"\{[^{}]*:[^{}]*(?:[0-9]{5}|\{)")
_PASSES, _CONCAT, _WEIGHED = " passes", " concat", " weighed"  # no filter of a template can have a name with a space
_AS_TEXT: Final = frozenset(
    {"capitalize", "center", "e", "escape", "forceescape", "indent", "lower", "replace", "safe", "string", "striptags"}
    | {"title", "trim", "truncate", "upper", "urlencode", "wordcount", "wordwrap"}
)


def weight(value: Any) -> int:
    """About how many characters a value takes as text. Raises SecurityError for more than MAX_TEXT."""
    total, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind is str:
            total += len(item)
        elif kind is dict:
            total += sum(len(str(key)) for key in item)
            waiting.extend(item.values())
        elif kind is int:
            total += item.bit_length() // 3
        elif isinstance(item, (list, tuple, set, frozenset)):
            waiting.extend(item)
        elif isinstance(item, str):
            total += len(item)
        total += _ITEM
        if total > MAX_TEXT:
            raise SecurityError(f"the text would be longer than {MAX_TEXT} characters")
    return total


class _Evaluation(Context):
    """The names of one evaluation, and what it has done so far."""

    effort = 0

    def spend(self, *values: Any) -> None:
        """Count a call with what it is given or makes. Raises SecurityError beyond MAX_EFFORT."""
        effort = _CALL
        for value in values:
            if isinstance(value, str):
                effort += len(value) // _TEXT_FOR_ONE
            elif isinstance(value, (list, tuple, dict, range)):
                effort += len(value) // 2
        self.add(effort)

    def add(self, effort: int) -> None:
        """Count so much. Raises SecurityError beyond MAX_EFFORT."""
        self.effort += effort
        if self.effort > MAX_EFFORT:
            raise SecurityError("it takes too much work. Loop over less, or do it in a code step")


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's immutable sandbox with keys before methods, and bounds on whatever can grow."""

    # All of them: an operator that is intercepted is not reckoned while the template is compiled.
    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "%", "**"})
    context_class = _Evaluation

    def __init__(self, undefined: type[Undefined]) -> None:
        super().__init__(undefined=undefined, autoescape=False, keep_trailing_newline=True, finalize=_shown)
        for name in ("lipsum", "cycler", "joiner", "namespace"):
            del self.globals[name]
        self.filters.update(tojson=_json_text, json=_json_text, fromjson=json.loads, sum=_sum)
        for name in ("xmlattr", "urlize", "pprint", "format"):
            del self.filters[name]
        for name, function in list(self.filters.items()):
            self.filters[name] = _bounded(name, function)
        self.filters |= {_PASSES: _passes, _CONCAT: _concat, _WEIGHED: _weighed}
        self.tests["in"] = _is_in

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A key of an object wins over a method of Python's dict."""
        if isinstance(obj, Mapping) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Reckon, unless the result would be out of all proportion."""
        _check_binop(operator, left, right)
        made = super().call_binop(context, operator, left, right)
        _spend(context, made)
        return made

    def call(self, context: Context, function: Any, /, *args: Any, **named: Any) -> Any:
        """Call, unless the result would be out of all proportion."""
        method = getattr(function, "__wrapped__", function)
        text = getattr(method, "__self__", None)
        if isinstance(text, str):
            args = tuple(list(one) if isinstance(one, Iterator) else one for one in args)
            _check_method(method.__name__, text, args, named)
        _spend(context, *args)
        made = super().call(context, function, *args, **named)
        _spend(context, made)
        return made

    def _generate(self, source: nodes.Template, *args: Any, **named: Any) -> str:
        _meter(source)
        return super()._generate(source, *args, **named)


def show(value: Any) -> Any:
    """How a value looks inside a text: objects and lists as JSON, nothing as the empty text."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case dict() | list() | tuple():
            weight(value)
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return value


@pass_context
def _shown(context: Context, value: Any) -> Any:
    text = value if type(value) is str else show(value)
    assert isinstance(context, _Evaluation)
    context.add(len(text) // _TEXT_FOR_ONE + 1 if isinstance(text, str) else 1)
    return text


def _spend(context: Context, *values: Any) -> None:
    assert isinstance(context, _Evaluation)
    context.spend(*values)


def _check_binop(operator: str, left: Any, right: Any) -> None:
    if operator == "**" and isinstance(right, (int, float)) and abs(right) > MAX_EXPONENT:
        raise SecurityError(f"the exponent {right} is larger than {MAX_EXPONENT}")
    if isinstance(left, int) and isinstance(right, int):
        bits = left.bit_length() * max(right, 1) if operator == "**" else left.bit_length() + right.bit_length()
        if operator in ("*", "**") and bits > MAX_BITS:
            raise SecurityError(f"the number would be longer than {MAX_BITS} bits")
    elif operator == "*":
        for sequence, times in ((left, right), (right, left)):
            sized = isinstance(sequence, (str, list, tuple)) and isinstance(times, int)
            if sized and len(sequence) * times > MAX_REPEAT:
                raise SecurityError(f"the result of * would be longer than {MAX_REPEAT}")
    elif operator == "+" and isinstance(left, (str, list, tuple)) and isinstance(right, (str, list, tuple)):
        if len(left) + len(right) > (MAX_TEXT if isinstance(left, str) else MAX_ITEMS):
            raise SecurityError("the result of + would be too long")
    elif operator == "%" and isinstance(left, str):
        _check_pattern(left, _WIDE_PERCENT, left.count("%"), right)


def _check_method(name: str, text: str, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    """Refuse a method of texts whose result would be too long."""
    match name, args:
        case (("ljust" | "rjust" | "center" | "zfill"), (int() as width, *_)):
            _check_length(width, MAX_REPEAT)
        case "expandtabs", _:
            width = next((value for value in (*args, *named.values()) if isinstance(value, int)), 8)
            _check_length(width * (text.count("\t") + 1))
        case "replace", (str() as old, str() as new, *_):
            _check_length(len(text) + text.count(old) * len(new))
        case "join", (items, *_):
            _check_length(len(text) * len(items) if hasattr(items, "__len__") else 0)
            weight(items if isinstance(items, (list, tuple)) else "")
        case (("format" | "format_map"), _):
            _check_pattern(text, _WIDE_BRACES, text.count("{"), [*args, *named.values()])
        case "translate", _:
            raise SecurityError("translate is not for templates, use replace")
        case _:
            pass


def _check_pattern(text: str, wide: re.Pattern[str], places: int, values: Any) -> None:
    """Refuse a pattern of `%` or format that asks for great widths, or repeats great values."""
    if wide.search(text):
        raise SecurityError("the pattern asks for a width that is too large or not written down")
    _check_length(len(text) + places * weight(values))


def _check_length(length: float, most: int = MAX_TEXT) -> None:
    if length > most:
        raise SecurityError(f"the text would be longer than {most} characters")


def _bounded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """A filter that counts what it does, and refuses what would be out of all proportion."""
    kind = getattr(function, "jinja_pass_arg", None)
    given = kind.name if kind is not None else ""

    @pass_context
    @wraps(function)
    def filter_(context: Context, value: Any, *args: Any, **named: Any) -> Any:
        if name == "join" and isinstance(value, Iterator):
            value = list(value)
        _check_filter(name, value, args, named)
        _spend(context, value)
        lead = {"context": (context,), "eval_context": (context.eval_ctx,), "environment": (context.environment,)}
        made = function(*lead.get(given, ()), value, *args, **named)
        _spend(context, made)
        return made

    return filter_


def _check_filter(name: str, value: Any, args: tuple[Any, ...], named: Mapping[str, Any]) -> None:
    length = weight(value) if name in _AS_TEXT else 0
    given = [*args, *named.values()]
    widths = [abs(one) for one in given if isinstance(one, (int, float))]
    match name:
        case "center" | "batch" | "slice" | "wordwrap":
            _check_length(max(widths, default=0), MAX_REPEAT)
        case "round":
            _check_length(max(widths, default=0), MAX_EXPONENT)
        case "indent":
            each = max([*widths, *(len(one) for one in given if isinstance(one, str))], default=4)
            _check_length(length + (str(value).count("\n") + 1) * each)
        case "replace":
            _check_method("replace", str(value), tuple(map(str, given)), {})
        case "join":
            _check_method("join", str(given[0]) if given else "", (value,), {})
        case _:
            pass
    if name == "wordwrap":
        _check_length(length * max((len(one) for one in given if isinstance(one, str)), default=1))


def _json_text(value: Any, indent: int | None = None) -> str:
    weight(value)
    return json.dumps(value, ensure_ascii=False, indent=min(indent, 16) if indent else None)


@pass_context
def _sum(context: Context, value: Any, attribute: str | int | None = None, start: Any = 0) -> Any:
    """The sum of the items, or of an attribute of each. start: what to begin with; [] puts lists together."""
    sandbox = context.environment
    assert isinstance(sandbox, Sandbox)
    items = value if attribute is None else sandbox.call_filter("map", value, None, {"attribute": attribute}, context)
    for item in items:
        start = sandbox.call_binop(context, "+", start, item)
    return start


@pass_context
def _is_in(context: Context, value: Any, container: Any) -> bool:
    """Whether a value is in a list, a text or an object."""
    _spend(context, container)
    return value in container


@pass_context
def _passes(context: Context, items: Any) -> Iterator[Any]:
    """The items of a loop, each counted."""
    return _counted(context, iter(items))


def _counted(context: Context, items: Iterator[Any]) -> Iterator[Any]:
    assert isinstance(context, _Evaluation)
    for item in items:
        context.add(1)
        yield item


@pass_context
def _concat(context: Context, parts: list[Any]) -> str:
    """What `~` gives."""
    weight(parts)
    made = "".join(map(str, parts))
    _spend(context, made)
    return made


@pass_context
def _weighed(context: Context, value: Any) -> Any:
    """What something is compared with, or looked for in."""
    _spend(context, value)
    return value


def _meter(template: nodes.Template) -> None:
    """Let a template that is about to be compiled count its passes, comparisons and texts."""
    for node in list(template.find_all((nodes.For, nodes.Macro, nodes.CallBlock))):
        if isinstance(node, nodes.For):
            node.iter = _through(_PASSES, node.iter)
        for out in node.find_all(nodes.Output):
            out.nodes = [_const_if_long(one) for one in out.nodes]
    for comparison in template.find_all(nodes.Compare):
        for operand in comparison.ops:
            if not isinstance(operand.expr, nodes.Const):
                operand.expr = _through(_WEIGHED, operand.expr)
    _replace_concats(template)


def _const_if_long(node: nodes.Expr) -> nodes.Expr:
    """A long fixed text inside a loop or macro as a value, which is counted each time it is given."""
    if isinstance(node, nodes.TemplateData) and len(node.data) > _TEXT_FOR_ONE:
        return nodes.Const(node.data, lineno=node.lineno)
    return node


def _replace_concats(node: nodes.Node) -> None:
    for field, value in node.iter_fields():
        if isinstance(value, nodes.Concat):
            setattr(node, field, _through(_CONCAT, nodes.List(value.nodes, lineno=value.lineno)))
        elif isinstance(value, list):
            value[:] = [
                _through(_CONCAT, nodes.List(one.nodes, lineno=one.lineno)) if isinstance(one, nodes.Concat) else one
                for one in value
            ]
    for child in node.iter_child_nodes():
        _replace_concats(child)


def _through(name: str, node: nodes.Node) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
