"""Pictures that a run has made, at the questions that it asks: they may be what is asked about."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from PySide6.QtCore import QSizeF

from desktop.bridge import Bridge
from desktop.icons import Icons
from desktop.theme import ThemeManager

if TYPE_CHECKING:
    from core.engine.journal import StepRecord
    from core.workflow.model import Json
    from desktop.chat.files_box import FilesBox
    from desktop.chat.pictures import Pictures
    from desktop.dialogs.approval import ApprovalCard

MOST: Final = 4
"""Of the newest pictures of a run, how many stand at its question."""


_LARGEST: Final = QSizeF(190, 126)
"""Of a picture at a question, in logical pixels: what it is answered with should be seen, too."""


class ReadsFiles(Protocol):
    """Where kept files are read; Workspace is one."""

    def read_file(self, blob_hash: str) -> Awaitable[bytes]:
        """The bytes of a file by its hash. Raises StepError(kind='not_found')."""


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """Kept files by their hash."""

    source: ReadsFiles

    async def get(self, blob_hash: str) -> bytes:
        """The bytes. Raises StepError(kind='not_found')."""
        return await self.source.read_file(blob_hash)


@dataclass(frozen=True, slots=True)
class PictureRoom:
    """What shows pictures: where they are read, and what a widget needs of the window."""

    files: KeptFiles
    bridge: Bridge
    themes: ThemeManager
    icons: Icons

    def add(self, card: ApprovalCard, made: Sequence[Mapping[str, Json]]) -> FilesBox | None:
        """Show pictures at a question, small; a click opens one large. None if there are none."""
        if not made:
            return None
        from desktop.chat.files_box import FilesBox

        pictures = self._pictures(card)
        box = FilesBox(made, pictures, self.themes.theme, self.icons, most=_LARGEST)
        box.chosen.connect(lambda index: self._open(made, index, card))
        card.add_above_answer(box)
        return box

    def _pictures(self, card: ApprovalCard) -> Pictures:
        from desktop.chat.pictures import Pictures

        return Pictures(self.files, self.bridge, card)

    def _open(self, made: Sequence[Mapping[str, Json]], index: int, card: ApprovalCard) -> None:
        from desktop.chat.file_window import FileWindow

        FileWindow(made, index, self.files, self, card.window()).show()


def pictures_of(records: Iterable[StepRecord]) -> list[dict[str, Json]]:
    """The newest pictures that steps have made, each once, the newest first. records: oldest first."""
    from desktop.panels.value_parts import files_of

    found: dict[str, dict[str, Json]] = {}
    for record in reversed(list(records)):
        for file in files_of(dict(record.output)) if record.status == "completed" and record.output else ():
            if file.media_type.startswith("image/") and len(found) < MOST:
                found.setdefault(
                    file.hash,
                    {"blob": file.hash, "media_type": file.media_type, "size": file.size, "name": file.name},
                )
        if len(found) >= MOST:
            break
    return list(found.values())
