"""What waits to be written: batches that become one transaction each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from core.engine.errors import JournalUnavailable
from core.engine.events import Event, StepEvent, StepStarted
from core.engine.fold import fold_run, is_journalled
from core.store import journal_sql
from core.store.few_steps import few_steps
from core.store.held_lease import Attempt, HeldLease, Key, Opening, Waiter
from core.store.records import new_run_row, run_row
from core.store.statement import Statement
from core.store.step_rows import Texts, whole_row
from core.store.values import VALUE_MEDIA_TYPE, Packer, encode_rows

_LONGEST_TEXT = 8 * 1024 * 1024
"""Characters of JSON in one statement; longer batches take several in the same transaction."""

Row: TypeAlias = dict[str, Any]
"""A row by column; values are texts, numbers, and lists of texts."""


@dataclass(slots=True)
class Part:
    """What is to be written of one run."""

    lease: HeldLease
    opening: Opening | None = None
    run_changed: bool = False
    release: bool = False
    steps: dict[Key, Attempt] = field(default_factory=dict)
    waiters: list[Waiter] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.opening or self.run_changed or self.release or self.steps)

    def add(self, event: Event) -> None:
        """Fold an event into the run's records."""
        if not is_journalled(event):
            return
        if isinstance(event, StepEvent):
            self._add_step(event)
        elif (run := fold_run(self.lease.run, event)) is not self.lease.run:
            self.lease.run = run
            self.run_changed = True

    def _add_step(self, event: StepEvent) -> None:
        lease = self.lease
        key = event.path, event.attempt
        attempt = lease.attempts.get(key)
        if attempt is None:
            attempt = self._attempt(key)
        attempt.add(event)
        if type(event) is StepStarted:
            attempt.written = False
            lease.attempts[key] = attempt
            if lease.epoch > 1:  # the run was left before; should it be again, somebody will ask over what
                self.steps[key] = attempt
            elif key not in self.steps:
                lease.unwritten.add(key)
            return
        self.steps[key] = attempt
        lease.unwritten.discard(key)
        if attempt.is_final:
            lease.attempts.pop(key, None)
        else:
            lease.attempts[key] = attempt

    def _attempt(self, key: Key) -> Attempt:
        lease = self.lease
        if (known := lease.taken.pop(key, None)) is not None:
            seq, record = known
            return Attempt(record, seq)
        seq = lease.next_seq
        lease.next_seq += 1
        return Attempt(None, seq)

    def add_unwritten(self) -> None:
        """Write the starts that were held back, too."""
        lease = self.lease
        for key in lease.unwritten:
            self.steps[key] = lease.attempts[key]
        lease.unwritten.clear()


class Batch:
    """What one transaction writes, by run. beating: leases that are to be renewed."""

    def __init__(self, beating: Iterable[HeldLease] = ()) -> None:
        self.parts: dict[tuple[str, int], Part] = {}
        self.beating = tuple(beating)

    def part(self, lease: HeldLease) -> Part:
        """The run's part, made if needed."""
        key = lease.run_id, lease.epoch
        part = self.parts.get(key)
        if part is None:
            part = self.parts[key] = Part(lease)
        return part

    @property
    def waiters(self) -> list[Waiter]:
        """Everybody who waits for this batch."""
        return [waiter for part in self.parts.values() for waiter in part.waiters]

    def renewed(self, until: float) -> None:
        """Note that the leases which were given or renewed hold until then."""
        opened = (part.lease for part in self.parts.values() if part.opening is not None)
        for lease in (*self.beating, *opened):
            lease.valid_until = until

    def split(self) -> Iterator[Batch]:
        """The same as one batch per run: one run's bad value must not keep the others from being written."""
        for key, part in self.parts.items():
            single = Batch()
            single.parts[key] = part
            yield single

    def statements(self, lease_s: float) -> list[Statement]:
        """The transaction. lease_s: seconds for which leases are given. A part whose values are no JSON fails alone."""
        if (steps := self._few_steps()) is not None:
            return [steps]
        rows = _Rows(lease_s)
        for part in self.parts.values():
            if part.lease.failure is None and not part.lease.lost and not part.is_empty:
                rows.add(part)
        return rows.statements(self.beating)

    def _few_steps(self) -> Statement | None:
        """The one statement that a few steps of one run take, if there is nothing else to write."""
        if len(self.parts) != 1 or self.beating:
            return None
        (part,) = self.parts.values()
        lease = part.lease
        if not part.steps or part.opening or part.run_changed or part.release or lease.failure or lease.lost:
            return None
        try:
            return few_steps(lease, part.steps.values())
        except (TypeError, ValueError, RecursionError):
            return None  # whoever makes rows of any kind says what is wrong with the value


