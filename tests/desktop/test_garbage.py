"""When garbage is looked for."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.workflow import document
from core.workflow.model import Workflow
from desktop import filing
from desktop.garbage import undisturbed


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    before = gc.isenabled()
    gc.enable()
    yield
    if not before:
        gc.disable()


def test_nothing_is_looked_for_inside_and_afterwards_as_before() -> None:
    with undisturbed():
        assert not gc.isenabled()
        with undisturbed():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_looked_for_again_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), undisturbed():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_what_rests_already_stays_so() -> None:
    gc.disable()
    with undisturbed():
        pass
    assert not gc.isenabled()


async def test_a_document_is_read_without_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    searches: list[bool] = []
    read = document.loads

    def watched(text: str | bytes, source: str = "") -> Workflow:
        searches.append(gc.isenabled())
        return read(text, source)

    monkeypatch.setattr(document, "loads", watched)
    document.save(Workflow("One"), file := tmp_path / "one.loom.yaml")
    assert (await filing._read(file)).workflow == Workflow("One")
    assert searches == [False]
    assert gc.isenabled()
