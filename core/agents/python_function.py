"""Python functions of installed packages as functions of an agent, named `module:function`.

    from core.agents.python_function import offered

    @offered(effect="reads", outward=False, untrusted=False)
    def stock(article: str, warehouse: int = 1) -> int:
        '''How many of an article a warehouse has.'''

Without `offered` everything is assumed of a function: that it changes something, carries data out, and brings foreign
text in. Parameters come from its signature, descriptions from its docstring.
"""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError, create_model
from pydantic.errors import PydanticSchemaGenerationError

from core.agents.agent import Function
from core.agents.errors import FunctionError
from core.agents.functions import CallContext, CallResult, FunctionFacts, effective_policy
from core.engine.step_type import Effect
from core.steps.parts.text import clean
from core.workflow.model import Json

F = TypeVar("F", bound=Callable[..., Any])

_MARK: Final = "steploom_function"


@dataclass(frozen=True, slots=True)
class Declared:
    """What a function says of itself, as in FunctionFacts. idempotent: calling it twice is as calling it once."""

    effect: Effect = "writes"
    outward: bool = True
    untrusted: bool = True
    idempotent: bool = False


def offered(
    *, effect: Effect = "writes", outward: bool = True, untrusted: bool = True, idempotent: bool = False
) -> Callable[[F], F]:
    """Say what calling a function does, so that agents ask no more often than needed."""

    def mark(function: F) -> F:
        setattr(function, _MARK, Declared(effect, outward, untrusted, idempotent))
        return function

    return mark


class PythonFunction:
    """Calls a Python function, one that is not `async` in a thread."""

    def __init__(self, facts: FunctionFacts, function: Callable[..., Any]) -> None:
        self.facts = facts
        self._function = function

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """Call it; what it returns has to be a JSON value, or something pydantic makes one of."""
        try:
            given = _model(self._function)(**arguments)
        except ValidationError as error:
            raise FunctionError(_in_words(error), kind="validation") from None
        values = {name: getattr(given, name) for name in type(given).model_fields}
        value = await self._called(values)
        try:
            return CallResult(clean(TypeAdapter(Any).dump_python(value, mode="json")))
        except Exception as error:  # noqa: BLE001 - pydantic raises several kinds for what it cannot turn into JSON
            raise FunctionError(
                f"{self.facts.source} gave a {type(value).__name__}, which is no JSON value: {error}", kind="code"
            ) from None

    async def _called(self, values: Mapping[str, Any]) -> Any:
        if inspect.iscoroutinefunction(self._function):
            return await self._function(**values)
        context = contextvars.copy_context()
        return await asyncio.to_thread(context.run, lambda: self._function(**values))


def python_function(function: Function) -> PythonFunction:
    """The function. Raises FunctionError if it cannot be found or its parameters are no JSON."""
    found = _found(function.target)
    declared: Declared = getattr(found, _MARK, Declared())
    facts = FunctionFacts(
        name=function.name,
        description=function.description or inspect.getdoc(found) or "",
        kind="python",
        source=function.target,
        parameters=function.parameters if function.parameters is not None else _schema(found, function.target),
        effect=declared.effect,
        policy=effective_policy(function.policy, declared.effect),
        parallel=function.parallel,
        untrusted=declared.untrusted,
        outward=declared.outward,
        resumable=declared.idempotent,
        timeout=function.timeout_s,
    )
    return PythonFunction(facts, found)


def _found(target: str) -> Callable[..., Any]:
    module_name, colon, path = target.partition(":")
    if not colon or not module_name or not path:
        raise FunctionError(f"{target!r} names no Python function. Write module:function.", kind="not_found")
    try:
        found: Any = importlib.import_module(module_name)
        for name in path.split("."):
            found = getattr(found, name)
    except ImportError as error:
        raise FunctionError(f"The module {module_name!r} cannot be imported: {error}.", kind="not_found") from None
    except AttributeError:
        raise FunctionError(f"The module {module_name!r} has no {path!r}.", kind="not_found") from None
    except Exception as error:  # noqa: BLE001 - importing runs anybody's code
        raise FunctionError(f"Importing {module_name!r} failed: {type(error).__name__}: {error}") from None
    if not callable(found):
        raise FunctionError(f"{target!r} is a {type(found).__name__}, not a function.", kind="not_found")
    return found  # type: ignore[no-any-return]  # callable, as was just seen


def _model(function: Callable[..., Any]) -> Any:
    """A pydantic model of the function's parameters."""
    fields: dict[str, Any] = {}
    hints = inspect.get_annotations(function, eval_str=True)
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            continue
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[name] = (hints.get(name, Any), default)
    return create_model("Arguments", __config__=ConfigDict(extra="forbid", arbitrary_types_allowed=False), **fields)


def _schema(function: Callable[..., Any], target: str) -> dict[str, Json]:
    try:
        schema: dict[str, Json] = _model(function).model_json_schema()
    except (PydanticUserError, PydanticSchemaGenerationError, NameError, TypeError, ValueError) as error:
        raise FunctionError(
            f"The parameters of {target} cannot be described: {error}. Write their JSON Schema, or annotate them."
        ) from None
    schema.pop("title", None)
    return schema


def _in_words(error: ValidationError) -> str:
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors(include_url=False))
