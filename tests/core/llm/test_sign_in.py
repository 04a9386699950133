"""Signing in with OpenRouter through the browser, played by the test."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from core.engine.errors import StepError
from core.llm.client import ModelServer
from core.llm.sign_in import BrowserSignIn, Proof, key_for_code, page_address
from tests.support.openrouter import KEY, StandIn
from tests.support.openrouter_client import HastyClock


def fixed_bytes(count: int) -> bytes:
    return bytes(range(count))


def sign_in(server: ModelServer, clock: HastyClock) -> BrowserSignIn:
    return BrowserSignIn(server.connection, clock=clock, token_bytes=fixed_bytes)


async def visit(address: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as browser:
        return await browser.get(address.replace("//localhost:", "//127.0.0.1:"))


async def test_the_browser_brings_the_code_back_and_it_becomes_a_key(
    server: ModelServer, stand_in: StandIn, clock: HastyClock
) -> None:
    async with sign_in(server, clock) as signing_in:
        _, back = stand_in.allow(signing_in.address)
        assert back.startswith("http://localhost:")
        waiting = asyncio.create_task(signing_in.key())
        page = await visit(back)
        assert await waiting == KEY
    assert (page.status_code, "return to the program" in page.text) == (200, True)
    request = stand_in.requests[-1]
    assert set(request.body) == {"code", "code_verifier", "code_challenge_method"}


async def test_the_page_s_address_carries_the_challenge_and_not_the_verifier(
    server: ModelServer, clock: HastyClock
) -> None:
    async with sign_in(server, clock) as signing_in:
        query = parse_qs(urlsplit(signing_in.address).query)
    proof = Proof.new(fixed_bytes)
    assert query["code_challenge"] == [proof.challenge]
    assert query["code_challenge_method"] == ["S256"]
    assert query["key_label"] == ["Steploom"]
    assert proof.verifier not in signing_in_address(query)
    assert len(proof.verifier) == 43
    assert "=" not in proof.verifier + proof.challenge


def signing_in_address(query: dict[str, list[str]]) -> str:
    return str(query)


async def test_other_paths_and_methods_are_turned_away_and_the_sign_in_goes_on(
    server: ModelServer, stand_in: StandIn, clock: HastyClock
) -> None:
    async with sign_in(server, clock) as signing_in:
        _, back = stand_in.allow(signing_in.address)
        place = urlsplit(back)
        assert (await visit(f"http://{place.netloc}/cb/guessed?code=evil")).status_code == 404
        assert (await visit(back.partition("?")[0])).status_code == 400
        async with httpx.AsyncClient(trust_env=False) as browser:
            posted = await browser.post(back.replace("localhost", "127.0.0.1"))
        assert posted.status_code == 404
        await visit(back)
        await visit(back)  # a reload changes nothing
        assert await signing_in.key() == KEY


async def test_nonsense_on_the_port_does_not_disturb_it(
    server: ModelServer, stand_in: StandIn, clock: HastyClock
) -> None:
    async with sign_in(server, clock) as signing_in:
        _, back = stand_in.allow(signing_in.address)
        port = urlsplit(back).port
        for nonsense in (b"", b"\x16\x03\x01\r\n\r\n", b"GET\r\n\r\n", b"x" * 40_000):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(nonsense)
                writer.write_eof()
                await reader.read()
            except ConnectionError:
                pass  # closed in our face, which is right
            finally:
                writer.close()
        await visit(back)
        assert await signing_in.key() == KEY


async def test_a_declined_sign_in_says_so(server: ModelServer, stand_in: StandIn, clock: HastyClock) -> None:
    async with sign_in(server, clock) as signing_in:
        _, back = stand_in.allow(signing_in.address)
        await visit(back.partition("?")[0] + "?error=access_denied")
        with pytest.raises(StepError, match="declined"):
            await signing_in.key()


async def test_nobody_coming_back_ends_the_wait(server: ModelServer, clock: HastyClock) -> None:
    async with sign_in(server, clock) as signing_in:
        with pytest.raises(StepError, match="Nobody finished the sign-in") as caught:
            await signing_in.key(timeout=0.01)
    assert caught.value.kind == "timeout"


async def test_leaving_early_closes_the_address(server: ModelServer, stand_in: StandIn, clock: HastyClock) -> None:
    async with sign_in(server, clock) as signing_in:
        _, back = stand_in.allow(signing_in.address)
    with pytest.raises(httpx.ConnectError):
        await visit(back)


async def test_a_pasted_code_works_once(server: ModelServer, stand_in: StandIn) -> None:
    proof = Proof.new()
    code, back = stand_in.allow(page_address(proof))
    assert back == ""
    assert await key_for_code(server.connection, f" {code}\n", proof) == KEY
    with pytest.raises(StepError, match="was used before") as caught:
        await key_for_code(server.connection, code, proof)
    assert caught.value.kind == "credentials"


async def test_another_program_s_proof_is_refused(server: ModelServer, stand_in: StandIn) -> None:
    code, _ = stand_in.allow(page_address(Proof.new()))
    with pytest.raises(StepError, match="did not accept the sign-in code"):
        await key_for_code(server.connection, code, Proof.new())
