"""Files that a person sends along with a message: kept by their hash, loaded when a model is asked."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from core.agents.context import PartLoader
from core.agents.errors import ChatError
from core.agents.foreign_text import marked, new_mark
from core.agents.kit import ModelFacts
from core.engine.errors import StepError
from core.engine.services import Blobs
from core.steps.parts.attachments import MAX_BYTES, is_text, media_type_of
from core.workflow.model import Json


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to send along. data: its bytes. name: as the person calls it. media_type: '' to find out."""

    data: bytes
    name: str
    media_type: str = ""


async def keep(attachments: Sequence[Attachment], blobs: Blobs | None, random: Random) -> list[dict[str, Json]]:
    """The parts that stand for them in a kept message. Raises ChatError for one that is too large."""
    if attachments and blobs is None:
        raise ChatError("Files cannot be kept here, so none can be sent along.")
    parts = []
    for each in attachments:
        if len(each.data) > MAX_BYTES:
            raise ChatError(f"{each.name} is larger than {MAX_BYTES // 1_000_000} MB. Send a smaller file.")
        assert blobs is not None
        ref = await blobs.put(each.data, media_type_of(each.data, each.name, each.media_type), each.name)
        parts.append({"type": "blob", **ref.as_json(), "mark": new_mark(random)})
    return parts


def refuse_unfit(attachments: Sequence[Attachment], facts: ModelFacts) -> None:
    """Raise ChatError for a file that the model is known not to take."""
    if not facts.inputs:
        return
    for each in attachments:
        kind = media_type_of(each.data, each.name, each.media_type).partition("/")[0]
        if kind in ("image", "audio", "video") and kind not in facts.inputs:
            what = {"image": "pictures", "audio": "sound", "video": "video"}[kind]
            raise ChatError(f"{facts.id} takes no {what}, so {each.name} cannot be sent. Choose another model.")


def loader(blobs: Blobs | None, facts: ModelFacts) -> PartLoader:
    """Loads files for a model, each once; a file that is gone or that the model does not take becomes a remark."""
    known: dict[str, Mapping[str, Any]] = {}

    async def load(part: Mapping[str, Any]) -> Mapping[str, Any]:
        key = str(part.get("blob"))
        if key not in known:
            known[key] = await _wire(part, blobs, facts)
        return known[key]

    return load


async def _wire(part: Mapping[str, Any], blobs: Blobs | None, facts: ModelFacts) -> Mapping[str, Any]:
    name, media_type = str(part.get("name") or "file"), str(part.get("media_type") or "")
    kind = media_type.partition("/")[0]
    try:
        data = await blobs.get(str(part["blob"])) if blobs is not None else None
    except StepError:
        data = None
    if data is None:
        return {"type": "text", "text": f"[The file {name} is no longer there.]"}
    if is_text(media_type):
        text = data.decode("utf-8", "replace")
        return {"type": "text", "text": marked(text, f"file {name}", str(part.get("mark") or "data-00000000"))}
    if kind == "image" and facts.inputs and "image" not in facts.inputs:
        return {"type": "text", "text": f"[The picture {name}, which {facts.id} cannot see.]"}
    encoded = (await asyncio.to_thread(base64.b64encode, data)).decode("ascii")
    url = f"data:{media_type};base64,{encoded}"
    if kind == "image":
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "file", "file": {"filename": name, "file_data": url}}
