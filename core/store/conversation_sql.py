"""The statements of conversations that are more than a select of rows."""

from __future__ import annotations

from sqlalchemy import text

ADD_MESSAGE = text("""
INSERT INTO messages (conversation_id, parent_id, depth, key, role, text, body, status, reason, agent, model, tokens_in,
    tokens_out, cost_usd, duration_s, run_id, tainted, attachments, blobs, detail, created)
VALUES (:conversation_id, :parent_id, coalesce((SELECT depth + 1 FROM messages WHERE id = :parent_id), 0), :key, :role,
    :text, CAST(:body AS json), :status, :reason, :agent, :model, :tokens_in, :tokens_out, :cost_usd, :duration_s,
    :run_id, :tainted, :attachments, :blobs, CAST(:detail AS json), coalesce(:created, now()))
ON CONFLICT (key) DO NOTHING
RETURNING id, created""")

MESSAGE_BY_KEY = text("SELECT id, parent_id, created FROM messages WHERE key = :key")

ADD_CALL = text("""
INSERT INTO function_calls (id, conversation_id, message_id, position, wire_id, name, arguments, raw, status, reason,
    result, result_blob, run_id, state, tainted, tokens_in, tokens_out, cost_usd, blobs, created, started, ended)
VALUES (:id, :conversation_id, :message_id, :position, :wire_id, :name, CAST(:arguments AS json), :raw, :status,
    :reason, :result, :result_blob, :run_id, CAST(:state AS json), :tainted, :tokens_in, :tokens_out, :cost_usd, :blobs,
    coalesce(:created, now()), :started, :ended)""")

UPDATE_CALL = text("""
UPDATE function_calls SET status = :status, reason = :reason, result = :result, result_blob = :result_blob,
    run_id = :run_id, state = CAST(:state AS json), tainted = :tainted, tokens_in = :tokens_in,
    tokens_out = :tokens_out, cost_usd = :cost_usd, blobs = :blobs, started = :started, ended = :ended,
    arguments = CAST(:arguments AS json)
WHERE id = :id""")

CALL = text("""
SELECT function_calls.*, messages.agent FROM function_calls JOIN messages ON messages.id = function_calls.message_id
WHERE function_calls.id = :id AND function_calls.conversation_id = :conversation_id
FOR UPDATE OF function_calls""")

ADVANCE = text("""
UPDATE conversations SET head = :head, updated = greatest(updated, :at), tokens_in = tokens_in + :tokens_in,
    tokens_out = tokens_out + :tokens_out, cost_usd = cost_usd + :cost_usd
WHERE id = :id""")

COUNT_USAGE = text("""
UPDATE conversations SET tokens_in = tokens_in + :tokens_in, tokens_out = tokens_out + :tokens_out,
    cost_usd = cost_usd + :cost_usd
WHERE id = :id""")

SPEND = text("""
INSERT INTO agent_spending (key, agent_id, at, cause, tokens_in, tokens_out, cost_usd)
SELECT :key, agent.id, coalesce(:at, now()), :cause, :tokens_in, :tokens_out, :cost_usd
FROM (SELECT coalesce(
    (SELECT id FROM agents WHERE name = :agent AND deleted_at IS NULL), CAST(:agent_id AS uuid)) AS id) AS agent
JOIN agents USING (id)
ON CONFLICT (key) DO UPDATE SET tokens_in = excluded.tokens_in, tokens_out = excluded.tokens_out,
    cost_usd = excluded.cost_usd""")
"""The agent by its name, or else the one that is given; an agent that is gone has no limits any more."""

SPENT = text("""
SELECT coalesce(sum(tokens_in), 0) AS tokens_in, coalesce(sum(tokens_out), 0) AS tokens_out,
    coalesce(sum(cost_usd), 0) AS cost_usd
FROM agent_spending WHERE agent_id = :agent_id AND at >= :since""")

ADD_NOTE = text("""
INSERT INTO conversation_notes (conversation_id, first_id, last_id, key, text, body, model, tokens_in, tokens_out,
    cost_usd, blobs)
VALUES (:conversation_id, :first_id, :last_id, :key, :text, CAST(:body AS json), :model, :tokens_in, :tokens_out,
    :cost_usd, :blobs)
ON CONFLICT (key) DO NOTHING
RETURNING id""")

