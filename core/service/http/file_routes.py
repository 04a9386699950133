"""Files over HTTP: sent in, to be given to a run."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from core.service.http.endpoint import read_body
from core.service.http.errors import ApiError
from core.service.http.files import ANY_TYPE, EXAMPLE_HASH, sent_type
from core.service.http.responses import json_response
from core.service.http.route import Answer, Call, Route
from core.service.http.shapes import KeptFile
from core.steps.parts.attachments import media_type_of

LARGEST: Final = 32_000_000
"""Bytes of the largest file that is taken."""


class FileQuery(BaseModel):
    """What the file is called."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field("", max_length=200, pattern=r"^[^\x00]*$", description="Its name.", examples=["plan.pdf"])


async def send_file(call: Call) -> Response:
    """Keep a file."""
    data = await read_body(call.request, LARGEST, call.parts.limits.body_s)
    if not data:
        raise ApiError(422, "body", "Send the bytes of the file as the body.")
    stated = sent_type(call.request.headers.get("content-type"))
    name = call.asked(FileQuery).name
    kind = media_type_of(data, name, "" if stated == ANY_TYPE else stated)
    return json_response(dict(await call.parts.keep_file(data, kind, name)), 201)


ROUTES: Final = (
    Route(
        "POST", "/api/v1/files", send_file, "Send a file", "Runs", scopes=("run",), query=FileQuery, takes_file=True,
        description="The answer stands for the file among the inputs of a run. A file that no run names is forgotten "
        "after a day.",
        answers={201: Answer("What names the file.", {"blob": EXAMPLE_HASH, "media_type": "application/pdf",
                                                      "size": 48213, "name": "plan.pdf"}, shape=KeptFile),
                 422: Answer("There is no file in it.")},
    ),
)  # fmt: skip
