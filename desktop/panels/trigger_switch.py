"""The strip that publishes the shown workflow, switches its trigger on and off, and tries it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from shiboken6 import isValid

from core.workflow.model import Workflow
from core.workflow.triggers import ApiTrigger, read_trigger
from desktop.bridge import explain
from desktop.panels.background import Surroundings
from desktop.panels.notices import Notices
from desktop.style import set_role

if TYPE_CHECKING:
    from core.store.publications import Publication

_OFF = "Not active: nothing starts it by itself. Switching it on publishes the newest saved version."
_ON = "Active: its trigger runs version {published}, while {program} runs."
_NEWER = " Version {newest} is saved and not published: changes wait until you publish them."


class TriggerSwitch(QFrame):
    """Shows how a workflow of the library stands; hidden for a manual trigger and without a library."""

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._around = around
        self._name = ""
        self._address = ""
        self._program = ""
        self._stands: Publication | None = None
        theme = around.themes.theme
        layout = QVBoxLayout(self)
        layout.setContentsMargins(theme.px("space.4"), theme.px("space.2"), theme.px("space.4"), theme.px("space.3"))
        layout.setSpacing(theme.px("space.2"))
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        set_role(self.said, kind="caption")
        layout.addWidget(self.said)
        self.switch_button = self._button("Switch on", self._switch)
        self.publish_button = self._button("Publish", self._publish)
        self.test_button = self._button("Test", self._test)
        self.test_button.setToolTip("Start a run of the newest saved version now, with the trigger's inputs")
        self.copy_button = self._button("Copy URL", self._copy)
        for pair in ((self.switch_button, self.publish_button), (self.test_button, self.copy_button)):
            row = QHBoxLayout()  # two rows: the inspector is narrow
            row.setSpacing(theme.px("space.2"))
            for button in pair:
                row.addWidget(button)
            row.addStretch(1)
            layout.addLayout(row)
        self.notices = Notices(around, self)
        layout.addWidget(self.notices)
        self.hide()

    def show_workflow(self, workflow: Workflow) -> None:
        """Show how that workflow stands; asks the library if it is another one than before."""
        if self._around.publishing is None or workflow.trigger.type == "manual":
            self.hide()
            return
        options, _ = read_trigger(workflow.trigger)
        is_api = isinstance(options, ApiTrigger)
        self._address = options.path if isinstance(options, ApiTrigger) else ""
        self._program = "steploom serve" if is_api else "this window, steploom worker or steploom serve"
        self.copy_button.setVisible(is_api)
        self.show()
        if workflow.name != self._name:
            self._name = workflow.name
            self._show(None)
            self.refresh()

    def refresh(self) -> None:
        """Ask the library again: it was saved."""
        if self._around.publishing is not None and self._name:
            self._ask(self._around.publishing.stands(self._name), self._show)

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802 - Qt's name
        """Look again: other programs may have changed how it stands."""
        super().enterEvent(event)
        if self.isVisible():
            self.refresh()

    def _button(self, text: str, work: Callable[[], None]) -> QPushButton:
        button = QPushButton(text, self)
        set_role(button, role="small")
        button.clicked.connect(work)
        return button

    def _show(self, stands: Publication | None) -> None:
        self._stands = stands
        for button in (self.switch_button, self.publish_button, self.test_button, self.copy_button):
            button.setEnabled(stands is not None)
        if stands is None:
            self.said.setText("Save it into the library to switch its trigger on.")
            return
        behind = stands.published < stands.newest
        text = _ON.format(published=stands.published, program=self._program) if stands.is_active else _OFF
        if behind and stands.published:
            text += _NEWER.format(newest=stands.newest)
        self.said.setText(text)
        self.switch_button.setText("Switch off" if stands.is_active else "Switch on")
        self.publish_button.setText(f"Publish version {stands.newest}" if behind else "Published")
        self.publish_button.setEnabled(behind)

    def _switch(self) -> None:
        assert self._around.publishing is not None
        on = self._stands is not None and not self._stands.is_active
        self._do(self._around.publishing.switch(self._name, on), self._show)

    def _publish(self) -> None:
        assert self._around.publishing is not None
        self._do(self._around.publishing.publish(self._name), self._show)

    def _test(self) -> None:
        assert self._around.publishing is not None
        self._do(self._around.publishing.test(self._name), self._tested)

    def _tested(self, run_id: str) -> None:
        self.notices.add("info", f"Run {run_id[-8:]} has started; History shows how it goes.")

    def _copy(self) -> None:
        from core.settings import ServiceSettings

        if self._stands is not None:
            path = self._address or f"/id/{self._stands.workflow_id}"
            QApplication.clipboard().setText(f"http://127.0.0.1:{ServiceSettings().port}/hooks{path}")

    def _do(self, work: Coroutine[Any, Any, Any], done: Callable[[Any], None]) -> None:
        self.notices.clear()
        self._ask(work, done)

    def _ask(self, work: Coroutine[Any, Any, Any], done: Callable[[Any], None]) -> None:
        name = self._name

        def told(result: Any) -> None:
            if isValid(self) and name == self._name:
                done(result)

        def failed(error: Exception) -> None:
            if isValid(self):  # the inspector may show something else by now
                self.notices.add("error", explain(error))

        self._around.background.spawn(work, told, failed)
