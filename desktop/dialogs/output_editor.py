"""What a step gives, to be written by hand: for one run that goes on from there, or pinned for all."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from core.workflow.model import Json
from desktop.dialogs.schema_form import SchemaForm
from desktop.icons import Icons
from desktop.style import set_role
from desktop.theme import ThemeManager

_WIDTH = 560


class OutputEditor(QDialog):
    """A form with a field for each part of an output; open it with `open`.

    run_requested, pin_requested: the output as it was written. may_run: why no run can go on from here, '' if one can.
    """

    run_requested = Signal(object)
    pin_requested = Signal(object)

    def __init__(
        self,
        title: str,
        schemas: Mapping[str, Mapping[str, Json]],
        themes: ThemeManager,
        icons: Icons,
        *,
        refusal: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        theme = themes.theme
        self.setWindowTitle(f"Output of {title}")
        self.form = SchemaForm(schemas, (), theme, icons)
        heading = QLabel(f"Output of “{title}”")
        heading.setTextFormat(Qt.TextFormat.PlainText)
        heading.setWordWrap(True)
        set_role(heading, kind="heading")
        about = QLabel(
            "Run on: a new run uses this instead of running the step; what reads it runs again, all else is reused. "
            "Pin: every run from this window uses it until you unpin it."
        )
        about.setWordWrap(True)
        set_role(about, kind="secondary")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(2, 2, theme.px("space.3"), 2)
        column.addWidget(self.form)
        column.addStretch(1)
        area.setWidget(inside)
        self.run = QPushButton(" Run on with this")
        self.run.setIcon(icons.icon("step-forward", theme, "accent.on"))
        self.run.setEnabled(not refusal)
        self.run.setToolTip(refusal or "Run on with this (Ctrl+Enter)")
        set_role(self.run, role="primary")
        self.pin = QPushButton(" Pin it")
        self.pin.setIcon(icons.icon("pin", theme))
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.reject)
        self.run.clicked.connect(lambda: self._give(self.run_requested))
        self.pin.clicked.connect(lambda: self._give(self.pin_requested))
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        for button in (cancel, self.pin, self.run):
            button.setAutoDefault(False)
            buttons.addWidget(button)
        line = QFrame()
        set_role(line, role="line")
        layout = QVBoxLayout(self)
        side = theme.px("space.5")
        layout.setContentsMargins(side, side, side, theme.px("space.4"))
        layout.setSpacing(theme.px("space.3"))
        for widget in (heading, about, area, line):
            layout.addWidget(widget, int(widget is area))
        layout.addLayout(buttons)
        for keys in ("Ctrl+Return", "Ctrl+Enter"):
            QShortcut(QKeySequence(keys), self).activated.connect(self.run.click)
        self.resize(_WIDTH, min(720, 260 + self.form.sizeHint().height()))
        if self.form.rows:
            next(iter(self.form.rows.values())).editor.setFocus()

    def _give(self, signal: SignalInstance) -> None:
        values = self.form.values()
        if values is not None:
            signal.emit(values)
            self.accept()
