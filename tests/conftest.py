"""What holds for every test: no screen, no real key, no keyring of this machine, no network beyond loopback."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.http_site import Site, running_site
from tests.support.network_guard import refused_addresses, watch_network
from tests.support.postgres import database_url, empty_database_url, postgres_server

__all__ = ["database_url", "empty_database_url", "postgres_server"]

for _name in list(os.environ):
    if _name.startswith("STEPLOOM_") or _name == "OPENROUTER_API_KEY":
        del os.environ[_name]
os.environ["QT_QPA_PLATFORM"] = "offscreen"
os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
# A test that forgets to name its home must not find that of the person who runs the tests.
os.environ["STEPLOOM_HOME"] = str(Path(tempfile.gettempdir()) / f"steploom-test-without-home-{os.getpid()}")
watch_network(sys.addaudithook)
# A build must not fail by the luck of the draw: there the examples are the same each time; elsewhere they are new.
hypothesis.settings.register_profile("build", derandomize=True)
if os.environ.get("CI"):
    hypothesis.settings.load_profile("build")


@pytest.fixture(autouse=True)
def _only_loopback() -> Iterator[None]:
    """Fails a test that tried to reach another machine; the attempt itself was stopped."""
    refused_addresses().clear()
    yield
    assert refused_addresses() == []


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as Steploom's home, and the test's own folder as the working folder."""
    folder = tmp_path / "home"
    monkeypatch.setenv("STEPLOOM_HOME", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def allowed_site(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """An HTTP server on loopback that the settings let api steps call."""
    monkeypatch.setenv("STEPLOOM_ALLOWED_HOSTS", '["127.0.0.1"]')
    with running_site() as running:
        yield running
