"""The history of the tables: one module per change, named by date and purpose.

`REVISIONS` lists them in their order instead of scanning the folder, so that a frozen program finds them too.
"""

from __future__ import annotations

REVISIONS: tuple[str, ...] = (
    "m20261122_first_tables",
    "m20261127_parts_and_pins",
    "m20261127_memories",
    "m20261127_agents",
    "m20261127_conversations",
    "m20261127_mcp",
    "m20261127_statistics",
    "m20261127_lessons",
    "m20261127_queue",
    "m20261127_workers",
    "m20261127_tokens",
    "m20261127_triggers",
    "m20261127_spread",
    "m20261127_numbers",
    "m20261127_token_rates",
    "m20261127_schedule_times",
    "m20261127_slots",
)
"""Module names below this package, which are also the revision ids in the database, oldest first."""
