"""One answer of a chat model, put together from the chunks of its stream or from one whole body."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.engine.events import NO_USAGE, Usage
from core.engine.services import ChatAnswer, ChatDelta, ChatImage, FinishReason, Message
from core.llm.data_url import parse_data_url
from core.llm.errors import Asked, answer_error, connection_error
from core.llm.tool_calls import ToolCallPieces, wire_calls

_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "max_tokens": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}
_GROWING = ("text", "summary", "data")
"""The fields of a reasoning detail that arrive in pieces."""


class AnswerParts:
    """Collects what a server sends. prices: whether its cost figures count (only OpenRouter's do)."""

    def __init__(self, asked: Asked, *, new_id: Callable[[], str], prices: bool, generation_id: str = "") -> None:
        self._asked = asked
        self._prices = prices
        self._generation_id = generation_id
        self._model = ""
        self._provider = ""
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._details: list[dict[str, Any]] = []
        self._images: list[dict[str, Any]] = []
        self._annotations: list[Mapping[str, Any]] = []
        self._calls = ToolCallPieces(new_id)
        self._finish: FinishReason | None = None
        self._usage: Usage | None = None

    @property
    def finished(self) -> bool:
        """Whether the server said why the answer ended. Without it an answer is not whole."""
        return self._finish is not None

    @property
    def text(self) -> str:
        """The text so far."""
        return "".join(self._text)

    def add(self, body: Any) -> ChatDelta | None:
        """Take a chunk or a whole completion; what it adds to show. Raises StepError for an error in it."""
        if not isinstance(body, Mapping):
            raise connection_error(self._asked, "sent an event that is not a JSON object", kind="server")
        body = _unwrapped(body)
        if body.get("error"):
            raise answer_error(self._asked, 200, body)
        self._take_facts(body)
        choices = body.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, Mapping):
            return None
        if choice.get("error"):
            raise answer_error(self._asked, 200, choice)
        delta = choice.get("delta") or choice.get("message")
        shown = self._take_delta(delta) if isinstance(delta, Mapping) else None
        self._take_finish(choice)
        return shown

    def answer(self) -> ChatAnswer:
        """The whole answer. Raises StepError if the server never said that it was whole."""
        if self._finish is None:
            raise connection_error(self._asked, "ended its answer before it was complete")
        calls = self._calls.finish(cut_off=self._finish == "length")
        finish: FinishReason = "tool_calls" if calls and self._finish == "stop" else self._finish
        images = [image for item in self._images if (image := _picture(item)) is not None]
        return ChatAnswer(
            text=self.text,
            message=self._message(wire_calls(calls)),
            model=self._model or self._asked.model,
            finish=finish,
            reasoning="".join(self._reasoning),
            refusal="".join(self._refusal),
            tool_calls=calls,
            images=tuple(images),
            annotations=tuple(self._annotations),
            usage=self._usage or NO_USAGE,
            usage_known=self._usage is not None,
            provider=self._provider,
            generation_id=self._generation_id,
        )

    def _take_facts(self, body: Mapping[str, Any]) -> None:
        self._generation_id = _text(body.get("id")) or self._generation_id
        self._model = _text(body.get("model")) or self._model
        self._provider = _text(body.get("provider")) or self._provider
        if isinstance(body.get("usage"), Mapping):
            self._usage = usage_of(body["usage"], prices=self._prices)

    def _take_delta(self, delta: Mapping[str, Any]) -> ChatDelta | None:
        text = _content_text(delta.get("content"))
        reasoning = _text(delta.get("reasoning")) or _text(delta.get("reasoning_content"))
        self._text.append(text)
        self._reasoning.append(reasoning)
        self._refusal.append(_text(delta.get("refusal")))
        self._calls.add(_list(delta.get("tool_calls")))
        for detail in _list(delta.get("reasoning_details")):
            self._take_detail(detail)
        for image in _list(delta.get("images")):
            if isinstance(image, Mapping) and image not in self._images:
                self._images.append(dict(image))
        self._annotations += [note for note in _list(delta.get("annotations")) if note not in self._annotations]
        return ChatDelta(text, reasoning) if text or reasoning else None

    def _take_detail(self, detail: Any) -> None:
        """Merge by type and index together: one index may carry readable text and an encrypted part."""
        if not isinstance(detail, Mapping):
            return
        for known in self._details if detail.get("index") is not None else ():
            same = known.get("type") == detail.get("type") and known.get("index") == detail.get("index")
            if same and not (known.get("id") and detail.get("id") and known["id"] != detail["id"]):
                _merge_detail(known, detail)
                return
        self._details.append(dict(detail))

    def _take_finish(self, choice: Mapping[str, Any]) -> None:
        reason = _text(choice.get("finish_reason"))
        if not reason:
            return
        finish = _FINISH.get(reason, "stop")
        if finish == "error":
            native = _text(choice.get("native_finish_reason"))
            said = f"broke the answer off ({native})" if native and native != "error" else "broke the answer off"
            raise connection_error(self._asked, said, kind="server")
        self._finish = finish

    def _message(self, calls: list[dict[str, Any]]) -> Message:
        message: Message = {"role": "assistant", "content": self.text or None}
        optional = {
            "refusal": "".join(self._refusal),
            "reasoning": "".join(self._reasoning),
            "reasoning_details": self._details,
            "tool_calls": calls,
            "images": self._images,
            "annotations": self._annotations,
        }
        message.update({name: value for name, value in optional.items() if value})
        return message


def usage_of(usage: Mapping[str, Any], *, prices: bool) -> Usage:
    """Counts and cost as a server states them; whatever it leaves out is 0."""
    tokens_in = _number(usage.get("prompt_tokens"))
    tokens_out = _number(usage.get("completion_tokens"))
    return Usage(int(tokens_in), int(tokens_out), _number(usage.get("cost")) if prices else 0.0)


def _unwrapped(body: Mapping[str, Any]) -> Mapping[str, Any]:
    """OpenRouter sometimes leaves the top empty and puts the whole completion under `provider`."""
    inner = body.get("provider")
    if not body.get("choices") and isinstance(inner, Mapping) and inner.get("choices"):
        return inner
    return body


def _merge_detail(known: dict[str, Any], detail: Mapping[str, Any]) -> None:
    for name, value in detail.items():
        if name in _GROWING and isinstance(value, str):
            known[name] = (known.get(name) or "") + value
        elif value is not None:
            known[name] = value


def _picture(item: Mapping[str, Any]) -> ChatImage | None:
    place = item.get("image_url")
    url = place.get("url") if isinstance(place, Mapping) else place
    return parse_data_url(url) if isinstance(url, str) else None


def _content_text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(_text(part.get("text")) for part in content if isinstance(part, Mapping))
    return _text(content)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float:
    try:
        return max(0.0, float(value or 0))
    except (TypeError, ValueError):
        return 0.0
