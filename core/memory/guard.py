"""What is never remembered: secrets, system prompts, recalled memories, raw data, orders that came from outside."""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from core.memory.words import telling_words


def _listed(text: str) -> list[str]:
    """The words of a text, as lists of them are easier to read and to extend."""
    return text.split()


LONGEST = 2000
"""Characters of a memory; a longer text is a document, not a statement."""

MARK_BEGIN = "[memories"
"""How the section of a prompt that holds recalled memories begins."""

_HIDDEN = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufe00-\ufe0f\ufeff\U000e0000-\U000e007f]"
)

_SECRETS = re.compile(
    r"""
    -----BEGIN[ A-Z]*PRIVATE\ KEY
    | \b(?:sk|pk|rk)[-_](?:[a-z0-9]+[-_])*[A-Za-z0-9_-]{16,}
    | \bgh[pousr]_[A-Za-z0-9]{20,} | \bgithub_pat_\w{20,} | \bglpat-[\w-]{16,} | \bhf_[A-Za-z0-9]{20,}
    | \bxox[abposr]-[\w-]{10,} | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b | \bAIza[\w-]{30,} | \bya29\.[\w-]{20,}
    | \bSG\.[\w-]{16,}\.[\w-]{16,} | \bnpm_[A-Za-z0-9]{30,} | \bpypi-[\w-]{30,} | \bdop_v1_[a-f0-9]{40,}
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}
    | \b[a-z][a-z0-9+.-]*://[^\s/:@]+:[^\s/@]+@
    | \b(?i:authorization)\s*[:=]\s*\S+ | \b(?i:bearer)\s+[A-Za-z0-9._~+/-]{16,}
    """,
    re.VERBOSE,
)
_NAMED_SECRET = re.compile(
    r"(?i)\b(?:(?P<open>pass(?:word|wort|phrase|code)|passwd|pwd|kennwort|contraseña|mot de passe|seed phrase)|"
    r"(?:secret|api|access|private)[ _-]?key|client[ _-]?secret|token|pin(?:[ _-]?code)?|cvv|otp|recovery code)\b"
    r"(?:[^.:=\n]{0,40}?(?:\bis\b|\bist\b|\best\b|\bes\b|\blautet\b|[:=]))\s*[\"'`]?(?P<value>[^\s\"'`,;]{4,})"
)
_NO_VALUE = frozenset(
    _listed(
        "the this that not none stored kept saved known unknown empty required needed missing wrong expired there "
        "here in secret changed rotated managed handled weak strong long short always never very too still"
    )
)
_CARD = re.compile(r"(?<!\d)(?:\d[ -]?){13,19}(?!\d)")
_TOKENISH = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_ORDERS = re.compile(
    r"(?i)\b(?:ignore|disregard|forget|override|bypass)\b[^.\n]{0,40}\b(?:previous|prior|above|earlier|all|any|your|"
    r"system|safety)\b[^.\n]{0,30}\b(?:instruction|prompt|rule|guideline|message|polic)"
    r"|\byou are now\b|\bfrom now on,? (?:you|always|never|the assistant)\b|\bnew (?:system )?instructions?\b"
    r"|\b(?:reveal|print|send|leak|exfiltrate|forward|upload|post)\b[^.\n]{0,60}\b(?:system prompt|secret|password|"
    r"api key|credential|token|conversation|chat history|memor(?:y|ies))\b"
    r"|\bdo not (?:tell|inform|mention|reveal)\b[^.\n]{0,30}\b(?:user|human|person)\b"
    r"|<\/?(?:system|assistant|instructions?|tool_call)>|\[/?INST\]|<\|im_(?:start|end)\|>"
)
_PROMPTS = re.compile(
    r"(?i)^\s*(?:system\s*(?:prompt|message)?\s*:|"
    r"you are (?:a|an|the) [^.\n]{0,80}\b(?:assistant|agent|model|bot|ai)\b)"
)
_DUMPS = re.compile(
    r"(?s)^\s*[\[{].*[\]}]\s*$|^\s*<(?:!doctype|html|\?xml|[a-z]+[ >])|Traceback \(most recent call last\)"
    r"|\bat [\w.$]+\([\w.]+:\d+\)|^(?:\S+ ){0,2}(?:GET|POST|PUT|DELETE) /\S* HTTP/|^diff --git |^@@ -\d"
)


