"""Stops connections to other machines while tests run, in this process."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable
from functools import cache

Hook = Callable[[str, tuple[object, ...]], None]


class NetworkRefused(OSError):
    """A test tried to connect to another machine."""


@cache
def refused_addresses() -> list[str]:
    """What was refused so far; one list for the whole process."""
    return []


def watch_network(add_hook: Callable[[Hook], None]) -> None:
    """Refuse and note every connection that leaves this machine. add_hook: `sys.addaudithook`; it cannot be undone."""
    add_hook(_check)


def _check(event: str, arguments: tuple[object, ...]) -> None:
    if event != "socket.connect":
        return
    connection, address = arguments
    if isinstance(connection, socket.SocketType) and connection.family not in (socket.AF_INET, socket.AF_INET6):
        return
    host = address[0] if isinstance(address, tuple) else address
    if not _is_loopback(str(host)):
        refused_addresses().append(str(address))
        raise NetworkRefused(f"tests use no network, but connected to {address}")


def _is_loopback(host: str) -> bool:
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
