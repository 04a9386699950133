"""A call's result as the SDK gives it, cut down to what can be kept and shown, without the server's secrets."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any, Final

from core.agents.mcp.exchange import McpFile, McpResult
from core.engine.mask import Mask

LONGEST_TEXT: Final = 1_000_000
"""Characters of text that a result may have; of more, the beginning and the end stay."""

LARGEST_FILE: Final = 20_000_000
"""Bytes of one picture or file in a result."""

MOST_FILES: Final = 50
"""Pictures and files in one result."""


def result_of(answer: Any, mask: Mask, *, longest: int = LONGEST_TEXT) -> McpResult:
    """The result. longest: characters of its text, and of its structured part as JSON."""
    parts = _Parts(mask)
    for block in answer.content:
        parts.add(block)
    text, cut = shortened("\n\n".join(parts.texts), longest)
    structured, large = _structured(answer.structured_content, mask, longest)
    notes = [*parts.notes, *([f"The structured result was left out: {large:,} characters."] if large else [])]
    if notes:
        text = "\n\n".join(filter(None, [text, *(f"[{note}]" for note in notes)]))
    return McpResult(
        text=text,
        structured=structured,
        images=tuple(parts.images),
        files=tuple(parts.files),
        is_error=bool(answer.is_error),
        shortened=cut or bool(notes),
    )


def shortened(text: str, longest: int) -> tuple[str, bool]:
    """The text, or its beginning and end around a note of what is missing; and whether something is."""
    if len(text) <= longest:
        return text, False
    head, tail = longest * 3 // 4, longest // 4
    left_out = len(text) - head - tail
    return f"{text[:head]}\n[… {left_out:,} characters left out …]\n{text[-tail:]}", True


@dataclass(slots=True)
class _Parts:
    mask: Mask
    texts: list[str] = field(default_factory=list)
    images: list[McpFile] = field(default_factory=list)
    files: list[McpFile] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, block: Any) -> None:
        """Take in one block of content."""
        match block.type:
            case "text":
                self.texts.append(self.mask.text(block.text))
            case "image":
                self._file(self.images, block.data, block.mime_type, "")
            case "audio":
                self._file(self.files, block.data, block.mime_type, "")
            case "resource_link":
                about = f" ({block.description})" if block.description else ""
                self.texts.append(self.mask.text(f"{block.title or block.name}: {block.uri}{about}"))
            case "resource":
                self._resource(block.resource)
            case _:
                self.notes.append(f"A part of the unknown kind {block.type!r} was left out.")

    def _resource(self, resource: Any) -> None:
        if isinstance(getattr(resource, "text", None), str):
            self.texts.append(self.mask.text(f"{resource.uri}:\n{resource.text}"))
        else:
            kind = resource.mime_type or "application/octet-stream"
            into = self.images if kind.startswith("image/") else self.files
            self._file(into, resource.blob, kind, str(resource.uri).rpartition("/")[2])

    def _file(self, into: list[McpFile], data: str, media_type: str, name: str) -> None:
        if len(self.images) + len(self.files) >= MOST_FILES:
            self._note(f"More than {MOST_FILES} pictures or files; the rest was left out.")
        elif len(data) * 3 // 4 > LARGEST_FILE:
            self._note(f"A file of about {len(data) * 3 // 4:,} bytes ({media_type}) was left out as too large.")
        else:
            try:
                into.append(McpFile(self.mask.data(base64.b64decode(data)), media_type, name))
            except (binascii.Error, ValueError):
                self._note(f"A file ({media_type}) was left out: it is no base64.")

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


def _structured(value: Any, mask: Mask, longest: int) -> tuple[Any, int]:
    """The structured part, masked; and its length in characters if it is too large to be kept."""
    if value is None:
        return None, 0
    size = len(json.dumps(value, ensure_ascii=False))
    return (None, size) if size > longest else (mask.mask(value), 0)
