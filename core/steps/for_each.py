"""The step type `for_each`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, JsonValue

from core.engine.errors import StepError, Suspended
from core.engine.step_type import Config, StepContext, StepType, setting
from core.workflow.model import Json


def _items(value: object) -> object:
    """A list out of what may be a list, an object, or JSON text of one of them."""
    if isinstance(value, str):
        text = value
        try:
            value = json.loads(text)
        except ValueError:
            shown = text if len(text) <= 60 else f"{text[:57]}…"
            raise ValueError(
                f"A list is needed, or JSON text of one, but this is the text {shown!r}. "
                "To go through its lines use {{ value.splitlines() }}."
            ) from None
    if isinstance(value, dict):
        return [{"key": key, "value": item} for key, item in value.items()]
    if not isinstance(value, list):
        raise ValueError(f"A list is needed, not {'nothing (null)' if value is None else type(value).__name__}.")  # noqa: TRY004 - pydantic turns only ValueError into a problem
    return value


class ForEachConfig(Config):
    """What the loop goes through, how many at once, and what it gathers."""

    items: Annotated[list[JsonValue], BeforeValidator(_items)] = setting(
        title="Items", help="A list, JSON text of a list, or an object (its key-value pairs)."
    )
    concurrency: int = setting(4, title="At once", help="How many passes run at the same time.", ge=1, le=1000)
    spread: bool = setting(
        False,
        title="Spread over workers",
        help="Let all workers share the passes, each as a run of its own.",
        template=False,
    )
    on_item_error: Literal["stop", "skip", "collect"] = setting(
        "stop",
        title="When a pass fails",
        help="End the loop, leave the item out, or note the error and go on.",
        labels={"stop": "End the loop", "skip": "Leave the item out", "collect": "Note the error and go on"},
    )
    collect: JsonValue = setting(
        None, title="Collect", help="What each pass gives; may read the steps inside.", scope="body"
    )
    max_items: int | None = setting(None, title="At most", help="More items are an error.", unit="items", ge=1)


class ForEachStep(StepType[ForEachConfig]):
    """Runs the steps inside it once for every item of a list, several items at the same time.

    Inside, `{{ item }}` is the item and `{{ index }}` its place, counted from 0. Each pass has its own outputs; it
    reads everything around the loop. `collect` says what a pass gives, in terms of the steps inside. The results are
    in the order of the items, whichever pass ended first. An object's items are `{key, value}`.

    When a pass fails, `on_item_error` decides: `stop` cancels the other passes and fails the step; `skip` leaves the
    item out of the results; `collect` puts null in its place and the error into `errors`, so that results and items
    keep the same places.

    With `spread`, a run that a worker executes makes a run of its own for each item, which any worker on the same
    database takes, at most `concurrency` at a time; meanwhile it is suspended and takes no place in its worker. In a
    run that no worker executes (the window, `steploom run` without `--queue`, a script) nothing changes: the passes run
    where the run does. A pass begins with the variables as they are before the loop; what passes set is put together in
    the order of the items when all have ended.

    **Port:** `out`, when all passes have ended. **Output:** `results`, `errors` (each `index`, `type`, `message`),
    `count` (items in all), `failed`.

    ```yaml
    summarise_all:
      type: for_each
      config:
        items: "{{ documents.files }}"
        concurrency: 8
        on_item_error: skip
        collect: "{{ summarise.text }}"
      body:
        summarise:
          type: chat
          config:
            prompt: "Summarise in one sentence: {{ item.text }}"
    ```
    """

    type = "for_each"
    title = "For each"
    icon = "repeat"
    category = "loop"
    also_called = "loop map iterate list batch"
    outputs: ClassVar[Mapping[str, str]] = {
        "results": "What each pass gave, in the order of the items.",
        "errors": "The passes that failed: index, type, message.",
        "count": "How many items there were.",
        "failed": "How many passes failed.",
    }
    main_field = "items"
    main_output = "results"
    is_container = True
    config_model = ForEachConfig

    def empty_outputs(self, config: Mapping[str, Json]) -> Mapping[str, str]:
        """The results, unless something is collected."""
        return {} if config.get("collect") is not None else {"results": "collect"}

    def passes_apart(self, config: Mapping[str, Json]) -> bool:
        """If it is spread."""
        return config.get("spread") is True

    async def run(self, config: ForEachConfig, context: StepContext) -> dict[str, Json]:
        """Run all passes."""
        if config.max_items is not None and len(config.items) > config.max_items:
            raise StepError(
                f"There are {len(config.items)} items, but at most {config.max_items} are allowed. Raise max_items, or "
                "give the loop fewer.",
                kind="limit",
            )
        passes = _Passes(config, context)
        return (await passes.spread() if config.spread else None) or await passes.run()


class _Passes:
    """The passes of one loop, made by as many tasks as may run at once, or by workers."""

    def __init__(self, config: ForEachConfig, context: StepContext) -> None:
        self._config = config
        self._context = context
        self._waiting: Iterator[tuple[int, Json]] = enumerate(config.items)
        self._results: dict[int, Json] = {}
        self._errors: dict[int, StepError] = {}
        self._suspended = False

    async def run(self) -> dict[str, Json]:
        """The step's output. Raises StepError of the pass that stopped the loop, or Suspended if a pass waits."""
        size = min(self._config.concurrency, len(self._config.items))
        workers = [asyncio.create_task(self._work()) for _ in range(size)]
        try:
            await asyncio.gather(*workers)
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
        if self._suspended:
            raise Suspended
        return self._output()

    async def spread(self) -> dict[str, Json] | None:
        """The step's output, of passes that workers have made; None if it has to make them itself.

        Raises StepError of the pass that stopped the loop, or Suspend until the passes have ended.
        """
        config = self._config
        names: list[dict[str, Json]] = [{"item": item, "index": index} for index, item in enumerate(config.items)]
        if not names:
            return None
        stops = config.on_item_error == "stop"
        outcomes = await self._context.spread_passes(names, config.collect, at_once=config.concurrency, stops=stops)
        if outcomes is None:
            return None
        for index, outcome in sorted(outcomes.items()):
            if not isinstance(outcome, StepError):
                self._results[index] = outcome
            elif stops:
                raise outcome
            else:
                self._errors[index] = outcome
        return self._output()

    async def _work(self) -> None:
        for index, item in self._waiting:
            try:
                finished = await self._context.run_body(index, {"item": item, "index": index})
                self._results[index] = finished.evaluate(self._config.collect)
            except Suspended:
                self._suspended = True
            except StepError as error:
                if self._config.on_item_error == "stop":
                    raise
                self._errors[index] = error

    def _output(self) -> dict[str, Json]:
        config = self._config
        noted = config.on_item_error == "collect"
        kept = [index for index in range(len(config.items)) if noted or index in self._results]
        results: list[Json] = [self._results.get(index) for index in kept] if config.collect is not None else []
        errors: list[Json] = [
            {"index": index, "type": error.kind, "message": error.message}
            for index, error in sorted(self._errors.items(), key=lambda entry: entry[0])
            if noted
        ]
        return {"results": results, "errors": errors, "count": len(config.items), "failed": len(self._errors)}
