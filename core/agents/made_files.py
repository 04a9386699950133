"""Pictures and files that models and functions make: kept by their hash, named where they were made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from core.agents.chat_events import CallFinished, MessageSaved
from core.engine.named_files import named_files
from core.engine.services import Blobs, ChatAnswer, Message
from core.steps.parts.attachments import extension_of
from core.store.conversation_records import StoredMessage
from core.workflow.model import Json

IMAGES: Final = "images"
"""Key of an assistant message, as servers spell it, that holds its pictures."""

MOST: Final = 24
"""Files that one answer or one result is shown with; more stay in the run that made them."""

_DEEPEST: Final = 12


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A file that was made. data: its bytes. name: '' if it has none."""

    data: bytes
    media_type: str
    name: str = ""


async def kept_message(answer: ChatAnswer, blobs: Blobs | None) -> Message:
    """An answer's message with its pictures put into the store, named there by their hash.

    Addresses of pictures elsewhere stay as they are: nothing is fetched.
    """
    if blobs is None or not answer.images:
        return answer.message
    made = [
        MadeFile(image.data, image.media_type, f"picture-{number}{extension_of(image.media_type)}")
        for number, image in enumerate(answer.images, 1)
    ]
    elsewhere = [each for each in answer.message.get(IMAGES) or () if not _address(each).startswith("data:")]
    return {**answer.message, IMAGES: [*await keep(made, blobs), *elsewhere]}


async def keep(files: Sequence[MadeFile], blobs: Blobs) -> list[dict[str, Json]]:
    """The parts that stand for files which are kept now."""
    kept = []
    for each in files:
        ref = await blobs.put(each.data, each.media_type, each.name or f"file{extension_of(each.media_type)}")
        kept.append({"type": "blob", **ref.as_json()})
    return kept


def files_in(value: Json) -> list[dict[str, Json]]:
    """The kept files that a value names, such as the outputs of a workflow, each once, in their order."""
    found: dict[str, dict[str, Json]] = {}
    for each in named_files(value, _DEEPEST):
        if len(found) >= MOST:
            break
        kept = {key: each[key] for key in ("blob", "media_type", "size", "name") if key in each}
        found.setdefault(each["blob"], {"type": "blob", **kept})
    return list(found.values())


def made_by(message: StoredMessage) -> list[Mapping[str, Json]]:
    """The kept pictures of an answer."""
    parts = message.body.get(IMAGES) if message.role == "assistant" else None
    return [part for part in parts or () if isinstance(part, Mapping) and part.get("type") == "blob"]


def files_of(message: StoredMessage) -> list[Mapping[str, Json]]:
    """The kept files of a message, each once: those it brings along, and those that it or its functions made."""
    content = message.body.get("content")
    parts = [*(content if isinstance(content, list) else ()), *made_by(message)]
    for call in message.calls:
        parts += call.files
    found: dict[str, Mapping[str, Json]] = {}
    for part in parts:
        if isinstance(part, Mapping) and part.get("type") == "blob":
            found.setdefault(str(part.get("blob")), part)
    return list(found.values())


def made_in(event: object) -> list[Mapping[str, Json]]:
    """The kept files that the model, a function or the workflow made, as an event of a conversation tells."""
    if isinstance(event, MessageSaved):
        return made_by(event.message)
    return event.call.files if isinstance(event, CallFinished) else []


def hashes(parts: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The hashes of the kept files among the parts of a message."""
    return tuple(str(part["blob"]) for part in parts if part.get("type") == "blob")


def _address(image: Any) -> str:
    place = image.get("image_url") if isinstance(image, Mapping) else None
    url = place.get("url") if isinstance(place, Mapping) else place
    return url if isinstance(url, str) else ""
