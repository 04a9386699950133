"""The step type `repeat`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from pydantic import JsonValue

from core.engine.errors import StepError
from core.engine.step_type import Config, Pass, StepContext, StepType, setting
from core.steps.parts.fields import Seconds
from core.steps.parts.rules import MATCH_LABELS, Match, Rule, check_rules, hold
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json

_LONGEST_DELAY = 3600.0


class RepeatConfig(Config):
    """When the loop ends, and what it gives."""

    max_passes: int = setting(10, title="At most", help="Passes.", unit="passes", ge=1, le=10_000)
    until: JsonValue = setting(
        None, title="Until", help="Ends the loop when true; may read the steps inside.", scope="body"
    )
    rules: list[Rule] = setting(
        title="Rules", help="Comparisons, instead of until.", scope="body", default_factory=list
    )
    match: Match = setting(
        "all", title="Match", help="Whether all rules must hold, or any one.", template=False, labels=MATCH_LABELS
    )
    delay: Seconds = setting(0.0, title="Delay", help="Between two passes.", unit="s", le=_LONGEST_DELAY)
    on_exhausted: Literal["continue", "fail"] = setting(
        "continue",
        title="When never true",
        help="After the last pass: go on, or fail.",
        template=False,
        labels={"continue": "Go on", "fail": "Fail"},
    )
    collect: JsonValue = setting(
        None, title="Result", help="What the last pass gives; may read the steps inside.", scope="body"
    )


class RepeatStep(StepType[RepeatConfig]):
    """Runs the steps inside it again and again until something is true, at most a stated number of times.

    After each pass `until` is evaluated with the outputs of the steps inside: `true` ends the loop. Instead of
    `until`, `rules` may be given as in a condition. `until: false` makes exactly `max_passes` passes. Inside,
    `{{ index }}` counts the passes from 0. To carry something from one pass to the next, set a workflow variable.

    `delay` is the time between two passes, at most an hour; a run that is resumed does not wait it out again after
    passes it had made before. When the last pass has ended and it was never true, `on_exhausted` says whether the
    workflow continues or the step fails.

    **Port:** `out`. **Output:** `passes` (how many were made), `done` (whether it became true), `result` (`collect`
    in the last pass).

    ```yaml
    refine:
      type: repeat
      config:
        max_passes: 5
        until: "{{ good_enough.result }}"
        collect: "{{ draft.text }}"
      body:
        draft:
          type: chat
          config:
            prompt: "Improve this text: {{ vars.draft }}"
          then: good_enough
        good_enough:
          type: condition
          config: {value: "{{ draft.text }}", operator: contains, operand: Summary}
    ```
    """

    type = "repeat"
    title = "Repeat"
    icon = "rotate-cw"
    category = "loop"
    also_called = "loop while until iterate"
    outputs: ClassVar[Mapping[str, str]] = {
        "passes": "How many passes were made.",
        "done": "Whether the end condition became true.",
        "result": "What Result gave in the last pass.",
    }
    main_field = "until"
    main_output = "result"
    is_container = True
    config_model = RepeatConfig

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """Either `until` or rules, each rule complete."""
        rules = config.get("rules")
        if bool(rules) == (config.get("until") is not None):
            yield ConfigProblem(
                ("until",),
                "wrong_value" if rules else "missing_field",
                "There are both until and rules." if rules else "Nothing says when the loop ends.",
                "Set either until or rules; `until: false` makes exactly max_passes passes.",
            )
        yield from check_rules(rules, ("rules",))

    def empty_outputs(self, config: Mapping[str, Json]) -> Mapping[str, str]:
        """The result, unless something is collected."""
        return {} if config.get("collect") is not None else {"result": "collect"}

    async def run(self, config: RepeatConfig, context: StepContext) -> dict[str, Json]:
        """Make the passes one after the other."""
        index = 0
        while True:
            finished = await context.run_body(index, {"index": index})
            index += 1
            done = await _is_done(config, finished)
            if done or index == config.max_passes:
                break
            if config.delay and not finished.replayed:
                await context.clock.sleep(config.delay)
        if not done and config.on_exhausted == "fail":
            raise StepError(
                f"After {index} passes the end condition was still not true. Raise max_passes, or look at the last "
                "pass to see why.",
                kind="limit",
            )
        return {"passes": index, "done": done, "result": finished.evaluate(config.collect)}


async def _is_done(config: RepeatConfig, finished: Pass) -> bool:
    if config.rules:
        rules = [
            rule.model_copy(update={"value": finished.evaluate(rule.value), "operand": finished.evaluate(rule.operand)})
            for rule in config.rules
        ]
        return await hold(rules, config.match)
    value = finished.evaluate(config.until)
    word = value.strip().lower() if isinstance(value, str) else value
    if word is True or word == "true":
        return True
    if word is False or word is None or word in {"", "false"}:
        return False
    raise StepError(
        f"“until” has to give true or false, but it gave {str(value)[:80]!r}. Compare it with something, as in "
        "{{ step.score > 3 }}.",
        kind="validation",
    )
