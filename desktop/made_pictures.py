"""Pictures that a run has made, at the questions that it asks: they may be what is asked about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSizeF

from desktop.bridge import Bridge
from desktop.icons import Icons
from desktop.theme import ThemeManager

if TYPE_CHECKING:
    from core.engine.journal import StepRecord
    from core.workflow.model import Json
    from desktop.chat.files_box import FilesBox
    from desktop.dialogs.approval import ApprovalCard
    from desktop.panels.file_view import ReadFile

MOST: Final = 4
"""Of the newest pictures of a run, how many stand at its question."""

_LARGEST: Final = QSizeF(190, 126)
"""Of a picture at a question, in logical pixels: what it is answered with should be seen, too."""


@dataclass(frozen=True, slots=True)
class PictureRoom:
    """What shows pictures: how they are read, and what a widget needs of the window."""

    read: ReadFile
    bridge: Bridge
    themes: ThemeManager
    icons: Icons

    def add(self, card: ApprovalCard, made: Sequence[Mapping[str, Json]], most: QSizeF = _LARGEST) -> FilesBox | None:
        """Show pictures at a question, none larger than `most`; a click opens one large. None if there are none."""
        if not made:
            return None
        from desktop.chat.files_box import FilesBox
        from desktop.chat.pictures import Pictures

        pictures = Pictures(self.read, self.bridge, card)
        box = FilesBox(made, pictures, self.themes.theme, self.icons, most=most)
        box.chosen.connect(lambda index: self._open(made, index, card))
        card.add_above_answer(box)
        return box

    def _open(self, made: Sequence[Mapping[str, Json]], index: int, card: ApprovalCard) -> None:
        from desktop.chat.file_window import FileWindow

        FileWindow(made, index, self.read, self.bridge, self.themes, self.icons, card.window()).show()


def pictures_of(records: Iterable[StepRecord]) -> list[dict[str, Json]]:
    """The newest pictures that steps have made, each once, the newest first. records: oldest first."""
    from desktop.panels.value_parts import files_of

    found: dict[str, dict[str, Json]] = {}
    for record in reversed(list(records)):
        for file in files_of(dict(record.output)) if record.status == "completed" and record.output else ():
            if file.is_picture:
                found.setdefault(
                    file.hash,
                    {"blob": file.hash, "media_type": file.media_type, "size": file.size, "name": file.name},
                )
        if len(found) >= MOST:
            break
    return list(found.values())[:MOST]
