"""What a person sees while a run runs, on terminals of several widths and in a log."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.cells import cell_len
from rich.console import Console

from core.cli.progress import Progress
from core.cli.run_report import print_question
from core.cli.terminal import print_outputs
from core.cli.wording import duration, preview, size_text, spent
from core.engine.events import (
    NO_USAGE,
    ErrorInfo,
    Event,
    RunCompleted,
    RunFailed,
    RunStarted,
    StepCompleted,
    StepDelta,
    StepFailed,
    StepSkipped,
    StepStarted,
    Usage,
)
from core.engine.testing import ManualClock
from core.steps import discover

NOW = datetime(2026, 1, 1, tzinfo=UTC)
REASON = ErrorInfo("failed", "The first word did not fit." + " Mend it and try again." * 6)
LONG = "Look at every single one of the many things 日本語 that were given to us here"


def started(path: str, title: str = "", kind: str = "chat") -> StepStarted:
    return StepStarted("r", NOW, path, path.rpartition("/")[2], 1, kind, title, "first", "", {})


def completed(path: str, output: dict[str, Any], usage: Usage = NO_USAGE, **more: Any) -> StepCompleted:
    step = path.rpartition("/")[2]
    return StepCompleted("r", NOW, path, step, 1, output, ("out",), {}, None, usage, 1.25, **more)


EVENTS: tuple[Event, ...] = (
    RunStarted("r", NOW, "Digest", {}),
    started("each", LONG, "for_each"),
    started("each[0]/talk", LONG),
    StepDelta("r", NOW, "each[0]/talk", "talk", 1, "日本語 " * 60 + "the end"),
    completed("each[0]/talk", {"text": "word " * 60}, Usage(1000, 204, 0.004)),
    completed("each", {"results": [1, 2]}),
    StepSkipped("r", NOW, "never", "never", 1, "dead"),
    started("bad", "Compare", "condition"),
    StepFailed("r", NOW, "bad", "bad", 1, REASON, None, NO_USAGE, 0.1),
    RunFailed("r", NOW, "bad", REASON, NO_USAGE, 3.0),
)


def shown(width: int, *, terminal: bool) -> list[str]:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system=None, legacy_windows=False)
    with Progress(console, discover(), ManualClock(), {"never": "Never taken"}) as progress:
        for event in EVENTS:
            progress(event)
            if progress._live is not None:
                progress._live.refresh()
    # A terminal redraws its last lines; here every state of them comes one after the other.
    text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", file.getvalue().replace("\r", "\n"))
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert [line for line in shown(width, terminal=True) if cell_len(line) > width] == []


@pytest.mark.parametrize("width", [60, 80, 200])
def test_what_a_step_took_is_seen_however_long_its_title_is(width: int) -> None:
    lines = [line for line in shown(width, terminal=True) if "✓" in line]
    assert len(lines) == 2, lines
    assert "1.2 s · 1,204 tok · $0.0040" in lines[0]
    assert "1.2 s" in lines[1]


def test_a_running_step_shows_the_end_of_its_text_and_the_run_what_it_spent() -> None:
    lines = shown(60, terminal=True)
    assert any(line.endswith("the end") for line in lines)
    assert any(re.fullmatch(r"  \S+ m?s · 1,204 tok · \$0\.0040\s*", line) for line in lines)


def test_a_step_that_was_skipped_is_called_by_its_title() -> None:
    assert "  - Never taken  skipped" in shown(80, terminal=True)


def test_a_log_holds_one_line_for_each_change_and_an_error_once() -> None:
    lines = shown(80, terminal=False)
    assert [line for line in lines if "▸" in line and "Compare" in line] == ["  ▸ Compare  started"]
    assert "\n".join(lines).count("The first word did not fit.") == 1
    assert all(cell_len(line) <= 160 for line in lines if REASON.message not in line)
    assert not any("⠋" in line for line in lines)


def test_an_error_of_no_single_step_is_told_with_the_run() -> None:
    file = io.StringIO()
    with Progress(Console(file=file, width=80), discover(), ManualClock()) as progress:
        progress(RunFailed("r", NOW, "", ErrorInfo("timeout", "The run took too long."), NO_USAGE, 3.0))
    assert "The run took too long." in file.getvalue()


def test_a_completed_run_says_what_it_took() -> None:
    file = io.StringIO()
    with Progress(Console(file=file, width=80), discover(), ManualClock()) as progress:
        progress(RunCompleted("r", NOW, {}, Usage(10, 5, 0.5), 125))
    assert file.getvalue() == "Completed in 2 min 5 s · 15 tok · $0.5000\n"


def test_long_texts_are_wrapped_between_words_on_a_terminal_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "# Title\n\n" + "several words " * 30
    print_outputs({"text": text, "n": 3})
    assert capsys.readouterr().out.splitlines()[3] == "  " + ("several words " * 30).rstrip()
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    print_outputs({"text": text, "n": 3})
    lines = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out).splitlines()
    assert max(map(len, lines)) <= 60
    assert all(word in ("several", "words") for line in lines[3:-1] for word in line.split())
    assert lines[-1] == "n: 3"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 ms"), (0.0124, "12 ms"), (3.44, "3.4 s"), (119.9, "119.9 s"), (125, "2 min 5 s"), (12_000, "3 h 20 min")],
)
def test_durations_read_as_a_person_would_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_costs_and_tokens_are_left_out_where_there_are_none() -> None:
    assert spent(NO_USAGE, 2) == "2.0 s"
    assert spent(Usage(1000, 234, 0.0123), 2) == "2.0 s · 1,234 tok · $0.0123"


@pytest.mark.parametrize(
    ("output", "key", "text"),
    [
        ({"result": True}, "result", "true"),
        ({"a": "", "b": "two\nlines"}, "", "two lines"),
        ({"files": [1]}, "files", "1 item"),
        ({"files": []}, "files", "0 items"),
        ({"json": {"a": 1, "b": 2}}, "json", "a, b"),
        ({"image": {"blob": "x", "media_type": "image/png", "size": 12138, "name": "p.png"}}, "image",
         "p.png (image/png, 12 kB)"),
        ({}, "", ""),
    ],
)  # fmt: skip
def test_an_output_is_previewed_by_what_matters(output: dict[str, Any], key: str, text: str) -> None:
    assert preview(output, key) == text


def test_sizes_read_as_a_person_would_say_them() -> None:
    assert [size_text(n) for n in (812, 12_138, 3_400_000)] == ["812 bytes", "12 kB", "3.4 MB"]


def test_a_question_is_set_on_a_terminal_and_left_as_it_is_in_a_log() -> None:
    message = "*Continue* or not?\n\n| Model | Costs |\n| --- | ---: |\n| nano | 20 % |\n"
    for terminal in (True, False):
        written = io.StringIO()
        print_question(Console(file=written, force_terminal=terminal, width=60), message)
        assert ("*Continue*" in written.getvalue()) is not terminal
        assert ("| --- |" in written.getvalue()) is not terminal
        assert "nano" in written.getvalue()


def test_an_error_stands_once_where_it_happened_and_every_line_of_it_is_set_in() -> None:
    error = ErrorInfo("code", "line 2: KeyError: 'x'\nvalue = found['x']")
    written = io.StringIO()
    console = Console(file=written, width=80)
    with Progress(console, discover(), ManualClock()) as progress:
        progress(started("each", kind="for_each"))
        progress(started("each[0]/work", kind="code"))
        progress(StepFailed("r", NOW, "each[0]/work", "work", 1, error, None, NO_USAGE, 0.1))
        progress(StepFailed("r", NOW, "each", "each", 1, error, None, NO_USAGE, 0.1))
        progress(RunFailed("r", NOW, "each[0]/work", error, NO_USAGE, 0.2))
    assert written.getvalue().count("KeyError") == 1
    assert "\n      line 2: KeyError: 'x'\n      value = found['x']\n" in written.getvalue()
