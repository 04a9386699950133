"""All about the background service: how it stands, what can be done with it, and what is wished about it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLayout,
    QPlainTextEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from desktop.service import words
from desktop.style import set_role

if TYPE_CHECKING:
    from desktop.service.desk import ServiceDesk
    from desktop.window import MainWindow

WIDTH: Final = 540
_DOT: Final = 10
_LOG_LINES: Final = 6
_FACTS: Final = 4
_LISTED: Final = 6
"""Workflows that are listed at most."""

_NO_SYSTEMD: Final = "No systemd looks after your session here."


class ServiceDialog(QDialog):
    """Shows the service of a ServiceDesk and follows it. Open it with `open()`."""

    def __init__(self, desk: ServiceDesk, window: MainWindow) -> None:
        super().__init__(window)
        self._desk, self._window = desk, window
        self.setWindowTitle("Background service")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, WIDTH)
        theme = window.themes.theme
        heading = QLabel("Background service")
        set_role(heading, kind="heading")
        about = _words(words.WHAT_FOR, "secondary")
        column = QVBoxLayout(self)
        column.setSizeConstraint(QLayout.SizeConstraint.SetNoConstraint)  # `show_state` sizes it
        side = theme.px("space.5")
        column.setContentsMargins(side, side, side, theme.px("space.4"))
        column.setSpacing(theme.px("space.3"))
        column.addWidget(heading)
        column.addWidget(about)
        column.addWidget(self._card())
        column.addLayout(self._actions())
        column.addWidget(self._work())
        column.addWidget(self._wishes())
        column.addLayout(self._bottom())
        desk.changed.connect(self.show_state)
        window.themes.changed.connect(lambda _: self.show_state())
        self.show_state()

    def show_state(self) -> None:
        """Show how it stands now."""
        desk, state = self._desk, self._desk.state
        if state is None:
            self._title.setText("There is no service here" if desk.control is None else "Looking…")
            self._detail.setText(words.NOTHING_KEPT if desk.control is None else "")
        else:
            said = words.standing(state)
            self._title.setText(said.title)
            self._detail.setText(desk.outdated or said.detail)
            set_role(self._detail, kind="error" if said.tone == "failed" else "secondary")
            self._dot.setStyleSheet(self._dot_style(said.tone))
        lines = state.lines if state is not None and said.tone == "failed" else ()
        if (text := "\n".join(lines)) != self.log.toPlainText():
            self.log.setPlainText(text)
        self.log.setVisible(bool(lines))
        self._show_facts()
        self._show_work()
        self._show_buttons()
        self._show_wishes()
        layout = self.layout()
        assert layout is not None
        layout.activate()
        self.resize(WIDTH, layout.totalHeightForWidth(WIDTH))

    def _card(self) -> QWidget:
        theme = self._window.themes.theme
        card = QFrame()
        set_role(card, role="card")
        self._dot = QLabel()
        self._dot.setFixedSize(_DOT, _DOT)
        self._title = QLabel()
        set_role(self._title, kind="title")
        self.copy = self._tool("copy", "Copy the address", "service.copy")
        self.page = self._tool("external-link", "Open its page in the browser", "service.docs")
        top = QHBoxLayout()
        top.setSpacing(theme.px("space.2"))
        top.addWidget(self._dot)
        top.addWidget(self._title, 1)
        top.addWidget(self.copy)
        top.addWidget(self.page)
        self._detail = _words("", "secondary")
        self._detail.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        facts = QGridLayout()
        facts.setHorizontalSpacing(theme.px("space.4"))
        facts.setVerticalSpacing(theme.px("space.1"))
        facts.setColumnStretch(1, 1)
        self._facts = [(_words("", "muted"), _words("", "")) for _ in range(_FACTS)]
        for row, labels in enumerate(self._facts):
            for side, label in enumerate(labels):
                facts.addWidget(label, row, side)
        self.log = QPlainTextEdit()
        self.log.setReadOnly(True)
        self.log.setAccessibleName("The last lines of its log")
        self.log.setFont(theme.font("mono"))
        self.log.setTabChangesFocus(True)
        self.log.setMaximumHeight(QFontMetrics(theme.font("mono")).lineSpacing() * _LOG_LINES + 18)
        self.log.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        inside = QVBoxLayout(card)
        side = theme.px("space.4")
        inside.setContentsMargins(side, theme.px("space.3"), side, side)
        inside.setSpacing(theme.px("space.2"))
        inside.addLayout(top)
        inside.addWidget(self._detail)
        inside.addWidget(self.log)
        inside.addLayout(facts)
        return card

    def _actions(self) -> QHBoxLayout:
        self.buttons = {
            "start": self._button("Start", "service.start", "primary"),
            "stop": self._button("Stop", "service.stop"),
            "restart": self._button("Restart", "service.restart"),
            "log": self._button("Show the log", "service.log"),
            "tokens": self._button("Tokens…", "service.tokens"),
        }
        self.end_now = QPushButton("End it now")
        set_role(self.end_now, role="danger")
        self.end_now.setAutoDefault(False)
        self.end_now.clicked.connect(self._desk.end_now)
        self.port = QPushButton("Change the port…")
        self.port.setAutoDefault(False)
        self.port.clicked.connect(self._change_port)
        row = QHBoxLayout()
        row.setSpacing(self._window.themes.theme.px("space.2"))
        for button in (*self.buttons.values(), self.end_now, self.port):
            row.addWidget(button)
        row.addStretch(1)
        return row

    def _work(self) -> QWidget:
        self.work = QWidget()
        grid = QGridLayout(self.work)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(self._window.themes.theme.px("space.3"))
        grid.setVerticalSpacing(0)
        grid.setColumnStretch(1, 1)
        heading = QLabel("At work")
        set_role(heading, kind="strong")
        grid.addWidget(heading, 0, 0)
        self.workflows = [QPushButton() for _ in range(_LISTED)]
        self._comes = [_words("", "muted") for _ in range(_LISTED)]
        for row, (button, comes) in enumerate(zip(self.workflows, self._comes, strict=True), 1):
            set_role(button, role="link")
            button.setAutoDefault(False)
            button.setStyleSheet("QPushButton { padding-left: 0; }")  # in line with the words above
            button.clicked.connect(
                lambda _checked=False, button=button: self._desk.show_workflow(button.accessibleName())
            )
            grid.addWidget(button, row, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
            grid.addWidget(comes, row, 1)
        self._more = _words("", "muted")
        grid.addWidget(self._more, _LISTED + 1, 0, 1, 2)
        return self.work

    def _show_workflow(self) -> None:
        button = self.sender()
        if isinstance(button, QPushButton):
            self._desk.show_workflow(button.accessibleName())

    def _show_work(self) -> None:
        found = self._desk.at_work
        self.work.setVisible(bool(found))
        first = sorted(found, key=lambda one: (not one.problem, one.name))  # what is broken is seen first
        for row, (button, comes) in enumerate(zip(self.workflows, self._comes, strict=True)):
            one = first[row] if row < len(first) else None
            button.setVisible(one is not None)
            comes.setVisible(one is not None)
            if one is None:
                continue
            text, tone = words.at_work(one)
            name = QFontMetrics(button.font()).elidedText(one.name, Qt.TextElideMode.ElideRight, WIDTH // 3)
            button.setText(name.replace("&", "&&"))
            button.setAccessibleName(one.name)
            button.setToolTip(one.name)
            comes.setText(text)
            set_role(comes, kind="error" if tone == "failed" else "muted")
        self._more.setText(f"and {len(found) - _LISTED} more")
        self._more.setVisible(len(found) > _LISTED)

    def _wishes(self) -> QWidget:
        desk = self._desk
        box = QWidget()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(self._window.themes.theme.px("space.1"))
        heading = QLabel("When")
        set_role(heading, kind="strong")
        column.addWidget(heading)
        self.checks = {
            "start_with_window": QCheckBox("Start it when the window is opened"),
            "outlives_window": QCheckBox("Leave it running when the window is closed"),
            "tray": QCheckBox("Show an icon in the tray"),
            "close_to_tray": QCheckBox("Closing the window leaves Steploom in the tray"),
        }
        for name, check in self.checks.items():
            check.clicked.connect(lambda on, name=name: desk.keep(**{name: on}))
            column.addWidget(check)
        self.sign_in = QCheckBox("Start it when I sign in, and again when it fails (systemd)")
        self.sign_in.clicked.connect(desk.keep_by_systemd)
        column.addWidget(self.sign_in)
        return box

    def _bottom(self) -> QHBoxLayout:
        close = QPushButton("Close")
        close.setAutoDefault(False)
        close.clicked.connect(self.accept)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(close)
        return row

    def _show_facts(self) -> None:
        state = self._desk.state
        found = words.facts(state, datetime.now(UTC)) if state is not None else []
        padded = [*found, *[("", "")] * (_FACTS - len(found))]
        for labels, texts in zip(self._facts, padded, strict=True):
            for label, text in zip(labels, texts, strict=True):
                label.setText(text)
                label.setVisible(bool(text))

    def _show_buttons(self) -> None:
        commands = self._window.commands
        for name, button in self.buttons.items():
            can = commands.get(f"service.{name}").enabled()
            button.setVisible(can or name in ("log", "tokens"))
            button.setEnabled(can)
        for tool, name in ((self.copy, "copy"), (self.page, "docs")):
            tool.setVisible(commands.get(f"service.{name}").enabled())
        state = self._desk.state
        hangs = state is not None and state.kind == "silent"
        self.end_now.setVisible(hangs)
        self.port.setVisible(state is not None and state.kind == "failed" and "port" in state.problem)

    def _show_wishes(self) -> None:
        desk = self._desk
        has_tray = desk.has_tray()
        for name, check in self.checks.items():
            needs_tray = "tray" in name
            check.setEnabled(desk.wishes is not None and (has_tray or not needs_tray))
            check.setToolTip("This desktop shows no tray." if needs_tray and not has_tray else "")
            check.setChecked(desk.wishes is not None and bool(getattr(desk.wishes, name)))
        self.checks["close_to_tray"].setEnabled(has_tray and self.checks["tray"].isChecked())
        self.sign_in.setEnabled(desk.has_systemd and not desk.is_acting)
        self.sign_in.setToolTip("" if desk.has_systemd else _NO_SYSTEMD)
        self.sign_in.setChecked(desk.is_installed)

    def _change_port(self) -> None:
        self.accept()
        self._desk.open_setting("port")

    def _button(self, text: str, command: str, role: str = "") -> QPushButton:
        button = QPushButton(text)
        button.setAutoDefault(False)
        if role:
            set_role(button, role=role)
        button.clicked.connect(lambda: self._window.commands.run(command))
        return button

    def _tool(self, icon: str, name: str, command: str) -> QToolButton:
        button = QToolButton()
        button.setIcon(self._window.icons.icon(icon, self._window.themes.theme, "text.secondary", 16))
        button.setIconSize(QSize(16, 16))
        button.setToolTip(name)
        button.setAccessibleName(name)
        button.clicked.connect(lambda: self._window.commands.run(command))
        return button

    def _dot_style(self, tone: str) -> str:
        colour = self._window.themes.theme.css(f"state.{tone}" if tone else "text.muted")
        return f"background: {colour}; border-radius: {_DOT // 2}px;"


def _words(text: str, kind: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if kind:
        set_role(label, kind=kind)
    return label
