"""Triggers over HTTP: switched on and off, and schedules with what became of their times."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from core.service.http.responses import json_response
from core.service.http.route import Answer, Call, Route
from core.service.http.shapes import PastTimes, ScheduleList, ScheduleShape, StandingShape
from core.service.http.values import moment
from core.store.publications import Publication
from core.store.schedules import PAST_KEPT, PastTime, ScheduledWorkflow
from core.workflow.model import Json


class PublishWorkflow(BaseModel):
    """Which version is published."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(None, ge=1, le=2_000_000_000, description="An older version; else the newest.")


class TimesQuery(BaseModel):
    """How many times."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(20, ge=1, le=PAST_KEPT, examples=[20])


async def publish_workflow(call: Call) -> Response:
    """Let the trigger run a version."""
    return _stands(await call.parts.switches.publish(call.path("name"), call.sent(PublishWorkflow).version))


async def activate_workflow(call: Call) -> Response:
    """Switch the trigger on."""
    return _stands(await call.parts.switches.activate(call.path("name")))


async def deactivate_workflow(call: Call) -> Response:
    """Switch the trigger off."""
    return _stands(await call.parts.switches.deactivate(call.path("name")))


async def list_schedules(call: Call) -> Response:
    """The schedules at work."""
    found = await call.parts.switches.schedules()
    return json_response({"schedules": [_schedule_json(one) for one in found]}, limit=call.parts.limits.answer)


async def schedule_times(call: Call) -> Response:
    """The times of a schedule that came."""
    found = await call.parts.switches.past(call.path("name"), call.asked(TimesQuery).limit)
    return json_response({"times": [_time_json(one) for one in found]}, limit=call.parts.limits.answer)


async def pause_schedule(call: Call) -> Response:
    """Hold a schedule."""
    return json_response(_schedule_json(await call.parts.switches.pause(call.path("name"))))


async def resume_schedule(call: Call) -> Response:
    """Let a schedule go on."""
    return json_response(_schedule_json(await call.parts.switches.resume(call.path("name"))))


def _stands(stands: Publication) -> Response:
    told: dict[str, Json] = {
        "name": stands.name, "newest_version": stands.newest, "published_version": stands.published or None,
        "is_active": stands.is_active,
    }  # fmt: skip
    return json_response(told)


def _schedule_json(one: ScheduledWorkflow) -> dict[str, Json]:
    return {
        "workflow": one.name,
        "version": one.active.version,
        "zone": one.schedule.zone,
        "paused": one.paused,
        "next_at": moment(one.next_at) if not one.paused else None,
        "last_at": moment(one.last_at),
        "last_run_id": one.last_run_id or None,
        "last_run_status": one.last_status,
        "outcome": one.outcome,
        "problem": one.problem,
    }


def _time_json(one: PastTime) -> dict[str, Json]:
    return {
        "at": moment(one.at),
        "noticed_at": moment(one.noticed),
        "outcome": one.outcome,
        "run_id": one.run_id or None,
        "run_status": one.status,
        "run_ended_at": moment(one.ended),
    }


_STANDING: Final[dict[str, Json]] = {
    "name": "Morning report", "newest_version": 4, "published_version": 3, "is_active": True,
}  # fmt: skip
_RUN: Final = "0199a1c2-7b1e-7c3d-9f10-5a6b7c8d9e0f"
_SCHEDULE: Final[dict[str, Json]] = {
    "workflow": "Morning report", "version": 3, "zone": "Europe/Berlin", "paused": False,
    "next_at": "2026-11-30T08:00:00+00:00", "last_at": "2026-11-27T08:00:00+00:00", "last_run_id": _RUN,
    "last_run_status": "completed", "outcome": "started", "problem": "",
}  # fmt: skip
_TIME: Final[dict[str, Json]] = {
    "at": "2026-11-27T08:00:00+00:00", "noticed_at": "2026-11-27T08:00:00+00:00", "outcome": "started",
    "run_id": _RUN, "run_status": "completed", "run_ended_at": "2026-11-27T08:00:04+00:00",
}  # fmt: skip
_NAME: Final = {"name": "Morning report"}
_UNKNOWN: Final = Answer("There is no such workflow.")
_TAKEN: Final = Answer("Another active workflow answers calls of the same method and path.")
_UNFIT: Final = Answer("That version cannot run.")
_NO_SCHEDULE: Final = Answer("It has no schedule at work.")

ROUTES: Final = (
    Route(
        "POST", "/api/v1/workflows/{name:path}/publish", publish_workflow, "Publish a version", "Triggers",
        scopes=("admin",), body=PublishWorkflow, path_examples=_NAME, examples={"The newest": {}},
        description="Triggers run the published version; editing goes on without disturbing it.",
        answers={200: Answer("How it stands.", _STANDING, shape=StandingShape), 404: _UNKNOWN, 409: _TAKEN,
                 422: _UNFIT},
    ),
    Route(
        "POST", "/api/v1/workflows/{name:path}/activate", activate_workflow, "Switch a trigger on", "Triggers",
        scopes=("admin",), path_examples=_NAME, description="Publishes the newest version if none is published.",
        answers={200: Answer("How it stands.", _STANDING, shape=StandingShape), 404: _UNKNOWN, 409: _TAKEN,
                 422: _UNFIT},
    ),
    Route(
        "POST", "/api/v1/workflows/{name:path}/deactivate", deactivate_workflow, "Switch a trigger off", "Triggers",
        scopes=("admin",), path_examples=_NAME, description="What runs goes on.",
        answers={200: Answer("How it stands.", {**_STANDING, "is_active": False}, shape=StandingShape),
                 404: _UNKNOWN},
    ),
    Route(
        "GET", "/api/v1/schedules", list_schedules, "List schedules", "Triggers", scopes=("read",),
        answers={200: Answer("Those at work, the next one first.", {"schedules": [_SCHEDULE]}, shape=ScheduleList)},
    ),
    Route(
        "GET", "/api/v1/schedules/{name:path}/times", schedule_times, "List the times that came", "Triggers",
        scopes=("read",), query=TimesQuery, path_examples=_NAME,
        description="What became of each: the run that it started, or why it started none.",
        answers={200: Answer("The latest first.", {"times": [_TIME]}, shape=PastTimes), 404: _UNKNOWN},
    ),
    Route(
        "POST", "/api/v1/schedules/{name:path}/pause", pause_schedule, "Pause a schedule", "Triggers",
        scopes=("admin",), path_examples=_NAME, description="Its times pass; they do not count as missed.",
        answers={200: Answer("How it stands.", {**_SCHEDULE, "paused": True, "next_at": None}, shape=ScheduleShape),
                 404: _NO_SCHEDULE},
    ),
    Route(
        "POST", "/api/v1/schedules/{name:path}/resume", resume_schedule, "Resume a schedule", "Triggers",
        scopes=("admin",), path_examples=_NAME,
        answers={200: Answer("How it stands.", _SCHEDULE, shape=ScheduleShape), 404: _NO_SCHEDULE},
    ),
)  # fmt: skip
