"""Logs as lines for people or as JSON for services, with the run and the step that a line is about, and without keys.

The standard library's `logging` stays the way in: every module and every library uses it. What is structlog's is
imported with the first line that is written: it takes a fifth of a second.
"""

from __future__ import annotations

import logging
import logging.handlers
import re
import sys
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

from core.engine.mask import Mask
from core.engine.place import PLACE

if TYPE_CHECKING:
    from structlog.stdlib import ProcessorFormatter
    from structlog.typing import EventDict, WrappedLogger

LOG_SIZE: Final = 1_000_000
"""Bytes of one log file; three are kept."""

_KEYS: Final = re.compile(
    r"\b(?:sk|pk|rk|stk)[-_](?:[A-Za-z0-9]+[-_])*[A-Za-z0-9]{16,}|(?<=Bearer )[A-Za-z0-9._~+/=-]{8,}|(?<=://)[^/\s:@]+:[^/\s@]+(?=@)"
)
"""What looks like a key whoever it belongs to: of model servers, in a header, in the address of a database."""

_QUERIES: Final = re.compile(r"""(\bhttps?://[^\s?"'\\<>]+)\?[^\s"'\\<>]+""")
"""Queries of web addresses, which libraries write out whole. Keys stand in them, and some look like no key at all."""


class LogFormatter(logging.Formatter):
    """Makes a record one line. as_json: an object for other programs. mask: the keys known to this process."""

    def __init__(self, *, as_json: bool, mask: Mask) -> None:
        super().__init__()
        self._as_json = as_json
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """The record's line, its traceback included."""
        return masked_line(self._inner.format(record), self._mask)

    @cached_property
    def _inner(self) -> ProcessorFormatter:
        import structlog

        renderer: Any = (
            structlog.processors.JSONRenderer()
            if self._as_json
            else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
        )
        before: list[Any] = [
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.stdlib.ExtraAdder(),
            _without_remains,
            _add_place,
            *([structlog.processors.format_exc_info] if self._as_json else []),
        ]
        return structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
            use_get_message=True,
        )


def masked_line(text: str, mask: Mask) -> str:
    """A text without the keys that are known, without what looks like one, and without queries of web addresses."""
    return _QUERIES.sub(r"\1?[query]", _KEYS.sub("[key]", mask.text(text)))


def log_to(
    where: Path | TextIO | None = None, *, as_json: bool, mask: Mask, level: int = logging.INFO
) -> Callable[[], None]:
    """Write what happens at that level or above into a rotating file or a stream (standard error); how to stop it.

    Raises OSError if the file's folder cannot be made.
    """
    handler: logging.Handler
    if isinstance(where, Path):
        where.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.handlers.RotatingFileHandler(
            where, maxBytes=LOG_SIZE, backupCount=2, encoding="utf-8", errors="backslashreplace", delay=True
        )
    else:
        handler = logging.StreamHandler(where or sys.stderr)
    handler.setFormatter(LogFormatter(as_json=as_json, mask=mask))
    handler.setLevel(level)
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(min(before, level) if before else level)

    def stop() -> None:
        root.removeHandler(handler)
        root.setLevel(before)
        handler.close()

    return stop


def _without_remains(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The line without what formatters of the standard library left in the record: the message again, and its time."""
    event.pop("message", None)
    event.pop("asctime", None)
    return event


def _add_place(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """The run and the step that the line is about, unless the caller named others."""
    place = PLACE.get()
    if place is not None:
        event.setdefault("run_id", place.run_id)
        event.setdefault("step", place.path)
    return event
