from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.engine.mask import Mask
from core.engine.place import PLACE, Place
from core.monitoring.logs import log_to
from tests.support.engine_rig import Rig, step, workflow

log = logging.getLogger("tests.logs")


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def as_json(stream: io.StringIO) -> Iterator[io.StringIO]:
    stop = log_to(stream, as_json=True, mask=Mask({"openrouter": "hush-hush-0123"}))
    yield stream
    stop()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_for_services_is_one_object(as_json: io.StringIO) -> None:
    log.warning("the queue holds %d runs", 7, extra={"queue": "default"})
    (line,) = lines(as_json)
    assert line["event"] == "the queue holds 7 runs"
    assert (line["level"], line["logger"], line["queue"]) == ("warning", "tests.logs", "default")
    assert str(line["timestamp"]).endswith("Z")


def test_a_line_names_the_run_and_the_step_it_is_about(as_json: io.StringIO) -> None:
    token = PLACE.set(Place("run-7", "all[2]/draft", 1))
    log.info("slow")
    PLACE.reset(token)
    log.info("idle")
    about, idle = lines(as_json)
    assert (about["run_id"], about["step"]) == ("run-7", "all[2]/draft")
    assert "run_id" not in idle


async def test_the_engine_says_which_step_is_running(as_json: io.StringIO) -> None:
    rig = Rig()
    rig.engine.listeners.append(lambda event: log.info("heard %s", type(event).__name__))
    await rig.run(workflow(step("a", then="b"), step("b")))
    started = [line for line in lines(as_json) if line["event"] == "heard StepStarted"]
    assert [(line["run_id"], line["step"]) for line in started] == [("run-1", "a"), ("run-1", "b")]


@pytest.mark.parametrize(
    "text",
    [
        "asked with hush-hush-0123",
        "Authorization: Bearer abcdef0123456789",
        "key sk-or-v1-0123456789abcdef0123456789abcdef refused",
        "postgresql://loom:swordfish@db.example/steploom",
    ],
)
def test_no_key_is_written_known_or_not(as_json: io.StringIO, text: str) -> None:
    log.error("failed: %s", text, exc_info=ValueError(text))
    written = as_json.getvalue()
    for secret in ("hush-hush-0123", "abcdef0123456789", "swordfish"):
        assert secret not in written
    assert "ValueError" in written


def test_the_query_of_an_address_is_not_written_whatever_library_says_it(as_json: io.StringIO) -> None:
    said = 'HTTP Request: GET %s "HTTP/1.1 200 OK"'
    logging.getLogger("httpx").info(said, "https://example.org/mcp?api_key=hunter2&who=me#x")
    (line,) = lines(as_json)
    assert line["event"] == 'HTTP Request: GET https://example.org/mcp?[query] "HTTP/1.1 200 OK"'


def test_a_log_for_people_goes_into_files_that_take_turns(tmp_path: Path) -> None:
    file = tmp_path / "logs" / "desktop.log"
    stop = log_to(file, as_json=False, mask=Mask(), level=logging.WARNING)
    log.info("not worth a line")
    for _ in range(3):
        log.warning("x" * 600_000)
    log.error("a step broke", exc_info=ValueError("why"))
    stop()
    log.warning("after the end")

    text = file.read_text(encoding="utf-8")
    assert "a step broke" in text
    assert "ValueError: why" in text
    assert "not worth a line" not in text
    assert "after the end" not in text
    assert len(list(file.parent.iterdir())) == 3


def test_what_another_handler_made_of_the_line_is_not_said_again(as_json: io.StringIO) -> None:
    other = logging.StreamHandler(io.StringIO())
    other.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    log.addHandler(other)
    log.warning("said once")
    log.removeHandler(other)
    assert [set(line) for line in lines(as_json)] == [{"event", "level", "logger", "timestamp"}]
