"""Garbage is looked for on the thread of the window."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Iterator

import pytest
from PySide6.QtCore import QObject

from desktop.collector import Collector


class Knot:
    """A cycle that only a search takes apart; tells on which thread that happened."""

    def __init__(self, ends: list[int]) -> None:
        self.itself = self
        weakref.finalize(self, lambda: ends.append(threading.get_ident()))


@pytest.fixture
def owner(qapp: QObject) -> Iterator[QObject]:
    """Python's own searches are as before after the test."""
    before = gc.isenabled()
    gc.enable()
    owner = QObject()
    yield owner
    owner.deleteLater()
    (gc.enable if before else gc.disable)()


def busy(kept: list[list[int]]) -> None:
    """Make enough objects for some searches."""
    kept.extend([number] for number in range(20_000))


def test_a_thread_that_makes_many_objects_takes_nothing_of_others_apart(owner: QObject) -> None:
    ends: list[int] = []
    collector = Collector(owner)
    collector.begin()
    Knot(ends)
    kept: list[list[int]] = []
    thread = threading.Thread(target=busy, args=[kept])
    thread.start()
    thread.join()
    assert ends == []
    collector.look()
    assert ends == [threading.get_ident()]


def test_python_searches_itself_before_it_begins(owner: QObject) -> None:
    collector = Collector(owner)
    assert gc.isenabled()
    assert not collector.works
    collector.begin()
    collector.begin()
    assert not gc.isenabled()
    assert collector.works


def test_older_garbage_is_found_when_it_is_due(owner: QObject, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    due = {"counts": (701, 0, 0), "blocks": 1_000}
    monkeypatch.setattr("desktop.collector.gc.get_count", lambda: due["counts"])
    monkeypatch.setattr("desktop.collector.gc.get_threshold", lambda: (700, 10, 10))
    monkeypatch.setattr("desktop.collector.gc.collect", lambda generation=2: searched.append(generation))
    monkeypatch.setattr("desktop.collector.sys.getallocatedblocks", lambda: due["blocks"])
    collector = Collector(owner)
    collector.begin()
    for counts, blocks in [
        ((10, 3, 3), 9_000),
        ((701, 3, 3), 9_000),
        ((701, 11, 3), 9_000),
        ((701, 11, 11), 1_100),
        ((701, 11, 11), 1_250),
        ((701, 11, 11), 1_300),
    ]:
        due.update(counts=counts, blocks=blocks)
        collector.look()
    assert searched == [0, 1, 1, 2, 1]
