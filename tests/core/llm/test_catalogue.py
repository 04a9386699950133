"""The list of models: what it tells, where it is kept, and what happens without a network."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from core.engine.errors import StepError
from core.engine.testing import ManualClock
from core.llm.catalogue import DAY, ModelCatalogue, ModelInfo, parse_model
from core.llm.client import ModelServer
from tests.support.openrouter import StandIn
from tests.support.openrouter_replies import error_reply, json_reply

ServerMaker = Callable[..., ModelServer]


class Source:
    """Gives a list, or fails while `is_away`; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_away = False
        self.models = [ModelInfo("a/one", parameters=("tools",)), ModelInfo("b/two")]

    async def __call__(self) -> Sequence[ModelInfo]:
        """The list."""
        self.asked += 1
        if self.is_away:
            raise StepError("The network is away.", kind="connection", retryable=True)
        return self.models


@pytest.fixture
def source() -> Source:
    """Where lists come from."""
    return Source()


@pytest.fixture
def manual() -> ManualClock:
    """A clock moved by hand."""
    return ManualClock()


def catalogue(source: Source, clock: ManualClock, folder: Path | None = None) -> ModelCatalogue:
    return ModelCatalogue(source, server="http://here/v1", clock=clock, folder=folder)


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def test_a_list_is_fetched_once_a_day_and_when_asked_to(source: Source, manual: ManualClock) -> None:
    assert catalogue(source, manual).age is None
    models = catalogue(source, manual)
    for _ in range(3):
        assert [m.id for m in (await models.list()).models] == ["a/one", "b/two"]
    assert source.asked == 1
    await models.list(refresh=True)
    assert source.asked == 2
    await manual.advance(DAY + 1)
    assert models.age == DAY + 1
    await models.list()
    assert source.asked == 3


async def test_a_kept_list_serves_the_next_program_without_asking(
    source: Source, manual: ManualClock, tmp_path: Path
) -> None:
    folder = tmp_path / "cache" / "models"
    await catalogue(source, manual, folder).list()
    again = catalogue(source, manual, folder)
    assert (await again.list()).models == tuple(source.models)
    assert source.asked == 1
    other = ModelCatalogue(source, server="http://elsewhere/v1", clock=manual, folder=folder)
    await other.list()
    assert source.asked == 2  # each server has a list of its own
    assert len(files_in(folder)) == 2


async def test_an_old_list_is_better_than_none_and_says_that_it_is_old(
    source: Source, manual: ManualClock, tmp_path: Path
) -> None:
    await catalogue(source, manual, tmp_path).list()
    await manual.advance(10 * DAY)
    source.is_away = True
    models = catalogue(source, manual, tmp_path)
    found = await models.list()
    assert len(found.models) == 2
    assert found.problem == "The network is away."
    assert models.age == 10 * DAY
    assert (await models.list(refresh=True)).problem == "The network is away."


async def test_without_a_list_and_a_network_the_list_fails_but_a_look_up_does_not(
    source: Source, manual: ManualClock
) -> None:
    source.is_away = True
    models = catalogue(source, manual)
    with pytest.raises(StepError, match="network is away"):
        await models.list()
    assert await models.look_up("a/one") is None
    assert source.asked == 1  # not asked again at once
    await manual.advance(61)
    source.is_away = False
    assert await models.look_up("a/one") is not None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"fetched_at": "x", "models": []}', '{"fetched_at": 5}', "\x00"])
async def test_a_damaged_file_is_fetched_anew(source: Source, manual: ManualClock, tmp_path: Path, text: str) -> None:
    await catalogue(source, manual, tmp_path).list()
    (file,) = files_in(tmp_path)
    file.write_text(text)
    assert len((await catalogue(source, manual, tmp_path).list()).models) == 2
    assert source.asked == 2
    assert json.loads(file.read_text())["models"][0]["id"] == "a/one"


async def test_a_folder_that_cannot_be_written_does_not_stop_anything(
    source: Source, manual: ManualClock, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    found = await catalogue(source, manual, tmp_path / "file").list()
    assert len(found.models) == 2
    assert "could not be kept" in found.problem


async def test_a_variant_counts_as_its_base_model(source: Source, manual: ManualClock) -> None:
    models = catalogue(source, manual)
    await models.list()
    base = models.known("a/one:nitro")
    assert base is not None
    assert base.id == "a/one"
    assert models.known("a/three:free") is None


async def test_the_stand_in_s_list_tells_prices_context_and_abilities(server: ModelServer, stand_in: StandIn) -> None:
    found = {model.id: model for model in (await server.catalogue.list()).models}
    assert stand_in.requests[0].query == {"output_modalities": "all"}
    mini = found["openai/gpt-5-mini"]
    assert (mini.price_in, mini.price_out, mini.context, mini.max_output) == (2.5e-7, 2e-6, 400000, 128000)
    assert mini.supports("tools")
    assert mini.input_modalities == ("text", "image")
    assert found["test/free:free"].is_free
    assert not mini.is_free
    assert found["test/varies"].price_in is None
    assert found["openai/text-embedding-3-small"].output_modalities == ("embeddings",)
    assert found["bytedance-seed/seedream-4.5"].makes_pictures
    assert not found["google/gemini-image"].makes_pictures


async def test_the_list_does_without_the_picture_models_if_it_must(server: ModelServer, stand_in: StandIn) -> None:
    stand_in.script(error_reply(404, "no such address"), path="/images/models")
    assert len((await server.catalogue.list()).models) > 5


async def test_a_local_server_s_list_knows_ids_and_perhaps_the_context(
    server_of: ServerMaker, stand_in: StandIn
) -> None:
    data = [
        {"id": "m.gguf", "meta": {"n_ctx": 4096}},
        {"id": ""},
        {"no": "id"},
        "text",
        {"id": "v", "max_model_len": 9},
    ]
    stand_in.script(json_reply({"object": "list", "data": data}), path="/models")
    found = (await server_of(kind="llamacpp").catalogue.list()).models
    assert [(m.id, m.context, m.supports("tools"), m.price_in) for m in found] == [
        ("m.gguf", 4096, None, None),
        ("v", 9, None, None),
    ]
    assert stand_in.requests[0].query == {}


def test_strange_fields_do_not_break_an_entry() -> None:
    strange = {
        "id": "x",
        "pricing": {"prompt": "cheap"},
        "architecture": None,
        "context_length": "many",
        "created": None,
    }
    model = parse_model({**strange, "supported_parameters": [1, "tools"], "top_provider": []})
    assert model == ModelInfo("x", name="x", parameters=("tools",))
