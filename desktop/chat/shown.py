"""What one row of a conversation shows, and what can be done with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from core.store.conversation_records import StoredMessage
from desktop.chat.wording import attached, made, reasoning_of


@dataclass(frozen=True, slots=True)
class Face:
    """How who speaks is shown: an icon in a colour (a token's name, or #RRGGBB)."""

    icon: str = "bot"
    colour: str = "kind.model"


@dataclass(frozen=True, slots=True)
class Shown:
    """A message as a row.

    siblings: ids of the messages that stand at the same place, its own included; empty if it stands alone. begins: the
    row says who speaks, because someone else spoke before. live: it is being made. note: what happens now. progress: of
    calls, by id.
    """

    message: StoredMessage
    siblings: tuple[int, ...] = ()
    begins: bool = True
    live: bool = False
    note: str = ""
    reasoning: str = ""
    face: Face = Face()
    progress: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> int:
        """Which of its siblings it is, from 0."""
        return self.siblings.index(self.message.id) if self.message.id in self.siblings else 0


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be done with a message. key: while it has the keyboard. roles: whose messages."""

    id: str
    title: str
    icon: str
    key: str
    roles: tuple[str, ...] = ("user", "assistant")


ACTIONS: Final = (
    Action("copy", "Copy as Markdown", "copy", "C"),
    Action("edit", "Edit and send again", "pencil", "E", ("user",)),
    Action("regenerate", "Have it made again", "refresh-cw", "R", ("assistant",)),
    Action("fork", "Go on from here in a new conversation", "git-fork", "F"),
    Action("open", "Open the files", "image", "O"),
    Action("thought", "What it thought", "brain", "T", ("assistant",)),
    Action("sent", "What the model was sent", "scan", "S", ("assistant",)),
    Action("run", "Show the run", "workflow", "W", ("assistant",)),
)


def files_of(message: StoredMessage) -> list[Mapping[str, Any]]:
    """All kept files of a message, in the order in which they stand."""
    return [part for part in (*attached(message), *made(message)) if "blob" in part]


def actions_for(shown: Shown) -> tuple[Action, ...]:
    """What can be done with a message."""
    message = shown.message
    if shown.live:
        return ()
    return tuple(
        each
        for each in ACTIONS
        if message.role in each.roles
        and (each.id != "run" or message.run_id)
        and (each.id != "sent" or message.model)
        and (each.id != "copy" or message.text)
        and (each.id != "open" or files_of(message))
        and (each.id != "thought" or reasoning_of(message))
    )
