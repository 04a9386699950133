"""Finding, reading and writing files inside the granted folders. Everything here blocks: call it in a thread."""

from __future__ import annotations

import mimetypes
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from shutil import copymode
from typing import Literal, TypeAlias

from core.engine.errors import StepError
from core.engine.services import Folders

WriteMode: TypeAlias = Literal["create", "overwrite", "append"]
"""What happens to a file that is there already: refuse, replace, add at its end."""


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be read. path: absolute, link-free. size: bytes when it was found."""

    path: Path
    size: int

    @property
    def media_type(self) -> str:
        """By the name's ending."""
        return mimetypes.guess_type(self.path.name)[0] or "application/octet-stream"


def find_files(folders: Folders, path: str, origin: str, *, recursive: bool = False) -> tuple[list[FoundFile], bool]:
    """The files that a path stands for, sorted, and whether it names a single file.

    path: a file, a folder or a pattern. Raises StepError (`refused`, `not_found`).
    """
    with _in_words(path):
        base, pattern = _split(path)
        if pattern and not _exists(folders, path, origin):
            start = folders.resolve(base, origin, write=False)
            return _matching(folders, start, pattern), False
        start = folders.resolve(path, origin, write=False)
        if start.is_dir():
            return _matching(folders, start, "**/*" if recursive else "*"), False
        status = start.stat()
        if not stat.S_ISREG(status.st_mode):
            raise StepError(f"{path!r} is neither a file nor a folder.", kind="bad_request")
        return [FoundFile(start, status.st_size)], True


def read_bytes(file: FoundFile, limit: int) -> bytes:
    """The file's bytes. Raises StepError of kind `limit` if there are more than that many."""
    with _in_words(str(file.path)), file.path.open("rb") as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise StepError(
            f"{file.path} goes over the size limit ({file.size} bytes; {limit} are left of the limit). Raise "
            "max_bytes, or read fewer files.",
            kind="limit",
        )
    return data


def write_bytes(target: Path, data: bytes, mode: WriteMode, *, token: str, again: bool = False) -> int:
    """Write a file, all or nothing except when appending; the file's new size in bytes.

    token: names the unfinished file beside it. again: whether this may be the repetition of a write whose end nobody
    saw; then a file that is there with the same content is what `create` wanted. Raises StepError.
    """
    with _in_words(str(target)):
        if target.is_dir():
            raise StepError(f"{target} is a folder. Name a file in it.", kind="bad_request")
        target.parent.mkdir(parents=True, exist_ok=True)
        if mode == "append":
            with target.open("ab") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            return target.stat().st_size
        unfinished = target.parent / f".steploom-{token}.part"
        try:
            _write_new(unfinished, data)
            if mode == "overwrite":
                _replace(unfinished, target)
            elif not _place_new(unfinished, target) and not (again and target.read_bytes() == data):
                raise StepError(
                    f"There is a file {target} already, and it was to be created. Use mode overwrite or append, or "
                    "another name.",
                    kind="refused",
                )
        finally:
            with suppress(FileNotFoundError):
                unfinished.unlink()
        return len(data)


def is_text_encoding(name: str) -> bool:
    """Whether Python knows an encoding of that name that turns bytes into text."""
    try:
        "".encode(name)
    except (LookupError, ValueError):
        return False
    return True


def _split(path: str) -> tuple[str, str]:
    """The fixed part of a pattern and the rest; the rest is '' for a path without `*`, `?` or `[`."""
    parts = PurePath(path).parts
    first = next((index for index, part in enumerate(parts) if set(part) & set("*?[")), None)
    if first is None:
        return path, ""
    rest = parts[first:]
    if ".." in rest:
        raise StepError(
            f"The pattern {path!r} goes up by .. after a * and is refused. Write it without.", kind="refused"
        )
    if rest[-1] == "**":
        rest = (*rest, "*")  # pathlib takes a last ** for folders alone
    return str(PurePath(*parts[:first])) if first else ".", str(PurePath(*rest))


def _exists(folders: Folders, path: str, origin: str) -> bool:
    """Whether a path that looks like a pattern names a file after all (`report [1].txt`)."""
    try:
        return folders.resolve(path, origin, write=False).exists()
    except (StepError, OSError, ValueError):
        return False


def _matching(folders: Folders, start: Path, pattern: str) -> list[FoundFile]:
    if not start.exists():
        raise FileNotFoundError
    wants_hidden = any(part.startswith(".") for part in PurePath(pattern).parts)
    found: dict[Path, FoundFile] = {}
    for match in start.glob(pattern):
        if not wants_hidden and any(part.startswith(".") for part in match.relative_to(start).parts):
            continue
        # A link may lead out of the granted folders, so that every match is asked for again.
        path = folders.resolve(str(match), "", write=False)
        with suppress(FileNotFoundError):
            status = path.stat()
            if stat.S_ISREG(status.st_mode):
                found[path] = FoundFile(path, status.st_size)
    return sorted(found.values(), key=lambda file: file.path.as_posix())


def _write_new(path: Path, data: bytes) -> None:
    # Opened by the plain call so that the user's umask applies, as it would in any editor.
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
    with open(number, "wb") as stream:  # noqa: PTH123 - a descriptor is opened, not a path
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _replace(unfinished: Path, target: Path) -> None:
    with suppress(FileNotFoundError):
        copymode(target, unfinished)
    unfinished.replace(target)


def _place_new(unfinished: Path, target: Path) -> bool:
    """Give the finished file its name unless that is taken. Whether it was free."""
    try:
        os.link(unfinished, target)
    except FileExistsError:
        return False
    except OSError:
        # File systems without hard links: not exclusive to the last instant, but never half a file.
        if target.exists():
            return False
        unfinished.replace(target)
    return True


@contextmanager
def _in_words(path: str) -> Iterator[None]:
    """Turns the operating system's refusals into errors for the person."""
    try:
        yield
    except FileNotFoundError:
        raise StepError(f"There is no file or folder {path!r}. Check the path.", kind="not_found") from None
    except PermissionError:
        raise StepError(
            f"The operating system refuses access to {path!r}. Check its permissions.", kind="refused"
        ) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StepError(f"{path!r} could not be used: {reason}. Check the path and the disk.") from None
