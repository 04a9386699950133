"""Open documents for the tests of the panels."""

from __future__ import annotations

from collections.abc import Mapping

from core.workflow.model import Json, Step, Workflow
from desktop.document import OpenDocument


def triage(config: Mapping[str, Json] | None = None) -> OpenDocument:
    """A document of three chats: `classify`, then `reply` with the given config, and `aside` without wires."""
    filled: Mapping[str, Json] = {"prompt": "Hi"} if config is None else config
    reply = Step("reply", "chat", "Draft the answer", filled)
    return OpenDocument(
        Workflow(
            "Triage",
            inputs={"ticket": {"type": "string"}},
            variables={"tone": {"type": "string", "default": "friendly"}},
            steps={
                "classify": Step("classify", "chat", config={"prompt": "{{ input.ticket }}"}, then={"out": ("reply",)}),
                "reply": reply,
                "aside": Step("aside", "chat", config={"prompt": "Hi"}),
            },
            outputs={"answer": "{{ reply.text }}"},
        )
    )


def document_of(type_name: str, config: Mapping[str, Json] | None = None) -> OpenDocument:
    """A document of one step, `it`, of a type."""
    step = Step("it", type_name, config=dict(config or {}))
    return OpenDocument(Workflow("One step", steps={"it": step}))
