"""The guard of steps that call the network: which addresses they may reach, checked where the connection is made.

A name is resolved once, every address it has is judged, and the connection goes to a judged address. So neither a
redirect, nor a second look-up that answers otherwise, nor another spelling of 127.0.0.1 leads around the guard.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeAlias

import httpcore

from core.engine.errors import StepError
from core.engine.services import Addresses

Resolve: TypeAlias = Callable[[str, int], Awaitable[Sequence[str]]]
"""Looks a host up: its IP addresses as text, the preferred one first. Raises OSError."""

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_METADATA = frozenset({"169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "fd00:ec2::254"})
"""Where cloud machines hand out their credentials; Azure's lies in the public range."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


async def system_resolve(host: str, port: int) -> Sequence[str]:
    """The operating system's look-up, beside the loop. Also reads `127.1`, `0x7f000001` and the like, as it does."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard:
    """Judges hosts. allowed: what the settings allow beyond public addresses, None for nothing."""

    def __init__(self, allowed: Addresses | None, resolve: Resolve = system_resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve

    async def addresses(self, host: str, port: int) -> Sequence[str]:
        """The IP addresses to connect to, all judged. host: a name or an address, without brackets.

        Raises StepError: `refused` for an address that steps may not reach, `connection` for an unknown host.
        """
        host = host.rstrip(".").lower()
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            found = ()
        if not found:
            raise StepError(
                f"The host {host!r} is not known. Check its spelling and the network.",
                kind="connection",
                retryable=True,
            )
        if self._allowed is not None and self._allowed.is_allowed(host, port):
            return found
        for text in found:
            what = why_refused(text)
            if what:
                place = f"{host!r} ({text})" if text != host else repr(host)
                raise StepError(
                    f"{place} is {what}, which steps may not call. "
                    f"If you trust it, allow {host}:{port} under allowed hosts in the settings.",
                    kind="refused",
                )
        return found


def why_refused(address: str) -> str:
    """What kind of address steps may not call it is, such as 'a private address'; '' for a public one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return "no address"
    for one in (found, *_inner(found)):
        kind = _kind(one)
        if kind:
            return kind
    return ""


def _kind(address: _Address) -> str:
    if str(address) in _METADATA:
        return "a cloud metadata address"
    if address.is_loopback or address.is_unspecified:
        return "an address of this machine"
    if address.is_link_local:
        return "a link-local address"
    if address.is_multicast:
        return "a multicast address"
    if address.is_private or (isinstance(address, ipaddress.IPv6Address) and address.is_site_local):
        return "a private address"
    if address.is_reserved or not address.is_global:
        # 64:ff9b::/96 counts as reserved, though it is the only way to IPv4 in some networks.
        return "" if address in _NAT64 else "a reserved address"
    return ""


def _inner(address: _Address) -> Iterable[_Address]:
    """The IPv4 addresses that an IPv6 address leads to: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, ipaddress.IPv4Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64:
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Opens connections to judged addresses only; the host's name stays what TLS and the Host header say."""

    def __init__(self, guard: Guard, inner: httpcore.AsyncNetworkBackend | None = None) -> None:
        self._guard = guard
        self._inner = inner or httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to the first judged address that answers."""
        failure: Exception | None = None
        for address in await self._guard.addresses(host, port):
            try:
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Never: a socket file is no host."""
        raise httpcore.ConnectError("Steps do not call socket files.")

    async def sleep(self, seconds: float) -> None:
        """Wait, for the connection pool's own retries."""
        await self._inner.sleep(seconds)
