"""What holds for the tests of the desktop: coroutines run on Qt's loop, as they do in the application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.support.qt_loop import qt_event_loop


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> Mapping[str, Callable[[], Any]]:
    """Asynchronous tests get the loop that the application runs on."""
    return {"qt": qt_event_loop}
