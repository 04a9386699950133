"""Requests in the spelling of the server that they go to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.engine.errors import StepError
from core.engine.services import ChatRequest, ImageRequest, Message
from core.llm.catalogue import ModelInfo
from core.llm.data_url import data_url, shortened
from core.llm.profile import ServerProfile
from core.llm.tool_calls import parse_arguments
from core.workflow.model import Json

_OPTIONAL = ("temperature", "top_p", "stop", "seed")
"""Parameters that a model may lack without the answer being wrong."""

_OPENROUTER_MESSAGE_FIELDS = ("reasoning", "reasoning_details", "annotations", "images", "refusal")
"""Fields of an assistant message that only OpenRouter wants back."""


def chat_body(request: ChatRequest, model: str, profile: ServerProfile, info: ModelInfo | None) -> dict[str, Any]:
    """The body of POST /chat/completions, streaming. info: what the list of models says; None if unknown.

    Raises StepError if the model is known not to do what is asked.
    """
    _check_functions(request, model, info)
    body: dict[str, Any] = {"model": model, "messages": _messages(request.messages, profile), "stream": True}
    values: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        profile.output_limit: request.max_tokens,
        "stop": list(request.stop) or None,
        "seed": request.seed,
        "modalities": list(request.modalities) or None,
        "tools": [dict(tool) for tool in request.tools] or None,
        "tool_choice": _tool_choice(request, info),
    }
    body.update({name: value for name, value in values.items() if value is not None})
    if profile.routing:
        _add_routing(body, request, model, info)
    else:
        body["stream_options"] = {"include_usage": True}
        if request.effort:
            body["reasoning_effort"] = request.effort
    if request.schema is not None:
        _add_schema(body, request, profile, info)
    return body


def image_body(request: ImageRequest, model: str, profile: ServerProfile) -> dict[str, Any]:
    """The body of the route that only makes pictures."""
    values: dict[str, Any] = {
        "model": model,
        "prompt": request.prompt,
        "n": request.count if request.count != 1 else None,
        "size": request.size or None,
        "quality": request.quality or None,
        "output_format": request.output_format or None,
        "background": request.background or None,
    }
    if profile.routing:
        values |= {
            "aspect_ratio": request.aspect_ratio or None,
            "seed": request.seed,
            "input_references": [_image_part(data_url(image)) for image in request.references] or None,
        }
    return {name: value for name, value in values.items() if value is not None}


def image_chat_body(
    request: ImageRequest, model: str, profile: ServerProfile, info: ModelInfo | None
) -> dict[str, Any]:
    """The body of a chat that answers with a picture."""
    only_pictures = info is not None and info.output_modalities == ("image",)
    parts: list[dict[str, Any]] = [{"type": "text", "text": request.prompt}]
    parts += [_image_part(data_url(image)) for image in request.references]
    chat = ChatRequest(
        messages=[{"role": "user", "content": parts}],
        modalities=("image",) if only_pictures else ("image", "text"),
        seed=request.seed,
    )
    body = chat_body(chat, model, profile, info)
    config = {"aspect_ratio": request.aspect_ratio, "image_size": request.size}
    if any(config.values()):
        body["image_config"] = {name: value for name, value in config.items() if value}
    return body


def for_journal(value: Any) -> Json:
    """The body with inline files replaced by their kind and size."""
    if isinstance(value, str):
        return shortened(value)
    if isinstance(value, Mapping):
        short = {str(name): for_journal(item) for name, item in value.items()}
        if isinstance(value.get("format"), str) and isinstance(value.get("data"), str):  # an input_audio part
            short["data"] = shortened(f"data:audio/{value['format']};base64,{value['data']}")
        return short
    if isinstance(value, list | tuple):
        return [for_journal(item) for item in value]
    return value if isinstance(value, bool | int | float | None) else str(value)


def _add_routing(body: dict[str, Any], request: ChatRequest, model: str, info: ModelInfo | None) -> None:
    if request.fallbacks:
        body["models"] = list(request.fallbacks)
    # A forced call makes Anthropic's models drop their reasoning without a word; leaving it out here shows it in
    # the journal. See the notes on tool_choice in OpenRouter's documentation of reasoning.
    forced = request.tools and request.tool_choice not in ("", "auto", "none")
    drops = forced and model.lstrip("~").startswith("anthropic/")
    if request.effort and not drops and (info is None or info.supports("reasoning") is not False):
        body["reasoning"] = {"effort": request.effort}
    if request.provider:
        body["provider"] = dict(request.provider)
    # On by default for small contexts, where it silently cuts the middle out of the prompt.
    body["plugins"] = [{"id": "context-compression", "enabled": False}]
    if request.session:
        body["session_id"] = request.session[:256]


def _add_schema(body: dict[str, Any], request: ChatRequest, profile: ServerProfile, info: ModelInfo | None) -> None:
    assert request.schema is not None
    name = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in request.schema_name)[:64]
    schema = {"name": name or "answer", "strict": True, "schema": dict(request.schema)}
    known = info.supports("structured_outputs") if profile.routing and info is not None else None
    if known is not False:
        body["response_format"] = {"type": "json_schema", "json_schema": schema}
    if known:
        body["provider"] = {**body.get("provider", {}), "require_parameters": True}
        assert info is not None
        for parameter in _OPTIONAL:  # required now, so one that the model lacks would leave no provider at all
            if info.supports(parameter) is False:
                body.pop(parameter, None)
    elif profile.routing:  # ignored by models that lack it, so the prompt says it too
        body["messages"] = _with_instruction(body["messages"], request.schema)


def _with_instruction(messages: list[Message], schema: Mapping[str, Json]) -> list[Message]:
    text = "Answer with one JSON value only, no other text, that satisfies this JSON Schema:\n" + json.dumps(
        schema, ensure_ascii=False
    )
    for n in range(len(messages) - 1, -1, -1):
        if messages[n].get("role") == "user":
            content = messages[n].get("content")
            parts = list(content) if isinstance(content, list) else [{"type": "text", "text": content or ""}]
            said = {**messages[n], "content": [*parts, {"type": "text", "text": text}]}
            return [*messages[:n], said, *messages[n + 1 :]]
    return [*messages, {"role": "user", "content": text}]


def _check_functions(request: ChatRequest, model: str, info: ModelInfo | None) -> None:
    if not request.tools or info is None:
        return
    move = "Choose a model that can: `steploom models` lists what each one does."
    if info.supports("tools") is False:
        raise StepError(f"The model {model} cannot call functions. {move}", kind="bad_request")
    if request.tool_choice not in ("", "auto", "none") and info.supports("tool_choice") is False:
        raise StepError(
            f"The model {model} cannot be made to call a function; it decides itself. Leave the choice to it, or "
            "choose another model.",
            kind="bad_request",
        )


def _tool_choice(request: ChatRequest, info: ModelInfo | None) -> Any:
    choice = request.tool_choice
    if not choice or not request.tools or (info is not None and info.supports("tool_choice") is False):
        return None
    if choice in ("none", "auto", "required"):
        return choice
    return {"type": "function", "function": {"name": choice}}


def _messages(messages: Sequence[Message], profile: ServerProfile) -> list[Message]:
    return [_message(message, profile) for message in messages]


def _message(message: Message, profile: ServerProfile) -> Message:
    sent = dict(message)
    if not profile.routing:
        for name in _OPENROUTER_MESSAGE_FIELDS:
            sent.pop(name, None)
        if isinstance(sent.get("content"), list):
            sent["content"] = [_without_cache_mark(part) for part in sent["content"]]
    if isinstance(sent.get("tool_calls"), list):
        sent["tool_calls"] = [_call_with_sound_arguments(call) for call in sent["tool_calls"]]
    return sent


def _without_cache_mark(part: Any) -> Any:
    return {k: v for k, v in part.items() if k != "cache_control"} if isinstance(part, Mapping) else part


def _call_with_sound_arguments(call: Any) -> Any:
    """Providers parse the arguments of earlier calls; broken ones would fail the whole request."""
    function = call.get("function") if isinstance(call, Mapping) else None
    if not isinstance(function, Mapping):
        return call
    arguments = function.get("arguments")
    if isinstance(arguments, str) and arguments.strip() and parse_arguments(arguments) is not None:
        return call
    return {**call, "function": {**function, "arguments": "{}"}}


def _image_part(url: str) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url}}
