"""Runs over HTTP: start, watch, stop and answer them."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from starlette.responses import Response

from core.engine.errors import RunNotFound
from core.engine.events import event_json
from core.engine.journal import RunPlace, RunRecord, RunStanding, StepRecord, asking
from core.service.hooks import KEY_S
from core.service.http.errors import ApiError
from core.service.http.files import ANY_TYPE, file_example, file_response, find_file
from core.service.http.paging import CURSOR, LONGEST_CURSOR, cursor_of, page_response, read_cursor
from core.service.http.parts import ServiceParts
from core.service.http.responses import event_stream, event_text, json_response
from core.service.http.route import EVENTS, Answer, Call, Route
from core.service.http.shapes import RunDetail, RunPage, RunShape
from core.service.http.values import run_json, run_place, step_json
from core.service.run_events import ENDED, RunWatch, parsed_id
from core.workflow.inputs import check_inputs
from core.workflow.model import Json, Workflow
from core.workflow.schemas import value_flaw

LABEL: Final = "api"
"""The label of runs that were asked for over HTTP; its value is the name of the token."""

_WAITING: Final = frozenset({"queued", "suspended"})

_RUN_ID: Final = re.compile(r"[0-9A-Za-z-]{1,64}\Z")
_KEY: Final = re.compile(r"[\x21-\x7e]{1,200}\Z")

_RUN_EXAMPLE: Final[Mapping[str, Any]] = {
    "run_id": "0199a1c2-7b1e-7c3d-9f10-5a6b7c8d9e0f",
    "workflow": "Greet somebody",
    "status": "completed",
    "created": "2026-11-27T09:00:00+00:00",
    "ended": "2026-11-27T09:00:01+00:00",
    "inputs": {"who": "Ada"},
    "outputs": {"greeting": "Hello Ada!"},
    "files": [],
    "error": None,
    "labels": {"api": "ci"},
    "usage": {"tokens_in": 0, "tokens_out": 0, "cost_usd": 0.0},
    "duration_s": 0.8,
    "wake_at": None,
    "resumable": False,
    "questions": [],
}


def _with_plus(value: object) -> object:
    """A time whose `+` a caller left as it is, which means a space in an address."""
    return value.replace(" ", "+") if isinstance(value, str) and "T" in value else value


Moment = Annotated[AwareDatetime, BeforeValidator(_with_plus)]
"""A time with its distance from UTC: 2026-11-27T09:00:00Z."""


class StartRun(BaseModel):
    """A run to be started."""

    model_config = ConfigDict(extra="forbid")

    workflow: str = Field(min_length=1, max_length=200, description="The workflow's name.")
    inputs: dict[str, Any] = Field(default_factory=dict, description="Its inputs by name.")
    version: int | None = Field(None, ge=1, le=2_000_000_000, description="An older version of the workflow.")
    wait_s: float = Field(
        0, ge=0, le=300, allow_inf_nan=False,
        description="Seconds for which the answer may wait for the end of the run; 0 to answer at once.",
    )  # fmt: skip
    queue: str = Field("default", pattern=r"^[A-Za-z0-9_.-]{1,64}$", description="The queue that it waits in.")
    priority: int = Field(0, ge=-1000, le=1000, description="The higher, the sooner.")


class RunsQuery(BaseModel):
    """Which runs."""

    model_config = ConfigDict(extra="forbid")

    status: RunStanding | None = Field(
        None, description="Only runs that stand so; `interrupted` ran until their process died.", examples=["failed"]
    )
    workflow: str | None = Field(
        None, max_length=200, description="Only runs of that workflow.", examples=["Greet somebody"]
    )
    since: Moment | None = Field(
        None, description="Only runs that were asked for then or later.", examples=["2026-11-27T00:00:00Z"]
    )
    until: Moment | None = Field(
        None, description="Only runs that were asked for before.", examples=["2026-11-28T00:00:00Z"]
    )
    limit: int = Field(50, ge=1, le=200, description="How many at most, the newest first.", examples=[50])
    cursor: str = Field("", max_length=LONGEST_CURSOR, description=CURSOR)


class RunQuery(BaseModel):
    """How much of a run."""

    model_config = ConfigDict(extra="forbid")

    steps: bool = Field(False, description="Also every attempt of every step.")
    wait_s: float = Field(0, ge=0, le=300, allow_inf_nan=False, description="Seconds to wait for its end.")


class EventsQuery(BaseModel):
    """Which events."""

    model_config = ConfigDict(extra="forbid")

    follow: bool = Field(True, description="Go on until the run has ended; false for what has happened so far.")


class AnswerRun(BaseModel):
    """A person's answer."""

    model_config = ConfigDict(extra="forbid")

    path: str = Field("", max_length=500, description="The step that asks, if several do.")
    choice: str | None = Field(None, max_length=1000, description="One of the choices.")
    form: dict[str, Any] | None = Field(None, description="The form, filled in.")
    comment: str = Field("", max_length=10_000)


