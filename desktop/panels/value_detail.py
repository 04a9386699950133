"""What matters of a value, whole: a text that its row cuts off, or a picture."""

from __future__ import annotations

from typing import Final

from PySide6.QtWidgets import QLabel, QStackedWidget, QVBoxLayout, QWidget

from core.workflow.model import Json
from desktop.bridge import Bridge
from desktop.icons import Icons
from desktop.panels.file_view import FileView, ReadFile
from desktop.panels.paged_text import PagedText
from desktop.panels.value_parts import FileRef, Keys, files_of, is_file, part, path_text
from desktop.style import set_role
from desktop.theme import ThemeManager

ROW: Final = 80
"""Characters of a text that its row shows at least, where there is room."""

NARROW_ROW: Final = 28
"""The same in a narrow place."""

_LOOKED_AT: Final = 4
"""Elements of a list among which a picture is looked for."""


class ValueDetail(QWidget):
    """Shows one part of a value. narrow: it stands in a narrow place, where rows show less."""

    def __init__(self, read: ReadFile, bridge: Bridge, themes: ThemeManager, icons: Icons, *, narrow: bool) -> None:
        super().__init__()
        self._parts = read, bridge, themes, icons
        self._row = NARROW_ROW if narrow else ROW
        self._shown: object = None
        self.name = QLabel()
        set_role(self.name, kind="caption")
        self.text = PagedText(themes, icons, markdown=False)
        self.files: FileView | None = None
        self._stack = QStackedWidget()
        self._stack.addWidget(self.text)
        layout = QVBoxLayout(self)
        side = themes.theme.px("space.3")
        layout.setContentsMargins(*((0, side, 0, 0) if narrow else (side, 0, 0, 0)))
        layout.setSpacing(themes.theme.px("space.1"))
        layout.addWidget(self.name)
        layout.addWidget(self._stack, 1)
        self.setMinimumSize(120, 72)
        self.hide()

    def show_part(self, value: Json, keys: Keys, main: Keys = ()) -> None:
        """Show the part at some keys if it is worth it, else the one that matters, else nothing.

        main: the keys of the part that matters; () for the first picture, or the longest text.
        """
        for wanted in (keys, main):
            found = _part(value, wanted) if wanted or not isinstance(value, dict | list) else None
            if isinstance(found, str) and self._is_cut_off(found):
                self._show_text(path_text("", wanted), found)
                return
            if isinstance(found, dict) and (pictures := _pictures(found)):
                self._show_picture(pictures[0])
                return
        if not main and (pictures := _pictures(value)):
            self._show_picture(pictures[0])
            return
        texts = {key: item for key, item in value.items() if isinstance(item, str)} if isinstance(value, dict) else {}
        longest = max(texts, key=lambda key: len(texts[key]), default="")
        if longest and self._is_cut_off(texts[longest]):
            self._show_text(path_text("", (longest,)), texts[longest])
        else:
            self._shown = None
            self.hide()

    def _is_cut_off(self, text: str) -> bool:
        return len(text) > self._row or "\n" in text

    def _show_text(self, name: str, text: str) -> None:
        self._stack.setCurrentWidget(self.text)
        if (name, text) != self._shown:
            self._shown = (name, text)
            self.name.setText(name)
            self.text.show_text(text)
        self.name.setVisible(bool(name))
        self.show()

    def _show_picture(self, file: FileRef) -> None:
        if self.files is None:
            self.files = FileView(*self._parts)
            self._stack.addWidget(self.files)
        self._stack.setCurrentWidget(self.files)
        if file != self._shown:
            self._shown = file
            self.files.show_files([file])
        self.name.hide()
        self.show()


def _part(value: Json, keys: Keys) -> Json:
    try:
        return part(value, keys)
    except (LookupError, TypeError):
        return None


def _pictures(value: Json) -> list[FileRef]:
    """The pictures that a value names where one looks first: itself, its parts, the first of its lists."""
    near: list[Json] = [value, *(value.values() if isinstance(value, dict) else ())]
    near += [item for inner in near if isinstance(inner, list) for item in inner[:_LOOKED_AT]]
    return [file for item in near if is_file(item) for file in files_of(item) if file.is_picture]
