"""What the command palette offers: actions, steps to go to and to add, workflows, and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from desktop.commands import Commands
from desktop.key_bindings import shown
from desktop.memory import RecentWork, WindowMemory
from desktop.palette_search import Entry, FunctionProvider, Provider
from desktop.step_words import face_title
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from core.engine.step_type import StepTypes
    from desktop.canvas.view import CanvasView


def actions(commands: Commands) -> Provider:
    """Everything that can be done."""

    def entries() -> Iterable[Entry]:
        for command in commands:
            keys = tuple(map(shown, commands.keys(command.id)))
            yield Entry(
                f"command:{command.id}", command.title.removesuffix("…"), partial(commands.run, command.id),
                command.icon, command.menu.replace("/", " / "), keys, command.enabled(), command.help,
            )  # fmt: skip

    return FunctionProvider("Actions", ">", entries)


def steps(active: Callable[[], WorkTab | None], known: Callable[[], StepTypes | None]) -> Provider:
    """The steps of the workflow in front; choosing one goes to it. known: the step types, as soon as they are there."""

    def entries() -> Iterable[Entry]:
        tab = active()
        if tab is None:
            return
        types, titles = known(), dict[str, str]()
        for path, step in tab.document.workflow.walk():
            kind = types.get(step.type) if types is not None else None
            titles[step.id] = title = face_title(step, types)
            place = " / ".join([tab.title, *(titles[loop] for loop in path)])
            icon, tint = (kind.icon, f"kind.{kind.category}") if kind else ("box", "text.secondary")
            yield Entry(
                f"step:{step.id}", title, partial(tab.step_wanted.emit, step.id), icon, place,
                also=f"{step.id} {step.type}", tint=tint,
            )  # fmt: skip

    return FunctionProvider("Steps", "@", entries)


def additions(canvas: Callable[[], CanvasView | None]) -> Provider:
    """The step types; choosing one adds a step after the selected one. canvas: the one in front."""

    def entries() -> Iterable[Entry]:
        front = canvas()
        if front is None or front.document.read_only:
            return
        from desktop.canvas.quick_add import CATEGORIES  # a canvas is there, so it costs nothing

        for kind in sorted(front.types, key=lambda each: each.title):
            words = f"add step {kind.type} {kind.also_called}"
            yield Entry(
                f"add:{kind.type}", kind.title, partial(front.commands.add_next, kind.type), kind.icon,
                CATEGORIES[kind.category], also=words, tint=f"kind.{kind.category}",
            )  # fmt: skip

    return FunctionProvider("Add a step", "+", entries)


def workflows(
    memory: WindowMemory, library: Callable[[], Sequence[str]], open_work: Callable[[RecentWork], object]
) -> Provider:
    """What was open lately, and the library. library: the names in it, as last seen."""

    def entries() -> Iterable[Entry]:
        known = list(memory.recent)
        names = {work.name for work in known if work.kind == "library"}
        known += [RecentWork("library", name, name) for name in library() if name not in names]
        for work in known:
            where = "Library" if work.kind == "library" else work.name
            icon = "library" if work.kind == "library" else "file-text"
            yield Entry(f"work:{work.kind}:{work.name}", work.title, partial(open_work, work), icon, where)

    return FunctionProvider("Workflows", "", entries)


def settings(fields: Callable[[], Sequence[tuple[str, str, str, str]]], open_at: Callable[[str], object]) -> Provider:
    """Every setting; choosing one opens the settings there. fields: name, group, title and help of each."""

    def entries() -> Iterable[Entry]:
        for name, group, title, help_text in fields():
            yield Entry(
                f"setting:{name}", title, partial(open_at, name), "settings", f"Settings / {group}", also=help_text
            )

    return FunctionProvider("Settings", "", entries)