async def start_run(call: Call) -> Response:
    """Ask for a run."""
    wish = call.sent(StartRun)
    found = await call.parts.workflows.get(wish.workflow, wish.version)
    key = _idempotency_key(call)
    run_id = await call.parts.queue.enqueue(
        found.workflow, wish.inputs, labels={LABEL: call.token.name if call.token else ""}, priority=wish.priority,
        queue=wish.queue, key=key, key_s=KEY_S,
    )  # fmt: skip
    if key:
        await refuse_other(call.parts, run_id, found.workflow, wish.inputs)
    return await run_answer(call.parts, run_id, wish.wait_s)


async def run_answer(parts: ServiceParts, run_id: str, wait_s: float) -> Response:
    """A run once it has ended or waits, 200; or as it is after that many seconds, 202."""
    run = await watch(parts).settled(run_id, wait_s) if wait_s > 0 else await parts.journal.run(run_id)
    steps = await parts.journal.steps(run_id) if run.status == "suspended" else ()
    return json_response(
        run_json(run, steps), 200 if run.status in ENDED else 202, limit=parts.limits.answer,
        headers={"Location": run_place(run_id)},
    )  # fmt: skip


def _idempotency_key(call: Call) -> str:
    given = call.request.headers.get("idempotency-key", "")
    if not given:
        return ""
    if not _KEY.match(given):
        raise ApiError(400, "idempotency_key", "An Idempotency-Key is 1 to 200 visible ASCII characters.")
    return f"api/{call.caller}/{given}"


async def refuse_other(
    parts: ServiceParts, run_id: str, workflow: Workflow, inputs: Mapping[str, Json], *, apart: str = ""
) -> None:
    """Raise ApiError if the key that gave this run was used for another workflow or other inputs before.

    apart: an input that does not count.
    """
    run = await parts.journal.run(run_id)
    wanted, _ = check_inputs(run.workflow, inputs)
    now, before = ({name: value for name, value in each.items() if name != apart} for each in (wanted, run.inputs))
    if run.workflow.name != workflow.name or now != before:
        message = (
            f"This idempotency key was used within {KEY_S / 3600:.0f} hours for another workflow or other inputs (run "
            f"{run_id}), so nothing was started. Choose a new key."
        )
        raise ApiError(409, "idempotency_key_reused", message)


async def list_runs(call: Call) -> Response:
    """The newest runs."""
    wish = call.asked(RunsQuery)
    after = read_cursor(wish.cursor, _place)
    runs = await call.parts.journal.runs(
        status=wish.status, workflow=wish.workflow, since=wish.since, until=wish.until, after=after,
        limit=wish.limit + 1,
    )  # fmt: skip
    return page_response(
        call, "runs", runs, wish.limit, shown=run_json, cursor=lambda run: cursor_of(run.created.isoformat(), run.id)
    )


def _place(created: str, run_id: str) -> RunPlace:
    at = datetime.fromisoformat(created)
    if at.tzinfo is None or not _RUN_ID.match(run_id):
        raise ValueError("no place of a run")
    return RunPlace(at, run_id)


async def get_run(call: Call) -> Response:
    """One run."""
    run_id, wish = _run_id(call), call.asked(RunQuery)
    if wish.wait_s > 0:
        await watch(call.parts).settled(run_id, wish.wait_s)
    run = await call.parts.journal.run(run_id)
    steps = await call.parts.journal.steps(run_id) if wish.steps or run.status == "suspended" else ()
    found = run_json(run, steps)
    found["waits_for"] = await call.parts.queue.waits_for(run_id) or None if run.status in _WAITING else None
    if wish.steps:
        found["steps"] = [step_json(step) for step in steps]
    return json_response(found, limit=call.parts.limits.answer)


