"""What a client of OpenAI's API wishes of an answer, and what the functions gave that it carried out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from core.agents.agent import Agent
from core.agents.function_set import TAKEN
from core.agents.functions import FunctionFacts
from core.agents.limits import spent_in, turn_of
from core.agents.pending import KIND
from core.agents.terms import ANY, ASKERS, Terms, askers_facts
from core.engine.events import Usage
from core.service.http.errors import ApiError
from core.service.http.openai_history import CLIENT_LABEL
from core.service.http.openai_models import ChatCompletion, NamedTool, WireMessage
from core.service.http.parts import ServiceParts
from core.store.conversation_records import FunctionCall
from core.store.errors import CallNotFound, ConversationNotFound
from core.workflow.model import Json
from core.workflow.schemas import schema_flaw


def terms_of(wish: ChatCompletion, agent: Agent | None) -> Terms:
    """The terms of a request. agent: that is asked; None for a workflow. Raises ApiError for what cannot be met."""
    if wish.functions:
        raise ApiError(400, "tools", "`functions` is of old. Send `tools`.", param="tools")
    if wish.tools and agent is None:
        text = "A workflow has steps of its own and calls nothing else. Leave `tools` out, or ask an agent."
        raise ApiError(400, "tools", text, param="tools")
    offered = () if agent is None or wish.tool_choice == "none" else _functions(wish, agent)
    limits = [most for most in (wish.max_completion_tokens, wish.max_tokens) if most is not None]
    return Terms(
        temperature=wish.temperature,
        top_p=wish.top_p,
        max_tokens=limits[0] if limits else None,
        effort=wish.reasoning_effort or "",
        stop=(wish.stop,) if isinstance(wish.stop, str) else tuple(wish.stop or ()),
        seed=wish.seed,
        schema=_schema(wish),
        functions=offered,
        must_call=_must_call(wish, offered),
    )


def _functions(wish: ChatCompletion, agent: Agent) -> tuple[FunctionFacts, ...]:
    own = TAKEN | {function.name for function in agent.functions if function.enabled}
    found: dict[str, FunctionFacts] = {}
    for tool in wish.tools or ():
        name, parameters = tool.function.name, tool.function.parameters
        if name in own or name in found:
            whose = f"{agent.name} has a function of its own" if name in own else "There are two functions"
            raise ApiError(400, "tools", f"{whose} named {name!r}. Give yours another name.", param="tools")
        if parameters and (flaw := schema_flaw(parameters)):
            raise ApiError(400, "tools", f"The parameters of {name!r} are no JSON Schema: {flaw}", param="tools")
        found[name] = askers_facts(name, tool.function.description or "", {"type": "object", **(parameters or {})})
    return tuple(found.values())


def _must_call(wish: ChatCompletion, offered: Sequence[FunctionFacts]) -> str:
    choice = wish.tool_choice
    if choice in (None, "auto", "none"):
        return ""
    name = choice.function.name if isinstance(choice, NamedTool) else ""
    if not offered or (name and name not in {facts.name for facts in offered}):
        text = f"`tool_choice` asks for {f'the function {name!r}' if name else 'a function'}, which is not in `tools`."
        raise ApiError(400, "tool_choice", f"{text} Offer it there, or leave `tool_choice` out.", param="tool_choice")
    return name or ANY


def _schema(wish: ChatCompletion) -> Mapping[str, Json] | None:
    form = wish.response_format
    if form is None or form.type != "json_schema":
        return None
    schema = form.json_schema.schema_ if form.json_schema is not None else None
    flaw = "it is missing" if schema is None else schema_flaw(schema)
    if flaw:
        text = f"The `schema` of `response_format` is no JSON Schema: {flaw}"
        raise ApiError(400, "response_format", text, param="response_format")
    return schema


def handed_in(messages: Sequence[WireMessage]) -> dict[str, str]:
    """What the calls gave that the client carried out since the last answer, by their ids; empty if it says something
    else. Raises ApiError for a result without an id."""
    found: dict[str, str] = {}
    for message in reversed(messages):
        if message.role != "tool":
            break
        if not message.tool_call_id:
            raise ApiError(400, "messages", "A message of the role `tool` needs its `tool_call_id`.", param="messages")
        found.setdefault(message.tool_call_id, message.text)
    return dict(reversed(found.items()))


@dataclass(frozen=True, slots=True)
class TakenUp:
    """A conversation that goes on with what the client's calls gave. before: what its turn had cost until then."""

    conversation_id: UUID
    calls: tuple[FunctionCall, ...]
    before: Usage

    def offered(self, terms: Terms) -> Terms:
        """The terms with the functions of the calls, should the client not offer them any more."""
        known = {facts.name for facts in terms.functions}
        missing = {call.name: askers_facts(call.name) for call in self.calls if call.name not in known}
        return replace(terms, functions=(*terms.functions, *missing.values()))


async def taken_up(parts: ServiceParts, results: Mapping[str, str], caller: str, agent_id: UUID | None) -> TakenUp:
    """The conversation whose calls gave these results: the caller's own with that agent, whichever process answered
    before. Raises ApiError if there is none, or if a call of the same answer has no result.
    """
    unknown = "A `tool_call_id` is of no call that this token was asked for. Send those of the last answer."
    refused = ApiError(400, "tool_call_id", unknown, param="messages")
    try:
        conversation = await parts.conversations.get(await parts.conversations.of_call(next(iter(results))))
    except (ConversationNotFound, CallNotFound):
        raise refused from None
    if conversation.labels.get(CLIENT_LABEL) != caller or conversation.agent_id != agent_id:
        raise refused
    page = await parts.conversations.page(conversation.id)
    at = next((i for i, m in enumerate(page.messages) if any(call.id in results for call in m.calls)), None)
    if at is None:
        raise refused
    clients = {call.id: call for call in page.messages[at].calls if _is_clients(call)}
    if not results.keys() <= clients.keys():
        raise refused
    if missing := [call.name for call in clients.values() if call.id not in results]:
        text = f"Every call needs its result, in a message of the role `tool`: {', '.join(missing)} has none."
        raise ApiError(400, "tool_call_id", text, param="messages")
    before = spent_in(turn_of(page.messages[: at + 1])).usage
    return TakenUp(conversation.id, tuple(clients.values()), before)


def _is_clients(call: FunctionCall) -> bool:
    """Whether a call waits for the client, or was carried out by it."""
    return call.status in ("waiting", "approved", "started", "completed") and call.state.get(KIND) == ASKERS


def wire_calls(calls: Sequence[FunctionCall]) -> list[dict[str, Json]]:
    """Calls as OpenAI's API tells of them."""
    return [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.raw or json.dumps(call.arguments or {})},
        }
        for call in calls
    ]
