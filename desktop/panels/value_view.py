"""One JSON value, looked at as a tree, as text, as Markdown, as a table or as the files in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QSplitter,
    QStackedWidget,
    QTableView,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from core.workflow.model import Json
from desktop.bridge import Bridge
from desktop.icons import Icons
from desktop.panels.file_view import FileView, ReadFile
from desktop.panels.json_tree import JsonTree
from desktop.panels.paged_text import PagedText
from desktop.panels.value_detail import ValueDetail
from desktop.panels.value_parts import (
    Keys,
    files_of,
    is_quick,
    main_text,
    opened,
    part,
    search,
    table_of,
    template,
    text_of,
)
from desktop.panels.value_table import ValueTable
from desktop.style import set_role
from desktop.theme import Theme, ThemeManager

ViewName: TypeAlias = Literal["json", "text", "markdown", "table", "files"]

_VIEWS: Final[Sequence[tuple[ViewName, str, str]]] = (
    ("json", "JSON", "braces"),
    ("text", "Text", "text"),
    ("markdown", "Markdown", "file-text"),
    ("table", "Table", "table"),
    ("files", "Picture", "image"),
)
_SEARCH_MS = 150
_OPENED_ROWS = 16
"""Rows of a value up to which its branches are opened at once."""

_PATH_WIDTH = 230
_KEY_ROOM = 12
_KEYS_AT_MOST = 0.45


class ValueView(QWidget):
    """Shows one value. The part that is chosen in the tree is what the other views show.

    chosen: the keys of the part that is chosen now. compact: for narrow places, without words where icons do.
    """

    chosen = Signal(object)

    def __init__(
        self, read: ReadFile, bridge: Bridge, themes: ThemeManager, icons: Icons, *, compact: bool = False
    ) -> None:
        super().__init__()
        self._compact = compact
        self._bridge, self._icons = bridge, icons
        self._value: Json = None
        self._root = ""
        self._keys: Keys = ()
        self._main: Keys = ()
        self._asked = 0
        self._found: list[Keys] = []
        self.view: ViewName = "json"
        self.model = JsonTree(themes.theme, self)
        self.tree = self._make_tree()
        self.text = PagedText(themes, icons, markdown=False)
        self.markdown = PagedText(themes, icons, markdown=True)
        self.table_model = ValueTable(self)
        self.table = self._make_table()
        self.files = FileView(read, bridge, themes, icons)
        self.detail = ValueDetail(read, bridge, themes, icons, narrow=compact)
        self._stack = QStackedWidget()
        for widget in (self._make_pair(), self.text, self.markdown, self.table, self.files):
            self._stack.addWidget(widget)
        self.buttons: dict[ViewName, QToolButton] = {}
        self.search = QLineEdit()
        self.hits = QLabel()
        self.path = QToolButton()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SEARCH_MS)
        self._timer.timeout.connect(self.search_now)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(themes.theme.px("space.1"))
        layout.addLayout(self._make_bar(themes.theme))
        layout.addWidget(self._stack, 1)
        QShortcut(
            QKeySequence.StandardKey.Find, self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut
        ).activated.connect(self.search.setFocus)
        themes.changed.connect(self._retheme)
        self._retheme(themes.theme)
        self.show_value(None)

    @property
    def keys(self) -> Keys:
        """The keys of the chosen part; () for the whole value."""
        return self._keys

    def show_value(self, value: Json, root: str = "", main: Keys = ()) -> None:
        """Show a value. root: what templates call it, '' if they cannot read it. main: the part that matters in it."""
        self._value, self._root, self._keys, self._found, self._main = value, root, (), [], main
        self.model.show(value, root)
        for keys in opened(value, _OPENED_ROWS):
            self.tree.expand(self.model.index_of(keys))
        if self._compact:
            self._fit_keys()
        self.search.clear()
        self.hits.setText("")
        self._offer()
        self._fill()

    def show_view(self, view: ViewName) -> None:
        """Look at the value in another way."""
        self.view = view
        self.buttons[view].setChecked(True)
        self._stack.setCurrentIndex([name for name, _, _ in _VIEWS].index(view))
        for widget in (self.search, self.hits):
            widget.setVisible(view == "json" and not self._compact)
        self._fill()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802 - Qt's name
        """In a narrow place the keys leave as much room as they can to the values."""
        super().resizeEvent(event)
        if self._compact:
            self._fit_keys()

    def _fit_keys(self) -> None:
        width = max(self.tree.sizeHintForColumn(0) + _KEY_ROOM, 72)
        self.tree.header().resizeSection(0, min(width, round(self.width() * _KEYS_AT_MOST)))

    def choose(self, keys: Keys) -> None:
        """Choose a part, as a click on its row does."""
        index = self.model.index_of(keys)
        self.tree.setCurrentIndex(index)
        self.tree.scrollTo(index)

    def copy_path(self) -> None:
        """Put the template that gives the chosen part on the clipboard."""
        QGuiApplication.clipboard().setText(template(self._root, self._keys))

    def copy_value(self) -> None:
        """Put the chosen part on the clipboard: a text as it is, everything else as JSON."""
        value = self._part()
        self._bridge.in_thread(lambda: text_of(value), QGuiApplication.clipboard().setText)

    def find_next(self, step: int = 1) -> None:
        """Go to the next place that the search has found. step: -1 for the one before."""
        if not self._found:
            return
        at = self._found.index(self._keys) + step if self._keys in self._found else (0 if step > 0 else -1)
        at %= len(self._found)
        self.choose(self._found[at])
        self.hits.setText(f"{at + 1} of {len(self._found)}")

    def _part(self) -> Json:
        try:
            return part(self._value, self._keys)
        except (LookupError, TypeError):
            return self._value

    def _offer(self) -> None:
        """Offer the views that have something to show."""
        value = self._part()
        useful: dict[ViewName, bool] = {
            "json": True,
            "text": True,
            "markdown": main_text(value) is not None,
            "table": table_of(value) is not None,
            "files": bool(files_of(value)),
        }
        if not useful[self.view]:
            self.show_view("json")
        for view, button in self.buttons.items():
            button.setVisible(useful[view])

    def _fill(self) -> None:
        """Fill the view that is looked at."""
        value = self._part()
        match self.view:
            case "json":
                self.detail.show_part(self._value, self._keys, self._main)
            case "text":
                main = main_text(value)
                self._make_text(main[1] if main else value, self.text)
            case "markdown":
                main = main_text(value)
                self._make_text(main[1] if main else "", self.markdown)
            case "table":
                self.table_model.show(table_of(value))
                self.table.resizeColumnsToContents()
            case "files":
                self.files.show_files(files_of(value))
        shown = template(self._root, self._keys)
        room = self.path.fontMetrics().elidedText(shown, Qt.TextElideMode.ElideMiddle, _PATH_WIDTH)
        self.path.setText("" if self._compact else f" {room}")
        self.path.setToolTip(f"Copy {shown}")
        self.path.setVisible(bool(shown))

    def _make_text(self, value: Json, view: PagedText) -> None:
        self._asked += 1
        asked = self._asked
        if isinstance(value, str) or is_quick(value):
            view.show_text(text_of(value))
            return
        view.show_text("Preparing…")
        self._bridge.in_thread(
            lambda: text_of(value), lambda text: view.show_text(text) if asked == self._asked else None
        )

    def _current(self, index: QModelIndex, _before: QModelIndex) -> None:
        self._keys = self.model.keys(index) if index.isValid() else ()
        self.chosen.emit(self._keys)
        self._offer()
        self._fill()

    def search_now(self) -> None:
        """Look for what is typed, in a thread, and go to the first place."""
        wanted, value = self.search.text().strip(), self._value
        if not wanted:
            self._found = []
            self.hits.setText("")
            return

        def found(places: list[Keys]) -> None:
            if wanted == self.search.text().strip() and value is self._value:
                self._found = places
                self.hits.setText("" if places else "Nothing found")
                self.find_next()

        self._bridge.in_thread(lambda: search(value, wanted), found)

    def _make_tree(self) -> QTreeView:
        tree = QTreeView()
        tree.setModel(self.model)
        tree.setUniformRowHeights(True)
        tree.setAccessibleName("The value as a tree")
        tree.setDragEnabled(True)
        tree.setDragDropMode(QAbstractItemView.DragDropMode.DragOnly)
        tree.setHeaderHidden(True)
        tree.setIndentation(16)
        tree.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        tree.header().resizeSection(0, 160)
        tree.header().setStretchLastSection(True)
        tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        tree.customContextMenuRequested.connect(self._menu)
        tree.selectionModel().currentChanged.connect(self._current)
        tree.activated.connect(self._open)
        QShortcut(QKeySequence.StandardKey.Copy, tree, context=Qt.ShortcutContext.WidgetShortcut).activated.connect(
            self.copy_value
        )
        return tree

    def _make_pair(self) -> QSplitter:
        """The tree, and beside it (below, in a narrow place) what matters of it, whole."""
        pair = QSplitter(Qt.Orientation.Vertical if self._compact else Qt.Orientation.Horizontal)
        pair.addWidget(self.tree)
        pair.addWidget(self.detail)
        pair.setChildrenCollapsible(False)
        pair.setHandleWidth(1)
        pair.setStretchFactor(0, 3)
        pair.setStretchFactor(1, 2)
        return pair

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.table_model)
        table.setAccessibleName("The value as a table")
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.verticalHeader().setDefaultSectionSize(28)
        table.horizontalHeader().setMaximumSectionSize(360)
        table.horizontalHeader().setResizeContentsPrecision(50)
        table.setShowGrid(False)
        return table

    def _make_bar(self, theme: Theme) -> QHBoxLayout:
        bar = QHBoxLayout()
        bar.setSpacing(2)
        for view, title, _ in _VIEWS:
            button = QToolButton()
            button.setText(f" {title}")
            button.setToolTip(f"As {title}")
            button.setAccessibleName(f"Show as {title}")
            button.setCheckable(True)
            button.setAutoExclusive(True)
            button.setChecked(view == "json")
            words = (
                Qt.ToolButtonStyle.ToolButtonIconOnly if self._compact else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
            )
            button.setToolButtonStyle(words)
            button.setIconSize(QSize(14, 14))
            button.clicked.connect(self._press(view))
            self.buttons[view] = button
            bar.addWidget(button)
        bar.addStretch(1)
        self.path.setAccessibleName("Copy the template of the chosen part")
        self.path.setFont(theme.font("mono"))
        self.path.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.path.setIconSize(QSize(14, 14))
        self.path.clicked.connect(self.copy_path)
        self.search.setPlaceholderText("Search")
        self.search.setAccessibleName("Search keys and values")
        self.search.setClearButtonEnabled(True)
        self.search.setMinimumWidth(150)
        self.search.setMaximumWidth(220)
        self.search.textChanged.connect(lambda _text: self._timer.start())
        self.search.returnPressed.connect(self.find_next)
        set_role(self.hits, kind="caption")
        for widget in (self.path, self.hits, self.search):
            bar.addWidget(widget)
        for widget in (self.search, self.hits):
            widget.setVisible(not self._compact)
        return bar

    def _press(self, view: ViewName) -> Callable[[], None]:
        return lambda: self.show_view(view)

    def _open(self, index: QModelIndex) -> None:
        """Enter or a double click on a text shows it whole."""
        if isinstance(self.model.part(index), str):
            self.show_view("text")

    def _menu(self, at: QPoint) -> None:
        index = self.tree.indexAt(at)
        if not index.isValid():
            return
        self.tree.selectionModel().setCurrentIndex(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Copy template" if self._root else "Copy path", self.copy_path)
        menu.addAction("Copy value", self.copy_value)
        menu.popup(self.tree.viewport().mapToGlobal(at))

    def _retheme(self, theme: Theme) -> None:
        for view, _, icon in _VIEWS:
            self.buttons[view].setIcon(self._icons.icon(icon, theme))
        self.path.setIcon(self._icons.icon("copy", theme))
        self.table_model.set_font(theme.font("body", tabular=True))
        if self.model.rowCount():
            self.model.set_theme(theme)
