from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from core.steps import discover
from core.workflow.document import loads
from core.workflow.model import Json, Trigger, Workflow
from core.workflow.rates import Rate, parse_rate
from core.workflow.schedule_times import next_time, next_times, times_before
from core.workflow.triggers import ApiTrigger, ManualTrigger, MessageTrigger, Schedule, read_trigger, trigger_problems
from core.workflow.validate import validate


def schedule(**options: Json) -> Schedule:
    read, problems = read_trigger(Trigger("schedule", options))
    assert not problems
    assert isinstance(read, Schedule)
    return read


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def shown(times: list[datetime]) -> list[str]:
    return [f"{time:%m-%d %H:%M}" for time in times]


def test_a_schedule_reads_with_its_defaults_and_with_everything_said() -> None:
    assert schedule(cron=" 0  9 * * 1-5 ") == Schedule(cron="0 9 * * 1-5")
    full = schedule(
        every="15m", zone="Europe/Berlin", start="2026-12-01", end="2026-12-31", missed="all", overlap="queue",
        jitter="30s", inputs={"a": 1}, concurrency=2, concurrency_key="{{ input.a }}",
    )  # fmt: skip
    assert full == Schedule(
        every=900.0, zone="Europe/Berlin", start=utc("2026-11-30T23:00"), end=utc("2026-12-31T23:00"), missed="all",
        overlap="queue", jitter=30.0, inputs={"a": 1},
    )  # fmt: skip
    assert schedule(at="2026-07-01T09:00", zone="Europe/Berlin").at == utc("2026-07-01T07:00")
    assert schedule(at="2026-07-01T09:00+05:00").at == utc("2026-07-01T04:00")


def test_the_other_triggers_read_with_their_defaults_and_with_everything_said() -> None:
    assert read_trigger(Trigger("manual")) == (ManualTrigger(), [])
    assert read_trigger(Trigger("message")) == (MessageTrigger(), [])
    assert read_trigger(Trigger("message", {"channel": "new_orders"})) == (MessageTrigger("new_orders"), [])
    assert read_trigger(Trigger("api")) == (ApiTrigger(), [])
    options: dict[str, Json] = {
        "path": "/orders/{number}", "method": "PUT", "answer": "accept", "timeout": "5m", "auth": "hmac",
        "secret": "shop", "signature_header": "X-Signature", "replay_window": "60s", "idempotency_header": "X-Id",
        "rate": "60/1m", "max_body": "2MB",
    }  # fmt: skip
    expected = ApiTrigger(
        path="/orders/{number}",
        method="PUT",
        answer="accept",
        timeout=300.0,
        auth="hmac",
        secret="shop",
        signature_header="X-Signature",
        replay_window=60.0,
        idempotency_header="X-Id",
        rate=Rate(60, 60.0),
        max_body=2_000_000,
    )
    assert read_trigger(Trigger("api", options)) == (expected, [])


WRONG: list[tuple[str, dict[str, Json], str, str]] = [
    ("schedule", {}, "trigger.cron", "does not say when"),
    ("schedule", {"cron": "0 9 * *"}, "trigger.cron", "five fields"),
    ("schedule", {"cron": "0 0 9 * * 1"}, "trigger.cron", "five fields"),
    ("schedule", {"cron": "61 9 * * *"}, "trigger.cron", "bad minute"),
    ("schedule", {"cron": "0 9 30 2 *"}, "trigger.cron", "bad day-of-month"),
    ("schedule", {"cron": 5}, "trigger.cron", "must be text"),
    ("schedule", {"cron": "0 9 * * *", "every": "5m"}, "trigger.every", "2 ways"),
    ("schedule", {"every": "0s"}, "trigger.every", "between"),
    ("schedule", {"every": "soon"}, "trigger.every", "duration"),
    ("schedule", {"at": "tomorrow"}, "trigger.at", "no date"),
    ("schedule", {"cron": "0 9 * * *", "zone": "Europe/Berlino"}, "trigger.zone", "no time zone"),
    ("schedule", {"cron": "0 9 * * *", "zone": "/etc/passwd"}, "trigger.zone", "no time zone"),
    ("schedule", {"cron": "0 9 * * *", "missed": "twice"}, "trigger.missed", "one of skip, once, all"),
    ("schedule", {"cron": "0 9 * * *", "overlap": True}, "trigger.overlap", "one of skip, queue, parallel"),
    ("schedule", {"cron": "0 9 * * *", "start": "2026-02-02", "end": "2026-01-01"}, "trigger.end", "before it starts"),
    ("schedule", {"cron": "0 9 * * *", "jitter": "2d"}, "trigger.jitter", "between"),
    ("schedule", {"cron": "0 9 * * *", "inputs": []}, "trigger.inputs", "names with values"),
    ("schedule", {"cron": "0 9 * * *", "overlapp": "queue"}, "trigger.overlapp", "no option"),
    ("schedule", {"cron": "0 9 * * *", "path": "/x"}, "trigger.path", "means nothing"),
    ("message", {"channel": "a-b"}, "trigger.channel", "no name of a channel"),
    ("api", {"path": "orders"}, "trigger.path", "no path"),
    ("api", {"path": "/a/../{x}/{x}"}, "trigger.path", "no path"),
    ("api", {"method": "FETCH"}, "trigger.method", "one of POST"),
    ("api", {"answer": "maybe"}, "trigger.answer", "one of wait, accept"),
    ("api", {"timeout": "2h"}, "trigger.timeout", "between"),
    ("api", {"auth": "hmac"}, "trigger.secret", "need a secret"),
    ("api", {"secret": "a b"}, "trigger.secret", "no name of a secret"),
    ("api", {"idempotency_header": "a: b"}, "trigger.idempotency_header", "no name of a header"),
    ("api", {"replay_window": "2d"}, "trigger.replay_window", "one day"),
    ("api", {"rate": "lots"}, "trigger.rate", "no rate"),
    ("api", {"rate": "0/1m"}, "trigger.rate", "no rate"),
    ("api", {"max_body": "1GB"}, "trigger.max_body", "how large"),
    ("manual", {"concurrency": 0}, "trigger.concurrency", "at a time"),
    ("manual", {"concurrency_key": 4}, "trigger.concurrency_key", "must be text"),
    ("whenever", {}, "trigger.type", "Nothing is known"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "options", "place", "words"), WRONG)