class _Rows:
    """The rows of a transaction."""

    def __init__(self, lease_s: float) -> None:
        self._lease_s = lease_s
        self._blobs: dict[str, bytes] = {}
        self._documents: dict[str, str] = {}
        self._new: list[Row] = []
        self._runs: list[Row] = []
        self._steps: list[Texts] = []
        self._all_new = True
        self._openers: list[HeldLease] = []
        self._changed: list[HeldLease] = []
        self._stepping: dict[tuple[str | None, str | None], HeldLease] = {}

    def add(self, part: Part) -> None:
        """Add a run's rows, or set its lease's failure and add none."""
        lease = part.lease
        blobs: dict[str, bytes] = {}
        try:
            new = self._new_run(part.opening, blobs) if part.opening else None
            steps = [whole_row(lease, attempt, blobs) for attempt in part.steps.values()]
            run = self._run(part, blobs) if part.run_changed or part.release else None
        except (TypeError, ValueError, RecursionError) as error:
            lease.failure = JournalUnavailable(
                f"Run {lease.run_id} holds a value that cannot be kept: {error}. Only JSON can be kept."
            )
            return
        self._blobs.update(blobs)
        if new is not None and part.opening is not None:
            self._documents[part.opening.document.hash] = part.opening.document.text
            self._new.append(new)
            self._openers.append(lease)
        if steps:
            self._steps.extend(steps)
            self._all_new = self._all_new and all(attempt.is_new for attempt in part.steps.values())
            self._stepping[lease.run_id, str(lease.epoch)] = lease
        if run is not None:
            self._runs.append(run)
            self._changed.append(lease)

    def statements(self, beating: tuple[HeldLease, ...]) -> list[Statement]:
        """All statements in their order: what is referred to comes first."""
        found: list[Statement] = []
        if self._blobs:
            names = list(self._blobs)
            kinds = [VALUE_MEDIA_TYPE] * len(names)
            found.append(Statement(journal_sql.BLOBS, (names, kinds, list(self._blobs.values()))))
        if self._documents:
            bodies = [{"hash": name, "body": text} for name, text in self._documents.items()]
            found.append(Statement(journal_sql.DOCUMENTS, (encode_rows(bodies),)))
        if self._new:
            found.append(Statement(journal_sql.OPEN, (encode_rows(self._new),), tuple(self._openers)))
        sql, again = (journal_sql.NEW_STEPS, journal_sql.STEPS) if self._all_new else (journal_sql.STEPS, "")
        found.extend(
            Statement(sql, (text,), tuple(self._stepping[key] for key in keys), again)
            for text, keys in _chunks(self._steps)
        )
        if self._runs:
            found.append(Statement(journal_sql.RUNS, (encode_rows(self._runs),), tuple(self._changed)))
        if beating:
            beats = [{"run_id": b.run_id, "epoch": b.epoch, "lease_s": self._lease_s} for b in beating]
            found.append(Statement(journal_sql.HEARTBEAT, (encode_rows(beats),), beating))
        return found

    def _new_run(self, opening: Opening, blobs: dict[str, bytes]) -> Row:
        packer = Packer(blobs)
        row = new_run_row(opening.lease.run, opening.document.hash, packer)
        opening.lease.blobs = frozenset(packer.names)
        row.update(epoch=opening.lease.epoch, owner=opening.owner, lease_s=self._lease_s, blobs=list(packer.names))
        return row

    def _run(self, part: Part, blobs: dict[str, bytes]) -> Row:
        packer = Packer(blobs)
        row = run_row(part.lease.run, packer)
        row.update(epoch=part.lease.epoch, released=part.release, blobs=list(packer.names | part.lease.blobs))
        return row


def _chunks(rows: list[Texts]) -> Iterator[tuple[str, set[tuple[str | None, str | None]]]]:
    """The rows as JSON arrays, none of them too long, each with run and epoch of what is in it."""
    if not rows:
        return
    text = encode_rows(rows)
    if len(text) <= _LONGEST_TEXT or len(rows) == 1:
        yield text, {(row[0], row[1]) for row in rows}
        return
    middle = len(rows) // 2
    yield from _chunks(rows[:middle])
    yield from _chunks(rows[middle:])
