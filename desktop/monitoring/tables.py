"""The panel's tables: rows of texts and numbers, sorted by what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRectF,
    QSortFilterProxyModel,
    Qt,
)
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from desktop.theme import Theme, ThemeManager

Index: TypeAlias = QModelIndex | QPersistentModelIndex
_SORT: Final = Qt.ItemDataRole.UserRole
_SHARE: Final = Qt.ItemDataRole.UserRole + 1
_ROW: Final = 26
_NAME_ROOM: Final = 150
"""Logical pixels that the column that stretches has at least, as long as other columns can be left out."""


@dataclass(frozen=True, slots=True)
class Cell:
    """text: as it is read. value: by what it is sorted; None for the text. colour: of the theme, '' for the usual.

    share: how much of the cell is filled, 0 to 1.
    """

    text: str
    value: float | str | None = None
    colour: str = ""
    tip: str = ""
    share: float = 0.0


class Rows(QAbstractTableModel):
    """Rows of cells. key: what each row stands for. numbers: columns that are set to the right."""

    def __init__(self, columns: Sequence[str], numbers: Sequence[int], theme: Theme) -> None:
        super().__init__()
        self.columns = list(columns)
        self._numbers = frozenset(numbers)
        self._theme = theme
        self.cells: Sequence[Sequence[Cell]] = ()
        self.keys: Sequence[str] = ()

    def show(self, cells: Sequence[Sequence[Cell]], keys: Sequence[str] = ()) -> None:
        """Show other rows."""
        self.beginResetModel()
        self.cells, self.keys = cells, keys
        self.endResetModel()

    def set_theme(self, theme: Theme) -> None:
        """Show in another theme."""
        self.beginResetModel()
        self._theme = theme
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """How many rows there are."""
        return 0 if parent.isValid() else len(self.cells)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: N802, B008 - Qt's name and default
        """How many columns there are."""
        return 0 if parent.isValid() else len(self.columns)

    def headerData(  # noqa: N802 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The names of the columns."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.columns[section]
        return self._side(section) if role == Qt.ItemDataRole.TextAlignmentRole else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """What a cell shows, and by what it is sorted."""
        cell = self.cells[index.row()][index.column()]
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return cell.text
            case Qt.ItemDataRole.ToolTipRole:
                return cell.tip or cell.text
            case Qt.ItemDataRole.TextAlignmentRole:
                return self._side(index.column())
            case Qt.ItemDataRole.ForegroundRole:
                return self._theme.color(cell.colour or "text.secondary")
            case Qt.ItemDataRole.FontRole:
                return self._theme.font("body", tabular=index.column() in self._numbers)
            case _ if role == _SHARE:
                return cell.share
            case _ if role == _SORT:
                return cell.text.casefold() if cell.value is None else cell.value
            case _:
                return None

    def _side(self, column: int) -> Qt.AlignmentFlag:
        side = Qt.AlignmentFlag.AlignRight if column in self._numbers else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter


class ShareDelegate(QStyledItemDelegate):
    """Fills a cell as far as its share says, behind its text."""

    def __init__(self, themes: ThemeManager, parent: QObject) -> None:
        super().__init__(parent)
        self._themes = themes

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Paint the share, then the cell."""
        share = index.data(_SHARE)
        if share:
            rect = QRectF(option.rect).adjusted(0, 3, 0, -3)
            rect.setWidth(max(2.0, rect.width() * share))
            painter.fillRect(rect, self._themes.theme.color("accent", 0.18))
        super().paint(painter, option, index)


class NumberTable(QTableView):
    """A table over Rows. widths: of all columns but `stretch`, which takes what is left.

    most: rows that are seen without scrolling. texts: columns that are set to the left. spare: columns that a narrow
    table leaves out, the first of them first.
    """

    def __init__(
        self,
        name: str,
        columns: Sequence[str],
        widths: Sequence[int],
        themes: ThemeManager,
        *,
        most: int = 8,
        texts: Sequence[int] = (0,),
        stretch: int = 0,
        spare: Sequence[int] = (),
    ) -> None:
        super().__init__()
        self.rows = Rows(columns, [n for n in range(len(columns)) if n not in texts], themes.theme)
        self._order = QSortFilterProxyModel(self)
        self._order.setSortRole(_SORT)
        self._order.setSourceModel(self.rows)
        self._most = most
        self.setModel(self._order)
        self.setAccessibleName(name)
        self.setSortingEnabled(True)
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.setShowGrid(False)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setTabKeyNavigation(False)
        self.setWordWrap(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)  # it would cover a row
        self.verticalHeader().hide()
        self.verticalHeader().setDefaultSectionSize(_ROW)
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setMinimumSectionSize(40)
        others = [column for column in range(len(columns)) if column != stretch]
        self._widths = dict(zip(others, widths, strict=True))
        self._spare = spare
        for column, width in self._widths.items():
            header.resizeSection(column, width)
        header.setSectionResizeMode(stretch, QHeaderView.ResizeMode.Stretch)
        self.setItemDelegate(ShareDelegate(themes, self))
        themes.changed.connect(self.rows.set_theme)
        self._fit()

    def show_rows(self, cells: Sequence[Sequence[Cell]], keys: Sequence[str] = ()) -> None:
        """Show other rows. keys: what each stands for; the chosen one stays chosen."""
        before = self.chosen()
        self.rows.show(cells, keys)
        if before in self.rows.keys:
            self.selectRow(self._order.mapFromSource(self.rows.index(list(self.rows.keys).index(before), 0)).row())
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """As many columns as there is room for."""
        super().resizeEvent(event)
        room = self.viewport().width() - sum(self._widths.values()) - _NAME_ROOM
        for column in self._spare:
            self.setColumnHidden(column, room < 0)
            if room < 0:
                room += self._widths[column]

    def chosen(self) -> str:
        """The key of the chosen row, '' for none."""
        picked = self.selectionModel().selectedRows()
        return self.key_of(picked[0]) if picked else ""

    def key_of(self, index: Index) -> str:
        """What a row of the table stands for."""
        row = self._order.mapToSource(index).row()
        return self.rows.keys[row] if 0 <= row < len(self.rows.keys) else ""

    def _fit(self) -> None:
        """As high as its rows, up to `most` of them."""
        seen = min(self._most, max(1, self.rows.rowCount()))
        self.setFixedHeight(self.horizontalHeader().sizeHint().height() + seen * _ROW + 4)
