"""Searching and replacing a text in all workflows: those that are open, and those of the library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from PySide6.QtCore import QObject, Signal

from core.workflow.model import Workflow
from core.workflow.problems import WorkflowError
from desktop.bridge import Bridge, explain
from desktop.commands import Command
from desktop.filing import Filing
from desktop.icons import Icons
from desktop.library_desk import LibraryDesk
from desktop.memory import RecentWork
from desktop.window import MainWindow
from desktop.work_tab import WorkTab

if TYPE_CHECKING:
    from core.workflow.find import Hit, Replacement
    from desktop.dialogs.search import SearchDialog

MOST_FIELDS: Final = 1_000
"""Fields that are listed at most; whoever looks for a single letter is not helped by more."""


@dataclass(frozen=True, slots=True)
class Source:
    """A workflow that is searched. tab: where it is open. version: of the library, 0 for one that is not from there."""

    workflow: Workflow
    tab: WorkTab | None = None
    version: int = 0

    @property
    def title(self) -> str:
        """Its name."""
        return self.workflow.name or "Untitled"

    @property
    def may_change(self) -> bool:
        """Whether a replacement can be made in it."""
        return self.tab is None or not self.tab.document.read_only


@dataclass(frozen=True, slots=True)
class Found:
    """A field of a workflow in which the text stands. change: what a replacement would make of it, None if it cannot
    be replaced."""

    source: Source
    hits: Sequence[Hit]
    change: Replacement | None

    @property
    def place(self) -> str:
        """Where it stands, in words: `Classify the ticket · prompt`."""
        first = self.hits[0]
        step = self.source.workflow.step(first.step) if first.step else None
        field = first.field[1:] if first.field[0] == "config" and len(first.field) > 1 else first.field
        names = " ".join(str(part).replace("_", " ") for part in field)
        return f"{step.name} · {names}" if step is not None else names


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for, and what is to stand there instead; None as long as nothing is to be replaced."""

    text: str
    new: str | None = None
    match_case: bool = False
    whole_words: bool = False


def search(sources: Sequence[Source], query: Query) -> list[Found]:
    """The fields that hold the text, workflow by workflow, at most MOST_FIELDS."""
    from core.workflow.find import find, replacements  # brings jinja2, which the first paint does not need

    found: list[Found] = []
    for source in sources:
        by_field: dict[tuple[str, tuple[str | int, ...]], list[Hit]] = {}
        for hit in find(source.workflow, query.text, match_case=query.match_case, whole_words=query.whole_words):
            by_field.setdefault((hit.step, hit.field), []).append(hit)
        for hits in by_field.values():
            change = None
            if source.may_change:
                change = next(iter(replacements(hits, query.new if query.new is not None else "")), None)
            found.append(Found(source, hits, change))
            if len(found) == MOST_FIELDS:
                return found
    return found


