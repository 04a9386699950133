"""The versions of an agent: when each was saved, in what it differs from what is in the editor, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QPlainTextEdit,
    QPushButton,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from core.agents.agent import Agent
from core.agents.library import SavedAgent
from desktop.agents.differences import differences
from desktop.agents.draft import AgentDraft
from desktop.bridge import Bridge, explain
from desktop.panels.background import Surroundings
from desktop.panels.wording import clock_time
from desktop.style import set_role

if TYPE_CHECKING:
    from core.store.workflows import Version
    from core.workspace import Workspace


class VersionsWindow(QDialog):
    """A window beside the editor; open it with `show`. Taking a version back is an edit, undone like any other."""

    def __init__(
        self,
        draft: AgentDraft,
        around: Surroundings,
        bridge: Bridge,
        workspace: Callable[[], Workspace | None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._draft, self._bridge, self._workspace = draft, bridge, workspace
        self._known: dict[int, Agent] = {}
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Versions of {draft.name}")
        self.title = QLabel("Reading…")
        set_role(self.title, kind="title")
        self.list = QListWidget()
        self.list.setAccessibleName("Versions, the newest first")
        self.list.setMinimumWidth(200)
        self.list.currentItemChanged.connect(lambda *_: self._show())
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setFont(around.themes.theme.font("mono"))
        self.text.setAccessibleName("In what it differs from what is in the editor")
        self.take = QPushButton("Take it back")
        self.take.setAutoDefault(False)
        set_role(self.take, role="primary")
        self.take.clicked.connect(self._take)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(self.list)
        split.addWidget(self.text)
        split.setStretchFactor(1, 1)
        foot = QHBoxLayout()
        hint = QLabel("Nothing is saved by it; undo leads back.")
        set_role(hint, kind="caption")
        foot.addWidget(hint, 1)
        foot.addWidget(self.take)
        column = QVBoxLayout(self)
        side = around.themes.theme.px("space.4")
        column.setContentsMargins(side, side, side, side)
        column.setSpacing(around.themes.theme.px("space.3"))
        column.addWidget(self.title)
        column.addWidget(split, 1)
        column.addLayout(foot)
        self.resize(720, 460)
        self.take.setEnabled(False)
        draft.changed.connect(self._show)
        self._read()

    def _read(self) -> None:
        workspace = self._workspace()
        if workspace is None:
            self.title.setText("The database is not open. Try again in a moment.")
            return
        self._bridge.spawn(workspace.agents.history(self._draft.name), self._list, self._failed)

    def _list(self, versions: Sequence[Version]) -> None:
        self.title.setText("1 version" if len(versions) == 1 else f"{len(versions)} versions")
        now = datetime.now(UTC)
        for version in versions:
            said = " · ".join(part for part in (version.author, version.note) if part)
            item = QListWidgetItem(
                f"Version {version.number}\n{clock_time(version.created, now)}" + (f"\n{said}" if said else "")
            )
            item.setData(Qt.ItemDataRole.UserRole, version.number)
            item.setToolTip(said)
            self.list.addItem(item)
        self.list.setCurrentRow(0)
        self.list.setFocus()

    def _number(self) -> int:
        row = self.list.currentRow()
        return int(self.list.item(row).data(Qt.ItemDataRole.UserRole)) if row >= 0 else 0

    def _show(self) -> None:
        number, workspace = self._number(), self._workspace()
        agent = self._known.get(number)
        if agent is not None:
            lines = differences(agent, self._draft.agent, labels=("then", "now"))
            self.text.setPlainText("\n".join(lines) or "It is what is in the editor now.")
            self.take.setEnabled(bool(lines))
        elif number and workspace is not None:
            self.take.setEnabled(False)
            self._bridge.spawn(
                workspace.agents.get(self._draft.name, number), partial(self._know, number), self._failed
            )

    def _know(self, number: int, saved: SavedAgent) -> None:
        self._known[number] = saved.agent
        if number == self._number():
            self._show()

    def _take(self) -> None:
        number = self._number()
        agent = self._known.get(number)
        if agent is not None:
            name = self._draft.agent.name
            self._draft.edit(f"Take version {number} back", lambda _: replace(agent, name=name))

    def _failed(self, error: Exception) -> None:
        self.title.setText(explain(error))
