"""What whoever asks wants of one answer, beside what the agent is: how the model samples, a form, functions of its own.

A program that talks to an agent may offer functions which it carries out itself. Their calls are proposed, decided and
kept like all others; they wait until the program hands in what they gave, in whatever process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from core.agents.agent import Agent, ModelChoice
from core.agents.errors import CallWaits, ChatError
from core.agents.functions import CallableFunction, CallContext, CallResult, FunctionFacts, FunctionSource
from core.agents.pending import ANSWER, RESULT
from core.workflow.model import Json

ASKERS: Final = "asker"
"""The kind of functions that whoever asks carries out."""

ANY: Final = "required"
"""Stands for the name of whichever function must be called."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is wished of an answer. None, '' and () leave it to the agent.

    temperature, top_p, max_tokens, effort, stop, seed: as in ChatRequest; max_tokens only lowers the agent's. schema:
    of the answer. functions: that whoever asks carries out. must_call: the one that is called first, or ANY.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    effort: str = ""
    stop: tuple[str, ...] = ()
    seed: int | None = None
    schema: Mapping[str, Json] | None = None
    functions: tuple[FunctionFacts, ...] = ()
    must_call: str = ""

    def choice(self, model: ModelChoice) -> ModelChoice:
        """The agent's model and settings with what is wished of them."""
        limits = [most for most in (model.max_tokens, self.max_tokens) if most is not None]
        return replace(
            model,
            temperature=model.temperature if self.temperature is None else self.temperature,
            top_p=model.top_p if self.top_p is None else self.top_p,
            max_tokens=min(limits, default=None),
            effort=self.effort or model.effort,
        )


NO_TERMS: Final = Terms()


def askers_facts(name: str, description: str = "", parameters: Mapping[str, Json] | None = None) -> FunctionFacts:
    """A function that whoever asks carries out. parameters: JSON Schema of an object, None for any."""
    known: Mapping[str, Json] = {"type": "object"} if parameters is None else parameters
    return FunctionFacts(name, description, kind=ASKERS, parameters=known, parallel=True, untrusted=True)


class AskersFunction:
    """Waits for what whoever asks hands in."""

    def __init__(self, facts: FunctionFacts) -> None:
        self.facts = facts

    async def call(self, arguments: Mapping[str, Json], context: CallContext) -> CallResult:
        """What was handed in. Raises CallWaits until then."""
        answer = context.call.state.get(ANSWER)
        if isinstance(answer, dict) and RESULT in answer:
            return CallResult(answer[RESULT])
        raise CallWaits(f"The program that asked has to carry out {self.facts.name}.", kind="asker")


class WithAskers:
    """A FunctionSource with the functions of whoever asks besides. Agents that work for the asked one have none."""

    def __init__(self, source: FunctionSource, functions: Sequence[FunctionFacts]) -> None:
        self._source = source
        self._own = [AskersFunction(facts) for facts in functions]

    async def functions_of(self, agent: Agent, depth: int) -> Sequence[CallableFunction]:
        """As the protocol says. Raises ChatError for a name that the agent has given away already."""
        known = await self._source.functions_of(agent, depth)
        taken = {function.facts.name for function in known}
        for each in self._own:
            if each.facts.name in taken:
                raise ChatError(f"{agent.name} has a function {each.facts.name!r} already. Give yours another name.")
        return [*known, *self._own]
