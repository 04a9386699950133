from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from tests.support.command_line import Cli

Write = Callable[..., Path]
STEPS = "steps:\n  say: {type: template, config: {text: hi}}\n"


@pytest.fixture(autouse=True)
def _database(database: str) -> None:
    """Every test here needs one."""


def test_a_scheduled_workflow_is_published_switched_on_paused_and_switched_off(cli: Cli, write: Write) -> None:
    file = write("Daily", "trigger: {type: schedule, cron: '0 9 * * *', zone: Europe/Berlin}\n" + STEPS)
    cli("workflows", "import", file)
    assert "activate 'Daily'" in cli("workflows", "publish", "Daily").err
    assert "No schedule is at work" in cli("schedules", "list").err + cli("schedules", "list").out
    assert "Version 1 is active" in cli("workflows", "activate", "Daily").err
    (entry,) = cli("workflows", "list", "--json").json
    assert (entry["published_version"], entry["is_active"]) == (1, True)

    (shown,) = cli("schedules", "list", "--json").json
    assert (shown["workflow"], shown["zone"], shown["paused"]) == ("Daily", "Europe/Berlin", False)
    (first, _, _) = cli("schedules", "next", "Daily", "-n", "3", "--json").json
    assert "T09:00:00+0" in first
    assert "0 9 * * *" in cli("schedules", "list").out
    assert "schedules resume 'Daily'" in cli("schedules", "pause", "Daily").err
    assert cli("schedules", "list", "--json").json[0]["next_at"] is None
    assert "09:00 CE" in cli("schedules", "resume", "Daily").err
    assert "None of its times has come yet" in cli("schedules", "past", "Daily").out
    assert cli("schedules", "past", "Daily", "--json").json == []
    assert cli("workflows", "deactivate", "Daily").code == 0
    gone = cli("schedules", "pause", "Daily")
    assert gone.code == 2
    assert "no schedule at work" in gone.err


def test_the_times_that_came_are_listed_with_what_became_of_each(cli: Cli, write: Write, database: str) -> None:
    cli(
        "workflows",
        "import",
        write("Daily", "trigger: {type: schedule, cron: '0 9 * * *', zone: Asia/Tokyo}\n" + STEPS),
    )
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO schedule_times SELECT id, '2026-03-01T00:00Z', '2026-03-01T02:00Z', 'gone', 'started late' "
            "FROM workflows"
        )
    (told,) = cli("schedules", "past", "Daily", "--json").json
    assert (told["at"], told["outcome"]) == ("2026-03-01T00:00:00+00:00", "started late")
    assert (told["run_id"], told["run_status"]) == ("gone", None)
    shown = cli("schedules", "past", "Daily").out
    assert "2026-03-01 09:00:00 JST" in shown
    assert "not kept any more" in shown
    assert cli("schedules", "past", "Weekly").code == 2


def test_a_published_version_that_cannot_be_read_is_listed_with_what_to_do(
    cli: Cli, write: Write, database: str
) -> None:
    for name in ("Broken", "Daily"):
        cli("workflows", "import", write(name, "trigger: {type: schedule, cron: '0 9 * * *'}\n" + STEPS))
        cli("workflows", "activate", name)
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("UPDATE documents SET body = '{}'::json WHERE body ->> 'name' = 'Broken'")
    listed = {one["workflow"]: one for one in cli("schedules", "list", "--json").json}
    assert listed["Daily"]["problem"] == ""
    assert "cannot be read" in listed["Broken"]["problem"]
    assert "unreadable" in cli("schedules", "list").out
    refused = cli("schedules", "resume", "Broken")
    assert refused.code == 2
    assert "publish a version that can be read" in refused.err


def test_what_cannot_run_is_not_published(cli: Cli, write: Write) -> None:
    cli("workflows", "import", write("Bad", "trigger: {type: schedule, cron: '99 9 * * *'}\n" + STEPS))
    for command in ("publish", "activate"):
        refused = cli("workflows", command, "Bad")
        assert refused.code == 2
        assert "bad minute" in refused.err
    assert "bad minute" in cli("schedules", "next", "Bad").err


def test_a_second_workflow_of_one_path_is_refused_and_times_of_others_are_not_told(cli: Cli, write: Write) -> None:
    trigger = "trigger: {type: api, path: /orders}\n" + STEPS
    cli("workflows", "import", write("One", trigger), write("Two", trigger))
    assert "/hooks/orders" in cli("workflows", "activate", "One").err
    refused = cli("workflows", "activate", "Two")
    assert refused.code == 2
    assert "same method and path" in refused.err
    assert "has no schedule" in cli("schedules", "next", "One").err
