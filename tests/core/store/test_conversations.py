"""Conversations, in the database and in memory: the same tests for both."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from core.engine.events import NO_USAGE
from core.store.conversation_records import CompactionNote, Section, SentRequest, StoredMessage
from core.store.conversations import Conversations
from core.store.errors import (
    CallNotFound,
    CallSettled,
    ConversationBusy,
    ConversationLost,
    ConversationNotFound,
    MessageNotFound,
)
from core.store.memory_conversations import MemoryConversations
from core.workflow.model import Json
from tests.support.conversations import COSTLY, ODD, asked, at, postgres_conversations, said, talk

NOBODY = uuid.UUID(int=1)


@pytest.fixture(params=["database", "database that is cut off after every commit", "memory"])
async def conversations(request: pytest.FixtureRequest) -> AsyncIterator[Conversations]:
    if request.param == "memory":
        yield MemoryConversations()
        return
    repeating = request.param != "database"
    async with postgres_conversations(request.getfixturevalue("database_url"), repeating=repeating) as made:
        yield made


async def test_a_new_conversation_is_read_back_the_same(conversations: Conversations) -> None:
    made = await conversations.create(
        workflow="Answer mail", title=ODD, variables={"tone": "friendly", "list": [1, ODD, None]}, labels={"by": "me"}
    )
    assert await conversations.get(made.id) == made
    assert (made.workflow, made.title, made.head, made.usage) == ("Answer mail", ODD, None, NO_USAGE)
    assert made.variables == {"tone": "friendly", "list": [1, ODD, None]}
    assert made.labels == {"by": "me"}
    assert made.created == made.updated


async def test_a_key_names_one_conversation_for_good(conversations: Conversations) -> None:
    first = await conversations.create(key="run 7/answer", variables={"a": 1})
    assert await conversations.create(key="run 7/answer", variables={"a": 2}) == first
    assert (await conversations.create(key="run 7/other")).id != first.id
    assert (await conversations.create()).id != (await conversations.create()).id


async def test_messages_come_back_in_order_and_verbatim(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    first = await log.add(said(ODD, blobs=("ab" * 32,), created=at(0)))
    body = {"role": "assistant", "content": None, "reasoning_details": [{"z": 1, "a": ODD}], "n": 10**30}
    answer = replace(
        said("It rains.", "assistant"), body=body, agent="Weather", model="openai/gpt-5-mini", usage=COSTLY,
        duration_s=1.5, run_id="run-1", tainted=True, status="partial", reason="stopped", detail={"reasoning": ODD},
        created=at(1),
    )  # fmt: skip
    second = await log.add(answer)
    assert (first.parent, second.parent) == (None, first.id)
    assert second.id > first.id
    assert await log.path() == [first, second]
    assert second == replace(answer, id=second.id, parent=first.id)
    assert list(second.body) == ["role", "content", "reasoning_details", "n"]
    assert list(second.body["reasoning_details"][0]) == ["z", "a"]
    assert await conversations.message(second.id) == second
    assert log.conversation == await conversations.get(log.conversation.id)
    assert log.conversation.head == second.id
    assert log.conversation.usage == COSTLY


@pytest.mark.parametrize("year", [2000, 2999])
async def test_a_message_of_another_time_makes_no_conversation_older(conversations: Conversations, year: int) -> None:
    made = await conversations.create()
    log = await conversations.write(made.id)
    message = await log.add(said("Hello", created=at(0).replace(year=year)))
    assert log.conversation == await conversations.get(made.id)
    assert made.updated is not None
    assert message.created is not None
    assert log.conversation.updated == max(made.updated, message.created)


async def test_calls_are_kept_with_the_message_that_asks_for_them(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    await log.add(said("weather?"))
    broken = asked(1, arguments=None, raw='{"city": ' + ODD, status="failed", reason="its arguments are no JSON")
    message = await log.add(said("", "assistant"), calls=[broken, asked(0, state={"step": 1})])
    assert [call.position for call in message.calls] == [0, 1]
    assert [call.message for call in message.calls] == [message.id] * 2
    assert message.calls[1].raw == '{"city": ' + ODD
    assert message.calls[1].ended is not None
    assert await log.path() == [await conversations.message(message.parent or 0), message]
    assert await conversations.of_call("call-0") == log.conversation.id
    with pytest.raises(CallNotFound):
        await conversations.of_call("call-9")


async def test_a_call_is_followed_from_question_to_result(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create(title="Weather")).id)
    await log.add(said("weather?"))
    message = await log.add(said("", "assistant"), calls=[asked()])
    (open_call,) = await conversations.open_calls()
    assert (open_call.conversation_id, open_call.title) == (log.conversation.id, "Weather")
    assert open_call.call == message.calls[0]
    for status in ("approved", "started"):
        await log.update_call(replace(asked(), status=status, run_id="run-2", state={"at": status}))
    done = asked(status="completed", result=ODD, result_blob="cd" * 32, run_id="run-2", usage=COSTLY, tainted=True)
    await log.update_call(replace(done, started=at(0), ended=at(1)))
    (call,) = (await conversations.message(message.id)).calls
    assert call == replace(done, started=at(0), ended=at(1), message=message.id)
    assert await conversations.open_calls() == []
    assert log.conversation.usage == COSTLY == (await conversations.get(log.conversation.id)).usage


async def test_what_happened_to_a_call_stays(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    await log.add(said("", "assistant"), calls=[asked()])
    with pytest.raises(CallSettled, match="'lookup' is waiting; it cannot become completed"):
        await log.update_call(asked(status="completed"))
    await log.update_call(asked(status="started"))
    done = asked(status="completed", result="sunny", usage=COSTLY)
    await log.update_call(done)
    await log.update_call(done)  # told twice
    assert log.conversation.usage == COSTLY
    for other in (asked(status="started"), asked(status="completed", result="rain"), asked(status="unknown")):
        with pytest.raises(CallSettled, match="What happened to it stays"):
            await log.update_call(other)
    with pytest.raises(CallNotFound):
        await log.update_call(asked(5, status="started"))


async def test_a_call_whose_process_died_may_be_run_again_or_settled(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    calls = [asked(number) for number in range(3)]
    await log.add(said("", "assistant"), calls=calls)
    for call in calls:
        await log.update_call(replace(call, status="started"))
        await log.update_call(replace(call, status="unknown"))
    assert [one.call.status for one in await conversations.open_calls(log.conversation.id)] == ["unknown"] * 3
    await log.update_call(replace(calls[0], status="started"))
    await log.update_call(replace(calls[1], status="failed", result="nobody knows"))
    await log.update_call(replace(calls[2], status="cancelled"))
    assert [one.call.id for one in await conversations.open_calls()] == ["call-0"]


async def test_the_runs_that_conversations_wait_for_are_named(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    await log.add(said("", "assistant"), calls=[asked(), asked(1)])
    await log.update_call(asked(1, status="started", run_id="run-1"))
    assert await conversations.waiting_runs() == []
    await log.update_call(asked(1, status="waiting", run_id="run-1", state={"pending": "later"}))
    own = await conversations.write((await conversations.create(workflow="Talker")).id)
    await own.add(said("hello"))
    await own.add(StoredMessage(0, None, "tool", run_id="run-2"))
    expected = {(log.conversation.id, "run-1"), (own.conversation.id, "run-2")}
    assert {(one.conversation_id, one.run_id) for one in await conversations.waiting_runs()} == expected
    await own.add(said("Good day.", "assistant"))
    await log.update_call(asked(1, status="cancelled", run_id="run-1"))
    assert await conversations.waiting_runs() == []


async def test_the_tree_shows_every_branch_and_what_was_forked_from_it(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create(title="Trip")).id)
    first, answer = await talk(log, "Where to?", "To the sea. " + ODD)
    await log.move_head(None)
    (other,) = await talk(log, "When?")
    await log.close()
    fork = await conversations.fork(log.conversation.id, answer, title="By train")
    tree = await conversations.tree(log.conversation.id)
    assert [(twig.id, twig.parent, twig.role) for twig in tree.twigs] == [
        (first, None, "user"), (answer, first, "assistant"), (other, None, "user"),
    ]  # fmt: skip
    assert tree.twigs[1].start == ("To the sea. " + ODD)[:200]
    assert tree.twigs[0].created is not None
    (found,) = tree.forks
    assert (found.conversation_id, found.title, found.message) == (fork.id, "By train", answer)
    assert (await conversations.tree(fork.id)).forks == ()
    with pytest.raises(ConversationNotFound):
        await conversations.tree(uuid.uuid4())


async def test_what_was_sent_for_an_answer_can_be_seen_word_for_word(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    question: Json = {"role": "user", "content": ODD}
    system: Json = {"role": "system", "content": "Be brief. " * 30_000}  # too large for a row
    tools: Json = [{"type": "function", "function": {"name": "lookup"}}]
    sections = (Section("system", 70, "Be brief."), Section("history", 3), Section("functions", 9))
    answers = []
    for round_ in range(3):
        body: dict[str, Json] = {"model": "m", "messages": [system, question, question], "tools": tools, "n": round_}
        request = SentRequest(body, sections)
        answers.append((await log.add(said("yes", "assistant"), request=request), request))
    for answer, request in answers:
        found = await conversations.request(answer.id)
        assert found == request
        assert found is not None
        assert list(found.body) == ["model", "messages", "tools", "n"]
    plain = await log.add(said("thanks"))
    assert await conversations.request(plain.id) is None
    odd = await log.add(said("odd", "assistant"), request=SentRequest({"messages": "none", "tools": []}))
    assert await conversations.request(odd.id) == SentRequest({"messages": "none", "tools": []})


async def test_an_edit_makes_a_branch_and_the_old_one_stays(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    first, answer, more = await talk(log, "one", "answer", "more")
    await log.move_head(first)
    other = (await log.add(said("another answer", "assistant"))).id
    await log.move_head(None)
    edited = (await log.add(said("one, edited"))).id
    assert [message.id for message in await log.path()] == [edited]
    page = await conversations.page(log.conversation.id, leaf=more)
    assert [message.id for message in page.messages] == [first, answer, more]
    assert page.siblings == {first: (first, edited), answer: (answer, other)}
    await log.close()
    assert await conversations.switch(log.conversation.id, other) == other
    assert await conversations.switch(log.conversation.id, first) == other
    assert await conversations.switch(log.conversation.id, answer) == more
    assert (await conversations.get(log.conversation.id)).head == more
    with pytest.raises(MessageNotFound):
        await conversations.switch(log.conversation.id, 10**9)


async def test_a_head_is_a_message_of_the_same_conversation(conversations: Conversations) -> None:
    ours = await conversations.write((await conversations.create()).id)
    theirs = await conversations.write((await conversations.create()).id)
    (number,) = await talk(theirs, "elsewhere")
    with pytest.raises(MessageNotFound, match="no message"):
        await ours.move_head(number)
    with pytest.raises(MessageNotFound):
        await ours.add_note(CompactionNote(number, number, "not ours"))
    assert ours.conversation.head is None


async def test_long_conversations_are_read_in_windows(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    numbers = await talk(log, *(f"message {number}" for number in range(25)))
    read = {
        "the end": await conversations.page(log.conversation.id, count=10),
        "the beginning": await conversations.page(log.conversation.id, start=0, count=10),
        "the middle": await conversations.page(log.conversation.id, start=12, count=3),
        "beyond": await conversations.page(log.conversation.id, start=24, count=10),
        "a branch": await conversations.page(log.conversation.id, leaf=numbers[4], count=3),
    }
    assert {name: ([m.id for m in page.messages], page.start, page.total) for name, page in read.items()} == {
        "the end": (numbers[15:], 15, 25),
        "the beginning": (numbers[:10], 0, 25),
        "the middle": (numbers[12:15], 12, 25),
        "beyond": (numbers[24:], 24, 25),
        "a branch": (numbers[2:5], 2, 5),
    }
    empty = await conversations.page((await conversations.create()).id)
    assert (empty.messages, empty.total) == ((), 0)
    with pytest.raises(MessageNotFound):
        await conversations.page(log.conversation.id, leaf=10**9)
    with pytest.raises(ConversationNotFound):
        await conversations.page(NOBODY)


async def test_notes_stand_for_ranges_of_the_shown_branch(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    numbers = await talk(log, *(f"message {number}" for number in range(6)))
    late = CompactionNote(numbers[2], numbers[3], "later", "small-model", COSTLY, {"goals": [ODD]})
    early = CompactionNote(numbers[0], numbers[1], ODD)
    await log.add_note(late)
    await log.add_note(early)
    assert await log.notes() == [early, late]
    assert log.conversation.usage == COSTLY == (await conversations.get(log.conversation.id)).usage
    await log.move_head(numbers[2])
    assert await log.notes() == [early]
    assert len(await log.path()) == 3


async def test_variables_titles_and_permissions_are_kept(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create(variables={"a": 1})).id)
    await log.set_variables({"b": ODD, "large": "x" * 300_000})
    await log.set_title("Weather in Graz")
    await log.allow(["lookup"])
    await log.allow(["send", "lookup"])
    found = await conversations.get(log.conversation.id)
    assert found.variables == {"b": ODD, "large": "x" * 300_000}
    assert found.title == log.conversation.title == "Weather in Graz"
    assert found.allowed == log.conversation.allowed == {"lookup", "send"}
    await conversations.rename(found.id, ODD)
    assert (await conversations.get(found.id)).title == ODD


async def test_a_conversation_has_one_writer(conversations: Conversations) -> None:
    made = await conversations.create()
    log = await conversations.write(made.id)
    with pytest.raises(ConversationBusy, match="is being answered by this program"):
        await conversations.write(made.id)
    for change in (conversations.delete(made.id), conversations.switch(made.id, 1)):
        with pytest.raises(ConversationBusy):
            await change
    await log.close()
    await log.close()
    again = await conversations.write(made.id)
    for write in (log.add(said("late")), log.set_title("late"), log.allow(["late"]), log.move_head(None)):
        with pytest.raises(ConversationLost):
            await write
    await log.close()
    await again.add(said("in time"))
    assert [message.text for message in await again.path()] == ["in time"]


async def test_a_fork_is_a_conversation_of_its_own(conversations: Conversations) -> None:
    made = await conversations.create(title="Trip", variables={"tone": "dry"}, key="step", labels={"by": "me"})
    log = await conversations.write(made.id)
    await log.allow(["lookup"])
    question = await log.add(said("where?"))
    request = SentRequest({"messages": [{"role": "user", "content": "where?"}], "tools": []}, (Section("history", 2),))
    calls = [asked(0), asked(1)]
    answer = await log.add(said("", "assistant", usage=COSTLY), calls=calls, request=request)
    for status in ("started", "completed"):
        await log.update_call(replace(calls[1], status=status, result="Graz" if status == "completed" else ""))
    await log.add_note(CompactionNote(question.id, answer.id, "asked where"))
    later = await log.add(said("later"))
    await log.add_note(CompactionNote(later.id, later.id, "not in the fork"))

    fork = await conversations.fork(made.id, answer.id)
    assert (fork.title, fork.allowed) == ("Trip", frozenset({"lookup"}))
    assert [dict(fork.variables), dict(fork.labels)] == [{"tone": "dry"}, {"by": "me"}]
    assert (fork.key, fork.forked_from, fork.usage) == ("", answer.id, NO_USAGE)
    page = await conversations.page(fork.id)
    assert [message.text for message in page.messages] == ["where?", ""]
    assert page.messages[0].body == question.body
    copied = page.messages[1]
    assert [(call.status, call.result) for call in copied.calls] == [("cancelled", ""), ("completed", "Graz")]
    assert "forked before" in copied.calls[0].reason
    assert {call.id for call in copied.calls} & {"call-0", "call-1"} == set()
    assert copied.usage == COSTLY
    assert await conversations.request(copied.id) == request
    other = await conversations.write(fork.id)
    assert [(note.first, note.last, note.text) for note in await other.notes()] == [
        (page.messages[0].id, copied.id, "asked where")
    ]
    await other.add(said("only here"))
    assert [message.text for message in await log.path()] == ["where?", "", "later"]
    assert (await conversations.fork(made.id, question.id, title="Plan B")).title == "Plan B"
    with pytest.raises(MessageNotFound):
        await conversations.fork(made.id, 10**9)


async def test_conversations_are_listed_last_used_first_and_in_pages(conversations: Conversations) -> None:
    made = [await conversations.create(title=f"talk {number}") for number in range(5)]
    log = await conversations.write(made[1].id)
    await log.add(said("hello", created=made[4].created and made[4].created + timedelta(minutes=1)))
    await log.add(said("", "assistant"), calls=[asked(0), asked(1, status="approved")])
    first = await conversations.list(limit=2)
    assert [found.conversation.title for found in first] == ["talk 1", "talk 4"]
    assert (first[0].messages, first[0].waiting, first[0].message) == (2, 1, log.conversation.head)
    rest = await conversations.list(after=first[-1].conversation)
    assert [found.conversation.title for found in rest] == ["talk 3", "talk 2", "talk 0"]


async def test_lists_are_narrowed(conversations: Conversations) -> None:
    plain = await conversations.create(title="plain")
    mail = await conversations.create(title="mail", workflow="Answer mail")
    step = await conversations.create(title="step", key="run 1/answer")
    await conversations.archive(plain.id)

    async def titles(**options: object) -> set[str]:
        return {found.conversation.title for found in await conversations.list(**options)}  # type: ignore[arg-type]

    assert await titles() == {"mail"}
    assert await titles(own=False) == {"mail", "step"}
    assert await titles(archived=True) == {"plain"}
    assert await titles(workflow="Answer mail") == {"mail"}
    assert await titles(workflow="") == set()
    assert await titles(agent_id=NOBODY) == set()
    await conversations.archive(plain.id, archived=False)
    assert await titles(workflow="") == {"plain"}
    await conversations.delete(mail.id)
    await conversations.delete(step.id)
    assert await titles(own=False) == {"plain"}


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("mountain", {"hike"}),
        ("HIGH mount", {"hike"}),
        ("mountain cake", set()),
        ("example", {"mail"}),
        ("ada@example.com", {"mail"}),
        ("trip", {"hike"}),
        ("山道", {"hike"}),
        ("3.14", {"mail"}),
        ("secret", set()),
        ("100%", {"mail"}),
        ("!!!", set()),
        ("a' | b & !c:* \\ \x00 \ud800", set()),
    ],
)
async def test_conversations_are_found_by_their_words(
    conversations: Conversations, search: str, expected: set[str]
) -> None:
    hike = await conversations.write((await conversations.create(title="hike trip")).id)
    await talk(hike, "Which high mountains are near?", "登山道は三つあります", "thanks")
    await hike.add(said("secret dump", "tool"))
    mail = await conversations.write((await conversations.create(title="mail")).id)
    await talk(mail, "Write to ada@example.com: pi is 3.14, 100% sure", "cake")
    found = await conversations.list(search=search)
    assert {one.conversation.title.split()[0] for one in found} == expected


async def test_a_found_message_is_shown_where_the_words_stand(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    numbers = await talk(log, "nothing " * 50, "the needle is in the haystack", "nothing")
    (found,) = await conversations.list(search="needle")
    assert found.message == numbers[1]
    assert "needle" in found.snippet
    (shown,) = await conversations.list()
    assert (shown.message, shown.snippet) == (numbers[2], "nothing")


async def test_the_message_is_found_that_names_a_file_or_whose_calls_made_it(conversations: Conversations) -> None:
    log = await conversations.write((await conversations.create()).id)
    other = await conversations.write((await conversations.create()).id)
    sent, made, unknown = "ab" * 32, "cd" * 32, "ef" * 32
    first = await log.add(said("Look", blobs=(sent,)))
    file: Json = {"type": "blob", "blob": made, "media_type": "text/plain", "size": 1, "name": "a.txt"}
    second = await log.add(said("", "assistant"), calls=[asked(status="completed", state={"files": [file]})])
    await log.add(said("Again", blobs=(sent,)))
    await other.add(said("Elsewhere"))
    found = [await conversations.with_file(log.conversation.id, each) for each in (sent, made, unknown)]
    assert found == [first, second, None]
    assert await conversations.with_file(other.conversation.id, sent) is None
    assert await conversations.with_file(NOBODY, sent) is None


async def test_a_conversation_is_busy_while_somebody_writes(conversations: Conversations) -> None:
    made = await conversations.create()
    assert not await conversations.busy(made.id)
    log = await conversations.write(made.id)
    assert await conversations.busy(made.id)
    await log.close()
    assert not await conversations.busy(made.id)
    with pytest.raises(ConversationNotFound):
        await conversations.busy(NOBODY)


async def test_what_is_gone_is_said_to_be_gone(conversations: Conversations) -> None:
    made = await conversations.create()
    await conversations.delete(made.id)
    for call in (
        conversations.get(made.id), conversations.write(made.id), conversations.rename(made.id, "x"),
        conversations.archive(made.id), conversations.delete(made.id), conversations.fork(made.id, 1),
        conversations.switch(made.id, 1), conversations.message(1), conversations.page(made.id),
    ):  # fmt: skip
        with pytest.raises(ConversationNotFound, match="may have been deleted"):
            await call
    assert await conversations.request(1) is None
