"""The statements about runs that wait for workers: their rows, their entries in the queue, and the slots of limits."""

from __future__ import annotations

from typing import Final

from sqlalchemy import text

NO_ENTRY: Final = """
    q.parked = '' AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs AS t WHERE t.queueing_lock = 'run:' || q.run_id AND t.status = 'todo')
    AND NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs AS d
        WHERE d.worker_id IS NOT NULL AND d.status = 'doing' AND d.queueing_lock = 'run:' || q.run_id)"""
"""Whether nobody is to execute `q`, a run that is not parked."""

LOCK_KEY = text("SELECT pg_advisory_xact_lock(hashtextextended(:key, 0))")

FORGET_KEY = text("""
UPDATE queued_runs SET key = '' WHERE key = :key AND enqueued < now() - make_interval(secs => :seconds)""")

SAME_KEY = text("SELECT run_id FROM queued_runs WHERE key = :key")

ADD = text("""
WITH document AS (
    INSERT INTO documents (hash, body) SELECT CAST(:document_hash AS text), CAST(:document AS json)
    WHERE NOT EXISTS (
        SELECT FROM documents WHERE hash = CAST(:document_hash AS text) AND used > now() - interval '1 hour')
    ON CONFLICT (hash) DO UPDATE SET used = now()
),
recorded AS (
    INSERT INTO executions (id, workflow_name, document_hash, inputs, origin, labels, part, status, error_path, created,
        tokens_in, tokens_out, cost_usd, duration_s, resumable, blobs, lease_epoch)
    VALUES (CAST(:run_id AS text), :workflow_name, CAST(:document_hash AS text), CAST(:inputs AS json), :origin,
        CAST(:labels AS json), CAST(:part AS json), 'queued', '', :created, 0, 0, 0, 0, false,
        CAST(:blobs AS text[]), 0)
    ON CONFLICT (id) DO NOTHING RETURNING id
),
queued AS (
    INSERT INTO queued_runs (run_id, queue, priority, key, limit_key, key_limit, workflow_limit)
    SELECT id, CAST(:queue AS text), CAST(:priority AS int), :key, :limit_key, :key_limit, :workflow_limit FROM recorded
)
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(CAST(:queue AS text), :task, CAST(:priority AS int), NULL, 'run:' || id,
    jsonb_build_object('run_id', id), CAST(:run_at AS timestamptz))::procrastinate_job_to_defer_v1])
FROM recorded""")
"""All that is written of a new run; nothing if it is there, as when this is repeated. A document that was used a moment
ago is left alone, as those who ask for runs of one workflow would wait for each other's commit.
"""

IS_KEPT = text("SELECT 1 FROM executions WHERE id = :run_id")

QUEUE = text("""
INSERT INTO queued_runs (run_id, queue, priority, key, limit_key, key_limit, workflow_limit)
VALUES (:run_id, :queue, :priority, :key, :limit_key, :key_limit, :workflow_limit)
ON CONFLICT (run_id) DO NOTHING""")

LOCK = text("SELECT queue, priority, parked FROM queued_runs WHERE run_id = :run_id FOR UPDATE")

ENTER = text("""
SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(:queue, :task, :priority, NULL, CAST(:lock AS text),
    jsonb_build_object('run_id', CAST(:run_id AS text)), CAST(:run_at AS timestamptz))::procrastinate_job_to_defer_v1])
WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = :lock AND status = 'todo')""")

ASK_TO_STOP = text("""
WITH asked AS (UPDATE queued_runs SET cancel = :reason WHERE run_id = :run_id RETURNING run_id)
SELECT pg_notify(:channel, run_id) FROM asked""")

STOP_QUEUED = text("""
UPDATE executions SET status = 'cancelled', ended = now(), lease_epoch = lease_epoch + 1
WHERE id = :run_id AND status = 'queued' AND lease_owner IS NULL RETURNING id""")

LOST = text("UPDATE queued_runs SET losses = losses + 1 WHERE run_id = :run_id RETURNING losses")

FENCE = text("""
UPDATE executions SET lease_epoch = lease_epoch + 1, lease_owner = NULL, lease_expires = NULL
WHERE id = :run_id AND status IN ('queued', 'running', 'suspended')""")

PARK = text("""
WITH parked AS (UPDATE queued_runs SET parked = :reason, slot_until = NULL WHERE run_id = :run_id RETURNING run_id)
UPDATE executions SET status = 'suspended', wake_at = NULL, lease_epoch = lease_epoch + 1, lease_owner = NULL,
    lease_expires = NULL, error = json_build_object('type', 'parked', 'message', CAST(:reason AS text), 'attempt', 1)
WHERE id IN (SELECT run_id FROM parked) AND status IN ('queued', 'running', 'suspended')""")
"""A parked run stands as suspended, with the reason as its error; whoever had it may write no more."""

UNPARK = text("""
WITH freed AS (
    UPDATE queued_runs SET parked = '', losses = 0, cancel = '' WHERE run_id = :run_id AND parked <> ''
    RETURNING run_id)
UPDATE executions SET error = NULL WHERE id IN (SELECT run_id FROM freed) AND status = 'suspended'""")

LOCK_LIMITS = text("""
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT hashtextextended('limit of key ' || limit_key, 1) AS key FROM queued_runs
    WHERE run_id = :run_id AND key_limit > 0
    UNION SELECT hashtextextended('limit of workflow ' || workflow_name, 2)
    FROM queued_runs JOIN executions ON id = run_id WHERE run_id = :run_id AND workflow_limit > 0
    ORDER BY 1) AS keys""")

HOLDS_SLOT: Final = """
    other.slot_until IS NOT NULL AND (other.slot_until > clock_timestamp()
        OR (run.lease_owner IS NOT NULL AND run.lease_expires > clock_timestamp()))"""
