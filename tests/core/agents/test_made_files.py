"""Pictures that models and functions make, and what a model thinks aloud: kept, named by hash, sent back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from typing import Any

from core.agents.agent import Agent, Function
from core.agents.attachments import Attachment
from core.agents.kit import ModelFacts
from core.agents.made_files import files_in
from core.agents.mcp.exchange import McpFile, McpResult
from core.agents.mcp.tool import McpTool
from core.engine.services import ChatAnswer, ChatDelta, ChatImage, ChatRequest, ImageAnswer
from core.engine.testing_models import ScriptedModels
from core.llm.demo_picture import demo_picture
from core.store.conversation_records import FILES, FunctionCall
from core.workflow.model import Step, Trigger, Workflow
from tests.support.agent_rig import SPENT, AgentRig, ended, wants

PICTURE = demo_picture("a cat")


def draws(text: str = "", *pictures: bytes, reasoning: str = "") -> ChatAnswer:
    """An answer with pictures, as a server sends it."""
    urls = [f"data:image/png;base64,{base64.b64encode(each).decode()}" for each in pictures]
    message: dict[str, Any] = {
        "role": "assistant", "content": text or None,
        "images": [{"type": "image_url", "image_url": {"url": url}} for url in urls],
    }  # fmt: skip
    images = tuple(ChatImage(each, "image/png") for each in pictures)
    return ChatAnswer(text, message, "painter", reasoning=reasoning, images=images, usage=SPENT)


def made_of(call: FunctionCall) -> list[dict[str, Any]]:
    """The files that a call made."""
    found: Any = call.state[FILES]
    return list(found)


async def painter(model: str) -> ModelFacts:
    return ModelFacts(
        "painter", context=200_000, max_output=8_000, inputs=("text", "image"), outputs=("text", "image"),
        structured=True, functions=True,
    )  # fmt: skip


async def test_a_picture_of_the_model_is_kept_by_its_hash_and_not_in_the_message() -> None:
    rig = AgentRig(draws("Here it is.", PICTURE), look_up=painter)
    assert ended(await rig.say("Draw a cat.")).text == "Here it is."
    answer = (await rig.path())[-1]
    (part,) = answer.body["images"]
    assert (part["type"], part["media_type"], part["size"]) == ("blob", "image/png", len(PICTURE))
    assert part["name"] == "picture-1.png"
    assert answer.blobs == (part["blob"],)
    assert await rig.blobs.get(part["blob"]) == PICTURE
    assert "base64" not in str(answer.body)
    assert list(rig.models.requests[0].modalities) == ["image", "text"]


async def test_the_model_is_sent_its_own_picture_again_if_it_sees_pictures() -> None:
    rig = AgentRig(draws("", PICTURE), "Red now.", look_up=painter)
    conversation = await rig.conversation()
    await rig.say("Draw a cat.", conversation)
    await rig.say("Make it red.", conversation)
    sent = next(message for message in rig.sent() if message["role"] == "assistant")
    (image,) = sent["images"]
    assert base64.b64decode(image["image_url"]["url"].partition(",")[2]) == PICTURE

    async def blind(model: str) -> ModelFacts:
        return ModelFacts("blind", context=200_000, inputs=("text",), structured=True, functions=True)

    again = AgentRig("I cannot see it.", look_up=blind, conversations=rig.conversations)
    await again.say("And now?", conversation)
    sent = next(message for message in again.sent() if message["role"] == "assistant")
    assert "images" not in sent
    assert sent["content"] == "[A picture that you made.]"


async def test_a_model_that_makes_no_pictures_is_not_asked_for_any() -> None:
    rig = AgentRig("Hello.")
    await rig.say("Hi.")
    assert rig.models.requests[0].modalities == ()


async def test_the_address_of_a_picture_elsewhere_stays_an_address() -> None:
    answer = draws("Look.", PICTURE)
    elsewhere = {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}}
    answer.message["images"].append(elsewhere)
    rig = AgentRig(answer, look_up=painter)
    await rig.say("Draw.")
    images = (await rig.path())[-1].body["images"]
    assert [each["type"] for each in images] == ["blob", "image_url"]
    assert images[1] == elsewhere


async def test_files_of_a_workflow_that_a_function_runs_belong_to_its_call() -> None:
    drawing = Workflow(
        "Drawing",
        inputs={"what": {"type": "string"}},
        steps={"draw": Step("draw", "image", config={"prompt": "{{ input.what }}"})},
        outputs={"picture": "{{ draw.image }}", "note": "done"},
    )
    agent = Agent("Ada", functions=(Function("draw", target="Drawing", policy="auto"),))
    script: list[Any] = [
        wants(("draw", {"what": "a cat"})), ImageAnswer((ChatImage(PICTURE, "image/png"),), "painter", usage=SPENT),
        "Done.",
    ]  # fmt: skip
    rig = AgentRig(agents=[agent], workflows=[drawing], models=ScriptedModels(*script, usage=SPENT))
    await rig.say("Draw a cat.")
    call = next(message.calls[0] for message in await rig.path() if message.calls)
    assert call.status == "completed", call.result
    (part,) = made_of(call)
    assert part["media_type"] == "image/png"
    assert await rig.blobs.get(part["blob"]) == PICTURE


class Servers:
    """One MCP server whose tool gives a picture."""

    tool = McpTool("art", "paint", "Paints.", {"type": "object", "properties": {}}, "1", "approved")

    async def tools(self, server: str) -> list[McpTool]:
        return [self.tool]

    async def call(self, server: str, tool: str, arguments: Any = None, **more: Any) -> McpResult:
        return McpResult("A cat.", images=(McpFile(PICTURE, "image/png", "cat.png"),))


async def test_pictures_of_mcp_tools_are_kept_for_the_person() -> None:
    agent = Agent("Ada", functions=(Function("paint", kind="mcp", target="art/paint", policy="auto"),))
    rig = AgentRig(wants(("paint", {})), "Done.", agents=[agent], servers=Servers)
    await rig.say("Paint.")
    call = next(message.calls[0] for message in await rig.path() if message.calls)
    (part,) = made_of(call)
    assert part["name"] == "cat.png"
    assert await rig.blobs.get(part["blob"]) == PICTURE
    assert "[a file: cat.png]" in call.result


async def test_a_workflow_that_answers_with_a_picture_shows_it_and_no_json() -> None:
    drawing = Workflow(
        "Drawing",
        trigger=Trigger("message"),
        inputs={"message": {"type": "string"}},
        steps={"draw": Step("draw", "image", config={"prompt": "{{ input.message }}"})},
        outputs={"answer": "{{ draw.images }}"},
    )
    picture = ImageAnswer((ChatImage(PICTURE, "image/png"),), "painter", usage=SPENT)
    rig = AgentRig(workflows=[drawing], models=ScriptedModels(picture, usage=SPENT))
    conversation = await rig.chat.start(workflow="Drawing")
    await rig.say("A cat.", conversation)
    answer = (await rig.path())[-1]
    assert answer.text == ""
    assert [part["blob"] for part in answer.body["images"]] == list(answer.blobs)
    assert await rig.blobs.get(answer.blobs[0]) == PICTURE


async def test_a_persons_own_files_make_a_request_private_but_the_models_pictures_do_not() -> None:
    rig = AgentRig(draws("", PICTURE), "Yes.", look_up=painter)
    conversation = await rig.conversation()
    await rig.say("Draw.", conversation)
    await rig.say("Again?", conversation)
    assert "data-" not in str(rig.sent()[0]["content"])
    rig.models._script.append("I see.")
    await rig.finish(rig.chat.send(conversation.id, "Look", [Attachment(b"x", "a.txt")]))
    assert "data-" in str(rig.sent()[0]["content"])


async def test_what_the_model_thinks_aloud_is_kept_also_of_an_answer_that_was_stopped() -> None:
    whole = ChatAnswer("Four.", {"role": "assistant", "content": "Four."}, "m", reasoning="2 + 2", usage=SPENT)
    rig = AgentRig(whole)
    await rig.say("2 + 2?")
    assert (await rig.path())[-1].detail["reasoning"] == "2 + 2"
    thinks = Thinks()
    rig = AgentRig(models=thinks)
    conversation = await rig.conversation()
    reply = rig.chat.send(conversation.id, "3 + 3?")
    await thinks.began.wait()
    reply.cancel()
    await rig.finish(reply)
    last = (await rig.path(conversation.id))[-1]
    assert (last.status, last.text, last.detail["reasoning"]) == ("partial", "", "Let me see.")


class Thinks(ScriptedModels):
    """Thinks aloud and never comes to an end."""

    def __init__(self) -> None:
        super().__init__()
        self.began = asyncio.Event()

    async def stream(self, request: ChatRequest) -> AsyncIterator[ChatDelta | ChatAnswer]:
        yield ChatDelta("", "Let me ")
        yield ChatDelta("", "see.")
        self.began.set()
        await asyncio.Event().wait()


def test_files_are_found_wherever_a_value_names_them_each_once() -> None:
    one = {"blob": "a" * 64, "media_type": "image/png", "size": 3, "name": "a.png"}
    two = {"blob": "b" * 64, "media_type": "text/csv", "secret": "x"}
    value = {"x": [one, {"deep": two}], "again": one, "text": "blob", "no": {"blob": 1, "media_type": "image/png"}}
    found = files_in(value)  # type: ignore[arg-type] # JSON
    assert [part["blob"] for part in found] == ["a" * 64, "b" * 64]
    assert found[0]["name"] == "a.png"
    assert "secret" not in found[1]
    assert files_in({"deep": _nested(40, one)}) == []


def _nested(depth: int, value: Any) -> Any:
    return value if not depth else [_nested(depth - 1, value)]
