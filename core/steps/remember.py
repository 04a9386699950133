"""The step type `remember`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from core.engine.step_type import Config, StepContext, StepType, setting
from core.steps.parts.needs import memory_of
from core.steps.parts.text import Text
from core.workflow.model import Json


class RememberConfig(Config):
    """What is kept, and by whom."""

    content: Text = setting(
        title="Statement", help="One sentence that can be understood by itself.", widget="multiline", min_length=1
    )
    agent: Text = setting("", title="Agent", help="Empty for the memories that all agents share.", widget="agent")
    kind: Literal["fact", "learned", "conversation"] = setting(
        "fact",
        title="Type",
        help="What is so, how work is done, or what was talked about.",
        labels={"fact": "A fact", "learned": "Something learned", "conversation": "Of a conversation"},
    )
    importance: float = setting(0.5, title="Importance", help="0 is passing, 1 must not be forgotten.", ge=0, le=1)
    pinned: bool = setting(False, title="Pinned", help="Recalled whatever is asked.")
    from_outside: bool = setting(
        False, title="From outside", help="It comes from the web, a mail or a file: a person must confirm it first."
    )


class RememberStep(StepType[RememberConfig]):
    """Keeps a statement among what an agent remembers.

    The same statement twice is one memory. A statement that gives a newer value, or denies what was known, replaces the
    old one, which stays in the history; statements that differ in a number or a name are both kept. Passwords, keys,
    raw data and instructions are refused: `outcome` is then `refused`, `reason` says why, and the step does not fail.

    **Port:** `out`. **Output:** `outcome` (`new`, `same`, `updated`, `contradiction`, `quarantined` or `refused`), `id`
    of the memory that says it now, `replaced` with the id of the one that no longer holds, and `reason`.

    ```yaml
    keep:
      type: remember
      config:
        agent: Ada
        content: "{{ classify.json.customer }} pays by invoice."
        importance: 0.7
    ```
    """

    type = "remember"
    title = "Remember"
    icon = "archive"
    category = "model"
    also_called = "memory store knowledge"
    # Keeping the same statement again makes no second memory, so an interrupted step may simply run again.
    effect = "spends"
    outputs: ClassVar[Mapping[str, str]] = {
        "outcome": "What came of it: new, same, updated, contradiction, quarantined or refused.",
        "id": "The memory that says it now; empty if it was refused.",
        "replaced": "The memory that no longer holds, or empty.",
        "reason": "Why, in words.",
    }
    main_field = "content"
    main_output = "id"
    config_model = RememberConfig

    def teaches(self, config: Mapping[str, Json]) -> bool:
        """Unless a person must confirm it first."""
        return config.get("from_outside") is not True

    async def run(self, config: RememberConfig, context: StepContext) -> dict[str, Json]:
        """Keep it, unless it is known or must not be kept."""
        kept = await memory_of(context).remember(
            config.agent,
            config.content,
            type=config.kind,
            importance=config.importance,
            pinned=config.pinned,
            foreign=config.from_outside,
            run_id=context.run_id,
        )
        context.spend(kept.usage)
        return {
            "outcome": kept.outcome,
            "id": kept.memory.id if kept.memory else "",
            "replaced": kept.replaced,
            "reason": kept.reason,
        }
