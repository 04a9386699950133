"""The background service from the window: started and stopped by clicks, found again, and what is wished about it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from core.service.control import ServiceControl, ServiceState
from core.service.presence import Presence, announce, read
from core.service.user_unit import UnitError, UserUnit
from core.settings import change, load
from core.store.process import this_process
from core.store.publications import AtWork
from desktop.dialogs.message import MessageDialog
from desktop.program import Program
from desktop.service import words
from tests.core.service.triggers.conftest import greeting
from tests.support.desktop_program import made_program, take_apart, until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")  # offscreen


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A data folder whose service takes any port."""
    folder = tmp_path / "home"
    change(folder, service={"port": 0})
    return folder


@asynccontextmanager
async def opened(home: Path, database_url: str) -> AsyncIterator[Program]:
    """The window, as long as it is open; the service goes on as it would."""
    program = await made_program(home, database_url=database_url)
    try:
        await until(lambda: program.service.state is not None)
        yield program
    finally:
        await take_apart(program)


@pytest.fixture
async def ended(home: Path) -> AsyncIterator[None]:
    """Whatever was started is ended after the test."""
    yield
    await ServiceControl(home).end_now()


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def kind(program: Program) -> str:
    return program.service.state.kind if program.service.state is not None else ""


async def test_it_is_started_by_clicks_outlives_the_window_is_found_again_and_stopped(
    home: Path, database_url: str, ended: None
) -> None:
    async with opened(home, database_url) as program:
        assert program.window.status.text("service") == "Service off"
        click(program.window.status._items["service"])
        dialog = program.service.dialog
        assert dialog is not None
        click(dialog.buttons["start"])
        assert not dialog.buttons["start"].isVisible()
        await until(lambda: kind(program) == "running")
        address = program.service.address
        assert program.window.status.text("service") == "Service on"
        assert words.place(address) in program.window.status._items["service"].toolTip()
        async with httpx.AsyncClient(base_url=address, trust_env=False, timeout=30) as client:
            assert (await client.get("/readyz")).json() == {"status": "ready"}
        click(dialog.copy)
        assert QApplication.clipboard().text() == address
        dialog.reject()

    async with opened(home, database_url) as program:
        assert (kind(program), program.service.address) == ("running", address)
        assert program.window.commands.run("service.stop")
        await until(lambda: program.window.status.text("service") == "Service ends…")
        await until(lambda: kind(program) == "stopped")
    async with httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(address)
    assert read(home) is None


async def test_it_starts_with_the_window_and_goes_with_it_if_the_person_wishes_so(
    home: Path, database_url: str, ended: None
) -> None:
    async with opened(home, database_url) as program:
        program.window.commands.run("service.start_with_window")
        program.window.commands.run("service.outlives_window")
        assert program.window.commands.get("service.start_with_window").checked is not None
        await until(lambda: load(home).service.start_with_window and not load(home).service.outlives_window)
        assert load(home).service.port == 0
    async with opened(home, database_url) as program:
        await until(lambda: kind(program) == "running")
        presence = read(home)
        assert presence is not None
        assert (presence.keeper, presence.is_demo) == ("window", True)
    await until(lambda: presence.is_gone)


async def test_one_that_was_killed_is_told_with_its_last_words_and_started_again(
    home: Path, database_url: str, ended: None
) -> None:
    async with opened(home, database_url) as program:
        program.service.start()
        await until(lambda: kind(program) == "running")
        first = read(home)
        assert first is not None
        os.kill(first.process.pid, signal.SIGKILL)
        while kind(program) != "failed":  # it may not answer before it is gone
            program.service.look()
            await asyncio.sleep(0.01)
        assert program.window.status.text("service") == "Service failed"
        (toast,) = [each for each in program.window.toasts.shown if "failed" in each.title]
        assert "start it again" in toast.text
        program.service.open()
        dialog = program.service.dialog
        assert dialog is not None
        assert dialog.log.toPlainText()
        click(dialog.buttons["log"])
        await until(lambda: bool(program.window.findChildren(MessageDialog)))
        (log,) = program.window.findChildren(MessageDialog)
        assert log.windowTitle() == "Log of the service"
        log.reject()
        click(dialog.buttons["start"])
        await until(lambda: kind(program) == "running")
        dialog.reject()


class Unit(UserUnit):
    """A systemd that takes the unit and then refuses to start it."""

    there = False

    @property
    def is_possible(self) -> bool:
        return True

    @property
    def is_installed(self) -> bool:
        return self.there

    def install(self, *, is_demo: bool = False) -> None:
        self.there = True

    def uninstall(self) -> None:
        self.there = False

    def start(self, *, is_demo: bool = False) -> None:
        raise UnitError("systemctl --user start did not work: Unit is masked.")

    def log_end(self, lines: int) -> list[str]:
        return ["Unit is masked."]


