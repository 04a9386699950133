"""The strip above a canvas: where one is (breadcrumbs), and Run and Stop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QLineEdit, QPushButton, QToolButton, QWidget

from desktop.commands import Commands
from desktop.icons import Icons
from desktop.in_place import InPlace
from desktop.theme import ThemeManager

HEIGHT = 44
LEAST_FIELD, FIELD_HEIGHT = 200, 28
"""Width and height of the field in which the workflow's name is typed."""

TOOLS: Final = ("step.add", "step.tidy", "view.fit", "", "edit.undo", "edit.redo")
"""Commands that have a button at the right of the strip; '' is a gap."""


class Breadcrumbs(QWidget):
    """The way from the workflow into sub-workflows and loop bodies. chosen: the index of the part that was pressed.

    rename_wanted: the last part was double-clicked. renamed: what was typed in its place.
    """

    chosen = Signal(int)
    rename_wanted = Signal()
    renamed = Signal(str)

    def __init__(self, icons: Icons, themes: ThemeManager) -> None:
        super().__init__()
        self._icons, self._themes = icons, themes
        self._path: tuple[str, ...] = ()
        self._title = QLabel()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(2)
        self.setAccessibleName("Where you are")
        themes.changed.connect(self._build)

    @property
    def path(self) -> Sequence[str]:
        """The parts as shown."""
        return self._path

    def show_path(self, path: Sequence[str]) -> None:
        """Show these parts, outermost first; the last is where one is."""
        self._path = tuple(path)
        self._build()

    def edit(self, home: QWidget) -> None:
        """Lay a field over the last part. home: gets the keyboard afterwards."""
        field, place = QLineEdit(self._path[-1], self), self._title.geometry()
        field.setAccessibleName("Name of the workflow")
        width = max(LEAST_FIELD, place.width() + 40)
        field.setGeometry(max(0, place.left() - 4), (self.height() - FIELD_HEIGHT) // 2, width, FIELD_HEIGHT)
        self.setMinimumWidth(place.left() + width)
        editing = InPlace(field, home, text=field.text, done=self._typed)
        editing.closed.connect(lambda: self.setMinimumWidth(0))
        editing.begin()

    def _typed(self, text: str) -> None:
        if text:
            self.renamed.emit(text)

    def _build(self) -> None:
        while (item := self._row.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.hide()
                old.deleteLater()
        for n, part in enumerate(self._path):
            if n:
                chevron = QLabel()
                colour = self._themes.theme.color("text.muted")
                chevron.setPixmap(self._icons.pixmap("chevron-right", colour, 14, self.devicePixelRatioF()))
                self._row.addWidget(chevron)
            self._row.addWidget(self._last(part) if n == len(self._path) - 1 else self._part(n, part))
        self._row.addStretch()

    def _part(self, index: int, title: str) -> QWidget:
        button = QToolButton()
        button.setText(title)
        button.setAccessibleName(f"Go up to {title}")
        button.clicked.connect(lambda: self.chosen.emit(index))
        return button

    def _last(self, title: str) -> QWidget:
        label = _Title(title)
        label.setProperty("kind", "strong")
        label.setContentsMargins(4, 0, 0, 0)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setToolTip("A double click renames it")
        label.double_clicked.connect(self.rename_wanted)
        self._title = label
        return label


class _Title(QLabel):
    """The last part of the way."""

    double_clicked = Signal()

    def mouseDoubleClickEvent(self, _event: QMouseEvent) -> None:  # noqa: N802 - Qt's name
        self.double_clicked.emit()


class WorkBar(QWidget):
    """Breadcrumbs left, Run and Stop in the middle, right of them what the run is doing and a few tools."""

    def __init__(self, commands: Commands, icons: Icons, themes: ThemeManager) -> None:
        super().__init__()
        self._icons, self._themes, self._commands = icons, themes, commands
        self.setProperty("bar", "work")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(HEIGHT)
        self.breadcrumbs = Breadcrumbs(icons, themes)
        self.run = QPushButton(" Run")
        self.run.setProperty("role", "primary")
        self.run.setIconSize(QSize(14, 14))
        self.run.clicked.connect(lambda: commands.run("run.start"))
        self.stop = QPushButton(" Stop")
        self.stop.setIconSize(QSize(14, 14))
        self.stop.clicked.connect(lambda: commands.run("run.stop"))
        self.resume = QPushButton(" Resume")
        self.resume.setIconSize(QSize(14, 14))
        self.resume.clicked.connect(lambda: commands.run("run.resume"))
        self.resume.hide()
        for button in (self.run, self.stop, self.resume):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard on the canvas
        self.estimate = QLabel()
        self.estimate.setProperty("kind", "muted")
        self.estimate.setFont(themes.theme.font("body", tabular=True))
        self.estimate.setMinimumWidth(1)  # where there is no room for it, it keeps none from others
        self.estimate.hide()
        self._reckoned = ""
        self.note = QLabel()
        self.note.setProperty("kind", "secondary")
        self.note.setFont(themes.theme.font("body", tabular=True))
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.run)
        buttons.addWidget(self.stop)
        buttons.addWidget(self.resume)
        grid = QGridLayout(self)
        grid.setContentsMargins(12, 0, 12, 0)
        grid.addWidget(self.breadcrumbs, 0, 0)
        grid.addLayout(buttons, 0, 1)
        self._right = right = QHBoxLayout()
        right.setSpacing(2)
        right.addWidget(self.estimate)
        right.addStretch()
        right.addWidget(self.note)
        right.addSpacing(10)
        self._add_tools(commands, right)
        grid.addLayout(right, 0, 2)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(2, 1)
        for command_id, button in self._buttons():
            action = commands.action(command_id)
            action.changed.connect(self._follow)
            button.setAccessibleName(action.text())
        themes.changed.connect(self._dress)
        self._dress()
        self._follow()

    def _add_tools(self, commands: Commands, row: QHBoxLayout) -> None:
        self.tools: dict[str, QToolButton] = {}
        for name in TOOLS:
            if not name:
                row.addSpacing(8)
            elif commands.knows(name):
                button = QToolButton()
                commands.dress(name)  # a tool that said its name first would jump when it gets its icon
                button.setDefaultAction(commands.action(name))
                button.setIconSize(QSize(16, 16))
                button.setAccessibleName(commands.get(name).title.removesuffix("…"))
                self.tools[name] = button
                row.addWidget(button)

    def place(self, widget: QWidget) -> None:
        """Put something left of the note."""
        self._right.insertWidget(2, widget)

    def say(self, text: str) -> None:
        """What the run is doing, in a few words; '' for nothing."""
        self.note.setText(text)

    def show_estimate(self, short: str, words: str) -> None:
        """Say what a run will cost: in a few words beside Run, in full in its tool tip; '' for nothing."""
        self._reckoned = words
        self.estimate.setText(short)
        self.estimate.setToolTip(words)
        self.estimate.setAccessibleName(words)
        self.estimate.setVisible(bool(short))
        self._follow()

    def _buttons(self) -> Sequence[tuple[str, QPushButton]]:
        all_of_them = (("run.start", self.run), ("run.stop", self.stop), ("run.resume", self.resume))
        return [(name, button) for name, button in all_of_them if self._commands.knows(name)]

    def _follow(self) -> None:
        had_keyboard = any(button.hasFocus() for _, button in self._buttons())
        for command_id, button in self._buttons():
            action = self._commands.action(command_id)
            button.setEnabled(action.isEnabled())
            button.setToolTip(action.toolTip())
        # What was stopped or failed can go on: that is offered in the place of what has nothing to stop.
        goes_on = self.resume.isEnabled() and not self.stop.isEnabled() and self._commands.knows("run.resume")
        self.resume.setVisible(goes_on)
        self.stop.setVisible(not goes_on)
        tab = self.parentWidget()
        if had_keyboard and tab is not None and not any(button.hasFocus() for _, button in self._buttons()):
            tab.setFocus()
        if self._reckoned:
            self.run.setToolTip(f"{self.run.toolTip()}\n\n{self._reckoned}")

    def _dress(self) -> None:
        self.run.setIcon(self._icons.icon("play", self._themes.theme, "accent.on", 14))
        self.resume.setIcon(self._icons.icon("circle-play", self._themes.theme, "text.secondary", 14))
        self.stop.setIcon(self._icons.icon("square", self._themes.theme, "text.secondary", 14))
