"""References in a server's texts: `${…}`, as they are found and written. `expansion.py` says what they stand for."""

from __future__ import annotations

import re

REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}")
"""A reference, its inside in group 1; or an escaped brace, with no group."""


def references(text: str) -> list[str]:
    """What a text refers to, as it is written between the braces."""
    return [match[1] for match in REFERENCE.finditer(text) if match[1] is not None]


def literal(text: str) -> str:
    """A text in which nothing is filled in."""
    return text.replace("${", "$${")
