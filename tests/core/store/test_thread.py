from __future__ import annotations

import asyncio
import threading

import pytest

from core.store.errors import StoreClosed
from core.store.thread import StoreThread


async def _where() -> tuple[int, type[asyncio.AbstractEventLoop]]:
    return threading.get_ident(), type(asyncio.get_running_loop())


async def test_calls_run_on_a_thread_and_a_selector_loop_of_their_own(thread: StoreThread) -> None:
    ident, loop = await thread.call(_where)
    assert ident != threading.get_ident()
    assert issubclass(loop, asyncio.SelectorEventLoop)


def test_it_works_before_any_loop_exists(thread: StoreThread) -> None:
    ident, _ = thread.run(_where)
    assert ident != threading.get_ident()


async def test_results_and_errors_come_back(thread: StoreThread) -> None:
    async def add(a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    async def fail() -> None:
        raise KeyError("here")

    assert await thread.call(add, 1, b=2) == 3
    with pytest.raises(KeyError, match="here"):
        await thread.call(fail)


async def test_a_cancelled_caller_cancels_its_call(thread: StoreThread) -> None:
    begun = threading.Event()
    cancelled = threading.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    task = asyncio.create_task(thread.call(wait))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(cancelled.wait, 10)


async def test_a_callers_loop_goes_on_while_the_store_is_busy(thread: StoreThread) -> None:
    release = threading.Event()

    async def block() -> None:
        release.wait(10)

    task = asyncio.create_task(thread.call(block))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not task.done()
    release.set()
    await task


async def test_closing_cancels_what_runs_and_refuses_what_comes_later() -> None:
    thread = StoreThread()
    begun = threading.Event()

    async def wait() -> None:
        begun.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(thread.call(wait))
    await asyncio.to_thread(begun.wait, 10)
    await asyncio.to_thread(thread.close)
    with pytest.raises(asyncio.CancelledError):
        await task
    thread.close()
    with pytest.raises(StoreClosed):
        await thread.call(_where)
