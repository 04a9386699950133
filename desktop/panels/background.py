"""What the panels need from outside: work beside the painting, and facts about the workspace."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from desktop.icons import Icons
from desktop.theme import ThemeManager

if TYPE_CHECKING:
    from core.llm.catalogue import ModelInfo
    from desktop.panels.trigger_publishing import Publishing, ServiceAddress
    from desktop.panels.value_view import ValueView

T = TypeVar("T")


class Background(Protocol):
    """Runs work that must not hold up the window; `desktop.bridge.Bridge` is one."""

    def spawn(
        self,
        work: Coroutine[Any, Any, T],
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> object:
        """Run a coroutine and call back with its result or error."""

    def in_thread(
        self,
        function: Callable[[], T],
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[Exception], None] | None = None,
    ) -> object:
        """Run a function in a thread and call back with its result or error."""


class Facts(Protocol):
    """What the pickers of a form offer."""

    async def models(self) -> Sequence[ModelInfo]:
        """The models of the model server. Raises StepError if they cannot be had."""

    async def secret_names(self) -> Sequence[str]:
        """The names of the kept secrets."""

    async def workflow_names(self) -> Sequence[str]:
        """The names of the library's workflows."""

    async def agent_names(self) -> Sequence[str]:
        """The names of the agents."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every control of a form may need. make_viewer: makes what shows a step's values. now: the time in UTC.

    publishing: the library, to switch the shown workflow's trigger on; None where there is none. service: the
    background service, None where there can be none.
    """

    themes: ThemeManager
    icons: Icons
    background: Background
    facts: Facts
    make_viewer: Callable[[], ValueView]
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    publishing: Publishing | None = None
    service: ServiceAddress | None = None
