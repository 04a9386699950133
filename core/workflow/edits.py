"""The door to everything that an editor does to a document: functions from a workflow to a changed workflow.

Workflows are values: an edit gives a new one, in which every step that it did not touch is the same object, or the
very same workflow if nothing changed. What cannot be done raises EditRefused (or DocumentError, where text or names
are at fault), whose text is for the person who tried.
"""

from __future__ import annotations

from core.workflow.editing.bodies import move_into_body, move_out_of_body, unwrap_loop, wrap_in_loop
from core.workflow.editing.clipboard import copy_steps, paste, steps_of_text
from core.workflow.editing.copies import duplicate_steps
from core.workflow.editing.extraction import Extraction, extract
from core.workflow.editing.groups import add_group, join_group, leave_groups, remove_group, set_group
from core.workflow.editing.inlining import inline
from core.workflow.editing.layout import move_steps, resize, set_collapsed, shift_steps
from core.workflow.editing.settings import (
    clear_config_field,
    set_about,
    set_config_field,
    set_field,
    set_inputs,
    set_name,
    set_outputs,
    set_trigger,
    set_variables,
)
from core.workflow.editing.steps import add_step, change_type, remove_steps, rename, set_disabled, set_title
from core.workflow.editing.wires import connect, disconnect, insert_on_wire, reconnect, refusals, why_not_connect

__all__ = [
    "Extraction",
    "add_group",
    "add_step",
    "change_type",
    "clear_config_field",
    "connect",
    "copy_steps",
    "disconnect",
    "duplicate_steps",
    "extract",
    "inline",
    "insert_on_wire",
    "join_group",
    "leave_groups",
    "move_into_body",
    "move_out_of_body",
    "move_steps",
    "paste",
    "reconnect",
    "refusals",
    "remove_group",
    "remove_steps",
    "rename",
    "resize",
    "set_about",
    "set_collapsed",
    "set_config_field",
    "set_disabled",
    "set_field",
    "set_group",
    "set_inputs",
    "set_name",
    "set_outputs",
    "set_title",
    "set_trigger",
    "set_variables",
    "shift_steps",
    "steps_of_text",
    "unwrap_loop",
    "why_not_connect",
    "wrap_in_loop",
]
