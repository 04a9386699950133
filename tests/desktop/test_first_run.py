"""The first run: keys go where they belong, local servers are found, nothing leaves this machine unasked."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from core.workspace import Workspace
from desktop.bridge import Bridge
from desktop.first_run import FirstRun
from desktop.icons import Icons
from desktop.local_servers import LocalServer, find_local_servers
from desktop.memory import WindowMemory
from desktop.model_choice import ModelChoice
from desktop.theme import ThemeManager
from tests.support.desktop_program import made_program, take_apart, until

# The platform without a screen cannot tell a window manager the least size of a window, and says so.
pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")


class Machine(httpx.AsyncBaseTransport):
    """Servers of this computer: what answers at which port. asked: the addresses."""

    def __init__(self, answers: dict[int, httpx.Response]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        answer = self.answers.get(request.url.port or 80)
        if answer is None:
            raise httpx.ConnectError("refused", request=request)
        return answer


def models(*entries: dict[str, object]) -> httpx.Response:
    return httpx.Response(200, json={"data": list(entries)})


async def test_servers_that_list_models_are_found_and_named_by_what_they_say() -> None:
    machine = Machine(
        {
            11434: models({"id": "llama3", "owned_by": "library"}, {"id": "qwen3", "owned_by": "library"}),
            8080: models({"id": "gguf", "owned_by": "llamacpp"}),
        }
    )
    found = await find_local_servers(transport=machine)
    assert list(found) == [
        LocalServer("ollama", "http://127.0.0.1:11434/v1", ("llama3", "qwen3")),
        LocalServer("llamacpp", "http://127.0.0.1:8080/v1", ("gguf",)),
    ]
    assert {urlsplit(each).hostname for each in machine.asked} == {"127.0.0.1"}


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>a web server</html>"),
        httpx.Response(404, json={"data": []}),
        httpx.Response(200, json=["data"]),
        httpx.Response(200, json={"data": "no list"}),
    ],
    ids=["a page", "not found", "a list", "no models"],
)
async def test_other_programs_on_these_ports_are_no_model_servers(answer: httpx.Response) -> None:
    assert list(await find_local_servers({8000: "vllm"}, transport=Machine({8000: answer}))) == []


@pytest.fixture
def page(qtbot: QtBot) -> FirstRun:
    made = FirstRun(Icons(), ThemeManager())
    qtbot.addWidget(made)
    made.show()
    return made


def test_a_key_is_handed_on_once_it_is_long_enough_and_not_kept_in_the_field(page: FirstRun) -> None:
    given: list[str] = []
    page.key_given.connect(given.append)
    assert page.key.echoMode() == QLineEdit.EchoMode.Password
    QTest.keyClicks(page.key, "short")
    QTest.keyClick(page.key, Qt.Key.Key_Return)
    assert (given, page.use_key.isEnabled()) == ([], False)
    QTest.keyClicks(page.key, "-but-longer ")
    QTest.mouseClick(page.use_key, Qt.MouseButton.LeftButton)
    assert given == ["short-but-longer"]
    assert page.key.text() == ""


def test_servers_that_were_found_can_be_chosen(page: FirstRun) -> None:
    chosen: list[LocalServer] = []
    page.server_chosen.connect(chosen.append)
    server = LocalServer("ollama", "http://127.0.0.1:11434/v1", ("llama3",))
    page.show_servers([server])
    (button,) = [each for each in page.findChildren(QPushButton) if each.text() == "Use Ollama (1 model)"]
    button.click()
    assert chosen == [server]


def test_while_servers_are_looked_for_nobody_looks_again(page: FirstRun) -> None:
    page.show_servers(None)
    assert not page.probe.isEnabled()
    page.show_servers([])
    assert page.probe.isEnabled()


class Rig:
    """A choice with a real workspace that keeps nothing."""

    def __init__(self, page: FirstRun, home: Path, workspace: Workspace) -> None:
        self.page, self.workspace = page, workspace
        self.memory = WindowMemory(home)
        self.bridge = Bridge(asyncio.get_running_loop())
        self.opened: list[str] = []
        self.made: list[str] = []
        self.reopened = 0
        self.choice = ModelChoice(page, self.memory, self.bridge, self.reopen, self.open_page)
        self.choice.made.connect(self.made.append)
        self.choice.use(workspace)

    async def reopen(self) -> None:
        self.reopened += 1

    def open_page(self, address: str) -> bool:
        self.opened.append(address)
        return True


@pytest.fixture
async def rig(page: FirstRun, home: Path) -> AsyncIterator[Rig]:
    async with Workspace.open(home, memory_only=True, secrets_file=True) as workspace:
        made = Rig(page, home, workspace)
        yield made
        await made.bridge.close()


async def test_a_pasted_key_is_kept(rig: Rig) -> None:
    rig.page.key_given.emit("sk-or-v1-secret")
    await until(lambda: bool(rig.made))
    assert await rig.workspace.secrets.get("openrouter") == "sk-or-v1-secret"
    assert rig.memory.first_run_done
    assert "sk-or" not in rig.made[0]


async def test_a_key_that_cannot_be_kept_is_said_on_the_page(page: FirstRun, home: Path) -> None:
    async with Workspace.open(home, memory_only=True) as workspace:  # no keyring here, and no file allowed
        rig = Rig(page, home, workspace)
        page.key_given.emit("sk-or-v1-secret")
        await until(page.notice.isVisible)
        assert "keyring" in page.notice.text()
        assert "sk-or" not in page.notice.text()
        assert not rig.memory.first_run_done
        await rig.bridge.close()


async def test_the_sign_in_opens_the_browser_and_can_be_given_up(rig: Rig) -> None:
    rig.page.sign_in.click()
    await until(lambda: bool(rig.opened))
    query = parse_qs(urlsplit(rig.opened[0]).query)
    assert query["callback_url"][0].startswith("http://localhost:")
    assert "Cancel" in rig.page.sign_in.text()
    rig.page.sign_in.click()
    await until(lambda: rig.bridge.busy == 0)
    assert rig.page.sign_in.text() == "Sign in with OpenRouter"
    assert not rig.memory.first_run_done


async def test_a_local_server_is_set_and_the_workspace_opened_anew(rig: Rig) -> None:
    rig.page.server_chosen.emit(LocalServer("ollama", "http://127.0.0.1:11434/v1", ("llama3",)))
    await until(lambda: bool(rig.made))
    text = (rig.workspace.home / "settings.toml").read_text()
    assert "http://127.0.0.1:11434/v1" in text
    assert json.dumps("llama3") in text
    assert rig.reopened == 1


async def test_the_demo_model_counts_at_once(rig: Rig) -> None:
    rig.page.demo.click()
    assert rig.workspace.demo
    assert (rig.memory.demo, rig.memory.first_run_done) == (True, True)


async def test_after_the_choice_the_keyboard_is_at_the_first_thing_to_do(home: Path) -> None:
    program = await made_program(home)
    window = program.window
    window.activateWindow()
    await until(lambda: program.models.choice is not None)
    demo = next(each for each in window.start_page.findChildren(QPushButton) if each.text() == "Use the demo model")
    QTest.mouseClick(demo, Qt.MouseButton.LeftButton)
    await until(lambda: program.models.choice is None)
    focused = window.focusWidget()
    assert isinstance(focused, QPushButton)
    assert focused.text() == "New workflow"
    await take_apart(program)
