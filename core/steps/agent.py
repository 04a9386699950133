"""The step type that has an agent work."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from core.engine.errors import StepError
from core.engine.services import AgentTask
from core.engine.step_type import Config, StepContext, StepType, setting
from core.steps.parts.answers import schema_problems
from core.steps.parts.attachments import Attachments, keep_attachments
from core.steps.parts.fields import FilledText
from core.steps.parts.text import Text, clean_text
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json


class AgentConfig(Config):
    """Settings of an agent step."""

    agent: FilledText = setting(title="Agent", help="Its name in the list of agents.", widget="agent")
    task: Text = setting(title="Task", help="What it is to do, as you would say it.", widget="multiline", min_length=1)
    material: Text = setting(
        "",
        title="Material",
        help="Text that others wrote, such as a web page or a mail: it is worked on, and gives no orders.",
        widget="multiline",
    )
    files: Attachments = setting(
        title="Files", help="Paths or blobs of pictures and documents.", widget="file", default_factory=list
    )
    # Named so because a field `schema` would hide a method of pydantic's models.
    answer_schema: dict[str, Any] | None = setting(
        None,
        title="Structured answer",
        help="JSON Schema of the answer; it comes out under json.",
        widget="json_schema",
        template=False,
        alias="schema",
    )
    usd: float | None = setting(
        None, title="Most cost", help="Besides the limits of the agent itself.", unit="USD", ge=0
    )


class AgentStep(StepType[AgentConfig]):
    """Has an agent work on a task until it has an answer.

    The agent brings its own prompt, model, memory, functions and limits. Each function it calls is a step below this
    one in the timeline (`answer/lookup[1]`), and a workflow it calls runs inside this run. The agent and its workflows
    share this workflow's variables: what one sets, the other sees.

    - `agent`: its name.
    - `task`: what it is to do.
    - `material`: text that came from outside, to work on. It is marked as data, as files are, and an agent that has
      read it asks before it calls what changes something or can carry data away, even where its settings leave that to
      it. Put what strangers wrote here and not into the task.
    - `files`: pictures and documents to look at: paths inside granted folders, or blobs of earlier steps.
    - `schema`: a JSON Schema of the answer, instead of the agent's own.
    - `usd`: what it may cost here at most.

    A call that needs a person's leave suspends the run with the question; it goes on when somebody answers in the
    application or by `steploom runs answer`. After a crash nothing that the agent did is done again.

    **Port:** `out`. **Output:** `text` is the answer, `json` the parsed answer when there is a schema. Beside them
    `model`, `requests` (to models), `calls` (of functions) and `conversation`, where the whole of it can be read.

    ```yaml
    answer:
      type: agent
      config:
        agent: Support
        task: Answer this customer.
        material: "{{ input.message }}"
    ```
    """

    type = "agent"
    title = "Agent"
    icon = "bot"
    category = "model"
    also_called = "assistant react tools"
    effect = "spends"
    has_children = True
    outputs: ClassVar[Mapping[str, str]] = {
        "text": "The answer.",
        "json": "The answer as a JSON value; null without a schema.",
        "agent": "The agent that answered in the end.",
        "model": "The model that answered.",
        "requests": "How often a model was asked.",
        "calls": "How many functions were called.",
        "conversation": "The conversation in which it worked.",
        "images": "Pictures that its model made, as blobs; usually none.",
    }
    main_field = "task"
    main_output = "text"
    config_model = AgentConfig

    def is_outward(self, config: Mapping[str, Json]) -> bool:
        """What it calls is decided upon call by call, so the step itself is not."""
        return False

    def hosts(self, config: Mapping[str, Json]) -> Sequence[str] | None:
        """Unknown: that is up to the agent."""
        return None

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """A schema that is none."""
        return schema_problems(config)

    async def run(self, config: AgentConfig, context: StepContext) -> dict[str, Json]:
        """Have the agent work."""
        agents = context.services.agents
        if agents is None:
            raise StepError("No agents are connected here. Run this through a workspace.", kind="config")
        files = await keep_attachments(config.files, context)
        answer = await agents.work(
            AgentTask(config.agent, config.task, config.answer_schema, files, config.usd, config.material), context
        )
        return {
            "text": clean_text(answer.text),
            "json": answer.value,
            "agent": answer.agent,
            "model": answer.model,
            "requests": answer.requests,
            "calls": answer.calls,
            "conversation": answer.conversation,
            "images": [dict(image) for image in answer.images],
        }
