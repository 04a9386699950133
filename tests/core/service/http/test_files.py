"""Files that runs and conversations hold, sent to whoever may see them."""

from __future__ import annotations

import base64
import hashlib

import httpx
import pytest

from core.agents.agent import Agent, Function
from core.service.http.files import disposition, files_json, sent_type
from core.workflow.document import loads
from core.workspace import Workspace
from tests.support.http_service import Site

PAGE = b"<script>alert(document.cookie)</script>"
HASH = hashlib.sha256(PAGE).hexdigest()

MAKER = """
steploom: 1
name: Make a page
inputs: {page: {type: object}}
steps:
  first: {type: set, config: {values: {draft: "{{ input.page }}"}}, then: second}
  second: {type: template, config: {text: done}}
outputs: {page: "{{ input.page }}", text: "{{ second.text }}"}
"""


async def _page(workspace: Workspace, name: str = "über.html", media_type: str = "text/html") -> dict[str, object]:
    return dict(await workspace.keep_file(PAGE, media_type, name))


async def _made(site: Site, http: httpx.AsyncClient, **named: str) -> dict[str, object]:
    assert site.workspace.store is not None
    await site.workspace.store.workflows.save(loads(MAKER), 0)
    page = await _page(site.workspace, **named)
    body = {"workflow": "Make a page", "inputs": {"page": page}, "wait_s": 20}
    found: dict[str, object] = (await http.post("/api/v1/runs", json=body)).json()
    assert found["status"] == "completed", found
    return found


async def test_a_run_tells_where_its_files_are_and_sends_them_so_that_a_browser_runs_nothing(
    site: Site, http: httpx.AsyncClient
) -> None:
    run = await _made(site, http)
    place = f"/api/v1/runs/{run['run_id']}/files/{HASH}"
    about = {"name": "über.html", "media_type": "text/html", "size": len(PAGE), "hash": HASH, "url": place}
    assert run["files"] == [about]
    answer = await http.get(place)
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html"
    assert answer.headers["content-length"] == str(len(PAGE))
    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"_ber.html\"; filename*=UTF-8''%C3%BCber.html"
    )
    assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_who_may_neither_read_nor_run_gets_no_file(site: Site, http: httpx.AsyncClient) -> None:
    run = await _made(site, http)
    place = f"/api/v1/runs/{run['run_id']}/files/{HASH}"
    async with site.client("answer") as other:
        assert (await other.get(place)).status_code == 403
    async with site.client() as nobody:
        assert (await nobody.get(place)).status_code == 401
    async with site.client("run") as starter:
        assert (await starter.get(place)).content == PAGE


async def test_a_run_sends_only_what_it_names(site: Site, http: httpx.AsyncClient) -> None:
    run = await _made(site, http)
    other = hashlib.sha256(b"kept by somebody else").hexdigest()
    await site.workspace.keep_file(b"kept by somebody else", "text/plain", "other.txt")
    for wrong in (other, "0" * 64, HASH.upper(), HASH[:-1], "..%2f..%2fetc%2fpasswd", "%2e%2e", "%00"):
        answer = await http.get(f"/api/v1/runs/{run['run_id']}/files/{wrong}")
        assert answer.status_code == 404, wrong
    greet = {"workflow": "Greet", "inputs": {"who": "Ada"}, "wait_s": 20}
    unlike = (await http.post("/api/v1/runs", json=greet)).json()
    assert (unlike["files"], (await http.get(f"/api/v1/runs/{unlike['run_id']}/files/{HASH}")).status_code) == ([], 404)


async def test_a_media_type_that_is_none_breaks_no_header(site: Site, http: httpx.AsyncClient) -> None:
    run = await _made(site, http, name="a\r\nSet-Cookie: b", media_type="text/html\r\nSet-Cookie: a=b")
    answer = await http.get(f"/api/v1/runs/{run['run_id']}/files/{HASH}")
    assert (answer.content, answer.headers["content-type"]) == (PAGE, "application/octet-stream")
    assert "set-cookie" not in answer.headers


