"""Memories written to a file, one JSON object a line, each with its history."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from core.memory.memories import Memories
    from core.store.memory_records import MemoryFilter

SUFFIX: Final = ".jsonl"
KINDS: Final = f"Memories (*{SUFFIX});;All files (*)"
_AT_ONCE: Final = 500


async def written(memories: Memories, shown: MemoryFilter, file: Path) -> int:
    """Write what a filter lets through; how many memories. The file is there whole or not at all. Raises OSError."""
    part = file.with_name(f"{file.name}.part")
    number, lines = 0, list[str]()
    try:
        await asyncio.to_thread(part.write_text, "", encoding="utf-8")
        async for entry in memories.export(shown):
            lines.append(json.dumps(entry, ensure_ascii=False))
            number += 1
            if len(lines) >= _AT_ONCE:
                await asyncio.to_thread(_append, part, lines)
                lines = []
        await asyncio.to_thread(_append, part, lines)
        await asyncio.to_thread(part.replace, file)
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    return number


def _append(file: Path, lines: list[str]) -> None:
    with file.open("a", encoding="utf-8") as target:
        target.writelines(f"{line}\n" for line in lines)
