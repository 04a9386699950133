from __future__ import annotations

from pathlib import Path

import pytest

from core.engine.errors import StepError
from core.grants import AllowedHosts, Grant, GrantedFolders


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "granted"
    made.mkdir()
    (made / "file.txt").write_text("x")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret.txt").write_text("x")
    return made


def refusal(folders: GrantedFolders, path: str, origin: str = "", *, write: bool = False) -> StepError:
    with pytest.raises(StepError) as caught:
        folders.resolve(path, origin, write=write)
    return caught.value


def test_a_path_inside_a_granted_folder_is_given_back_absolute(folder: Path) -> None:
    folders = GrantedFolders([Grant(folder)])
    assert folders.resolve("file.txt", str(folder), write=False) == folder / "file.txt"
    assert folders.resolve(str(folder), "", write=False) == folder
    assert folders.resolve("deep/new.txt", str(folder), write=False) == folder / "deep/new.txt"


def test_reading_does_not_let_write(folder: Path) -> None:
    assert refusal(GrantedFolders([Grant(folder)]), "file.txt", str(folder), write=True).kind == "refused"
    writable = GrantedFolders([Grant(folder, write=True)])
    assert writable.resolve("file.txt", str(folder), write=True) == writable.resolve(
        "file.txt", str(folder), write=False
    )


@pytest.mark.parametrize(
    "path", ["../outside/secret.txt", "deep/../../outside/secret.txt", "link.txt", "links/secret.txt", "/etc/passwd"]
)
def test_dots_links_and_absolute_paths_do_not_lead_out(folder: Path, path: str) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "outside/secret.txt")
    (folder / "links").symlink_to(folder.parent / "outside")
    error = refusal(GrantedFolders([Grant(folder, write=True)]), path, str(folder))
    assert error.kind == "refused"
    assert "--allow-read" in error.message


def test_a_folder_with_the_same_beginning_is_another_one(folder: Path) -> None:
    twin = folder.with_name("granted-not")
    twin.mkdir()
    assert refusal(GrantedFolders([Grant(folder)]), str(twin / "x")).kind == "refused"


def test_a_granted_folder_may_itself_be_a_link(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(folder)
    folders = GrantedFolders([Grant(tmp_path / "alias")])
    assert folders.resolve(str(tmp_path / "alias/file.txt"), "", write=False) == folder / "file.txt"


def test_the_refusal_names_the_folder_to_grant(folder: Path) -> None:
    message = refusal(GrantedFolders(), "file.txt", str(folder), write=True).message
    assert f"--allow-write {folder}" in message


@pytest.mark.parametrize("path", ["", "  ", "a\0b"])
def test_an_empty_path_is_an_error_of_the_settings(path: str) -> None:
    assert refusal(GrantedFolders(), path).kind == "config"


def test_more_grants_leave_the_old_ones_as_they_were(folder: Path) -> None:
    few = GrantedFolders()
    more = few.with_grants([Grant(folder)])
    assert more.resolve("file.txt", str(folder), write=False) == folder / "file.txt"
    assert refusal(few, "file.txt", str(folder)).kind == "refused"


@pytest.mark.parametrize(
    ("allowed", "host", "port", "yes"),
    [
        ("localhost", "localhost", 80, True),
        ("localhost", "LOCALHOST", 8080, True),
        ("localhost:8080", "localhost", 8080, True),
        ("localhost:8080", "localhost", 80, False),
        (" Box.Local ", "box.local", 443, True),
        ("::1", "::1", 80, True),
        ("[::1]:8080", "::1", 8080, True),
        ("[::1]:8080", "::1", 80, False),
        ("local", "localhost", 80, False),
        ("", "localhost", 80, False),
    ],
)
def test_hosts_are_allowed_by_name_or_by_name_and_port(allowed: str, host: str, port: int, yes: bool) -> None:
    assert AllowedHosts([allowed]).is_allowed(host, port) is yes
