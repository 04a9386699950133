"""What a workflow's trigger says, as typed values, and everything that is wrong with it.

`read_trigger` reads the options of any type: a Schedule, a MessageTrigger, an ApiTrigger or a ManualTrigger.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

from core.workflow.fields import Fields
from core.workflow.inputs import check_inputs
from core.workflow.model import NOTHING, Json, Trigger, Workflow
from core.workflow.names import hint
from core.workflow.problems import Problem
from core.workflow.rates import Rate, parse_rate

TRIGGERS: Final = ("manual", "message", "schedule", "api")
"""What can start a workflow."""

Missed: TypeAlias = Literal["skip", "once", "all"]
"""What becomes of times at which nothing was there to start the run: nothing, one run, or a run for each."""

Overlap: TypeAlias = Literal["skip", "queue", "parallel"]
"""What a time does while the schedule's run before has not ended: nothing, a run that waits, or one beside it."""

Method: TypeAlias = Literal["POST", "GET", "PUT", "PATCH", "DELETE"]
"""The method of HTTP calls that start the workflow."""

AnswerMode: TypeAlias = Literal["wait", "accept"]
"""A call is answered with the run's outputs, or at once with the run's id."""

Auth: TypeAlias = Literal["token", "hmac", "none"]
"""How a call proves that it may start the workflow: by a token, by a signature, or not at all."""

Signing: TypeAlias = Literal["steploom", "standard", "slack"]
"""How calls are signed: `t=...,v1=...` or `sha256=...` in one header, as Standard Webhooks says, or as Slack does."""

Extra: TypeAlias = Literal["refuse", "ignore"]
"""What becomes of a call with values that no input is named for."""

_MISSED: tuple[Missed, ...] = ("skip", "once", "all")
_OVERLAP: tuple[Overlap, ...] = ("skip", "queue", "parallel")
_METHODS: tuple[Method, ...] = ("POST", "GET", "PUT", "PATCH", "DELETE")
_ANSWERS: tuple[AnswerMode, ...] = ("wait", "accept")
_AUTHS: tuple[Auth, ...] = ("token", "hmac", "none")
_SIGNINGS: tuple[Signing, ...] = ("steploom", "standard", "slack")
_EXTRAS: tuple[Extra, ...] = ("refuse", "ignore")

COMMON_OPTIONS: Final = ("concurrency", "concurrency_key")
"""Options of every trigger: how many runs at a time, of the workflow or of those with one key."""

OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "manual": COMMON_OPTIONS,
    "message": ("channel", *COMMON_OPTIONS),
    "schedule": (
        "cron", "every", "at", "zone", "start", "end", "missed", "overlap", "jitter", "inputs", *COMMON_OPTIONS,
    ),
    "api": (
        "path", "method", "answer", "timeout", "auth", "secret", "signature", "signature_header", "replay_window",
        "idempotency_header", "rate", "max_body", "body", "headers", "extra", "respond", "respond_type",
        *COMMON_OPTIONS,
    ),
}  # fmt: skip
"""The options of each type of trigger."""

LARGEST_BODY: Final = 50_000_000
"""Bytes that a call's body may have at most, whatever a trigger says."""

_PATH = re.compile(r"(/([A-Za-z0-9._~-]+|\{[A-Za-z_][A-Za-z0-9_]*\}))+")
_CHANNEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")
_SECRET = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_MEDIA_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,80}(; ?charset=[A-Za-z0-9-]{1,20})?")
_SIZE = re.compile(r"\s*(\d{1,12})\s*(B|kB|KB|MB)?\s*")
_SIZES: Final = {None: 1, "B": 1, "kB": 1000, "KB": 1000, "MB": 1_000_000}


@dataclass(frozen=True, slots=True)
class ManualTrigger:
    """Somebody starts it."""


