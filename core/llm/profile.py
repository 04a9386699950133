"""Which kind of model server an address belongs to, and what may be sent to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

ServerKind: TypeAlias = Literal["openrouter", "ollama", "lmstudio", "llamacpp", "vllm", "generic"]
"""The servers whose habits are known; `generic` is any other that speaks chat completions."""

OPENROUTER_URL = "https://openrouter.ai/api/v1"
"""Where OpenRouter's API lives."""


@dataclass(frozen=True, slots=True)
class ServerProfile:
    """What a server understands.

    routing: OpenRouter's own fields (models, provider, plugins, session_id, reasoning) and message parts.
    needs_key: whether a request without a key is pointless. prices: whether answers carry a cost in US dollars.
    output_limit: the field for the most output tokens. pictures: the path that makes pictures.
    start_hint: what a person does when nothing answers at the address.
    """

    kind: ServerKind
    title: str
    routing: bool = False
    needs_key: bool = False
    prices: bool = False
    output_limit: str = "max_tokens"
    pictures: str = "/images/generations"
    start_hint: str = "Check the address in the settings and that the server is running."


PROFILES: Mapping[ServerKind, ServerProfile] = MappingProxyType(
    {
        "openrouter": ServerProfile(
            "openrouter",
            "OpenRouter",
            routing=True,
            needs_key=True,
            prices=True,
            output_limit="max_completion_tokens",
            pictures="/images",
            start_hint="Check the internet connection, then try again.",
        ),
        "ollama": ServerProfile("ollama", "Ollama", start_hint="Start it with `ollama serve`, then try again."),
        "lmstudio": ServerProfile(
            "lmstudio", "LM Studio", start_hint="Start its server in the Developer tab, then try again."
        ),
        "llamacpp": ServerProfile("llamacpp", "llama.cpp", start_hint="Start `llama-server`, then try again."),
        "vllm": ServerProfile("vllm", "vLLM", start_hint="Start it with `vllm serve MODEL`, then try again."),
        "generic": ServerProfile("generic", "The model server"),
    }
)
"""The known servers."""

USUAL_PORTS: Mapping[int, ServerKind] = MappingProxyType(
    {11434: "ollama", 1234: "lmstudio", 8080: "llamacpp", 8000: "vllm"}
)
"""The ports on which local servers listen unless told otherwise."""

LOOPBACK_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
"""Hosts that mean this machine; no proxy stands before them."""


def is_openrouter(base_url: str) -> bool:
    """Whether the address is OpenRouter's own."""
    host = urlsplit(base_url).hostname or ""
    return host == "openrouter.ai" or host.endswith(".openrouter.ai")


def is_loopback(base_url: str) -> bool:
    """Whether the address is on this machine."""
    return (urlsplit(base_url).hostname or "") in LOOPBACK_HOSTS


def profile_by_address(base_url: str) -> ServerProfile:
    """The best guess from the address alone."""
    if is_openrouter(base_url):
        return PROFILES["openrouter"]
    parts = urlsplit(base_url)
    return PROFILES[USUAL_PORTS.get(parts.port or 0, "generic")]


def profile_by_models(entries: Sequence[Mapping[str, Any]], guess: ServerProfile) -> ServerProfile:
    """The profile that a server's own list of models speaks for; the guess if it says nothing.

    entries: the objects under `data` of GET /models.
    """
    for entry in entries:
        kind = _kind_of_entry(entry)
        if kind is not None:
            return PROFILES[kind]
    return guess


def _kind_of_entry(entry: Mapping[str, Any]) -> ServerKind | None:
    if "pricing" in entry and "architecture" in entry:
        return "openrouter"
    meta = entry.get("meta")
    owner = str(entry.get("owned_by", "")).lower()
    if owner == "llamacpp" or (isinstance(meta, Mapping) and "n_ctx" in meta):
        return "llamacpp"
    if owner == "vllm" or "max_model_len" in entry:
        return "vllm"
    if owner in ("organization_owner", "organization-owner"):
        return "lmstudio"
    return "ollama" if owner == "library" else None
