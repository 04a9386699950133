"""Frames with a title and a colour around steps of one level."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from core.workflow.editing.new_ids import fresh_name
from core.workflow.editing.tree import outermost, same_level, without_members
from core.workflow.model import Group, GroupColour, Workflow
from core.workflow.names import hint
from core.workflow.problems import EditRefused


def add_group(
    workflow: Workflow, ids: Collection[str], *, title: str = "", colour: GroupColour = "grey"
) -> tuple[Workflow, str]:
    """The workflow with a frame around steps of one level, and the frame's id. They leave the groups they were in.

    Raises EditRefused for no steps, unknown ones, or steps of several levels.
    """
    members = outermost(workflow, ids)
    same_level(workflow, members)
    group_id = fresh_name("group", workflow.groups)
    groups = without_members(workflow.groups, members)
    groups[group_id] = Group(title, colour, tuple(members))
    return replace(workflow, groups=groups), group_id


def remove_group(workflow: Workflow, group_id: str) -> Workflow:
    """The workflow without a frame; its steps stay. Raises EditRefused for an unknown group."""
    _group(workflow, group_id)
    return replace(workflow, groups={key: group for key, group in workflow.groups.items() if key != group_id})


def set_group(
    workflow: Workflow, group_id: str, *, title: str | None = None, colour: GroupColour | None = None
) -> Workflow:
    """The workflow with a frame's title or colour changed; None leaves it. Raises EditRefused for an unknown group."""
    group = _group(workflow, group_id)
    new = replace(group, title=group.title if title is None else title, colour=colour or group.colour)
    return workflow if new == group else replace(workflow, groups={**workflow.groups, group_id: new})


def join_group(workflow: Workflow, group_id: str, ids: Collection[str]) -> Workflow:
    """The workflow with steps taken into a frame, out of any other. Raises EditRefused, as for another level."""
    group = _group(workflow, group_id)
    added = [step_id for step_id in outermost(workflow, ids) if step_id not in group.steps]
    same_level(workflow, [*group.steps, *added])
    groups = without_members(workflow.groups, added)
    groups[group_id] = replace(group, steps=(*group.steps, *added))
    return replace(workflow, groups=groups) if added else workflow


def leave_groups(workflow: Workflow, ids: Collection[str]) -> Workflow:
    """The workflow with steps in no frame; a frame without steps is gone."""
    members = {step_id for group in workflow.groups.values() for step_id in group.steps}
    if members.isdisjoint(ids):
        return workflow
    return replace(workflow, groups=without_members(workflow.groups, ids))


def _group(workflow: Workflow, group_id: str) -> Group:
    group = workflow.groups.get(group_id)
    if group is None:
        raise EditRefused(f"There is no group {group_id!r}. {hint(group_id, workflow.groups, 'groups')}")
    return group
