"""The list of a document's edits: what can be undone and redone, and going to any of them."""

from __future__ import annotations

from dataclasses import dataclass

from desktop.document import OpenDocument


@dataclass(frozen=True, slots=True)
class Entry:
    """A state of the document. label: the edit that led to it, '' for the first. is_saved: whether it is saved."""

    label: str
    is_current: bool
    is_saved: bool


def history(document: OpenDocument) -> list[Entry]:
    """Every state that can be gone to, the oldest first; their places in the list are what `go_to` takes."""
    stack = document.stack
    labels = ["", *(stack.text(index) for index in range(stack.count()))]
    return [Entry(label, index == stack.index(), index == stack.cleanIndex()) for index, label in enumerate(labels)]


def go_to(document: OpenDocument, place: int) -> None:
    """Undo or redo up to a state of the history. Raises IndexError for a place that is not in it."""
    if not 0 <= place <= document.stack.count():
        raise IndexError(f"The history has {document.stack.count() + 1} states; there is none in place {place}.")
    document.end_merging()
    document.stack.setIndex(place)
