"""All branches of a conversation as a tree, and the conversations that were forked from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from core.store.conversations import Fork, Tree, Twig
from desktop.chat.blocks import plain_line
from desktop.chat.source import ChatAround
from desktop.panels.wording import ago
from desktop.style import set_role

PLACE: Final = Qt.ItemDataRole.UserRole
LONGEST: Final = 70


@dataclass(slots=True)
class Branch:
    """Messages that follow each other with nothing beside them. is_shown: they stand on the branch that is shown."""

    twigs: list[Twig]
    is_shown: bool = False
    branches: list[Branch] = field(default_factory=list)
    forks: list[Fork] = field(default_factory=list)

    @property
    def last(self) -> Twig:
        """The newest of the messages."""
        return self.twigs[-1]


def branches_of(tree: Tree, head: int | None) -> list[Branch]:
    """The branches that begin the conversation, each with those that part from it."""
    children: dict[int | None, list[Twig]] = {}
    for twig in tree.twigs:
        children.setdefault(twig.parent, []).append(twig)
    by_id = {twig.id: twig for twig in tree.twigs}
    shown: set[int] = set()
    at = head
    while at is not None and at in by_id:
        shown.add(at)
        at = by_id[at].parent
    forks: dict[int, list[Fork]] = {}
    for fork in tree.forks:
        forks.setdefault(fork.message, []).append(fork)
    roots = [Branch([twig]) for twig in children.get(None, ())]
    todo = list(roots)
    while todo:
        branch = todo.pop()
        while len(following := children.get(branch.last.id, [])) == 1:
            branch.twigs.append(following[0])
        branch.branches = [Branch([twig]) for twig in following]
        branch.is_shown = branch.twigs[0].id in shown
        branch.forks = [fork for twig in branch.twigs for fork in forks.get(twig.id, ())]
        todo += branch.branches
    return roots


class BranchesWindow(QDialog):
    """A window beside the chat; open it with `show`. chosen: the id of a message whose branch is wanted.

    fork_chosen: the id of a conversation.
    """

    chosen = Signal(int)
    fork_chosen = Signal(object)

    def __init__(self, tree: Tree, head: int | None, title: str, around: ChatAround, parent: QWidget) -> None:
        super().__init__(parent)
        self._around = around
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle(f"Branches of “{title}”")
        count = len({twig.id for twig in tree.twigs} - {twig.parent for twig in tree.twigs})
        said = "1 branch" if count == 1 else f"{count} branches"
        forked = f", {len(tree.forks)} forked from it" if tree.forks else ""
        label = QLabel(f"{said}{forked}")
        set_role(label, kind="title")
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["It goes", "Messages", "Last"])
        self.tree.setAccessibleName("Branches of the conversation")
        self.tree.setIconSize(QSize(16, 16))
        self.tree.setAlternatingRowColors(False)
        self.tree.setUniformRowHeights(True)
        self.tree.setStyleSheet("QTreeWidget::item, QTreeWidget::branch { border-radius: 0; min-height: 26px; }")
        header = self.tree.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        self.show_button = QPushButton("Show")
        self.show_button.setAutoDefault(False)
        set_role(self.show_button, role="primary")
        self.show_button.clicked.connect(self._choose)
        self.tree.itemActivated.connect(lambda *_: self._choose())
        self.tree.currentItemChanged.connect(lambda *_: self.show_button.setEnabled(True))
        hint = QLabel("A message that is edited, or an answer made again, begins a branch beside the old one.")
        hint.setWordWrap(True)
        set_role(hint, kind="caption")
        foot = QHBoxLayout()
        foot.addWidget(hint, 1)
        foot.addWidget(self.show_button)
        column_box = QVBoxLayout(self)
        side = around.themes.theme.px("space.4")
        column_box.setContentsMargins(side, side, side, side)
        column_box.setSpacing(around.themes.theme.px("space.3"))
        column_box.addWidget(label)
        column_box.addWidget(self.tree, 1)
        column_box.addLayout(foot)
        self.resize(620, 420)
        self.show_button.setEnabled(False)
        self._fill(branches_of(tree, head))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802 - Qt's name
        """Enter shows the chosen branch."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose()
            return
        super().keyPressEvent(event)

    def _fill(self, branches: Sequence[Branch]) -> None:
        marked: QTreeWidgetItem | None = None
        todo: list[tuple[Branch, QTreeWidgetItem | None]] = [(branch, None) for branch in reversed(branches)]
        while todo:
            branch, above = todo.pop()
            item = self._item(branch)
            if above is None:
                self.tree.addTopLevelItem(item)
            else:
                above.addChild(item)
            if branch.is_shown:
                marked = item
            for fork in branch.forks:
                item.addChild(self._fork(fork))
            todo += [(each, item) for each in reversed(branch.branches)]
        self.tree.expandAll()
        if marked is not None:
            self.tree.setCurrentItem(marked)
            self.tree.scrollToItem(marked)
        self.tree.setFocus()

    def _item(self, branch: Branch) -> QTreeWidgetItem:
        around, last = self._around, branch.last
        said = next((twig for twig in branch.twigs if twig.start.strip() and twig.role != "tool"), branch.twigs[0])
        who = "You" if said.role == "user" else said.agent or "Answer"
        text = plain_line(said.start)
        text = f"{who}: {text[:LONGEST]}…" if len(text) > LONGEST else f"{who}: {text or '…'}"
        spoken = sum(twig.role != "tool" for twig in branch.twigs)
        when = ago(last.created, around.now()) if last.created is not None else ""
        item = QTreeWidgetItem([text, str(spoken), when])
        icon, colour = ("circle-check", "accent") if branch.is_shown else ("git-branch", "text.muted")
        item.setIcon(0, around.icons.icon(icon, around.themes.theme, colour))
        item.setTextAlignment(1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setData(0, PLACE, last.id)
        item.setToolTip(0, said.start)
        if branch.is_shown:
            item.setData(0, Qt.ItemDataRole.AccessibleTextRole, f"{text}, shown now")
        return item

    def _fork(self, fork: Fork) -> QTreeWidgetItem:
        item = QTreeWidgetItem([f"Forked: {fork.title or 'Untitled'}", "", ""])
        item.setIcon(0, self._around.icons.icon("git-fork", self._around.themes.theme, "text.muted"))
        item.setData(0, PLACE, fork.conversation_id)
        return item

    def _choose(self) -> None:
        items = self.tree.selectedItems()
        if not items:
            return
        place = items[0].data(0, PLACE)
        self.close()
        if isinstance(place, UUID):
            self.fork_chosen.emit(place)
        else:
            self.chosen.emit(int(place))
