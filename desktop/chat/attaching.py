"""Files that are to be sent along: which can be, and why others cannot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QBuffer, QIODevice, QMimeData
from PySide6.QtGui import QImage

from core.agents.attachments import Attachment
from core.agents.kit import ModelFacts
from core.cli.wording import size_text
from core.steps.parts.attachments import MAX_BYTES, is_text, media_type_of

KINDS: Final = "Text, pictures and PDF can be sent along"

_PDF: Final = "application/pdf"
_PICTURES: Final = ("image/png", "image/jpeg", "image/gif", "image/webp")


def why_not(attachment: Attachment, facts: ModelFacts | None) -> str:
    """Why a file cannot be sent, and what would help; '' if it can. facts: of the model, None if nothing is known."""
    kind, name = attachment.media_type, attachment.name
    if not attachment.data:
        return f"{name} is empty."
    if len(attachment.data) > MAX_BYTES:
        return _too_large(name, len(attachment.data))
    if kind not in (*_PICTURES, _PDF) and not is_text(kind):
        return f"{name} is {kind or 'of an unknown kind'}. {KINDS}."
    known = facts is not None and bool(facts.inputs)
    if facts is not None and known and kind in _PICTURES and "image" not in facts.inputs:
        return f"{facts.id or 'The model'} cannot see pictures, so {name} stays here. Choose a model that can."
    return ""


def read_files(paths: Sequence[Path]) -> tuple[list[Attachment], list[str]]:
    """The files at some paths, and what is wrong with those that cannot be read. Takes longer than a frame."""
    found, troubles = [], []
    for path in paths:
        try:
            if path.is_dir():
                troubles.append(f"{path.name} is a folder. Send the files in it.")
            elif path.stat().st_size > MAX_BYTES:
                troubles.append(_too_large(path.name, path.stat().st_size))
            else:
                found.append(named(path.read_bytes(), path.name))
        except OSError as error:
            troubles.append(f"{path.name} cannot be read: {error.strerror}.")
    return found, troubles


def named(data: bytes, name: str, media_type: str = "") -> Attachment:
    """An attachment whose kind is found out; text is known by being text."""
    kind = media_type_of(data, name, media_type)
    if not is_text(kind) and kind not in (*_PICTURES, _PDF) and _reads_as_text(data):
        kind = "text/plain"
    return Attachment(data, name, kind)


def files_in(mime: QMimeData) -> list[Path]:
    """The files of this machine that something dropped or pasted names."""
    return [Path(url.toLocalFile()) for url in mime.urls() if url.isLocalFile()]


def picture_in(mime: QMimeData) -> Attachment | None:
    """A picture that was pasted or dropped as such, as PNG."""
    if not mime.hasImage():
        return None
    image = QImage(mime.imageData())
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    saved = image.save(buffer, "PNG")  # type: ignore[call-overload] # Qt takes text, its stubs say bytes
    if image.isNull() or not saved:
        return None
    return Attachment(bytes(buffer.data().data()), "pasted.png", "image/png")


def _too_large(name: str, size: int) -> str:
    return f"{name} has {size_text(size)}; at most {size_text(MAX_BYTES)} can be sent. Take a smaller file."


def _reads_as_text(data: bytes) -> bool:
    if b"\0" in data[:4096]:
        return False
    try:
        data[:4096].decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > 4000
    return True