async def run_events(call: Call) -> Response:
    """The events of a run as a stream."""
    run_id = _run_id(call)
    await call.parts.journal.run(run_id)
    after = parsed_id(last_event_id(call))
    told = watch(call.parts).events(run_id, after, follow=call.asked(EventsQuery).follow)

    async def pieces() -> AsyncGenerator[bytes, None]:
        async with aclosing(told):
            async for each in told:
                data = event_json(each.event)
                yield event_text(data, event=str(data["event"]), event_id=each.id)

    return event_stream(pieces(), call)


def last_event_id(call: Call) -> str:
    """The id of the event that the caller has seen last, '' if it does not say."""
    return call.request.headers.get("last-event-id", "").encode("latin-1").decode("utf-8", "replace")


async def cancel_run(call: Call) -> Response:
    """Stop a run."""
    run_id = _run_id(call)
    who = f" ({call.token.name})" if call.token else ""
    await call.parts.queue.cancel(run_id, f"it was cancelled over HTTP{who}")
    return json_response(run_json(await watch(call.parts).settled(run_id, 2.0)), 202)


async def answer_run(call: Call) -> Response:
    """Answer what a run asks, and let it go on."""
    run_id, given = _run_id(call), call.sent(AnswerRun)
    run = await call.parts.journal.run(run_id)
    step = _asking(run, await call.parts.journal.steps(run_id), given.path)
    answer = _answer(step, given)
    answer["answered_by"] = f"over HTTP ({call.token.name})" if call.token else "over HTTP"
    await call.parts.journal.answer(run_id, step.path, answer)
    await call.parts.queue.wake(run_id)
    return json_response(run_json(await call.parts.journal.run(run_id)), 202)


def _asking(run: RunRecord, steps: Any, path: str) -> StepRecord:
    """The step that asks: the one of that path, or the only one."""
    waiting = asking(steps) if run.status == "suspended" else []
    found = [step for step in waiting if step.path == path] if path else waiting
    if len(found) == 1:
        return found[0]
    if not waiting:
        raise ApiError(409, "nothing_asked", f"The run {run.id} asks nothing ({run.status}).")
    named = ", ".join(step.path for step in waiting)
    raise ApiError(422, "path", f"Say with `path` which step is answered. These ask: {named}.")


def _answer(step: StepRecord, given: AnswerRun) -> dict[str, Json]:
    question = step.question
    assert question is not None
    if question.schema is not None:
        if given.form is None:
            raise ApiError(422, "form", "The step asks for a form. Send `form`; the run's `questions` describe it.")
        if flaw := value_flaw(given.form, question.schema):
            raise ApiError(422, "form", f"The form was not taken: {flaw}")
        return {"form": given.form, "comment": given.comment}
    if given.choice not in question.choices:
        raise ApiError(422, "choice", f"Send `choice`: one of {', '.join(question.choices)}.")
    return {"choice": given.choice, "comment": given.comment}


async def run_file(call: Call) -> Response:
    """A file of a run."""
    run_id, blob = _run_id(call), call.path("hash")
    run, steps = await call.parts.journal.run(run_id), await call.parts.journal.steps(run_id)
    found = find_file(blob, run.inputs, run.outputs, *(value for step in steps for value in (step.inputs, step.output)))
    return file_response(await call.parts.read_file(blob), found)


def watch(parts: ServiceParts) -> RunWatch:
    """Watches the runs of a service."""
    return RunWatch(
        parts.journal, parts.live, poll_s=parts.limits.poll_s, slow_poll_s=parts.limits.slow_poll_s
    )  # fmt: skip


def _run_id(call: Call) -> str:
    run_id = call.path("run_id")
    if not _RUN_ID.match(run_id):
        raise RunNotFound("That is no id of a run.")
    return run_id


_MISSING: Final = Answer("There is no such run.")
_CURSOR_EXAMPLE: Final = cursor_of(str(_RUN_EXAMPLE["created"]), str(_RUN_EXAMPLE["run_id"]))
_ID: Final = {"run_id": str(_RUN_EXAMPLE["run_id"])}
_FILE: Final = file_example(run_place(_ID["run_id"]))

