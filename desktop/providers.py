"""What the command palette offers: actions, steps of the open workflow, workflows, and settings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from desktop.commands import Commands
from desktop.key_bindings import shown
from desktop.memory import RecentWork, WindowMemory
from desktop.palette_search import Entry, FunctionProvider, Provider
from desktop.work_tab import WorkTab


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


def steps(active: Callable[[], WorkTab | None]) -> Provider:
    """The steps of the workflow in front; choosing one goes to it."""

    def entries() -> Iterable[Entry]:
        tab = active()
        if tab is None:
            return
        for path, step in tab.document.workflow.walk():
            place = " / ".join([tab.title, *path])
            yield Entry(
                f"step:{step.id}", step.name, partial(tab.step_wanted.emit, step.id), "box", place,
                also=f"{step.id} {step.type}",
            )  # fmt: skip

    return FunctionProvider("Steps", "@", entries)


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
