"""The bridge: background work of the window, told in words, never blocking, gone when it is closed."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from functools import partial

import pytest
import shiboken6
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication

from core.engine.errors import EngineError
from desktop.bridge import Bridge, explain
from tests.support.qt_loop import next_signal


@pytest.fixture
async def bridge(qapp: QApplication) -> AsyncIterator[Bridge]:
    made = Bridge(asyncio.get_running_loop())
    yield made
    await made.close()


async def giving(value: str) -> str:
    await asyncio.sleep(0)
    return value


async def failing(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


async def test_a_result_is_handed_over_on_the_gui_thread(bridge: Bridge) -> None:
    got: list[tuple[str, bool]] = []
    task = bridge.spawn(giving("x"), lambda value: got.append((value, _is_main())))
    assert task is not None
    await task

    assert got == [("x", True)]


async def test_a_slow_function_runs_in_a_thread_and_its_result_arrives_here(bridge: Bridge) -> None:
    got: list[tuple[bool, bool]] = []
    task = bridge.in_thread(_is_main, lambda there: got.append((there, _is_main())))
    assert task is not None
    await task

    assert got == [(False, True)]


async def test_what_is_asked_again_is_answered_by_the_newer_look_alone(bridge: Bridge) -> None:
    got: list[str] = []
    first = bridge.spawn(giving("before"), got.append)
    second = bridge.spawn(giving("now"), got.append, instead_of=first)
    assert first is not None
    assert second is not None
    await second

    assert first.cancelled()
    assert got == ["now"]


async def test_an_error_for_people_is_told_in_its_own_words(bridge: Bridge) -> None:
    bridge.spawn(failing(EngineError("The run is gone. Start another.")))

    assert await next_signal(bridge.failed) == ("The run is gone. Start another.",)


async def test_a_mistake_of_the_program_is_logged_whole_and_told_without_its_text(
    bridge: Bridge, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        bridge.spawn(failing(ValueError("key sk-123")))
        (text,) = await next_signal(bridge.failed)

    assert "ValueError" in text
    assert "sk-123" not in text
    assert caplog.records[0].exc_info is not None


async def test_whoever_asks_for_the_error_gets_it_instead_of_the_signal(bridge: Bridge) -> None:
    told: list[str] = []
    bridge.failed.connect(told.append)
    got: list[Exception] = []
    task = bridge.spawn(failing(EngineError("no")), None, got.append)
    assert task is not None
    await task

    assert [str(error) for error in got] == ["no"]
    assert told == []


async def test_a_mistake_in_a_callback_is_told_too(bridge: Bridge) -> None:
    def broken(_: str) -> None:
        raise KeyError("x")

    bridge.spawn(giving("x"), broken)

    assert "KeyError" in (await next_signal(bridge.failed))[0]


async def test_work_is_kept_alive_and_counted_until_it_ends(bridge: Bridge) -> None:
    counts: list[int] = []
    bridge.busy_changed.connect(counts.append)
    gate = asyncio.Event()
    waiting, quick = bridge.spawn(gate.wait()), bridge.spawn(giving("x"))
    assert bridge.busy == 2
    gate.set()
    assert waiting is not None
    assert quick is not None
    await asyncio.wait([waiting, quick])
    await asyncio.sleep(0)

    assert counts == [1, 2, 1, 0]


async def test_closing_cancels_what_runs_and_refuses_more(bridge: Bridge) -> None:
    told: list[str] = []
    bridge.failed.connect(told.append)
    done: list[object] = []
    started = bridge.spawn(asyncio.Event().wait(), done.append)
    await asyncio.sleep(0)
    unstarted = bridge.spawn(asyncio.Event().wait(), done.append)
    await bridge.close()
    assert started is not None
    assert unstarted is not None
    assert started.cancelled()
    assert unstarted.cancelled()
    assert bridge.spawn(giving("late"), done.append) is None
    assert (done, told) == ([], [])


def test_files_that_cannot_be_read_are_named() -> None:
    assert explain(FileNotFoundError(2, "No such file or directory", "a.yaml")) == "No such file or directory: a.yaml"


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()


class Waiting(QObject):
    """Something that waits for an answer."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[object] = []

    def hear(self, answer: object) -> None:
        self.setObjectName("answered")  # as what is gone cannot
        self.heard.append(answer)


async def test_an_answer_for_what_was_destroyed_meanwhile_is_dropped(bridge: Bridge) -> None:
    told: list[str] = []
    bridge.failed.connect(told.append)
    gone, there = Waiting(), Waiting()
    tasks = [
        bridge.spawn(giving("x"), gone.hear),
        bridge.spawn(failing(EngineError("no")), None, gone.hear),
        bridge.spawn(giving("z"), partial(gone.hear)),
        bridge.spawn(giving("y"), there.hear),
    ]
    shiboken6.delete(gone)
    for task in tasks:
        assert task is not None
        await task
    assert (gone.heard, there.heard, told) == ([], ["y"], [])
