"""Input sets: kept for each workflow, private, and no trouble when their file is broken."""

from __future__ import annotations

from pathlib import Path

from desktop.saved_inputs import InputSets, SavedInputs


def test_the_last_inputs_and_named_sets_come_back(tmp_path: Path) -> None:
    saved = SavedInputs(tmp_path / "inputs")
    assert saved.read("Triage") == InputSets()
    saved.remember("Triage", {"ticket": "It is down"})
    saved.save("Triage", "angry", {"ticket": "IT IS DOWN", "urgent": True})
    saved.remember("Triage", {"ticket": "It works"})

    assert SavedInputs(tmp_path / "inputs").read("Triage") == InputSets(
        {"ticket": "It works"}, {"angry": {"ticket": "IT IS DOWN", "urgent": True}}
    )


def test_workflows_do_not_share_their_sets(tmp_path: Path) -> None:
    saved = SavedInputs(tmp_path)
    saved.save("/a/Triage.loom.yaml", "x", {"n": 1})
    saved.save("/b/Triage.loom.yaml", "x", {"n": 2})

    assert saved.read("/a/Triage.loom.yaml").named == {"x": {"n": 1}}
    assert saved.remove("/a/Triage.loom.yaml", "x").named == {}
    assert saved.read("/b/Triage.loom.yaml").named == {"x": {"n": 2}}


def test_a_broken_file_is_as_none(tmp_path: Path) -> None:
    saved = SavedInputs(tmp_path)
    saved.remember("Triage", {"n": 1})
    (file,) = tmp_path.iterdir()
    for text in ("{", "[]", '{"last": 3, "named": {"a": 4}}'):
        file.write_text(text, encoding="utf-8")
        assert saved.read("Triage").last == {}


def test_nobody_else_can_read_the_file(tmp_path: Path) -> None:
    SavedInputs(tmp_path).remember("Triage", {"ticket": "private"})
    (file,) = tmp_path.iterdir()

    assert file.stat().st_mode & 0o077 == 0
