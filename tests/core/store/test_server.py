from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from core.store.address import Address
from core.store.errors import DataFolderError
from core.store.server import EmbeddedServer
from core.store.store import Store


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder outside pytest's own: the server's system user must be able to look into it."""
    made = Path(tempfile.mkdtemp(prefix="steploom-server-"))
    yield made / "postgres"
    EmbeddedServer(made / "postgres").stop()
    shutil.rmtree(made, ignore_errors=True)


def _pid(folder: Path) -> int:
    return int((folder / "data" / "postmaster.pid").read_text(encoding="utf-8").splitlines()[0])


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _answer(address: Address) -> object:
    with psycopg.connect(address.dsn) as connection:
        return (connection.execute("SELECT current_database()").fetchone() or (None,))[0]


def test_the_server_is_made_started_shared_stopped_and_started_again(folder: Path) -> None:
    first, second = EmbeddedServer(folder), EmbeddedServer(folder)
    address = first.start()
    assert _answer(address) == "steploom"
    pid = _pid(folder)
    assert second.start() == address
    assert _pid(folder) == pid
    first.stop()
    first.stop()
    assert _answer(address) == "steploom"
    second.stop()
    assert not _lives(pid)
    assert _answer(second.start()) == "steploom"
    second.stop()


def test_a_folder_may_be_called_as_people_call_folders(folder: Path) -> None:
    named = folder.parent / "Ada's Application Support" / "postgres"
    first, second = EmbeddedServer(named), EmbeddedServer(named)
    try:
        assert _answer(first.start()) == "steploom"
        assert _answer(second.start()) == "steploom"
    finally:
        first.stop()
        second.stop()
    assert not (named / "data" / "postmaster.pid").exists()


def test_a_killed_server_with_a_stale_pid_file_is_started_again(folder: Path) -> None:
    server = EmbeddedServer(folder)
    address = server.start()
    process = psutil.Process(_pid(folder))
    process.kill()
    process.wait(10)
    assert (folder / "data" / "postmaster.pid").exists()
    assert _answer(server.start()) == "steploom"
    server.stop()
    # The number in the file may by now be that of any other process.
    (folder / "data" / "postmaster.pid").write_text(f"{os.getpid()}\n{folder}\n0\n5432\n", encoding="utf-8")
    assert server.start() == address
    server.stop()


def test_a_killed_user_does_not_keep_the_server_alive(folder: Path) -> None:
    program = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from core.store.server import EmbeddedServer
        EmbeddedServer(Path(sys.argv[1])).start()
        print("up", flush=True)
        time.sleep(600)
    """)
    with subprocess.Popen([sys.executable, "-c", program, str(folder)], stdout=subprocess.PIPE) as user:
        assert user.stdout is not None
        assert user.stdout.readline() == b"up\n"
        pid = _pid(folder)
        server = EmbeddedServer(folder)
        server.start()
        assert _pid(folder) == pid
        user.send_signal(signal.SIGKILL)
    assert _lives(pid)
    server.stop()
    assert not _lives(pid)


def test_two_programs_that_start_at_once_share_one_server(folder: Path) -> None:
    program = textwrap.dedent("""
        import sys
        from pathlib import Path
        from core.store.server import EmbeddedServer
        server = EmbeddedServer(Path(sys.argv[1]))
        server.start()
        print((Path(sys.argv[1]) / "data" / "postmaster.pid").read_text().split()[0], flush=True)
        sys.stdin.readline()
        server.stop()
    """)
    command = [sys.executable, "-c", program, str(folder)]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as one,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as two,
    ):
        assert one.stdout is not None
        assert two.stdout is not None
        pids = {one.stdout.readline(), two.stdout.readline()}
        assert len(pids) == 1
        one.communicate(b"\n")
        assert _lives(int(next(iter(pids))))
        two.communicate(b"\n")
    assert not _lives(int(next(iter(pids))))


def test_data_of_another_version_is_named_and_left_alone(folder: Path) -> None:
    data = folder / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text("16\n", encoding="ascii")
    with pytest.raises(DataFolderError, match=r"PostgreSQL 16.*PostgreSQL\s+18.*Nothing was changed"):
        EmbeddedServer(folder).start()
    assert [path.name for path in data.iterdir()] == ["PG_VERSION"]


def test_a_folder_with_other_files_is_left_alone(folder: Path) -> None:
    data = folder / "data"
    data.mkdir(parents=True)
    (data / "letters.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(DataFolderError, match="holds files but no Postgres"):
        EmbeddedServer(folder).start()
    assert (data / "letters.txt").read_text(encoding="utf-8") == "mine"


def test_a_cluster_whose_making_was_cut_off_is_made_anew(folder: Path) -> None:
    unfinished = folder / "data.new"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n", encoding="ascii")
    server = EmbeddedServer(folder)
    assert _answer(server.start()) == "steploom"
    server.stop()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="speaks of root")
def test_root_is_told_to_keep_the_data_out_of_its_home() -> None:
    folder = Path("~root").expanduser() / "steploom-test-never-made"
    with pytest.raises(DataFolderError, match=r"lies under /root.*STEPLOOM_HOME"):
        EmbeddedServer(folder).start()
    assert not folder.exists()


async def test_a_store_opens_on_its_embedded_server_and_closes_it(folder: Path) -> None:
    home = folder.parent
    async with await Store.open(None, home) as store:
        pid = _pid(folder)
        assert store.status.is_current
        assert list(await store.workflows.list()) == []
    assert not _lives(pid)
    await store.close()


async def test_a_store_does_not_stall_its_callers_loop_while_it_opens(folder: Path) -> None:
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    async with await Store.open(None, folder.parent):
        pass
    ticking.cancel()
    assert ticks > 20
