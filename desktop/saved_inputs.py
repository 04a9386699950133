"""The inputs that runs were given last, and sets of them kept under a name: one JSON file for each workflow."""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.workflow.model import Json


@dataclass(frozen=True, slots=True)
class InputSets:
    """What is kept for one workflow. last: of the newest run, empty if there was none. named: by the person's name."""

    last: Mapping[str, Json] = field(default_factory=dict)
    named: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)


class SavedInputs:
    """Input sets below one folder. Reading and writing take a file's time: call them in a thread.

    key: what tells workflows apart: a file's path, or a name in the library.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, key: str) -> InputSets:
        """What is kept for a workflow; nothing, if its file is missing or broken."""
        try:
            data = json.loads(self._file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return InputSets()
        if not isinstance(data, dict):
            return InputSets()
        named = _object(data.get("named"))
        return InputSets(_object(data.get("last")), {name: _object(values) for name, values in named.items()})

    def remember(self, key: str, values: Mapping[str, Json]) -> InputSets:
        """Keep the inputs of the newest run. Raises OSError."""
        return self._write(key, InputSets(dict(values), self.read(key).named))

    def save(self, key: str, name: str, values: Mapping[str, Json]) -> InputSets:
        """Keep a set under a name, in the place of one of that name. Raises OSError."""
        kept = self.read(key)
        return self._write(key, InputSets(kept.last, {**kept.named, name: dict(values)}))

    def remove(self, key: str, name: str) -> InputSets:
        """Forget a set. Raises OSError."""
        kept = self.read(key)
        return self._write(key, InputSets(kept.last, {n: v for n, v in kept.named.items() if n != name}))

    def _write(self, key: str, sets: InputSets) -> InputSets:
        self._folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"last": sets.last, "named": sets.named}, ensure_ascii=False, indent=1)
        number, draft = tempfile.mkstemp(dir=self._folder, suffix=".json")  # readable by its owner alone
        try:
            with os.fdopen(number, "w", encoding="utf-8", errors="surrogatepass") as file:
                file.write(text)
            Path(draft).replace(self._file(key))
        finally:
            Path(draft).unlink(missing_ok=True)
        return sets

    def _file(self, key: str) -> Path:
        words = re.sub(r"[^A-Za-z0-9]+", "-", Path(key).name).strip("-")[:40]
        return self._folder / f"{words}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
