"""Workflows over HTTP: which there are, and what each takes and gives."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from core.service.http.responses import json_response
from core.service.http.route import Answer, Call, Route
from core.service.http.values import moment, workflow_json
from core.workflow.model import Json

EXAMPLE: Final[dict[str, Json]] = {
    "name": "Greet somebody",
    "description": "Says hello.",
    "version": 3,
    "folder": "",
    "tags": [],
    "trigger": "manual",
    "inputs": {"who": {"type": "string"}},
    "outputs": ["greeting"],
    "steps": [{"id": "hello", "type": "template", "title": ""}],
}


class VersionQuery(BaseModel):
    """Which version of a workflow."""

    model_config = ConfigDict(extra="forbid")

    version: int | None = Field(None, ge=1, le=2_000_000_000, description="An older version; else the one that runs.")


async def list_workflows(call: Call) -> Response:
    """All workflows of the library."""
    entries = await call.parts.workflows.list()
    listed = [
        {"name": each.name, "folder": each.folder, "tags": list(each.tags), "version": each.version,
         "updated": moment(each.updated)}
        for each in entries
    ]  # fmt: skip
    return json_response({"workflows": listed}, limit=call.parts.limits.answer)


async def get_workflow(call: Call) -> Response:
    """One workflow."""
    found = await call.parts.workflows.get(call.path("name"), call.asked(VersionQuery).version)
    return json_response(workflow_json(found.workflow, found.version, found.folder), limit=call.parts.limits.answer)


ROUTES: Final = (
    Route(
        "GET", "/api/v1/workflows", list_workflows, "List workflows", "Workflows", scopes=("read",),
        answers={200: Answer("All workflows of the library by folder and name.", {"workflows": [
            {"name": "Greet somebody", "folder": "", "tags": [], "version": 3, "updated": "2026-11-27T09:00:00+00:00"}
        ]})},
    ),
    Route(
        "GET", "/api/v1/workflows/{name:path}", get_workflow, "Show a workflow", "Workflows", scopes=("read",),
        query=VersionQuery, path_examples={"name": "Greet somebody"},
        answers={200: Answer("What it takes and gives.", EXAMPLE), 404: Answer("There is no such workflow.")},
    ),
)  # fmt: skip
