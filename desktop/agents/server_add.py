"""The dialog that sets an MCP server up: a program of this computer, or an address."""

from __future__ import annotations

import json
import shlex
from typing import Any, Final

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from core.agents.mcp.errors import BadConfiguration
from core.agents.mcp.foreign_files import ForeignServer, read_text
from core.agents.mcp.server_config import ServerConfig
from desktop.agents.servers import ServerDesk
from desktop.style import set_role
from desktop.theme import ThemeManager

WIDTH: Final = 520


class ServerAdd(QDialog):
    """Asks for one server. name, config: of the one that is changed; none to add one."""

    def __init__(
        self,
        desk: ServerDesk,
        themes: ThemeManager,
        parent: QWidget,
        *,
        name: str = "",
        config: ServerConfig | None = None,
    ) -> None:
        super().__init__(parent)
        self._desk, self._old, self._config = desk, name, config
        self.setWindowTitle(f"Edit {name}" if name else "Add an MCP server")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setMinimumWidth(WIDTH)
        font = themes.theme.font("mono")
        self.name = _line("Name", "files")
        self.program = QRadioButton("A program on this computer")
        self.address = QRadioButton("An address")
        self._kinds = QButtonGroup(self)
        for button in (self.program, self.address):
            self._kinds.addButton(button)
            button.toggled.connect(lambda _: self._show_kind())
        self.command = _line("Command", "npx -y @modelcontextprotocol/server-filesystem /data")
        self.folder = _line("Folder that it starts in", "")
        self.variables = _lines("Variables of its environment", "API_KEY=…")
        self.url = _line("Address", "https://example.org/mcp")
        self.headers = _lines("Headers", "Authorization: Bearer …")
        self.sign_in = QCheckBox("Sign in through the browser (OAuth)")
        for widget in (self.command, self.url, self.variables, self.headers):
            widget.setFont(font)
        self.problem = QLabel()
        self.problem.setWordWrap(True)
        set_role(self.problem, kind="error")
        self.problem.hide()
        self.agree = QPushButton("Save" if name else "Add")
        set_role(self.agree, role="primary")
        self.agree.setDefault(True)
        self.agree.clicked.connect(self._agreed)
        self._parts: dict[str, list[QWidget]] = {"program": [], "address": []}
        self._lay_out()
        (self.address if config is not None and config.type != "stdio" else self.program).setChecked(True)
        if config is not None:
            self._fill(config)
        self._show_kind()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(10)
        title = QLabel(self.windowTitle())
        title.setTextFormat(Qt.TextFormat.PlainText)
        set_role(title, kind="title")
        column.addWidget(title)
        column.addWidget(_labelled("Name", "How agents and their functions name it.", self.name))
        kinds = QHBoxLayout()
        kinds.setSpacing(16)
        kinds.addWidget(self.program)
        kinds.addWidget(self.address)
        kinds.addStretch()
        column.addLayout(kinds)
        for kind, label, about, widget in (
            ("program", "Command", "As in a terminal; quotes hold words together.", self.command),
            ("program", "Variables", "One a line, NAME=VALUE. Keys go into the keyring.", self.variables),
            ("program", "Starts in", "Empty for Steploom's own folder.", self.folder),
            ("address", "Address", "", self.url),
            ("address", "Headers", "One a line, NAME: VALUE. Keys go into the keyring.", self.headers),
        ):
            part = _labelled(label, about, widget)
            self._parts[kind].append(part)
            column.addWidget(part)
        self._parts["address"].append(self.sign_in)
        column.addWidget(self.sign_in)
        column.addWidget(self.problem)
        column.addSpacing(6)
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch()
        row.addWidget(cancel)
        row.addWidget(self.agree)
        column.addLayout(row)

    def _fill(self, config: ServerConfig) -> None:
        self.name.setText(self._old)
        self.name.setEnabled(False)
        self.command.setText(shlex.join([config.command, *config.args]) if config.command else "")
        self.folder.setText(config.cwd)
        self.variables.setPlainText("\n".join(f"{name}={value}" for name, value in config.env.items()))
        self.url.setText(config.url)
        self.headers.setPlainText("\n".join(f"{name}: {value}" for name, value in config.headers.items()))
        self.sign_in.setChecked(config.auth == "oauth")

    def _show_kind(self) -> None:
        for kind, button in (("program", self.program), ("address", self.address)):
            for part in self._parts[kind]:
                part.setVisible(button.isChecked())
        self.adjustSize()

    def _agreed(self) -> None:
        try:
            found = self._read()
        except (BadConfiguration, ValueError) as error:
            self._say(str(error))
            return
        if found.config is None:
            self._say(found.problem)
            return
        self._desk.add([found])
        self.accept()

    def _read(self) -> ForeignServer:
        """What was typed, with its keys set apart. Raises BadConfiguration, or ValueError with a sentence."""
        name = self.name.text().strip()
        if not name:
            raise ValueError("Give it a name.")
        if not self._old and name in {*self._desk.servers, *self._desk.problems}:
            raise ValueError(f"There is a server “{name}” already. Choose another name, or edit that one.")
        kept = self._config.as_json() if self._config is not None else {}
        entry: dict[str, Any] = {
            key: kept[key] for key in ("roots", "timeout", "connectTimeout", "disabled") if key in kept
        }
        if self.program.isChecked():
            try:
                words = shlex.split(self.command.text())
            except ValueError:
                raise ValueError("A quote of the command is not closed.") from None
            if not words:
                raise ValueError("Write the command that starts it.")
            entry |= {"command": words[0], "args": words[1:], "env": _pairs(self.variables.toPlainText(), "=")}
            entry |= {"cwd": self.folder.text().strip()}
        else:
            if not self.url.text().strip():
                raise ValueError("Write its address.")
            entry |= {"url": self.url.text().strip(), "headers": _pairs(self.headers.toPlainText(), ":")}
            entry |= {"auth": "oauth" if self.sign_in.isChecked() else ""}
            if self._config is not None and self._config.type == "sse":
                entry["type"] = "sse"
        entry = {key: value for key, value in entry.items() if value not in ("", [], {})}
        found = read_text(json.dumps({"mcpServers": {name: entry}}), "The entry")[0]
        if found.name != name:
            raise BadConfiguration(f"“{name}” is no name for a server. “{found.name}” would be.")
        return found

    def _say(self, text: str) -> None:
        self.problem.setText(text)
        self.problem.show()


def _pairs(text: str, mark: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for line in text.splitlines():
        if not line.strip():
            continue
        name, found, value = line.partition(mark)
        if not found or not name.strip():
            raise ValueError(f"Write each line as NAME{mark}VALUE; one has no “{mark}”.")
        pairs[name.strip()] = value.strip()
    return pairs


def _labelled(title: str, about: str, widget: QWidget) -> QWidget:
    part = QWidget()
    label = QLabel(title)
    label.setBuddy(widget)
    set_role(label, kind="secondary")
    column = QVBoxLayout(part)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(3)
    column.addWidget(label)
    column.addWidget(widget)
    if about:
        words = QLabel(about)
        words.setWordWrap(True)
        set_role(words, kind="caption")
        column.addWidget(words)
    return part


def _line(name: str, example: str) -> QLineEdit:
    line = QLineEdit()
    line.setAccessibleName(name)
    line.setPlaceholderText(example)
    return line


def _lines(name: str, example: str) -> QPlainTextEdit:
    lines = QPlainTextEdit()
    lines.setAccessibleName(name)
    lines.setPlaceholderText(example)
    lines.setTabChangesFocus(True)
    lines.setFixedHeight(72)
    return lines
