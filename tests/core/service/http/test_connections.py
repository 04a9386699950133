"""Connections that ask for nothing, or for something without end, do not stay."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.service.http.parts import ServiceLimits
from core.workspace import Workspace
from tests.support.http_service import running

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"", False),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", False),
        (HEALTH, True),
        (HEALTH + b"GET /healthz HTTP/1.1\r\n", True),
        # Its body is asked for by nobody, and would go on for as long as it comes.
        (b"POST /api/v1/runs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{", True),
    ],
)
async def test_a_connection_without_a_request_is_closed(
    database_url: str, home: Path, sent: bytes, *, answered: bool
) -> None:
    async with (
        Workspace.open(home, database_url=database_url, demo=True) as workspace,
        running(workspace, workers=0, limits=ServiceLimits(head_s=0.2)) as site,
    ):
        url = urlsplit(site.url)
        # All of it is there before the service looks, so that no stall of this loop comes between.
        caller = socket.create_connection((url.hostname, url.port))
        caller.sendall(sent)
        reading, writing = await asyncio.open_connection(sock=caller)
        async with asyncio.timeout(20):
            got = await _until_closed(reading)
        writing.close()
    assert got.startswith(b"HTTP/1.1 ") == answered


async def _until_closed(reading: asyncio.StreamReader) -> bytes:
    got = b""
    try:
        while piece := await reading.read(65_536):
            got += piece
    except ConnectionResetError:
        pass
    return got
