"""The dialog that takes MCP servers over from other programs: those found on this computer, or a pasted text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from core.agents.mcp.errors import BadConfiguration
from core.agents.mcp.foreign_files import ForeignServer, known_files, read_file, read_text
from desktop.agents.servers import ServerDesk
from desktop.agents.servers_page import how
from desktop.panels.form import scrolled
from desktop.style import set_role
from desktop.theme import ThemeManager

WIDTH, HEIGHT = 600, 560
PASTE_MS: Final = 250


@dataclass(frozen=True, slots=True)
class Source:
    """Servers of one place. trouble: why it cannot be read."""

    title: str
    servers: Sequence[ForeignServer] = ()
    trouble: str = ""


class ServerImport(QDialog):
    """Lists what can be taken over. home: where the files of other programs are looked for."""

    def __init__(self, desk: ServerDesk, themes: ThemeManager, parent: QWidget, *, home: Path | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._found: Sequence[Source] = ()
        self._pasted: Source | None = None
        self.boxes: list[tuple[QCheckBox, ForeignServer]] = []
        self.setWindowTitle("Import MCP servers")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.resize(WIDTH, HEIGHT)
        title = QLabel("Import MCP servers")
        set_role(title, kind="title")
        about = QLabel(
            "Keys in those files go into the keyring. The files stay as they are, and no tool is used before you have "
            "agreed to it."
        )
        about.setWordWrap(True)
        set_role(about, kind="muted")
        self.paste = QPlainTextEdit()
        self.paste.setFont(themes.theme.font("mono"))
        self.paste.setAccessibleName("Configuration to import")
        self.paste.setPlaceholderText('Or paste it here: {"mcpServers": {…}}')
        self.paste.setTabChangesFocus(True)
        self.paste.setFixedHeight(84)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(PASTE_MS)
        self._timer.timeout.connect(self._read_paste)
        self.paste.textChanged.connect(self._timer.start)
        self._rows = QVBoxLayout()
        self._rows.setContentsMargins(0, 0, 8, 0)
        self._rows.setSpacing(8)
        inner = QWidget()
        inner.setLayout(self._rows)
        self.agree = QPushButton("Import")
        set_role(self.agree, role="primary")
        self.agree.setDefault(True)
        self.agree.clicked.connect(self._agreed)
        cancel = QPushButton("Cancel")
        cancel.clicked.connect(self.reject)
        self.file = QPushButton("From a file…")
        self.file.setAutoDefault(False)
        self.file.clicked.connect(self._ask_file)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.file)
        row.addStretch()
        row.addWidget(cancel)
        row.addWidget(self.agree)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 20, 24, 20)
        column.setSpacing(10)
        column.addWidget(title)
        column.addWidget(about)
        column.addWidget(scrolled(inner), 1)
        column.addWidget(self.paste)
        column.addLayout(row)
        self._fill()
        place = home or Path.home()
        desk.in_thread(lambda: _files(place), self._show)

    def _show(self, found: Sequence[Source]) -> None:
        self._found = found
        self._fill()

    def _read_paste(self) -> None:
        text = self.paste.toPlainText().strip()
        self._pasted = None
        if text:
            try:
                self._pasted = Source("What you pasted", read_text(text, "What you pasted"))
            except BadConfiguration as error:
                self._pasted = Source("What you pasted", trouble=str(error))
        self._fill()

    def _ask_file(self) -> None:
        dialog = QFileDialog(self, "Import MCP servers", "", "JSON (*.json);;All files (*)")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self.read)
        dialog.open()

    def read(self, file: str) -> None:
        """Show the servers of a file as well."""
        path = Path(file)

        def show(found: Source) -> None:
            self._found = [*self._found, found]
            self._fill()

        self._desk.in_thread(lambda: _source(path.name, path), show)

    def _fill(self) -> None:
        was = {id(server): box.isChecked() for box, server in self.boxes}
        while self._rows.count():
            item = self._rows.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        self.boxes = []
        sources = [*([self._pasted] if self._pasted is not None else []), *self._found]
        for source in sources:
            self._rows.addWidget(_words(source.title, "strong"))
            if source.trouble:
                self._rows.addWidget(_words(source.trouble, "error"))
            for server in source.servers:
                self._rows.addWidget(self._row(server, was.get(id(server))))
        if not sources:
            self._rows.addWidget(_words("No other program on this computer has MCP servers set up.", "secondary"))
        self._rows.addStretch(1)
        self._count()

    def _row(self, server: ForeignServer, checked: bool | None) -> QWidget:
        known = server.name in self._desk.servers
        row = QWidget()
        box = QCheckBox(server.name)
        box.setEnabled(server.config is not None)
        box.setChecked(checked if checked is not None else server.config is not None and not known)
        box.toggled.connect(lambda _: self._count())
        self.boxes.append((box, server))
        column = QVBoxLayout(row)
        column.setContentsMargins(4, 0, 0, 4)
        column.setSpacing(1)
        column.addWidget(box)
        lines = [how(server.config)] if server.config is not None else []
        lines += ["It takes the place of the one that you have."] if known else []
        lines += list(server.notes)
        for line in lines:
            label = _words(line, "caption")
            label.setContentsMargins(26, 0, 0, 0)
            column.addWidget(label)
        if server.problem:
            label = _words(server.problem, "error")
            label.setContentsMargins(26, 0, 0, 0)
            column.addWidget(label)
        return row

    def _chosen(self) -> list[ForeignServer]:
        return list({server.name: server for box, server in reversed(self.boxes) if box.isChecked()}.values())

    def _count(self) -> None:
        count = len(self._chosen())
        self.agree.setEnabled(bool(count))
        self.agree.setText(f"Import {count}" if count else "Import")

    def _agreed(self) -> None:
        self._desk.add(self._chosen())
        self.accept()


def _files(home: Path) -> Sequence[Source]:
    found = []
    for file in known_files(home):
        source = _source(f"{file.program} — {file.path}", file.path, file.program)
        if source.servers or "names no MCP servers" not in source.trouble:  # settings of programs that have none
            found.append(source)
    return found


def _source(title: str, path: Path, program: object = None) -> Source:
    try:
        return Source(title, read_file(path, program))  # type: ignore[arg-type]  # as known_files gives it
    except BadConfiguration as error:
        return Source(title, trouble=str(error))


def _words(text: str, kind: str) -> QLabel:
    label = QLabel(text)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    set_role(label, kind=kind)
    return label
