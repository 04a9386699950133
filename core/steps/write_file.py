"""The step type `write_file`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from pydantic import JsonValue

from core.engine.errors import StepError
from core.engine.services import Folders
from core.engine.step_type import Config, StepContext, StepType, is_template, setting
from core.steps.parts.fields import FilledText
from core.steps.parts.files import WriteMode, is_text_encoding, write_bytes
from core.steps.parts.needs import blobs_of, folders_of
from core.workflow.catalogue import ConfigProblem
from core.workflow.model import Json


class WriteFileConfig(Config):
    """What is written, and where."""

    path: FilledText = setting(title="Path", help="A file inside a granted folder.", widget="file")
    content: JsonValue = setting(title="Content", help="Text, any other value, or a blob.", widget="multiline")
    mode: WriteMode = setting(
        "create", title="If the file exists", help="Refused, overwritten, or added to.",
        labels={"create": "Refuse", "overwrite": "Overwrite it", "append": "Add at its end"},
    )  # fmt: skip
    encoding: str = setting("utf-8", title="Encoding", help="Of text.")


class WriteFileStep(StepType[WriteFileConfig]):
    """Writes a file inside the granted folders; missing folders on the way are made.

    Text is written as it is, a blob (`{{ draw.image }}`) as its bytes, any other value as indented JSON. A relative
    path starts from the workflow's own folder. `mode` says what happens when the file is there already: `create`
    refuses, `overwrite` replaces it, `append` adds at its end. Except for `append`, the file appears whole or not at
    all.

    After a crash in the middle of this step a person is asked before it runs again. With an `idempotency_key` on the
    step it is repeated without asking; that is safe for `create` and `overwrite`, whose second time changes nothing.
    Give `append` no key: it would append twice.

    **Port:** `out`. **Output:** `path` (absolute), `size` of the file in bytes.

    ```yaml
    save:
      type: write_file
      config:
        path: reports/digest.md
        content: "{{ report.text }}"
        mode: overwrite
      idempotency_key: "{{ run.id }}"
    ```
    """

    type = "write_file"
    title = "Write file"
    icon = "file-output"
    category = "output"
    also_called = "save export store"
    effect = "writes"
    outputs: ClassVar[Mapping[str, str]] = {"path": "Where the file is.", "size": "The file's size in bytes."}
    main_field = "content"
    main_output = "path"
    config_model = WriteFileConfig

    def hosts(self, config: Mapping[str, Json]) -> Sequence[str] | None:
        """None: it writes into granted folders only."""
        return ()

    def check(self, config: Mapping[str, Json]) -> Iterable[ConfigProblem]:
        """An encoding that there is."""
        encoding = config.get("encoding", "utf-8")
        if isinstance(encoding, str) and not is_template(encoding) and not is_text_encoding(encoding):
            yield ConfigProblem(
                ("encoding",), "wrong_value", f"There is no encoding {encoding!r}.", "Write utf-8, latin-1 or another."
            )

    async def run(self, config: WriteFileConfig, context: StepContext) -> dict[str, Json]:
        """Write the file in a thread."""
        folders = folders_of(context)
        data = await _bytes_of(config, context)
        token = f"{context.random.getrandbits(64):016x}"
        return await asyncio.to_thread(_write, folders, config, data, context, token)


def _write(folders: Folders, config: WriteFileConfig, data: bytes, context: StepContext, token: str) -> dict[str, Json]:
    target = folders.resolve(config.path, context.origin, write=True)
    size = write_bytes(target, data, config.mode, token=token, again=bool(context.idempotency_key))
    return {"path": str(target), "size": size}


async def _bytes_of(config: WriteFileConfig, context: StepContext) -> bytes:
    content = config.content
    if isinstance(content, dict) and isinstance(content.get("blob"), str) and "media_type" in content:
        return await blobs_of(context).get(str(content["blob"]))
    text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    try:
        return text.encode(config.encoding)
    except LookupError:
        raise StepError(
            f"There is no encoding {config.encoding!r}. Write utf-8, latin-1 or another.", kind="config"
        ) from None
    except UnicodeEncodeError as error:
        raise StepError(
            f"The encoding {config.encoding} has no {error.object[error.start]!r}. Use utf-8.", kind="validation"
        ) from None