OPEN = text("""
INSERT INTO conversations (id, agent_id, workflow_name, title, variables, key, labels, blobs)
VALUES (:id, :agent_id, :workflow_name, :title, CAST(:variables AS json), :key, CAST(:labels AS json), :blobs)
ON CONFLICT DO NOTHING""")

_BRANCH = """
WITH RECURSIVE branch (id, parent_id, depth) AS (
    SELECT id, parent_id, depth FROM messages WHERE id = :leaf AND conversation_id = :conversation_id
    UNION ALL
    SELECT messages.id, messages.parent_id, messages.depth
    FROM branch JOIN messages ON messages.id = branch.parent_id
    WHERE branch.depth > :first
)"""
"""Ids from a leaf back to the message at the depth `first`. Only ids: texts would be copied at every turn."""

WINDOW = text(f"""{_BRANCH}
SELECT messages.* FROM branch JOIN messages USING (id) WHERE branch.depth <= :last ORDER BY branch.depth""")  # noqa: S608 - made of constants

BUSY = text("""
SELECT lease_owner IS NOT NULL AND lease_expires > clock_timestamp() FROM conversations WHERE id = :id""")

NAMING_FILE = text("""
SELECT messages.* FROM messages
WHERE conversation_id = :conversation_id AND (:hash = ANY (attachments) OR EXISTS (
    SELECT 1 FROM function_calls WHERE message_id = messages.id AND :hash = ANY (function_calls.blobs)))
ORDER BY id LIMIT 1""")

NOTES = text(f"""{_BRANCH}
SELECT conversation_notes.* FROM branch JOIN conversation_notes ON conversation_notes.last_id = branch.id
WHERE conversation_notes.conversation_id = :conversation_id
ORDER BY branch.depth, conversation_notes.id""")  # noqa: S608 - made of constants

SIBLINGS = text("""
SELECT parent_id, array_agg(id ORDER BY id) AS ids FROM messages
WHERE conversation_id = :conversation_id AND (parent_id = ANY(:parents) OR (:roots AND parent_id IS NULL))
GROUP BY parent_id HAVING count(*) > 1""")

NEWEST_LEAF = text("""
WITH RECURSIVE down (id) AS (
    SELECT id FROM messages WHERE id = :message_id AND conversation_id = :conversation_id
    UNION ALL
    SELECT (SELECT max(child.id) FROM messages AS child
            WHERE child.conversation_id = :conversation_id AND child.parent_id = down.id)
    FROM down WHERE down.id IS NOT NULL
)
SELECT max(id) FROM down""")
"""Always to the newest child. A child has a larger number than its parent."""

COPY_CONVERSATION = text("""
INSERT INTO conversations (id, agent_id, workflow_name, title, variables, allowed, labels, forked_from, blobs)
SELECT :id, agent_id, workflow_name, coalesce(nullif(:title, ''), title), variables, allowed, labels, :leaf, blobs
FROM conversations WHERE id = :conversation_id
ON CONFLICT (id) DO NOTHING
RETURNING id""")

NUMBER_COPIES = text(f"""{_BRANCH}
SELECT id AS old, nextval(pg_get_serial_sequence('messages', 'id')) AS new
FROM (SELECT id FROM branch ORDER BY depth) AS ordered""")  # noqa: S608 - made of constants

COPY_MESSAGES = text("""
WITH ids AS (SELECT * FROM unnest(CAST(:old AS bigint[]), CAST(:new AS bigint[])) AS pair (old, new))
INSERT INTO messages (id, conversation_id, parent_id, depth, key, role, text, body, status, reason, agent, model,
    tokens_in, tokens_out, cost_usd, duration_s, run_id, tainted, attachments, blobs, detail, created)
OVERRIDING SYSTEM VALUE
SELECT ids.new, :id, parents.new, depth, gen_random_uuid(), role, text, body, status, reason, agent, model,
    tokens_in, tokens_out, cost_usd, duration_s, run_id, tainted, attachments, blobs, detail, created
FROM messages JOIN ids ON ids.old = messages.id LEFT JOIN ids AS parents ON parents.old = messages.parent_id""")

