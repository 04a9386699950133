"""The step type that asks a chat model."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Literal

from core.engine.errors import StepError
from core.engine.model_answer import whole_answer
from core.engine.services import ChatAnswer, ChatDelta, ChatRequest, Message, Models
from core.engine.step_type import Config, StepContext, StepType, setting
from core.steps.parts.answers import UnfitAnswer, instruction, read_answer, schema_problems
from core.steps.parts.attachments import Attachments, address_hosts, file_part, keep_pictures, picture_part
from core.steps.parts.needs import models_of
from core.steps.parts.text import Text, clean_text
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json


class ChatConfig(Config):
    """Settings of a chat step."""

    model: Text = setting("", title="Model", help="Empty for the default of the settings.", widget="model")
    system: Text = setting("", title="System", help="Who the model is and how it answers.", widget="multiline")
    prompt: Text = setting(title="Prompt", help="What to ask.", widget="multiline", min_length=1)
    images: Attachments = setting(
        title="Images", help="Paths, blobs or https addresses of pictures.", widget="file", default_factory=list
    )
    files: Attachments = setting(
        title="Files", help="Paths or blobs of documents, sound or text.", widget="file", default_factory=list
    )
    temperature: float | None = setting(None, title="Temperature", help="0 is the most even.", ge=0, le=2)
    max_tokens: int | None = setting(None, title="Longest answer", unit="tokens", ge=1, le=1_000_000)
    effort: Literal["", "none", "minimal", "low", "medium", "high", "xhigh", "max"] = setting(
        "",
        title="Reasoning effort",
        help="How long the model thinks before it answers.",
        labels={"": "Left to the model", "xhigh": "Very high", "max": "The most"},
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
    fallbacks: list[Text] = setting(
        title="Fallback models", help="Tried in this order when the model fails.", widget="model", default_factory=list
    )


class ChatStep(StepType[ChatConfig]):
    """Asks a chat model and streams its answer.

    - `model`: the model's name, such as `openai/gpt-5-mini`; empty for the default of the settings.
    - `system`, `prompt`: the texts that are sent.
    - `images`, `files`: what to send along: paths inside granted folders, blobs of earlier steps, `data:` URLs or
      `https:` addresses. Text files are sent as text; pictures, sound, video and documents as such, up to 50 MB each.
    - `temperature`, `max_tokens`, `effort`: how the model answers; empty leaves it to the model.
    - `schema`: a JSON Schema. The answer is checked against it on this machine; a model that misses it is told what
      was wrong and asked once more, and after that the step fails with the kind `validation`.
    - `fallbacks`: models that are tried in order when the first one fails.

    How long an answer may take is the step's `timeout`.

    **Port:** `out`. **Output:** `text` is the answer, `json` the parsed answer when a `schema` is set. `finish` tells
    how it ended: `stop`, `length` (cut off at `max_tokens`) or `content_filter`. A refusal fails the step with the kind
    `refused`. Beside them `model`, `reasoning`, `images`, `tokens_in`, `tokens_out` and `cost_usd`.

    ```yaml
    classify:
      type: chat
      config:
        model: openai/gpt-5-mini
        prompt: "How urgent is this ticket, from 1 to 5? {{ input.ticket }}"
        temperature: 0
        schema:
          type: object
          properties: {urgency: {type: integer, minimum: 1, maximum: 5}}
          required: [urgency]
    ```
    """

    type = "chat"
    title = "Chat"
    icon = "message-square"
    category = "model"
    also_called = "llm prompt completion gpt ask model"
    effect = "spends"
    outputs: ClassVar[Mapping[str, str]] = {
        "text": "The answer.",
        "json": "The answer as a JSON value; null without a schema.",
        "model": "The model that answered.",
        "finish": "How the answer ended: stop, length, content_filter or tool_calls.",
        "reasoning": "What the model thought aloud, if it tells.",
        "images": "Pictures in the answer, as blobs.",
        "tokens_in": "Tokens sent.",
        "tokens_out": "Tokens answered.",
        "cost_usd": "Cost in US dollars.",
    }
    main_field = "prompt"
    main_output = "text"
    config_model = ChatConfig

    def is_outward(self, config: Mapping[str, Json]) -> bool:
        """If what flows in can be a web address, which the model's server would fetch."""
        return self.hosts(config) is None

    def hosts(self, config: Mapping[str, Json]) -> Sequence[str] | None:
        """Those of web addresses among its pictures and files, which the model's server fetches."""
        return address_hosts([*_listed(config.get("images")), *_listed(config.get("files"))])

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """A schema that is none."""
        return schema_problems(config)

    async def run(self, config: ChatConfig, context: StepContext) -> dict[str, Json]:
        """Ask, and once more if a structured answer does not fit."""
        models = models_of(context)
        request = await _request(config, context)
        answer = await _ask(models, request, context)
        value: Json = None
        if config.answer_schema is not None:
            answer, value = await _structured(models, request, answer, config.answer_schema, context)
        return await _output(answer, value, context)


