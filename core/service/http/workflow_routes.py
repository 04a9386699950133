"""Workflows over HTTP: which there are, and what each takes and gives."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from core.service.http.paging import CURSOR, LONGEST_CURSOR, cursor_of, page_response, read_cursor
from core.service.http.parts import ShelfEntry
from core.service.http.responses import json_response
from core.service.http.route import Answer, Call, Route
from core.service.http.shapes import WorkflowPage, WorkflowShape
from core.service.http.values import moment, workflow_json
from core.workflow.model import Json

EXAMPLE: Final[dict[str, Json]] = {
    "name": "Greet somebody",
    "description": "Says hello.",
    "version": 3,
    "folder": "",
    "tags": [],
    "published_version": 3,
    "is_active": False,
    "trigger": "manual",
    "inputs": {"who": {"type": "string"}},
    "outputs": ["greeting"],
    "steps": [{"id": "hello", "type": "template", "title": ""}],
}


class WorkflowsQuery(BaseModel):
    """Which workflows."""

    model_config = ConfigDict(extra="forbid")

    search: str = Field("", max_length=200, description="Only those with this in their name.", examples=["greet"])
    folder: str | None = Field(None, max_length=500, description="Only those of that folder.", examples=["Sales"])
    tag: str | None = Field(None, max_length=200, description="Only those with that tag.", examples=["daily"])
    limit: int = Field(200, ge=1, le=1000, description="How many at most.", examples=[200])
    cursor: str = Field("", max_length=LONGEST_CURSOR, description=CURSOR)


class VersionQuery(BaseModel):
    """Which version of a workflow."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(None, ge=1, le=2_000_000_000, description="An older version; else the one that runs.")


async def list_workflows(call: Call) -> Response:
    """Workflows of the library."""
    wish = call.asked(WorkflowsQuery)
    after = read_cursor(wish.cursor, lambda folder, name: (folder, name))
    wanted = [
        each
        for each in await call.parts.workflows.list()
        if wish.search.casefold() in each.name.casefold()
        and wish.folder in (None, each.folder)
        and (wish.tag is None or wish.tag in each.tags)
        and (after is None or _place(each) > after)
    ]
    page = sorted(wanted, key=_place)[: wish.limit + 1]
    return page_response(
        call, "workflows", page, wish.limit, shown=_entry_json, cursor=lambda each: cursor_of(*_place(each))
    )


def _place(entry: ShelfEntry) -> tuple[str, str]:
    return entry.folder, entry.name


def _entry_json(entry: ShelfEntry) -> dict[str, Json]:
    return {
        "name": entry.name, "folder": entry.folder, "tags": list(entry.tags), "version": entry.version,
        "published_version": entry.published or None, "is_active": entry.is_active, "updated": moment(entry.updated),
    }  # fmt: skip


async def get_workflow(call: Call) -> Response:
    """One workflow."""
    found = await call.parts.workflows.get(call.path("name"), call.asked(VersionQuery).version)
    told = workflow_json(found.workflow, found.version, found.folder)
    told |= {"published_version": found.published or None, "is_active": found.is_active}
    return json_response(told, limit=call.parts.limits.answer)


ROUTES: Final = (
    Route(
        "GET", "/api/v1/workflows", list_workflows, "List workflows", "Workflows", scopes=("read",),
        query=WorkflowsQuery, description="In pages: `next` is the address of the following one, null on the last.",
        answers={200: Answer("Workflows of the library by folder and name.", {"workflows": [
            {"name": "Greet somebody", "folder": "", "tags": [], "version": 3, "published_version": 3,
             "is_active": False, "updated": "2026-11-27T09:00:00+00:00"}
        ], "next": None}, shape=WorkflowPage)},
    ),
    Route(
        "GET", "/api/v1/workflows/{name:path}", get_workflow, "Show a workflow", "Workflows", scopes=("read",),
        query=VersionQuery, path_examples={"name": "Greet somebody"},
        answers={200: Answer("What it takes and gives.", EXAMPLE, shape=WorkflowShape),
                 404: Answer("There is no such workflow.")},
    ),
)  # fmt: skip
