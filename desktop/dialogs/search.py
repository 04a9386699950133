"""The search through all workflows, with what a replacement would make of each field before it is made."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from desktop.icons import Icons
from desktop.project_search import MOST_FIELDS, Found, ProjectSearch, Query
from desktop.theme import ThemeManager

if TYPE_CHECKING:
    from core.workflow.find import Hit

_WAIT_MS: Final = 200
_SIZE: Final = QSize(860, 600)
_SHOWN: Final = 160
_BEFORE: Final = 32


class SearchDialog(QDialog):
    """Shows the fields that hold a text, and replaces it in those that are ticked. Show it with `show()`."""

    def __init__(self, parent: QWidget, search_in: ProjectSearch, icons: Icons, themes: ThemeManager) -> None:
        super().__init__(parent)
        self._project, self._icons, self._themes = search_in, icons, themes
        self._found: list[Found] = []
        self._unticked: set[tuple[object, ...]] = set()
        self._done = ""
        self.setWindowTitle("Search and replace in all workflows")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(_SIZE)
        self.text = self._field("Find")
        self.new = self._field("Replace with")
        self.match_case = QCheckBox("Match case")
        self.whole_words = QCheckBox("Whole words")
        self.tree = QTreeWidget()
        self.note = QLabel()
        self.note.setProperty("kind", "secondary")
        self.note.setWordWrap(True)
        self.act = QPushButton("Replace")
        self.act.setProperty("role", "primary")
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_WAIT_MS)
        self._later.timeout.connect(self.search)
        self._set_up_tree()
        self._lay_out()
        for field in (self.text, self.new):
            field.textChanged.connect(lambda _: self._typed())
        for box in (self.match_case, self.whole_words):
            box.toggled.connect(lambda _: self.search())
        self.tree.itemChanged.connect(self._ticked)
        self.tree.itemActivated.connect(lambda item, _column: self._go(item))
        self.act.clicked.connect(self._replace)
        search_in.loaded.connect(self.search)
        search_in.replaced.connect(self._said)
        self.search()
        self.text.setFocus()

    @property
    def query(self) -> Query:
        """What is asked for."""
        new = self.new.text() if self.new.text() or self.new.isModified() else None
        return Query(self.text.text(), new, self.match_case.isChecked(), self.whole_words.isChecked())

    @property
    def chosen(self) -> Sequence[Found]:
        """The ticked fields that can be replaced."""
        return [one for one in self._found if one.change is not None and _key(one) not in self._unticked]

    def search(self) -> None:
        """Search anew."""
        self._later.stop()
        self._project.search(self.query, self._show)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Escape closes; Return in a field searches at once instead of pressing a button."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.search()
        else:
            super().keyPressEvent(event)

    def _typed(self) -> None:
        self._done = ""
        self._later.start()

    def _show(self, found: list[Found]) -> None:
        if not isValid(self):  # it was closed while the search went on
            return
        self._found = found
        self._fill()
        self._say()

    def _fill(self) -> None:
        self.tree.blockSignals(True)
        self.tree.clear()
        tops: dict[int, QTreeWidgetItem] = {}
        query = self.query
        for index, one in enumerate(self._found):
            top = tops.get(id(one.source))
            if top is None:
                top = tops[id(one.source)] = QTreeWidgetItem([one.source.title])
                top.setFont(0, self._themes.theme.font("body.strong"))
                top.setIcon(0, self._icons.icon("workflow", self._themes.theme, "text.muted", 16))
                self.tree.addTopLevelItem(top)
            top.addChild(self._row(index, one, query))
        for top in tops.values():
            count = top.childCount()
            top.setText(1, "1 field" if count == 1 else f"{count} fields")
        self.tree.expandAll()
        self.tree.blockSignals(False)

    def _row(self, index: int, one: Found, query: Query) -> QTreeWidgetItem:
        row = QTreeWidgetItem([one.place, _excerpt(one.hits[0]), self._after(one, query)])
        row.setData(0, Qt.ItemDataRole.UserRole, index)
        row.setToolTip(1, _tip(one.hits[0].text))
        if one.change is not None:
            row.setToolTip(2, _tip(one.change.after) if query.new is not None else "")
            ticked = _key(one) not in self._unticked
            row.setCheckState(0, Qt.CheckState.Checked if ticked else Qt.CheckState.Unchecked)
        return row

    def _after(self, one: Found, query: Query) -> str:
        if query.new is None:
            return ""
        if one.change is None:
            return (
                "stays: read-only" if not one.source.may_change else "stays: ids and types are changed in the inspector"
            )
        hit, length = one.hits[0], len(query.new)
        return _around(one.change.after, hit.start, hit.start + length)

    def _say(self) -> None:
        query, count = self.query, len(self._found)
        workflows = len({id(one.source) for one in self._found})
        if not query.text:
            text = "Titles, settings and texts of the open workflows and of the library are searched."
        elif not count:
            text = "Nothing holds that text."
        else:
            fields = "1 field" if count == 1 else f"{count} fields"
            text = f"{fields} in {'1 workflow' if workflows == 1 else f'{workflows} workflows'}."
            if count == MOST_FIELDS:
                text = f"More than {MOST_FIELDS:,} fields; the first are shown."
        if self._done:
            text = self._done
        if self._project.is_loading:
            text += " The library is still being read."
        self.note.setText(text)
        self._judge()

    def _judge(self) -> None:
        chosen = len(self.chosen)
        self.act.setText(f"Replace in {chosen} {'field' if chosen == 1 else 'fields'}" if chosen else "Replace")
        self.act.setEnabled(bool(chosen) and self.query.new is not None)

    def _said(self, text: str) -> None:
        self._done = text
        self.search()

    def _ticked(self, item: QTreeWidgetItem) -> None:
        index = item.data(0, Qt.ItemDataRole.UserRole)
        if isinstance(index, int):
            key = _key(self._found[index])
            (self._unticked.discard if item.checkState(0) == Qt.CheckState.Checked else self._unticked.add)(key)
            self._judge()

    def _go(self, item: QTreeWidgetItem) -> None:
        index = item.data(0, Qt.ItemDataRole.UserRole)
        if isinstance(index, int):
            self._project.go_to(self._found[index])

    def _replace(self) -> None:
        query = self.query
        self._project.replace(self.chosen, f"Replace “{query.text}” with “{query.new}”")

    def _field(self, title: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(title)
        field.setPlaceholderText(title)
        field.setClearButtonEnabled(True)
        return field

    def _set_up_tree(self) -> None:
        tree = self.tree
        tree.setHeaderLabels(["Where", "Now", "After"])
        tree.setAccessibleName("Fields that hold the text")
        tree.setUniformRowHeights(True)
        tree.setIndentation(18)
        tree.setAllColumnsShowFocus(True)
        header = tree.header()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Stretch)
        tree.setColumnWidth(0, 260)

    def _lay_out(self) -> None:
        fields = QGridLayout()
        fields.setHorizontalSpacing(8)
        fields.setVerticalSpacing(8)
        fields.addWidget(self.text, 0, 0)
        fields.addWidget(self.match_case, 0, 1)
        fields.addWidget(self.new, 1, 0)
        fields.addWidget(self.whole_words, 1, 1)
        fields.setColumnStretch(0, 1)
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.close)
        self.act.setAutoDefault(False)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.note, 1)
        row.addWidget(close)
        row.addWidget(self.act)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 20, 20, 16)
        column.setSpacing(12)
        column.addLayout(fields)
        column.addWidget(self.tree, 1)
        column.addLayout(row)


def _key(one: Found) -> tuple[object, ...]:
    source = id(one.source.tab) if one.source.tab is not None else one.source.workflow.name
    return (source, one.hits[0].step, one.hits[0].field)


def _excerpt(hit: Hit) -> str:
    return _around(hit.text, hit.start, hit.end)


def _around(text: str, start: int, end: int) -> str:
    """The line of a text around a part of it, on one line and not too long."""
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end)
    stop = len(text) if stop < 0 else stop
    lead = "…" if start - begin > _BEFORE else ""
    begin = max(begin, start - _BEFORE)
    return lead + " ".join(text[begin:stop].split())[:_SHOWN]


def _tip(text: str) -> str:
    """A text as a tooltip that keeps its lines; never read as markup."""
    return f"<pre>{html.escape(text[:2_000])}</pre>"
