"""Where the database is: a connection string, made safe to use and safe to show."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import quote

import psycopg
from psycopg import conninfo

from core.store.errors import ConnectError, LoginError, StoreError

_CONNECT_TIMEOUT = 10
"""Seconds that one attempt to connect may take."""

_SILENCE = {"keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3", "tcp_user_timeout": "20000"}
"""A network that swallows everything breaks a connection within 25 s; by themselves systems wait for hours."""


_GUESSES = ("Is the server", "This probably means the server", "before or while processing")
"""Beginnings of lines in which libpq says what may be behind an error."""


@dataclass(frozen=True, slots=True)
class Address:
    """A database.

    dsn: what libpq connects with, password included; never show it. shown: the same for people, without password.
    """

    dsn: str
    shown: str

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"

    @classmethod
    def parse(cls, text: str) -> Address:
        """The address that a URL (`postgresql://user@host/database`) or a libpq connection string names.

        TLS is demanded and verified for hosts other than this machine, unless the text says `sslmode=` otherwise.
        Raises ConnectError if the text is neither.
        """
        scheme, separator, rest = text.strip().partition("://")
        plain = f"postgresql://{rest}" if separator and scheme.split("+")[0] in ("postgres", "postgresql") else text
        try:
            parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(plain).items() if value is not None}
        except psycopg.ProgrammingError:
            raise ConnectError(
                "The database's address is neither a URL like postgresql://user@host:5432/database nor a libpq "
                "connection string. Correct STEPLOOM_DATABASE_URL or the setting `database_url`."
            ) from None
        parts.setdefault("connect_timeout", str(_CONNECT_TIMEOUT))
        parts.setdefault("application_name", "steploom")
        if not _is_this_machine(parts):
            parts.setdefault("sslmode", "verify-full")
            if parts["sslmode"].startswith("verify"):
                parts.setdefault("sslrootcert", "system")
            for name, value in _SILENCE.items():
                parts.setdefault(name, value)
        return cls(conninfo.make_conninfo(**parts), _shown(parts))

    def with_database(self, name: str) -> Address:
        """Another database on the same server."""
        parts = {key: str(value) for key, value in conninfo.conninfo_to_dict(self.dsn).items() if value is not None}
        parts["dbname"] = name
        return Address(conninfo.make_conninfo(**parts), _shown(parts))

    def explain(self, error: psycopg.Error) -> StoreError:
        """Why connecting failed, in words for the person who set the address."""
        text = str(error)
        if "password authentication failed" in text or "no password supplied" in text or error.sqlstate == "28P01":
            return LoginError(
                f"The database {self.shown} refuses the password (or there is none). Set the password with "
                "`steploom keys set database`, or put it into STEPLOOM_DATABASE_URL."
            )
        if "role " in text and "does not exist" in text:
            return LoginError(f"The server of {self.shown} does not know that user. Correct the user in the address.")
        if "no pg_hba.conf entry" in text:
            return LoginError(
                f"The server of {self.shown} does not let this machine in (no pg_hba.conf entry). "
                "Ask its administrator for access."
            )
        if "database " in text and "does not exist" in text:
            return ConnectError(f"There is no such database: {self.shown}. Create it, or correct its name.")
        if "certificate" in text or "SSL" in text:
            return ConnectError(
                f"The server of {self.shown} could not be verified by TLS: {_reason(text)}. Give its certificate by "
                "`?sslrootcert=FILE`, or choose another `?sslmode=` if you trust the network."
            )
        return ConnectError(
            f"The database {self.shown} cannot be reached: {_reason(text)}. Check that the server runs and that the "
            "address is right, then try again."
        )


def _is_this_machine(parts: dict[str, str]) -> bool:
    hosts = parts.get("hostaddr") or parts.get("host") or ""
    return all(_is_local(host) for host in hosts.split(","))


def _is_local(host: str) -> bool:
    if not host or host[0] in "/@" or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(parts: dict[str, str]) -> str:
    user = f"{quote(parts['user'])}@" if parts.get("user") else ""
    host = parts.get("host") or parts.get("hostaddr") or ""
    name = quote(parts.get("dbname") or parts.get("user") or "")
    if host.startswith("/"):
        return f"postgresql://{user}/{name} (socket in {host})"
    port = f":{parts['port']}" if parts.get("port") else ""
    return f"postgresql://{user}{host}{port}/{name}"


def _reason(text: str) -> str:
    """The part of libpq's message that tells something: its last line, without the parts that repeat the address."""
    lines = [stripped for line in text.splitlines() if (stripped := line.strip()) and not stripped.startswith(_GUESSES)]
    last = lines[-1] if lines else "no reason given"
    return last.rsplit("failed: ", 1)[-1].removeprefix("FATAL:").strip().rstrip(".")
