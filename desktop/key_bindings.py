"""Which keys run which command: what the commands declare, changed by the person, with conflicts found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtGui import QKeySequence


class Bindable(Protocol):
    """What is asked of a command."""

    @property
    def id(self) -> str:
        """Its stable name."""

    @property
    def keys(self) -> Sequence[str]:
        """The keys that it comes with."""

    @property
    def scope(self) -> str:
        """Where its keys work: `window`, or `canvas` only."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Commands that the same keys would run; Qt runs none of them then."""

    keys: str
    commands: tuple[str, ...]


class KeyBindings:
    """The keys of every command. changes: command id to keys, for those that the person changed."""

    def __init__(self, changes: Mapping[str, Sequence[str]] | None = None) -> None:
        self._changes = {name: tuple(map(portable, keys)) for name, keys in (changes or {}).items()}

    @property
    def changes(self) -> Mapping[str, Sequence[str]]:
        """What the person changed."""
        return dict(self._changes)

    def of(self, command: Bindable) -> tuple[str, ...]:
        """The command's keys now."""
        return self._changes.get(command.id, tuple(map(portable, command.keys)))

    def set(self, command: Bindable, keys: Sequence[str]) -> None:
        """Give a command other keys; none at all is allowed."""
        wanted = tuple(portable(each) for each in keys if each)
        if wanted == tuple(map(portable, command.keys)):
            self._changes.pop(command.id, None)
        else:
            self._changes[command.id] = wanted

    def reset(self) -> None:
        """Go back to the keys that the commands come with."""
        self._changes.clear()

    def conflicts(self, commands: Iterable[Bindable]) -> list[Conflict]:
        """Keys that would run more than one command. Window keys work on the canvas too."""
        users: dict[str, list[str]] = {}
        for command in commands:
            for keys in self.of(command):
                users.setdefault(keys, []).append(command.id)
        return [Conflict(keys, tuple(names)) for keys, names in users.items() if len(names) > 1]


def portable(keys: str) -> str:
    """The one spelling of a key sequence (`Ctrl+Shift+Z`), whatever the system shows."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.PortableText)


def shown(keys: str) -> str:
    """The keys as this system writes them."""
    return QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
