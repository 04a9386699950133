"""The statements that find memories, put together for a scope.

Two searches run in one statement. By meaning: either through the sketches of the scope (one bit for each number of an
embedding, side by side in an index), of which the nearest `wide` are compared exactly; or, in scopes too large for
that, through the HNSW index. By words: each word of the question by itself, so that rare words can count for more.
"""

# ruff: noqa: S608 - statements are put together from the texts in this module only

from __future__ import annotations

from functools import lru_cache

from core.store.tables import EMBEDDING_DIMENSIONS

COLUMNS = (
    "m.id, m.agent_id, m.type, m.content, m.importance, m.source, m.source_who, m.source_conversation, "
    "m.source_message, m.source_run, m.state, m.pinned, m.valid_from, m.valid_to, m.created, m.last_accessed, "
    "m.access_count, m.superseded_by, m.fact_key, m.embedding_model"
)
"""What a `Memory` is made of, of the table called `m`."""

SETTINGS = (
    # One plan for good, made without looking at the table as a whole: a plan that reads all of it would be chosen by
    # the mean of all agents, and be a hundred times slower for one of them.
    "SELECT set_config('plan_cache_mode', 'force_generic_plan', false), set_config('enable_seqscan', 'off', false), "
    "set_config('jit', 'off', false), set_config('max_parallel_workers_per_gather', '0', false), "
    # A touch that a crash undoes harms nobody, so nobody waits for the disk.
    "set_config('synchronous_commit', 'off', false)"
)
"""For a connection that is kept for searches."""

TOUCH = (
    "UPDATE agent_memories SET last_accessed = greatest(last_accessed, %(now)s::timestamptz), "
    "access_count = access_count + 1 WHERE id = ANY(%(ids)s::uuid[])"
)

WORD_HITS = 300
"""Memories looked at for one word of a question; a word that more of them hold says little."""

_SKETCHES = """
  SELECT id FROM (
    SELECT id, sketch <~> (SELECT sketch FROM probe) AS far FROM agent_memories
    WHERE {whose} AND embedding_model = %(model)s::text AND state = 'live' AND sketch IS NOT NULL
    ORDER BY far LIMIT %(wide)s::int8
  ) AS {name}"""

_GIVEN = """
  SELECT unnest(%(walked)s::uuid[]) AS id"""

_HOLDS = (
    "m.state = 'live' AND m.valid_from <= %(now)s::timestamptz "
    "AND (m.valid_to IS NULL OR m.valid_to > %(now)s::timestamptz)"
)

_MEANING = f"""
probe AS MATERIALIZED (
  SELECT v, binary_quantize(v)::bit({EMBEDDING_DIMENSIONS}) AS sketch, v::halfvec({EMBEDDING_DIMENSIONS}) AS half
  FROM (SELECT %(vector)s::vector AS v) AS given
),
wide AS MATERIALIZED ({{candidates}}
),
near AS MATERIALIZED (
  SELECT id, distance, row_number() OVER (ORDER BY distance) AS place FROM (
    SELECT m.id, m.embedding <=> (SELECT v FROM probe) AS distance
    FROM wide JOIN agent_memories m USING (id) WHERE {_HOLDS} ORDER BY distance LIMIT %(deep)s::int8
  ) AS nearest
)"""

_NO_MEANING = """
near AS (SELECT NULL::uuid AS id, NULL::float8 AS distance, NULL::bigint AS place WHERE false)"""

# The endings that English, German and Romance languages change most are left open, so that `lives` finds `live`.
_WORDS = f"""
terms AS MATERIALIZED (
  SELECT word, CAST(CASE
      WHEN word ~ '^\\D{{6,}}$' THEN quote_literal(regexp_replace(word, '(ies|ing|en|ed|es|er|s|y|e|n)$', '')) || ':*'
      WHEN word ~ '^\\D{{4,5}}$' THEN quote_literal(regexp_replace(word, 's$', '')) || ':*'
      ELSE quote_literal(word) END AS tsquery) AS query
  FROM (SELECT lexeme AS word FROM unnest(to_tsvector('simple', %(question)s::text))
        WHERE strpos(lexeme, chr(92)) = 0 ORDER BY length(lexeme) DESC LIMIT 24) AS asked
),
found AS MATERIALIZED (
  SELECT terms.word, hit.id FROM terms CROSS JOIN LATERAL (
    SELECT m.id FROM agent_memories m
    WHERE m.words @@ (%(lexemes)s::tsquery && terms.query) AND {_HOLDS} LIMIT {WORD_HITS}
  ) AS hit
),
counts AS (SELECT word, count(*) AS known FROM found GROUP BY word),
told AS MATERIALIZED (
  SELECT id, score, words, row_number() OVER (ORDER BY score DESC, id) AS place FROM (
    SELECT found.id,
      sum(ln(1::float8 + (greatest(%(size)s::int8, known) - known + 0.5::float8) / (known + 0.5::float8))) AS score,
      array_agg(found.word) AS words
    FROM found JOIN counts USING (word) GROUP BY found.id ORDER BY score DESC, found.id LIMIT %(deep)s::int8
  ) AS best
)"""

