"""Pictures that belong to messages: read from the kept files beside the painting, and made small."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QSize, Qt, Signal
from PySide6.QtGui import QImage, QImageReader

from desktop.bridge import Bridge
from desktop.panels.file_view import SHOWN, ReadFile

LARGEST: Final = QSize(800, 640)
"""Of a picture in a message, in device pixels at 200 %; larger ones are made smaller."""

KEPT: Final = 60


class Pictures(QObject):
    """Pictures by the hash of their file. loaded: the hash of one that is there now, or that cannot be shown."""

    loaded = Signal(str)

    def __init__(self, read: ReadFile | None, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read, self._bridge = read, bridge
        self._known: OrderedDict[str, QImage | None] = OrderedDict()
        self._wanted: set[str] = set()

    def get(self, name: str) -> QImage | None:
        """The picture if it is there; else None, and `loaded` tells when it is."""
        if name in self._known:
            self._known.move_to_end(name)
            return self._known[name]
        if name not in self._wanted and self._read is not None:
            self._wanted.add(name)
            self._bridge.spawn(
                self._read(name), lambda data: self._decode(name, data), lambda _: self._keep(name, None)
            )
        return None

    def known(self, name: str) -> QImage | None:
        """The picture if it is there; it is not asked for."""
        return self._known.get(name)

    def is_lost(self, name: str) -> bool:
        """Whether it cannot be shown."""
        return name in self._known and self._known[name] is None

    def _decode(self, name: str, data: bytes) -> None:
        self._bridge.in_thread(
            lambda: small_picture(data), lambda image: self._keep(name, image), lambda _: self._keep(name, None)
        )

    def _keep(self, name: str, image: QImage | None) -> None:
        self._wanted.discard(name)
        self._known[name] = image if image is not None and not image.isNull() else None
        if len(self._known) > KEPT:
            self._known.popitem(last=False)
        self.loaded.emit(name)


def small_picture(data: bytes) -> QImage:
    """A picture no larger than LARGEST; a null image if it is none. Sizes beyond Qt's memory limit are refused."""
    buffer = QBuffer()
    buffer.setData(QByteArray(data))
    buffer.open(QIODevice.OpenModeFlag.ReadOnly)
    reader = QImageReader(buffer)
    reader.setAutoTransform(True)
    if bytes(reader.format().data()) not in SHOWN:
        return QImage()
    size = reader.size()
    if size.isValid() and (size.width() > LARGEST.width() or size.height() > LARGEST.height()):
        reader.setScaledSize(size.scaled(LARGEST, Qt.AspectRatioMode.KeepAspectRatio))
    return QImage(reader.read())
