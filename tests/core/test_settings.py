from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from core.settings import (
    FolderGrant,
    ModelServerSettings,
    RetentionSettings,
    Settings,
    SettingsError,
    default_home,
    load,
    save,
    settings_file,
)


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("STEPLOOM_"):
            monkeypatch.delenv(name)


def _write(home: Path, text: str) -> None:
    settings_file(home).write_text(text, encoding="utf-8")


def test_an_empty_home_gives_the_defaults(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert found == Settings()
    assert (found.database_url, found.secrets_file, found.model_server.kind) == ("", False, "auto")


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    home = tmp_path / "new"
    settings = Settings(
        database_url="postgresql://me@db.example.com/flows",
        default_model="me/model",
        model_server=ModelServerSettings(base_url="http://localhost:11434/v1", kind="ollama"),
        allowed_hosts=["localhost:8000"],
        folders=[FolderGrant(path=Path("/srv/data"), write=True)],
        retention=RetentionSettings(runs=50, days=7),
        secrets_file=True,
    )
    save(settings, home)
    assert load(home) == settings
    assert [path.name for path in home.iterdir()] == ["settings.toml"]


def test_only_what_differs_from_the_defaults_is_written(tmp_path: Path) -> None:
    save(Settings(default_model="me/model"), tmp_path)
    assert settings_file(tmp_path).read_text(encoding="utf-8") == 'default_model = "me/model"\n'


def test_the_environment_comes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path, 'default_model = "file/model"\nimage_model = "file/image"\n[model_server]\nkind = "vllm"\n')
    monkeypatch.setenv("STEPLOOM_DEFAULT_MODEL", "environment/model")
    monkeypatch.setenv("STEPLOOM_MODEL_SERVER__BASE_URL", "http://localhost:1/v1")
    monkeypatch.setenv("STEPLOOM_IMAGE_MODEL", "")
    found = load(tmp_path)
    assert (found.default_model, found.image_model) == ("environment/model", "file/image")
    assert (found.model_server.base_url, found.model_server.kind) == ("http://localhost:1/v1", "vllm")


def test_overrides_come_before_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPLOOM_DEFAULT_MODEL", "environment/model")
    assert load(tmp_path, default_model="given/model").default_model == "given/model"


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    _write(tmp_path, 'defualt_model = "x"\ndatabase_patience_s = -1\n[retention]\nruns = -1\n')
    with pytest.raises(SettingsError) as caught:
        load(tmp_path)
    for name in ("defualt_model", "database_patience_s", "retention.runs"):
        assert name in str(caught.value)


def test_broken_toml_is_reported_with_its_file(tmp_path: Path) -> None:
    _write(tmp_path, "default_model = ")
    with pytest.raises(SettingsError, match=r"settings\.toml is not valid TOML"):
        load(tmp_path)


def test_a_password_is_never_written(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql://me:hunter22@db.example.com/flows")
    with pytest.raises(SettingsError) as caught:
        save(settings, tmp_path)
    assert "hunter22" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_save_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(Settings(default_model="old/model"), tmp_path)

    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        save(Settings(default_model="new/model"), tmp_path)
    assert load(tmp_path).default_model == "old/model"
    assert [path.name for path in tmp_path.iterdir()] == ["settings.toml"]


def _fields(model: type[BaseModel]) -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        yield f"{model.__name__}.{name}", field


@pytest.mark.parametrize("model", [Settings, ModelServerSettings, FolderGrant, RetentionSettings])
def test_every_setting_has_a_title_for_the_dialog(model: type[BaseModel]) -> None:
    assert [name for name, field in _fields(model) if not field.title] == []


def test_the_home_folder_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEPLOOM_HOME", str(tmp_path / "here"))
    assert default_home() == tmp_path / "here"


def test_roots_home_folder_is_where_the_database_may_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert default_home() == Path("/var/lib/steploom")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert default_home().name == "steploom"
    assert default_home() != Path("/var/lib/steploom")
