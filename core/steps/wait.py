"""The step type `wait`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BeforeValidator

from core.engine.errors import ConfigError, Suspend
from core.engine.step_type import Config, StepContext, StepType, setting
from core.steps.parts.fields import Seconds
from core.steps.parts.text import as_text
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json

LONGEST_SLEEP = 60.0
"""The longest wait, in seconds, that a run spends awake; for a longer one it is suspended."""


def parse_time(text: str) -> datetime:
    """The moment, in UTC, that an ISO text names; without a zone it is taken as UTC. Raises ValueError."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time. Write it as 2026-03-01T09:30+01:00.") from None


def _checked(text: str) -> str:
    parse_time(text)
    return text


class WaitConfig(Config):
    """How long, or until when."""

    duration: Seconds | None = setting(None, title="Duration", help="As 30s, 5m, 2h, 1d or seconds.", unit="s")
    until: Annotated[str, AfterValidator(_checked), BeforeValidator(as_text)] | None = setting(
        None, title="Until", help="A time such as 2026-03-01T09:30+01:00; UTC if it names no zone."
    )


class WaitStep(StepType[WaitConfig]):
    """Waits for some time, or until a time.

    Give either `duration` (`30s`, `5m`, `2h`, `1d`, or a number of seconds) or `until` (an ISO time; without a zone
    it is UTC). A time that has passed means no wait. For waits of more than a minute the run is suspended: it holds
    no task, socket or memory, and goes on by itself even if the program was closed in between.

    **Port:** `out`. **Output:** `waited_s`, the seconds that really went by.

    ```yaml
    cool_down:
      type: wait
      config:
        duration: 10s
    ```
    """

    type = "wait"
    title = "Wait"
    icon = "timer"
    category = "logic"
    also_called = "delay sleep pause timer"
    outputs: ClassVar[Mapping[str, str]] = {"waited_s": "Seconds that went by."}
    main_field = "until"
    main_output = "waited_s"
    config_model = WaitConfig

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """Exactly one of the two is set."""
        given = [name for name in ("duration", "until") if config.get(name) is not None]
        if len(given) != 1:
            code, text = ("wrong_value", "There are both") if given else ("missing_field", "There is neither")
            joined = "a duration and a time." if given else "a duration nor a time."
            yield ConfigProblem(("duration",), code, f"{text} {joined}", "Set either duration or until.")

    async def run(self, config: WaitConfig, context: StepContext) -> dict[str, Json]:
        """Sleep, or suspend the run for a longer wait."""
        since, until = _span(config, context)
        left = (until - context.clock.now()).total_seconds()
        if left > LONGEST_SLEEP:
            raise Suspend(until=until, state={"since": since.isoformat(), "until": until.isoformat()})
        if left > 0:
            await context.clock.sleep(left)
        return {"waited_s": round((context.clock.now() - since).total_seconds(), 3)}


def _span(config: WaitConfig, context: StepContext) -> tuple[datetime, datetime]:
    """When the wait began and when it ends; what was kept at a suspension counts, not the config."""
    since, until = context.state.get("since"), context.state.get("until")
    if isinstance(since, str) and isinstance(until, str):
        return parse_time(since), parse_time(until)
    now = context.clock.now()
    if config.duration is not None:
        return now, now + timedelta(seconds=config.duration)
    if config.until is None:
        raise ConfigError("The step does not say how long to wait. Set either duration or until.")
    return now, parse_time(config.until)
