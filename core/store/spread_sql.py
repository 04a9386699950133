"""The statements about runs that steps of other runs have asked for.

`outcome` of such a run is written by whoever notices its end; a step's runs are asked for by parent, path and round.
"""

# ruff: noqa: S608 - statements are put together from constants only

from __future__ import annotations

from sqlalchemy import text

from core.engine.budget import BUDGET
from core.store.queue_sql import NO_ENTRY

_STEP = "parent_id = :parent AND path = :path AND round = :round"

PARENT = text("""
SELECT e.lease_epoch, e.labels, coalesce(q.queue, 'default') AS queue, coalesce(q.priority, 0) AS priority,
    coalesce(s.depth, 0) AS depth
FROM executions AS e LEFT JOIN queued_runs AS q ON q.run_id = e.id LEFT JOIN spread_runs AS s ON s.run_id = e.id
WHERE e.id = :parent FOR SHARE OF e""")

RECORD = text("""
INSERT INTO executions (id, workflow_name, document_hash, inputs, origin, labels, part, status, error_path, created,
    tokens_in, tokens_out, cost_usd, duration_s, resumable, blobs, lease_epoch)
SELECT run_id, workflow_name, document_hash, inputs::json, origin, labels::json, part::json, 'queued', '', created,
    0, 0, 0, 0, false, blobs, 0
FROM json_to_recordset(CAST(:rows AS json)) AS u (run_id text, workflow_name text, document_hash text, inputs text,
    origin text, labels text, part text, created timestamptz, blobs text[])
ON CONFLICT (id) DO NOTHING""")

QUEUE = text("""
INSERT INTO queued_runs (run_id, queue, priority, limit_key, key_limit, workflow_limit, enqueued, held_back)
SELECT run_id, :queue, :priority, :limit_key, :key_limit, :workflow_limit, now() + number * interval '1 microsecond',
    CASE WHEN number >= :at_once THEN now() END
FROM json_to_recordset(CAST(:rows AS json)) AS u (run_id text, number int)
ON CONFLICT (run_id) DO NOTHING""")
"""Those beyond the first wait as if their limit had kept them back: they are let in when one before them ends."""

RELATE = text("""
INSERT INTO spread_runs (run_id, parent_id, path, round, number, prefix, depth, stops)
SELECT run_id, :parent, :path, :round, number, :prefix, :depth, :stops
FROM json_to_recordset(CAST(:rows AS json)) AS u (run_id text, number int)
ON CONFLICT (run_id) DO NOTHING""")

ENTER = text("""
SELECT procrastinate_defer_jobs_v1(array_agg(ROW(queue, CAST(:task AS text), priority, NULL, 'run:' || run_id,
    jsonb_build_object('run_id', run_id), NULL)::procrastinate_job_to_defer_v1 ORDER BY enqueued))
FROM queued_runs AS q
WHERE run_id = ANY(CAST(:ids AS text[])) AND parked = '' AND NOT EXISTS (
    SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = 'run:' || q.run_id AND status = 'todo')
HAVING count(*) > 0""")

_OUTCOME = """
CASE WHEN e.status <> 'completed' THEN 'failed'
    WHEN e.part IS NOT NULL AND e.outputs -> 'ends' IS NOT NULL THEN 'ends' ELSE 'completed' END"""
"""A pass that ends the run around it says so in its outputs; see core.engine.spread."""

_HAS_ENDED = "(e.status IN ('completed', 'failed') OR (e.status = 'cancelled' AND NOT e.resumable))"

NOTE_END = text(f"""
UPDATE spread_runs AS s SET outcome = {_OUTCOME}
FROM executions AS e, (SELECT set_config('synchronous_commit', 'off', true)) AS soon
WHERE s.run_id = :run_id AND e.id = s.run_id AND s.outcome <> 'dropped' AND {_HAS_ENDED}
RETURNING s.parent_id, s.path, s.round, s.outcome, s.stops""")
"""Also of one that is noted already, as when this is repeated. Without waiting for the disk: what a crash forgets of it
is found when the queue is looked after.
"""

NOTE_ENDS = text(f"""
UPDATE spread_runs AS s SET outcome = {_OUTCOME} FROM executions AS e
WHERE s.parent_id = :parent AND s.outcome = '' AND e.id = s.run_id AND {_HAS_ENDED}""")

NOTE_ALL_ENDS = text(f"""
UPDATE spread_runs AS s SET outcome = {_OUTCOME} FROM executions AS e
WHERE s.outcome = '' AND e.id = s.run_id AND {_HAS_ENDED}
    AND coalesce(e.ended < now() - interval '3 s', true)""")
"""Not of those whose worker is about to note it: they would wait for each other."""

LOCK_PARENT = text("SELECT pg_advisory_xact_lock(hashtextextended('runs of ' || CAST(:parent AS text), 3))")
"""Two who drop what another one needs no more do it one after the other."""

