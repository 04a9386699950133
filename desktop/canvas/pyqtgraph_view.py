"""pyqtgraph's GraphicsView without the rest of pyqtgraph, which is loaded when something else of it is wanted.

pyqtgraph imports 145 modules of its own at once, of which its view needs 20, and asks Qt for every class there is, of
which PySide6 makes a thousand that nobody uses: a fifth of the time until a workflow stands, and 12 MB. Until the rest
is there the package stands with what its view reads of it, and completes itself as soon as anything else is asked for
(`pyqtgraph.PlotWidget`); Qt's classes are looked up when they are used.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec, module_from_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from PySide6 import QtCore, QtGui, QtWidgets

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec

    from PySide6.QtWidgets import QGraphicsView

NAME: Final = "pyqtgraph"

_THREADS: Final = "OPENBLAS_NUM_THREADS"
_QT: Final = (QtCore, QtGui, QtWidgets)
_DEFAULTS: Final = {"useOpenGL": False, "background": "k", "mouseRateLimit": 100}
"""pyqtgraph's own options that its view asks for."""


def graphics_view() -> type[QGraphicsView]:
    """The class. Whatever of pyqtgraph is loaded already stays."""
    if NAME not in sys.modules:
        with _one_thread():
            import_module("numpy")
        spec = find_spec(NAME)
        if spec is not None and spec.loader is not None:
            try:
                _Part(spec).load("pyqtgraph.widgets.GraphicsView")
            except (ImportError, AttributeError):  # another version, whose view needs more
                for name in [each for each in sys.modules if each.partition(".")[0] == NAME]:
                    del sys.modules[name]
    found: type[QGraphicsView] = import_module("pyqtgraph.widgets.GraphicsView").GraphicsView
    return found


def complete() -> None:
    """Load the rest, in whatever thread this is called, so that the first chart need not wait for it."""
    part = getattr(sys.modules.get(NAME), "_part", None)
    if isinstance(part, _Part):
        part.complete()
    elif NAME not in sys.modules:
        import_module(NAME)


class _Part:
    """The package as long as it is not whole."""

    def __init__(self, spec: ModuleSpec) -> None:
        self._spec = spec
        self._lock = threading.RLock()
        self._is_completing = False
        self.module: ModuleType = module_from_spec(spec)
        vars(self.module).update(_part=self, getConfigOption=self._option, _connectCleanup=lambda: None)

    def load(self, name: str) -> None:
        """Import a module of the package. Raises ImportError or AttributeError if it needs more of the package."""
        sys.modules[NAME] = self.module
        for qt in _QT:
            mirror = _mirror(qt)
            sys.modules[mirror.__name__] = mirror
        with _unlisted():
            import_module(name)
        vars(self.module)["__getattr__"] = self._missing

    def complete(self) -> None:
        with self._lock:
            if self._is_completing or "_part" not in vars(self.module):
                return
            self._is_completing = True
            assert self._spec.loader is not None
            self._spec.loader.exec_module(self.module)
            del self.module.__dict__["_part"], self.module.__dict__["__getattr__"]

    def _option(self, name: str) -> Any:
        options = vars(self.module).get("CONFIG_OPTIONS", _DEFAULTS)
        if name not in options:
            self.complete()
        return vars(self.module).get("CONFIG_OPTIONS", _DEFAULTS)[name]

    def _missing(self, name: str) -> Any:
        """What the package lacks: its module `__getattr__`."""
        if name.startswith("__"):
            raise AttributeError(name)
        with self._lock:  # another thread may be at it
            self.complete()
        try:
            return vars(self.module)[name]
        except KeyError:
            raise AttributeError(f"module {NAME!r} has no attribute {name!r}") from None


def _mirror(qt: ModuleType) -> ModuleType:
    """What pyqtgraph copies a module of Qt into, here looking up what is asked for."""
    mirror = ModuleType(f"{NAME}.Qt.{qt.__name__.rpartition('.')[2]}")

    def look_up(name: str) -> Any:
        found = getattr(qt, name)
        setattr(mirror, name, found)
        return found

    vars(mirror)["__getattr__"] = look_up
    return mirror


@contextmanager
def _unlisted() -> Iterator[None]:
    """Let `dir` of Qt's modules name nothing: pyqtgraph copies what it names."""
    listing = [vars(qt).get("__dir__") for qt in _QT]
    for qt in _QT:
        vars(qt)["__dir__"] = list
    try:
        yield
    finally:
        for qt, before in zip(_QT, listing, strict=True):
            if before is None:
                del vars(qt)["__dir__"]
            else:
                vars(qt)["__dir__"] = before


@contextmanager
def _one_thread() -> Iterator[None]:
    """Let numpy start no threads of its own: for what is done with it here they only take time from others."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = before or "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
