from __future__ import annotations

import itertools
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from core.engine.testing import ManualClock
from core.workflow.edits import set_title
from core.workflow.model import Step, Workflow
from desktop import unsaved_work
from desktop.document import OpenDocument
from desktop.undo_journal import INTERVAL, UndoJournal
from desktop.unsaved_work import Owner, State, UnsavedFile, recoverable

REPOSITORY = Path(__file__).parents[2]
GONE = Owner(999_999_999, 1.0)


class Here(Executor):
    """Does at once, in this thread, what it is given."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(fn(*args, **kwargs))
        return done


class Desk:
    """A journal with time by hand."""

    def __init__(self, folder: Path, first_name: int = 1) -> None:
        self.folder = folder
        self.clock = ManualClock()
        self.troubles: list[str] = []
        numbers = itertools.count(first_name)
        self.journal = UndoJournal(
            folder, clock=self.clock, worker=Here(), owner=GONE, new_id=lambda: f"n{next(numbers)}"
        )
        self.journal.trouble.connect(self.troubles.append)

    def titles(self) -> list[str]:
        """The titles of the step in the unsaved work there is."""
        found = [unsaved.workflow()[0] for unsaved in recoverable(self.folder)]
        return [workflow.steps["a"].title for workflow in found if workflow is not None]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "unsaved")
    yield made
    made.journal.close()


def opened(name: str = "W") -> OpenDocument:
    return OpenDocument(Workflow(name, steps={"a": Step("a", "ask")}), file=Path("/x/w.loom.yaml"), version=3)


def call(document: OpenDocument, title: str) -> None:
    document.apply("Title", lambda workflow: set_title(workflow, "a", title))


async def test_an_edit_is_on_disk_at_once_and_further_ones_within_half_a_second(desk: Desk) -> None:
    document = opened()
    desk.journal.follow(document)
    assert desk.titles() == []
    call(document, "one")
    assert desk.titles() == ["one"]
    call(document, "two")
    call(document, "three")
    assert desk.titles() == ["one"]
    await desk.clock.advance(INTERVAL)
    assert desk.titles() == ["three"]
    (file,) = desk.folder.iterdir()
    assert file.read_bytes().count(b"\n") == 3
    assert desk.clock.sleeping == 0


async def test_what_can_be_recovered_says_where_it_came_from_and_when(desk: Desk) -> None:
    document = opened("Named")
    desk.journal.follow(document)
    call(document, "one")
    (unsaved,) = recoverable(desk.folder)
    state = unsaved.state
    assert (state.name, state.file, state.version, state.at) == ("Named", Path("/x/w.loom.yaml"), 3, desk.clock.now())
    assert unsaved.workflow() == (document.workflow, [])


async def test_saving_removes_it_and_the_next_edit_begins_anew(desk: Desk) -> None:
    document = opened()
    desk.journal.follow(document)
    call(document, "one")
    call(document, "two")
    document.mark_saved()
    assert desk.titles() == []
    await desk.clock.advance(INTERVAL)
    assert list(desk.folder.iterdir()) == []
    call(document, "three")
    assert desk.titles() == ["three"]


async def test_undoing_to_what_is_saved_removes_it_too(desk: Desk) -> None:
    document = opened()
    desk.journal.follow(document)
    call(document, "one")
    document.stack.undo()
    assert desk.titles() == []
    document.stack.redo()
    await desk.clock.advance(INTERVAL)
    assert desk.titles() == ["one"]


async def test_closing_a_document_removes_it_and_closing_the_program_keeps_it(desk: Desk) -> None:
    first, second = opened(), opened()
    for document in (first, second):
        desk.journal.follow(document)
        call(document, "one")
        call(document, "two")
    desk.journal.forget(first)
    call(first, "ignored")
    desk.journal.close()
    call(second, "ignored")
    assert desk.titles() == ["two"]
    assert desk.clock.sleeping == 0


async def test_recovered_work_is_unsaved_still_under_the_new_programs_name(desk: Desk) -> None:
    document = opened()
    desk.journal.follow(document)
    call(document, "one")
    desk.journal.close()
    again = Desk(desk.folder, first_name=2)
    (unsaved,) = recoverable(desk.folder)
    workflow, _ = unsaved.workflow()
    assert workflow is not None
    restored = OpenDocument(workflow)
    again.journal.adopt(restored, unsaved)
    assert not restored.is_saved
    assert [path.name for path in desk.folder.iterdir()] == ["n2.unsaved"]
    assert again.titles() == ["one"]
    restored.mark_saved()
    assert again.titles() == []
    again.journal.close()


async def test_a_folder_that_cannot_be_written_is_told_once_and_loses_nothing_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    desk = Desk(tmp_path / "file" / "unsaved")
    document = opened()
    desk.journal.follow(document)
    for title in ("one", "two"):
        call(document, title)
        await desk.clock.advance(INTERVAL)
    (told,) = desk.troubles
    assert "“W”" in told
    assert "Save the workflow soon" in told
    assert document.workflow.steps["a"].title == "two"
    desk.journal.close()


async def test_read_only_documents_are_not_followed(desk: Desk) -> None:
    desk.journal.follow(OpenDocument(Workflow("W"), read_only=True))
    assert not desk.folder.exists()


def state(title: str) -> State:
    return State(f"steploom: 1\nname: {title}\n", title, datetime(2026, 1, 1, tzinfo=UTC))


def test_a_line_that_a_crash_cut_off_costs_only_that_state(tmp_path: Path) -> None:
    file = UnsavedFile(tmp_path / "a.unsaved", GONE)
    for title in ("one", "two"):
        file.append(state(title))
    content = file.path.read_bytes()
    second = content.index(b"\n", content.index(b"\n") + 1) + 1
    for size in range(second, len(content)):
        file.path.write_bytes(content[:size])
        assert [unsaved.state.name for unsaved in recoverable(tmp_path)] == ["one"]
    for size in range(second):
        file.path.write_bytes(content[:size])
        assert recoverable(tmp_path) == []


def test_foreign_files_and_broken_lines_are_passed_over(tmp_path: Path) -> None:
    for number, content in enumerate([b"", b"\xff\xfe", b"[]\n", b'{"steploom_unsaved": 2}\n', b"null\n{}\n"]):
        (tmp_path / f"{number}.unsaved").write_bytes(content)
    (tmp_path / "folder.unsaved").mkdir()
    assert recoverable(tmp_path) == []
    assert recoverable(tmp_path / "nowhere") == []


def test_the_work_of_a_program_that_is_running_is_not_offered(tmp_path: Path) -> None:
    UnsavedFile(tmp_path / "mine.unsaved", Owner.this_process()).append(state("mine"))
    reused = Owner(os.getpid(), 1.0)  # the number of a process that is gone, given to this one
    UnsavedFile(tmp_path / "old.unsaved", reused).append(state("old"))
    assert [unsaved.state.name for unsaved in recoverable(tmp_path)] == ["old"]


def test_a_file_that_grows_too_large_keeps_its_last_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unsaved_work, "MAX_BYTES", 1_000)
    file = UnsavedFile(tmp_path / "a.unsaved", GONE)
    for number in range(50):
        file.append(state(str(number)))
        assert file.path.stat().st_size <= 1_000
        assert [unsaved.state.name for unsaved in recoverable(tmp_path)] == [str(number)]
    assert [path.name for path in tmp_path.iterdir()] == ["a.unsaved"]


@pytest.mark.skipif(os.name != "posix", reason="modes of files are a POSIX matter")
def test_unsaved_work_is_for_the_users_eyes_only(tmp_path: Path) -> None:
    file = UnsavedFile(tmp_path / "unsaved" / "a.unsaved", GONE)
    file.append(state("one"))
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("writes", [1, 7, 40])
def test_a_program_killed_while_it_writes_loses_nothing_that_was_written(tmp_path: Path, writes: int) -> None:
    command = [sys.executable, "-m", "tests.support.unsaved_program", str(tmp_path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        told = [int(program.stdout.readline()) for _ in range(writes)]
        program.send_signal(signal.SIGKILL)
        told += [int(line) for line in program.stdout.read().split("\n")[:-1]]
    assert program.returncode == -signal.SIGKILL
    (unsaved,) = recoverable(tmp_path)
    workflow, problems = unsaved.workflow()
    assert workflow is not None
    assert problems == []
    assert int(workflow.steps["a"].title) >= told[-1]
    assert (unsaved.state.file, unsaved.state.version) == (Path("/some/long.loom.yaml"), 7)
    unsaved.discard()
    assert recoverable(tmp_path) == []


def test_each_line_is_json_that_any_program_can_read(tmp_path: Path) -> None:
    file = UnsavedFile(tmp_path / "a.unsaved", GONE)
    file.append(state("é\u2028😀"))
    head, line = map(json.loads, file.path.read_text("utf-8").split("\n")[:-1])
    assert head == {"steploom_unsaved": 1, "pid": GONE.pid, "started": 1.0}
    assert line["text"] == "steploom: 1\nname: é\u2028😀\n"
