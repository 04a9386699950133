"""Pinned outputs: what a step gives instead of running, kept with its workflow until a person takes the pin away."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from core.engine.part import Given
from core.store.database import Database
from core.store.tables import PinRow
from core.store.values import Packer, encode, escape, unescape

_pins = PinRow.__table__.c

_SET = text("""
INSERT INTO pins (workflow, step_id, output, ports, variables, blobs)
VALUES (:workflow, :step_id, CAST(:output AS json), CAST(:ports AS text[]), CAST(:variables AS json),
    CAST(:blobs AS text[]))
ON CONFLICT (workflow, step_id) DO UPDATE SET output = excluded.output, ports = excluded.ports,
    variables = excluded.variables, blobs = excluded.blobs, created = now()""")

_COPY = text("""
INSERT INTO pins (workflow, step_id, output, ports, variables, blobs)
SELECT :to, step_id, output, ports, variables, blobs FROM pins WHERE workflow = :from
ON CONFLICT (workflow, step_id) DO NOTHING""")


class Pins:
    """All pins. workflow: the name of a workflow of the library, or the path of a file that is not in it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, workflow: str) -> Mapping[str, Given]:
        """The pins of a workflow by step id."""
        query = select(_pins.step_id, _pins.output, _pins.ports, _pins.variables)
        query = query.where(_pins.workflow == escape(workflow)).order_by(_pins.step_id)

        async def work(connection: AsyncConnection) -> dict[str, Given]:
            rows = await connection.execute(query)
            return {
                unescape(row.step_id): Given(
                    row.output, None if row.ports is None else tuple(map(unescape, row.ports)), row.variables
                )
                for row in rows
            }

        return await self._database.run(work)

    async def set(self, workflow: str, step_id: str, given: Given) -> None:
        """Pin an output, instead of one that was pinned before."""
        packer = Packer({})
        packer.pack(given.output)
        values = {
            "workflow": escape(workflow),
            "step_id": escape(step_id),
            "output": encode(given.output),
            "ports": None if given.ports is None else [escape(port) for port in given.ports],
            "variables": encode(given.variables),
            "blobs": sorted(packer.names),
        }
        await self._database.run(lambda connection: connection.execute(_SET, values))

    async def remove(self, workflow: str, step_id: str) -> None:
        """Take a pin away, if there is one."""
        gone = delete(PinRow).where(_pins.workflow == escape(workflow), _pins.step_id == escape(step_id))
        await self._database.run(lambda connection: connection.execute(gone))

    async def rename_step(self, workflow: str, old: str, new: str) -> None:
        """The step is called otherwise now; a pin that is there under the new name gives way."""

        async def work(connection: AsyncConnection) -> None:
            of_workflow = _pins.workflow == escape(workflow)
            moved = select(_pins.step_id).where(of_workflow, _pins.step_id == escape(old))
            if await connection.scalar(moved) is None:
                return
            await connection.execute(delete(PinRow).where(of_workflow, _pins.step_id == escape(new)))
            renamed = update(PinRow).where(of_workflow, _pins.step_id == escape(old)).values(step_id=escape(new))
            await connection.execute(renamed)

        await self._database.run(work)


class MemoryPins:
    """The same for as long as the process lives, where nothing is kept."""

    def __init__(self) -> None:
        self._pins: dict[str, dict[str, Given]] = {}

    async def of(self, workflow: str) -> Mapping[str, Given]:
        """The pins of a workflow by step id."""
        return dict(self._pins.get(workflow, {}))

    async def set(self, workflow: str, step_id: str, given: Given) -> None:
        """Pin an output."""
        self._pins.setdefault(workflow, {})[step_id] = given

    async def remove(self, workflow: str, step_id: str) -> None:
        """Take a pin away."""
        self._pins.get(workflow, {}).pop(step_id, None)

    async def rename_step(self, workflow: str, old: str, new: str) -> None:
        """The step is called otherwise now."""
        pins = self._pins.get(workflow, {})
        if old in pins:
            pins[new] = pins.pop(old)


async def copy_pins(connection: AsyncConnection, name: str, to: str) -> None:
    """Give a workflow the pins of another; what another workflow of that name had pinned once goes."""
    await connection.execute(delete(PinRow).where(_pins.workflow == escape(to)))
    await connection.execute(_COPY, {"from": escape(name), "to": escape(to)})


async def move_pins(connection: AsyncConnection, name: str, to: str) -> None:
    """The workflow is called otherwise now."""
    await copy_pins(connection, name, to)
    await connection.execute(delete(PinRow).where(_pins.workflow == escape(name)))