async def _request(config: ChatConfig, context: StepContext) -> ChatRequest:
    messages: list[Message] = []
    system = config.system
    if config.answer_schema is not None:
        system = f"{system}\n\n{instruction(config.answer_schema)}".strip()
    if system:
        messages.append({"role": "system", "content": system})
    messages.append({"role": "user", "content": await _content(config, context)})
    return ChatRequest(
        messages=messages,
        model=config.model,
        fallbacks=tuple(config.fallbacks),
        temperature=config.temperature,
        max_tokens=config.max_tokens,
        effort=config.effort,
        schema=config.answer_schema,
    )


async def _content(config: ChatConfig, context: StepContext) -> str | list[Message]:
    """Plain text where nothing goes along: servers without parts take nothing else."""
    files = [await file_part(item, context) for item in config.files]
    images = [await picture_part(item, context) for item in config.images]
    if not files and not images:
        return config.prompt
    return [*files, *images, {"type": "text", "text": config.prompt}]


async def _ask(models: Models, request: ChatRequest, context: StepContext) -> ChatAnswer:
    """One answer, streamed to the host. Raises StepError for a refusal and for what the models raise."""
    context.record_request(models.wire_request(request))
    answer = await whole_answer(models, request, lambda piece: _show(piece, context))
    context.spend(answer.usage)
    if answer.refusal:
        raise StepError(
            f"{answer.model} refused to answer: {answer.refusal[:500]} Change the prompt or the model.", kind="refused"
        )
    return answer


def _show(piece: ChatDelta, context: StepContext) -> None:
    if piece.reasoning:
        context.delta(piece.reasoning, "reasoning")
    if piece.text:
        context.delta(piece.text)


async def _structured(
    models: Models, request: ChatRequest, answer: ChatAnswer, schema: Mapping[str, Json], context: StepContext
) -> tuple[ChatAnswer, Json]:
    """The answer whose JSON fits, and that JSON. The model gets one chance to mend what did not fit."""
    try:
        return answer, read_answer(answer.text, schema)
    except UnfitAnswer as error:
        _raise_if_cut(answer)
        complaint = str(error)
    repair = {"role": "user", "content": f"{complaint} Reply with the corrected JSON alone."}
    context.delta("\n")
    second = await _ask(models, replace(request, messages=[*request.messages, answer.message, repair]), context)
    both = replace(second, usage=answer.usage + second.usage)
    try:
        return both, read_answer(second.text, schema)
    except UnfitAnswer as error:
        _raise_if_cut(second)
        raise StepError(
            f"{second.model} gave no fitting JSON, also when asked again. {error} "
            "Make the schema simpler, say more in the prompt, or take another model.",
            kind="validation",
            detail={"answer": second.text[:2000]},
        ) from None


def _raise_if_cut(answer: ChatAnswer) -> None:
    """Asking again does not mend an answer that was cut off or withheld."""
    if answer.finish == "length":
        raise StepError(
            f"{answer.model} was cut off after {answer.usage.tokens_out} tokens, so its JSON is not whole. "
            "Raise max_tokens or ask for less.",
            kind="limit",
        )
    if answer.finish == "content_filter":
        raise StepError(
            f"The provider's content filter withheld the answer of {answer.model}. Change the prompt or the model.",
            kind="refused",
        )


async def _output(answer: ChatAnswer, value: Json, context: StepContext) -> dict[str, Json]:
    usage = answer.usage
    return {
        "text": clean_text(answer.text),
        "json": value,
        "model": answer.model,
        "finish": answer.finish,
        "reasoning": clean_text(answer.reasoning),
        "images": await keep_pictures(answer.images, context),
        "tokens_in": usage.tokens_in,
        "tokens_out": usage.tokens_out,
        "cost_usd": usage.cost_usd,
    }


def _listed(value: Json) -> list[Json]:
    return value if isinstance(value, list) else [] if value is None else [value]
