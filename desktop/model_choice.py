"""What follows from the first run's choices: a key is kept, a server set, or the demo model taken."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QUrl, Signal
from PySide6.QtGui import QDesktopServices

from desktop.bridge import Bridge, explain
from desktop.first_run import FirstRun
from desktop.memory import WindowMemory

if TYPE_CHECKING:
    from core.workspace import Workspace
    from desktop.local_servers import LocalServer


class ModelChoice(QObject):
    """Carries out what the person chooses on the first-run page. made: what was chosen, in a sentence.

    reopen: opens the workspace anew, for settings that count from then on. open_page: shows an address in the
    browser; whether that worked.
    """

    made = Signal(str)

    def __init__(
        self,
        page: FirstRun,
        memory: WindowMemory,
        bridge: Bridge,
        reopen: Callable[[], Coroutine[Any, Any, None]],
        open_page: Callable[[str], bool] = lambda address: QDesktopServices.openUrl(QUrl(address)),
    ) -> None:
        super().__init__(page)
        self._page, self._memory, self._bridge = page, memory, bridge
        self._reopen, self._open_page = reopen, open_page
        self._workspace: Workspace | None = None
        self._sign_in: asyncio.Task[None] | None = None
        page.sign_in_wanted.connect(self._start_sign_in)
        page.sign_in_given_up.connect(self._give_up)
        page.key_given.connect(self._keep_key)
        page.server_chosen.connect(self._use_server)
        page.probe_wanted.connect(self.probe)
        page.demo_chosen.connect(self._use_demo)

    def use(self, workspace: Workspace) -> None:
        """From now on choices can be carried out."""
        self._workspace = workspace
        workspace.demo = workspace.demo or self._memory.demo

    def probe(self) -> None:
        """Look for servers on this machine."""
        self._page.show_servers(None)
        self._bridge.spawn(_probe(), self._page.show_servers)

    def _start_sign_in(self) -> None:
        workspace = self._ready()
        if workspace is not None:
            self._page.show_waiting(True)
            self._page.say("A page was opened in your browser. Agree there, then come back.")
            self._sign_in = self._bridge.spawn(self._signed_in(workspace), self._kept, self._failed)

    def _give_up(self) -> None:
        if self._sign_in is not None:
            self._sign_in.cancel()
        self._page.show_waiting(False)
        self._page.say("")

    async def _signed_in(self, workspace: Workspace) -> str:
        from core.llm.sign_in import BrowserSignIn

        async with BrowserSignIn(workspace.server.connection, clock=workspace.clock) as sign_in:
            if not self._open_page(sign_in.address):
                self._page.say(f"No browser could be opened. Open this address: {sign_in.address}", failed=True)
            key = await sign_in.key()
        return await workspace.secrets.set(workspace.settings.model_server.secret, key)

    def _keep_key(self, key: str) -> None:
        workspace = self._ready()
        if workspace is not None:
            keeping = workspace.secrets.set(workspace.settings.model_server.secret, key)
            self._bridge.spawn(keeping, self._kept, self._failed)

    def _kept(self, where: str) -> None:
        place = "the keyring" if where == "keyring" else "a file that only you can read"
        self._done(f"Your key is in {place}. Models come from OpenRouter.", demo=False)

    def _use_server(self, server: LocalServer) -> None:
        workspace = self._ready()
        if workspace is not None:
            self._bridge.spawn(self._switched(workspace, server), lambda _: self._switched_to(server), self._failed)

    async def _switched(self, workspace: Workspace, server: LocalServer) -> None:
        await asyncio.to_thread(_set_server, workspace, server)
        await self._reopen()

    def _switched_to(self, server: LocalServer) -> None:
        self._done(f"Models come from {server.title} on this computer.", demo=False)

    def _use_demo(self) -> None:
        self._done("Runs use the demo model. You can choose another source in the menu File at any time.", demo=True)

    def _done(self, text: str, *, demo: bool) -> None:
        self._memory.first_run_done = True
        self._memory.demo = demo
        if self._workspace is not None:
            self._workspace.demo = demo
        self._page.show_waiting(False)
        self.made.emit(text)

    def _failed(self, error: Exception) -> None:
        self._page.show_waiting(False)
        self._page.say(explain(error), failed=True)

    def _ready(self) -> Workspace | None:
        if self._workspace is None:
            self._page.say("The database is still being opened. Try again in a moment.", failed=True)
        return self._workspace


async def _probe() -> list[LocalServer]:
    from desktop.local_servers import find_local_servers  # brings httpx

    return list(await find_local_servers())


def _set_server(workspace: Workspace, server: LocalServer) -> None:
    from core.settings import change

    model = {"default_model": server.models[0]} if server.models else {}
    change(workspace.home, model_server={"base_url": server.base_url, "kind": server.kind}, **model)
