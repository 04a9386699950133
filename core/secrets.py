"""Keys by name: from the environment, the operating system's keyring, or a private file if the person said so.

SecretsError
├── NoKeyring      this machine has no keyring service and the file was not allowed
└── BadSecret      the name or the value cannot be kept
"""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import re
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from core.engine.mask import Mask

SERVICE: Final = "steploom"
"""The service name in the keyring."""

SHORTEST: Final = 4
"""Characters; a shorter value could not be masked without blotting out ordinary words."""

OTHER_NAMES: Final[Mapping[str, str]] = {"openrouter": "OPENROUTER_API_KEY"}
"""Variables of the environment that other programs also read a key from."""


class _Keyring(Protocol):
    """What is used of the package `keyring`."""

    def get_password(self, service_name: str, username: str) -> str | None: ...

    def set_password(self, service_name: str, username: str, password: str) -> None: ...

    def delete_password(self, service_name: str, username: str) -> None: ...


_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_T = TypeVar("_T")


class SecretsError(Exception):
    """A key could not be read or kept."""

    code = "secrets"


class NoKeyring(SecretsError):
    """This machine has no keyring service.

    Set the key in the environment, start a keyring (gnome-keyring, KWallet), or allow a file that only you can read:
    `steploom keys set NAME --file`.
    """

    code = "no_keyring"


class BadSecret(SecretsError):
    """The name or the value of a key cannot be kept."""

    code = "bad_secret"


class KeyringSecrets:
    """The Secrets service.

    home: the folder for the list of names (names only) and, if `allow_file`, the file of keys. environment: what comes
    before the keyring. Keyrings may ask the person and so be slow; every call to one runs in a thread.
    """

    def __init__(self, home: Path, *, allow_file: bool = False, environment: Mapping[str, str] | None = None) -> None:
        self._names_file = home / "secret-names.json"
        self._values_file = home / "secrets.json"
        self._allow_file = allow_file
        self._environment = os.environ if environment is None else environment
        self.mask = Mask()
        """Knows every key that was handed out, for logs."""

    async def get(self, name: str) -> str | None:
        """The key of that name, or None. A machine without a keyring has none, which is no error."""
        check_name(name)
        value = self.from_environment(name)
        if value is None:
            value = await asyncio.to_thread(self._read, name)
        if value is not None:
            self.mask.add(name, value)
        return value

    def from_environment(self, name: str) -> str | None:
        """The key as the environment gives it: `STEPLOOM_SECRET_NAME`, or a name that others use too."""
        variables = [f"STEPLOOM_SECRET_{_variable(name)}"]
        if name in OTHER_NAMES:
            variables.append(OTHER_NAMES[name])
        return next((self._environment[v] for v in variables if self._environment.get(v)), None)

    async def check_place(self, name: str) -> None:
        """Make sure that a key of that name can be kept, before a person types it. Raises BadSecret or SecretsError."""
        check_name(name)
        if not self._allow_file:
            await asyncio.to_thread(_keyring_call, lambda keyring: keyring.get_password(SERVICE, name))

    async def set(self, name: str, value: str) -> str:
        """Keep a key; says where it went: `keyring` or `file`. Raises BadSecret, NoKeyring or SecretsError."""
        check_name(name)
        if len(value) < SHORTEST or "\0" in value:
            raise BadSecret(f"The key {name!r} is too short: at least {SHORTEST} characters are needed to mask it.")
        where = await asyncio.to_thread(self._write, name, value)
        await asyncio.to_thread(self._remember, name, True)
        return where

    async def delete(self, name: str) -> bool:
        """Forget a key; whether there was one. Keys of the environment stay."""
        check_name(name)
        found = await asyncio.to_thread(self._remove, name)
        await asyncio.to_thread(self._remember, name, False)
        return found

    async def names(self) -> list[str]:
        """The names of the keys that were set here, sorted. Keys that only the environment has are not among them."""
        return await asyncio.to_thread(lambda: sorted({*_read_json(self._names_file, list), *self._file_values()}))

    async def names_in_file(self) -> list[str]:
        """Those of `names` whose key lies in the private file."""
        return await asyncio.to_thread(lambda: sorted(self._file_values()))

    def _read(self, name: str) -> str | None:
        if self._allow_file and (value := self._file_values().get(name)) is not None:
            return value
        try:
            return _keyring_call(lambda keyring: keyring.get_password(SERVICE, name))
        except NoKeyring:
            return None

    def _write(self, name: str, value: str) -> str:
        try:
            _keyring_call(lambda keyring: keyring.set_password(SERVICE, name, value))
        except NoKeyring:
            if not self._allow_file:
                raise
        else:
            self._remove_from_file(name)  # an older value there would come before the keyring's
            return "keyring"
        _write_private(self._values_file, {**self._file_values(), name: value})
        return "file"

    def _remove(self, name: str) -> bool:
        found = self._remove_from_file(name)
        try:
            if _keyring_call(lambda keyring: keyring.get_password(SERVICE, name)) is not None:
                _keyring_call(lambda keyring: keyring.delete_password(SERVICE, name))
                found = True
        except NoKeyring:
            pass
        return found

    def _remove_from_file(self, name: str) -> bool:
        values = self._file_values()
        if values.pop(name, None) is None:
            return False
        _write_private(self._values_file, values)
        return True

    def _remember(self, name: str, there: bool) -> None:
        names = set(_read_json(self._names_file, list))
        changed = names | {name} if there else names - {name}
        if changed != names:
            _write_private(self._names_file, sorted(changed))

    def _file_values(self) -> dict[str, str]:
        found = _read_json(self._values_file, dict)
        return {str(name): str(value) for name, value in found.items()}


def check_name(name: str) -> None:
    """Raises BadSecret for a name that a key cannot have."""
    if not _NAME.fullmatch(name):
        raise BadSecret(f"{name!r} is no name for a key. Use up to 64 letters, digits, dots, dashes and underscores.")


def loaded_keyring() -> Any:
    """The package `keyring`, which loads the back end that its configuration names. Raises SecretsError."""
    try:
        import keyring

        keyring.get_keyring()
    except Exception as error:  # noqa: BLE001 - a back end is anybody's code
        fix = "Mend PYTHON_KEYRING_BACKEND or the file keyringrc.cfg; a key in the environment needs neither."
        raise SecretsError(f"The keyring cannot be loaded: {error}. {fix}") from None
    return keyring


def _variable(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", name).upper()


def _keyring_call(action: Callable[[_Keyring], _T]) -> _T:
    """Ask the keyring. Raises NoKeyring if there is none, SecretsError without the key if it fails."""
    keyring = loaded_keyring()
    from keyring.errors import InitError, KeyringLocked, NoKeyringError

    try:
        return action(keyring)
    except (NoKeyringError, InitError):
        raise NoKeyring(inspect.cleandoc(NoKeyring.__doc__ or "")) from None
    except KeyringLocked:
        raise SecretsError("The keyring is locked. Unlock it and try again.") from None
    except Exception as error:  # noqa: BLE001 - back ends raise what their services do; the text may hold the key
        raise SecretsError(f"The keyring failed: {type(error).__name__}.") from None


def _read_json(path: Path, kind: type[_T]) -> _T:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return kind()
    except (OSError, ValueError) as error:
        raise SecretsError(f"{path} cannot be read: {type(error).__name__}. Mend or remove it.") from None
    return found if isinstance(found, kind) else kind()


def _write_private(path: Path, value: object) -> None:
    """Write JSON wholly or not at all to a file that only its owner can read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    number, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(number, "w", encoding="utf-8") as file:
            json.dump(value, file, indent=1)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
