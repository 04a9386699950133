"""Workflow documents by their content, with a small memory, because runs of one workflow come in crowds."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from core.store.values import encode
from core.workflow.document import from_data, to_data
from core.workflow.model import Workflow

_REMEMBERED = 64


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it is kept. hash: SHA-256 of `text`, the canonical JSON; key order is part of it."""

    hash: str
    text: str


class Documents:
    """Turns workflows into documents and back. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._encoded: OrderedDict[int, tuple[Workflow, Document]] = OrderedDict()
        self._decoded: OrderedDict[str, Workflow] = OrderedDict()

    def encode(self, workflow: Workflow) -> Document:
        """The workflow's document. Raises DocumentError if it could not be read back."""
        with self._lock:
            known = self._encoded.get(id(workflow))
        if known is not None:
            return known[1]
        data = to_data(workflow)
        from_data(data)
        text = encode(data)
        document = Document(hashlib.sha256(text.encode("ascii")).hexdigest(), text)
        with self._lock:
            self._encoded[id(workflow)] = workflow, document
            if len(self._encoded) > _REMEMBERED:
                self._encoded.popitem(last=False)
        return document

    def decode(self, document_hash: str, body: Any) -> Workflow:
        """The workflow of a document. body: the parsed JSON."""
        with self._lock:
            known = self._decoded.get(document_hash)
        if known is not None:
            return known
        workflow = from_data(body)
        with self._lock:
            self._decoded[document_hash] = workflow
            if len(self._decoded) > _REMEMBERED:
                self._decoded.popitem(last=False)
        return workflow
