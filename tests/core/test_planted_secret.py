"""A secret is planted and sent around; afterwards it is looked for everywhere that Steploom could have left it."""

from __future__ import annotations

import base64
import json
import logging
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from core.engine.events import Event, event_json
from core.service.triggers.signatures import sign
from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.http_service import running
from tests.support.http_site import Asked, Page, Site

WORD = "pl4ntedW0rd"
"""A piece of the secret that no quoting changes: where it stands, a secret leaked."""

SECRET = f'{WORD}+se/cret"&=%-{WORD}'

WORKFLOW = """\
steploom: 1
name: Leaky
inputs:
  site: {type: string}
steps:
  echo:
    type: api
    config:
      method: POST
      url: "{{ input.site }}/echo/{{ secrets.PLANTED | urlencode }}"
      query: {key: "{{ secrets.PLANTED }}"}
      headers: {X-Key: "{{ secrets.PLANTED }}"}
      body: {kind: json, value: {key: "{{ secrets.PLANTED }}", deep: [{"k": "x{{ secrets.PLANTED }}y"}]}}
    then: [blob, page]
  blob:
    type: api
    config:
      url: "{{ input.site }}/echo"
      headers: {X-Key: "{{ secrets.PLANTED }}"}
      auth: {kind: basic, username: me, password: "{{ secrets.PLANTED }}"}
      response: blob
  page:
    type: api
    config:
      method: POST
      url: "{{ input.site }}/error"
      auth: {kind: bearer, token: "{{ secrets.PLANTED }}"}
      body: {kind: form, value: {key: "{{ secrets.PLANTED }}"}}
    retry: {attempts: 2, wait: 1ms}
    on_error: branch
    then: {out: show, error: show}
  show:
    type: code
    config:
      source: |
        import sys

        def run(inputs):
            print("said", inputs)
            print("wrong", inputs, file=sys.stderr)
            return {"seen": inputs}
      inputs: {body: "{{ echo.body }}", headers: "{{ echo.headers }}", error: "{{ page.error }}"}
    then: fail
  fail:
    type: code
    config:
      source: |
        def run(inputs):
            raise ValueError("cannot use " + inputs["all"])
      inputs: {all: "{{ echo | json }} {{ show | json }} {{ page | json }}"}
outputs:
  all: "{{ echo | json }}"
"""


def echo(asked: Asked) -> Page:
    """Everything that came, in the forms that servers give things back."""
    text = json.dumps({"path": asked.path, "query": asked.query, "headers": dict(asked.headers)}) + asked.body.decode()
    forms = {
        "plain": text,
        "quoted": quote(SECRET, safe=""),
        "base64": base64.b64encode(text.encode()).decode(),
        "alone": [base64.b64encode(b"x" * shift + SECRET.encode()).decode() for shift in range(3)],
    }
    body = json.dumps({"echo": forms}).encode()
    return Page(body, 200, {"content-type": "application/json", "x-echo": SECRET, "x-quoted": quote(SECRET)})


def error_page(asked: Asked) -> Page:
    """A server that explains itself too much."""
    status = 400 if asked.headers["authorization"] == f"Bearer {SECRET}" else 500
    body = f"<h1>Bad key {SECRET}</h1> {asked.body.decode()} {quote(SECRET)}".encode()
    return Page(body, status, {"content-type": "text/html", "x-reason": SECRET})


