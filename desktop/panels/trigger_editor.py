"""The editor of a workflow's trigger: the fields of its type, when it comes next, where it is called."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from core.workflow.model import Json, Trigger
from core.workflow.problems import Problem
from core.workflow.schedule_times import next_times
from core.workflow.triggers import OPTIONS, ApiTrigger, Schedule, read_trigger
from desktop.panels.background import Surroundings
from desktop.panels.cron_control import CronControl
from desktop.panels.fields import ABSENT, Value
from desktop.panels.form import Form
from desktop.panels.template_edit import TemplateSource
from desktop.panels.trigger_fields import FIELDS
from desktop.style import set_role

NEXT: Final = 5
"""How many times to come are told."""

FIRST: Final[Mapping[str, Mapping[str, Json]]] = {"schedule": {"cron": "0 9 * * 1-5"}}
"""What a trigger says when its type was just chosen, so that it is right at once."""

_SIGNED: Final = ("signature", "signature_header", "replay_window")
"""Fields that mean something only where calls are signed."""


class TriggerEditor(QWidget):
    """Shows one trigger.

    edited: the new Trigger, what changed, and whether it is being typed. left: a field was left.
    """

    edited = Signal(object, str, bool)
    left = Signal()

    def __init__(
        self, around: Surroundings, source: TemplateSource, wire: Callable[[str], None], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._around, self._source, self._wire = around, source, wire
        self._trigger = Trigger()
        self._forms: dict[str, Form] = {}
        self._problems: list[tuple[Sequence[str | int], Problem]] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.said = QLabel(self)
        self.said.setWordWrap(True)
        self.said.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        side = around.themes.theme.px("space.4")
        self.said.setContentsMargins(side, 0, side, around.themes.theme.px("space.3"))
        set_role(self.said, kind="caption")
        self._layout.addWidget(self.said)

    @property
    def form(self) -> Form:
        """The fields of the type that is shown."""
        return self._form(self._trigger.type)

    def show_trigger(self, trigger: Trigger) -> None:
        """Show a trigger as it is now."""
        self._trigger = trigger
        known = trigger.type in FIELDS
        for kind, form in self._forms.items():
            form.setVisible(kind == trigger.type)
        if known and FIELDS[trigger.type]:
            form = self._form(trigger.type)
            form.hide_fields(_meaningless(trigger))
            form.show_values(trigger.options)
            form.show_problems(self._problems)
            form.show()
            self._tell_zone(form)
        is_told = trigger.type == "api" and self._around.publishing is not None  # by the strip that switches it on
        text = "" if is_told else meaning(trigger, self._around.now())
        self.said.setText(text)
        self.said.setVisible(bool(text))

    def show_problems(self, problems: Sequence[tuple[Sequence[str | int], Problem]]) -> None:
        """Show what is wrong; the paths start at the trigger's options."""
        self._problems = list(problems)
        if self._trigger.type in self._forms:
            self._forms[self._trigger.type].show_problems(self._problems)

    def focus_field(self, path: Sequence[str]) -> None:
        """Give the keyboard to a field."""
        self.form.focus(path)

    def retyped(self, type_: str) -> Trigger:
        """The trigger with another type: what means something there stays."""
        kept = {name: value for name, value in self._trigger.options.items() if name in OPTIONS.get(type_, ())}
        return Trigger(type_, {**FIRST.get(type_, {}), **kept})

    def _form(self, type_: str) -> Form:
        if type_ not in self._forms:
            form = Form(FIELDS[type_], self._around, self._source, self._wire, self)
            form.edited.connect(self._edited)
            form.left.connect(self.left)
            self._layout.addWidget(form)
            self._forms[type_] = form
        return self._forms[type_]

    def _edited(self, key: str, value: Value, typing: bool) -> None:
        options = dict(self._trigger.options)
        if value is ABSENT or value in ("", {}):
            options.pop(key, None)
        else:
            options[key] = value
        self.edited.emit(Trigger(self._trigger.type, options), key, typing)

    def _tell_zone(self, form: Form) -> None:
        if self._trigger.type == "schedule":
            cron, zone = form.rows["cron"].control, self._trigger.options.get("zone")
            if isinstance(cron, CronControl):
                cron.set_zone(zone if isinstance(zone, str) and zone else "UTC")


def meaning(trigger: Trigger, now: datetime) -> str:
    """When or where a trigger starts its workflow, '' for one that cannot be read. now: with a time zone."""
    options, problems = read_trigger(trigger)
    if any(problem.severity == "error" for problem in problems):
        return ""
    match options:
        case Schedule():
            times = [
                f"{at.astimezone(options.place):%a %-d %b %Y %H:%M:%S %Z}" for at in next_times(options, now, NEXT)
            ]
            return "It comes next:\n" + "\n".join(times) if times else "It comes no more: its times are past."
        case ApiTrigger():
            token = "" if options.auth != "token" or options.secret else "\nMake a token: steploom tokens create"
            where = options.path or "/id/ID-OF-THE-WORKFLOW"
            return f"Call it, once it is active and steploom serve runs:\n{options.method} /hooks{where}{token}"
        case _:
            return ""


def _meaningless(trigger: Trigger) -> tuple[str, ...]:
    """The fields that mean nothing with what the others say."""
    options = trigger.options
    if trigger.type != "api":
        return ()
    signed = () if options.get("auth") == "hmac" else _SIGNED
    header = ("signature_header",) if options.get("signature") in ("standard", "slack") else ()
    return (*signed, *header, *(() if options.get("respond") else ("respond_type",)))
