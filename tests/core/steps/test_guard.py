"""The guard refuses every spelling of a local address, and connects only to what it has judged."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Sequence

import httpcore
import httpx
import pytest

from core.engine.errors import StepError
from core.steps.parts.connections import Connections
from core.steps.parts.guard import Guard, GuardedBackend, why_refused
from tests.support.step_services import AllowedHosts

PUBLIC = "93.184.215.14"


class Names:
    """A look-up that answers each time with the next list of addresses. asked: the hosts, in order."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        return self.answers.pop(0)


class NoNetwork(httpcore.AsyncNetworkBackend):
    """Keeps what it was asked to connect to; `reachable` addresses give a stream that fails at TLS."""

    def __init__(self, reachable: Iterable[str] = ()) -> None:
        self.reachable = set(reachable)
        self.connected: list[tuple[str, int]] = []
        self.tls_names: list[str | None] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append((host, port))
        if host not in self.reachable:
            raise httpcore.ConnectError("refused")
        return _TlsOnly(self)


class _TlsOnly(httpcore.AsyncMockStream):
    def __init__(self, network: NoNetwork) -> None:
        super().__init__([])
        self._network = network

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        self._network.tls_names.append(server_hostname)
        raise httpcore.ConnectError("no TLS here")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "169.254.1.1",
        "100.64.0.1", "100.100.100.200", "168.63.129.16", "192.0.0.192", "198.18.0.1", "224.0.0.1", "240.0.0.1",
        "255.255.255.255", "::1", "::", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1", "fe80::1%eth0",
        "fd00:ec2::254", "fc00::1", "fec0::1", "ff02::1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2001:db8::1", "2001:0:7f00:1::", "not an address",
    ],
)  # fmt: skip
def test_a_local_or_reserved_address_is_refused(address: str) -> None:
    assert why_refused(address)


@pytest.mark.parametrize("address", [PUBLIC, "1.1.1.1", "2606:4700:4700::1111", "64:ff9b::101:101"])
def test_a_public_address_is_not_refused(address: str) -> None:
    assert why_refused(address) == ""


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0", "0.0.0.0", "::1", "::ffff:127.0.0.1",
        "localhost", "LOCALHOST", "localhost.", "169.254.169.254", "10.0.0.7", "[::1]".strip("[]"),
    ],
)  # fmt: skip
async def test_the_systems_own_look_up_of_a_local_host_is_refused(host: str) -> None:
    with pytest.raises(StepError) as caught:
        await Guard(None).addresses(host, 80)
    assert caught.value.kind == "refused"
    assert "allowed hosts in the settings" in str(caught.value)


async def test_a_name_with_one_local_address_among_public_ones_is_refused() -> None:
    with pytest.raises(StepError, match=r"'rebind\.test' \(10\.0\.0\.1\) is a private address"):
        await Guard(None, Names([PUBLIC, "10.0.0.1"])).addresses("rebind.test", 443)


async def test_an_allowed_host_is_let_through_by_name_and_port() -> None:
    allowed = AllowedHosts({"nas.home"})
    assert await Guard(allowed, Names(["192.168.1.4"])).addresses("NAS.home.", 8080) == ["192.168.1.4"]
    assert allowed.asked == [("nas.home", 8080)]


async def test_an_allowed_name_does_not_allow_its_neighbours() -> None:
    with pytest.raises(StepError, match="private address"):
        await Guard(AllowedHosts({"nas.home"}), Names(["192.168.1.5"])).addresses("router.home", 80)


async def test_an_unknown_host_can_be_tried_again() -> None:
    with pytest.raises(StepError, match=r"host 'nowhere\.test' is not known") as caught:
        await Guard(None, Names([])).addresses("nowhere.test", 80)
    assert (caught.value.kind, caught.value.retryable) == ("connection", True)


async def test_a_host_too_long_for_a_name_is_unknown_rather_than_a_crash() -> None:
    with pytest.raises(StepError, match="is not known"):
        await Guard(None).addresses("a" * 300, 80)


async def test_the_connection_goes_to_the_judged_address_though_the_name_moves_on() -> None:
    """DNS rebinding: the first look-up is public, a second one would be this machine."""
    names, network = Names([PUBLIC], ["127.0.0.1"]), NoNetwork()
    with pytest.raises(httpcore.ConnectError):
        await GuardedBackend(Guard(None, names), network).connect_tcp("rebind.test", 443)
    assert names.asked == ["rebind.test"]
    assert network.connected == [(PUBLIC, 443)]


async def test_the_next_judged_address_is_tried_when_one_does_not_answer() -> None:
    network = NoNetwork(reachable=[PUBLIC])
    backend = GuardedBackend(Guard(None, Names(["2606:4700::1", PUBLIC])), network)
    await backend.connect_tcp("two.test", 443)
    assert [host for host, _ in network.connected] == ["2606:4700::1", PUBLIC]


async def test_tls_is_asked_for_the_name_and_not_for_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    network = NoNetwork(reachable=[PUBLIC])
    monkeypatch.setattr(httpcore, "AnyIOBackend", lambda: network)
    async with Connections(Guard(None, Names([PUBLIC])), ssl.create_default_context()) as connections:
        with pytest.raises(httpcore.ConnectError, match="no TLS here"):
            await connections.send(httpx.Request("GET", "https://secure.test/"))
    assert network.tls_names == ["secure.test"]


async def test_socket_files_are_never_opened() -> None:
    with pytest.raises(httpcore.ConnectError, match="socket files"):
        await GuardedBackend(Guard(None)).connect_unix_socket("/var/run/docker.sock")