async def test_a_planted_secret_is_nowhere(
    home: Path,
    database_url: str,
    allowed_site: Site,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("STEPLOOM_SECRET_PLANTED", SECRET)
    caplog.set_level(logging.DEBUG)
    for path in ("/echo", f"/echo/{quote(SECRET)}", f"/echo/{quote(SECRET, safe='')}"):
        allowed_site.pages[path] = echo
    allowed_site.pages["/error"] = error_page
    events: list[Event] = []
    async with Workspace.open(database_url=database_url) as workspace:
        run = workspace.start(loads(WORKFLOW), {"site": allowed_site.url})
        run.listeners.append(events.append)
        result = await run.result()
        records = await workspace.steps(run.id)
    assert (result.status, result.error_path) == ("failed", "fail")
    assert result.error is not None
    assert "cannot use" in result.error.message
    # It really went out, by every way, and came back.
    first = next(asked for asked in allowed_site.asked if asked.path.startswith("/echo/"))
    assert first.query["key"] == [SECRET]
    assert first.headers["x-key"] == SECRET
    assert json.loads(first.body)["key"] == SECRET
    assert {asked.path for asked in allowed_site.asked} >= {"/echo", "/error"}
    assert any("[secret PLANTED]" in str(record.output) for record in records if record.path == "echo")
    printed = capfd.readouterr()
    places = {
        "the events": "\n".join(json.dumps(event_json(event)) for event in events),
        "the events as objects": repr(events),
        "the records": repr(records),
        "the result": repr(result),
        "the log": caplog.text + "\n".join(repr(record.__dict__) for record in caplog.records),
        "the output": printed.out + printed.err,
    }
    leaks = [name for name, text in places.items() if _is_in(text.encode())]
    leaks += [f"{table}.{column}" for table, column, data in _everything(database_url) if _is_in(data)]
    leaks += _leaking_files(home)
    assert leaks == []


HOOKS = """\
steploom: 1
name: {name}
trigger: {{type: api, path: /{name}, secret: PLANTED, auth: {auth}, headers: about, body: sent}}
inputs: {{about: {{type: object}}, sent: {{type: object}}}}
steps:
  show: {{type: template, config: {{text: "{{{{ input | json }}}}"}}}}
outputs: {{all: "{{{{ show.text }}}}"}}
"""


async def test_the_key_of_a_trigger_is_nowhere_either(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STEPLOOM_SECRET_PLANTED", SECRET)
    caplog.set_level(logging.DEBUG)
    told: list[str] = []
    async with Workspace.open(home, database_url=database_url, demo=True) as workspace:
        assert workspace.store is not None
        for name, auth in (("token", "token"), ("signed", "hmac")):
            await workspace.store.workflows.save(loads(HOOKS.format(name=name, auth=auth)), 0)
            await workspace.store.workflows.activate(name, now=workspace.clock.now())
        async with running(workspace) as site, site.client() as caller:
            signature = sign(SECRET, b"{}", int(workspace.clock.now().timestamp()))
            for key in ("", "once", "again"):
                proofs = {"Authorization": f"Bearer {SECRET}", "Steploom-Signature": signature, "Idempotency-Key": key}
                for path in ("token", "signed"):
                    answer = await caller.post(f"/hooks/{path}", json={}, headers=proofs)
                    told.append(f"{answer.status_code} {answer.headers} {answer.text}")
            for wrong in ("nobody", f"{SECRET}x"):
                refused = await caller.post("/hooks/token", json={}, headers={"Authorization": f"Bearer {wrong}"})
                told.append(f"{refused.status_code} {refused.text}")
    assert [text[:3] for text in told] == ["200", "200", "200", "409", "200", "409", "401", "401"]
    assert not _is_in("\n".join(told).encode())
    assert not _is_in((caplog.text + "\n".join(repr(record.__dict__) for record in caplog.records)).encode())
    leaks = [f"{table}.{column}" for table, column, data in _everything(database_url) if _is_in(data)]
    assert leaks + _leaking_files(home) == []


def test_the_search_finds_a_secret_in_every_form() -> None:
    for data in (
        SECRET.encode(),
        quote(SECRET).encode(),
        json.dumps([SECRET]).encode(),
        *(base64.b64encode(b"-" * n + SECRET.encode()) for n in range(3)),
        zlib.compress(SECRET.encode()),
        SECRET.encode().hex().encode(),
    ):
        assert _is_in(b"before " + data) or _is_in(data)
    assert not _is_in(b"[secret PLANTED]")


def _everything(database_url: str) -> Iterator[tuple[str, str, bytes]]:
    """Every column of every row of every table, as bytes."""
    with psycopg.connect(database_url) as connection:
        columns = connection.execute(
            "SELECT table_schema, table_name, column_name, data_type FROM information_schema.columns "
            "WHERE table_schema NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        assert {"executions", "step_results", "blobs"} <= {table for _, table, _, _ in columns}
        for schema, table, column, kind in columns:
            wanted = sql.Identifier(column) if kind == "bytea" else sql.SQL("{}::text").format(sql.Identifier(column))
            query = sql.SQL("SELECT {} FROM {}").format(wanted, sql.Identifier(schema, table))
            for (value,) in connection.execute(query):
                if value is not None:
                    yield table, column, bytes(value) if kind == "bytea" else str(value).encode()


def _leaking_files(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob("*") if path.is_file() and _is_in(path.read_bytes())]


def _is_in(data: bytes) -> bool:
    with suppress(zlib.error):
        data += zlib.decompress(data)
    return any(form in data for form in _forms())


def _forms() -> Iterator[bytes]:
    yield WORD.encode()
    yield WORD.encode().hex().encode()
    for shift in range(3):
        # The characters in the middle depend on nothing that stands around the word.
        whole = base64.b64encode(b"\0" * shift + WORD.encode()).decode()
        yield whole[4:12].encode()
