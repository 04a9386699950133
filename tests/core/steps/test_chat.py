from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from core.engine.errors import ConfigError, StepError
from core.engine.events import Usage
from core.engine.services import ChatAnswer, ChatImage, Services
from core.engine.step_type import StepContext
from core.engine.testing import LoneHost, lone_context
from core.engine.testing_models import BreaksOff, ScriptedModels, Stalls
from core.steps.chat import ChatStep
from tests.support.step_services import MemoryBlobs, OneFolder, output_of

PNG = b"\x89PNG\r\n\x1a\n" + bytes(8)
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def context_with(
    models: ScriptedModels, root: Path | None = None, host: LoneHost | None = None, blobs: MemoryBlobs | None = None
) -> StepContext:
    folders = OneFolder(root) if root else None
    return lone_context(host, services=Services(models=models, blobs=blobs or MemoryBlobs(), folders=folders))


def answer(text: str = "", **more: Any) -> ChatAnswer:
    return ChatAnswer(text=text, message={"role": "assistant", "content": text}, model="big", **more)


async def ask(models: ScriptedModels, **config: Any) -> dict[str, Any]:
    with models:
        return await output_of(ChatStep(), {"prompt": "Hi", **config}, context_with(models))


async def test_an_answer_is_streamed_and_its_cost_counted() -> None:
    host = LoneHost()
    with ScriptedModels("four little words here") as models:
        context = context_with(models, host=host)
        output = await output_of(ChatStep(), {"prompt": "Hi", "model": "small", "system": "Be brief."}, context)
    assert output["text"] == "four little words here" == "".join(host.deltas)
    assert len(host.deltas) == 4
    assert (output["model"], output["finish"], output["json"]) == ("small", "stop", None)
    assert context.usage == Usage(10, 5, 0.001) == Usage(output["tokens_in"], output["tokens_out"], output["cost_usd"])
    assert models.requests[0].messages == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
    ]
    assert context.request == {"model": "small", "messages": models.requests[0].messages}


async def test_the_settings_reach_the_model() -> None:
    models = ScriptedModels("ok")
    await ask(models, temperature=0.5, max_tokens=7, effort="low", fallbacks=["b", "c"])
    request = models.requests[0]
    assert (request.temperature, request.max_tokens, request.effort) == (0.5, 7, "low")
    assert request.fallbacks == ("b", "c")


async def test_a_prompt_that_came_out_as_a_number_is_sent_as_text() -> None:
    models = ScriptedModels("ok")
    await ask(models, prompt=42)
    assert models.requests[0].messages == [{"role": "user", "content": "42"}]


@pytest.mark.parametrize("text", ['{"n": 3}', '```json\n{"n": 3}\n```', ' \n{"n": 3}\n'])
async def test_a_structured_answer_is_parsed(text: str) -> None:
    models = ScriptedModels(text)
    output = await ask(models, schema=SCHEMA)
    assert output["json"] == {"n": 3}
    assert models.requests[0].schema == SCHEMA
    assert json.dumps(SCHEMA) in models.requests[0].messages[0]["content"]


async def test_an_answer_that_misses_the_schema_is_mended_in_a_second_turn_and_both_are_paid() -> None:
    models = ScriptedModels('{"n": "three"}', '{"n": 3}')
    output = await ask(models, schema=SCHEMA)
    assert output["json"] == {"n": 3}
    assert output["tokens_in"] == 20
    *_, first_answer, complaint = models.requests[1].messages
    assert first_answer == {"role": "assistant", "content": '{"n": "three"}'}
    assert "$.n: 'three' is not of type 'integer'" in complaint["content"]


async def test_a_second_misfit_fails_with_what_was_wrong() -> None:
    models = ScriptedModels("no", "still no")
    context = context_with(models)
    with pytest.raises(StepError, match="gave no fitting JSON, also when asked again") as caught:
        await output_of(ChatStep(), {"prompt": "Hi", "schema": SCHEMA}, context)
    assert caught.value.kind == "validation"
    assert caught.value.detail == {"answer": "still no"}
    assert context.usage.tokens_in == 20


@pytest.mark.parametrize("text", ['{"n": NaN}', '{"n": 1e999}', "[" * 100_000])
async def test_what_is_not_quite_json_is_not_taken_for_json(text: str) -> None:
    assert (await ask(ScriptedModels(text, '{"n": 1}'), schema=SCHEMA))["json"] == {"n": 1}


async def test_json_cut_off_at_the_longest_answer_is_not_asked_for_again() -> None:
    cut = answer('{"n": ', finish="length", usage=Usage(1, 50, 0))
    with pytest.raises(StepError, match=r"cut off after 50 tokens.*Raise max_tokens") as caught:
        await ask(ScriptedModels(cut), schema=SCHEMA)
    assert caught.value.kind == "limit"


async def test_json_withheld_by_a_filter_is_not_asked_for_again() -> None:
    with pytest.raises(StepError, match="content filter") as caught:
        await ask(ScriptedModels(answer(finish="content_filter")), schema=SCHEMA)
    assert caught.value.kind == "refused"


@pytest.mark.parametrize("finish", ["length", "content_filter"])
async def test_finish_says_how_a_text_ended(finish: str) -> None:
    assert (await ask(ScriptedModels(answer("part", finish=finish))))["finish"] == finish


async def test_a_refusal_fails_the_step_but_is_paid() -> None:
    models = ScriptedModels(answer(refusal="I cannot do that.", usage=Usage(3, 4, 0.5)))
    context = context_with(models)
    with pytest.raises(StepError, match=r"big refused to answer: I cannot do that\.") as caught:
        await output_of(ChatStep(), {"prompt": "Hi"}, context)
    assert caught.value.kind == "refused"
    assert context.usage.cost_usd == 0.5