ROUTES: Final = (
    Route(
        "POST", "/api/v1/runs", start_run, "Start a run", "Runs", scopes=("run",), body=StartRun,
        description="The run is put into the queue and executed by a worker. With `wait_s` the answer comes when it "
        "has ended, or asks a person.",
        headers={"Idempotency-Key": "For 24 hours the same key gives the same run, however often it is sent."},
        examples={"At once": {"workflow": "Greet somebody", "inputs": {"who": "Ada"}},
                  "With its result": {"workflow": "Greet somebody", "inputs": {"who": "Ada"}, "wait_s": 30}},
        answers={200: Answer("The run has ended.", dict(_RUN_EXAMPLE), shape=RunShape),
                 202: Answer("The run is queued, runs, or waits.", {**_RUN_EXAMPLE, "status": "queued"},
                             shape=RunShape),
                 404: Answer("There is no such workflow."),
                 409: Answer("The key was used for another workflow or other inputs."),
                 422: Answer("The workflow or its inputs do not fit.")},
    ),
    Route(
        "GET", "/api/v1/runs", list_runs, "List runs", "Runs", scopes=("read",), query=RunsQuery,
        description="In pages: `next` is the address of the following one, null on the last. Runs that begin "
        "meanwhile do not disturb them.",
        answers={200: Answer("The newest runs first.", {
            "runs": [dict(_RUN_EXAMPLE)], "next": f"/api/v1/runs?limit=50&cursor={_CURSOR_EXAMPLE}"}, shape=RunPage)},
    ),
    Route(
        "GET", "/api/v1/runs/{run_id}", get_run, "Show a run", "Runs", scopes=("read", "run"), query=RunQuery,
        path_examples=_ID,
        description="`waits_for` says what the workers lack that saw a run which waits for one.",
        answers={200: Answer("The run.", {**_RUN_EXAMPLE, "waits_for": None}, shape=RunDetail), 404: _MISSING},
    ),
    Route(
        "GET", "/api/v1/runs/{run_id}/events", run_events, "Watch a run", "Runs", scopes=("read", "run"),
        query=EventsQuery, path_examples=_ID,
        description="Server-sent events, each a JSON object. Send the id of the last one as `Last-Event-ID` to go on "
        "after it. `step_delta` (a piece of a model's answer) has no id and is told only while it happens.",
        headers={"Last-Event-ID": "The id of the last event that was seen."},
        answers={200: Answer("The events until the run has ended.", 'event: run_started\nid: 0.0.0.\ndata: {}\n\n',
                             EVENTS), 404: _MISSING},
    ),
    Route(
        "POST", "/api/v1/runs/{run_id}/cancel", cancel_run, "Stop a run", "Runs", scopes=("run",), path_examples=_ID,
        answers={202: Answer("It stops, at the latest within some seconds.", {**_RUN_EXAMPLE, "status": "cancelled"},
                             shape=RunShape),
                 404: _MISSING, 409: Answer("It has ended already.")},
    ),
    Route(
        "POST", "/api/v1/runs/{run_id}/answers", answer_run, "Answer what a run asks", "Runs", scopes=("answer",),
        body=AnswerRun, path_examples=_ID,
        examples={"A choice": {"choice": "publish", "comment": "Well done"}, "A form": {"form": {"count": 3}}},
        answers={202: Answer("The answer is kept; the run goes on.", {**_RUN_EXAMPLE, "status": "suspended"},
                             shape=RunShape),
                 404: _MISSING, 409: Answer("It asks nothing."), 422: Answer("The answer does not fit.")},
    ),
    Route(
        "GET", "/api/v1/runs/{run_id}/files/{hash}", run_file, "Get a file of a run", "Runs", scopes=("read", "run"),
        path_examples={**_ID, "hash": str(_FILE["hash"])},
        description="`files` of a run lists those of its inputs and outputs, with `steps=true` those of its steps as "
        "well. It comes with its own media type, under its name, to be saved.",
        answers={200: Answer("The file.", None, ANY_TYPE), 404: Answer("There is no such file.")},
    ),
)  # fmt: skip
