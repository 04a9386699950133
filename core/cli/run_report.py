"""One stored run as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from core.cli.terminal import LOG_WIDTH, READING_WIDTH, print_outputs
from core.cli.wording import duration, preview, spent, standing
from core.engine.budget import BUDGET
from core.engine.events import NO_USAGE
from core.engine.journal import RunRecord, StepRecord
from core.engine.part import Part
from core.engine.spread import PARENT_LABEL, SPREAD, STEP_LABEL
from core.engine.step_type import StepTypes

if TYPE_CHECKING:
    from core.store.spread_family import Member

SHOWN_BELOW = 20
"""Runs of one step that are named."""

MARKS = {
    "completed": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("-", "dim"),
    "suspended": ("?", "yellow"),
    "cancelled": ("⊘", "dim"),
    "started": ("…", "cyan"),
}


def print_run(
    run: RunRecord,
    steps: Sequence[StepRecord],
    types: StepTypes,
    now: datetime,
    waits_for: str = "",
    below: Sequence[Member] = (),
) -> None:
    """The run, a line per step attempt, then what it gave or why it failed or what it asks.

    waits_for: what it waits for in the queue, as a sentence. below: runs that its steps have asked for.
    """
    console = Console(highlight=False)
    console.print(Text.assemble((run.workflow.name, "bold"), f"  {run.id}"), soft_wrap=True)
    stands = "handed over" if waits_for and run.status == "cancelled" else standing(run)
    console.print(_standing_line(run, steps, stands), soft_wrap=True)
    if PARENT_LABEL in run.labels:
        console.print(Text(f"asked for by the step {run.labels[STEP_LABEL]} of run {run.labels[PARENT_LABEL]}"))
    if words := _part_words(run.part):
        console.print(Text(words), soft_wrap=True)
    if run.interrupted:
        console.print(f"Its process died. Go on with it: steploom runs resume {run.id}", soft_wrap=True, markup=False)
    if waits_for and run.error is None:
        console.print(Text(waits_for, style="yellow"), soft_wrap=True)
    newest = {step.path: step.attempt for step in steps}
    for step in steps:
        facts = _facts(step, now if run.standing == "running" else None, is_newest=step.attempt == newest[step.path])
        console.print(
            _line(step, types, facts, console.width - 1 if console.is_terminal else LOG_WIDTH), soft_wrap=True
        )
    _print_below(console, run.id, below)
    for step in steps:
        if step.asks and step.question is not None:
            console.print()
            print_question(console, step.question.message)
            choices = ", ".join(step.question.choices)
            console.print(f"asked by {step.path}" + (f"; choices: {choices}" if choices else ""), soft_wrap=True)
    if run.error is not None and not any(step.error == run.error for step in steps):
        where = f" at {run.error_path}" if run.error_path else ""
        console.print(Text(f"Error{where}: {run.error.message}", style="red"), soft_wrap=True)
    if run.outputs:
        console.print()
        print_outputs(run.outputs)


def _standing_line(run: RunRecord, steps: Sequence[StepRecord], stands: str) -> str:
    """How it stands, since when, and what it has taken: so far what its steps have that ended."""
    when = f"{run.created.astimezone():%Y-%m-%d %H:%M:%S}"
    if stands == "queued":
        return f"queued, asked for {when}"
    if run.ended is not None:
        return f"{stands}, started {when}, {spent(run.usage, run.duration_s)}"
    usage = sum((step.usage for step in steps), NO_USAGE)
    seconds = sum(step.duration_s for step in steps if "/" not in step.path)
    so_far = " in steps that have ended" if stands == "running" else ""
    return f"{stands}, started {when}, {spent(usage, seconds)}{so_far}"


def print_question(console: Console, message: str) -> None:
    """What a person is asked: Markdown, set on a terminal and as it is elsewhere."""
    if console.is_terminal:
        from rich.markdown import Markdown

        console.print(Markdown(message.strip()), width=min(console.width, READING_WIDTH))
    else:
        console.print(Text(message.strip()), soft_wrap=True)


def _print_below(console: Console, run_id: str, below: Sequence[Member]) -> None:
    """What became of the runs that the steps of a run have asked for; the ids of those that have not completed."""
    own = [member for member in below if member.parent_id == run_id]
    for path, group in groupby(own, key=lambda member: member.path):
        made = list(group)
        counts = Counter(member.status for member in made)
        stand = ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
        console.print(Text(f"Runs that {path} has asked for: {stand}"), soft_wrap=True)
        left = [member for member in made if member.status != "completed"]
        for member in left[:SHOWN_BELOW]:
            console.print(Text(f"  {member.number}: {member.run_id}  {member.status}", style="dim"), soft_wrap=True)
        if len(left) > SHOWN_BELOW:
            console.print(Text(f"  and {len(left) - SHOWN_BELOW} more", style="dim"), soft_wrap=True)


def _part_words(part: Part) -> str:
    """What of the workflow the run executes, '' for all of it."""
    said = []
    if part.only:
        said.append(f"only the step {part.only}")
    if part.one_pass is not None:
        said.append(f"one pass of the loop {part.one_pass.loop}")
    if part.until:
        said.append(f"up to the step {part.until}")
    if part.anew:
        said.append(f"from the step {part.anew} on")
    if part.base:
        said.append(f"with results of the run {part.base}")
    return ", ".join(said)


def _facts(step: StepRecord, now: datetime | None, *, is_newest: bool) -> str:
    """What an attempt took, why it did not end, or what it does or waits for; '' for nothing.

    now: while the run is executed. is_newest: no later attempt follows.
    """
    if step.status in ("completed", "failed"):
        return spent(step.usage, step.duration_s)
    if step.status == "started":
        if now is None or step.started is None:
            return "had begun"
        return f"at work for {duration(max(0.0, (now - step.started).total_seconds()))}"
    if step.status in ("cancelled", "skipped"):
        return str(step.state.get("reason", ""))
    if isinstance(asked := step.state.get(SPREAD), dict):
        number = asked.get("runs")
        return f"{'waits' if is_newest else 'waited'} for its {'run' if number == 1 else f'{number} runs'}"
    if BUDGET in step.state and step.question is None:
        return "waits for the answer about a limit on spending that another step asks for"
    return ""


def _line(step: StepRecord, types: StepTypes, facts: str, width: int) -> Text:
    mark, style = MARKS[step.status]
    again = f" (attempt {step.attempt})" if step.attempt > 1 else ""
    indent = "  " * (step.path.count("/") + 1)
    line = Text.assemble(indent, (f"{mark} ", style), f"{step.path}{again}")
    if facts:
        line.append(f"  {facts}", style="dim")
    kind = types.get(step.type)
    note = step.error.message if step.error else preview(step.output or {}, kind.main_output if kind else "")
    if note:
        line.append("  " + " ".join(note.split()), style="red" if step.error else "dim italic")
    if step.error is None:
        line.truncate(width, overflow="ellipsis")
    return line
