"""Asks before something is gone for good, and says what goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QWidget

from core.store.memory_records import Memory
from desktop.dialogs.message import Choice, MessageDialog


def ask_to_erase(parent: QWidget, memories: Sequence[Memory], agreed: Callable[[], object]) -> MessageDialog:
    """Ask whether memories shall be forgotten for good."""
    one = len(memories) == 1
    first = " ".join(memories[0].content.split())
    quoted = f"“{first[:160]}{'…' if len(first) > 160 else ''}”"
    what = f"{quoted}\n\nIts words, its vector and its whole history go." if one else (
        f"{quoted} and {len(memories) - 1:,} more.\n\nTheir words, their vectors and their whole history go."
    )  # fmt: skip
    question = MessageDialog(
        parent,
        title="Forget this for good?" if one else f"Forget these {len(memories):,} memories for good?",
        text=f"{what} Only a line stays that says when something was erased. This cannot be undone.",
        choices=[Choice("keep", "Cancel"), Choice("erase", "Forget for good", "danger")],
    )
    question.chosen.connect(lambda key: agreed() if key == "erase" else None)
    question.open()
    return question
