"""The editor's page Try: what the model would be sent, filled in with variables that are typed here."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QTimer
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from core.agents.agent import Agent
from core.workflow.model import Json
from desktop.agents.draft import AgentDraft
from desktop.bridge import Bridge, explain
from desktop.panels.background import Surroundings
from desktop.panels.form import scrolled
from desktop.panels.highlight import JsonHighlighter
from desktop.panels.notices import Notices
from desktop.panels.text_edit import CodeEdit
from desktop.style import set_role

if TYPE_CHECKING:
    from core.workspace import Workspace

LOOK_MS: Final = 250
EXAMPLE: Final = '{"tone": "friendly"}'


class TryPage(QWidget):
    """Shows what becomes of the instructions, and which functions are offered."""

    def __init__(
        self, draft: AgentDraft, around: Surroundings, bridge: Bridge, workspace: Callable[[], Workspace | None]
    ) -> None:
        super().__init__()
        self._draft, self._around, self._bridge, self._workspace = draft, around, bridge, workspace
        theme = around.themes.theme
        self._task: asyncio.Task[None] | None = None
        self._seen: tuple[Agent, str] | None = None
        self.variables = CodeEdit(theme, least=2, most=8, parent=self)
        self.variables.setAccessibleName("Variables of the conversation")
        self.variables.setPlaceholderText(EXAMPLE)
        self._highlighter = JsonHighlighter(self.variables.document(), theme)
        self.variables.edited.connect(lambda _: self.look_soon())
        self.notices = Notices(around, self)
        self.prompt = _text("What the model is told")
        self.prompt.setMinimumHeight(220)
        self.functions = QLabel()
        self.functions.setWordWrap(True)
        set_role(self.functions, kind="secondary")
        self.trouble = Notices(around, self)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(16, 16, 16, 16)
        column.setSpacing(theme.px("space.2"))
        for title, about, widget in (
            ("Variables of the conversation", "JSON, to see the instructions as they are after a workflow has set "
             "them.", self.variables),
            ("What the model is told", "The instructions filled in, with the rules about foreign text. What is "
             "recalled depends on the question.", self.prompt),
            ("What it may call", "", self.functions),
        ):  # fmt: skip
            label = QLabel(title)
            set_role(label, kind="strong")
            column.addWidget(label)
            if about:
                words = QLabel(about)
                words.setWordWrap(True)
                set_role(words, kind="caption")
                column.addWidget(words)
            column.addWidget(widget, 1 if widget is self.prompt else 0)
            if widget is self.variables:
                column.addWidget(self.notices)
            column.addSpacing(8)
        column.addWidget(self.trouble)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolled(inner))
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LOOK_MS)
        self._timer.timeout.connect(self._look)

    def show_draft(self) -> None:
        """The agent has changed."""
        self.look_soon()

    def show_problems(self, _problems: object) -> None:
        """They are shown at their fields."""

    def look_soon(self) -> None:
        """Look again, a moment after the last change; only while it is seen."""
        if self.isVisible():
            self._timer.start()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Look now."""
        super().showEvent(event)
        self._look()

    def _look(self) -> None:
        text = self.variables.toPlainText().strip()
        agent, workspace = self._draft.agent, self._workspace()
        if workspace is None or self._seen == (agent, text):
            return
        self.notices.clear()
        try:
            variables = json.loads(text) if text else {}
        except (ValueError, RecursionError) as error:
            self.notices.add("error", f"This is no JSON: {error}.")
            return
        if not isinstance(variables, dict):
            self.notices.add("error", f"The variables are a JSON object, such as {EXAMPLE}.")
            return
        self._seen = (agent, text)
        self._task = self._bridge.spawn(
            _preview(workspace, agent, variables), self._show, self._failed, instead_of=self._task
        )

    def _show(self, found: tuple[str, Sequence[tuple[str, str]], Sequence[str]]) -> None:
        prompt, functions, trouble = found
        self.prompt.setPlainText(prompt)
        self.functions.setText("\n".join(f"{name}: {how}" for name, how in functions) or "No functions.")
        self.trouble.clear()
        for text in trouble:
            self.trouble.add("warning", text)

    def _failed(self, error: Exception) -> None:
        self._seen = None
        self.prompt.setPlainText("")
        self.notices.clear()
        self.notices.add("error", explain(error))


_POLICIES: Final = {"auto": "runs by itself", "ask": "asks first", "never": "is never called"}


async def _preview(
    workspace: Workspace, agent: Agent, variables: dict[str, Json]
) -> tuple[str, Sequence[tuple[str, str]], Sequence[str]]:
    """The system prompt, the functions with who decides, and why some cannot be called."""
    from core.agents.prompt import SystemPrompt, fill_in
    from core.engine.errors import TemplateError

    try:
        own = (await asyncio.to_thread(fill_in, agent, variables, workspace.clock.now(), ""))[0]
    except TemplateError as error:
        own = error.message
    functions, trouble = [], []
    for function in agent.functions:
        if not function.enabled:
            continue
        facts = await workspace.function_facts(agent, function)
        if facts.trouble:
            trouble.append(f"{function.name} cannot be called: {facts.trouble}")
        else:
            functions.append((function.name, _POLICIES[facts.policy]))
    functions += [(f"tools of {server}", "each asks first") for server in agent.servers]
    return SystemPrompt(own).text, functions, trouble


def _text(name: str) -> QPlainTextEdit:
    view = QPlainTextEdit()
    view.setReadOnly(True)
    view.setAccessibleName(name)
    view.setTabChangesFocus(True)
    return view