@dataclass(frozen=True, slots=True)
class MessageTrigger:
    """A chat message, or a notice of Postgres. channel: what is listened to, '' for chats alone."""

    channel: str = ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Times at which the workflow starts by itself: one of `cron`, `every` and `at` is set.

    cron: five fields. every: seconds. at: one time. zone: IANA name. start, end: nothing before the one nor from the
    other on. jitter: seconds by which a run may be later. inputs: what each run is given.
    """

    cron: str = ""
    every: float | None = None
    at: datetime | None = None
    zone: str = "UTC"
    start: datetime | None = None
    end: datetime | None = None
    missed: Missed = "skip"
    overlap: Overlap = "skip"
    jitter: float = 0.0
    inputs: Mapping[str, Json] = field(default_factory=lambda: NOTHING)

    @property
    def place(self) -> tzinfo:
        """The time zone."""
        return ZoneInfo(self.zone)


@dataclass(frozen=True, slots=True)
class ApiTrigger:
    """HTTP calls that start the workflow.

    path: where, such as /orders or /orders/{number}; '' for the workflow's name alone. timeout: seconds for which a
    call waits for outputs. secret: the name, in the keyring, of the token or of the key of signatures; '' (of a token)
    for the tokens of `steploom tokens`. replay_window: seconds that a signature's time may differ; 0: signatures carry
    no time. max_body: bytes. body, headers: the input that gets the whole body, or the call's headers; '' for none.
    respond: the output that is the answer's body, '' for all of them as JSON. respond_type: its media type, '' to go by
    the value.
    """

    path: str = ""
    method: Method = "POST"
    answer: AnswerMode = "wait"
    timeout: float = 30.0
    auth: Auth = "token"
    secret: str = ""
    signature: Signing = "steploom"
    signature_header: str = "Steploom-Signature"
    replay_window: float = 300.0
    idempotency_header: str = "Idempotency-Key"
    rate: Rate | None = None
    max_body: int = 1_000_000
    body: str = ""
    headers: str = ""
    extra: Extra = "refuse"
    respond: str = ""
    respond_type: str = ""


TriggerOptions: TypeAlias = ManualTrigger | MessageTrigger | Schedule | ApiTrigger
"""What a trigger says."""


def read_trigger(trigger: Trigger) -> tuple[TriggerOptions, list[Problem]]:
    """The options of a trigger, and all that is wrong with them; a wrong one reads as if it was left out."""
    problems: list[Problem] = []
    if trigger.type not in TRIGGERS:
        message = f"Nothing is known to start a workflow by {trigger.type!r}."
        fix = hint(trigger.type, TRIGGERS, "triggers")
        return ManualTrigger(), [Problem("unknown_trigger", message, fix, field="trigger.type")]
    known = OPTIONS[trigger.type]
    problems += _strange(trigger, known)
    fields = Fields({name: trigger.options[name] for name in known if name in trigger.options}, known, problems,
                    prefix="trigger")  # fmt: skip
    _check_common(fields)
    match trigger.type:
        case "schedule":
            return _schedule(fields), problems
        case "message":
            return _message(fields), problems
        case "api":
            return _api(fields), problems
        case _:
            return ManualTrigger(), problems


def trigger_problems(workflow: Workflow) -> list[Problem]:
    """All that is wrong with a workflow's trigger, and with what it gives to the workflow's inputs."""
    options, problems = read_trigger(workflow.trigger)
    if isinstance(options, Schedule):
        _, unfit = check_inputs(workflow, options.inputs)
        for one in unfit:
            given = one.field.removeprefix("inputs.") in options.inputs
            fix = one.fix if given else f"{one.fix} A schedule has nobody to ask: set it here, or give it a default."
            problems.append(replace(one, fix=fix, field=f"trigger.{one.field}"))
    if isinstance(options, ApiTrigger):
        problems += _unknown(options, workflow)
    return problems


def _unknown(options: ApiTrigger, workflow: Workflow) -> list[Problem]:
    """Inputs and outputs that a trigger names and the workflow has not."""
    named = (
        ("body", options.body, workflow.inputs, "inputs"),
        ("headers", options.headers, workflow.inputs, "inputs"),
        ("respond", options.respond, workflow.outputs, "outputs"),
    )
    return [
        Problem(
            "unknown_name", f"The workflow has no {what[:-1]} {name!r}.", hint(name, known, what),
            field=f"trigger.{option}",
        )
        for option, name, known, what in named if name and name not in known
    ]  # fmt: skip


def _strange(trigger: Trigger, known: Sequence[str]) -> list[Problem]:
    """Options that mean nothing. Those of another type are left when the type is changed, and do no harm."""
    found = []
    for name in trigger.options:
        if name in known or name == "type":
            continue
        other = next((kind for kind, options in OPTIONS.items() if name in options), "")
        if other:
            message = f"{name!r} belongs to the trigger {other!r} and means nothing to {trigger.type!r}."
            found.append(Problem("unused_field", message, "Remove it.", None, f"trigger.{name}", "warning"))
        else:
            fix = hint(name, [one for one in known if one not in trigger.options], "options of this trigger")
            message = f"There is no option {name!r} of the trigger {trigger.type!r}."
            found.append(Problem("unknown_field", message, fix, field=f"trigger.{name}"))
    return found


def _check_common(fields: Fields) -> None:
    fields.text("concurrency_key")
    number = fields.whole("concurrency", 0)
    if fields.raw("concurrency") is not None and not 1 <= number <= 10_000:
        fields.report("wrong_value", "concurrency", "'concurrency' is how many runs may run at a time, 1 to 10000.",
                      "Write such a number, or leave it out for any number.")  # fmt: skip


def _message(fields: Fields) -> MessageTrigger:
    channel = fields.text("channel")
    if channel and not _CHANNEL.fullmatch(channel):
        fix = "Use letters, digits and _, at most 63, a letter first, such as new_orders."
        fields.report("wrong_value", "channel", f"{channel!r} is no name of a channel.", fix)
        return MessageTrigger()
    return MessageTrigger(channel)


def _schedule(fields: Fields) -> Schedule:
    zone = _zone(fields)
    place = ZoneInfo(zone)
    given = [name for name in ("cron", "every", "at") if fields.raw(name) not in (None, "")]
    if not given:
        fix = "Write one of: cron: 0 9 * * 1-5, every: 15m, at: 2026-12-01T09:00."
        fields.report("missing_field", "cron", "The schedule does not say when.", fix)
    elif len(given) > 1:
        message = f"The schedule says when in {len(given)} ways: {', '.join(given)}."
        fields.report("wrong_value", given[1], message, f"Keep one of them: remove {' and '.join(given[1:])}.")
    start, end = _moment(fields, "start", place), _moment(fields, "end", place, whole_day=True)
    if start is not None and end is not None and end <= start:
        fields.report("wrong_value", "end", "The schedule ends before it starts.", "Give a later end.")
    return Schedule(
        cron=_cron(fields),
        every=_span(fields, "every", 1.0, 366 * 86400.0),
        at=_moment(fields, "at", place),
        zone=zone,
        start=start,
        end=end,
        missed=fields.choice("missed", _MISSED),
        overlap=fields.choice("overlap", _OVERLAP),
        jitter=_span(fields, "jitter", 0.0, 86400.0) or 0.0,
        inputs=fields.mapping("inputs") or {},
    )


def _cron(fields: Fields) -> str:
    text = " ".join(fields.text("cron").split())
    if not text:
        return ""
    fix = "Write minute, hour, day of the month, month and day of the week, such as 0 9 * * 1-5."
    if (count := len(text.split())) != 5:
        fields.report("wrong_value", "cron", f"A cron schedule has five fields; {text!r} has {count}.", fix)
        return ""
    try:
        CronSim(text, datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        fields.report("wrong_value", "cron", f"{text!r} is no cron schedule: {str(error).lower()}.", fix)
        return ""
    return text


def _zone(fields: Fields) -> str:
    name = fields.text("zone").strip()
    if not name:
        return "UTC"
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fields.report("wrong_value", "zone", f"There is no time zone {name!r}.", "Write one such as Europe/Berlin.")
        return "UTC"
    return name


def _span(fields: Fields, name: str, low: float, high: float) -> float | None:
    if fields.raw(name) == "":
        return None
    seconds = fields.seconds(name)
    if seconds is None or low <= seconds <= high:
        return seconds
    message = f"{name!r} must be between {low:g} seconds and {high / 86400:g} days."
    fields.report("wrong_value", name, message, "Write it like 15m.")
    return None


def _moment(fields: Fields, name: str, place: tzinfo, *, whole_day: bool = False) -> datetime | None:
    """A time, in UTC. whole_day: a date alone means the end of that day."""
    text = fields.text(name).strip()
    if not text:
        return None
    try:
        if len(text) == 10:
            day = date.fromisoformat(text) + timedelta(days=1 if whole_day else 0)
            return datetime.combine(day, time(), place).astimezone(UTC)
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=place)).astimezone(UTC)
    except (ValueError, OverflowError):
        fix = "Write it like 2026-12-01T09:00; it is meant in the schedule's time zone."
        fields.report("wrong_value", name, f"{text!r} is no date and time.", fix)
        return None


def _api(fields: Fields) -> ApiTrigger:
    auth = fields.choice("auth", _AUTHS)
    window = fields.seconds("replay_window", 300.0)
    if window is None or not 0 <= window <= 86400:
        fields.report("wrong_value", "replay_window", "'replay_window' is between 0 and one day.", "Write it like 5m.")
        window = 300.0
    return ApiTrigger(
        path=_path(fields),
        method=fields.choice("method", _METHODS),
        answer=fields.choice("answer", _ANSWERS),
        timeout=_span(fields, "timeout", 1.0, 3600.0) or 30.0,
        auth=auth,
        secret=_secret(fields, auth),
        signature=fields.choice("signature", _SIGNINGS),
        signature_header=_header(fields, "signature_header", "Steploom-Signature"),
        replay_window=window,
        idempotency_header=_header(fields, "idempotency_header", "Idempotency-Key"),
        rate=_rate(fields),
        max_body=_size(fields),
        body=fields.text("body").strip(),
        headers=fields.text("headers").strip(),
        extra=fields.choice("extra", _EXTRAS),
        respond=fields.text("respond").strip(),
        respond_type=_media_type(fields),
    )


def _path(fields: Fields) -> str:
    text = fields.text("path").strip()
    if not text:
        return ""
    names = re.findall(r"\{(\w+)\}", text)
    if len(text) > 200 or not _PATH.fullmatch(text) or len(set(names)) < len(names):
        fix = "Write it like /orders or /orders/{number}, where {number} is an input."
        fields.report("wrong_value", "path", f"{text!r} is no path that can be called.", fix)
        return ""
    return text


def _secret(fields: Fields, auth: Auth) -> str:
    name = fields.text("secret").strip()
    if name and not _SECRET.fullmatch(name):
        fix = "Give the name of a secret; its value is kept in the keyring and never here."
        fields.report("wrong_value", "secret", "This is no name of a secret.", fix)
        return ""
    if auth == "hmac" and not name:
        fix = "Name one here and put it into the keyring: steploom keys set NAME."
        fields.report("missing_field", "secret", "Signatures need a secret that both sides know.", fix)
    return name


def _header(fields: Fields, name: str, default: str) -> str:
    text = fields.text(name).strip()
    if text and not _HEADER.fullmatch(text):
        fields.report("wrong_value", name, f"{text!r} is no name of a header.", f"Write one such as {default}.")
    return text if text and _HEADER.fullmatch(text) else default


def _media_type(fields: Fields) -> str:
    text = fields.text("respond_type").strip()
    if text and not _MEDIA_TYPE.fullmatch(text):
        fix = "Write one such as text/html or application/xml."
        fields.report("wrong_value", "respond_type", f"{text!r} is no media type.", fix)
        return ""
    return text


def _rate(fields: Fields) -> Rate | None:
    text = fields.text("rate")
    if not text.strip():
        return None
    rate = parse_rate(text)
    if rate is None:
        fix = "Write how many calls in which time, such as 60/1m."
        fields.report("wrong_value", "rate", f"{text!r} is no rate.", fix)
    return rate


def _size(fields: Fields) -> int:
    value = fields.raw("max_body")
    if value is None or value == "":
        return ApiTrigger().max_body
    match = _SIZE.fullmatch(str(value)) if not isinstance(value, bool) else None
    size = int(match[1]) * _SIZES[match[2]] if match else 0
    if not 1 <= size <= LARGEST_BODY:
        fix = f"Write it like 1MB; at most {LARGEST_BODY // 1_000_000}MB."
        fields.report("wrong_value", "max_body", "'max_body' is how large a call's body may be.", fix)
        return ApiTrigger().max_body
    return size
