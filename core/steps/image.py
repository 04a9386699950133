"""The step type that has a picture made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from core.engine.errors import StepError
from core.engine.services import ImageRequest
from core.engine.step_type import Config, StepContext, StepType, setting
from core.steps.parts.attachments import Attachments, keep_pictures, pictures
from core.steps.parts.needs import blobs_of, models_of
from core.steps.parts.text import Text, clean_text
from core.workflow.model import Json


class ImageConfig(Config):
    """Settings of an image step."""

    prompt: Text = setting(title="Prompt", help="What the picture shows.", widget="multiline", min_length=1)
    model: Text = setting("", title="Model", help="Empty for the default of the settings.", widget="model")
    size: Text = setting("", title="Size", help="As the model spells it: 1024x1024, 2K.")
    aspect_ratio: Text = setting("", title="Aspect ratio", help="Such as 16:9.", pattern=r"^(\d{1,3}:\d{1,3})?$")
    quality: Text = setting("", title="Quality", help="As the model spells it: low, medium, high.")
    output_format: Literal["", "png", "jpeg", "webp"] = setting(
        "", title="File format", labels={"": "Left to the model", "png": "PNG", "jpeg": "JPEG", "webp": "WebP"}
    )
    background: Literal["", "auto", "transparent", "opaque"] = setting(
        "", title="Background", labels={"": "Left to the model", "auto": "As it fits"}
    )
    count: int = setting(1, title="How many", ge=1, le=10)
    seed: int | None = setting(None, title="Seed", help="The same seed gives the same picture where the model can.")
    references: Attachments = setting(
        title="References", help="Pictures to start from: paths or blobs.", widget="file", default_factory=list
    )


class ImageStep(StepType[ImageConfig]):
    """Has a model make pictures and keeps them in the blob store.

    - `prompt`: what the picture shows.
    - `model`: the model's name; empty for the default of the settings.
    - `size`, `aspect_ratio`, `quality`, `output_format`, `background`, `seed`: passed on to models that know them.
    - `count`: how many pictures, 1 to 10.
    - `references`: pictures to start from: paths inside granted folders, blobs of earlier steps or `data:` URLs.

    **Port:** `out`. **Output:** `images` is a list of blobs (`{blob, media_type, size, name}`) and `image` the first of
    them; a `write_file` step puts one on disk, a `chat` step takes them under `images`. Beside them `text`, `model`,
    `tokens_in`, `tokens_out` and `cost_usd`.

    ```yaml
    paint:
      type: image
      config:
        model: bytedance-seed/seedream-4.5
        prompt: "{{ brief.json.picture }}"
        aspect_ratio: "16:9"
    ```
    """

    type = "image"
    title = "Image"
    icon = "image"
    category = "model"
    also_called = "picture draw paint vision"
    effect = "spends"
    outputs: ClassVar[Mapping[str, str]] = {
        "image": "The first picture, as a blob.",
        "images": "All pictures, as blobs.",
        "text": "What the model said beside the pictures.",
        "model": "The model that answered.",
        "tokens_in": "Tokens sent.",
        "tokens_out": "Tokens answered.",
        "cost_usd": "Cost in US dollars.",
    }
    main_field = "prompt"
    main_output = "image"
    config_model = ImageConfig

    async def run(self, config: ImageConfig, context: StepContext) -> dict[str, Json]:
        """Have the pictures made and keep them."""
        models = models_of(context)
        blobs_of(context)  # a missing store is better told before money is spent
        request = ImageRequest(
            prompt=config.prompt,
            model=config.model,
            size=config.size,
            aspect_ratio=config.aspect_ratio,
            quality=config.quality,
            output_format=config.output_format,
            background=config.background,
            seed=config.seed,
            count=config.count,
            references=tuple(await pictures(config.references, context)),
        )
        context.record_request(_recorded(request))
        answer = await models.image(request)
        context.spend(answer.usage)
        if not answer.images:
            said = f" It said: {answer.text[:300]}" if answer.text else ""
            raise StepError(
                f"{answer.model} answered without a picture.{said} Change the prompt, or take a model for pictures.",
                kind="refused",
            )
        kept = await keep_pictures(answer.images, context)
        return {
            "image": kept[0],
            "images": kept,
            "text": clean_text(answer.text),
            "model": answer.model,
            "tokens_in": answer.usage.tokens_in,
            "tokens_out": answer.usage.tokens_out,
            "cost_usd": answer.usage.cost_usd,
        }


def _recorded(request: ImageRequest) -> dict[str, Json]:
    """The request for the inspector: what was set, pictures by number."""
    shown: dict[str, Json] = {
        "prompt": request.prompt,
        "model": request.model,
        "size": request.size,
        "aspect_ratio": request.aspect_ratio,
        "quality": request.quality,
        "output_format": request.output_format,
        "background": request.background,
        "seed": request.seed,
        "count": request.count,
        "references": len(request.references),
    }
    return {key: value for key, value in shown.items() if value not in ("", None)}
