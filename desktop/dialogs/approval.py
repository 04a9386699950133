"""The card on which a person answers what a step of a run asks: choices as buttons, or a form."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QMenu, QPushButton, QVBoxLayout, QWidget

from core.engine.budget import USE
from core.engine.errors import Question
from core.workflow.model import Json
from desktop.bridge import Bridge
from desktop.dialogs.schema_form import SchemaForm, form_problems, form_properties, form_required
from desktop.dialogs.value_editors import GrowingText
from desktop.icons import Icons
from desktop.panels.markdown_view import MarkdownView
from desktop.style import set_role
from desktop.theme import ThemeManager


class ApprovalCard(QFrame):
    """One question. answered: the answer as the step wants it (`choice` and `comment`, or `form`).

    title: the step's. about: a line on where the question comes from. answered_by: who sits here, '' if unknown.
    """

    answered = Signal(object)

    def __init__(
        self,
        question: Question,
        bridge: Bridge,
        themes: ThemeManager,
        icons: Icons,
        *,
        title: str = "",
        about: str = "",
        answered_by: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._question = question
        self._bridge = bridge
        self._answered_by = answered_by
        theme = themes.theme
        self.setAccessibleName(f"Question: {title}")
        set_role(self, role="card")
        layout = QVBoxLayout(self)
        side = theme.px("space.4")
        layout.setContentsMargins(side, theme.px("space.3"), side, side)
        layout.setSpacing(theme.px("space.2"))
        self._top = self._head(title, about, themes, icons)
        layout.addLayout(self._top)
        message = MarkdownView(themes, grows=True)
        message.setAccessibleName("What is asked")
        message.show_markdown(question.message)
        layout.addWidget(message)
        self.buttons: list[QPushButton] = []
        self.form: SchemaForm | None = None
        self.comment: GrowingText | None = None
        self._whole = QLabel()
        if question.schema is not None:
            properties, required = form_properties(question.schema), form_required(question.schema)
            self.form = SchemaForm(properties, required, theme, icons)
            layout.addWidget(self.form)
            self._whole.setWordWrap(True)
            self._whole.setTextFormat(Qt.TextFormat.PlainText)
            self._whole.hide()
            set_role(self._whole, kind="error")
            layout.addWidget(self._whole)
            self._add_button("Send", self._send_form)
        else:
            self.comment = GrowingText(theme)
            self.comment.setPlaceholderText("Comment (optional)")
            self.comment.setAccessibleName("Comment, optional")
            layout.addWidget(self.comment)
            models = [choice for choice in question.choices if choice.startswith(USE)]
            for choice in question.choices or ("continue",):
                if choice not in models:
                    self._add_button(choice, partial(self._send_choice, choice))
                elif choice == models[0]:
                    self._add_models(models)
        self._row = QHBoxLayout()
        self._row.setSpacing(theme.px("space.2"))
        for button in self.buttons:
            self._row.addWidget(button)
        self._row.addStretch(1)
        layout.addLayout(self._row)

    def _head(self, title: str, about: str, themes: ThemeManager, icons: Icons) -> QHBoxLayout:
        theme = themes.theme
        sign = QLabel()
        sign.setPixmap(icons.pixmap("hand", theme.color("state.waiting"), 16, self.devicePixelRatioF()))
        name = QLabel(title or "A step asks")
        name.setTextFormat(Qt.TextFormat.PlainText)
        name.setWordWrap(True)
        set_role(name, kind="strong")
        where = QLabel(about)
        where.setTextFormat(Qt.TextFormat.PlainText)
        set_role(where, kind="caption")
        head = QHBoxLayout()
        head.setSpacing(theme.px("space.2"))
        head.addWidget(sign, 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(name, 1, Qt.AlignmentFlag.AlignTop)
        head.addWidget(where, 0, Qt.AlignmentFlag.AlignTop)
        return head

    @property
    def trouble(self) -> str:
        """What is wrong with the form as a whole."""
        return self._whole.text()

    def add_to_head(self, widget: QWidget) -> None:
        """Put something into the upper right corner."""
        self._top.addWidget(widget, 0, Qt.AlignmentFlag.AlignTop)

    def add_above_answer(self, widget: QWidget) -> None:
        """Put something between what is asked and where it is answered."""
        layout, answer = self.layout(), self.form or self.comment
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(layout.indexOf(answer) if answer is not None else layout.count() - 1, widget)

    def add_beside(self, widget: QWidget) -> None:
        """Put something at the end of the row of buttons."""
        self._row.addWidget(widget)

    def allow(self, allowed: bool) -> None:
        """Whether it can be answered now."""
        for button in self.buttons:
            button.setEnabled(allowed)

    def _add_button(self, text: str, press: Callable[[], None]) -> None:
        button = QPushButton(text.replace("&", "&&").replace("_", " "))
        button.setAutoDefault(False)
        if not self.buttons:
            set_role(button, role="primary")
        button.clicked.connect(lambda _checked=False: press())
        self.buttons.append(button)

    def _add_models(self, choices: Sequence[str]) -> None:
        """One button for the cheaper models that a run can go on with."""
        menu = QMenu(self)
        for choice in choices:
            action = menu.addAction(choice.removeprefix(USE))
            action.triggered.connect(lambda _checked=False, choice=choice: self._send_choice(choice))
        self._add_button("Cheaper model", lambda: None)
        self.buttons[-1].setMenu(menu)

    def _send_choice(self, choice: str) -> None:
        assert self.comment is not None
        self._send({"choice": choice, "comment": self.comment.toPlainText().strip()})

    def _send_form(self) -> None:
        assert self.form is not None
        schema, values = self._question.schema or {}, self.form.values()
        if values is None:
            return
        self.allow(False)
        self._bridge.in_thread(lambda: form_problems(schema, values), partial(self._checked, values), self._not_checked)

    def _checked(self, values: dict[str, Json], problems: dict[str, str]) -> None:
        assert self.form is not None
        self.form.show_problems(problems)
        self._whole.setText(problems.get("", ""))
        self._whole.setVisible("" in problems)
        if problems:
            self.allow(True)
        else:
            self._send({"form": values})

    def _not_checked(self, error: Exception) -> None:
        self.allow(True)
        self._bridge.tell(error)

    def _send(self, answer: dict[str, Json]) -> None:
        self.allow(False)
        self.answered.emit({**answer, **({"answered_by": self._answered_by} if self._answered_by else {})})
