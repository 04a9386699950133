"""A choice of whose memories are meant: everyone's, the shared ones, or those of one agent."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from PySide6.QtCore import Signal

from desktop.dialogs.value_editors import ChoiceBox
from desktop.memory_panel.around import Around

EVERYONE: Final = "everyone"


class OwnerBox(ChoiceBox):
    """chosen: another owner was chosen. everyone: whether `Everyone's` is offered. shared: what the shared memories
    are called here."""

    chosen = Signal()

    def __init__(self, around: Around, name: str, *, everyone: bool = False, shared: str = "Shared by all") -> None:
        super().__init__()
        self._desk, self._everyone, self._shared = around.desk, everyone, shared
        self._picked = False
        self.setAccessibleName(name)
        self.setMinimumContentsLength(8)
        self.setSizeAdjustPolicy(ChoiceBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        around.desk.owners_changed.connect(self._fill)
        self._fill()
        self.activated.connect(lambda _row: self._pick())

    @property
    def owner(self) -> UUID | str | None:
        """An agent's id, None for the shared memories, EVERYONE for all."""
        data: UUID | str | None = self.currentData()
        return data

    @property
    def agent_id(self) -> UUID | None:
        """An agent's id, None for the shared memories."""
        owner = self.owner
        return owner if isinstance(owner, UUID) else None

    def choose(self, owner: UUID | str | None) -> None:
        """Choose an owner, if it is offered."""
        for row in range(self.count()):
            if self.itemData(row) == owner:
                self.setCurrentIndex(row)
                self._picked = True

    def _fill(self) -> None:
        before, picked = self.owner, self._picked
        self.clear()
        if self._everyone:
            self.addItem("Everyone's", EVERYONE)
        for owner in self._desk.owners:
            self.addItem(owner.name, owner.id)
        self.addItem(self._shared, None)
        self.setCurrentIndex(0)
        if picked:
            self.choose(before)
        self._picked = picked

    def _pick(self) -> None:
        self._picked = True
        self.chosen.emit()
