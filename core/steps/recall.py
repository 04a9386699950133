"""The step type `recall`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from core.engine.step_type import Config, StepContext, StepType, setting
from core.steps.parts.needs import memory_of
from core.steps.parts.text import Text
from core.workflow.model import Json


class RecallConfig(Config):
    """What is asked, and of whose memories."""

    question: Text = setting(
        title="Question", help="What the memories should help with.", widget="multiline", min_length=1
    )
    agent: Text = setting("", title="Agent", help="Empty for the memories that all agents share.", widget="agent")
    shared: bool = setting(True, title="With shared memories", help="Besides the agent's own.")
    limit: int = setting(10, title="At most", unit="memories", ge=1, le=100)
    tokens: int = setting(1500, title="Room", help="For all of them together.", unit="tokens", ge=50, le=100_000)


class RecallStep(StepType[RecallConfig]):
    """Finds what an agent remembers that has to do with a question.

    Memories are found by meaning and by words; important ones and those that were of use lately come first. Pinned
    memories come always. `text` holds one line for each, made for a prompt; it is empty if nothing fits, and then
    saying so is better than guessing.

    Without an embedding model (no key, no server) memories are found by their words only: `mode` is then `keyword`, and
    `note` says what that cannot do.

    **Port:** `out`. **Output:** `text`, the memories as lines; `memories`, a list of objects with `id`, `content`,
    `type`, `score`, `why` and `since`; `count`, `mode` and `note`.

    ```yaml
    background:
      type: recall
      config:
        agent: Ada
        question: "{{ input.ticket }}"
        limit: 5
    ```
    """

    type = "recall"
    title = "Recall"
    icon = "brain"
    category = "model"
    also_called = "memory search retrieve rag vector knowledge"
    effect = "spends"
    outputs: ClassVar[Mapping[str, str]] = {
        "text": "The memories as lines for a prompt.",
        "memories": "The memories, best first: id, content, type, score, why, since.",
        "count": "How many there are.",
        "mode": "How they were found: vector or keyword.",
        "note": "What the search could not do.",
    }
    main_field = "question"
    main_output = "text"
    config_model = RecallConfig

    async def run(self, config: RecallConfig, context: StepContext) -> dict[str, Json]:
        """Search, and count what is found as used."""
        found = await memory_of(context).recall(
            config.agent, config.question, limit=config.limit, tokens=config.tokens, shared=config.shared
        )
        context.spend(found.usage)
        return {
            "text": found.text,
            "memories": [memory.as_json() for memory in found.memories],
            "count": len(found.memories),
            "mode": found.mode,
            "note": found.note,
        }
