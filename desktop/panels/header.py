"""The top of the inspector: what is shown, by icon, title, type and id. The title and the id are edited here."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from core.engine.step_type import Category
from desktop.panels.background import Surroundings
from desktop.panels.notices import Notices
from desktop.panels.text_edit import LineEdit
from desktop.style import set_role

TILE: Final = 32
"""Side of the tinted square that holds the icon, in logical pixels."""


class KindTile(QWidget):
    """An icon on a square tinted in the colour of its kind."""

    def __init__(self, around: Surroundings, parent: QWidget | None = None, side: int = TILE) -> None:
        super().__init__(parent)
        self._around = around
        self._icon, self._colour = "workflow", "text.secondary"
        self._side = side
        self.setFixedSize(side, side)

    def show_kind(self, icon: str, category: Category | None) -> None:
        """Show an icon; None for what has no kind."""
        self._icon = icon
        self._colour = f"kind.{category}" if category else "text.secondary"
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802 - Qt's name
        """A square."""
        return QSize(self._side, self._side)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802 - Qt's name
        """Paint the tile."""
        theme = self._around.themes.theme
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.color(self._colour, 0.16))
        radius = theme.px("radius.control")
        painter.drawRoundedRect(QRectF(self.rect()), radius, radius)
        px = round(self._side * 0.56)
        pixmap = self._around.icons.pixmap(self._icon, theme.color(self._colour), px, self.devicePixelRatioF())
        at = (self._side - px) // 2
        painter.drawPixmap(at, at, pixmap)
        painter.end()


_ID_MOST: Final = 150
_ID_EDGES: Final = 16
"""Pixels of the shown id at most, and those around its words."""


class Header(QWidget):
    """Title, type and id. titled: the typed title. renamed: the new id, once confirmed. left: a field was left."""

    titled = Signal(str)
    renamed = Signal(str)
    left = Signal()

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme = around.themes.theme
        self._id_text = ""
        self.tile = KindTile(around, self)
        self.title = LineEdit(self)
        self.title.setAccessibleName("Title")
        self.title.setFont(theme.font("title"))
        self.title.setStyleSheet(
            "QLineEdit { background: transparent; border: 1px solid transparent; padding: 2px 5px; font-weight: 600;"
            f" font-size: {theme.font('title').pixelSize()}px; }}"
            f"QLineEdit:hover {{ border-color: {theme.css('border.subtle')}; }}"
            f"QLineEdit:focus {{ border: 1px solid {theme.css('focus')}; background: {theme.css('surface.input')}; }}"
        )
        self._type = QLabel(self)
        set_role(self._type, kind="caption")
        self._type.setContentsMargins(8, 0, 0, 0)
        self._type.setMinimumWidth(40)  # where both do not fit, the id is what is needed
        self.id = LineEdit(self)
        self.id.setAccessibleName("Id, what templates call the step")
        self.id.setToolTip("What templates call this step. Renaming it changes every reference to it.")
        self.id.setFont(theme.font("mono"))
        self.id.setStyleSheet(
            "QLineEdit { background: transparent; border: 1px solid transparent; padding: 1px 5px; min-height: 14px;"
            f" color: {theme.css('text.secondary')}; font-family: '{theme.font('mono').family()}'; font-size: 12px; }}"
            f"QLineEdit:hover {{ border-color: {theme.css('border.subtle')}; }}"
            f"QLineEdit:focus {{ border: 1px solid {theme.css('focus')}; background: {theme.css('surface.input')}; }}"
        )
        self.notices = Notices(around, self)
        line = QHBoxLayout()
        line.setSpacing(4)
        line.addWidget(self._type)
        line.addWidget(self.id, 1)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addWidget(self.title)
        column.addLayout(line)
        row = QHBoxLayout()
        row.setSpacing(theme.px("space.2"))
        row.addWidget(self.tile, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(column, 1)
        self._row = row
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.px("space.4"), theme.px("space.3"), theme.px("space.3"), theme.px("space.2"))
        layout.setSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self.notices)
        self.title.textEdited.connect(self.titled)
        self.title.left.connect(self.left)
        self.id.left.connect(self._id_left)
        self.id.installEventFilter(self)

    def add(self, widget: QWidget) -> None:
        """Put a button at the right end."""
        self._row.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)

    @property
    def type_text(self) -> str:
        """What is said of the type."""
        return self._type.text()

    def show_step(self, step_id: str, title: str, type_title: str, icon: str, category: Category | None) -> None:
        """Show a step."""
        self.tile.show_kind(icon, category)
        self._type.setText(f"{type_title}  ·")
        self.id.show()
        self.title.setPlaceholderText(type_title)  # as on the canvas
        if self.title.text() != title:
            self.title.setText(title)
            self.title.setCursorPosition(0)
        if self._id_text != step_id:
            self._id_text = step_id
            self.id.setText(step_id)
            self.id.setCursorPosition(0)
            self._fit_id()
            self.notices.clear()

    def show_workflow(self, name: str) -> None:
        """Show the workflow itself."""
        self.tile.show_kind("workflow", None)
        self._type.setText("Workflow")
        self.id.hide()
        self._id_text = ""
        self.notices.clear()
        self.title.setPlaceholderText("Name of the workflow")
        if self.title.text() != name:
            self.title.setText(name)
            self.title.setCursorPosition(0)

    def refuse(self, reason: str) -> None:
        """Say why the id cannot be changed."""
        self.notices.clear()
        self.notices.add("error", reason)

    def eventFilter(self, watched: object, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Confirm a new id by Enter, take it back by Esc."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._confirm()
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.id.setText(self._id_text)
                self.notices.clear()
                return True
        return False

    def _fit_id(self) -> None:
        """Give the id the room that it needs, up to what leaves some of the type."""
        self.id.setMinimumWidth(min(_ID_MOST, self.id.fontMetrics().horizontalAdvance(self._id_text) + _ID_EDGES))

    def _id_left(self) -> None:
        self._confirm()
        self.left.emit()

    def _confirm(self) -> None:
        text = self.id.text().strip()
        if self._id_text and text and text != self._id_text:
            self.notices.clear()
            self.renamed.emit(text)
        elif not text:
            self.id.setText(self._id_text)
