from __future__ import annotations

from pathlib import Path

import pytest

from core.workflow.document import dumps, from_data, load
from core.workflow.model import FORMAT_VERSION
from core.workflow.problems import DocumentError
from core.workflow.upgrade import UPGRADES, upgrade
from core.workflow.yaml_text import parse

FILES = Path(__file__).parent / "files"


def test_every_earlier_format_has_an_upgrade() -> None:
    assert sorted(UPGRADES) == list(range(FORMAT_VERSION))


def test_the_upgrade_of_a_format_0_file_equals_the_format_1_file() -> None:
    old, new = FILES / "format-0.loom.yaml", FILES / "format-1.loom.yaml"
    assert load(old) == load(new)
    assert dumps(load(old)) == new.read_text("utf-8")


def test_an_upgrade_leaves_its_argument_alone() -> None:
    data = parse((FILES / "format-0.loom.yaml").read_bytes())
    upgrade(data)
    assert data == parse((FILES / "format-0.loom.yaml").read_bytes())


def test_data_of_the_present_format_is_not_changed() -> None:
    assert upgrade({"steploom": 1, "flow": 2}) == {"steploom": 1, "flow": 2}


def test_steps_of_format_0_without_an_id_or_with_the_same_are_all_reported() -> None:
    with pytest.raises(DocumentError) as caught:
        from_data({"version": 0, "steps": [5, {"type": "x"}, {"id": "a", "body": [{"id": ""}]}, {"id": "a"}]})
    assert [(problem.code, problem.field) for problem in caught.value.problems] == [
        ("missing_field", "steps.0"),
        ("missing_field", "steps.1"),
        ("missing_field", "steps.2.body.0"),
        ("duplicate_id", "steps.3"),
    ]


def test_a_format_0_document_of_the_wrong_shape_is_judged_as_any_other() -> None:
    with pytest.raises(DocumentError) as caught:
        from_data({"version": 0, "flow": "N", "steps": "none"})
    assert [(problem.code, problem.field) for problem in caught.value.problems] == [("wrong_type", "steps")]
