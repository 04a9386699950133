"""The step type `read_file`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

from core.engine.errors import StepError
from core.engine.step_type import Config, StepContext, StepType, is_template, setting
from core.steps.parts.fields import FilledText
from core.steps.parts.files import FoundFile, find_files, is_text_encoding, read_bytes
from core.steps.parts.needs import blobs_of, folders_of
from core.steps.parts.text import clean_text, parse_json
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json

_DEFAULT_LIMIT = 20 * 1024 * 1024


class ReadFileConfig(Config):
    """Which files are read, and as what."""

    path: FilledText = setting(title="Path", help="A file, a folder, or a pattern such as notes/*.md.", widget="file")
    read_as: Literal["auto", "text", "json", "lines", "blob", "names"] = setting(
        "auto",
        title="Read as",
        help="By itself (auto): text where it is text, JSON by .json, else a blob.",
        labels={"auto": "By itself", "json": "JSON", "blob": "A kept file", "names": "Names only"},
    )
    encoding: str = setting("utf-8", title="Encoding", help="Of text.")
    recursive: bool = setting(False, title="With folders inside", help="For a folder.")
    max_bytes: int = setting(
        _DEFAULT_LIMIT, title="Size limit", help="For all files together.", unit="bytes", ge=1, le=1024**3
    )
    max_files: int = setting(1000, title="At most", help="More files are an error.", unit="files", ge=1, le=100_000)


class ReadFileStep(StepType[ReadFileConfig]):
    """Reads a file, all files of a folder, or all that fit a pattern, inside the granted folders.

    A relative path starts from the workflow's own folder. A pattern has `*`, `?` or `[…]` in it; `**` stands for
    folders at any depth. Files whose name begins with a dot are passed over unless the pattern asks for them. The
    files of a folder or pattern come sorted by path; `recursive` takes in the folders inside a folder.

    `read_as`: `text`; `json` (the parsed value); `lines` (a list of texts); `blob` (kept in the blob store: for
    pictures and documents); `names` (nothing is read, for a loop that reads each file itself); `auto` chooses `json`
    for `.json` files, `text` for what decodes as text, else `blob`. Line ends become `\\n`, and a byte order mark is
    dropped.

    **Port:** `out`. **Output:** `files`, each with `path`, `name`, `size` and what was read under `text`, `json`,
    `lines` or `blob`; `count`; for a single file the same keys also stand beside `files`.

    ```yaml
    documents:
      type: read_file
      config:
        path: "{{ input.folder }}/**/*.md"
        read_as: text
    ```
    """

    type = "read_file"
    title = "Read files"
    icon = "file-input"
    category = "input"
    also_called = "load open document import"
    effect = "reads"
    outputs: ClassVar[Mapping[str, str]] = {
        "files": "The files in order: path, name, size, and text, json, lines or blob.",
        "count": "How many files there are.",
        "path": "Of a single file: where it is.",
        "name": "Of a single file: its name.",
        "size": "Of a single file: bytes.",
        "text": "Of a single file: its text.",
        "json": "Of a single file: its parsed value.",
        "lines": "Of a single file: its lines.",
        "blob": "Of a single file: its bytes in the blob store.",
    }
    main_field = "path"
    main_output = "text"
    config_model = ReadFileConfig

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """An encoding that there is."""
        encoding = config.get("encoding", "utf-8")
        if isinstance(encoding, str) and not is_template(encoding) and not is_text_encoding(encoding):
            yield ConfigProblem(
                ("encoding",), "wrong_value", f"There is no encoding {encoding!r}.", "Write utf-8, latin-1 or another."
            )

    def is_outward(self, config: Mapping[str, Json]) -> bool:
        """Never: it looks into granted folders only."""
        return False

    async def run(self, config: ReadFileConfig, context: StepContext) -> dict[str, Json]:
        """Find the files and read them one after the other."""
        if not is_text_encoding(config.encoding):
            raise StepError(
                f"There is no encoding {config.encoding!r}. Write utf-8, latin-1 or another.", kind="config"
            )
        folders = folders_of(context)
        found, is_single = await asyncio.to_thread(
            find_files, folders, config.path, context.origin, recursive=config.recursive
        )
        if len(found) > config.max_files:
            raise StepError(
                f"{config.path!r} stands for {len(found)} files, but at most {config.max_files} are allowed. Raise "
                "max_files, or name fewer.",
                kind="limit",
            )
        left = config.max_bytes
        files: list[dict[str, Json]] = []
        for file in found:
            entry: dict[str, Json] = {"path": str(file.path), "name": file.path.name, "size": file.size}
            if config.read_as != "names":
                data = await asyncio.to_thread(read_bytes, file, left)
                left -= len(data)
                entry |= await _content(file, data, config, context)
            files.append(entry)
        return {**(files[0] if is_single else {}), "files": list(files), "count": len(files)}


async def _content(file: FoundFile, data: bytes, config: ReadFileConfig, context: StepContext) -> dict[str, Json]:
    """What a file gives, under the key that says what it is."""
    wanted = config.read_as
    if wanted == "auto":
        wanted = "json" if file.path.suffix == ".json" else "text" if _decodes(data, config.encoding) else "blob"
    if wanted == "blob":
        kept = await blobs_of(context).put(data, file.media_type, file.path.name)
        return {"blob": kept.as_json(), "size": len(data)}
    text = _decoded(file, data, config.encoding)
    if wanted == "lines":
        return {"lines": list(text.splitlines()), "size": len(data)}
    if wanted == "text":
        return {"text": text, "size": len(data)}
    try:
        return {"json": parse_json(text), "size": len(data)}
    except ValueError as error:
        raise StepError(
            f"{file.path} is not JSON: {error}. Mend the file, or read it as text.", kind="validation"
        ) from None


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        return "\0" not in data.decode(encoding)
    except UnicodeDecodeError:
        return False


def _decoded(file: FoundFile, data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise StepError(
            f"{file.path} is not {encoding} text (byte {error.start}). Set the encoding it was written in, or read it "
            "as blob.",
            kind="validation",
        ) from None
    return clean_text(text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n"))
