"""Servers over HTTP: headers from the keyring, refusals, breaking off, coming back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from core.agents.mcp.errors import (
    CallTimedOut,
    McpError,
    NotSignedIn,
    ServerUnavailable,
    ToolNotApproved,
    ToolNotFound,
)
from core.agents.mcp.exchange import McpProgress
from tests.core.agents.mcp.conftest import Rig, until
from tests.support.mcp_program import build, of_old, turncoat
from tests.support.mcp_site import McpSite, free_port, running_mcp_site


@pytest.fixture
def log() -> list[str]:
    """What happened in the server."""
    return []


@pytest.fixture
def site(log: list[str]) -> Iterator[McpSite]:
    """A server of the newest protocol."""
    with running_mcp_site(build(log)) as running:
        yield running


async def test_headers_come_from_the_keyring_and_are_masked(rig: Rig) -> None:
    rig.keys.kept["hub"] = "sesame-open-up"
    with running_mcp_site(build(), token="sesame-open-up") as running:
        good = rig.site("good", running.url, headers={"Authorization": "Bearer ${secret:hub}"})
        await rig.approve_all(good)
        assert (await rig.servers.call(good, "add", {"a": 1, "b": 1})).text == "2"
        bad = rig.site("bad", running.url, headers={"Authorization": "Bearer wrong-key-1234"})
        with pytest.raises(NotSignedIn, match=r"HTTP 401.*Check its headers and keys"):
            await rig.servers.tools(bad)
    assert rig.servers.status("bad").state == "failed"
    assert "wrong-key" not in repr(rig.states)


@pytest.mark.parametrize("generation", ["new", "old"])
async def test_progress_arrives_on_the_callers_loop_newest_first_of_all(rig: Rig, generation: str) -> None:
    with running_mcp_site(build() if generation == "new" else of_old()) as running:
        name = rig.site("site", running.url)
        await rig.approve_all(name)
        seen: list[McpProgress] = []
        result = await rig.servers.call(name, "count", {"steps": 2000}, progress=seen.append)
        assert result.text == "counted to 2000"
        assert seen[-1] == McpProgress(2000, 2000, "step 2000")
        assert len(seen) < 200  # gathered, so that no window has to follow every step


async def test_twenty_calls_at_once_do_not_wait_for_each_other(rig: Rig, site: McpSite, log: list[str]) -> None:
    name = rig.site("site", site.url)
    await rig.approve_all(name)
    hanging = asyncio.create_task(rig.servers.call(name, "hang", {"mark": "A"}))
    results = await asyncio.gather(*(rig.servers.call(name, "add", {"a": n, "b": n}) for n in range(20)))
    assert [result.text for result in results] == [str(2 * n) for n in range(20)]
    assert not hanging.done()
    hanging.cancel()
    await asyncio.gather(hanging, return_exceptions=True)
    await until(lambda: "hang cancelled A" in log)


@pytest.mark.parametrize("generation", ["new", "old"])
async def test_a_call_that_takes_too_long_is_stopped_there(rig: Rig, generation: str) -> None:
    log: list[str] = []
    with running_mcp_site(build(log) if generation == "new" else of_old(log)) as running:
        name = rig.site("site", running.url)
        await rig.approve_all(name)
        with pytest.raises(CallTimedOut, match=r"no answer within 0\.3 s.*not known.*timeout"):
            await rig.servers.call(name, "hang", {"mark": "A"}, timeout=0.3)
        await until(lambda: "hang cancelled A" in log)
        assert (await rig.servers.call(name, "add", {"a": 1, "b": 1})).text == "2"


async def test_the_time_of_a_call_stands_still_while_the_person_is_asked(rig: Rig, site: McpSite) -> None:
    from core.agents.mcp.exchange import Elicitation, ElicitationAnswer

    async def answer(question: Elicitation) -> ElicitationAnswer:
        await asyncio.sleep(0.8)
        return ElicitationAnswer("accept", {"name": "Ada", "age": 36})

    name = rig.site("site", site.url)
    await rig.approve_all(name)
    assert (await rig.servers.call(name, "ask", elicit=answer, timeout=0.6)).text == "accept: Ada 36"


async def test_a_question_is_withdrawn_when_its_call_is_cancelled(rig: Rig, site: McpSite) -> None:
    from core.agents.mcp.exchange import Elicitation, ElicitationAnswer

    asked, withdrawn = asyncio.Event(), asyncio.Event()

    async def answer(question: Elicitation) -> ElicitationAnswer:
        asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            withdrawn.set()
        raise AssertionError

    name = rig.site("site", site.url)
    await rig.approve_all(name)
    call = asyncio.create_task(rig.servers.call(name, "ask", elicit=answer))
    await asked.wait()
    call.cancel()
    await asyncio.wait_for(withdrawn.wait(), 5)


async def test_nothing_is_called_that_nobody_agreed_to(rig: Rig, site: McpSite, log: list[str]) -> None:
    name = rig.site("site", site.url)
    with pytest.raises(ToolNotApproved, match="steploom mcp approve site add") as told:
        await rig.servers.call(name, "add", {"a": 1, "b": 2})
    assert (told.value.tool.state, told.value.tool.description) == ("new", "Add two numbers.")
    assert log == []
    with pytest.raises(ToolNotFound, match="Did you mean 'add'"):
        await rig.servers.call(name, "addd", {})
    with pytest.raises(ToolNotApproved, match="otherwise now than what was shown"):
        await rig.servers.approve(name, "add", "0" * 64)


async def test_a_tool_that_is_described_otherwise_is_asked_about_again(rig: Rig) -> None:
    with running_mcp_site(turncoat()) as running:
        name = rig.site("site", running.url)
        (before,) = (await rig.approve_all(name)).values()
        assert (await rig.servers.call(name, "weather", {"city": "Rome"}, hash=before.hash)).text == "sunny in Rome"
        (after,) = await rig.servers.tools(name)
        assert (after.state, after.approved_description) == ("changed", "The weather of a city.")
        assert "id_rsa" in after.description
        with pytest.raises(ToolNotApproved, match="has changed the description"):
            await rig.servers.call(name, "weather", {"city": "Rome"})
        again = await rig.servers.approve(name, "weather", after.hash)
        assert again.state == "approved"
        with pytest.raises(ToolNotApproved, match="otherwise than what the call was made for"):
            await rig.servers.call(name, "weather", {"city": "Rome"}, hash=before.hash)
        assert (await rig.servers.call(name, "weather", {"city": "Rome"}, hash=after.hash)).text == "sunny in Rome"


async def test_agreements_outlive_the_program_and_can_be_taken_back(rig: Rig, site: McpSite) -> None:
    name = rig.site("site", site.url)
    await rig.approve_all(name)
    servers = rig.anew()
    assert (await servers.call(name, "add", {"a": 1, "b": 2})).text == "3"
    await servers.revoke(name, "add")
    with pytest.raises(ToolNotApproved):
        await servers.call(name, "add", {"a": 1, "b": 2})
    await servers.revoke(name)
    assert {tool.state for tool in await servers.tools(name)} == {"new"}


@pytest.mark.parametrize("generation", ["new", "old"])
async def test_a_site_that_went_away_is_found_again(rig: Rig, generation: str) -> None:
    port = free_port()
    name = rig.site("site", f"http://127.0.0.1:{port}/mcp")
    with running_mcp_site(build() if generation == "new" else of_old(), port=port):
        await rig.approve_all(name)
        hanging = asyncio.create_task(rig.servers.call(name, "hang", {"mark": "A"}))
        await rig.servers.call(name, "add", {"a": 1, "b": 1})
    with pytest.raises(McpError):
        await hanging
    with pytest.raises(McpError):
        await rig.servers.call(name, "add", {"a": 1, "b": 1})
    with running_mcp_site(build() if generation == "new" else of_old(), port=port):
        await rig.servers.restart(name)
        assert (await rig.servers.call(name, "add", {"a": 1, "b": 1})).text == "2"


async def test_a_wrong_address_is_told_from_one_where_nobody_is(rig: Rig, site: McpSite) -> None:
    wrong = rig.site("wrong", site.url.replace("/mcp", "/nothing"))
    with pytest.raises(ServerUnavailable, match=r"HTTP 404.*above all the path"):
        await rig.servers.tools(wrong)
    nobody = rig.site("nobody", f"http://127.0.0.1:{free_port()}/mcp")
    with pytest.raises(ServerUnavailable, match=r"could not be reached.*Check its url and that it runs"):
        await rig.servers.tools(nobody)


@pytest.mark.parametrize("generation", ["new", "old"])
async def test_ten_megabytes_come_over_http_too(rig: Rig, generation: str) -> None:
    with running_mcp_site(build() if generation == "new" else of_old()) as running:
        name = rig.site("site", running.url)
        await rig.approve_all(name)
        result = await rig.servers.call(name, "big", {"size": 10_000_000})
        assert (result.shortened, len(result.text) < 1_001_000) == (True, True)