def clean(text: str) -> str:
    """The text without characters that nobody sees and with its white space in order."""
    shown = _HIDDEN.sub("", unicodedata.normalize("NFC", text))
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    return "\n".join(line for line in lines if line)


def refusal(text: str, *, foreign: bool, prompts: Iterable[str] = (), recalled: Iterable[str] = ()) -> str:
    """Why a text (cleaned) must not be remembered, in words for the person; '' if it may be.

    foreign: it came from outside. prompts: system prompts that were in force. recalled: memories that were at hand.
    """
    if not text or not telling_words(text):
        return "It says nothing that could be remembered."
    if holds_secret(text):
        return "It holds what looks like a password, key or token. Secrets belong in the keyring: `steploom keys set`."
    if len(text) > LONGEST:
        return f"It is longer than {LONGEST} characters. Remember what matters of it in a sentence or two."
    if is_dump(text):
        return "It is raw data and no statement. Remember what follows from it in a sentence or two."
    if _PROMPTS.search(text) or any(_is_part(text, prompt) for prompt in prompts):
        return "It is part of the instructions that the agent is given anyway."
    if MARK_BEGIN in text or any(_says_the_same(text, memory) for memory in recalled):
        return "It was recalled from memory, so it is known."
    if foreign and _ORDERS.search(text):
        return "It came from outside and gives orders to the agent instead of telling something."
    return ""


def holds_secret(text: str) -> bool:
    """Whether a text seems to hold a password, key, token or card number."""
    if _SECRETS.search(text):
        return True
    for match in _NAMED_SECRET.finditer(text):
        value = match["value"].strip(".!?)").casefold()
        if value not in _NO_VALUE and (match["open"] or any(character.isdigit() for character in value)):
            return True
    if any(_is_card(re.sub(r"\D", "", match.group())) for match in _CARD.finditer(text)):
        return True
    return any(_is_random(match.group()) for match in _TOKENISH.finditer(text))


def without_secrets(text: str) -> str:
    """The text without the lines that seem to hold a secret."""
    if not holds_secret(text):
        return text
    return "\n".join("[left out: a secret]" if holds_secret(line) else line for line in text.splitlines())


def gives_orders(text: str) -> bool:
    """Whether a text tries to steer an agent rather than to tell something."""
    return bool(_ORDERS.search(text))


def is_dump(text: str) -> bool:
    """Whether a text is what a program wrote: JSON, HTML, a log, a table of numbers."""
    if _DUMPS.search(text):
        return True
    if len(text) <= 200:
        return False
    letters = sum(map(str.isalpha, text)) + sum(map(str.isspace, text))
    return letters < 0.6 * len(text)


def _is_random(word: str) -> bool:
    """Whether a long word looks drawn at random: digits among letters of both cases, hardly one character twice."""
    digits = sum(c.isdigit() for c in word)
    mixed = word.lower() != word and word.upper() != word and digits >= 2
    if not mixed and ("-" in word or digits < len(word) // 5 or digits == len(word)):
        return False
    if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", word, re.IGNORECASE):
        return False  # an id names something and opens nothing
    shares = [count / len(word) for count in Counter(word).values()]
    return -sum(share * math.log2(share) for share in shares) > 3.6


def _is_card(digits: str) -> bool:
    """Whether the last digit checks the others by the formula of Luhn (ISO/IEC 7812-1)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return 13 <= len(digits) <= 19 and total % 10 == 0 and len(set(digits)) > 1


def _is_part(text: str, whole: str) -> bool:
    """Whether a text stands in another, white space aside; short ones stand in everything."""
    mine = " ".join(text.split()).casefold()
    return len(mine) >= 24 and mine in " ".join(whole.split()).casefold()


def _says_the_same(text: str, other: str) -> bool:
    return " ".join(text.split()).casefold().rstrip(".") == " ".join(other.split()).casefold().rstrip(".")
