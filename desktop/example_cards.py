"""The shipped examples as cards of the start page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from core.resources import examples
from desktop.start_page import ExampleCard

LOOKS: Final = {
    "support_triage": ("signpost", "kind.logic"),
    "document_digest": ("file-text", "kind.input"),
    "picture_from_brief": ("image", "kind.model"),
    "api_report": ("globe", "kind.tool"),
}
"""Icon and colour of the shipped examples; others get a plain one."""


def read_example_cards() -> Sequence[ExampleCard]:
    """A card for every example. Reads files: call it in a thread."""
    from core.workflow.document import load  # brings the YAML reader, which the first paint does not need

    cards = []
    for file in examples():
        workflow = load(file)
        icon, colour = LOOKS.get(file.name.partition(".")[0], ("workflow", "accent"))
        cards.append(ExampleCard(str(file), workflow.name, workflow.description, icon, colour))
    return cards