_WAITS = """(
    SELECT status FROM step_results AS r WHERE r.run_id = {parent} AND r.path = {path} ORDER BY attempt DESC LIMIT 1
) = 'suspended'"""

LAST_OF_STEP = text(f"""
SELECT 1 FROM executions AS e
WHERE e.id = :parent AND e.status = 'suspended' AND {_WAITS.format(parent="e.id", path=":path")}
    AND (:at_once OR NOT EXISTS (SELECT 1 FROM spread_runs WHERE {_STEP} AND outcome = ''))""")

_RIPE = f"""EXISTS (
    SELECT 1 FROM (
        SELECT DISTINCT ON (path) path, round FROM spread_runs WHERE parent_id = e.id ORDER BY path, round DESC
    ) AS step
    WHERE {_WAITS.format(parent="e.id", path="step.path")} AND (NOT EXISTS (
        SELECT 1 FROM spread_runs AS s
        WHERE s.parent_id = e.id AND s.outcome = '' AND s.path = step.path AND s.round = step.round
    ) OR EXISTS (
        SELECT 1 FROM spread_runs AS s
        WHERE s.parent_id = e.id AND (s.outcome = 'ends' OR (s.outcome = 'failed' AND s.stops))
            AND s.path = step.path AND s.round = step.round
    )))"""

IS_RIPE = text(f"""
SELECT 1 FROM executions AS e WHERE e.id = :parent AND e.status = 'suspended' AND {_RIPE}""")

ALL_RIPE = text(f"""
SELECT e.id FROM executions AS e
WHERE e.status = 'suspended' AND e.lease_owner IS NULL AND EXISTS (
    SELECT 1 FROM spread_runs WHERE parent_id = e.id
) AND NOT EXISTS (
    SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = 'run:' || e.id AND status = 'todo'
) AND {_RIPE}
LIMIT 1000""")

_IS_FREE = "e.status = 'suspended' AND e.lease_owner IS NULL AND q.parked = '' AND q.held_back IS NULL"

FORGOTTEN = text(f"""
SELECT e.id FROM executions AS e JOIN queued_runs AS q ON q.run_id = e.id
WHERE {_IS_FREE} AND e.wake_at IS NULL AND {NO_ENTRY} AND NOT EXISTS (
        SELECT 1 FROM (
            SELECT DISTINCT ON (path) status FROM step_results WHERE run_id = e.id ORDER BY path, attempt DESC
        ) AS newest WHERE newest.status = 'suspended')
LIMIT 1000""")
"""Runs that were revived (or are parked no longer), and whose worker was lost before it owned them: nothing waits in
them, and nobody has them."""

ORPHANS = text(f"""
SELECT DISTINCT s.parent_id FROM spread_runs AS s JOIN executions AS e ON e.id = s.parent_id
WHERE s.outcome = '' AND {_HAS_ENDED}
LIMIT 1000""")
"""Runs that have ended while runs that they had asked for were at work."""

STANDING = text(f"""
SELECT count(*) AS made, count(*) FILTER (WHERE outcome = '') AS left_,
    count(*) FILTER (WHERE outcome = 'failed') AS failed,
    count(*) FILTER (WHERE outcome = 'ends') AS ending, count(*) FILTER (WHERE outcome = 'dropped') AS dropped
FROM spread_runs WHERE {_STEP}""")

ENDED = text(f"""
SELECT s.number, e.id, e.status, e.outputs, e.error, e.error_path
FROM spread_runs AS s JOIN executions AS e ON e.id = s.run_id
WHERE {_STEP} AND s.outcome IN ('completed', 'failed', 'ends') ORDER BY s.number""")

COUNT = text("""
UPDATE spread_runs AS s SET counted_usd = e.cost_usd FROM executions AS e
WHERE s.parent_id = :parent AND e.id = s.run_id AND s.counted_usd <> e.cost_usd""")

USAGE = text("""
SELECT coalesce(sum(e.tokens_in), 0) AS tokens_in, coalesce(sum(e.tokens_out), 0) AS tokens_out,
    coalesce(sum(e.cost_usd), 0) AS cost_usd
FROM spread_runs AS s JOIN executions AS e ON e.id = s.run_id WHERE s.parent_id = :parent""")

REOPEN = text(f"""
UPDATE spread_runs SET outcome = '' WHERE {_STEP} AND outcome = ANY(CAST(:outcomes AS text[]))
RETURNING run_id""")

REOPEN_RUNS = text("""
UPDATE executions SET status = 'suspended', outputs = NULL, error = NULL, error_path = '', ended = NULL,
    wake_at = NULL, resumable = false
WHERE id = ANY(CAST(:ids AS text[])) AND lease_owner IS NULL AND (status = 'failed' OR status = 'cancelled')""")

REOPEN_PLACES = text("""
UPDATE queued_runs SET cancel = '', held_back = now(), slot_until = NULL WHERE run_id = ANY(CAST(:ids AS text[]))
RETURNING run_id, key_limit, enqueued""")

