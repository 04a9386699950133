"""What a thread with an event loop of its own does from its beginning to its end."""

from __future__ import annotations

import asyncio


def run_until_stopped(loop: asyncio.AbstractEventLoop) -> None:
    """Run a loop on this thread until `stop` is called on it; then cancel what is left there, and close it."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        asyncio.set_event_loop(None)
        loop.close()
