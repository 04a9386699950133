"""Conversations that were deleted and can be had back for a moment; then they are forgotten for good."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final
from uuid import UUID

from PySide6.QtCore import QObject, QTimer, Signal

from desktop.bridge import Bridge

if TYPE_CHECKING:
    from core.store.conversations import Conversations

UNDO_MS: Final = 8_000


class ConversationBin(QObject):
    """changed: what it holds. gone: the id of one that is forgotten now. learner: told of those that are forgotten."""

    changed = Signal()
    gone = Signal(object)

    def __init__(
        self, conversations: Conversations, bridge: Bridge, forget: Callable[[UUID], object] = lambda _: None
    ) -> None:
        super().__init__()
        self._conversations, self._bridge, self._forget = conversations, bridge, forget
        self._timers: dict[UUID, QTimer] = {}

    @property
    def ids(self) -> set[UUID]:
        """The conversations in it."""
        return set(self._timers)

    def put(self, conversation_id: UUID) -> None:
        """Put one in; it is forgotten when the time for undo is over."""
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(lambda: self._over(conversation_id))
        self._timers[conversation_id] = timer
        timer.start(UNDO_MS)
        self.changed.emit()

    def take_out(self, conversation_id: UUID) -> bool:
        """Have one back; False if it is too late."""
        timer = self._timers.pop(conversation_id, None)
        if timer is None:
            return False
        timer.stop()
        timer.deleteLater()
        self.changed.emit()
        return True

    async def empty(self) -> None:
        """Forget all that is in it, now."""
        for conversation_id in list(self._timers):
            self._timers.pop(conversation_id).stop()
            await self._conversations.delete(conversation_id)
            self._forget(conversation_id)

    def _over(self, conversation_id: UUID) -> None:
        timer = self._timers.pop(conversation_id, None)
        if timer is not None:
            timer.deleteLater()
            self._bridge.spawn(
                self._conversations.delete(conversation_id), lambda _: self._forgotten(conversation_id), self._kept
            )

    def _forgotten(self, conversation_id: UUID) -> None:
        self._forget(conversation_id)
        self.gone.emit(conversation_id)

    def _kept(self, error: Exception) -> None:
        """It could not be deleted, because it is being answered or the database is away: it is shown again."""
        self._bridge.tell(error)
        self.changed.emit()
