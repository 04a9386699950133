"""A workflow document as text, as plain data and as a file.

`loads(dumps(workflow))` is the same workflow, and `dumps` gives the same bytes each time. What a person adds besides
the document's own fields (YAML comments, blank lines, quoting) is not part of it and is not kept by a save.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from core.workflow.decoding import decode
from core.workflow.encoding import encode
from core.workflow.lines import fill_lines
from core.workflow.model import FORMAT_VERSION, Json, Workflow
from core.workflow.problems import DocumentError, Problem
from core.workflow.upgrade import upgrade
from core.workflow.yaml_reader import MAX_BYTES, Reading, read
from core.workflow.yaml_reader import Path as DataPath
from core.workflow.yaml_writer import emit

_ONE_PER_LINE = frozenset({"steps", "inputs", "variables", "outputs", "layout", "groups"})
_MODE = 0o666  # narrowed by the user's umask


def from_data(data: Json, source: str = "") -> Workflow:
    """The workflow of plain data, earlier formats included. source: where it comes from, for the error's text.

    Raises DocumentError with every problem of the data's shape. Whether the workflow can run is another question:
    see `core.workflow.validate`.
    """
    try:
        workflow, problems = decode(upgrade(data))
    except DocumentError as error:
        raise DocumentError(error.problems, source) from None
    if any(problem.severity == "error" for problem in problems):
        raise DocumentError(problems, source)
    return workflow


def to_data(workflow: Workflow) -> dict[str, Json]:
    """The document as plain data in canonical form: fields in a fixed order, defaults left out."""
    return encode(workflow)


def loads(text: str | bytes, source: str = "") -> Workflow:
    """The workflow of a document's text. Raises DocumentError with every problem, with lines where they are known."""
    workflow, problems = read_leniently(text)
    if workflow is None or any(problem.severity == "error" for problem in problems):
        raise DocumentError(problems, source)
    return workflow


def dumps(workflow: Workflow) -> str:
    """The document's canonical text. Raises DocumentError if it holds values that are no JSON."""
    return emit(encode(workflow), _is_block)


def load(path: str | os.PathLike[str]) -> Workflow:
    """The workflow of a file. Raises DocumentError for what is in it, OSError if it cannot be read."""
    return loads(read_bounded(path), str(path))


def read_bounded(path: str | os.PathLike[str]) -> bytes:
    """The bytes of a document's file, of one that is too large only so many that it is refused. Raises OSError."""
    with Path(path).open("rb") as file:
        return file.read(MAX_BYTES + 1)


def save(workflow: Workflow, path: str | os.PathLike[str]) -> None:
    """Write a workflow's file: wholly or not at all, with the mode of the file it replaces.

    Raises DocumentError as `dumps` does, OSError if the file cannot be written.
    """
    write_whole(dumps(workflow), path)


def write_whole(text: str, path: str | os.PathLike[str]) -> None:
    """Write a text file: wholly or not at all, with the mode of the file it replaces. Raises OSError."""
    target = Path(path).resolve()
    # A name of its own for each process and thread, in the same folder, so that os.replace is atomic.
    draft = target.with_name(f".{target.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _MODE), "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):
            draft.chmod(target.stat().st_mode & 0o7777)
        draft.replace(target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def read_leniently(text: str | bytes) -> tuple[Workflow | None, list[Problem]]:
    """What could be read of a document together with all that is wrong, so that an editor loses no work.

    Fields that are wrong read as if they were left out. None if the text is no YAML or no document at all.
    """
    reading = read(text)
    problems = list(reading.problems)
    if reading.data is None and problems:
        return None, problems
    try:
        workflow, shape = decode(upgrade(reading.data), is_json=not problems)
    except DocumentError as error:
        return None, problems + _placed(reading, error.problems)
    return workflow, problems + _placed(reading, shape)


def read_newer(text: str | bytes) -> tuple[Workflow, int] | None:
    """What this program understands of a document of a newer format, to be looked at only, and that format's number.

    Saving it would lose what is new in it. None if the text is no document, or none of a newer format.
    """
    data = read(text).data
    version = data.get("steploom") if isinstance(data, dict) else None
    if not isinstance(data, dict) or not isinstance(version, int) or isinstance(version, bool):
        return None
    if version <= FORMAT_VERSION:
        return None
    return decode({**data, "steploom": FORMAT_VERSION})[0], version


def _placed(reading: Reading, problems: Sequence[Problem]) -> list[Problem]:
    found = fill_lines(reading, problems)
    if isinstance(reading.data, dict) and found:
        # A document is one mapping, so what has no better place is wrong from its first line on.
        first = reading.lines.get((), 1)
        return [problem if problem.line else replace(problem, line=first) for problem in found]
    return found


def _is_block(path: DataPath) -> bool:
    """What gets a line for each entry: the document, its lists of named things, every step."""
    match path:
        case ():
            return True
        case (str() as field,):
            return field in _ONE_PER_LINE
        case ("steps", _, *inner):
            return all(part == "body" for part in inner[::2])
        case _:
            return False
