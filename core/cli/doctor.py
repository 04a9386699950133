"""`steploom doctor`: everything that Steploom needs, each found fault with its cure."""

from __future__ import annotations

import asyncio
import platform
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from textwrap import wrap
from typing import Final

from rich.console import Console
from rich.text import Text

from core.cli.exit_codes import COMPLETED, FAILED
from core.cli.run import JsonOption
from core.cli.terminal import print_json

OLDEST_PYTHON: Final = (3, 11)
INDENT: Final = 15
"""Characters before a fact: its mark and the name of what it is about."""

PATIENCE: Final = 10.0
"""Seconds that the model server is given."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing. needed: whether nothing works without it."""

    name: str
    ok: bool
    fact: str
    cure: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to find out. needed: as in Finding, for when finding out fails."""

    name: str
    find: Callable[[], Finding]
    needed: bool = True


def doctor(as_json: JsonOption = False) -> int:
    """Check Python, the database, the keyring, the model server, traces and Qt; each fault comes with its cure."""
    findings: list[Finding] = []
    console = Console(highlight=False)
    for check in CHECKS:
        finding = _checked(check)
        findings.append(finding)
        if not as_json:
            _show(console, finding)
    if as_json:
        print_json([asdict(finding) for finding in findings])
    return COMPLETED if all(finding.ok or not finding.needed for finding in findings) else FAILED


def _checked(check: Check) -> Finding:
    try:
        return check.find()
    except Exception as error:  # noqa: BLE001 - whatever is broken is a finding, and its text says what to do
        return Finding(check.name, ok=False, fact=str(error) or type(error).__name__, needed=check.needed)


def _show(console: Console, finding: Finding) -> None:
    mark, style = ("✓", "green") if finding.ok else ("✗", "red") if finding.needed else ("!", "yellow")
    lines = [finding.fact, finding.cure] if finding.cure and not finding.ok else [finding.fact]
    if console.is_terminal:
        lines = [part for line in lines for part in wrap(line, max(20, console.width - INDENT), break_on_hyphens=False)]
    head = Text.assemble((f"{mark} ", style), (f"{finding.name:<{INDENT - 2}}", "bold"))
    for number, line in enumerate(lines):
        console.print(Text.assemble(" " * INDENT if number else head, line), soft_wrap=True)


def _python() -> Finding:
    return Finding(
        "python",
        sys.version_info >= OLDEST_PYTHON,
        f"Python {platform.python_version()}",
        "Install Python 3.11 or newer.",
    )


def _settings() -> Finding:
    from core.settings import default_home, load

    home = default_home()
    load(home)
    return Finding("settings", ok=True, fact=f"in {home}")


def _database() -> Finding:
    from core.cli.database import address
    from core.store.schema import status

    with address() as found:
        state = status(found)
        fact = f"PostgreSQL {state.server} with pgvector {state.vectors}: {found.shown}"
    if state.is_current or not state.current:  # tables are made at the first run
        return Finding("database", ok=True, fact=fact)
    return Finding(
        "database",
        ok=False,
        fact=f"{fact}; its tables are of an older Steploom",
        cure="The next run brings them up to date; or do it now: steploom db upgrade",
        needed=False,
    )


def _keyring() -> Finding:
    from core.secrets import loaded_keyring
    from core.settings import default_home, load

    keyring = loaded_keyring()
    from keyring.backends import fail

    backend = keyring.get_keyring()
    if not isinstance(backend, fail.Keyring):
        return Finding("keyring", ok=True, fact=getattr(backend, "name", type(backend).__name__))
    if load(default_home()).secrets_file:
        return Finding("keyring", ok=True, fact="none; keys are kept in a file that only you can read, as you chose")
    return Finding(
        "keyring",
        ok=False,
        fact="this machine has no keyring service",
        cure="Set keys in the environment (OPENROUTER_API_KEY), or allow a private file: steploom keys set NAME --file",
        needed=False,
    )


def _key() -> Finding:
    from core.secrets import KeyringSecrets
    from core.settings import default_home, load

    settings = load(default_home())
    name = settings.model_server.secret
    secrets = KeyringSecrets(default_home(), allow_file=settings.secrets_file)
    if asyncio.run(secrets.get(name)) is not None:
        return Finding("model key", ok=True, fact=f"{name} is set")
    return Finding(
        "model key",
        ok=False,
        fact=f"{name} is not set",
        cure=f"Run: steploom keys set {name}, or use --demo",
        needed=False,
    )


def _server() -> Finding:
    from core.engine.errors import StepError

    def fault(fact: str) -> Finding:
        cure = "Check the network, or set another server (STEPLOOM_MODEL_SERVER__BASE_URL); --demo works without one."
        return Finding("model server", ok=False, fact=fact, cure=cure, needed=False)

    async def ask() -> Finding:
        from core.workspace import Workspace

        async with Workspace.open(memory_only=True) as workspace:
            where = workspace.settings.model_server.base_url
            try:
                async with asyncio.timeout(PATIENCE):
                    found = await workspace.server.catalogue.list(refresh=True)
            except TimeoutError:
                return fault(f"{where} did not answer within {PATIENCE:.0f} seconds")
            except StepError as error:
                return fault(f"{where}: {error.message}")
        if found.problem:
            return fault(f"{where}: {found.problem}")
        return Finding("model server", ok=True, fact=f"{len(found.models)} models at {where}", needed=False)

    return asyncio.run(ask())


def _traces() -> Finding:
    """Whether what sends traces is installed, where they are asked for."""
    from importlib.util import find_spec

    from core.settings import default_home, load

    endpoint = load(default_home()).telemetry.endpoint
    if not endpoint:
        return Finding("traces", ok=True, fact="sent nowhere, as no endpoint is set", needed=False)
    if find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None:
        return Finding("traces", ok=True, fact=f"sent to {endpoint}", needed=False)
    return Finding(
        "traces",
        ok=False,
        fact=f"to be sent to {endpoint}, but OpenTelemetry is not installed",
        cure="Install steploom[telemetry], or empty the endpoint in the settings.",
        needed=False,
    )


def _qt() -> Finding:
    """Whether Qt's libraries are there, tried in a process of its own: a missing one can end the process."""
    import subprocess

    program = (
        "import os; os.environ.setdefault('QT_QPA_PLATFORM', 'offscreen'); "
        "from PySide6.QtGui import QGuiApplication; import PySide6; QGuiApplication([]); print(PySide6.__version__)"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter with our own text
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode == 0:
        return Finding("Qt", ok=True, fact=f"PySide6 {done.stdout.strip()}")
    reason = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
    return Finding("Qt", ok=False, fact=reason, cure="Only the window needs it. Run: make setup", needed=False)


CHECKS: Final = (
    Check("python", _python),
    Check("settings", _settings),
    Check("database", _database),
    Check("keyring", _keyring, needed=False),
    Check("model key", _key, needed=False),
    Check("model server", _server, needed=False),
    Check("traces", _traces, needed=False),
    Check("Qt", _qt, needed=False),
)
