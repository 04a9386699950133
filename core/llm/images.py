"""Pictures from a model server, by its route for pictures or by a chat that answers with one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from random import Random
from typing import Any

from core.engine.errors import StepError
from core.engine.events import NO_USAGE, Usage
from core.engine.services import ChatAnswer, ChatImage, ImageAnswer, ImageRequest
from core.llm.answer import usage_of
from core.llm.catalogue import ModelInfo
from core.llm.chat import Chat, stream_data
from core.llm.connection import Answer, ServerConnection, TimeLimit
from core.llm.data_url import decode_base64, media_type_of
from core.llm.errors import Asked, answer_error, connection_error
from core.llm.profile import ServerProfile
from core.llm.retry import RetryPolicy
from core.llm.wire import image_body, image_chat_body

SLOWEST_PICTURE = 300.0
"""Seconds without a byte while a picture is made; a buffered answer sends nothing until it is ready."""


class Pictures:
    """Asks one server for pictures."""

    def __init__(self, connection: ServerConnection, chat: Chat, *, random: Random, retries: RetryPolicy) -> None:
        self._connection = connection
        self._chat = chat
        self._random = random
        self._retries = retries

    async def make(
        self, request: ImageRequest, model: str, profile: ServerProfile, info: ModelInfo | None
    ) -> ImageAnswer:
        """The pictures. info: what the list of models says of the model. Raises StepError.

        A listed model is asked by the route that it is listed for; if that turns out wrong, by the other one.
        """
        limit = TimeLimit(self._connection.clock, request.timeout)
        if not profile.routing:
            if request.references:
                raise StepError(
                    f"{profile.title} cannot start from other pictures. Remove the references, or use OpenRouter.",
                    kind="bad_request",
                )
            return await self._by_route(request, model, profile, limit)
        routes = [self._by_route, self._by_chat]
        if info is not None and not info.makes_pictures:
            if info.output_modalities and "image" not in info.output_modalities:
                raise _makes_none(model)
            routes.reverse()
        try:
            return await routes[0](request, model, profile, limit, info)
        except StepError as error:
            if not _is_wrong_route(error):
                raise
            try:
                return await routes[1](request, model, profile, limit, info)
            except StepError as second:
                raise (error if _is_wrong_route(second) else second) from None

    async def _by_route(
        self,
        request: ImageRequest,
        model: str,
        profile: ServerProfile,
        limit: TimeLimit,
        info: ModelInfo | None = None,
    ) -> ImageAnswer:
        body = image_body(request, model, profile)

        async def attempt() -> ImageAnswer:
            read = request.timeout or SLOWEST_PICTURE
            async with self._connection.open(profile.pictures, body, limit=limit, model=model, read=read) as answer:
                if answer.content_type == "text/event-stream":
                    return await _from_events(answer, model, prices=profile.prices)
                return _from_body(await answer.body(), answer.asked, prices=profile.prices)

        return await self._retried(attempt, limit, model)

    async def _retried(
        self, attempt: Callable[[], Awaitable[ImageAnswer]], limit: TimeLimit, model: str
    ) -> ImageAnswer:
        failures = 0
        while True:
            try:
                return await attempt()
            except StepError as error:
                failures += 1
                wait = self._retries.wait_before_next(error, failures, self._random)
                if wait is None:
                    raise
            await limit.wait(self._connection.clock.sleep(wait), self._connection.asked(model))

    async def _by_chat(
        self,
        request: ImageRequest,
        model: str,
        profile: ServerProfile,
        limit: TimeLimit,
        info: ModelInfo | None = None,
    ) -> ImageAnswer:
        """One chat for each picture, for a chat gives as many as it likes and takes no count."""
        body = image_chat_body(request, model, profile, info)
        answers = [await self._one_chat(body, profile, limit) for _ in range(max(1, request.count))]
        images = tuple(image for answer in answers for image in answer.images)
        if not images:
            raise _no_picture(self._connection.asked(model), answers[0].refusal or answers[0].text)
        usage = sum((answer.usage for answer in answers), NO_USAGE)
        return ImageAnswer(images, answers[0].model, "\n".join(filter(None, (a.text for a in answers))), usage)

    async def _one_chat(self, body: Mapping[str, Any], profile: ServerProfile, limit: TimeLimit) -> ChatAnswer:
        async with aclosing(self._chat.stream(body, prices=profile.prices, limit=limit)) as pieces:
            async for piece in pieces:
                if isinstance(piece, ChatAnswer):
                    return piece
        raise AssertionError("a chat ends with its answer or an error")


async def _from_events(answer: Answer, model: str, *, prices: bool) -> ImageAnswer:
    images: list[ChatImage] = []
    usage = NO_USAGE
    async with aclosing(stream_data(answer)) as events:
        async for event in events:
            if not isinstance(event, Mapping):
                continue
            kind = str(event.get("type", ""))
            if kind == "error" or event.get("error"):
                raise answer_error(answer.asked, 200, event)
            if kind == "image_generation.completed":
                images += _images([event], answer.asked)
                usage += _usage(event, prices=prices)
    if not images:
        raise connection_error(answer.asked, "ended its answer before the picture was complete")
    return ImageAnswer(tuple(images), model, usage=usage)


def _from_body(body: Any, asked: Asked, *, prices: bool) -> ImageAnswer:
    if not isinstance(body, Mapping):
        raise connection_error(asked, "sent an answer that is not a JSON object", kind="server")
    if body.get("error"):
        raise answer_error(asked, 200, body)
    data = body.get("data")
    images = _images(data if isinstance(data, list) else [], asked)
    if not images:
        raise _no_picture(asked, "")
    return ImageAnswer(tuple(images), asked.model, usage=_usage(body, prices=prices))


def _images(items: list[Any], asked: Asked) -> list[ChatImage]:
    images = []
    for item in items:
        text = item.get("b64_json") if isinstance(item, Mapping) else None
        data = decode_base64(text) if isinstance(text, str) else None
        if not data:
            raise connection_error(asked, "sent a picture whose data is missing or damaged", kind="server")
        images.append(ChatImage(data, str(item.get("media_type") or media_type_of(data))))
    return images


def _usage(body: Mapping[str, Any], *, prices: bool) -> Usage:
    usage = body.get("usage")
    return usage_of(usage, prices=prices) if isinstance(usage, Mapping) else NO_USAGE


def _is_wrong_route(error: StepError) -> bool:
    status = error.detail.get("status")
    return status in (404, 405, 501) or error.detail.get("availability") in ("wrong_endpoint", "model_not_found")


def _no_picture(asked: Asked, said: str) -> StepError:
    reason = f" but said: {asked.clean(said)}" if said else ""
    return StepError(
        f"{asked.what} sent no picture{reason}. Reword the prompt, or choose another model.",
        kind="refused" if said else "server",
        detail={"model": asked.model},
    )


def _makes_none(model: str) -> StepError:
    return StepError(
        f"The model {model} makes no pictures. Choose one that does: `steploom models` lists what each one gives.",
        kind="bad_request",
        detail={"model": model},
    )