"""Whether `other`, whose row among all runs is `run`, has a slot of its limits."""

TAKE_SLOT = text(f"""
UPDATE queued_runs AS q SET slot_until = clock_timestamp() + make_interval(secs => :seconds), held_back = NULL
FROM executions AS e
WHERE q.run_id = :run_id AND e.id = q.run_id AND (q.key_limit = 0 OR q.key_limit > (
    SELECT count(*) FROM queued_runs AS other JOIN executions AS run ON run.id = other.run_id
    WHERE other.limit_key = q.limit_key AND other.limit_key <> '' AND other.run_id <> q.run_id AND {HOLDS_SLOT}
)) AND (q.workflow_limit = 0 OR q.workflow_limit > (
    SELECT count(*) FROM queued_runs AS other JOIN executions AS run ON run.id = other.run_id
    WHERE run.workflow_name = e.workflow_name AND run.part IS NULL AND run.status IN ('queued', 'running', 'suspended')
        AND other.run_id <> q.run_id AND {HOLDS_SLOT}
)) RETURNING q.run_id""")  # noqa: S608 - made of constants
"""A slot is reserved until the run is leased, and then held by its lease, so that no crash keeps it. Passes of a loop,
which have a part, are no runs of the workflow here."""

HOLD_BACK = text("""
UPDATE queued_runs SET held_back = coalesce(held_back, clock_timestamp()), slot_until = NULL WHERE run_id = :run_id""")

FREE_SLOT = text("""
UPDATE queued_runs AS q SET slot_until = NULL
FROM executions AS e, (SELECT set_config('synchronous_commit', 'off', true)) AS soon
WHERE q.run_id = :run_id AND e.id = q.run_id AND q.slot_until IS NOT NULL
    AND (e.lease_owner IS NULL OR e.lease_expires < clock_timestamp())
RETURNING q.limit_key, q.key_limit, q.workflow_limit, e.workflow_name, e.part IS NULL AS is_whole""")
"""Of a run that another worker executes by now the slot is that one's. Without waiting for the disk: should a crash
forget who was let in, whoever looks after the queue lets somebody in."""

_LET_IN = """
WITH let_in AS (
    UPDATE queued_runs SET held_back = NULL, slot_until = CASE
        WHEN limit_key = :limit_key AND key_limit = :key_limit AND workflow_limit = :workflow_limit AND (
            workflow_limit = 0 OR :workflow_name = (SELECT workflow_name FROM executions WHERE id = run_id))
        THEN clock_timestamp() + make_interval(secs => :seconds) END
    WHERE run_id = ({found}) RETURNING run_id, queue, priority
), entered AS (
    SELECT procrastinate_defer_jobs_v1(ARRAY[ROW(queue, :task, priority, NULL, 'run:' || run_id,
        jsonb_build_object('run_id', run_id), NULL)::procrastinate_job_to_defer_v1])
    FROM let_in WHERE NOT EXISTS (
        SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = 'run:' || run_id AND status = 'todo')
)
SELECT run_id, (SELECT count(*) FROM entered) FROM let_in"""
"""Who has just the limits of the one before has its slot from then on; of others a limit may be full that this one does
not have, so they ask for theirs. Runs that end at the same time never let the same one in.
"""

NEXT_OF_KEY = text(
    _LET_IN.format(
        found="""
        SELECT run_id FROM queued_runs
        WHERE limit_key = :limit_key AND key_limit > 0 AND held_back IS NOT NULL AND parked = ''
        ORDER BY priority DESC, enqueued LIMIT 1 FOR UPDATE SKIP LOCKED"""
    )
)

NEXT_OF_WORKFLOW = text(
    _LET_IN.format(
        found="""
        SELECT q.run_id FROM queued_runs AS q JOIN executions AS e ON e.id = q.run_id
        WHERE q.workflow_limit > 0 AND e.workflow_name = :workflow_name AND q.held_back IS NOT NULL AND q.parked = ''
        ORDER BY q.priority DESC, q.enqueued LIMIT 1 FOR UPDATE OF q SKIP LOCKED"""
    )
)

TO_CANCEL = text("""
SELECT run_id, cancel FROM queued_runs WHERE run_id = ANY(CAST(:ids AS text[])) AND cancel <> ''""")

HANDED_OVER = text("""
SELECT q.run_id FROM queued_runs AS q JOIN executions AS e ON e.id = q.run_id
WHERE q.handed_over AND e.status = 'cancelled' AND e.resumable""")

NOTE = text("UPDATE queued_runs SET handed_over = :handed_over, waits_for = :waits_for WHERE run_id = :run_id")

DEPTH = text("""
SELECT queue_name AS queue, count(*) AS number,
    coalesce(extract(epoch FROM now() - min(coalesce(scheduled_at, q.enqueued))), 0) AS oldest
FROM procrastinate_jobs JOIN queued_runs AS q ON q.run_id = args ->> 'run_id'
WHERE status = 'todo' AND task_name = :task AND (scheduled_at IS NULL OR scheduled_at <= now())
GROUP BY 1""")

FACTS = text("""
SELECT q.*, e.status IN ('queued', 'running', 'suspended') OR (e.status = 'cancelled' AND e.resumable AND q.handed_over)
    AS wanted, coalesce(q.slot_until > clock_timestamp() + make_interval(secs => :left), false) AS has_slot,
    EXISTS (SELECT 1 FROM spread_runs AS s WHERE s.run_id = q.run_id) AS spread
FROM queued_runs AS q JOIN executions AS e ON e.id = q.run_id WHERE q.run_id = ANY(CAST(:ids AS text[]))""")
