"""What the window remembers between two starts: its layout, recent work, keys, the theme. Kept in the home folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from PySide6.QtCore import QByteArray, QSettings

from desktop.theme import ThemeChoice

FILE: Final = "window.ini"
RECENT_KEPT: Final = 12
LAYOUT: Final = 1
"""The number of the layout's form; a layout of another number is not restored."""


@dataclass(frozen=True, slots=True)
class RecentWork:
    """A workflow that was open. kind: a file by its path, or one of the library by its name."""

    kind: Literal["file", "library"]
    name: str
    title: str

    def is_same(self, other: RecentWork | None) -> bool:
        """Whether both mean the same workflow, whatever its title is."""
        return other is not None and (self.kind, self.name) == (other.kind, other.name)


class WindowMemory:
    """The window's own settings, in `window.ini` of the home folder. What cannot be read is as if never set."""

    def __init__(self, home: Path) -> None:
        self._settings = QSettings(str(home / FILE), QSettings.Format.IniFormat)

    def flush(self) -> None:
        """Write what is not written yet."""
        self._settings.sync()

    @property
    def geometry(self) -> QByteArray | None:
        """The window's place and size."""
        return self._bytes("window/geometry")

    @property
    def layout(self) -> QByteArray | None:
        """Where the panels are."""
        return self._bytes(f"window/layout{LAYOUT}")

    def keep_layout(self, geometry: QByteArray, layout: QByteArray) -> None:
        """Remember the window's place and where the panels are."""
        self._settings.setValue("window/geometry", geometry)
        self._settings.setValue(f"window/layout{LAYOUT}", layout)

    @property
    def theme(self) -> ThemeChoice:
        """The chosen theme."""
        found = self._settings.value("look/theme", "system")
        return found if found in ("system", "dark", "light") else "system"

    @theme.setter
    def theme(self, choice: ThemeChoice) -> None:
        self._settings.setValue("look/theme", choice)

    @property
    def reduced_motion(self) -> bool:
        """Whether nothing moves that need not."""
        return self._settings.value("look/reduced_motion", "false") in (True, "true")

    @reduced_motion.setter
    def reduced_motion(self, reduced: bool) -> None:
        self._settings.setValue("look/reduced_motion", reduced)

    @property
    def first_run_done(self) -> bool:
        """Whether a person has chosen where models come from."""
        return self._settings.value("start/chosen", "false") in (True, "true")

    @first_run_done.setter
    def first_run_done(self, done: bool) -> None:
        self._settings.setValue("start/chosen", done)

    @property
    def demo(self) -> bool:
        """Whether runs use the demo model."""
        return self._settings.value("start/demo", "false") in (True, "true")

    @demo.setter
    def demo(self, demo: bool) -> None:
        self._settings.setValue("start/demo", demo)

    @property
    def recent(self) -> Sequence[RecentWork]:
        """What was open lately, newest first."""
        return tuple(self._works("work/recent"))

    def opened(self, work: RecentWork) -> None:
        """Remember that a workflow was open."""
        others = [each for each in self.recent if not each.is_same(work)]
        self._put("work/recent", [asdict(each) for each in [work, *others][:RECENT_KEPT]])

    def forget(self, work: RecentWork) -> None:
        """Leave out a workflow that is not there any more."""
        self._put("work/recent", [asdict(each) for each in self.recent if each != work])

    @property
    def open_work(self) -> Sequence[RecentWork]:
        """What was open when the window was closed."""
        return tuple(self._works("work/open"))

    @open_work.setter
    def open_work(self, works: Sequence[RecentWork]) -> None:
        self._put("work/open", [asdict(each) for each in works])

    @property
    def front(self) -> RecentWork | None:
        """Which of what was open was in front."""
        return next(iter(self._works("work/front")), None)

    @front.setter
    def front(self, work: RecentWork | None) -> None:
        self._put("work/front", [asdict(work)] if work is not None else [])

    @property
    def palette_recent(self) -> Sequence[str]:
        """What was chosen in the command palette, newest first."""
        return tuple(str(each) for each in self._json("palette/recent", list))

    @palette_recent.setter
    def palette_recent(self, ids: Sequence[str]) -> None:
        self._put("palette/recent", list(ids))

    @property
    def keys(self) -> Mapping[str, Sequence[str]]:
        """The keys that the person changed, by command."""
        found = self._json("keys/changes", dict)
        return {name: [str(k) for k in keys] for name, keys in found.items() if isinstance(keys, list)}

    @keys.setter
    def keys(self, changes: Mapping[str, Sequence[str]]) -> None:
        self._put("keys/changes", {name: list(keys) for name, keys in changes.items()})

    def _works(self, key: str) -> list[RecentWork]:
        found = []
        for each in self._json(key, list):
            if isinstance(each, dict) and each.get("kind") in ("file", "library"):
                found.append(RecentWork(each["kind"], str(each.get("name", "")), str(each.get("title", ""))))
        return found

    def _json(self, key: str, kind: type[Any]) -> Any:
        try:
            found = json.loads(str(self._settings.value(key, "")))
        except ValueError:
            return kind()
        return found if isinstance(found, kind) else kind()

    def _put(self, key: str, value: object) -> None:
        self._settings.setValue(key, json.dumps(value))

    def _bytes(self, key: str) -> QByteArray | None:
        found = self._settings.value(key)
        return found if isinstance(found, QByteArray) and not found.isEmpty() else None
