"""What steps may touch: the folders a person has granted, and the private addresses the settings allow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from core.engine.errors import StepError


@dataclass(frozen=True, slots=True)
class Grant:
    """A folder that steps may read from, and write to if `write`."""

    folder: Path
    write: bool = False


class GrantedFolders:
    """The Folders service: paths inside granted folders only, symbolic links followed before the check."""

    def __init__(self, grants: Iterable[Grant] = ()) -> None:
        self._grants = [Grant(grant.folder.expanduser().resolve(), grant.write) for grant in grants]

    def resolve(self, path: str, origin: str, *, write: bool) -> Path:
        """The absolute, link-free path. Raises StepError(kind='refused') outside the granted folders.

        origin: the folder that relative paths start from; the working folder if it is ''.
        """
        if not path.strip() or "\0" in path:
            raise StepError("The path is empty. Name a file or folder.", kind="config")
        try:
            wanted = Path(path).expanduser()
        except RuntimeError:
            raise StepError(f"Nobody on this machine has the home folder of {path!r}.", kind="not_found") from None
        full = (wanted if wanted.is_absolute() else Path(origin or ".") / wanted).resolve()
        for grant in self._grants:
            if (grant.write or not write) and full.is_relative_to(grant.folder):
                return full
        verb = "write to" if write else "read"
        flag = "--allow-write" if write else "--allow-read"
        raise StepError(
            f"This workflow may not {verb} {full}. Grant the folder in the settings, or start the run with "
            f"{flag} {full if full.is_dir() else full.parent}.",
            kind="refused",
        )

    def with_grants(self, more: Iterable[Grant]) -> GrantedFolders:
        """These folders and some more."""
        return GrantedFolders([*self._grants, *more])


class AllowedHosts:
    """The Addresses service: hosts (`name`, `name:port`) that steps may call although they are private."""

    def __init__(self, hosts: Iterable[str] = ()) -> None:
        self._hosts = frozenset(host.strip().lower() for host in hosts)

    def is_allowed(self, host: str, port: int) -> bool:
        """Whether the settings allow that host, on any port or on that one."""
        name = host.strip("[]").lower()
        shown = f"[{name}]" if ":" in name else name
        return name in self._hosts or f"{shown}:{port}" in self._hosts
