from __future__ import annotations

import json
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail
from keyring.errors import KeyringLocked, PasswordDeleteError

from core.secrets import BadSecret, KeyringSecrets, NoKeyring, SecretsError

KEY = "sk-or-v1-hunter22"


class BoxKeyring(KeyringBackend):
    """A keyring in memory that notes which thread it was asked on."""

    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # keyring's own
        self.kept: dict[tuple[str, str], str] = {}
        self.threads: set[int] = set()
        self.locked = False

    def _asked(self) -> None:
        self.threads.add(threading.get_ident())
        if self.locked:
            raise KeyringLocked(f"cannot open {KEY}")

    def get_password(self, service: str, username: str) -> str | None:
        self._asked()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._asked()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._asked()
        if self.kept.pop((service, username), None) is None:
            raise PasswordDeleteError("not there")


@pytest.fixture
def box() -> Iterator[BoxKeyring]:
    before = keyring.get_keyring()
    made = BoxKeyring()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(fail.Keyring())  # type: ignore[no-untyped-call] # keyring's own
    yield
    keyring.set_keyring(before)


def _files(folder: Path) -> dict[Path, str]:
    return {path: path.read_text(encoding="utf-8") for path in folder.iterdir()}


@pytest.fixture
def secrets(tmp_path: Path) -> KeyringSecrets:
    return KeyringSecrets(tmp_path, environment={})


async def test_a_key_is_kept_in_the_keyring_and_only_its_name_on_disk(
    secrets: KeyringSecrets, box: BoxKeyring, tmp_path: Path
) -> None:
    assert await secrets.set("openrouter", KEY) == "keyring"
    assert box.kept == {("steploom", "openrouter"): KEY}
    assert await secrets.get("openrouter") == KEY
    assert await secrets.names() == ["openrouter"]
    on_disk = "".join(_files(tmp_path).values())
    assert "openrouter" in on_disk
    assert KEY not in on_disk


async def test_the_keyring_is_never_asked_on_the_callers_thread(secrets: KeyringSecrets, box: BoxKeyring) -> None:
    await secrets.set("a", KEY)
    await secrets.get("a")
    await secrets.delete("a")
    assert threading.get_ident() not in box.threads


async def test_a_deleted_key_is_gone(secrets: KeyringSecrets, box: BoxKeyring) -> None:
    await secrets.set("a", KEY)
    assert await secrets.delete("a") is True
    assert await secrets.delete("a") is False
    assert await secrets.get("a") is None
    assert await secrets.names() == []


@pytest.mark.usefixtures("box")
async def test_the_environment_comes_first(tmp_path: Path) -> None:
    environment = {"STEPLOOM_SECRET_MY_KEY": "from-environment", "OPENROUTER_API_KEY": "shared-key"}
    secrets = KeyringSecrets(tmp_path, environment=environment)
    await secrets.set("my-key", "from-keyring")
    assert await secrets.get("my-key") == "from-environment"
    assert await secrets.get("openrouter") == "shared-key"
    assert await secrets.get("unknown") is None
    environment["STEPLOOM_SECRET_OPENROUTER"] = "own-key"
    assert await secrets.get("openrouter") == "own-key"
    environment["STEPLOOM_SECRET_MY_KEY"] = ""
    assert await secrets.get("my-key") == "from-keyring"


@pytest.mark.usefixtures("no_keyring")
async def test_without_a_keyring_the_choices_are_named(secrets: KeyringSecrets, tmp_path: Path) -> None:
    with pytest.raises(NoKeyring, match=r"(?s)environment.*keyring.*--file") as caught:
        await secrets.set("openrouter", KEY)
    assert KEY not in str(caught.value)
    assert "  " not in str(caught.value)
    assert await secrets.get("openrouter") is None
    assert _files(tmp_path) == {}


@pytest.mark.usefixtures("no_keyring")
async def test_a_file_that_only_the_owner_reads_is_used_if_allowed(tmp_path: Path) -> None:
    secrets = KeyringSecrets(tmp_path, allow_file=True, environment={})
    assert await secrets.set("openrouter", KEY) == "file"
    (kept,) = [path for path, text in _files(tmp_path).items() if KEY in text]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert await secrets.get("openrouter") == KEY
    assert await secrets.names() == ["openrouter"]
    assert await KeyringSecrets(tmp_path, environment={}).get("openrouter") is None
    assert await secrets.delete("openrouter") is True
    assert await secrets.get("openrouter") is None
    assert KEY not in "".join(_files(tmp_path).values())


async def test_a_key_that_moves_into_the_keyring_leaves_the_file(
    box: BoxKeyring, no_keyring: None, tmp_path: Path
) -> None:
    secrets = KeyringSecrets(tmp_path, allow_file=True, environment={})
    await secrets.set("a", "old-value")
    keyring.set_keyring(box)
    assert await secrets.set("a", "new-value") == "keyring"
    assert await secrets.get("a") == "new-value"
    assert "old-value" not in "".join(_files(tmp_path).values())


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "x" * 65, "a\n"])
async def test_odd_names_are_refused(secrets: KeyringSecrets, box: BoxKeyring, name: str) -> None:
    for call in (secrets.get(name), secrets.set(name, KEY), secrets.delete(name)):
        with pytest.raises(BadSecret, match="no name for a key"):
            await call
    assert box.threads == set()


@pytest.mark.usefixtures("box")
@pytest.mark.parametrize("value", ["", "abc", "with\x00nul"])
async def test_values_that_could_not_be_masked_or_kept_are_refused(secrets: KeyringSecrets, value: str) -> None:
    with pytest.raises(BadSecret):
        await secrets.set("a", value)
    assert await secrets.names() == []


async def test_a_locked_keyring_says_so_without_the_key(secrets: KeyringSecrets, box: BoxKeyring) -> None:
    box.locked = True
    with pytest.raises(SecretsError, match="locked") as caught:
        await secrets.set("a", KEY)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.usefixtures("box")
async def test_a_broken_list_of_names_is_reported(secrets: KeyringSecrets, tmp_path: Path) -> None:
    await secrets.set("a", KEY)
    ((listed, text),) = _files(tmp_path).items()
    assert json.loads(text) == ["a"]
    listed.write_text("{broken", encoding="utf-8")
    with pytest.raises(SecretsError, match="cannot be read"):
        await secrets.names()
