"""What the OpenRouter stand-in answers when it is not told otherwise: a small, well-behaved OpenRouter."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from collections.abc import Mapping
from typing import Any

from tests.support.openrouter_replies import (
    Reply,
    completion,
    error_reply,
    image_events,
    json_reply,
    text_stream,
    usage,
)

KEY = "sk-or-v1-" + "0123456789abcdef" * 4
CHAT_PARAMETERS = [
    "max_tokens", "temperature", "top_p", "stop", "seed", "tools", "tool_choice", "response_format",
    "structured_outputs", "reasoning",
]  # fmt: skip


def model_entry(
    id: str,
    *,
    outputs: list[str] | None = None,
    inputs: list[str] | None = None,
    parameters: list[str] | None = None,
    prompt: str = "0.00000025",
    completion: str = "0.000002",
) -> dict[str, Any]:
    """A model as GET /models describes it."""
    return {
        "id": id,
        "canonical_slug": id,
        "name": id.partition("/")[2].title(),
        "created": 1754000000,
        "description": f"The model {id}.",
        "context_length": 400000,
        "architecture": {
            "modality": "text->text",
            "input_modalities": inputs or ["text", "image"],
            "output_modalities": outputs or ["text"],
            "tokenizer": "GPT",
            "instruct_type": None,
        },
        "pricing": {"prompt": prompt, "completion": completion, "request": "0", "input_cache_read": "0.000000025"},
        "top_provider": {"context_length": 400000, "max_completion_tokens": 128000, "is_moderated": True},
        "per_request_limits": None,
        "supported_parameters": CHAT_PARAMETERS if parameters is None else parameters,
        "supported_voices": None,
        "default_parameters": {"temperature": None, "top_p": None, "frequency_penalty": None},
        "expiration_date": None,
        "links": {"details": f"/api/v1/models/{id}/endpoints"},
    }


MODELS = (
    model_entry("openai/gpt-5-mini"),
    model_entry("anthropic/claude-sonnet-4.5"),
    model_entry("test/model"),
    model_entry("test/free:free", prompt="0", completion="0"),
    model_entry("test/plain", parameters=["max_tokens", "temperature"]),
    model_entry("test/varies", prompt="-1", completion="-1"),
    model_entry("google/gemini-image", outputs=["image", "text"]),
    model_entry("openai/text-embedding-3-small", outputs=["embeddings"], parameters=[]),
)

IMAGE_MODELS = (
    {
        "id": "bytedance-seed/seedream-4.5",
        "name": "Seedream",
        "created": 1754000000,
        "description": "Makes pictures.",
        "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["image"]},
        "supported_parameters": {"n": {"type": "range", "min": 1, "max": 10}},
        "supports_streaming": False,
        "endpoints": "/api/v1/images/models/bytedance-seed/seedream-4.5/endpoints",
    },
)


def tiny_png(shade: int = 0) -> bytes:
    """A picture of one pixel."""

    def part(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + part(b"IHDR", head)
        + part(b"IDAT", zlib.compress(bytes([0, shade])))
        + part(b"IEND", b"")
    )


def chat(body: Mapping[str, Any]) -> Reply:
    """An echo of the last user message, streamed if asked for."""
    said = next((_text(m.get("content")) for m in reversed(body.get("messages", [])) if m.get("role") == "user"), "")
    model = str(body.get("model", ""))
    if "image" in body.get("modalities", []):
        url = f"data:image/png;base64,{base64.b64encode(tiny_png()).decode()}"
        images = [{"type": "image_url", "image_url": {"url": url}}]
        return json_reply(completion(f"You said: {said}", model=model, images=images))
    text = "{}" if body.get("response_format", {}).get("type") == "json_schema" else f"You said: {said}"
    return text_stream(text, model=model) if body.get("stream") else json_reply(completion(text, model=model))


def embeddings(body: Mapping[str, Any]) -> Reply:
    """Small vectors that follow from the texts, as numbers or base64."""
    texts = body["input"] if isinstance(body["input"], list) else [body["input"]]
    size = body.get("dimensions") or 8
    data: list[dict[str, Any]] = []
    for index, text in enumerate(texts):
        seed = hashlib.sha256(text.encode()).digest()
        numbers: Any = [(seed[n % 32] - 128) / 128 for n in range(size)]
        if body.get("encoding_format") == "base64":
            numbers = base64.b64encode(struct.pack(f"<{size}f", *numbers)).decode()
        data.append({"object": "embedding", "index": index, "embedding": numbers})
    tokens = sum(len(text.split()) for text in texts)
    counts = {"prompt_tokens": tokens, "total_tokens": tokens, "cost": tokens * 2e-8}
    return json_reply({"object": "list", "data": data, "model": body["model"], "usage": counts, "id": "gen-emb-1"})


def images(body: Mapping[str, Any]) -> Reply:
    """Pictures of one pixel; as events if asked for and the model can."""
    listed = {model["id"] for model in IMAGE_MODELS} | {"openai/gpt-image"}
    if body.get("model") not in listed:
        return error_reply(404, f"No image model {body.get('model')}", "not_found")
    pictures = [base64.b64encode(tiny_png(n)).decode() for n in range(body.get("n", 1))]
    if body.get("stream") and body["model"] == "openai/gpt-image":
        return image_events(pictures)
    data = [{"b64_json": picture, "media_type": "image/png"} for picture in pictures]
    return json_reply({"created": 1748372400, "data": data, "usage": usage(0, 4175, 0.04)})


def models(query: Mapping[str, str]) -> Reply:
    """The list; only text models unless others are asked for, as OpenRouter does."""
    wanted = query.get("output_modalities", "text")
    found = [m for m in MODELS if wanted == "all" or wanted in m["architecture"]["output_modalities"]]
    start, count = int(query.get("offset") or 0), int(query.get("limit") or 1000)
    page = found[start : start + count]
    return json_reply({"data": page, "links": {"next": None}, "total_count": len(found)})


def key() -> Reply:
    """What is known of the key."""
    numbers = {
        f"{kind}{span}": 0.0 for kind in ("usage", "byok_usage") for span in ("", "_daily", "_weekly", "_monthly")
    }
    data = {
        **numbers,
        "label": "sk-or-v1-012...def",
        "limit": 100,
        "limit_remaining": 74.5,
        "limit_reset": "monthly",
        "usage": 25.5,
        "is_free_tier": False,
        "is_management_key": False,
        "is_provisioning_key": False,
        "include_byok_in_limit": False,
        "expires_at": "2027-12-31T23:59:59Z",
        "creator_user_id": "user_1",
        "organization_id": None,
        "workspace_id": None,
        "allowed_data_regions": ["global"],
        "budgets": [],
        "effective_budget": None,
        "free_model_daily_requests": {"limit": 1000, "used": 12, "remaining": 988},
        "rate_limit": {"requests": -1, "interval": "10s", "note": "deprecated"},
    }
    return json_reply({"data": data})


def generation(query: Mapping[str, str]) -> Reply:
    """What an answer cost."""
    if not query.get("id"):
        return error_reply(400, "id is required", "invalid_request")
    counts = {"native_tokens_prompt": 21, "native_tokens_completion": 7, "total_cost": 0.0003, "cancelled": True}
    return json_reply({"data": {"id": query["id"], **counts}})


def _text(content: Any) -> str:
    if isinstance(content, list):
        return " ".join(part.get("text", "") for part in content if part.get("type") == "text")
    return content if isinstance(content, str) else json.dumps(content)