FAMILY = text("""
WITH RECURSIVE family AS (
    SELECT run_id FROM spread_runs
    WHERE parent_id = :parent AND outcome = '' AND (:path = '' OR path = :path)
        AND path <> ALL(CAST(:keep AS text[]))
    UNION
    SELECT s.run_id FROM spread_runs AS s JOIN family ON s.parent_id = family.run_id WHERE s.outcome = ''
)
SELECT run_id FROM family""")
"""All that have not ended below a run: its own and those that these have asked for."""

STOP_WAITING = text("""
UPDATE executions SET status = 'cancelled', resumable = false, ended = now(), wake_at = NULL,
    lease_epoch = lease_epoch + 1
WHERE id = ANY(CAST(:ids AS text[])) AND lease_owner IS NULL
    AND (status IN ('queued', 'suspended') OR (status = 'cancelled' AND resumable))
RETURNING id""")

STOP_STEPS = text("""
UPDATE step_results SET status = 'cancelled', ended = now()
WHERE run_id = ANY(CAST(:ids AS text[])) AND status IN ('started', 'suspended')""")

DROP = text("UPDATE spread_runs SET outcome = 'dropped' WHERE run_id = ANY(CAST(:ids AS text[]))")

TELL_TO_STOP = text("""
WITH asked AS (
    UPDATE queued_runs SET cancel = :reason, held_back = NULL WHERE run_id = ANY(CAST(:ids AS text[]))
    RETURNING run_id)
SELECT pg_notify(:channel, run_id) FROM asked WHERE run_id <> ALL(CAST(:stopped AS text[]))""")

DELETE_ENTRIES = text("""
DELETE FROM procrastinate_jobs
WHERE status = 'todo' AND queueing_lock IN (SELECT 'run:' || id FROM unnest(CAST(:ids AS text[])) AS u (id))""")

BELOW = text("""
WITH RECURSIVE below AS (
    SELECT run_id, parent_id, path, round, number, prefix FROM spread_runs WHERE parent_id = :parent
    UNION ALL
    SELECT s.run_id, s.parent_id, s.path, s.round, s.number, s.prefix
    FROM spread_runs AS s JOIN below ON s.parent_id = below.run_id
),
ranked AS (SELECT *, max(round) OVER (PARTITION BY parent_id, path) AS newest FROM below)
SELECT b.run_id, b.parent_id, b.path, b.number, b.prefix, e.status
FROM ranked AS b JOIN executions AS e ON e.id = b.run_id
WHERE b.round = b.newest ORDER BY b.parent_id, b.path, b.number""")
"""Of a step that was tried again only the newest runs."""

_TOPS = """
WITH RECURSIVE above AS (
    {of}
    UNION
    SELECT s.parent_id FROM above JOIN spread_runs AS s ON s.run_id = above.id
)
SELECT id FROM above WHERE NOT EXISTS (SELECT 1 FROM spread_runs WHERE run_id = above.id)"""

TOP = text(_TOPS.format(of="SELECT CAST(:run_id AS text) AS id"))
"""The run that all others which share its work are part of."""

_AT_LIMIT = f"r.status = 'suspended' AND r.question IS NULL AND r.state -> '{BUDGET}' IS NOT NULL"

AT_LIMIT = text(f"""
SELECT DISTINCT r.run_id
FROM step_results AS r JOIN executions AS e ON e.id = r.run_id JOIN queued_runs AS q ON q.run_id = e.id
WHERE r.run_id = ANY(CAST(:ids AS text[])) AND {_AT_LIMIT} AND {_IS_FREE} AND NOT EXISTS (
    SELECT 1 FROM step_results AS newer
    WHERE newer.run_id = r.run_id AND newer.path = r.path AND newer.attempt > r.attempt
) AND NOT EXISTS (
    SELECT 1 FROM step_results AS asking JOIN executions AS asker ON asker.id = asking.run_id
    WHERE asking.run_id = ANY(CAST(:ids AS text[])) AND asking.status = 'suspended' AND asking.question IS NOT NULL
        AND asking.answer IS NULL AND asking.state -> '{BUDGET}' IS NOT NULL
        AND asker.status IN ('queued', 'running', 'suspended'))""")
"""Of runs that share one work those that wait for what a person says about a limit, if nobody is asked any more."""

_FREE_AT_LIMIT = f"""SELECT e.id FROM executions AS e JOIN queued_runs AS q ON q.run_id = e.id
    WHERE {_IS_FREE} AND EXISTS (SELECT 1 FROM step_results AS r WHERE r.run_id = e.id AND {_AT_LIMIT})"""

TOPS_AT_LIMIT = text(f"{_TOPS.format(of=_FREE_AT_LIMIT)} LIMIT 100")

ANSWERED = text("""
SELECT DISTINCT r.run_id FROM step_results AS r JOIN executions AS e ON e.id = r.run_id
WHERE r.run_id = ANY(CAST(:ids AS text[])) AND r.status = 'suspended' AND r.answer IS NOT NULL
    AND e.status = 'suspended' AND e.lease_owner IS NULL""")