COPY_CALLS = text("""
WITH ids AS (SELECT * FROM unnest(CAST(:old AS bigint[]), CAST(:new AS bigint[])) AS pair (old, new))
INSERT INTO function_calls (id, conversation_id, message_id, position, wire_id, name, arguments, raw, status, reason,
    result, result_blob, run_id, state, tainted, tokens_in, tokens_out, cost_usd, blobs, created, started, ended)
SELECT gen_random_uuid()::text, :id, ids.new, position, wire_id, name, arguments, raw,
    CASE WHEN ended IS NULL THEN 'cancelled' ELSE status END,
    CASE WHEN ended IS NULL THEN 'The conversation was forked before this call had a result.' ELSE reason END,
    result, result_blob, run_id, CASE WHEN ended IS NULL THEN '{}'::json ELSE state END, tainted, tokens_in, tokens_out,
    cost_usd, blobs, created, started, coalesce(ended, now())
FROM function_calls JOIN ids ON ids.old = function_calls.message_id""")

COPY_PARTS = text("""
INSERT INTO request_parts (conversation_id, hash, body, blobs)
SELECT :id, hash, body, blobs FROM request_parts
WHERE conversation_id = :conversation_id AND id IN (
    SELECT unnest(messages || functions) FROM model_requests WHERE message_id = ANY(:old))""")

COPY_REQUESTS = text("""
WITH ids AS (SELECT * FROM unnest(CAST(:old AS bigint[]), CAST(:new AS bigint[])) AS pair (old, new)),
parts AS MATERIALIZED (
    SELECT mine.id AS old, copy.id AS new FROM request_parts AS mine JOIN request_parts AS copy USING (hash)
    WHERE mine.conversation_id = :conversation_id AND copy.conversation_id = :id
)
INSERT INTO model_requests (message_id, conversation_id, body, messages, functions, sections, blobs)
SELECT ids.new, :id, body,
    ARRAY(SELECT parts.new FROM unnest(messages) WITH ORDINALITY AS part (old, place) JOIN parts USING (old)
        ORDER BY place),
    ARRAY(SELECT parts.new FROM unnest(functions) WITH ORDINALITY AS part (old, place) JOIN parts USING (old)
        ORDER BY place),
    sections, blobs
FROM model_requests JOIN ids ON ids.old = model_requests.message_id""")

COPY_NOTES = text("""
WITH ids AS (SELECT * FROM unnest(CAST(:old AS bigint[]), CAST(:new AS bigint[])) AS pair (old, new))
INSERT INTO conversation_notes (conversation_id, first_id, last_id, key, text, body, model, tokens_in, tokens_out,
    cost_usd, blobs, created)
SELECT :id, firsts.new, lasts.new, gen_random_uuid(), text, body, model, tokens_in, tokens_out, cost_usd, blobs, created
FROM conversation_notes AS note JOIN ids AS firsts ON firsts.old = note.first_id
JOIN ids AS lasts ON lasts.old = note.last_id
ORDER BY note.id""")

ADD_PARTS = text("""
INSERT INTO request_parts (conversation_id, hash, body, blobs)
SELECT :conversation_id, hash, CAST(body AS json), blobs
FROM json_to_recordset(CAST(:rows AS json)) AS part (place int, hash text, body text, blobs text[]) ORDER BY place
ON CONFLICT (conversation_id, hash) DO NOTHING""")

PART_IDS = text("SELECT id, hash FROM request_parts WHERE conversation_id = :conversation_id AND hash = ANY(:hashes)")

ADD_REQUEST = text("""
INSERT INTO model_requests (message_id, conversation_id, body, messages, functions, sections, blobs)
VALUES (:message_id, :conversation_id, CAST(:body AS json), :messages, :functions, CAST(:sections AS json), :blobs)""")

OPEN_CALLS = text("""
SELECT function_calls.*, conversations.title FROM function_calls
JOIN conversations ON conversations.id = function_calls.conversation_id
WHERE function_calls.status IN ('waiting', 'approved', 'started', 'unknown')
    AND (CAST(:conversation_id AS uuid) IS NULL OR function_calls.conversation_id = :conversation_id)
ORDER BY function_calls.created, function_calls.message_id, function_calls.position""")

