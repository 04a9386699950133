from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.engine.errors import StepError
from core.grants import Grant, GrantedFolders
from core.library import Library, find_file
from core.store.store import Store
from core.workflow.document import save
from core.workflow.model import Step, Workflow


def workflow(name: str) -> Workflow:
    return Workflow(name, steps={"a": Step("a", "template", config={"text": "x"})})


@pytest.fixture
async def store(tmp_path: Path, database_url: str) -> AsyncIterator[Store]:
    async with await Store.open(database_url, tmp_path) as opened:
        yield opened


async def test_a_file_beside_the_document_is_found_with_and_without_its_ending(tmp_path: Path) -> None:
    save(workflow("Filed"), tmp_path / "filed.loom.yaml")
    for name in ("filed.loom.yaml", "filed", str(tmp_path / "filed.loom.yaml")):
        assert (await Library().get(name, str(tmp_path))).name == "Filed"


async def test_a_file_comes_before_the_library(tmp_path: Path, store: Store) -> None:
    await store.workflows.save(workflow("both"), 0)
    library = Library(store.workflows)
    assert (await library.get("both", str(tmp_path))).name == "both"
    save(workflow("From the file"), tmp_path / "both.loom.yaml")
    assert (await library.get("both", str(tmp_path))).name == "From the file"


async def test_what_is_in_neither_is_named_with_where_it_was_looked_for_and_the_nearest(
    tmp_path: Path, store: Store
) -> None:
    await store.workflows.save(workflow("Weekly report"), 0)
    with pytest.raises(StepError, match="Did you mean 'Weekly report'") as caught:
        await Library(store.workflows).get("weekly reprot", str(tmp_path))
    assert caught.value.kind == "not_found"
    assert str(tmp_path) in caught.value.message
    save(workflow("Daily"), tmp_path / "daily.loom.yaml")
    with pytest.raises(StepError, match=r"Did you mean 'daily\.loom\.yaml'"):
        await Library(store.workflows).get("dayly", str(tmp_path))


async def test_a_file_elsewhere_is_read_only_where_its_folder_is_granted(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for folder in (mine, theirs):
        folder.mkdir()
        save(workflow(folder.name), folder / f"{folder.name}.loom.yaml")
    (theirs / "link.loom.yaml").symlink_to(mine / "mine.loom.yaml")
    narrow, wide = Library(folders=GrantedFolders()), Library(folders=GrantedFolders([Grant(mine)]))

    assert (await narrow.get("theirs", str(theirs))).name == "theirs"
    for name in ("../mine/mine", "../mine/mine.loom.yaml", str(mine / "mine"), "link"):
        with pytest.raises(StepError, match=f"may not read {mine / 'mine.loom.yaml'}") as caught:
            await narrow.get(name, str(theirs))
        assert caught.value.kind == "refused"
        assert (await wide.get(name, str(theirs))).name == "mine"


async def test_without_a_store_only_files_are_looked_for(tmp_path: Path) -> None:
    with pytest.raises(StepError, match="cannot be used in memory"):
        await Library().get("anything", str(tmp_path))


async def test_a_file_that_is_no_document_is_a_failure_of_validation(tmp_path: Path) -> None:
    (tmp_path / "bad.loom.yaml").write_text("steploom: [")
    with pytest.raises(StepError, match=r"bad\.loom\.yaml") as caught:
        await Library().get("bad", str(tmp_path))
    assert caught.value.kind == "validation"


@pytest.mark.parametrize("name", ["", ".", "..", "/", "gone", "folder", "~nobody-of-that-name/x", "x" * 5000])
def test_what_is_no_file_is_not_found(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    assert find_file(name, str(tmp_path)) is None