def test_what_is_wrong_with_a_trigger_is_said_at_its_field(
    type_: str, options: Mapping[str, Json], place: str, words: str
) -> None:
    _, problems = read_trigger(Trigger(type_, options))
    assert [problem.field for problem in problems] == [place]
    assert words in problems[0].message
    assert problems[0].fix


def test_checking_a_workflow_finds_every_problem_of_its_trigger_with_its_line() -> None:
    workflow = Workflow("W", trigger=Trigger("schedule", {"cron": "x", "zone": "y"}))
    fields = [problem.field for problem in validate(workflow, discover())]
    assert fields[:2] == ["trigger.zone", "trigger.cron"]


def test_a_schedule_must_give_what_the_workflow_needs() -> None:
    text = "steploom: 1\nname: N\ntrigger: {type: schedule, every: 1h, inputs: {b: 5}}\ninputs: {a: {type: string}}\n"
    problems = [problem for problem in validate(loads(text), discover()) if problem.field.startswith("trigger")]
    assert [(problem.field, problem.code) for problem in problems] == [
        ("trigger.inputs.b", "unknown_input"),
        ("trigger.inputs.a", "missing_input"),
    ]


@pytest.mark.parametrize(
    ("cron", "after", "expected"),
    [
        # The night of 29 March 2026 has no 02:30: it comes once the gap is over, at 03:00, and once only.
        ("30 2 * * *", "2026-03-28T12:00", ["03-29 01:00", "03-30 00:30"]),
        # The night of 25 October 2026 has 02:30 twice: it comes at the first.
        ("30 2 * * *", "2026-10-24T12:00", ["10-25 00:30", "10-26 01:30"]),
        # What comes all the time goes on evenly through both.
        ("0 * * * *", "2026-03-28T23:30", ["03-29 00:00", "03-29 01:00", "03-29 02:00"]),
        ("*/30 * * * *", "2026-10-25T00:10", ["10-25 00:30", "10-25 01:00", "10-25 01:30", "10-25 02:00"]),
        # Nine o'clock stays nine o'clock.
        ("0 9 * * *", "2026-03-28T00:00", ["03-28 08:00", "03-29 07:00"]),
        ("0 9 * * *", "2026-10-24T00:00", ["10-24 07:00", "10-25 08:00"]),
    ],
)
def test_summer_and_winter_time_neither_lose_nor_double_a_time(cron: str, after: str, expected: list[str]) -> None:
    plan = schedule(cron=cron, zone="Europe/Berlin")
    times = next_times(plan, utc(after), len(expected))
    assert shown(times) == expected
    back = times_before(plan, times[-1])
    assert [next(back) for _ in expected] == times[::-1]


def test_an_interval_goes_on_evenly_from_its_start_or_from_midnight() -> None:
    assert shown(next_times(schedule(every="15m"), utc("2026-01-01T12:07"), 2)) == ["01-01 12:15", "01-01 12:30"]
    assert shown(next_times(schedule(every="15m"), utc("2026-01-01T12:15"), 1)) == ["01-01 12:30"]
    from_start = schedule(every="1h", start="2026-01-02T00:20")
    assert shown(next_times(from_start, utc("2026-01-01T12:00"), 2)) == ["01-02 00:20", "01-02 01:20"]
    assert list(times_before(from_start, utc("2026-01-02T01:00"))) == [utc("2026-01-02T00:20")]


def test_a_schedule_of_one_time_and_one_that_has_ended_come_no_more() -> None:
    once = schedule(at="2026-01-01T09:00")
    assert next_time(once, utc("2026-01-01T08:59")) == utc("2026-01-01T09:00")
    assert next_time(once, utc("2026-01-01T09:00")) is None
    until = schedule(cron="0 9 * * *", start="2026-01-01", end="2026-01-02")
    assert shown(next_times(until, utc("2025-06-01T00:00"))) == ["01-01 09:00", "01-02 09:00"]
    assert shown(list(times_before(until, utc("2027-01-01T00:00")))) == ["01-02 09:00", "01-01 09:00"]


@pytest.mark.parametrize("text", ["60/1m", "5/1s", "1000/1d", "3/90s", "7/36h"])
def test_a_rate_is_written_as_it_is_read(text: str) -> None:
    rate = parse_rate(text)
    assert rate is not None
    assert str(rate) == text


def test_a_trigger_names_inputs_and_outputs_that_there_are() -> None:
    options = {"body": "payload", "headers": "abuot", "respond": "txt", "respond_type": "html"}
    workflow = Workflow(
        "W", trigger=Trigger("api", options), inputs={"payload": {}, "about": {}}, outputs={"text": "x"}
    )
    found = {problem.field: problem for problem in trigger_problems(workflow)}
    assert set(found) == {"trigger.headers", "trigger.respond", "trigger.respond_type"}
    assert found["trigger.headers"].fix == "Did you mean 'about'?"
    assert found["trigger.respond"].fix == "Did you mean 'text'?"
