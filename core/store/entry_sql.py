"""How workers take entries of the queue and give them back: several at once, as the library's own functions do it one
by one. Parameters are those of psycopg.
"""

from __future__ import annotations

from typing import Final, LiteralString

TAKE_ENTRIES: Final[LiteralString] = """
WITH next AS MATERIALIZED (
    SELECT id FROM procrastinate_jobs
    WHERE status = 'todo' AND (%(queues)s::varchar[] IS NULL OR queue_name = ANY(%(queues)s::varchar[]))
        AND (scheduled_at IS NULL OR scheduled_at <= now())
    ORDER BY priority DESC, id LIMIT %(places)s FOR UPDATE SKIP LOCKED
),
taken AS (
    UPDATE procrastinate_jobs AS entry SET status = 'doing', worker_id = %(worker_id)s
    FROM next WHERE entry.id = next.id RETURNING entry.*
)
SELECT id, status::text, task_name, priority, lock, queueing_lock, args, scheduled_at, queue_name, attempts, worker_id
FROM taken ORDER BY priority DESC, id"""
"""The library's `procrastinate_fetch_job_v2` for many, without its locks: our entries have none."""

DROP_ENTRIES: Final[LiteralString] = """
DELETE FROM procrastinate_jobs WHERE id = ANY(%(ids)s::bigint[]) AND status IN ('todo', 'doing')"""
"""The library's `procrastinate_finish_job_v1` for many that are not kept. One that somebody else has dropped is no
error: what becomes of its run is decided by the run's lease.
"""
