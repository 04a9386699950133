"""What counts as a secret in a server's entry, and where it goes."""

from __future__ import annotations

import pytest

from core.agents.mcp.secret_values import is_secret, key_name, put_away

KEY = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("GITHUB_PERSONAL_ACCESS_TOKEN", "anything", True),
        ("API_KEY", "abcd", True),
        ("DB_PASSWORD", "hunter22", True),
        ("GITHUB_PAT", "hunter22", True),
        ("DATABASE", "postgres://ada:hunter2@db/x", True),
        ("ANYTHING", KEY, True),
        ("ANYTHING", "a8f5f167f44f4964e6c998dee827110c", True),
        ("API_KEY", "${API_KEY}", False),
        ("API_KEY", "", False),
        ("API_KEY_FILE", "/run/keys/one", False),
        ("AUTH_TYPE", "oauth", False),
        ("TOKEN_URL", "https://example.org/token", False),
        ("LOG_LEVEL", "debug", False),
        ("DATABASE", "postgres://ada@db/x", False),
        ("DATABASE", "postgres://ada:${PW}@db/x", False),
        ("FOLDER", "/home/ada/a/very/long/path/with/1/number/in/it", False),
        ("PATH", "/usr/bin:/bin", False),
    ],
)
def test_a_secret_is_known_by_its_name_and_by_its_looks(name: str, value: str, secret: bool) -> None:
    assert is_secret(name, value) is secret


def test_headers_keep_their_scheme_and_lose_their_value() -> None:
    safe = put_away(
        "hub", {"headers": {"Authorization": "Bearer abc123", "X-Team": "blue-and-secret", "Accept": "text/html"}}
    )
    assert safe.entry["headers"] == {
        "Authorization": "Bearer ${secret:mcp.hub.Authorization}",
        "X-Team": "${secret:mcp.hub.X-Team}",
        "Accept": "text/html",
    }
    assert safe.secrets == {"mcp.hub.Authorization": "abc123", "mcp.hub.X-Team": "blue-and-secret"}


@pytest.mark.parametrize(
    ("args", "safe", "kept"),
    [
        (["--api-key", "abcdef"], ["--api-key", "${secret:mcp.s.api-key}"], ["abcdef"]),
        (["--token=abcdef"], ["--token=${secret:mcp.s.token}"], ["abcdef"]),
        (
            ["mcp-remote", "https://x.org/mcp", "--header", "Authorization: Bearer abcdef"],
            ["mcp-remote", "https://x.org/mcp", "--header", "Authorization: Bearer ${secret:mcp.s.Authorization}"],
            ["abcdef"],
        ),
        (["run", "-e", "KEY=abcdef", "image"], ["run", "-e", "KEY=${secret:mcp.s.KEY}", "image"], ["abcdef"]),
        (["postgres://a:hunter2@db/x"], ["${secret:mcp.s.argument}"], ["postgres://a:hunter2@db/x"]),
        ([KEY, KEY + "x"], ["${secret:mcp.s.argument}", "${secret:mcp.s.argument-2}"], [KEY, KEY + "x"]),
        (
            ["-y", "@scope/server@1.2.3", "/data", "--port", "80"],
            ["-y", "@scope/server@1.2.3", "/data", "--port", "80"],
            [],
        ),
        (["--api-key", "${API_KEY}"], ["--api-key", "${API_KEY}"], []),
        (["-e", "KEY"], ["-e", "KEY"], []),
    ],
)
def test_arguments_lose_their_secrets(args: list[str], safe: list[str], kept: list[str]) -> None:
    found = put_away("s", {"command": "x", "args": args})
    assert found.entry["args"] == safe
    assert list(found.secrets.values()) == kept


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        (
            "https://example.org/mcp?api_key=abcdef&mode=fast",
            "https://example.org/mcp?api_key=${secret:mcp.s.api_key}&mode=fast",
        ),
        ("https://ada:hunter2@example.org/mcp", "${secret:mcp.s.url}"),
        ("https://example.org/mcp", "https://example.org/mcp"),
    ],
)
def test_addresses_lose_their_secrets(url: str, safe: str) -> None:
    assert put_away("s", {"url": url}).entry["url"] == safe


def test_the_names_of_keys_fit_and_differ() -> None:
    assert key_name("my server", "A B") == "mcp.my-server.A-B"
    long = [key_name("s" * 60, "K" * 60 + end) for end in ("1", "2")]
    assert long[0] != long[1]
    assert max(map(len, long)) <= 64
