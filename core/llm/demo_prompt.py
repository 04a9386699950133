"""What the demonstration model understands of a prompt: the task, the material, and what kind of answer is wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

from core.engine.services import Message

_RANGE = re.compile(r"(?:from|between)\s+(-?\d+)\s+(?:to|and)\s+(-?\d+)|\b(\d+)\s*(?:-|–|to)\s*(\d+)\b", re.IGNORECASE)  # noqa: RUF001 - people write ranges with this dash
_NUMBER_WANTED = re.compile(
    r"number (alone|only)|only (a|the|one) number|(just|single) (a |the )?number|(reply|answer) with a number", re.I
)
_CHOICE = re.compile(r"(?:one of|one word|choose(?: from| between)?|either)[^:\n]*:\s*([^\n]+)", re.IGNORECASE)
_YES_NO = re.compile(r"(answer|reply|say)[^.\n]*\byes\b[^.\n]*\bor\b[^.\n]*\bno\b", re.IGNORECASE)
_HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)
_CODE = re.compile(r"^```.*?^```\s*$", re.MULTILINE | re.DOTALL)
_NOT_PROSE = re.compile(r"^\s*(#|\||[-*+]\s|\d+[.)]\s|>|<|\.\.|={3,}|-{3,}|:\w)")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z0-9\"'“(])")
_URGENT = re.compile(
    r"urgent|asap|immediately|outage|\bdown\b|emergency|critical|cannot|can't|lost|broken|\bfail(s|ed|ing)?\b|now!|!!",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, read. task: what is to be done. material: what it is to be done to, '' if there is none."""

    task: str
    material: str

    @property
    def whole(self) -> str:
        """All of it."""
        return f"{self.task}\n{self.material}".strip()

    @property
    def asked(self) -> str:
        """Where a person says what is wanted: the task, and the last line. What stands between is only material."""
        return f"{self.task}\n{self.material.rpartition(chr(10))[2]}"

    @property
    def seed(self) -> int:
        """A number that the same prompt always gives, in every process."""
        return crc32(self.whole.encode("utf-8", "replace"))


def read_prompt(messages: Sequence[Message]) -> Prompt:
    """The last thing that the user said. Its first paragraph is the task, or its first line if that is a sentence."""
    text = next((text_of(m) for m in reversed(messages) if m.get("role") == "user"), "").strip()
    first_line, _, after_line = text.partition("\n")
    if after_line.strip() and re.search(r"[.:?!]\s*$", first_line):
        return Prompt(first_line.strip(), after_line.strip())
    paragraph, _, rest = text.partition("\n\n")
    return Prompt(paragraph.strip(), rest.strip())


def text_of(message: Message) -> str:
    """The text of a message, its other parts left out."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(
        str(part.get("text", "")) for part in parts if isinstance(part, dict) and part.get("type") == "text"
    )


def wanted_number(prompt: Prompt) -> str | None:
    """The number to answer with, if a number alone is wanted: high for material that sounds urgent."""
    if not _NUMBER_WANTED.search(prompt.asked):
        return None
    found = _RANGE.search(prompt.asked)
    low, high = (int(text) for text in found.groups() if text) if found else (1, 10)
    low, high = min(low, high), max(low, high)
    alarms = len(_URGENT.findall(prompt.material))
    if alarms:
        return str(high if alarms > 1 else max(low, high - 1))
    return str(low + prompt.seed % ((high - low) // 2 + 1))


def wanted_choice(prompt: Prompt) -> str | None:
    """The answer out of those that the task lists ("one of: a, b or c", "yes or no"), if it lists any."""
    if _YES_NO.search(prompt.asked):
        return ("no", "yes")[prompt.seed % 2]
    listed = _CHOICE.search(prompt.task)
    if listed is None:
        return None
    options = [o.strip(" .'\"`“”") for o in re.split(r",|;|\bor\b|\band\b", listed.group(1))]
    options = [option for option in options if option and len(option) < 60]
    return pick(options, prompt) if len(options) > 1 else None


def pick(options: Sequence[str], prompt: Prompt) -> str:
    """One of the options: the first that the material mentions, else always the same one for the same prompt."""
    material = prompt.material.lower()
    return next((o for o in options if o and o.lower() in material), options[prompt.seed % len(options)])


def summary_of(text: str, *, sentences: int = 2, longest: int = 400) -> str:
    """The first sentences of the prose in a text, without headings, lists, tables and code."""
    prose = _CODE.sub("", text)
    paragraphs = [
        " ".join(line.strip() for line in block.splitlines() if not _NOT_PROSE.match(line)).strip()
        for block in re.split(r"\n\s*\n", prose)
    ]
    plain = next((p for p in paragraphs if len(p.split()) > 5), "") or " ".join(filter(None, paragraphs)) or text
    plain = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", " ".join(plain.split()))
    said = " ".join(_SENTENCE_END.split(plain)[:sentences])
    return said if len(said) <= longest else said[: longest - 1].rsplit(" ", 1)[0] + "…"


def described(text: str) -> str:
    """How long a text is and what its headings are."""
    words = len(text.split())
    headings = [heading.strip("`* ") for heading in _HEADING.findall(_CODE.sub("", text))]
    counted = f"{words} word{'' if words == 1 else 's'}"
    if not headings:
        return f"{counted}."
    named = ", ".join(headings[:6]) + (f" and {len(headings) - 6} more" if len(headings) > 6 else "")
    return f"{counted} under {len(headings)} heading{'' if len(headings) == 1 else 's'}: {named}."
