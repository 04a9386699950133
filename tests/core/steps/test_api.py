"""The api step against a real server on loopback, which the settings allow."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from core.engine.errors import ConfigError, StepError
from core.engine.services import Services
from core.engine.step_type import StepContext
from core.engine.testing import ManualClock, lone_context
from core.steps.api import ApiStep
from tests.support.http_site import Page, Site, running_site
from tests.support.step_services import AllowedHosts, MemoryBlobs, OneFolder, output_of


@pytest.fixture
def site() -> Iterator[Site]:
    with running_site() as site:
        yield site


@pytest.fixture
def context(tmp_path: Path) -> StepContext:
    return context_for(tmp_path)


def context_for(
    root: Path, *, hosts: set[str] | None = None, key: str = "", clock: ManualClock | None = None
) -> StepContext:
    allowed = AllowedHosts({"127.0.0.1"} if hosts is None else hosts)
    services = Services(addresses=allowed, blobs=MemoryBlobs(), folders=OneFolder(root))
    return lone_context(services=services, idempotency_key=key, clock=clock)


async def to_loopback(host: str, port: int) -> Sequence[str]:
    """A look-up for which every name is this machine."""
    return ["127.0.0.1"]


async def failure(config: dict[str, Any], context: StepContext, step: ApiStep | None = None) -> StepError:
    with pytest.raises(StepError) as caught:
        await output_of(step or ApiStep(), config, context)
    return caught.value


async def test_json_is_read_with_status_and_headers(site: Site, context: StepContext) -> None:
    site.page("/thing", b'{"name": "caf\xc3\xa9"}', content_type="application/json", x_left="9")
    output = await output_of(ApiStep(), {"url": f"{site.url}/thing", "query": {"a": [1, 2], "b": None}}, context)
    assert (output["status"], output["body"], output["pages"], output["complete"]) == (200, {"name": "café"}, 1, True)
    assert output["headers"]["x-left"] == "9"
    assert site.asked[0].query == {"a": ["1", "2"]}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "purge"])
async def test_any_method_is_sent(site: Site, context: StepContext, method: str) -> None:
    site.page("/", b"done", content_type="text/plain; charset=latin-1")
    output = await output_of(ApiStep(), {"method": method, "url": f"{site.url}/"}, context)
    assert (site.asked[0].method, output["body"]) == (method.upper(), "done")


async def test_head_has_headers_and_no_body(site: Site, context: StepContext) -> None:
    site.page("/", b"12345", content_type="text/plain")
    output = await output_of(ApiStep(), {"method": "HEAD", "url": site.url}, context)
    assert (output["headers"]["content-length"], output["body"]) == ("5", None)


@pytest.mark.parametrize(
    ("body", "content_type", "sent"),
    [
        ({"kind": "json", "value": {"a": [1, "é"]}}, "application/json", '{"a": [1, "é"]}'),
        (
            {"kind": "form", "value": {"a": "1 2", "b": [True, 3]}},
            "application/x-www-form-urlencoded",
            "a=1+2&b=true&b=3",
        ),
        ({"kind": "text", "value": "<a/>", "content_type": "text/xml"}, "text/xml", "<a/>"),
        ({"kind": "text", "value": 5}, "text/plain; charset=utf-8", "5"),
    ],
)
async def test_a_body_is_sent_as_its_kind(
    site: Site, context: StepContext, body: dict[str, Any], content_type: str, sent: str
) -> None:
    site.page("/")
    await output_of(ApiStep(), {"method": "POST", "url": f"{site.url}/", "body": body}, context)
    assert (site.asked[0].headers["content-type"], site.asked[0].body.decode()) == (content_type, sent)


async def test_files_are_uploaded_as_a_browser_does(site: Site, context: StepContext, tmp_path: Path) -> None:
    (tmp_path / "report.csv").write_text("a,b")
    site.page("/")
    body = {"kind": "file", "value": {"title": "Q1"}, "files": [{"field": "doc", "source": "report.csv"}]}
    await output_of(ApiStep(), {"method": "POST", "url": f"{site.url}/", "body": body}, context)
    asked = site.asked[0]
    assert asked.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert b'name="title"\r\n\r\nQ1' in asked.body
    assert b'name="doc"; filename="report.csv"\r\nContent-Type: text/csv\r\n\r\na,b' in asked.body


async def test_a_file_without_a_field_is_the_whole_body(site: Site, context: StepContext) -> None:
    site.page("/")
    assert isinstance(context.services.blobs, MemoryBlobs)
    blob = (await context.services.blobs.put(b"\x89PNG\r\n\x1a\n", "image/png", "a.png")).as_json()
    body = {"kind": "file", "files": [{"field": "", "source": blob}]}
    await output_of(ApiStep(), {"method": "PUT", "url": f"{site.url}/", "body": body}, context)
    assert (site.asked[0].headers["content-type"], site.asked[0].body) == ("image/png", b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        ({"kind": "bearer", "token": "t0ken"}, "authorization", "Bearer t0ken"),
        ({"kind": "basic", "username": "me", "password": "pass"}, "authorization", "Basic bWU6cGFzcw=="),
        ({"kind": "header", "name": "X-Api-Key", "value": "t0ken"}, "x-api-key", "t0ken"),
    ],
)
async def test_auth_is_sent_and_not_recorded(
    site: Site, context: StepContext, auth: dict[str, str], header: str, value: str
) -> None:
    site.page("/")
    await output_of(ApiStep(), {"url": f"{site.url}/", "auth": auth}, context)
    assert site.asked[0].headers[header] == value
    assert value not in json.dumps(context.request)
    assert "•••" in json.dumps(context.request, ensure_ascii=False)


async def test_own_headers_win_and_the_idempotency_key_is_sent(site: Site, tmp_path: Path) -> None:
    site.page("/")
    config = {"method": "POST", "url": f"{site.url}/", "headers": {"user-agent": "mine", "X-Name": "Zoë"}}
    await output_of(ApiStep(), config, context_for(tmp_path, key="run-1/pay"))
    headers = site.asked[0].headers
    assert (headers["user-agent"], headers["idempotency-key"]) == ("mine", "run-1/pay")
    assert headers["x-name"].encode("latin-1").decode() == "Zoë"


async def test_keys_stay_out_of_the_log(site: Site, context: StepContext, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    site.page("/")
    auth = {"kind": "bearer", "token": "s3cret"}
    await output_of(ApiStep(), {"url": f"{site.url}/?key=s3cret", "auth": auth}, context)
    assert site.asked[0].query == {"key": ["s3cret"]}
    assert "s3cret" not in caplog.text


async def test_what_is_no_text_becomes_a_blob(site: Site, context: StepContext) -> None:
    site.page("/a/b.zip", b"PK\3\4\0", content_type="application/zip")
    output = await output_of(ApiStep(), {"url": f"{site.url}/a/b.zip"}, context)
    assert output["body"] is None
    assert (output["blob"]["name"], output["blob"]["media_type"]) == ("b.zip", "application/zip")
    assert context.services.blobs is not None
    assert await context.services.blobs.get(output["blob"]["blob"]) == b"PK\3\4\0"


async def test_the_name_of_a_blob_has_no_folders(site: Site, context: StepContext) -> None:
    site.page("/x", b"1", content_disposition='attachment; filename="../../etc/passwd"')
    output = await output_of(ApiStep(), {"url": f"{site.url}/x", "response": "blob"}, context)
    assert output["blob"]["name"] == "passwd"


async def test_an_empty_reply_is_null(site: Site, context: StepContext) -> None:
    site.page("/", status=204)
    assert (await output_of(ApiStep(), {"url": f"{site.url}/"}, context))["body"] is None


async def test_text_that_no_database_keeps_is_mended(site: Site, context: StepContext) -> None:
    site.page("/", b'{"a\\u0000": "x\\ud800y\\ud83d\\ude00"}', content_type="application/json")
    assert (await output_of(ApiStep(), {"url": f"{site.url}/"}, context))["body"] == {"a\ufffd": "x\ufffdy😀"}


async def test_broken_json_is_an_error_that_shows_it(site: Site, context: StepContext) -> None:
    site.page("/", b"<html>Sorry</html>", content_type="text/html")
    error = await failure({"url": f"{site.url}/", "response": "json"}, context)
    assert error.kind == "validation"
    assert "not JSON" in str(error)
    assert "<html>Sorry</html>" in str(error)


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, "bad_request", False), (401, "credentials", False), (403, "credentials", False),
        (404, "not_found", False),
        (408, "timeout", True), (422, "bad_request", False), (429, "rate_limit", True), (500, "server", True),
        (503, "server", True), (599, "server", True), (304, "failed", False),
    ],
)  # fmt: skip
async def test_a_status_that_was_not_expected_fails_by_kind(
    site: Site, context: StepContext, status: int, kind: str, retryable: bool
) -> None:
    site.page("/pay", b"" if status == 304 else b"x" * 500, status=status)
    error = await failure({"url": f"{site.url}/pay?key=s3cret#part", "query": {"token": "s3cret"}}, context)
    assert (error.kind, error.retryable) == (kind, retryable)
    assert f"GET {site.url}/pay replied {status}" in str(error)
    assert "s3cret" not in str(error)
    assert "x" * 301 not in str(error)


async def test_an_expected_status_is_no_failure(site: Site, context: StepContext) -> None:
    site.page("/", b"gone", status=404, content_type="text/plain")
    assert (await output_of(ApiStep(), {"url": f"{site.url}/", "expected": [200, "404-410"]}, context))["status"] == 404
    assert (await failure({"url": f"{site.url}/", "expected": 201}, context)).kind == "not_found"


async def test_retry_after_is_read_as_seconds_and_as_a_date(site: Site, tmp_path: Path) -> None:
    clock = ManualClock()
    context = context_for(tmp_path, clock=clock)
    site.page("/s", status=429, retry_after="7")
    site.page("/d", status=503, retry_after=format_datetime(clock.now() + timedelta(seconds=90), usegmt=True))
    site.page("/n", status=429, retry_after="soon")
    waits = [(await failure({"url": f"{site.url}{path}"}, context)).retry_after for path in ("/s", "/d", "/n")]
    assert waits == [7, 90, None]


async def test_a_reply_that_takes_too_long_can_be_tried_again(site: Site, tmp_path: Path) -> None:
    clock = ManualClock()
    site.hangs("/slow")
    config = {"url": f"{site.url}/slow", "timeout": "5s"}
    task = asyncio.create_task(output_of(ApiStep(), config, context_for(tmp_path, clock=clock)))
    await asyncio.to_thread(site.arrived.wait, 10)
    await clock.advance(6)
    with pytest.raises(StepError, match=r"GET .*/slow took longer than 5 s") as caught:
        await task
    assert (caught.value.kind, caught.value.retryable) == ("timeout", True)


async def test_cancelling_ends_the_request(site: Site, context: StepContext) -> None:
    site.hangs("/slow")
    task = asyncio.create_task(output_of(ApiStep(), {"url": f"{site.url}/slow"}, context))
    await asyncio.to_thread(site.arrived.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_server_that_is_not_there_can_be_tried_again(context: StepContext) -> None:
    with running_site() as gone:
        url = gone.url
    error = await failure({"url": url}, context)
    assert (error.kind, error.retryable) == ("connection", True)


async def test_a_reply_that_breaks_off_is_not_taken_for_whole(site: Site, context: StepContext) -> None:
    site.pages["/"] = lambda asked: Page(b"half", headers={"content-type": "text/plain"}, length=100)
    error = await failure({"url": f"{site.url}/"}, context)
    assert (error.kind, error.retryable) == ("connection", True)


async def test_a_reply_over_the_size_limit_is_refused(site: Site, context: StepContext) -> None:
    site.page("/", b"x" * 1001, content_type="text/plain")
    error = await failure({"url": f"{site.url}/", "max_bytes": 1000}, context)
    assert error.kind == "limit"
    assert "sent more than 1000 bytes" in str(error)


async def test_the_size_limit_counts_what_is_unpacked(site: Site, context: StepContext) -> None:
    site.page("/", gzip.compress(bytes(5_000_000)), content_encoding="gzip", content_type="text/plain")
    assert (await failure({"url": f"{site.url}/", "max_bytes": 100_000}, context)).kind == "limit"


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(b"hello", mtime=0)),
        ("X-Gzip", gzip.compress(b"hello", mtime=0)),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello", wbits=-15)),
        ("identity", b"hello"),
    ],
)
async def test_packed_replies_are_unpacked(site: Site, context: StepContext, encoding: str, packed: bytes) -> None:
    site.page("/", packed, content_encoding=encoding, content_type="text/plain")
    assert (await output_of(ApiStep(), {"url": f"{site.url}/"}, context))["body"] == "hello"


async def test_a_small_reply_that_unpacks_to_much_takes_no_memory(site: Site, context: StepContext) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    site.page("/once", bomb, content_encoding="gzip", content_type="text/plain")
    site.page("/twice", gzip.compress(bomb), content_encoding="gzip, gzip", content_type="text/plain")
    tracemalloc.start()
    try:
        once = await failure({"url": f"{site.url}/once", "max_bytes": 100_000}, context)
        twice = await failure({"url": f"{site.url}/twice", "max_bytes": 100_000}, context)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()
    assert once.kind == "limit"
    assert "packed as 'gzip, gzip'" in str(twice)


async def test_a_damaged_packed_reply_can_be_tried_again(site: Site, context: StepContext) -> None:
    site.page("/", b"no gzip at all", content_encoding="gzip", content_type="text/plain")
    error = await failure({"url": f"{site.url}/"}, context)
    assert (error.kind, error.retryable, "damaged" in str(error)) == ("connection", True, True)


async def test_a_header_that_http_does_not_allow_leaks_nothing(site: Site, context: StepContext) -> None:
    error = await failure({"url": site.url, "headers": {"X-Key": "s3cret\r\nX-Evil: 1"}}, context)
    assert error.kind == "bad_request"
    assert "s3cret" not in str(error)
    assert not site.asked


class TestRedirects:
    async def test_they_are_followed_with_cookies(self, site: Site, context: StepContext) -> None:
        site.page("/a", status=302, location="/b?x=1", set_cookie="session=7; Path=/")
        site.page("/b", b"here", content_type="text/plain")
        assert (await output_of(ApiStep(), {"url": f"{site.url}/a"}, context))["body"] == "here"
        assert (site.asked[1].query, site.asked[1].headers["cookie"]) == ({"x": ["1"]}, "session=7")

    @pytest.mark.parametrize(
        ("status", "method"), [(301, "GET"), (302, "GET"), (303, "GET"), (307, "POST"), (308, "POST")]
    )
    async def test_a_post_stays_one_only_where_the_status_says_so(
        self, site: Site, context: StepContext, status: int, method: str
    ) -> None:
        site.page("/a", status=status, location="/b")
        site.page("/b")
        body = {"kind": "json", "value": {"a": 1}}
        await output_of(ApiStep(), {"method": "POST", "url": f"{site.url}/a", "body": body}, context)
        second = site.asked[1]
        assert (second.method, second.body) == (method, b'{"a": 1}' if method == "POST" else b"")
        assert ("content-type" in second.headers) == (method == "POST")

    async def test_too_many_are_an_error(self, site: Site, context: StepContext) -> None:
        site.page("/a", status=302, location="/a")
        assert (await failure({"url": f"{site.url}/a", "max_redirects": 3}, context)).kind == "limit"
        assert len(site.asked) == 4

    async def test_none_are_followed_when_the_number_is_0_or_the_status_is_expected(
        self, site: Site, context: StepContext
    ) -> None:
        site.page("/a", status=302, location="/b")
        assert "replied 302" in str(await failure({"url": f"{site.url}/a", "max_redirects": 0}, context))
        output = await output_of(ApiStep(), {"url": f"{site.url}/a", "expected": ["302"]}, context)
        assert output["headers"]["location"] == "/b"

    async def test_another_host_gets_no_credentials(self, site: Site, tmp_path: Path) -> None:
        site.page("/a", status=302, location=f"http://other.test:{site.port}/b", set_cookie="session=7")
        site.page("/b")
        config = {
            "url": f"http://first.test:{site.port}/a",
            "auth": {"kind": "bearer", "token": "t0ken"},
            "headers": {"X-Key": "t0ken", "Accept": "text/plain", "Cookie": "a=t0ken"},
        }
        await output_of(ApiStep(to_loopback), config, context_for(tmp_path, hosts={"first.test", "other.test"}))
        first, second = site.asked
        assert first.headers["authorization"] == "Bearer t0ken"
        assert first.headers["host"] == f"first.test:{site.port}"
        assert second.headers["host"] == f"other.test:{site.port}"
        assert second.headers["accept"] == "text/plain"
        assert "t0ken" not in repr(second)
        assert "cookie" not in second.headers

    async def test_a_body_is_not_sent_on_to_another_host(self, site: Site, tmp_path: Path) -> None:
        site.page("/a", status=307, location=f"http://other.test:{site.port}/b")
        config = {"method": "POST", "url": f"http://first.test:{site.port}/a", "body": {"kind": "text", "value": "x"}}
        context = context_for(tmp_path, hosts={"first.test", "other.test"})
        error = await failure(config, context, ApiStep(to_loopback))
        assert error.kind == "refused"
        assert len(site.asked) == 1

    @pytest.mark.parametrize(
        "target",
        [
            "http://127.0.0.2:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "http://0.0.0.0:{port}/",
            "http://[::ffff:127.0.0.1]:{port}/", "http://2130706433:{port}/", "http://0x7f.1:{port}/",
            "http://169.254.169.254/latest/meta-data", "//10.0.0.1/",
        ],
    )  # fmt: skip
    async def test_they_do_not_lead_around_the_guard(self, site: Site, context: StepContext, target: str) -> None:
        site.page("/a", status=302, location=target.format(port=site.port))
        error = await failure({"url": f"{site.url}/a"}, context)
        assert error.kind == "refused"
        assert len(site.asked) == 1

    @pytest.mark.parametrize(
        "target", ["file:///etc/passwd", "ftp://host/x", "http://[bad/", "http://0177.0.0.1/", "//x:99999/"]
    )
    async def test_they_lead_to_web_addresses_only(self, site: Site, context: StepContext, target: str) -> None:
        site.page("/a", status=302, location=target)
        assert (await failure({"url": f"{site.url}/a"}, context)).kind == "bad_request"


class TestGuard:
    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "10.0.0.1", "169.254.169.254",
            "2130706433", "0x7f.1", "127.1", "0",
        ],
    )  # fmt: skip
    async def test_local_hosts_are_refused_unless_allowed(self, site: Site, tmp_path: Path, host: str) -> None:
        error = await failure({"url": f"http://{host}:{site.port}/"}, context_for(tmp_path, hosts=set()))
        assert error.kind == "refused"
        assert not site.asked

    async def test_nothing_is_allowed_without_settings(self, site: Site) -> None:
        assert (await failure({"url": site.url}, lone_context())).kind == "refused"

    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            "gopher://x",
            "/path",
            "http://",
            "http://user:pass@host/",
            "http://[::",
            "http://[x",
            "x",
            "http://0177.0.0.1/",
            "http://xn--/",
            "http://127.0.0.1:99999/",
        ],
    )
    async def test_only_plain_web_addresses_are_called(self, url: str, context: StepContext) -> None:
        error = await failure({"url": url}, context)
        assert error.kind == "bad_request"
        assert "pass@" not in str(error)


class TestPages:
    async def test_next_links_in_the_reply_are_followed(self, site: Site, context: StepContext) -> None:
        replies = {
            "1": {"data": {"items": [1, 2]}, "links": {"next": "/list?page=2&key=k"}},
            "2": {"data": {"items": [3]}, "links": {"next": None}},
        }
        site.pages["/list"] = lambda asked: json_page(replies[asked.query["page"][0]])
        paging = {"kind": "next_link", "items": "data.items", "link": "$.links.next"}
        output = await output_of(ApiStep(), {"url": f"{site.url}/list?page=1", "pagination": paging}, context)
        assert (output["body"], output["pages"], output["complete"]) == ([1, 2, 3], 2, True)

    async def test_the_link_header_is_followed_with_the_credentials(self, site: Site, context: StepContext) -> None:
        site.pages["/list"] = lambda asked: (
            json_page([3]) if asked.query else json_page([1, 2], link=f'<{site.url}/list?page=2>; rel="next"')
        )
        config = {
            "url": f"{site.url}/list",
            "pagination": {"kind": "next_link"},
            "auth": {"kind": "bearer", "token": "t"},
        }
        assert (await output_of(ApiStep(), config, context))["body"] == [1, 2, 3]
        assert site.asked[1].headers["authorization"] == "Bearer t"

    async def test_a_next_link_to_another_host_goes_without_credentials(self, site: Site, tmp_path: Path) -> None:
        site.pages["/list"] = lambda asked: json_page({"items": [1], "next": f"http://other.test:{site.port}/more"})
        site.pages["/more"] = lambda asked: json_page({"items": [2], "next": ""})
        config = {
            "url": f"http://first.test:{site.port}/list",
            "pagination": {"kind": "next_link", "items": "items", "link": "next"},
            "auth": {"kind": "header", "name": "X-Key", "value": "t0ken"},
        }
        context = context_for(tmp_path, hosts={"first.test", "other.test"})
        assert (await output_of(ApiStep(to_loopback), config, context))["body"] == [1, 2]
        assert "t0ken" not in repr(site.asked[1])

    async def test_page_numbers_count_up_until_a_page_is_empty(self, site: Site, context: StepContext) -> None:
        site.pages["/list"] = lambda asked: json_page(
            {"rows": {"0": ["a"], "1": ["b", "c"]}.get(asked.query["p"][0], [])}
        )
        paging = {"kind": "page_number", "items": "rows", "param": "p", "start": 0}
        output = await output_of(ApiStep(), {"url": f"{site.url}/list?size=2", "pagination": paging}, context)
        assert (output["body"], output["pages"], output["complete"]) == (["a", "b", "c"], 3, True)
        assert all(asked.query["size"] == ["2"] for asked in site.asked)

    async def test_what_the_page_limit_leaves_out_is_told(self, site: Site, context: StepContext) -> None:
        site.pages["/list"] = lambda asked: json_page([asked.query["page"][0]])
        paging = {"kind": "page_number", "max_pages": 2}
        output = await output_of(ApiStep(), {"url": f"{site.url}/list", "pagination": paging}, context)
        assert (output["body"], output["pages"], output["complete"]) == (["1", "2"], 2, False)

    async def test_pages_that_go_in_a_circle_are_an_error(self, site: Site, context: StepContext) -> None:
        site.pages["/list"] = lambda asked: json_page({"items": [1], "next": "/list"})
        paging = {"kind": "next_link", "items": "items", "link": "next"}
        error = await failure({"url": f"{site.url}/list", "pagination": paging}, context)
        assert (error.kind, "circle" in str(error)) == ("limit", True)

    async def test_the_size_limit_holds_for_all_pages_together(self, site: Site, context: StepContext) -> None:
        site.pages["/list"] = lambda asked: json_page(["x" * 100])
        config = {"url": f"{site.url}/list", "pagination": {"kind": "page_number"}, "max_bytes": 350}
        assert (await failure(config, context)).kind == "limit"
        assert len(site.asked) == 4

    @pytest.mark.parametrize(
        ("reply", "message"),
        [
            ({"rows": [1]}, "there is none"), ({"items": "x"}, "list was expected"),
            ({"items": [1], "next": 7}, "no address"),
            ({"items": [1], "next": "http://["}, "no host has"), ({"items": [1], "next": "file:///x"}, "http"),
        ],
    )  # fmt: skip
    async def test_a_page_that_is_not_as_described_is_an_error(
        self, site: Site, context: StepContext, reply: Any, message: str
    ) -> None:
        site.pages["/list"] = lambda asked: json_page(reply)
        paging = {"kind": "next_link", "items": "items", "link": "next"}
        error = await failure({"url": f"{site.url}/list", "pagination": paging}, context)
        assert message in str(error)


def json_page(value: Any, **headers: str) -> Page:
    return Page(json.dumps(value).encode(), headers={"content-type": "application/json", **headers})


@pytest.mark.parametrize(
    ("config", "field", "code"),
    [
        ({}, "url", "missing_field"),
        ({"url": "example.test"}, "url", "wrong_value"),
        ({"url": "https://x", "method": "GET /"}, "method", "wrong_value"),
        ({"url": "https://x", "method": "CONNECT"}, "method", "wrong_value"),
        ({"url": "https://x", "auth": {"kind": "bearer"}}, "auth", "wrong_value"),
        ({"url": "https://x", "auth": {"kind": "magic"}}, "auth", "wrong_value"),
        ({"url": "https://x", "body": {"kind": "form", "value": [1]}}, "body", "wrong_value"),
        ({"url": "https://x", "body": {"kind": "file"}}, "body", "wrong_value"),
        ({"url": "https://x", "expected": ["fine"]}, "expected", "wrong_value"),
        ({"url": "https://x", "headers": {"a b": "c"}}, "headers", "wrong_value"),
        ({"url": "https://x", "pagination": {"kind": "next"}}, "pagination", "wrong_value"),
        ({"url": "https://x", "pagination": {"kind": "next_link"}, "response": "blob"}, "response", "wrong_value"),
        ({"url": "https://x", "timeout": 0}, "timeout", "wrong_value"),
        ({"url": "https://x", "retries": 3}, "retries", "unknown_field"),
    ],
)
def test_a_bad_configuration_is_named(config: dict[str, Any], field: str, code: str) -> None:
    (problem,) = ApiStep().check_config(config)
    assert (problem.path[0], problem.code) == (field, code)


async def test_a_secret_that_came_out_empty_is_told_before_anything_is_sent(site: Site, context: StepContext) -> None:
    with pytest.raises(ConfigError, match="needs token"):
        await output_of(ApiStep(), {"url": site.url, "auth": {"kind": "bearer", "token": ""}}, context)
    assert not site.asked


@pytest.mark.parametrize(
    ("method", "effect"),
    [(None, "reads"), ("get", "reads"), ("HEAD", "reads"), ("POST", "writes"), ("{{ x }}", "writes")],
)
def test_the_effect_follows_the_method(method: str | None, effect: str) -> None:
    assert ApiStep().effect_of({"url": "https://x"} | ({"method": method} if method else {})) == effect


def test_secrets_may_be_read_where_keys_belong() -> None:
    config: dict[str, Any] = {
        "url": "{{ a }}", "query": {"k": "{{ a }}"}, "headers": {"k": "{{ a }}"}, "auth": {"token": "{{ a }}"},
        "body": {"value": {"k": "{{ a }}"}}, "pagination": {"items": "{{ a }}"},
    }  # fmt: skip
    secrets = {field.path[0]: field.secrets for field in ApiStep().template_fields(config)}
    assert secrets == {"url": True, "query": True, "headers": True, "auth": True, "body": True, "pagination": False}
