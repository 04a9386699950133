"""The journal's writing statements. Each takes one parameter, a JSON array with an object (or array) per row.

One JSON text instead of arrays or many parameters, because it costs the client almost nothing per row and keeps the
number of statements, and so of prepared plans, small. Those that write runs or steps return run and epoch of what is
still ours.
"""

from __future__ import annotations

from core.store.step_rows import WHOLE

_RUN_COLUMNS = """run_id text, epoch int, status text, outputs text, error text, error_path text, ended timestamptz,
    wake_at timestamptz, tokens_in bigint, tokens_out bigint, cost_usd float8, duration_s float8, resumable bool,
    blobs text[]"""

BLOBS = """
INSERT INTO blobs (hash, media_type, size, bytes)
SELECT hash, media_type, octet_length(bytes), bytes
FROM unnest($1::text[], $2::text[], $3::bytea[]) AS u (hash, media_type, bytes)
ORDER BY hash
ON CONFLICT (hash) DO UPDATE SET used = now()"""
"""Three arrays instead of JSON: the bytes go as they are. Ordered, so that two writers never wait for each other."""

DOCUMENTS = """
INSERT INTO documents (hash, body)
SELECT hash, body::json FROM json_to_recordset($1::json) AS u (hash text, body text) ORDER BY hash
ON CONFLICT (hash) DO UPDATE SET used = now()"""

OPEN = f"""
INSERT INTO executions (id, workflow_name, document_hash, inputs, origin, labels, part, status, outputs, error,
    error_path, created, ended, wake_at, tokens_in, tokens_out, cost_usd, duration_s, resumable, blobs,
    lease_epoch, lease_owner, lease_expires)
SELECT run_id, workflow_name, document_hash, inputs::json, origin, labels::json, part::json, status, outputs::json,
    error::json, error_path, created, ended, wake_at, tokens_in, tokens_out, cost_usd, duration_s, resumable, blobs,
    epoch, owner, now() + lease_s * interval '1 second'
FROM json_to_recordset($1::json) AS u ({_RUN_COLUMNS}, workflow_name text, document_hash text, inputs text,
    origin text, labels text, part text, created timestamptz, owner text, lease_s float8)
ON CONFLICT (id) DO UPDATE SET lease_expires = excluded.lease_expires
    WHERE executions.lease_owner = excluded.lease_owner AND executions.lease_epoch = 1
        AND executions.created = excluded.created
RETURNING id, lease_epoch"""  # noqa: S608 - made of constants
"""Returns the runs that are now recorded; the conflict clause lets a repeated statement find its own rows."""

WRITTEN = """
    ON CONFLICT (run_id, path, attempt) DO UPDATE SET
        status = excluded.status, type = excluded.type, title = excluded.title, cause = excluded.cause,
        definition = excluded.definition, inputs = coalesce(excluded.inputs, old.inputs), request = excluded.request,
        output = excluded.output, ports = excluded.ports, variables = excluded.variables, error = excluded.error,
        tokens_in = excluded.tokens_in, tokens_out = excluded.tokens_out, cost_usd = excluded.cost_usd,
        duration_s = excluded.duration_s, started = excluded.started, ended = excluded.ended,
        question = excluded.question, until = excluded.until, state = excluded.state, blobs = excluded.blobs,
        answer = CASE WHEN excluded.status = 'suspended' AND old.ended IS DISTINCT FROM excluded.ended
            THEN NULL ELSE old.answer END"""

_STEPS = ", ".join(f"(r->>{place})::{kind} AS {column}" for place, (column, kind) in enumerate(WHOLE.items()))
_STEP_COLUMNS = ", ".join(column for column in WHOLE if column not in ("run_id", "epoch"))


def _steps(if_there: str) -> str:
    return f"""
WITH u AS MATERIALIZED (SELECT {_STEPS} FROM jsonb_array_elements($1::jsonb) AS r),
runs AS MATERIALIZED (
    SELECT held.run_id, held.epoch FROM (SELECT DISTINCT run_id, epoch FROM u) AS wanted
    CROSS JOIN LATERAL (
        SELECT id AS run_id, lease_epoch AS epoch FROM executions
        WHERE id = wanted.run_id AND lease_epoch = wanted.epoch FOR SHARE
    ) AS held
),
written AS (
    INSERT INTO step_results AS old (run_id, {_STEP_COLUMNS})
    SELECT run_id, {_STEP_COLUMNS}
    FROM u JOIN runs USING (run_id, epoch){if_there}
)
SELECT run_id, epoch FROM runs"""  # noqa: S608 - made of constants


STEPS = _steps(WRITTEN)
"""Its rows are arrays of texts, in the order of `step_rows.WHOLE`: half the work of objects, for client and server.

Returns the runs that are still ours; of the others nothing was written.
"""

NEW_STEPS = _steps("")
"""The same for attempts that have no row yet, for three quarters of the server's work. It fails if one has."""

RUNS = f"""
UPDATE executions AS run SET
    status = u.status, outputs = u.outputs::json, error = u.error::json, error_path = u.error_path, ended = u.ended,
    wake_at = u.wake_at, tokens_in = u.tokens_in, tokens_out = u.tokens_out, cost_usd = u.cost_usd,
    duration_s = u.duration_s, resumable = u.resumable, blobs = u.blobs,
    lease_owner = CASE WHEN u.released THEN NULL ELSE run.lease_owner END,
    lease_expires = CASE WHEN u.released THEN NULL ELSE run.lease_expires END
FROM json_to_recordset($1::json) AS u ({_RUN_COLUMNS}, released bool)
WHERE run.id = u.run_id AND run.lease_epoch = u.epoch
RETURNING run.id, run.lease_epoch"""  # noqa: S608 - made of constants
"""Returns the runs that are still ours."""

HEARTBEAT = """
UPDATE executions AS run SET lease_expires = now() + u.lease_s * interval '1 second'
FROM json_to_recordset($1::json) AS u (run_id text, epoch int, lease_s float8)
WHERE run.id = u.run_id AND run.lease_epoch = u.epoch
RETURNING run.id, run.lease_epoch"""
"""Returns the runs that are still ours."""