_PINNED = f"""
pinned AS (
  SELECT m.id FROM agent_memories m WHERE {{whose}} AND m.pinned AND {_HOLDS}
  ORDER BY m.importance DESC, m.created LIMIT 50
)"""

_DISTANCE = (
    "CASE WHEN near.id IS NOT NULL THEN near.distance "
    "WHEN m.embedding_model = %(model)s::text THEN m.embedding <=> (SELECT v FROM probe) END"
)
"""Of what was found by its words too, so that both searches can be judged alike."""

_ALL = f"""
SELECT {COLUMNS}, {{distance}} AS distance, near.place AS vector_place, told.place AS word_place,
       told.score AS word_score, told.words AS found_words
FROM (SELECT id FROM near UNION SELECT id FROM told UNION SELECT id FROM pinned) AS hits
JOIN agent_memories m USING (id) LEFT JOIN near USING (id) LEFT JOIN told USING (id)"""


@lru_cache(maxsize=32)
def search(*, agent: bool, shared: bool, meaning: bool, walked: bool) -> str:
    """The statement for a scope, in psycopg's spelling. agent, shared: whether its own and the shared ones are meant.

    meaning: by a vector too. walked: the candidates are given, from a walk through the HNSW index.
    """
    parts = []
    if meaning:
        parts.append(_MEANING.format(candidates=_GIVEN if walked else _sketches(agent, shared)))
    else:
        parts.append(_NO_MEANING)
    parts.append(_WORDS)
    parts.append(_PINNED.format(whose=f"({_whose(agent, shared, 'm.')})"))
    return "WITH " + ",".join(parts) + _ALL.format(distance=_DISTANCE if meaning else "near.distance")


def count(*, shared: bool) -> str:
    """How many memories may be recalled of an agent, or of the shared ones."""
    return f"SELECT count(*) FROM agent_memories WHERE {_whose(not shared, False, '')} AND state = 'live'"


@lru_cache(maxsize=8)
def walk_settings(*, ef: int, most: int, iterative: str = "relaxed_order") -> str:
    """For the walk through the HNSW index. ef: candidates at once. most: memories looked at before it gives up."""
    return (
        # Nothing but the HNSW index gives rows in order of distance, so that without sorting no other can be chosen.
        # Iterative scans are what keeps a filtered search through it complete.
        "SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true), "
        "set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true), "
        f"set_config('hnsw.iterative_scan', '{iterative}', true), set_config('hnsw.ef_search', '{ef}', true), "
        f"set_config('hnsw.max_scan_tuples', '{most}', true), set_config('hnsw.scan_mem_multiplier', '8', true)"
    )


@lru_cache(maxsize=8)
def walk(*, agent: bool, shared: bool) -> str:
    """The nearest of a scope by the HNSW index alone, about in order."""
    return (
        f"SELECT id FROM agent_memories WHERE state = 'live' AND ({_whose(agent, shared, '')}) "
        f"AND embedding_model = %(model)s::text ORDER BY embedding::halfvec({EMBEDDING_DIMENSIONS}) "
        f"<=> %(vector)s::vector::halfvec({EMBEDDING_DIMENSIONS}) LIMIT %(wide)s::int8"
    )


def _sketches(agent: bool, shared: bool) -> str:
    parts = []
    if agent:
        parts.append(_SKETCHES.format(whose="agent_id = %(agent)s::uuid", name="own"))
    if shared or not agent:
        parts.append(_SKETCHES.format(whose="agent_id IS NULL", name="common"))
    return "\n  UNION ALL".join(parts)


def _whose(agent: bool, shared: bool, table: str) -> str:
    if not agent:
        return f"{table}agent_id IS NULL"
    own = f"{table}agent_id = %(agent)s::uuid"
    return f"({own} OR {table}agent_id IS NULL)" if shared else own
