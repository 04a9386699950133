"""The demonstration model: offline, free, the same answer for the same prompt, and plain about what it is.

Used only when asked for. It never stands in for a missing key.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from core.engine.events import Usage
from core.engine.services import (
    ChatAnswer,
    ChatDelta,
    ChatImage,
    ChatRequest,
    FinishReason,
    ImageAnswer,
    ImageRequest,
    Message,
    ToolCall,
)
from core.llm.data_url import data_url
from core.llm.demo_json import sample_value
from core.llm.demo_picture import demo_picture
from core.llm.demo_prompt import (
    Prompt,
    described,
    read_prompt,
    summary_of,
    text_of,
    wanted_choice,
    wanted_number,
)
from core.llm.demo_vectors import DIMENSIONS, hashed_vector
from core.llm.tool_calls import wire_calls
from core.workflow.model import Json

DEMO_MODEL = "demo"
"""The name under which the demonstration model answers."""

_MARKED = re.compile(r"\A<(data-[0-9a-f]+)[^>\n]*>\n(.*)\n</\1>", re.DOTALL)
"""A result between the marks of foreign text."""


class DemoModels:
    """The `Models` of a machine without a key. Text says that it is a demonstration; a number or JSON alone cannot.

    Tokens are counted as one for each four characters, rounded up. Nothing costs anything.
    """

    async def stream(self, request: ChatRequest) -> AsyncGenerator[ChatDelta | ChatAnswer, None]:
        """The answer word by word and, last, the whole. Raises StepError for a schema that it cannot satisfy."""
        calls = _calls(request)
        text = "" if calls else _answer_text(request)
        text, finish = _cut(text, request)
        for word in re.findall(r"\S+\s*|\s+", text):
            await asyncio.sleep(0)  # each word reaches the listener before the next is made
            yield ChatDelta(word)
        draws = not calls and "image" in request.modalities
        images = (await _picture(read_prompt(request.messages).whole),) if draws else ()
        yield _whole(request, text, finish, calls, images)

    async def image(self, request: ImageRequest) -> ImageAnswer:
        """Small abstract pictures that follow from the prompt, PNG."""
        marks = [request.prompt] + [f"{request.prompt} #{n}" for n in range(2, request.count + 1)]
        images = [await _picture(mark + request.size + str(request.seed or "")) for mark in marks]
        return ImageAnswer(
            tuple(images), DEMO_MODEL, "A pattern made from the prompt. (demo)", Usage(_tokens(request.prompt))
        )

    async def embed(
        self, texts: Sequence[str], *, model: str = "", dimensions: int | None = None
    ) -> tuple[list[list[float]], Usage]:
        """Vectors by hashed words: texts that share words are near each other."""
        vectors = []
        for text in texts:
            await asyncio.sleep(0)
            vectors.append(hashed_vector(text, dimensions or DIMENSIONS))
        return vectors, Usage(sum(map(_tokens, texts)))

    def wire_request(self, request: ChatRequest) -> dict[str, Json]:
        """What was asked, in few words: nothing is sent anywhere."""
        return {"model": DEMO_MODEL, "messages": [_short(message) for message in request.messages]}

    async def aclose(self) -> None:
        """Nothing to close."""


def _answer_text(request: ChatRequest) -> str:
    prompt = read_prompt(request.messages)
    if request.schema is not None:
        return json.dumps(sample_value(request.schema, prompt), ensure_ascii=False, indent=1)
    number = wanted_number(prompt)
    if number is not None:
        return number
    results = _function_results(request.messages)
    if results:
        return f"The function said: {summary_of('; '.join(results), longest=600)} (demo)"
    choice = wanted_choice(prompt)
    if choice is not None:
        return choice
    if prompt.material:
        return f"{summary_of(prompt.material)} ({described(prompt.material).rstrip('.')}.) (demo)"
    return f"You said: “{summary_of(prompt.task)}” I am the demonstration model and cannot say more. (demo)"


def _calls(request: ChatRequest) -> tuple[ToolCall, ...]:
    """The function to call: the one that the prompt names or that is demanded, unless it has just answered."""
    if not request.tools or request.tool_choice == "none" or _function_results(request.messages):
        return ()
    prompt = read_prompt(request.messages)
    functions = [function for tool in request.tools if isinstance(function := tool.get("function"), Mapping)]
    named = [f for f in functions if f.get("name") == request.tool_choice] or [
        f for f in functions if _mentions(prompt, str(f.get("name", "")))
    ]
    if not named and request.tool_choice == "required":
        named = functions
    return tuple(_call(function, prompt) for function in named[:1])


def _call(function: Mapping[str, Any], prompt: Prompt) -> ToolCall:
    schema = function.get("parameters")
    value = sample_value(schema, prompt) if isinstance(schema, Mapping) and schema else {}
    arguments = value if isinstance(value, dict) else {}
    name = str(function.get("name", ""))
    return ToolCall(f"call_demo_{prompt.seed:08x}", name, arguments, json.dumps(arguments, ensure_ascii=False))


def _mentions(prompt: Prompt, name: str) -> bool:
    spellings = {name, name.replace("_", " "), name.replace("-", " ")}
    text = prompt.whole.lower()
    return bool(name) and any(re.search(rf"(?<!\w){re.escape(s.lower())}(?!\w)", text) for s in spellings)


def _function_results(messages: Sequence[Message]) -> list[str]:
    """What functions have answered since the user last spoke."""
    results: list[str] = []
    for message in reversed(messages):
        if message.get("role") == "user":
            break
        if message.get("role") == "tool":
            results.insert(0, _MARKED.sub(r"\2", text_of(message)))
    return results


def _cut(text: str, request: ChatRequest) -> tuple[str, FinishReason]:
    ends = [at for stop in request.stop if stop and (at := text.find(stop)) >= 0]
    text = text[: min(ends)] if ends else text
    if request.max_tokens is not None and _tokens(text) > request.max_tokens:
        return text[: request.max_tokens * 4], "length"
    return text, "stop"


def _whole(
    request: ChatRequest,
    text: str,
    finish: FinishReason,
    calls: tuple[ToolCall, ...],
    images: tuple[ChatImage, ...],
) -> ChatAnswer:
    message: Message = {"role": "assistant", "content": text or None}
    if calls:
        message["tool_calls"] = wire_calls(calls)
    if images:
        message["images"] = [{"type": "image_url", "image_url": {"url": data_url(image)}} for image in images]
    tokens_in = sum(_tokens(text_of(m)) for m in request.messages)
    tokens_out = _tokens(text) + sum(_tokens(call.raw) for call in calls)
    return ChatAnswer(
        text=text,
        message=message,
        model=DEMO_MODEL,
        finish="tool_calls" if calls else finish,
        tool_calls=calls,
        images=images,
        usage=Usage(tokens_in, tokens_out),
        provider="Steploom",
    )


async def _picture(text: str) -> ChatImage:
    # A tenth of a second of work, which would be seen as a hitch on the loop that draws the window.
    return ChatImage(await asyncio.to_thread(demo_picture, text), "image/png")


def _tokens(text: str) -> int:
    return (len(text) + 3) // 4


def _short(message: Message) -> Json:
    return {"role": str(message.get("role", "")), "content": text_of(message)}