class ProjectSearch(QObject):
    """Knows all workflows and replaces in them. loaded: those of the library are there, or as many as could be read.

    replaced: a sentence that says what was done.
    """

    loaded = Signal()
    replaced = Signal(str)

    def __init__(
        self, window: MainWindow, filing: Filing, library: LibraryDesk, bridge: Bridge, icons: Icons
    ) -> None:  # fmt: skip
        super().__init__(window)
        self._window, self._filing, self._library, self._bridge = window, filing, library, bridge
        self._icons = icons
        self._kept: Mapping[str, Source] = {}
        self.dialog: SearchDialog | None = None
        self.is_loading = False
        self._asked: Query | None = None

    def commands(self) -> Sequence[Command]:
        """What the menu Edit offers."""
        return [
            Command(
                "edit.search_all", "Search and replace in all workflows…", self.open, "list-filter", ("Ctrl+Shift+H",),
                "Edit", "find", help="In titles, settings and texts of the open workflows and of the library.",
            )
        ]  # fmt: skip

    def open(self) -> None:
        """Show the search; one is enough."""
        from desktop.dialogs.search import SearchDialog

        if self.dialog is None:
            self.dialog = SearchDialog(self._window, self, self._icons, self._window.themes)
            self.dialog.destroyed.connect(self._gone)
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        self.load()

    @property
    def sources(self) -> Sequence[Source]:
        """All workflows as they are now: the open ones first, then those of the library that are not open."""
        tabs = self._window.all_tabs
        opened = [Source(tab.document.workflow, tab, tab.document.version) for tab in tabs]
        names = {tab.work.name for tab in tabs if tab.work is not None and tab.work.kind == "library"}
        return [*opened, *(source for name, source in self._kept.items() if name not in names)]

    def search(self, query: Query, then: Callable[[list[Found]], object]) -> None:
        """Search all workflows on a thread, and tell what was found, unless something else is searched by then."""
        self._asked = query
        if not query.text:
            then([])
            return

        def done(found: list[Found]) -> None:
            if self._asked is query:
                then(found)

        self._bridge.in_thread(partial(search, self.sources, query), done)

    def load(self) -> None:
        """Read the library's workflows anew."""
        store = self._filing.library
        if store is None:
            self._kept = {}
            self.loaded.emit()
            return
        names, known = list(self._library.names()), self._kept

        async def read() -> dict[str, Source]:
            found: dict[str, Source] = {}
            for name in names:
                try:
                    saved = await store.get(name)
                except Exception:  # noqa: BLE001 - one that cannot be read is left out, and the library says why
                    if name in known:
                        found[name] = known[name]
                    continue
                found[name] = Source(saved.workflow, None, saved.version)
            return found

        self.is_loading = True
        self._bridge.spawn(read(), self._read)

    def go_to(self, found: Found) -> None:
        """Show the step that a field belongs to, in its workflow."""
        source, step = found.source, found.hits[0].step
        if source.tab is not None:
            self._window.tabs.setCurrentWidget(source.tab)
            if step:
                source.tab.step_wanted.emit(step)
            return

        def opened(tab: WorkTab) -> None:
            if tab.work is not None and tab.work.name == source.workflow.name:
                self._window.opened.disconnect(opened)
                if step:
                    tab.step_wanted.emit(step)

        self._window.opened.connect(opened)
        self._filing.open_recent(RecentWork("library", source.workflow.name, source.workflow.name))

    def replace(self, chosen: Sequence[Found], label: str) -> None:
        """Make the replacements: in open workflows as an edit that can be undone, in the library as a new version."""
        by_source: dict[int, tuple[Source, list[Replacement]]] = {}
        for one in chosen:
            if one.change is not None:
                by_source.setdefault(id(one.source), (one.source, []))[1].append(one.change)
        problems: list[str] = []
        edited = [pair for pair in by_source.values() if pair[0].tab is not None]
        saved = [pair for pair in by_source.values() if pair[0].tab is None]
        for source, changes in edited:
            problems += self._edit(source, changes, label)
        fields = sum(len(changes) for _, changes in by_source.values())
        self._bridge.spawn(
            self._save(saved), lambda failed: self._done(fields, len(by_source), [*problems, *failed])
        )  # fmt: skip

    def _edit(self, source: Source, changes: Sequence[Replacement], label: str) -> list[str]:
        from core.workflow.find import replace_all

        assert source.tab is not None
        try:
            source.tab.document.apply(label, lambda workflow: replace_all(workflow, changes))
        except WorkflowError as error:
            return [f"{source.title}: {error}"]
        return []

    async def _save(self, pairs: Sequence[tuple[Source, Sequence[Replacement]]]) -> list[str]:
        from core.workflow.find import replace_all

        failed: list[str] = []
        for source, changes in pairs:
            store = self._filing.library
            try:
                changed = await asyncio.to_thread(replace_all, source.workflow, changes)
                if store is not None and changed.name == source.workflow.name:
                    await store.save(changed, source.version)
                elif store is not None:  # another name is a matter of its own in the library
                    await store.save(replace(changed, name=source.workflow.name), source.version)
                    await store.rename(source.workflow.name, changed.name)
            except Exception as error:  # noqa: BLE001 - each is said, and the others are saved
                failed.append(f"{source.title}: {explain(error)}")
        return failed

    def _read(self, found: Mapping[str, Source]) -> None:
        self.is_loading = False
        self._kept = found
        self.loaded.emit()

    def _done(self, fields: int, workflows: int, problems: Sequence[str]) -> None:
        self._library.refresh()
        if problems:
            self.replaced.emit("Not everything was replaced. " + " ".join(problems))
        else:
            where = "1 workflow" if workflows == 1 else f"{workflows} workflows"
            self.replaced.emit(f"Replaced in {fields} {'field' if fields == 1 else 'fields'} of {where}.")
        self.load()

    def _gone(self) -> None:
        self.dialog = None
