from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.engine.errors import StepError
from core.engine.events import Usage
from core.engine.services import ChatImage, ImageAnswer, Services
from core.engine.testing import lone_context
from core.engine.testing_models import ScriptedModels
from core.steps.image import ImageStep
from tests.support.step_services import MemoryBlobs, OneFolder, output_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
JPEG = b"\xff\xd8\xff" + bytes(8)


async def test_pictures_go_to_the_blob_store_with_their_media_type() -> None:
    blobs = MemoryBlobs()
    made = ImageAnswer((ChatImage(PNG, "image/png"), ChatImage(JPEG, "image/jpeg")), "painter", usage=Usage(1, 2, 0.04))
    with ScriptedModels(made) as models:
        context = lone_context(services=Services(models=models, blobs=blobs))
        config = {"prompt": "A cat", "size": "2K", "aspect_ratio": "16:9", "quality": "high", "count": 2}
        output = await output_of(ImageStep(), config, context)
    first, second = output["images"]
    assert output["image"] == first
    assert (first["name"], second["name"], second["media_type"]) == ("step-1.png", "step-2.jpg", "image/jpeg")
    assert await blobs.get(first["blob"]) == PNG
    assert context.usage == Usage(1, 2, 0.04)
    request = models.image_requests[0]
    assert (request.size, request.aspect_ratio, request.quality, request.count) == ("2K", "16:9", "high", 2)
    assert context.request == {**config, "references": 0}


async def test_references_are_read_from_folders_and_blobs(tmp_path: Path) -> None:
    (tmp_path / "draft.png").write_bytes(PNG)
    blobs = MemoryBlobs()
    blob = (await blobs.put(JPEG, "image/jpeg")).as_json()
    models = ScriptedModels(ImageAnswer((ChatImage(PNG, "image/png"),), "painter"))
    context = lone_context(services=Services(models=models, blobs=blobs, folders=OneFolder(tmp_path)))
    await output_of(ImageStep(), {"prompt": "More", "references": ["draft.png", blob]}, context)
    assert list(models.image_requests[0].references) == [ChatImage(PNG, "image/png"), ChatImage(JPEG, "image/jpeg")]


async def test_a_web_address_as_reference_is_refused_with_the_way_out() -> None:
    context = lone_context(services=Services(models=ScriptedModels(), blobs=MemoryBlobs()))
    with pytest.raises(StepError, match=r"https://example.test/a.png is a web address.*api step") as caught:
        await output_of(ImageStep(), {"prompt": "x", "references": "https://example.test/a.png?key=secret"}, context)
    assert "secret" not in str(caught.value)


async def test_an_answer_without_a_picture_is_an_error_with_what_was_said() -> None:
    models = ScriptedModels(ImageAnswer((), "painter", text="I only write.", usage=Usage(1, 1, 0.01)))
    context = lone_context(services=Services(models=models, blobs=MemoryBlobs()))
    with pytest.raises(StepError, match=r"without a picture\. It said: I only write\."):
        await output_of(ImageStep(), {"prompt": "A cat"}, context)
    assert context.usage.cost_usd == 0.01


async def test_without_a_blob_store_nothing_is_spent() -> None:
    models = ScriptedModels()
    with pytest.raises(StepError, match="no blob store"):
        await output_of(ImageStep(), {"prompt": "A cat"}, lone_context(services=Services(models=models)))
    assert not models.image_requests


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({}, "prompt"),
        ({"prompt": "x", "count": 11}, "count"),
        ({"prompt": "x", "aspect_ratio": "wide"}, "aspect_ratio"),
        ({"prompt": "x", "output_format": "bmp"}, "output_format"),
    ],
)
def test_a_bad_configuration_is_named(config: dict[str, Any], field: str) -> None:
    (problem,) = ImageStep().check_config(config)
    assert problem.path[0] == field