async def test_it_is_handed_to_systemd_and_taken_back_and_what_systemd_refuses_is_said(
    home: Path, database_url: str
) -> None:
    async with opened(home, database_url) as program:
        desk = program.service
        assert desk.control is not None
        desk.control.unit = Unit((), {}, environment={"HOME": str(home)})
        desk.control.unit.variables_file.parent.mkdir(parents=True)
        desk.control.unit.variables_file.write_text("STEPLOOM_DATABASE_URL=postgresql://db.example.org/steploom\n")
        assert not program.window.commands.run("service.sign_in")
        desk.use(desk._workspace)  # type: ignore[arg-type] # it is open
        await until(lambda: desk.has_systemd)
        desk.open()
        dialog = desk.dialog
        assert dialog is not None
        assert program.window.commands.run("service.sign_in")
        await until(lambda: kind(program) == "failed" and desk.is_installed)
        assert dialog.sign_in.isChecked()
        assert "Unit is masked" in dialog.log.toPlainText()
        assert program.window.commands.run("service.sign_in")
        await until(lambda: not desk.is_installed)
        assert not dialog.sign_in.isChecked()
        dialog.reject()


async def test_where_nothing_is_kept_there_is_no_service(tmp_path: Path) -> None:
    program = await made_program(tmp_path / "home")
    try:
        assert program.window.status.text("service") == ""
        assert not program.window.commands.run("service.start")
        program.service.open()
        dialog = program.service.dialog
        assert dialog is not None
        assert not any(button.isEnabled() for button in dialog.buttons.values())
        dialog.reject()
    finally:
        await take_apart(program)


async def test_what_is_at_work_is_listed_with_what_is_broken_first_and_is_opened_from_there(
    home: Path, database_url: str
) -> None:
    async with opened(home, database_url) as program:
        workspace = program.session.workspace
        assert workspace is not None
        assert workspace.store is not None
        workflows = workspace.store.workflows
        orders = greeting("A & B", "api", path="/orders")
        paused = greeting("Paused", cron="0 9 * * *")
        for one in (orders, paused, greeting("Chat", "message"), greeting("Off", cron="0 9 * * *")):
            await workflows.save(one, 0)
            await workflows.activate(one.name)
        await workflows.deactivate("Off")
        await workspace.store.schedules.pause("Paused")
        program.service.open()
        await until(lambda: len(program.service.at_work) == 3)
        dialog = program.service.dialog
        assert dialog is not None
        said = {button.accessibleName(): button for button in dialog.workflows if button.isVisible()}
        assert list(said) == ["A & B", "Chat", "Paused"]
        click(said["A & B"])
        await until(lambda: program.window.active is not None)
        assert program.window.active is not None
        assert program.window.active.title == "A & B"
        assert program.service.dialog is None


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (AtWork("A", 1, "api", "POST /hooks/orders"), ("POST /hooks/orders", "")),
        (AtWork("A", 1, "schedule", paused=True), ("its schedule is paused", "waiting")),
        (AtWork("A", 1, "schedule"), ("its schedule comes no more", "")),
        (AtWork("A", 1, "message", "arrivals"), ("notices of arrivals", "")),
        (AtWork("A", 1, "message"), ("chat messages", "")),
        (AtWork("A", 1, "", problem="It cannot be read."), ("It cannot be read.", "failed")),
    ],
)
def test_how_an_active_workflow_is_started(one: AtWork, said: tuple[str, str]) -> None:
    assert words.at_work(one) == said


async def test_settings_that_cannot_be_written_are_told_and_taken_back(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(home, database_url) as program:

        def full(*_: object, **__: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("core.settings.change", full)
        program.service.keep(start_with_window=True)
        await until(lambda: bool(program.window.toasts.shown))
        assert program.service.wishes is not None
        assert not program.service.wishes.start_with_window


async def test_a_service_of_an_older_steploom_is_told_once(
    home: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.service.control.answers_at", lambda _address: True)
    announce(home, replace(HERE, version="0.0.1"))  # this very process, which nobody stops here
    async with opened(home, database_url) as program:
        assert program.window.status.text("service") == "Service on"
        (toast,) = program.window.toasts.shown
        assert toast.title == "The background service should be restarted"
        assert "0.0.1" in toast.text
        program.window.toasts.remove(toast)
        assert program.session.workspace is not None
        program.service.use(program.session.workspace)
        program.service.look()
        await until(lambda: program.bridge.busy == 0)
        assert program.window.toasts.shown == []


NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HERE = Presence(this_process(), "http://127.0.0.1:8420", NOW - timedelta(hours=26), "1.2", "window", 10)


@pytest.mark.parametrize(
    ("presence", "more", "said"),
    [
        (HERE, {}, ""),
        (HERE, {"version": "1.3"}, "It is still Steploom 1.2; this is 1.3. Restart it."),
        (replace(HERE, is_demo=True), {}, "It still uses the demo model. Restart it to use your own models."),
        (replace(HERE, is_demo=True), {"is_demo": True}, ""),
        (HERE, {"port": 9000}, "The settings say port 9000 by now. Restart it to listen there."),
        (replace(HERE, keeper="person"), {"port": 9000}, ""),
    ],
)
def test_why_a_service_should_be_started_anew(presence: Presence, more: dict[str, object], said: str) -> None:
    facts: dict[str, object] = {"version": "1.2", "is_demo": False, "port": 0, **more}
    assert words.outdated(ServiceState("running", presence), **facts) == said  # type: ignore[arg-type]
    assert words.outdated(ServiceState("failed", presence), **facts) == ""  # type: ignore[arg-type]


def test_what_is_known_of_a_service_that_is_up() -> None:
    found = dict(words.facts(ServiceState("running", HERE), NOW))
    assert found["Up for"].startswith("1 d 2 h, since ")
    assert found["Runs at once"] == "10"
    assert words.facts(ServiceState("stopped"), NOW) == []