async def test_a_conversation_sends_what_was_sent_along(http: httpx.AsyncClient) -> None:
    files = [{"name": "plan.html", "data": base64.b64encode(PAGE).decode(), "media_type": "text/html"}]
    body = {"message": "Read it", "stream": False, "files": files}
    turn = (await http.post("/api/v1/agents/Helper/chat", json=body)).json()
    address = f"/api/v1/conversations/{turn['conversation_id']}"
    said, _ = (await http.get(address)).json()["messages"]
    (file,) = said["files"]
    assert (file["name"], file["url"]) == ("plan.html", f"{address}/files/{HASH}")
    answer = await http.get(file["url"])
    assert (answer.content, answer.headers["content-security-policy"]) == (PAGE, "default-src 'none'; sandbox")
    other = (await http.post("/api/v1/agents/Helper/chat", json={"message": "Hi", "stream": False})).json()
    for wrong in (f"/api/v1/conversations/{other['conversation_id']}/files/{HASH}", f"{address}/files/nope"):
        assert (await http.get(wrong)).status_code == 404


async def test_what_a_function_made_is_told_with_the_answer(site: Site, http: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    page = await _page(site.workspace, "page.html")
    text = MAKER.replace("inputs: {page: {type: object}}\n", "").replace('"{{ input.page }}"', str(page), 1)
    await site.workspace.store.workflows.save(loads(text.replace("input.page", "first.draft")), 0)
    draw = Function("draw", kind="workflow", target="Make a page", policy="auto")
    await site.workspace.agents.save(Agent("Maker", functions=(draw,)), 0)
    body = {"message": "Call draw please", "stream": False}
    turn = (await http.post("/api/v1/agents/Maker/chat", json=body)).json()
    assert [each["name"] for each in turn["files"]] == ["page.html"], turn
    assert (await http.get(turn["files"][0]["url"])).content == PAGE
    completion = {"model": "agent/Maker", "messages": [{"role": "user", "content": "Call draw please"}]}
    (file,) = (await http.post("/v1/chat/completions", json=completion)).json()["steploom"]["files"]
    assert (await http.get(file["url"])).content == PAGE


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("a b.txt", 'attachment; filename="a b.txt"'),
        ('../../etc/pass"wd', "attachment; filename=\"pass_wd\"; filename*=UTF-8''pass%22wd"),
        ("C:\\x\\y.txt", 'attachment; filename="y.txt"'),
        ("", 'attachment; filename="file.png"'),
        ("...", 'attachment; filename="file.png"'),
        ("a\u202egnp.exe", 'attachment; filename="agnp.exe"'),
    ],
)
def test_a_file_is_saved_under_a_name_that_leads_nowhere(name: str, told: str) -> None:
    assert disposition(name, "image/png") == told


def test_only_media_types_stand_in_headers() -> None:
    assert sent_type("text/plain; charset=utf-8") == "text/plain; charset=utf-8"
    for wrong in (None, 3, "", "html", "a/b\n", "a/b; c", "a/b,c/d", "ü/x"):
        assert sent_type(wrong) == "application/octet-stream"


def test_what_only_looks_like_a_file_is_none() -> None:
    assert (
        files_json("", {"blob": "short", "media_type": "a/b"}, [{"blob": HASH}], {"blob": HASH, "media_type": 3}) == []
    )


async def test_a_file_is_sent_in_and_given_to_a_run(site: Site, http: httpx.AsyncClient) -> None:
    assert site.workspace.store is not None
    await site.workspace.store.workflows.save(loads(MAKER), 0)
    sent = await http.post("/api/v1/files?name=plan.html", content=PAGE, headers={"Content-Type": "text/html"})
    assert (sent.status_code, sent.json()) == (
        201, {"blob": HASH, "media_type": "text/html", "size": len(PAGE), "name": "plan.html"},
    )  # fmt: skip
    body = {"workflow": "Make a page", "inputs": {"page": sent.json()}, "wait_s": 20}
    (file,) = (await http.post("/api/v1/runs", json=body)).json()["files"]
    assert (await http.get(file["url"])).content == PAGE


async def test_a_file_that_is_sent_in_is_known_by_its_bytes(site: Site, http: httpx.AsyncClient) -> None:
    png = await http.post(
        "/api/v1/files?name=a%0d%0ab", content=b"\x89PNG\r\n\x1a\n", headers={"Content-Type": "x/y\tz"}
    )
    assert (png.status_code, png.json()["media_type"]) == (201, "image/png")
    assert (await http.post("/api/v1/files", content=b"")).status_code == 422
    assert (await http.post("/api/v1/files?colour=blue", content=b"x")).status_code == 400
    assert (await http.post("/api/v1/files?name=a%00b", content=b"x")).status_code == 400, "no run could take it"
    async with site.client("read") as reader:
        assert (await reader.post("/api/v1/files", content=b"x")).status_code == 403
