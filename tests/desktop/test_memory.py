"""What the window remembers survives a restart, and a broken file is as good as none."""

from pathlib import Path

from desktop.memory import FILE, RECENT_KEPT, RecentWork, WindowMemory


def again(home: Path, memory: WindowMemory) -> WindowMemory:
    """The memory as the next start finds it."""
    memory.flush()
    return WindowMemory(home)


def test_choices_survive_a_restart(tmp_path: Path) -> None:
    memory = WindowMemory(tmp_path)
    memory.theme, memory.reduced_motion, memory.first_run_done, memory.demo = "light", True, True, True
    memory.keys = {"file.save": ["F2"], "file.open": []}
    memory.palette_recent = ["a", "b"]
    found = again(tmp_path, memory)
    assert (found.theme, found.reduced_motion, found.first_run_done, found.demo) == ("light", True, True, True)
    assert found.keys == {"file.save": ["F2"], "file.open": []}
    assert found.palette_recent == ("a", "b")


def test_nothing_is_remembered_at_first(tmp_path: Path) -> None:
    memory = WindowMemory(tmp_path)
    assert (memory.theme, memory.reduced_motion, memory.first_run_done, memory.demo) == ("system", False, False, False)
    assert (memory.recent, memory.open_work, memory.keys, memory.geometry) == ((), (), {}, None)


def test_recent_work_is_newest_first_once_each_and_limited(tmp_path: Path) -> None:
    memory = WindowMemory(tmp_path)
    for number in range(RECENT_KEPT + 3):
        memory.opened(RecentWork("file", f"{number}.yaml", str(number)))
    memory.opened(RecentWork("file", "5.yaml", "Five, renamed; with; semicolons, and “quotes”"))
    found = again(tmp_path, memory).recent
    assert len(found) == RECENT_KEPT
    assert found[0].title == "Five, renamed; with; semicolons, and “quotes”"
    assert [work.name for work in found].count("5.yaml") == 1
    memory.forget(found[0])
    assert "5.yaml" not in [work.name for work in memory.recent]


def test_a_broken_file_is_as_good_as_none(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(
        '[work]\nrecent="{not json"\nopen="[1, {\\"kind\\": \\"other\\"}]"\n[look]\ntheme=pink\n'
    )
    memory = WindowMemory(tmp_path)
    assert (memory.recent, memory.open_work, memory.theme) == ((), (), "system")
