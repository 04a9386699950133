"""Mistakes of the program itself: kept in a log, told in words, and never the end of a person's work."""

from __future__ import annotations

import faulthandler
import logging
import logging.handlers
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Final, TypeAlias

from PySide6.QtCore import QMessageLogContext, QtMsgType, qInstallMessageHandler
from PySide6.QtWidgets import QApplication, QWidget

from core.engine.mask import Mask
from core.monitoring.logs import LOG_SIZE, LogFormatter
from desktop.dialogs.message import Choice, MessageDialog

Tell: TypeAlias = Callable[[str], None]
"""Shows a report to the person."""

_log = logging.getLogger("steploom")
_qt_log = logging.getLogger("steploom.qt")
_LEVELS: Final = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}


class CrashKeeper:
    """Keeps the log and catches what nobody else caught, until `close`.

    home: where the log is kept; a home that cannot be written to leaves only standard error.
    """

    def __init__(self, home: Path) -> None:
        self.file = home / "logs" / "desktop.log"
        self._handler = self._made_handler()
        self._faults: IO[str] | None = None
        self._told: set[str] = set()
        self._before = sys.excepthook
        self._tell: Tell | None = None
        logging.getLogger().addHandler(self._handler)
        self._watch_faults()
        sys.excepthook = self._unexpected
        qInstallMessageHandler(_qt_message)

    def tell_with(self, tell: Tell) -> None:
        """Show reports with this from now on."""
        self._tell = tell

    def mask_with(self, mask: Mask) -> None:
        """Keep the keys that a workspace knows out of the log, from now on."""
        self._handler.setFormatter(LogFormatter(as_json=False, mask=mask))

    def close(self) -> None:
        """Stop watching, and close the log."""
        sys.excepthook = self._before
        qInstallMessageHandler(None)
        if self._faults is not None:
            faulthandler.disable()
            self._faults.close()
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()

    def _made_handler(self) -> logging.Handler:
        handler: logging.Handler
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            handler = logging.handlers.RotatingFileHandler(
                self.file, maxBytes=LOG_SIZE, backupCount=2, encoding="utf-8", errors="backslashreplace", delay=True
            )
        except OSError:
            handler = logging.StreamHandler()
        handler.setFormatter(LogFormatter(as_json=False, mask=Mask()))
        handler.setLevel(logging.WARNING)
        return handler

    def _watch_faults(self) -> None:
        try:
            self._faults = (self.file.parent / "faults.txt").open("a", encoding="utf-8")
        except OSError:
            return
        faulthandler.enable(self._faults)

    def _unexpected(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            QApplication.quit()
            return
        text = "".join(traceback.format_exception(kind, error, trace))
        _log.error("Unexpected error\n%s", text)
        place = traceback.extract_tb(trace)[-1:] if trace else []
        known = f"{kind.__name__} {place}"
        if self._tell is not None and known not in self._told:  # one that repeats at every repaint is told once
            self._told.add(known)
            self._tell(text)


def report_dialog(parent: QWidget | None, report: str, log: Path) -> MessageDialog:
    """A dialog that shows what happened and lets it be copied; show it with `open()`."""
    dialog = MessageDialog(
        parent,
        title="Steploom made a mistake",
        text=f"Your work is unchanged and you can go on. Please report this; it is also in {log}.",
        detail=report,
        choices=[Choice("copy", "Copy the report"), Choice("go_on", "Go on", "primary")],
    )
    dialog.chosen.connect(lambda key: QApplication.clipboard().setText(report) if key == "copy" else None)
    return dialog


def _qt_message(kind: QtMsgType, context: QMessageLogContext, text: str) -> None:
    _qt_log.log(_LEVELS.get(kind, logging.WARNING), "%s", text)
