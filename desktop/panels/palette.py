"""The palette: every step type, to be searched, added by Enter or a double-click, or dragged onto the canvas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QDrag, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QLabel,
    QListView,
    QVBoxLayout,
    QWidget,
)

from core.engine.step_type import StepTypes
from desktop.icons import Icons
from desktop.panels.palette_delegate import EntryDelegate
from desktop.panels.palette_model import ITEM, RECENT, Entry, Heading, PaletteModel
from desktop.panels.text_edit import LineEdit
from desktop.style import set_role
from desktop.theme import Theme, ThemeManager

KEPT: Final = 12
"""How many of the types used lately are remembered."""


class Palette(QWidget):
    """The step types.

    add_requested: the name of a type to be added after the selected step. recent_changed: the types used lately, the
    last one first. recent: those to begin with.
    """

    add_requested = Signal(str)
    recent_changed = Signal(object)

    def __init__(
        self,
        types: StepTypes,
        themes: ThemeManager,
        icons: Icons,
        recent: Sequence[str] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._recent = list(recent)
        self.setAccessibleName("Steps")
        self.search = LineEdit(self)
        self.search.setPlaceholderText("Search steps")
        self.search.setAccessibleName("Search steps")
        self.search.setClearButtonEnabled(False)
        self.search.installEventFilter(self)
        self.model = PaletteModel(types, self)
        self._delegate = EntryDelegate(themes, icons, self)
        self.view = _View(self._delegate, self)
        self.view.setModel(self.model)
        self.view.setItemDelegate(self._delegate)
        self.view.setAccessibleName("Step types")
        # What Enter would add is marked only where Enter adds it.
        self._delegate.has_keyboard = lambda: self.search.hasFocus() or self.view.hasFocus()
        self.view.installEventFilter(self)
        self.nothing = QLabel("No step fits. Other letters, or fewer, find more.", self)
        self.nothing.setWordWrap(True)
        self.nothing.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.nothing.setContentsMargins(16, 24, 16, 0)
        set_role(self.nothing, kind="muted")
        theme = themes.theme
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, theme.px("space.2"), 0, 0)
        layout.setSpacing(theme.px("space.1"))
        top = QVBoxLayout()
        top.setContentsMargins(theme.px("space.3"), 0, theme.px("space.3"), 0)
        top.addWidget(self.search)
        layout.addLayout(top)
        layout.addWidget(self.nothing)
        layout.addWidget(self.view, 1)
        self.setFocusProxy(self.search)
        self.search.textChanged.connect(lambda _text: self._show())
        self.view.doubleClicked.connect(lambda index: self._add(index.row()))
        themes.changed.connect(self._theme_changed)
        self._show()

    @property
    def recent(self) -> Sequence[str]:
        """The types used lately, the last one first."""
        return tuple(self._recent)

    @property
    def current(self) -> str:
        """The type that Enter would add, '' for none."""
        line = self.model.line(self.view.currentIndex().row())
        return line.type if isinstance(line, Entry) else ""

    def note_used(self, type_name: str) -> None:
        """A step of that type was added, from wherever: it stands on top from now on."""
        if self._recent[:1] == [type_name]:
            return
        before = self._recent[:RECENT]
        self._recent = [type_name, *(name for name in self._recent if name != type_name)][:KEPT]
        self.recent_changed.emit(self.recent)
        if before != self._recent[:RECENT] and not self.search.text():
            self._show()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Walk through the entries from the search box, add by Enter, and begin a search by typing in the list."""
        if event.type() in (QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self.view.viewport().update()
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: 6, Qt.Key.Key_PageUp: -6}
        for key, count in steps.items():
            if event.key() == key:
                self._walk(count)
                return True
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._add(self.view.currentIndex().row())
            return True
        if event.key() == Qt.Key.Key_Escape and self.search.text():
            self.search.clear()
            return True
        with_control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if watched is self.view and event.text().strip() and not with_control:
            self.search.setFocus()
            self.search.setText(self.search.text() + event.text())
            return True
        return super().eventFilter(watched, event)

    def _show(self) -> None:
        current = self.current
        self.model.show(self.search.text(), self._recent)
        rows = self.model.entry_rows()
        self.nothing.setVisible(not rows)
        self.view.setVisible(bool(rows))
        same = [row for row in rows if getattr(self.model.line(row), "type", "") == current]
        if rows:
            self._select(same[0] if same and not self.search.text() else rows[0], scroll=bool(self.search.text()))

    def _walk(self, count: int) -> None:
        rows = self.model.entry_rows()
        if rows:
            at = rows.index(row) if (row := self.view.currentIndex().row()) in rows else -1
            self._select(rows[max(0, min(len(rows) - 1, at + count))])

    def _select(self, row: int, *, scroll: bool = True) -> None:
        index = self.model.index(row, 0)
        self.view.setCurrentIndex(index)
        if scroll:
            above = self.model.index(max(0, row - 1), 0)
            self.view.scrollTo(above if isinstance(self.model.line(row - 1), Heading) else index)
            self.view.scrollTo(index)

    def _add(self, row: int) -> None:
        line = self.model.line(row)
        if isinstance(line, Entry):
            self.add_requested.emit(line.type)
            self.note_used(line.type)

    def _theme_changed(self, _theme: Theme) -> None:
        self.view.viewport().update()


class _View(QListView):
    """The list; what is dragged out of it looks like its entry."""

    def __init__(self, delegate: EntryDelegate, parent: QWidget) -> None:
        super().__init__(parent)
        self.delegate = delegate
        self.setMouseTracking(True)
        self.setDragEnabled(True)
        self.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)

    def startDrag(self, supported: Qt.DropAction) -> None:  # noqa: N802 - Qt's name
        """Drag the pressed entry."""
        index = self.currentIndex()
        line = index.data(ITEM)
        if not isinstance(line, Entry):
            return
        drag = QDrag(self)
        drag.setMimeData(self.model().mimeData([index]))
        picture = self.delegate.picture(line, self.devicePixelRatioF())
        drag.setPixmap(picture)
        drag.setHotSpot(QPoint(20, 18))
        drag.exec(Qt.DropAction.CopyAction)
