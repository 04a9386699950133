"""Settings: one declaration each, read from `settings.toml` in the home folder and from the environment.

The settings dialog, the documentation and validation are made from these fields. Secrets are never among them.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from core.home import default_home as default_home  # whoever reads settings asks where they are
from core.workflow.durations import parse_duration

OPENROUTER = "https://openrouter.ai/api/v1"
"""The base URL of OpenRouter."""


class SettingsError(Exception):
    """The settings cannot be read; the text says which one is wrong and where it stands."""

    code = "settings"


class ModelServerSettings(BaseModel):
    """The server that models are asked through."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = Field(
        OPENROUTER, title="Address", description="OpenRouter, or any server that speaks OpenAI's chat completions."
    )
    kind: Literal["auto", "openrouter", "ollama", "lmstudio", "llamacpp", "vllm", "generic"] = Field(
        "auto", title="Kind", description="What the server is; auto finds out."
    )
    secret: str = Field("openrouter", title="Key", description="The name of its key in the keyring.")


class FolderGrant(BaseModel):
    """A folder that every workflow may use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Path = Field(title="Folder")
    write: bool = Field(False, title="May write", description="Steps may also write into it.")


class RetentionSettings(BaseModel):
    """How long runs are kept. Runs that wait or run are never removed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    runs: int = Field(1000, ge=0, title="Runs", description="Newest runs kept for each workflow; 0 for no such limit.")
    days: int = Field(0, ge=0, title="Days", description="Younger runs are kept; 0 for no such limit.")


class MemorySettings(BaseModel):
    """What is remembered, for all agents. How much of its context an agent gives to memories is set at the agent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    learn: bool = Field(
        True, title="Learn", description="Let a model note down what is worth remembering when a chat pauses."
    )
    learn_model: str = Field(
        "", title="Model for learning", description="A small one will do; empty for the default chat model."
    )
    usd_per_day: float = Field(
        0.25, ge=0, le=1000, title="Spend on learning", description="A day, at most.", json_schema_extra={"unit": "USD"}
    )
    shared: int = Field(
        2000, ge=1, le=1_000_000, title="Shared memories", description="Kept at most; each agent sets its own number."
    )
    forgotten_days: int = Field(
        90, ge=0, title="Keep what is forgotten", description="Days until it is removed for good; 0 for ever.",
        json_schema_extra={"unit": "days"},
    )  # fmt: skip


class WorkerSettings(BaseModel):
    """How this machine's workers execute queued runs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    concurrency: int = Field(10, ge=1, le=1000, title="Runs at once", description="In one worker.")
    queues: list[str] = Field(default_factory=list, title="Queues", description="Those it takes from; none for all.")
    lost_after_s: float = Field(
        30, ge=1, le=3600, title="Lost after",
        description="A worker that is silent for so long has lost its runs. The same on all machines.",
        json_schema_extra={"unit": "s"},
    )  # fmt: skip
    grace_s: float = Field(
        30, ge=0, le=86_400, title="Time to finish",
        description="What runs have left when a worker is stopped; then another worker goes on with them.",
        json_schema_extra={"unit": "s"},
    )  # fmt: skip


class ServiceSettings(BaseModel):
    """The background service: `steploom serve` as the window or systemd starts it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    port: int = Field(
        8420, ge=0, le=65_535, title="Port", description="Where it listens on this machine; 0 for any that is free."
    )
    start_with_window: bool = Field(
        False, title="Start with the window", description="When the window is opened and no service runs."
    )
    outlives_window: bool = Field(
        True, title="Goes on without the window",
        description="Closing the window leaves it at work; else it is stopped, if the window started it.",
    )  # fmt: skip
    tray: bool = Field(
        True, title="Icon in the tray", description="Shows the service and what waits for you, where there is a tray."
    )
    close_to_tray: bool = Field(
        False, title="Close to the tray",
        description="Closing the window leaves Steploom in the tray, where there is one; Quit ends it.",
    )  # fmt: skip


class LimitSettings(BaseModel):
    """What all workers together may do at the same time, or within a time."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workflows: dict[str, int] = Field(
        default_factory=dict, title="Runs of a workflow", description="At the same time, by the workflow's name."
    )
    models: dict[str, str] = Field(
        default_factory=dict, title="Calls of models",
        description="By the beginning of the model's name, or * for all, such as 60/1m.",
    )  # fmt: skip

    @field_validator("workflows")
    @classmethod
    def _positive(cls, value: dict[str, int]) -> dict[str, int]:
        if wrong := [name for name, number in value.items() if number < 1]:
            raise ValueError(f"at least 1 run must be allowed of {', '.join(wrong)}")
        return value

    @field_validator("models")
    @classmethod
    def _rates(cls, value: dict[str, str]) -> dict[str, str]:
        for text in value.values():
            rate_of(text)
        return value


class BudgetSettings(BaseModel):
    """What may be spent on models before a run waits and a person is asked. Agents have limits of their own besides."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    usd_per_run: float = Field(
        0, ge=0, le=1_000_000, title="For one run", description="0 for no limit.", json_schema_extra={"unit": "USD"}
    )
    usd_per_day: float = Field(
        0, ge=0, le=1_000_000, title="For all of a day", description="Runs and chats; 0 for no limit.",
        json_schema_extra={"unit": "USD"},
    )  # fmt: skip
    workflows: dict[str, float] = Field(
        default_factory=dict, title="For a workflow", description="US dollars a day, by the workflow's name."
    )

    @field_validator("workflows")
    @classmethod
    def _positive(cls, value: dict[str, float]) -> dict[str, float]:
        if wrong := [name for name, dollars in value.items() if not dollars > 0]:
            raise ValueError(f"more than 0 USD must be allowed for {', '.join(wrong)}; leave it out for no limit")
        return value


class TelemetrySettings(BaseModel):
    """Where OpenTelemetry traces are sent. Needs the extra `telemetry`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    endpoint: str = Field(
        "", title="Send traces to",
        description="A collector (OTLP over HTTP), such as http://localhost:4318/v1/traces; empty for none.",
    )  # fmt: skip
    content: bool = Field(
        False, title="With texts", description="Put inputs, questions and answers into the traces, too."
    )


