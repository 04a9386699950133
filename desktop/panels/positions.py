"""Places in a text as Python and as Qt count them: Qt counts an emoji as two."""

from __future__ import annotations


def to_qt(text: str, at: int) -> int:
    """Qt's position of the character at an index."""
    return at + sum(character > "\uffff" for character in text[:at])


def from_qt(text: str, position: int) -> int:
    """The index of the character at Qt's position."""
    if text.isascii() or max(text) <= "\uffff":
        return min(position, len(text))
    seen = 0
    for index, character in enumerate(text):
        if seen >= position:
            return index
        seen += 2 if character > "\uffff" else 1
    return len(text)
