"""Signing in to a server through the browser, against an authorization server of the SDK on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from core.agents.mcp.errors import NotSignedIn
from core.agents.mcp.secret_values import key_name
from tests.core.agents.mcp.conftest import Rig
from tests.support.mcp_site import Doorman, McpSite, free_port, guarded_server, running_mcp_site


@pytest.fixture
def doorman() -> Doorman:
    """Signs in whoever asks."""
    return Doorman()


@pytest.fixture
def site(doorman: Doorman) -> Iterator[McpSite]:
    """A server that wants a sign-in."""
    port = free_port()
    with running_mcp_site(guarded_server(doorman, port), port=port) as running:
        yield running


async def browser(address: str) -> None:
    """Follows the way to the page and back, as a browser does whose user agrees."""
    async with httpx.AsyncClient(follow_redirects=True) as web:
        answer = await web.get(address)
    assert "return to the program" in answer.text


async def test_a_person_signs_in_once_and_the_tokens_lie_in_the_keyring(
    rig: Rig, site: McpSite, doorman: Doorman
) -> None:
    name = rig.site("hub", site.url, auth="oauth")
    rig.servers.open_with(browser)
    await rig.approve_all(name)
    assert (await rig.servers.call(name, "whoami")).text == "signed in"
    kept = json.loads(rig.keys.kept[key_name(name, "oauth")])
    assert kept["tokens"]["access_token"] == "access-token-1"
    assert "access-token-1" not in rig.configuration.file.read_text()
    again = rig.anew()  # as after a new start: nobody is asked
    assert (await again.call(name, "whoami")).text == "signed in"
    assert doorman.sign_ins == 1


async def test_a_token_that_ended_is_refreshed_without_asking_the_person(
    rig: Rig, site: McpSite, doorman: Doorman
) -> None:
    name = rig.site("hub", site.url, auth="oauth")
    rig.servers.open_with(browser)
    await rig.approve_all(name)
    key = key_name(name, "oauth")
    rig.keys.kept[key] = json.dumps({**json.loads(rig.keys.kept[key]), "ends": 1.0})
    again = rig.anew()
    assert (await again.call(name, "whoami")).text == "signed in"
    assert (doorman.sign_ins, doorman.refreshed) == (1, 1)
    assert json.loads(rig.keys.kept[key])["tokens"]["access_token"] == "access-token-2"


async def test_without_a_browser_it_is_said_how_to_sign_in(rig: Rig, site: McpSite) -> None:
    name = rig.site("hub", site.url, auth="oauth")
    with pytest.raises(NotSignedIn, match="wants a sign-in: steploom mcp test hub"):
        await rig.servers.tools(name)


async def test_a_declined_sign_in_is_said_to_be_so(rig: Rig, site: McpSite, doorman: Doorman) -> None:
    doorman.decline = True
    name = rig.site("hub", site.url, auth="oauth")
    rig.servers.open_with(browser)
    with pytest.raises(NotSignedIn, match="was declined"):
        await rig.servers.tools(name)


async def test_signing_out_forgets_the_tokens(rig: Rig, site: McpSite, doorman: Doorman) -> None:
    name = rig.site("hub", site.url, auth="oauth")
    rig.servers.open_with(browser)
    await rig.servers.tools(name)
    assert await rig.servers.sign_out(name)
    assert rig.keys.kept == {}
    await rig.servers.tools(name)
    assert doorman.sign_ins == 2


async def test_a_visitor_without_the_secret_of_the_sign_in_changes_nothing(rig: Rig, site: McpSite) -> None:
    async def with_visitor(address: str) -> None:
        back = httpx.URL(address).params["redirect_uri"]
        async with httpx.AsyncClient() as web:
            for query in ("?code=stolen&state=guess", "?error=access_denied", ""):
                assert (await web.get(back + query)).status_code == 404
        await browser(address)

    name = rig.site("hub", site.url, auth="oauth")
    rig.servers.open_with(with_visitor)
    assert await rig.servers.tools(name)
