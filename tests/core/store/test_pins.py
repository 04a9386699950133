from __future__ import annotations

from datetime import timedelta

import pytest

from core.engine.part import Given
from core.store.blobs import PostgresBlobs
from core.store.database import Database
from core.store.documents import Documents
from core.store.pins import MemoryPins, Pins
from core.store.workflows import Workflows
from core.workflow.model import Workflow


@pytest.fixture
def pins(database: Database) -> Pins:
    return Pins(database)


async def test_a_pin_comes_back_as_it_was_set(pins: Pins) -> None:
    odd = Given({"b": 1, "a": ["\x00", "\ud800", True]}, ("true\x00",), {"tone": None})
    await pins.set("Tri\x00age", "classify", odd)
    await pins.set("Tri\x00age", "draft", Given({"text": "Hi"}))
    assert await pins.of("Tri\x00age") == {"classify": odd, "draft": Given({"text": "Hi"})}
    assert await pins.of("Other") == {}


async def test_pins_that_are_not_kept_are_used_in_the_same_way() -> None:
    pins = MemoryPins()
    await pins.set("Triage", "draft", Given({"n": 1}))
    await pins.rename_step("Triage", "draft", "answer")
    assert await pins.of("Triage") == {"answer": Given({"n": 1})}
    await pins.remove("Triage", "answer")
    assert await pins.of("Triage") == {}


async def test_a_second_pin_of_a_step_takes_the_place_of_the_first(pins: Pins) -> None:
    for text in ("one", "two"):
        await pins.set("Triage", "draft", Given({"text": text}))
    assert await pins.of("Triage") == {"draft": Given({"text": "two"})}
    await pins.remove("Triage", "draft")
    await pins.remove("Triage", "draft")
    assert await pins.of("Triage") == {}


async def test_a_pin_follows_its_step_to_another_id(pins: Pins) -> None:
    await pins.set("Triage", "old", Given({"n": 1}))
    await pins.set("Triage", "new", Given({"n": 2}))
    await pins.rename_step("Triage", "old", "new")
    await pins.rename_step("Triage", "nothing", "new")
    assert await pins.of("Triage") == {"new": Given({"n": 1})}


async def test_pins_follow_their_workflow_when_it_is_renamed_and_copied(pins: Pins, database: Database) -> None:
    library = Workflows(database, Documents())
    await library.save(Workflow("Before"), 0)
    await pins.set("Before", "draft", Given({"n": 1}))
    await pins.set("After", "left over", Given({"n": 2}))
    await library.rename("Before", "After")
    await library.duplicate("After", "Copy")
    assert await pins.of("Before") == {}
    assert await pins.of("After") == await pins.of("Copy") == {"draft": Given({"n": 1})}


async def test_a_file_that_only_a_pin_names_is_kept(pins: Pins, database: Database) -> None:
    blobs = PostgresBlobs(database)
    file = await blobs.put(b"picture", "image/png")
    await pins.set("Triage", "draw", Given({"image": {"blob": file.hash, "media_type": "image/png", "size": 7}}))
    assert await blobs.sweep(timedelta(0)) == 0
    await pins.remove("Triage", "draw")
    assert await blobs.sweep(timedelta(0)) == 1
