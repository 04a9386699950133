"""Who may call the service: the tokens there are, made and revoked here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
)

from desktop.bridge import Bridge, explain
from desktop.dialogs.new_token import NewTokenDialog
from desktop.style import set_role

if TYPE_CHECKING:
    from core.store.tokens import Scope, Token, Tokens
    from desktop.window import MainWindow

WIDTH, HEIGHT = 720, 440
MEANINGS: Final[dict[Scope, tuple[str, str]]] = {
    "run": ("Run", "Start and stop runs, and chat"),
    "read": ("Read", "See workflows, runs, conversations and metrics"),
    "answer": ("Answer", "Answer what runs and agents ask a person"),
    "admin": ("Everything", "All of it, and list and revoke tokens"),
}
"""What each scope is called here, and what it allows."""

_COLUMNS: Final = ("Name", "May", "Made", "Last used", "")


class TokensDialog(QDialog):
    """Lists tokens, makes and revokes them. Open it with `open()`; what fails is said in it."""

    def __init__(self, tokens: Tokens, bridge: Bridge, window: MainWindow, now: datetime) -> None:
        super().__init__(window)
        self._tokens, self._bridge, self._now = tokens, bridge, now
        self._known: Sequence[Token] = ()
        self.setWindowTitle("Tokens")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        theme = window.themes.theme
        heading = QLabel("Tokens")
        set_role(heading, kind="heading")
        about = QLabel("Whoever calls the service sends one of them. Only their hashes are kept.")
        about.setWordWrap(True)
        set_role(about, kind="secondary")
        self.table = self._table()
        self.revoke = QPushButton("Revoke")
        set_role(self.revoke, role="danger")
        self.revoke.setAutoDefault(False)
        self.revoke.clicked.connect(self._revoke)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        set_role(self.problem, kind="error")
        self.problem.hide()
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.accept)
        bottom = QHBoxLayout()
        bottom.addWidget(self.revoke)
        bottom.addStretch(1)
        bottom.addWidget(close)
        column = QVBoxLayout(self)
        side = theme.px("space.5")
        column.setContentsMargins(side, side, side, theme.px("space.4"))
        column.setSpacing(theme.px("space.3"))
        column.addWidget(heading)
        column.addWidget(about)
        column.addLayout(self._maker(theme.px("space.3")))
        column.addWidget(self.table, 1)
        column.addWidget(self.problem)
        column.addLayout(bottom)
        self._judge()
        self.refresh()

    def refresh(self) -> None:
        """Read the tokens anew."""
        self._bridge.spawn(self._tokens.list(), self._show, self._refused)

    def _maker(self, gap: int) -> QHBoxLayout:
        self.name = QLineEdit()
        self.name.setPlaceholderText("What a new one is for, such as the shop")
        self.name.setAccessibleName("What the new token is for")
        self.name.setMaxLength(100)
        self.name.textChanged.connect(lambda _: self._judge())
        self.name.returnPressed.connect(self._make)
        self.scopes: dict[Scope, QCheckBox] = {}
        self.make = QPushButton("Make")
        set_role(self.make, role="primary")
        self.make.setAutoDefault(False)
        self.make.clicked.connect(self._make)
        row = QHBoxLayout()
        row.setSpacing(gap)
        row.addWidget(self.name, 1)
        for scope, (title, help_) in MEANINGS.items():
            check = self.scopes[scope] = QCheckBox(title)
            check.setToolTip(help_)
            check.setChecked(scope in ("run", "read"))
            check.toggled.connect(lambda _: self._judge())
            row.addWidget(check)
        row.addWidget(self.make)
        return row

    def _table(self) -> QTableWidget:
        table = QTableWidget(0, len(_COLUMNS))
        table.setHorizontalHeaderLabels(_COLUMNS)
        table.setAccessibleName("Tokens")
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.itemSelectionChanged.connect(self._judge)
        return table

    def _show(self, tokens: Sequence[Token]) -> None:
        self._known = tokens
        self.table.setRowCount(len(tokens))
        for row, token in enumerate(tokens):
            may = ", ".join(MEANINGS[scope][0].lower() for scope in MEANINGS if scope in token.scopes)
            texts = (token.name, may, _day(token.created), _day(token.last_used) or "never", _end(token, self._now))
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if not token.is_valid(self._now):
                    item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
                self.table.setItem(row, column, item)
        self._judge()

    def _judge(self) -> None:
        row = self.table.currentRow() if self.table.selectionModel().hasSelection() else -1
        self.revoke.setEnabled(0 <= row < len(self._known) and self._known[row].is_valid(self._now))
        self.make.setEnabled(bool(self.name.text().strip()) and any(each.isChecked() for each in self.scopes.values()))

    def _make(self) -> None:
        if not self.make.isEnabled():
            return
        wanted = [scope for scope, check in self.scopes.items() if check.isChecked()]
        self._bridge.spawn(self._tokens.create(self.name.text().strip(), wanted), self._made, self._refused)

    def _made(self, made: tuple[Token, str]) -> None:
        token, text = made
        may = [MEANINGS[scope][1] for scope in MEANINGS if scope in token.scopes]
        self.name.clear()
        self.problem.hide()
        NewTokenDialog(text, f"It may: {'; '.join(each[0].lower() + each[1:] for each in may)}.", self).open()
        self.refresh()

    def _revoke(self) -> None:
        token = self._known[self.table.currentRow()]
        self._bridge.spawn(self._tokens.revoke(token.id), lambda _: self.refresh(), self._refused)

    def _refused(self, error: Exception) -> None:
        self.problem.setText(explain(error))
        self.problem.show()


def _day(at: datetime | None) -> str:
    return f"{at.astimezone():%-d %b %Y %H:%M}" if at is not None else ""


def _end(token: Token, now: datetime) -> str:
    if token.revoked is not None:
        return "revoked"
    if token.expires is None:
        return ""
    return f"until {_day(token.expires)}" if token.is_valid(now) else "has ended"
