"""Which models a run asks, and which cheaper ones can do the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.services import WorkflowSource
from core.engine.step_type import is_template
from core.llm.catalogue import ModelInfo
from core.workflow.model import Json, Workflow

AgentModel: TypeAlias = Callable[[str], Awaitable[str]]
"""Gives the model of an agent by the agent's name, '' for the default or an agent that is not there. Never fails."""

OFFERED: Final = 6
"""Cheaper models that a person is offered, at most."""

MOST_SHARE: Final = 0.8
"""A model is offered if it costs at most this part of the one that it stands in for."""

WIDE_CONTEXT: Final = 128_000
"""Tokens that a model must take in to stand in for one that takes in more."""

DEEPEST: Final = 5
"""So far down workflows are looked for in workflows."""

_ABILITIES: Final = ("tools", "structured_outputs", "reasoning")


@dataclass(frozen=True, slots=True)
class Offer:
    """A model that can stand in for a dearer one. share: its price by the other's, for tokens as the run has used."""

    model: ModelInfo
    share: float


def price(model: ModelInfo, spent: Usage) -> float | None:
    """US dollars for tokens in the relation in which those were used, three in for one out if none; None if unknown."""
    if model.price_in is None or model.price_out is None:
        return None
    tokens_in, tokens_out = (spent.tokens_in, spent.tokens_out) if spent.tokens else (3, 1)
    return model.price_in * tokens_in + model.price_out * tokens_out


def can_stand_in(model: ModelInfo, other: ModelInfo) -> bool:
    """Whether a model takes and gives all that another does, calls functions and fills in schemas like it."""
    room = min(other.context or 0, WIDE_CONTEXT)
    return (
        set(other.input_modalities) <= set(model.input_modalities)
        and set(other.output_modalities) <= set(model.output_modalities)
        and (model.context or 0) >= room
        and all(model.supports(ability) or not other.supports(ability) for ability in _ABILITIES)
    )


def cheaper(
    models: Sequence[ModelInfo], used: Sequence[ModelInfo], spent: Usage
) -> tuple[ModelInfo, list[Offer]] | None:
    """The dearest of the models that are used, and what could stand in for it: the dearest of those first.

    An offered model can stand in for every used one that is dearer than itself. Half of the offers, if there are
    enough, are of the same maker, each the newest there is. None if none of the used models has a price.
    """
    priced = [(cost, each) for each in used if (cost := price(each, spent))]
    if not priced:
        return None
    most, dearest = max(priced, key=lambda entry: entry[0])

    def fits(model: ModelInfo) -> bool:
        cost = price(model, spent)
        return (
            cost is not None
            and 0 < cost <= MOST_SHARE * most
            and not model.makes_pictures
            and not model.expires
            and ":" not in model.id
            and all(can_stand_in(model, other) for own, other in priced if own > cost)
        )

    found = sorted(filter(fits, models), key=lambda model: -model.created)
    own = [each for each in found if _maker(each) == _maker(dearest)]
    others: dict[str, ModelInfo] = {}
    for each in found:
        if each not in own:
            others.setdefault(_maker(each), each)
    chosen = [*own[: max(OFFERED // 2, OFFERED - len(others))], *others.values()][:OFFERED]
    offers = [Offer(each, (price(each, spent) or 0.0) / most) for each in chosen]
    return dearest, sorted(offers, key=lambda offer: -offer.share)


async def models_of(
    workflow: Workflow, *, default: str, agent_model: AgentModel, workflows: WorkflowSource | None = None,
    origin: str = "",
) -> list[str]:  # fmt: skip
    """The chat models that a workflow names, also those of its agents and of workflows in it. default: for ''.

    A model or agent that a template names is left out, for only the run knows it.
    """
    found: dict[str, None] = {}
    await _gather(workflow, origin, found, default, agent_model, workflows, 0)
    return list(found)


async def _gather(
    workflow: Workflow, origin: str, found: dict[str, None], default: str, agent_model: AgentModel,
    workflows: WorkflowSource | None, depth: int,
) -> None:  # fmt: skip
    for kind, name in _named(workflow):
        if kind == "model":
            found[name or default] = None
        elif kind == "agent":
            found[await agent_model(name) or default] = None
        elif workflows is not None and depth < DEEPEST:
            try:
                inner = await workflows.get(name, origin)
            except StepError:
                continue  # the step that runs it will say so
            await _gather(inner, origin, found, default, agent_model, workflows, depth + 1)


def _named(workflow: Workflow) -> Iterator[tuple[str, str]]:
    """What its steps ask: a `model`, an `agent` or a `workflow`, by name."""
    for _, step in workflow.walk():
        if step.disabled:
            continue
        field = {"chat": "model", "agent": "agent", "workflow": "workflow"}.get(step.type, "")
        name: Json = step.config.get(field, "")
        if field and isinstance(name, str) and not is_template(name) and (name or field == "model"):
            yield field, name


def _maker(model: ModelInfo) -> str:
    return model.id.partition("/")[0]
