"""The physical limits beside which the engine is measured: bare asyncio, and plain psycopg on the same server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

TABLE = """CREATE TABLE step (run_id bigint, step_no int, name text, status text, output jsonb,
           created_at timestamptz DEFAULT now(), PRIMARY KEY (run_id, step_no))"""
INSERT = "INSERT INTO step (run_id, step_no, name, status, output) VALUES (%s, %s, %s, %s, %s)"
INSERT_MANY = """INSERT INTO step (run_id, step_no, name, status, output)
                 SELECT * FROM unnest(%s::bigint[], %s::int[], %s::text[], %s::text[], %s::jsonb[])"""

Row = tuple[int, int, str, str, Jsonb]
Once = Callable[[int], Awaitable[None]]
"""One measured repetition; its argument is a fresh run number."""


def row(run: int, step: int) -> Row:
    return (run, step, f"n{step}", "ok", Jsonb({"x": step}))


class GroupWriter:
    """Callers wait for their row; one task writes all that is pending in one statement and one commit."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pending: list[tuple[Row, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()
        self.task = asyncio.create_task(self._write())

    async def durable(self, values: Row) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._pending.append((values, done))
        self._wake.set()
        await done

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._pending = self._pending, []
            if batch:
                await self._connection.execute(
                    INSERT_MANY, [list(column) for column in zip(*(r for r, _ in batch), strict=True)]
                )
                for _, done in batch:
                    done.set_result(None)


async def noop(value: int) -> int:
    return value


async def memory_chain(count: int) -> None:
    """Steps one after another, a task each."""
    for number in range(count):
        await asyncio.create_task(noop(number))


async def memory_fan_out(count: int) -> None:
    """Steps side by side, a task each."""
    await asyncio.gather(*(asyncio.create_task(noop(number)) for number in range(count)))


async def durable_chain(connection: psycopg.AsyncConnection[Any], run: int, count: int) -> None:
    """One INSERT and one commit per step."""
    for number in range(count):
        await connection.execute(INSERT, row(run, number))


async def durable_fan_out(writer: GroupWriter, run: int, count: int) -> None:
    """Parallel steps that share commits, then one that joins them."""

    async def step(number: int) -> None:
        await asyncio.sleep(0)
        await writer.durable(row(run, number))

    await asyncio.gather(*(step(number) for number in range(count)))
    await writer.durable(row(run, count))


async def durable_fan_out_ahead(writer: GroupWriter, run: int, count: int) -> None:
    """The same with two records a step: one before its work, one after it."""

    async def step(number: int) -> None:
        await writer.durable(row(run, 2 * number))
        await asyncio.sleep(0)
        await writer.durable(row(run, 2 * number + 1))

    await asyncio.gather(*(step(number) for number in range(count)))
    await writer.durable(row(run, 2 * count))


async def waiting_runs(writer: GroupWriter, first: int, runs: int, steps: int, seconds: float) -> None:
    """Many runs at once whose steps each wait a while, sharing commits."""

    async def one(run: int) -> None:
        for number in range(steps):
            await asyncio.sleep(seconds)
            await writer.durable(row(run, number))

    await asyncio.gather(*(one(first + number) for number in range(runs)))
