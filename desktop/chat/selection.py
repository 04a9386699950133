"""Selected text that may reach over several blocks of one message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from PySide6.QtGui import QTextCursor

from desktop.chat.laid import Laid, LaidText, Span

_Place: TypeAlias = tuple[int, int]
"""Number of the block, index of the character."""


class TextSelection:
    """From where to where text is selected."""

    def __init__(self, laid: Sequence[Laid]) -> None:
        self._laid = laid
        self._from: _Place = (0, 0)
        self._to: _Place = (0, 0)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is selected."""
        return self._from == self._to

    def begin(self, block: int, position: int) -> None:
        """Nothing is selected; what follows is from here."""
        self._from = self._to = (block, position)

    def extend(self, block: int, position: int) -> None:
        """Select up to here."""
        self._to = (block, position)

    def clear(self) -> None:
        """Select nothing."""
        self._to = self._from

    def word(self, block: int, position: int) -> None:
        """Select the word at a character."""
        laid = self._laid[block]
        if isinstance(laid, LaidText):
            cursor = QTextCursor(laid.document)
            cursor.setPosition(position)
            cursor.select(QTextCursor.SelectionType.WordUnderCursor)
            self._from, self._to = (block, cursor.selectionStart()), (block, cursor.selectionEnd())

    def everything(self) -> None:
        """Select all."""
        self._from, self._to = (0, 0), (len(self._laid), 0)

    def span(self, block: int) -> Span | None:
        """What of a block is selected; None for nothing."""
        first, last = sorted((self._from, self._to))
        if first == last or not first[0] <= block <= last[0]:
            return None
        return first[1] if block == first[0] else 0, last[1] if block == last[0] else 1 << 30

    def text(self) -> str:
        """The selected text; blocks are parted by an empty line."""
        spans = [(each, self.span(number)) for number, each in enumerate(self._laid)]
        return "\n\n".join(text for each, span in spans if span is not None and (text := each.text(span)))
