"""What happens in one process, told to whoever counts or traces it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, TypeAlias

from core.engine.clock import Clock
from core.engine.execution import Listener
from core.engine.services import Models
from core.monitoring.model_calls import ObservedModels, Observer
from core.settings import TelemetrySettings

if TYPE_CHECKING:
    from core.monitoring.metrics import Metrics

RecallObserver: TypeAlias = Callable[[float, str], None]
"""Gets the seconds of every search in a memory, and its mode: `vector` or `keyword`."""


class Watch:
    """A workspace's watchers. Each list may grow at any time; with nobody in them nothing is counted.

    listeners: of the engine's events. observers: of questions to models. recalls: of searches in memories.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.listeners: list[Listener] = []
        self.observers: list[Observer] = []
        self.recalls: list[RecallObserver] = []

    def over(self, models: Models) -> Models:
        """The same models, whose calls are told to the observers."""
        return ObservedModels(models, self._clock, self.observers)

    def recalled(self, seconds: float, mode: str) -> None:
        """A memory was searched."""
        for observer in self.recalls:
            observer(seconds, mode)

    @cached_property
    def metrics(self) -> Metrics:
        """Prometheus metrics, of everything from the first use of this property on."""
        from core.monitoring.metrics import Metrics

        try:
            number = version("steploom")
        except PackageNotFoundError:  # run from its sources
            number = ""
        metrics = Metrics(number)
        self.listeners.append(metrics.heard)
        self.observers.append(metrics.called)
        self.recalls.append(metrics.recalled)
        return metrics


def traced(watch: Watch, settings: TelemetrySettings) -> Callable[[], Awaitable[None]]:
    """Send traces to where the settings say; how to stop, which sends what is left. Call it in a thread: it imports."""
    from core.monitoring.traces import trace_to

    stop = trace_to(watch, settings.endpoint, content=settings.content)
    return lambda: asyncio.to_thread(stop)
