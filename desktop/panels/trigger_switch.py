"""The strip that publishes the shown workflow, switches its trigger on and off, holds its schedule, and tries it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from core.workflow.model import Json, Workflow
from core.workflow.samples import sample_inputs
from core.workflow.triggers import ApiTrigger, MessageTrigger, Schedule, read_trigger
from desktop.bridge import explain
from desktop.dialogs.new_token import NewTokenDialog
from desktop.panels import trigger_standing as words
from desktop.panels.background import Surroundings
from desktop.panels.hook_command import hook_command, hook_url
from desktop.panels.notices import Notices
from desktop.panels.trigger_past import PastTimes
from desktop.panels.trigger_standing import Standing
from desktop.panels.trigger_trial import TrialDialog
from desktop.style import set_role

_DOT: Final = 8
_LOOK_MS: Final = 2_000
_ALLOWS: Final = "It may start the workflows of this library."
_UNSAVED: Final = "Save it into the library to switch its trigger on."


class TriggerSwitch(QFrame):
    """Shows how a workflow of the library stands; hidden for a manual trigger and without a library.

    run_wanted: the id of a run that a person wants to look at.
    """

    run_wanted = Signal(str)

    def __init__(self, around: Surroundings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._around = around
        self._workflow: Workflow | None = None
        self._unsaved = False
        self._stands: Standing | None = None
        self._asked = 0  # a look that began before the newest question has an older answer
        self._is_looking = False
        # Its runs begin and end in other programs too, and nobody tells: only looking tells how it stands now.
        self._looking = QTimer(self)
        self._looking.setInterval(_LOOK_MS)
        self._looking.timeout.connect(self._look)
        theme = around.themes.theme
        self._dot = QLabel(self)
        self._dot.setFixedSize(_DOT, _DOT)
        self.title = _label("strong", self)
        self.switch_button = self._button("Switch on", self._switch)
        self.said = _label("caption", self)
        self.publish_button = self._button("Publish", self._publish)
        self.test_button = self._button("Test…", self._test)
        self.test_button.setToolTip("Start a run of the newest saved version now, with inputs that you can change")
        self.pause_button = self._button("Pause", self._pause)
        self.pause_button.setToolTip("Let its times pass until it is resumed; they do not count as missed")
        self.who = _label("caption", self)
        self.service_button = self._button("Start the service", self._start_service, "link")
        self.url = _label("", self)
        self.copy_button = self._button("Copy URL", self._copy)
        self.curl_button = self._button("Copy curl", self._copy_curl)
        self.token_button = self._button("Make a token…", self._make_token)
        self.token_button.setToolTip("A new token that may start workflows; it is shown once")
        self.notices = Notices(around, self)
        self.trouble = Notices(around, self)  # apart: it goes when the trouble does, not at the next click
        self._next_name, self.next = _label("caption", self), _label("caption", self)
        self._next_name.setText("Comes next")
        self.past = PastTimes(around, self)
        self.past.run_wanted.connect(self.run_wanted)
        self._lay_out(theme.px("space.2"), theme.px("space.4"), theme.px("space.3"))
        if around.service is not None:
            around.service.changed.connect(self._tell)
        self.hide()

    def show_workflow(self, workflow: Workflow) -> None:
        """Show how that workflow stands; asks the library if it is another one than before."""
        if self._around.publishing is None or workflow.trigger.type == "manual":
            self._workflow = None
            self.hide()
            return
        self.show()
        before, self._workflow = self._workflow, workflow
        if before is None or workflow.name != before.name:
            self._show(None)
            self.refresh()
        else:
            self._tell()

    def show_unsaved(self, unsaved: bool) -> None:
        """Whether the document has edits that are not saved."""
        if unsaved != self._unsaved:
            self._unsaved = unsaved
            self._tell()

    def refresh(self) -> None:
        """Ask the library again: it was saved."""
        if self._around.publishing is not None and self._workflow is not None:
            self._ask(self._around.publishing.stands(self._workflow.name), self._show)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802 - Qt's name
        """Follow how it stands while somebody can see it."""
        super().showEvent(event)
        self._looking.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802 - Qt's name
        """Ask nothing that nobody sees."""
        super().hideEvent(event)
        self._looking.stop()

    def _look(self) -> None:
        """Look again; a look that takes longer than the time between two is waited for."""
        if self._around.publishing is None or self._workflow is None or self._is_looking:
            return
        asked, self._is_looking = self._asked, True

        def looked(stands: Standing | None) -> None:
            self._is_looking = False
            if isValid(self) and asked == self._asked and stands != self._stands:
                self._show(stands)

        def failed(_error: Exception) -> None:
            """A database that is gone is told of by the status bar; here what was known stays."""
            self._is_looking = False

        self._around.background.spawn(self._around.publishing.stands(self._workflow.name), looked, failed)

    def _lay_out(self, gap: int, side: int, below: int) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(side, gap, side, below)
        column.setSpacing(gap)
        column.addLayout(_row(gap, self._dot, self.title, None, self.switch_button))
        column.addWidget(self.said)
        column.addLayout(_row(gap, self._next_name, self.next, None))
        column.addWidget(self.past)
        column.addLayout(_row(gap, self.publish_button, self.test_button, self.pause_button, None))
        column.addWidget(self.url)
        column.addLayout(_row(gap, self.copy_button, self.curl_button, self.token_button, None))
        column.addWidget(self.who)
        column.addLayout(_row(gap, self.service_button, None))
        column.addWidget(self.trouble)
        column.addWidget(self.notices)
        self.url.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_role(self.url, kind="secondary")

    def _button(self, text: str, work: Callable[[], None], role: str = "small") -> QPushButton:
        button = QPushButton(text, self)
        set_role(button, role=role)
        if role == "link":
            button.setStyleSheet("QPushButton { padding-left: 0; }")  # in line with the words above
        button.clicked.connect(work)
        return button

    # -- showing -------------------------------------------------------------------------------------------------------

    @property
    def _options(self) -> object:
        return read_trigger(self._workflow.trigger)[0] if self._workflow is not None else None

    def _show(self, stands: Standing | None) -> None:
        self._stands = stands
        self._tell()

    def _tell(self) -> None:
        stands, workflow = self._stands, self._workflow
        if workflow is None:
            return
        options, is_known = self._options, stands is not None
        title, tone = words.headline(stands) if stands is not None else ("Not in the library", "")
        self.title.setText(title)
        colour = self._around.themes.theme.css(f"state.{tone}" if tone else "text.muted")
        self._dot.setStyleSheet(f"background: {colour}; border-radius: {_DOT // 2}px;")
        self.said.setText(words.versions(stands, unsaved=self._unsaved) if stands is not None else _UNSAVED)
        self._tell_times(stands, options)
        for button in (self.switch_button, self.test_button):
            button.setVisible(is_known)
        is_active = stands is not None and stands.publication.is_active
        self.switch_button.setText("Switch off" if is_active else "Switch on")
        ahead = stands.ahead if stands is not None else 0
        self.publish_button.setVisible(ahead > 0)
        self.publish_button.setText(f"Publish version {stands.publication.newest}" if stands is not None else "Publish")
        self.pause_button.setVisible(stands is not None and stands.schedule is not None and not stands.problem)
        self.pause_button.setText("Resume" if stands is not None and stands.is_paused else "Pause")
        self._tell_place(options if is_known else None)
        self._tell_who(workflow.trigger.type, options, is_active=is_active)
        self.updateGeometry()

    def _tell_times(self, stands: Standing | None, options: object) -> None:
        coming = words.comes_next(stands) if stands is not None else ""
        self.next.setText(coming)
        for label in (self._next_name, self.next):
            label.setVisible(bool(coming))
        place = options.place if isinstance(options, Schedule) else None
        self.past.show_times(words.past(stands, place) if stands is not None else ())
        self.trouble.clear()
        if stands is not None and stands.problem:
            self.trouble.add("error", stands.problem)

    def _tell_place(self, options: object) -> None:
        is_api = isinstance(options, ApiTrigger)
        for widget in (self.url, self.copy_button, self.curl_button):
            widget.setVisible(is_api)
        self.token_button.setVisible(isinstance(options, ApiTrigger) and options.auth == "token" and not options.secret)
        if isinstance(options, ApiTrigger):
            self.url.setText(f"{options.method} {self._url(options)}")
            has_place = self._around.service is not None and bool(self._around.service.usual_address)
            for button in (self.copy_button, self.curl_button):
                button.setEnabled(has_place)
                button.setToolTip("" if has_place else "Start the service: only then is its port known")

    def _tell_who(self, type_: str, options: object, *, is_active: bool) -> None:
        service = self._around.service
        has_service = service is not None and bool(service.address)
        is_chat = isinstance(options, MessageTrigger) and not options.channel
        self.who.setVisible(is_active and not is_chat)
        starts_here = self._stands is None or self._stands.starts_here
        self.who.setText(words.who_runs(type_, has_service=has_service, starts_here=starts_here))
        self.service_button.setVisible(is_active and not is_chat and service is not None and not has_service)

    def _url(self, options: ApiTrigger) -> str:
        service, stands = self._around.service, self._stands
        address = service.usual_address if service is not None else ""
        return hook_url(address, options, stands.publication.workflow_id if stands is not None else "")

    # -- doing ---------------------------------------------------------------------------------------------------------

    def _switch(self) -> None:
        publishing, workflow, stands = self._around.publishing, self._workflow, self._stands
        if publishing is not None and workflow is not None and stands is not None:
            self._do(publishing.switch(workflow.name, not stands.publication.is_active), self._show)

    def _publish(self) -> None:
        if self._around.publishing is not None and self._workflow is not None:
            self._do(self._around.publishing.publish(self._workflow.name), self._show)

    def _pause(self) -> None:
        publishing, workflow, stands = self._around.publishing, self._workflow, self._stands
        if publishing is not None and workflow is not None and stands is not None:
            self._do(publishing.pause(workflow.name, not stands.is_paused), self._show)

    def _test(self) -> None:
        if self._around.publishing is not None and self._workflow is not None:
            self._do(self._around.publishing.sample(self._workflow.name), self._ask_inputs)

    def _ask_inputs(self, found: tuple[Workflow, Mapping[str, Json]]) -> None:
        workflow, inputs = found
        if not workflow.inputs:
            self._begin_test({})
            return
        dialog = TrialDialog(workflow, inputs, self._around, self.window())
        dialog.run_requested.connect(self._begin_test)
        dialog.open()

    def _begin_test(self, inputs: Mapping[str, Json]) -> None:
        publishing, workflow = self._around.publishing, self._workflow
        if publishing is not None and workflow is not None:
            self._do(publishing.test(workflow.name, inputs), self._tested)

    def _tested(self, run_id: str) -> None:
        self.notices.add("info", "The run has started.", "Show it", lambda: self.run_wanted.emit(run_id))

    def _copy(self) -> None:
        if isinstance(self._options, ApiTrigger):
            self._put(self._url(self._options), "The URL is in the clipboard.")

    def _copy_curl(self) -> None:
        options, workflow = self._options, self._workflow
        if isinstance(options, ApiTrigger) and workflow is not None:
            command = hook_command(self._url(options), options, sample_inputs(workflow))
            needed = {"token": " Put the token into $TOKEN.", "hmac": " Put the key into $KEY."}
            self._put(command, f"The command is in the clipboard.{needed.get(options.auth, '')}")

    def _put(self, text: str, said: str) -> None:
        QApplication.clipboard().setText(text)
        self.notices.clear()
        self.notices.add("info", said)

    def _make_token(self) -> None:
        publishing, workflow = self._around.publishing, self._workflow
        if publishing is not None and workflow is not None:
            self._do(
                publishing.make_token(workflow.name), lambda text: NewTokenDialog(text, _ALLOWS, self.window()).open()
            )

    def _start_service(self) -> None:
        if self._around.service is not None:
            self._around.service.start()

    def _do(self, work: Coroutine[Any, Any, Any], done: Callable[[Any], None]) -> None:
        self.notices.clear()
        self._ask(work, done)

    def _ask(self, work: Coroutine[Any, Any, Any], done: Callable[[Any], None]) -> None:
        """Do it in the background; an answer that comes when the strip is gone or shows another workflow is dropped."""
        asked = self._workflow
        self._asked += 1

        def holds() -> bool:
            now = self._workflow if isValid(self) else None
            return now is not None and asked is not None and now.name == asked.name

        self._around.background.spawn(
            work,
            lambda result: done(result) if holds() else None,
            lambda error: self.notices.add("error", explain(error)) if holds() else None,
        )


def _label(kind: str, parent: QWidget) -> QLabel:
    label = QLabel(parent)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    if kind:
        set_role(label, kind=kind)
    return label


def _row(gap: int, *widgets: QWidget | None) -> QHBoxLayout:
    """Widgets side by side; None is room that gives way."""
    row = QHBoxLayout()
    row.setSpacing(gap)
    for widget in widgets:
        if widget is None:
            row.addStretch(1)
        else:
            row.addWidget(widget)
    return row
