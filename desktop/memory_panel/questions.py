"""Asks before something is gone for good, and says what goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

from core.store.memory_records import Memory
from desktop.style import set_role


def ask_to_erase(parent: QWidget, memories: Sequence[Memory], agreed: Callable[[], object]) -> QMessageBox:
    """Ask whether memories shall be forgotten for good."""
    one = len(memories) == 1
    first = " ".join(memories[0].content.split())
    question = QMessageBox(parent)
    question.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    question.setTextFormat(Qt.TextFormat.PlainText)
    question.setWindowTitle("Forget for good")
    question.setText("Forget this for good?" if one else f"Forget these {len(memories):,} memories for good?")
    quoted = f"“{first[:160]}{'…' if len(first) > 160 else ''}”"
    what = f"{quoted}\n\nIts words, its vector and its whole history go." if one else (
        f"{quoted} and {len(memories) - 1:,} more.\n\nTheir words, their vectors and their whole history go."
    )  # fmt: skip
    question.setInformativeText(f"{what} Only a line stays that says when something was erased. This cannot be undone.")
    cancel = question.addButton(QMessageBox.StandardButton.Cancel)
    question.setDefaultButton(cancel)
    erase = question.addButton("Forget for good", QMessageBox.ButtonRole.DestructiveRole)
    set_role(erase, role="danger")
    erase.clicked.connect(lambda: agreed())
    question.open()
    return question
