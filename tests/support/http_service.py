"""A service on loopback, as `steploom serve` makes it, and the workflows that tests let it run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx

from core.cli.serve import Service, host_names
from core.service.http.app import make_app
from core.service.http.parts import ServiceLimits
from core.service.http.server import listen, serve
from core.store.tokens import Scope, Tokens
from core.workspace import Workspace

WORKFLOWS = (
    """
steploom: 1
name: Greet
description: Says hello.
inputs:
  who: {type: string}
  times: {type: integer, minimum: 1, default: 1}
steps:
  hello: {type: template, config: {text: "Hello {{ input.who }} x{{ input.times }}"}, then: again}
  again: {type: template, config: {text: "{{ hello.text }}!"}}
outputs: {greeting: "{{ again.text }}"}
""",
    """
steploom: 1
name: Publish
inputs: {note: {type: string}}
steps:
  ask:
    type: approval
    config: {message: "Publish {{ input.note }}?", choices: [publish, drop]}
    then: {publish: done}
  done: {type: template, config: {text: published}}
outputs: {answer: "{{ done.text if ask.choice == 'publish' else 'dropped' }}", by: "{{ ask.answered_by }}"}
""",
    """
steploom: 1
name: Slow
steps:
  first: {type: template, config: {text: "x"}, then: sleep}
  sleep: {type: wait, config: {duration: 50s}}
outputs: {x: "{{ first.text }}"}
""",
    """
steploom: 1
name: Echo
trigger: {type: message}
inputs: {message: {type: string}, history: {type: array, default: []}}
steps:
  say: {type: template, config: {text: "You said: {{ input.message }} (after {{ input.history | length }})"}}
outputs: {answer: "{{ say.text }}"}
""",
    """
steploom: 1
name: Failing
steps:
  stop: {type: stop, config: {status: failed, message: The cupboard is bare}}
""",
    """
steploom: 1
name: Order
steps:
  ask:
    type: approval
    config:
      message: How many?
      form: {type: object, properties: {count: {type: integer}}, required: [count]}
outputs: {count: "{{ ask.form.count }}"}
""",
)


class Site:
    """A running service. client: of whoever has all scopes but admin."""

    def __init__(self, workspace: Workspace, service: Service, tokens: Tokens, url: str) -> None:
        self.workspace = workspace
        self.service = service
        self.tokens = tokens
        self.url = url

    @asynccontextmanager
    async def client(self, *scopes: Scope, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
        """A client with a token of these scopes, of none without any."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if scopes:
            _, text = await self.tokens.create("tests", list(scopes))
            named["authorization"] = f"Bearer {text}"
        async with httpx.AsyncClient(base_url=self.url, headers=named, timeout=30, trust_env=False) as made:
            yield made


@asynccontextmanager
async def running(workspace: Workspace, workers: int = 4, limits: ServiceLimits | None = None) -> AsyncIterator[Site]:
    """The service of a workspace, on a free port."""
    assert workspace.store is not None
    tokens = Tokens(workspace.store.database, now=workspace.clock.now)
    service = Service(workspace, tokens, hosts=host_names("127.0.0.1", []), workers=workers)
    if limits is not None:
        service.parts = replace(service.parts, limits=limits)
    place = listen("127.0.0.1", 0)
    service.start()
    serving = asyncio.create_task(serve(make_app(service.parts), place, service.parts))
    try:
        yield Site(workspace, service, tokens, f"http://127.0.0.1:{place.getsockname()[1]}")
    finally:
        service.stop("the test ends")
        await serving
        await service.finish()


async def events_in(response: httpx.Response, until: str = "") -> list[dict[str, Any]]:
    """The events of a stream, up to its end or to one of that name; each with its `id`."""
    found: list[dict[str, Any]] = []
    event_id = ""
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            event_id = line[4:]
        elif line.startswith("data: "):
            data = json.loads(line[6:]) if line != "data: [DONE]" else {"event": "[DONE]"}
            found.append({**data, "id": event_id})
            event_id = ""
            if until and data.get("event") == until:
                break
    return found
