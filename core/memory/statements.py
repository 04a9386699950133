"""What a person plainly asks to be remembered or tells of themselves, found without a model."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from core.memory.guard import clean
from core.store.memory_records import MemoryType

_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=[A-ZÄÖÜ\"“])|\n+")
_ASKED = re.compile(
    r"(?i)^(?:ok(?:ay)?,? |so,? |and |also |hey,? )?(?:please |can you |could you )*"
    r"(?:remember|memori[sz]e|note|keep in mind|don['\u2019]t forget|never forget|make a note|bear in mind"
    r"|merk(?:e)? dir|denk dran|vergiss nicht|retiens|souviens-toi|recuerda|ricorda)"
    r"(?: down)?(?:,? please|,? bitte)?(?:\s*[:,-]\s*|\s+)(?:that |dass |que |che )?(?P<what>.{4,})$"
)
_QUESTION_IN_DISGUISE = re.compile(
    r"(?i)^(?:to |when |what |where |who |how |why |if |the time|me\b|us\b|this\b|that\b|it\b)"
)
_ABOUT_ME = re.compile(
    r"^(?:My (?:name|birthday|address|email|phone number|job|employer|company|manager|boss|budget|timezone|time zone|"
    r"diet|native language|(?:favou?rite|preferred) [\w -]{2,30}) (?:is|are) \S"
    r"|I(?:['\u2019]m| am) (?:called|named|allergic to|a vegetarian|vegetarian|vegan|based in|married|from) ?"
    r"|I(?:['\u2019]m| am) \d{1,3} years old"
    r"|I (?:now |currently |don['\u2019]t |do not |never |always |really |no longer )*"
    r"(?:live in|work (?:at|for|as)|prefer|like|love|hate|dislike|eat|drink|speak|drive|moved to) \S"
    r"|Call me \S)"
)
_ORDER = re.compile(r"^(?:Always|Never|From now on,?|In future,?|In the future,?) (?P<what>.{6,})$")
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Statement:
    """Something to be remembered. asked: the person asked for it in so many words. importance: 0 to 1."""

    content: str
    type: MemoryType
    importance: float
    asked: bool


def statements_in(said: str) -> Iterator[Statement]:
    """What stands plainly in a person's message; questions, doubts and long texts are passed over."""
    for sentence in _SENTENCE.split(clean(said)):
        text = sentence.strip().strip('"“”')
        if not text or len(text) > _LONGEST or text.endswith("?"):
            continue
        asked = _ASKED.match(text)
        if asked:
            what = asked["what"].strip()
            if not _QUESTION_IN_DISGUISE.match(what):
                yield Statement(_capital(what), "learned" if _ORDER.match(_capital(what)) else "fact", 0.8, asked=True)
        elif _ORDER.match(text):
            yield Statement(text, "learned", 0.7, asked=False)
        elif _ABOUT_ME.match(text) and not re.search(r"\b(?:if|would|might|maybe|perhaps|wish)\b", text):
            yield Statement(text, "fact", 0.6, asked=False)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
