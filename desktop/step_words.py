"""The names that other programs have for what our step types do: a person who comes from there finds them by those."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, str]] = {
    "agent": "assistant react tools",
    "api": "http request rest webhook fetch url curl",
    "approval": "human ask person review confirm form",
    "chat": "llm prompt completion gpt ask model",
    "code": "python script function",
    "condition": "if else branch compare filter router",
    "for_each": "loop map iterate list batch",
    "image": "picture draw paint vision",
    "note": "sticky comment remark annotation",
    "read_file": "load open document import",
    "recall": "memory search retrieve rag vector knowledge",
    "remember": "memory store knowledge",
    "repeat": "loop while until iterate",
    "set": "variable assign edit fields",
    "stop": "end abort fail exit error",
    "switch": "case route router branch",
    "template": "string format concat join jinja prompt",
    "wait": "delay sleep pause timer",
    "workflow": "subworkflow sub-workflow call execute",
    "write_file": "save export store",
}
"""By step type; words parted by spaces."""


def known_as(type_name: str, query: str) -> bool:
    """Whether every word of a query begins one of the type's other names."""
    words = WORDS.get(type_name, "").split()
    return bool(words) and all(any(word.startswith(asked) for word in words) for asked in query.casefold().split())