def rate_of(text: str) -> tuple[int, float]:
    """How many within how many seconds `60/1m` says. Raises ValueError."""
    number, _, span = text.partition("/")
    if not number.strip().isdecimal() or int(number) < 1 or (seconds := parse_duration(span)) <= 0:
        raise ValueError(f"{text!r} is no rate; give a number and a time, such as 60/1m")
    return int(number), seconds


class Settings(BaseSettings):
    """Everything a person can set. The environment (`STEPLOOM_…`) comes before the file."""

    model_config = SettingsConfigDict(
        env_prefix="STEPLOOM_", env_nested_delimiter="__", extra="forbid", frozen=True, env_ignore_empty=True
    )
    file: ClassVar[Path | None] = None
    from_environment: ClassVar[bool] = True

    database_url: str = Field(
        "", title="Database", description="A PostgreSQL 15 or newer with pgvector; empty for Steploom's own."
    )
    database_patience_s: float = Field(
        60, ge=0, le=3600, title="Wait for the database", description="How long a run waits when it goes away.",
        json_schema_extra={"unit": "s"},
    )  # fmt: skip
    model_server: ModelServerSettings = Field(default_factory=ModelServerSettings, title="Model server")
    default_model: str = Field("openai/gpt-5-mini", title="Chat model", description="For steps that name none.")
    image_model: str = Field(
        "google/gemini-2.5-flash-image", title="Picture model", description="For picture steps that name none."
    )
    embedding_model: str = Field(
        "openai/text-embedding-3-small", title="Embedding model", description="Turns texts into vectors, for memories."
    )
    allowed_hosts: list[str] = Field(
        default_factory=list, title="Allowed hosts",
        description="Private hosts (name or name:port) that api steps may call.",
    )  # fmt: skip
    folders: list[FolderGrant] = Field(default_factory=list, title="Folders", description="What steps may touch.")
    retention: RetentionSettings = Field(default_factory=RetentionSettings, title="Keep runs")
    memory: MemorySettings = Field(default_factory=MemorySettings, title="Memory")
    workers: WorkerSettings = Field(default_factory=WorkerSettings, title="Workers")
    service: ServiceSettings = Field(default_factory=ServiceSettings, title="Background service")
    limits: LimitSettings = Field(default_factory=LimitSettings, title="Limits")
    budgets: BudgetSettings = Field(default_factory=BudgetSettings, title="Budgets")
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings, title="Traces")
    secrets_file: bool = Field(
        False, title="Keys in a file",
        description="Without a keyring: keep keys in a file that only you can read.",
    )  # fmt: skip

    @field_validator("database_url")
    @classmethod
    def _no_control_characters(cls, value: str) -> str:
        if any(ord(character) < 32 for character in value):
            raise ValueError("the address holds control characters")
        return value.strip()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given in code, then the environment, then the file."""
        sources: tuple[PydanticBaseSettingsSource, ...] = (init_settings,)
        if cls.from_environment:
            sources += (env_settings,)
        if cls.file is not None:
            sources += (TomlConfigSettingsSource(settings_cls, cls.file),)
        return sources


def settings_file(home: Path) -> Path:
    """The settings' file in a home folder."""
    return home / "settings.toml"


def load(home: Path, **overrides: Any) -> Settings:
    """The settings of a home folder. Raises SettingsError that names every wrong setting."""
    return _read(home, overrides, environment=True)


def change(home: Path, **values: Any) -> None:
    """Write these settings into the file and leave the others there as they are, whatever the environment says.

    Raises SettingsError.
    """
    save(_read(home, values, environment=False), home)


def _read(home: Path, overrides: dict[str, Any], *, environment: bool) -> Settings:
    path = settings_file(home)

    class _FromFile(Settings):
        file: ClassVar[Path | None] = path
        from_environment: ClassVar[bool] = environment

    try:
        found = _FromFile(**overrides)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors(include_url=False)]
        raise SettingsError(f"The settings in {path} or the environment do not fit:\n" + "\n".join(lines)) from None
    except ValueError as error:
        raise SettingsError(f"{path} is not valid TOML: {error}. Mend or remove it.") from None
    return Settings.model_construct(**dict(found))


def save(settings: Settings, home: Path) -> None:
    """Write what differs from the defaults, wholly or not at all. Raises SettingsError for a password in a URL."""
    if urlsplit(settings.database_url).password:
        raise SettingsError("A password does not belong in the settings' file: keep it with `steploom db use URL`.")
    values = settings.model_dump(mode="json", exclude_defaults=True, exclude_none=True)
    path = settings_file(home)
    home.mkdir(parents=True, exist_ok=True)
    number, draft = tempfile.mkstemp(dir=home, prefix=".settings-", suffix=".toml")
    try:
        with os.fdopen(number, "wb") as file:
            tomli_w.dump(values, file)
        Path(draft).replace(path)
    finally:
        Path(draft).unlink(missing_ok=True)