TWIGS = text("""
SELECT id, parent_id, role, left(text, 200) AS start, agent, created FROM messages
WHERE conversation_id = :conversation_id ORDER BY id""")

FORKS = text("""
SELECT id, title, forked_from FROM conversations
WHERE forked_from IN (SELECT id FROM messages WHERE conversation_id = :conversation_id) AND id <> :conversation_id
ORDER BY created, id""")

WAITING_RUNS = text("""
SELECT conversation_id, run_id FROM function_calls WHERE status = 'waiting' AND run_id IS NOT NULL
UNION
SELECT conversations.id, messages.run_id FROM conversations JOIN messages ON messages.id = conversations.head
WHERE conversations.workflow_name <> '' AND messages.role = 'tool' AND messages.run_id IS NOT NULL""")

_LISTED = """
    (CAST(:agent_id AS uuid) IS NULL OR conversations.agent_id = :agent_id)
    AND (CAST(:workflow AS text) IS NULL OR conversations.workflow_name = :workflow)
    AND (conversations.archived_at IS NOT NULL) = :archived
    AND (NOT :own OR conversations.key = '')
    AND (CAST(:before AS timestamptz) IS NULL OR (conversations.updated, conversations.id) < (:before, :before_id))"""

_COUNTS = """
    (SELECT count(*) FROM messages WHERE conversation_id = listed.id) AS messages,
    (SELECT count(*) FROM function_calls WHERE conversation_id = listed.id AND status = 'waiting') AS waiting"""

LIST = text(f"""
WITH listed AS MATERIALIZED (
    SELECT * FROM conversations WHERE {_LISTED} ORDER BY updated DESC, id DESC LIMIT :limit
)
SELECT listed.*, listed.head AS hit, left(messages.text, 300) AS snippet, {_COUNTS}
FROM listed LEFT JOIN messages ON messages.id = listed.head
ORDER BY listed.updated DESC, listed.id DESC""")  # noqa: S608 - made of constants

SEARCH = text(f"""
WITH asked AS (SELECT to_tsquery('simple', :query) AS query),
hits AS MATERIALIZED (
    SELECT conversation_id, max(messages.id) AS hit FROM messages, asked
    WHERE messages.role <> 'tool' AND (messages.words @@ asked.query OR messages.text ILIKE :pattern)
    GROUP BY conversation_id
),
listed AS MATERIALIZED (
    SELECT conversations.*, hits.hit FROM conversations LEFT JOIN hits ON hits.conversation_id = conversations.id, asked
    WHERE (hits.hit IS NOT NULL OR conversations.title_words @@ asked.query OR conversations.title ILIKE :pattern)
        AND {_LISTED}
    ORDER BY updated DESC, id DESC LIMIT :limit
)
SELECT listed.*, coalesce(ts_headline('simple', left(messages.text, 20000), asked.query,
        'StartSel="", StopSel="", MaxWords=24, MinWords=12'), '') AS snippet, {_COUNTS}
FROM listed LEFT JOIN messages ON messages.id = listed.hit, asked
ORDER BY listed.updated DESC, listed.id DESC""")  # noqa: S608 - made of constants
"""pattern: for scripts without spaces between words, else null."""

BEAT = text("""
UPDATE conversations SET lease_expires = now() + make_interval(secs => :lease_s)
FROM unnest(CAST(:ids AS uuid[]), CAST(:epochs AS int[])) AS held (id, epoch)
WHERE conversations.id = held.id AND conversations.lease_epoch = held.epoch AND conversations.lease_owner = :owner
RETURNING conversations.id, conversations.lease_epoch""")

TAKE = text("""
UPDATE conversations SET lease_epoch = lease_epoch + 1, lease_owner = :owner,
    lease_expires = now() + make_interval(secs => :lease_s)
WHERE id = :id RETURNING lease_epoch""")

RELEASE = text("""
UPDATE conversations SET lease_owner = NULL, lease_expires = NULL
WHERE id = :id AND lease_epoch = :epoch AND lease_owner = :owner""")