async def test_a_stream_that_ends_without_an_answer_can_be_tried_again() -> None:
    with pytest.raises(StepError, match="ended before it was whole") as caught:
        await ask(ScriptedModels(BreaksOff("half an ans")))
    assert caught.value.retryable


async def test_the_models_own_error_is_passed_on() -> None:
    with pytest.raises(StepError, match="slow down") as caught:
        await ask(ScriptedModels(StepError("slow down", kind="rate_limit", retryable=True, retry_after=3)))
    assert caught.value.retry_after == 3


async def test_cancelling_closes_the_stream() -> None:
    models = ScriptedModels(Stalls("thinking"))
    task = asyncio.create_task(output_of(ChatStep(), {"prompt": "Hi"}, context_with(models)))
    await models.stalled.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (models.waiting, models.closed) == (0, 1)


async def test_pictures_in_an_answer_go_to_the_blob_store() -> None:
    models = ScriptedModels(answer("Here.", images=(ChatImage(PNG, "image/png"),)))
    blobs = MemoryBlobs()
    output = await output_of(ChatStep(), {"prompt": "Hi"}, context_with(models, blobs=blobs))
    (blob,) = output["images"]
    assert (blob["name"], blob["media_type"]) == ("step-1.png", "image/png")
    assert await blobs.get(blob["blob"]) == PNG


async def test_pictures_and_files_go_along_as_parts(tmp_path: Path) -> None:
    (tmp_path / "photo.bin").write_bytes(PNG)
    (tmp_path / "notes.md").write_text("# Notes")
    (tmp_path / "paper.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / "sound.mp3").write_bytes(b"ID3")
    models = ScriptedModels("ok")
    blobs = MemoryBlobs()
    context = context_with(models, tmp_path, blobs=blobs)
    blob = (await blobs.put(PNG, "image/png", "cat.png")).as_json()
    config = {
        "prompt": "What is this?",
        "images": ["photo.bin", [blob, "https://example.test/a.png"]],
        "files": ["notes.md", {"path": "paper.pdf", "text": "x"}, "sound.mp3"],
    }
    await output_of(ChatStep(), config, context)
    encoded = base64.b64encode(PNG).decode()
    pdf = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.7").decode()
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{encoded}"}}
    assert models.requests[0].messages[-1]["content"] == [
        {"type": "text", "text": "File notes.md:\n# Notes"},
        {"type": "file", "file": {"filename": "paper.pdf", "file_data": pdf}},
        {"type": "input_audio", "input_audio": {"data": base64.b64encode(b"ID3").decode(), "format": "mp3"}},
        picture,
        picture,
        {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}},
        {"type": "text", "text": "What is this?"},
    ]


@pytest.mark.parametrize(
    ("item", "kind", "message"),
    [
        ("gone.png", "not_found", "no file 'gone.png'"),
        ("../secret.png", "refused", "outside the granted folders"),
        (".", "validation", "is a folder"),
        ("notes.txt", "validation", "not a picture but text/plain"),
        ("data:image/png;base64,###", "validation", "data: URL among the files is damaged"),
        ({"name": "x"}, "validation", "a blob .* is needed"),
        ({"blob": "0" * 64}, "not_found", "no blob"),
    ],
)
async def test_a_picture_that_cannot_be_sent_is_told(item: Any, kind: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("text")
    with pytest.raises(StepError, match=message) as caught:
        await output_of(ChatStep(), {"prompt": "Hi", "images": [item]}, context_with(ScriptedModels(), tmp_path))
    assert caught.value.kind == kind


async def test_without_models_the_step_says_so() -> None:
    with pytest.raises(StepError, match="no model server"):
        await output_of(ChatStep(), {"prompt": "Hi"})


async def test_a_schema_never_makes_the_program_fetch_an_address() -> None:
    with pytest.raises(ConfigError, match="which is not in it"):
        await ask(ScriptedModels("{}"), schema={"$ref": "http://127.0.0.1:9/schema.json"})


async def test_a_schema_that_goes_in_circles_is_an_error_in_words() -> None:
    with pytest.raises(ConfigError, match="without end"):
        await ask(ScriptedModels("{}"), schema={"$ref": "#"})


@pytest.mark.parametrize(
    ("config", "field", "code"),
    [
        ({}, "prompt", "missing_field"),
        ({"prompt": ""}, "prompt", "wrong_value"),
        ({"prompt": "x", "temperature": 3}, "temperature", "wrong_value"),
        ({"prompt": "x", "max_tokens": 0}, "max_tokens", "wrong_value"),
        ({"prompt": "x", "effort": "huge"}, "effort", "wrong_value"),
        ({"prompt": "x", "promt": "y"}, "promt", "unknown_field"),
        ({"prompt": "x", "schema": {"type": "objekt"}}, "schema", "wrong_schema"),
        ({"prompt": "x", "schema": "no"}, "schema", "wrong_value"),
    ],
)
def test_a_bad_configuration_is_named(config: dict[str, Any], field: str, code: str) -> None:
    (problem,) = ChatStep().check_config(config)
    assert (problem.path[0], problem.code) == (field, code)


def test_templates_are_not_judged_as_drawn() -> None:
    assert not ChatStep().check_config({"prompt": "x", "temperature": "{{ vars.t }}", "images": "{{ a.images }}"})


def test_the_json_schema_calls_the_schema_field_schema() -> None:
    assert "schema" in ChatStep.json_schema()["properties"]


def test_a_misspelt_schema_is_told_the_name_that_documents_use() -> None:
    (problem,) = ChatStep().check_config({"prompt": "x", "shcema": {}})
    assert problem.fix == "Did you mean 'schema'?"
