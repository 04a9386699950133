"""Server-sent events out of bytes, however the network cuts them."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

DONE = "[DONE]"
"""The data of the event that ends a stream of chat completions or pictures."""

LONGEST_EVENT = 128 * 1024 * 1024
"""Bytes of one event; pictures arrive inside a single one."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event. data: its lines joined by newlines. event: its name, '' for none."""

    data: str
    event: str = ""


class EventTooLong(Exception):
    """A server sent one event of more than 128 MB."""


class EventParser:
    """Turns pieces of a body into events.

    Works on bytes and splits at CR, LF and CRLF only. Text-based line iterators also split at U+2028, U+0085 and
    others, which are legal inside a JSON string. Comments are dropped.
    """

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._size = 0
        self._after_cr = False
        self._started = False
        self._data: list[bytes] = []
        self._event = b""

    def feed(self, piece: bytes) -> list[ServerEvent]:
        """The events that this piece completes. Raises EventTooLong."""
        if not piece:
            return []
        if b"\r" in piece or self._after_cr:
            piece = self._with_newlines(piece)
        self._size += len(piece)
        if self._size > LONGEST_EVENT:
            raise EventTooLong
        self._pieces.append(piece)
        if b"\n" not in piece:
            return []
        lines = b"".join(self._pieces).split(b"\n")
        self._pieces = [lines.pop()]
        events = [event for line in lines if (event := self._line(line)) is not None]
        self._size = len(self._pieces[0]) + sum(map(len, self._data))
        return events

    def finish(self) -> list[ServerEvent]:
        """The last event, if the body ended without the blank line that should close it."""
        last = self._line(b"".join(self._pieces))
        self._pieces = []
        closing = self._line(b"")
        return [event for event in (last, closing) if event is not None]

    def _with_newlines(self, piece: bytes) -> bytes:
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]  # the second half of a CRLF that was cut between two pieces
        self._after_cr = piece.endswith(b"\r") if piece else False
        return piece.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _line(self, line: bytes) -> ServerEvent | None:
        if not self._started:
            self._started = True
            line = line.removeprefix(codecs.BOM_UTF8)
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._event = value
        return None

    def _dispatch(self) -> ServerEvent | None:
        data, event = self._data, self._event
        self._data, self._event = [], b""
        if not data:
            return None
        return ServerEvent(b"\n".join(data).decode("utf-8", "replace"), event.decode("utf-8", "replace"))
