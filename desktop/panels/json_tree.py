"""A JSON value as a tree whose branches are filled when they are opened, a page at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractItemModel, QMimeData, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont

from core.workflow.model import Json
from desktop.panels.value_parts import Keys, template
from desktop.theme import Theme

BRANCH_PAGE: Final = 200
"""How many parts of a list or object are shown before one scrolls on."""

PREVIEW: Final = 160
"""Characters of a value that its row shows."""

Index = QModelIndex | QPersistentModelIndex


class _Node:
    __slots__ = ("children", "key", "parent", "row", "value")

    def __init__(self, parent: _Node | None, row: int, key: str | int | None, value: Json) -> None:
        self.parent = parent
        self.row = row
        self.key = key
        self.value = value
        self.children: list[_Node] = []

    @property
    def total(self) -> int:
        return len(self.value) if isinstance(self.value, dict | list) else 0

    @property
    def keys(self) -> Keys:
        out: list[str | int] = []
        node: _Node | None = self
        while node is not None and node.key is not None:
            out.append(node.key)
            node = node.parent
        return tuple(reversed(out))

    def grow(self, count: int) -> None:
        start = len(self.children)
        if isinstance(self.value, dict):
            pairs: Sequence[tuple[str | int, Json]] = list(self.value.items())[start : start + count]
        else:
            assert isinstance(self.value, list)
            pairs = list(enumerate(self.value[start : start + count], start))
        self.children += [_Node(self, start + n, key, value) for n, (key, value) in enumerate(pairs)]


class JsonTree(QAbstractItemModel):
    """The parts of one value: a column for the key, one for what it holds.

    root: what templates call the whole (a step's id), '' if nothing does. Rows are dragged as templates.
    """

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._mono: QFont = theme.font("mono")
        self._root_name = ""
        self._root = _Node(None, 0, None, {})

    @property
    def value(self) -> Json:
        """The whole value."""
        return self._root.value

    def show(self, value: Json, root: str) -> None:
        """Show another value. A single value is shown as one row."""
        self.beginResetModel()
        self._root_name = root
        self._root = _Node(None, 0, None, value)
        if isinstance(value, dict | list):
            self._root.grow(BRANCH_PAGE)
        else:
            self._root.children = [_Node(None, 0, None, value)]
        self.endResetModel()

    def set_theme(self, theme: Theme) -> None:
        """Show in another theme."""
        self.beginResetModel()
        self._theme, self._mono = theme, theme.font("mono")
        self.endResetModel()

    def keys(self, index: Index) -> Keys:
        """The way to the row's part."""
        return self._node(index).keys

    def part(self, index: Index) -> Json:
        """The row's part."""
        return self._node(index).value

    def index_of(self, keys: Keys) -> QModelIndex:
        """The row of a part, filling the branches on the way; an invalid index if there is none."""
        index = QModelIndex()
        for key in keys:
            node = self._node(index)
            row = self._row_of(node, key)
            if row < 0:
                return QModelIndex()
            while len(node.children) <= row:
                self.fetchMore(index)
            index = self.index(row, 0, index)
        return index

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008 - Qt's default
        """The index of a row."""
        node = self._node(parent)
        if parent.column() <= 0 and 0 <= row < len(node.children) and 0 <= column < 2:
            return self.createIndex(row, column, node.children[row])
        return QModelIndex()

    def parent(self, index: Index) -> QModelIndex:  # type: ignore[override] # Qt overloads it without an argument
        """The row around a row."""
        above = self._node(index).parent
        return QModelIndex() if above is None or above is self._root else self.createIndex(above.row, 0, above)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """How many rows are filled so far."""
        return 0 if parent.column() > 0 else len(self._node(parent).children)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """Key and value."""
        return 2

    def hasChildren(self, parent: Index = QModelIndex()) -> bool:  # noqa: N802, B008 - Qt's name and default
        """Whether a row can be opened."""
        node = self._node(parent)
        return parent.column() <= 0 and (node.total > 0 or bool(node.children))

    def canFetchMore(self, parent: Index) -> bool:  # noqa: N802 - Qt's name
        """Whether a row has parts that are not filled yet."""
        node = self._node(parent)
        return len(node.children) < node.total

    def fetchMore(self, parent: Index) -> None:  # noqa: N802 - Qt's name
        """Fill in the next page of a row's parts."""
        node = self._node(parent)
        start = len(node.children)
        count = min(BRANCH_PAGE, node.total - start)
        if count <= 0:
            return
        self.beginInsertRows(self._place(node), start, start + count - 1)
        node.grow(count)
        self.endInsertRows()

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The names of the columns."""
        if role == Qt.ItemDataRole.DisplayRole and orientation == Qt.Orientation.Horizontal:
            return ("Key", "Value")[section]
        return None

    def flags(self, index: Index) -> Qt.ItemFlag:
        """Rows can be chosen and dragged out."""
        drag = Qt.ItemFlag.ItemIsDragEnabled if index.isValid() else Qt.ItemFlag.NoItemFlags
        return super().flags(index) | drag

    def mimeTypes(self) -> list[str]:  # noqa: N802 - Qt's name
        """Plain text."""
        return ["text/plain"]

    def mimeData(self, indexes: Sequence[QModelIndex]) -> QMimeData:  # noqa: N802 - Qt's name
        """The template of the first row, or its value where no template reaches."""
        data = QMimeData()
        if indexes:
            node = self._node(indexes[0])
            data.setText(template(self._root_name, node.keys) if self._root_name else plain(node.value))
        return data

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a row shows."""
        node = self._node(index)
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return key_text(node.key) if index.column() == 0 else preview(node.value)
            case Qt.ItemDataRole.ToolTipRole:
                return template(self._root_name, node.keys) or None
            case Qt.ItemDataRole.ForegroundRole:
                return self._colour(node.value) if index.column() else self._theme.color("text.secondary")
            case Qt.ItemDataRole.FontRole:
                return self._mono
            case Qt.ItemDataRole.AccessibleTextRole:
                return f"{key_text(node.key)}: {preview(node.value)}"
            case _:
                return None

    def _colour(self, value: Json) -> QColor:
        names = {bool: "type.bool", int: "type.number", float: "type.number", str: "type.text"}
        return self._theme.color(names.get(type(value), "text.muted"))

    def _node(self, index: Index) -> _Node:
        if not index.isValid():
            return self._root
        node = index.internalPointer()
        assert isinstance(node, _Node)
        return node

    def _place(self, node: _Node) -> QModelIndex:
        return QModelIndex() if node is self._root else self.createIndex(node.row, 0, node)

    @staticmethod
    def _row_of(node: _Node, key: str | int) -> int:
        if isinstance(node.value, dict):
            return next((row for row, name in enumerate(node.value) if name == key), -1)
        return key if isinstance(key, int) and key < node.total else -1


def key_text(key: str | int | None) -> str:
    """How a row is called."""
    return "value" if key is None else f"[{key}]" if isinstance(key, int) else key


def preview(value: Json) -> str:
    """A value on one line."""
    match value:
        case dict():
            names = ", ".join(list(value)[:6])
            more = ", …" if len(value) > 6 else ""
            return f"{{{names}{more}}}"[:PREVIEW] if value else "{}"
        case list():
            return f"[{len(value)} items]" if len(value) != 1 else "[1 item]"
        case str():
            line = " ".join(value[: PREVIEW * 2].split())
            cut = len(value) > PREVIEW * 2 or len(line) > PREVIEW
            return json.dumps(line[:PREVIEW], ensure_ascii=False) + ("…" if cut else "")
        case _:
            return json.dumps(value)


def plain(value: Json) -> str:
    """A value as text to be dropped elsewhere."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
