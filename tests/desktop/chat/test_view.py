"""Talking with an agent by keys and clicks, as a person does it; a scripted model answers."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from PySide6.QtCore import QObject, QPoint, Qt, QUrl, Slot
from PySide6.QtGui import QDesktopServices, QGuiApplication, QImage
from PySide6.QtWidgets import QLabel, QPushButton

from core.agents.kit import KnownAgent
from core.agents.terms import Terms, askers_facts
from core.engine.errors import StepError
from core.engine.testing_models import BreaksOff, Stalls
from desktop.chat.laid import LaidCode
from desktop.chat.link_card import LinkCard
from desktop.chat.message_row import MessageRow
from desktop.chat.sent_view import SentView
from desktop.chat.wording import why_it_ended
from desktop.theme import add_fonts
from tests.support.agent_rig import AgentRig, Recording, wants
from tests.support.chat_screen import ChatScreen, chat_screen, click, long_conversation
from tests.support.desktop_program import until

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support propagateSizeHints")

UP, DOWN, ENTER, ESCAPE = Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Escape
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def row_at(screen: ChatScreen, index: int) -> MessageRow:
    row = screen.view.transcript.row_of(index)
    assert row is not None
    return row


async def test_enter_sends_and_the_answer_appears_with_its_cost() -> None:
    async with chat_screen(AgentRig("Hello *you*.")) as screen:
        await screen.begin()
        await screen.say("Hi there")
        assert screen.texts == ["Hi there", "Hello *you*."]
        assert screen.view.composer.is_empty
        assert "120 tok · $0.0100" in row_at(screen, 1).accessibleDescription()
        assert "120 tok · $0.0100" in screen.view.about.text()
        assert row_at(screen, 1).accessibleName() == "Ada: Hello *you*."
        assert screen.troubles == []


async def test_shift_and_enter_make_a_line_and_nothing_is_sent() -> None:
    async with chat_screen(AgentRig()) as screen:
        await screen.begin()
        screen.write("One")
        screen.press(ENTER, SHIFT)
        screen.write("two")
        assert screen.view.composer.edit.toPlainText() == "One\ntwo"
        assert screen.view.talk.conversation is None


async def test_nothing_is_kept_before_the_first_message() -> None:
    rig = AgentRig()
    async with chat_screen(rig) as screen:
        await screen.begin()
        screen.press(ENTER)
        assert list(await rig.conversations.list()) == []


async def test_an_answer_is_seen_while_it_comes_and_escape_keeps_what_came() -> None:
    rig = AgentRig(Stalls("It begins with **this** "))
    async with chat_screen(rig) as screen:
        await screen.begin()
        screen.write("Tell me")
        screen.press(ENTER)
        await rig.models.stalled.wait()
        await until(lambda: screen.view.transcript.live_row is not None)
        await until(lambda: "begins" in screen.view.transcript.live_row.shown.message.text)  # type: ignore[union-attr] # there
        assert screen.view.composer.send_button.accessibleName() == "Stop the answer"
        screen.press(ESCAPE)
        await screen.over()
        assert screen.texts == ["Tell me", "It begins with **this** "]
        last = screen.view.talk.last
        assert last is not None
        assert last.status == "partial"
        assert screen.view.tail.cards[0].findChild(QLabel) is not None
        assert screen.view.talk.is_broken_off


async def test_the_button_stops_an_answer_too() -> None:
    rig = AgentRig(Stalls("Half"))
    async with chat_screen(rig) as screen:
        await screen.begin()
        screen.write("Go")
        click(screen.view.composer.send_button)
        await rig.models.stalled.wait()
        await until(lambda: screen.view.composer.send_button.accessibleName() == "Stop the answer")
        click(screen.view.composer.send_button)
        await screen.over()
        assert screen.texts == ["Go", "Half"]


async def test_a_failed_answer_says_why_and_is_tried_again_with_one_click() -> None:
    broke = StepError("The model server is not there. Start it, then try again.", kind="connection")
    rig = AgentRig(BreaksOff("Half of ", broke), "All of it.")
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("Tell me")
        assert screen.texts == ["Tell me", "Half of "]
        assert "The model server is not there." in why_it_ended(row_at(screen, 1).shown.message)
        again = _button(screen, "Try again")
        for width in (460, 620, 1000):  # it stands where the messages stand
            screen.view.resize(width, 700)
            screen.view.transcript.place()
            left = again.mapTo(screen.view.transcript.viewport(), QPoint()).x()
            assert left == round(row_at(screen, 1).foot().left())
        click(again)
        await screen.over()
        assert screen.texts == ["Tell me", "All of it."]


async def test_up_edits_the_last_own_message_and_the_versions_can_be_switched() -> None:
    rig = AgentRig("To the first.", "To the second.")
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("First")
        screen.press(UP)
        assert screen.view.composer.edit.toPlainText() == "First"
        assert screen.view.composer.notice.isVisible()
        screen.view.composer.edit.selectAll()
        await screen.say("Second")
        assert screen.texts == ["Second", "To the second."]
        assert len(row_at(screen, 0).shown.siblings) == 2
        screen.view.transcript.make_current(0)
        screen.press_on_row(Qt.Key.Key_Left)
        await until(lambda: screen.texts == ["First", "To the first."])
        assert row_at(screen, 0).shown.place == 0


async def test_escape_leaves_a_message_that_is_edited_as_it_was() -> None:
    async with chat_screen(AgentRig("Yes.")) as screen:
        await screen.begin()
        await screen.say("First")
        screen.press(UP)
        screen.press(ESCAPE)
        assert screen.view.composer.is_empty
        assert not screen.view.composer.notice.isVisible()
        assert screen.texts == ["First", "Yes."]


async def test_an_answer_is_made_again_by_its_key_and_both_are_kept() -> None:
    async with chat_screen(AgentRig("One.", "Two.")) as screen:
        await screen.begin()
        await screen.say("Say")
        screen.press(UP, CONTROL)
        assert screen.view.transcript.current == 1
        screen.press_on_row(Qt.Key.Key_R)
        await until(lambda: screen.texts == ["Say", "Two."])
        await screen.over()
        assert row_at(screen, 1).shown.place == 1
        assert len(row_at(screen, 1).shown.siblings) == 2


async def test_a_version_is_chosen_by_clicking_its_arrow() -> None:
    async with chat_screen(AgentRig("One.", "Two.")) as screen:
        await screen.begin()
        await screen.say("Say")
        screen.view.act("regenerate", screen.view.talk.message(1).id)  # type: ignore[union-attr] # there
        await until(lambda: screen.texts == ["Say", "Two."])
        await screen.over()
        row = row_at(screen, 1)
        row.grab()
        click(row, QPoint(row.foot().left() + 8, row.foot().center().y()))
        await until(lambda: screen.texts == ["Say", "One."])


async def test_the_keys_walk_through_messages_and_back_to_where_one_writes() -> None:
    rig = AgentRig()
    held = await long_conversation(rig, 6)
    async with chat_screen(rig) as screen:
        await screen.open(held)
        screen.press(UP, CONTROL)
        assert screen.view.transcript.current == 5
        screen.press_on_row(UP, CONTROL)
        screen.press_on_row(UP)
        assert screen.view.transcript.current == 3
        assert row_at(screen, 3).is_current
        screen.press_on_row(ESCAPE)
        assert screen.view.transcript.current == -1
        assert screen.view.composer.edit.hasFocus()


async def test_a_message_and_its_code_are_copied() -> None:
    async with chat_screen(AgentRig("Take:\n\n```python\nprint(1)\n```")) as screen:
        await screen.begin()
        await screen.say("Code?")
        screen.press(UP, CONTROL)
        screen.press_on_row(Qt.Key.Key_C)
        assert QGuiApplication.clipboard().text() == "Take:\n\n```python\nprint(1)\n```"
        row = row_at(screen, 1)
        code = next(each for each in row.laid if isinstance(each, LaidCode))
        place = row._places[row.laid.index(code)]
        click(row, QPoint(round(place.x() + row.foot().width() - 20), round(place.y() + 12)))
        assert QGuiApplication.clipboard().text() == "print(1)"


async def test_text_is_selected_over_several_blocks() -> None:
    async with chat_screen(AgentRig("First block.\n\nSecond block.")) as screen:
        await screen.begin()
        await screen.say("Say")
        row = row_at(screen, 1)
        row.selection.begin(0, 6)
        row.selection.extend(1, 6)
        assert row.text_picked() == "block.\n\nSecond"


async def test_a_conversation_goes_on_from_any_message_in_another_one() -> None:
    rig = AgentRig("One.", "Two.")
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("First")
        await screen.say("Second")
        before = screen.view.talk.conversation
        assert before is not None
        screen.view.transcript.make_current(1)
        screen.press_on_row(Qt.Key.Key_F)
        await until(lambda: screen.view.talk.conversation not in (None, before))
        await until(lambda: screen.texts == ["First", "One."])
        assert screen.view.talk.conversation is not None
        assert screen.view.talk.conversation.id != before.id


class Browser(QObject):
    """Stands where the system's browser would be."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    @Slot(QUrl)
    def open(self, url: QUrl) -> None:
        self.opened.append(url.toString())


async def test_a_link_is_shown_in_full_before_anything_is_opened() -> None:
    browser = Browser()
    QDesktopServices.setUrlHandler("https", browser, "open")  # type: ignore[arg-type] # Qt takes text
    try:
        async with chat_screen(AgentRig("See [the site](https://example.com/path?secret=1).")) as screen:
            await screen.begin()
            await screen.say("Where?")
            row = row_at(screen, 1)
            row.link_wanted.emit("https://example.com/path?secret=1")
            card = screen.view.findChild(LinkCard)
            assert card is not None
            assert card.address == "https://example.com/path?secret=1"
            assert browser.opened == []
            click(card.open_button)
            assert browser.opened == ["https://example.com/path?secret=1"]
    finally:
        QDesktopServices.unsetUrlHandler("https")


async def test_a_click_on_a_link_asks_for_it_and_opens_nothing() -> None:
    browser = Browser()
    QDesktopServices.setUrlHandler("https", browser, "open")  # type: ignore[arg-type] # Qt takes text
    try:
        async with chat_screen(AgentRig("[Link](https://example.com)")) as screen:
            await screen.begin()
            await screen.say("Where?")
            row = row_at(screen, 1)
            place = row._places[0].toPoint()
            click(row, place + QPoint(8, 8))
            card = screen.view.findChild(LinkCard)
            assert card is not None
            assert card.address == "https://example.com"
            assert browser.opened == []
            card.put_away()
    finally:
        QDesktopServices.unsetUrlHandler("https")


async def test_a_picture_in_an_answer_is_not_loaded_and_says_where_it_is() -> None:
    async with chat_screen(AgentRig("![chart](https://evil.example/x.png?d=1)")) as screen:
        await screen.begin()
        await screen.say("Draw")
        row = row_at(screen, 1)
        click(row, row._places[0].toPoint() + QPoint(8, 8))
        card = screen.view.findChild(LinkCard)
        assert card is not None
        assert card.address == "https://evil.example/x.png?d=1"
        card.put_away()


async def test_an_address_that_runs_something_cannot_be_opened() -> None:
    async with chat_screen(AgentRig()) as screen:
        card = LinkCard("javascript:alert(1)", screen.around, screen.view)
        assert not card.open_button.isEnabled()
        card.deleteLater()


async def test_what_was_sent_is_shown_for_any_past_answer() -> None:
    async with chat_screen(AgentRig("One.", "Two.")) as screen:
        await screen.begin()
        await screen.say("First")
        await screen.say("Second")
        screen.view.transcript.make_current(1)
        screen.press_on_row(Qt.Key.Key_S)
        await until(lambda: screen.view.findChild(SentView) is not None)
        sent = screen.view.findChild(SentView)
        assert sent is not None
        names = [sent.list.item(n).text().partition("\n")[0] for n in range(sent.list.count())]
        assert names[0] == "System prompt"
        assert names[-1] == "The whole request"
        sent.list.setCurrentRow(len(names) - 1)
        assert "First" in sent.text.toPlainText()
        assert "Second" not in sent.text.toPlainText()
        sent.close()


async def test_the_meter_shows_how_full_the_model_is() -> None:
    async with chat_screen(AgentRig("One.")) as screen:
        await screen.begin()
        await screen.say("First")
        assert screen.view.meter.isVisible()
        assert screen.view.meter.text_shown.endswith(" / 200k")
        click(screen.view.meter)
        await until(lambda: screen.view.findChild(SentView) is not None)
        screen.view.findChild(SentView).close()  # type: ignore[union-attr] # it was waited for


async def test_there_is_room_for_all_figures_beside_the_meter_whichever_they_are() -> None:
    add_fonts()  # whose figures are of other widths than those of the same width
    async with chat_screen(AgentRig()) as screen:
        meter = screen.view.meter
        for used in (111, 1_111, 1_745, 11_111):
            meter.show_use(used, 111_000)
            hint = meter.sizeHint()
            meter.resize(2 * hint.width(), hint.height())
            image = meter.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
            ground = image.pixel(image.width() - 1, 0)
            columns = range(image.width())
            painted = [x for x in columns if any(image.pixel(x, y) != ground for y in range(image.height()))]
            assert painted[-1] < hint.width() * image.devicePixelRatio()


@pytest.mark.parametrize("end", ["```\nprint(1)\n```", "that is all"])
async def test_a_bubble_has_room_below_code_as_it_has_above_words(end: str) -> None:
    async with chat_screen(AgentRig("Fine.")) as screen:
        await screen.begin()
        screen.view.composer.edit.setPlainText(f"Look:\n\n{end}")
        screen.press(Qt.Key.Key_Return)
        await screen.over()
        row = row_at(screen, 0)
        last, place = row.laid[-1], row._places[-1]
        leading = 0 if isinstance(last, LaidCode) else 5  # which lines have below them
        assert row._bubble.bottom() - place.y() - last.height == row._places[0].y() - row._bubble.top() - leading


async def test_a_call_unfolds_to_its_arguments_and_its_result() -> None:
    look_up = Recording("look_up", '{"found": 3}')
    async with chat_screen(AgentRig(wants(("look_up", {"word": "loom"})), "Three.", functions=[look_up])) as screen:
        await screen.begin()
        await screen.say("How many?")
        row = row_at(screen, 1)
        (card,) = row.cards.values()
        assert "look_up, done, folded" in card.accessibleName()
        folded = row.height()
        card.setFocus()
        from PySide6.QtTest import QTest

        QTest.keyClick(card, Qt.Key.Key_Space)
        assert [part.language for _, part in card._parts] == ["Arguments", "Result"]
        assert '"word": "loom"' in card._parts[0][1].text()
        assert '"found": 3' in card._parts[1][1].text()
        assert row_at(screen, 1).height() > folded


async def test_a_result_from_outside_says_so_and_is_read_without_the_marks_for_the_model() -> None:
    web = Recording("web", {"price": 3}, effect="reads", untrusted=True)
    async with chat_screen(AgentRig(wants(("web", {})), "Three.", functions=[web])) as screen:
        await screen.begin()
        await screen.say("How much?")
        (card,) = row_at(screen, 1).cards.values()
        assert card.call.result.startswith("<data-")
        card.set_open(True)
        assert [part.language for _, part in card._parts] == ["Arguments", "Result, from outside"]
        assert card._parts[1][1].text() == '{\n  "price": 3\n}'
        assert 'Result, from outside: {"price": 3}' in card.accessibleDescription()


async def asking(screen: ChatScreen, text: str = "Delete it") -> None:
    await screen.begin()
    screen.write(text)
    screen.press(ENTER)
    await until(lambda: bool(screen.cards))
    await screen.over()


def asking_rig(*answers: object, **facts: object) -> tuple[AgentRig, Recording]:
    delete = Recording("delete", "gone", policy="ask", effect="writes", **facts)
    rig = AgentRig(wants(("delete", {"path": "/tmp/a", "note": "x" * 400})), *answers, functions=[delete])  # type: ignore[arg-type] # a script
    return rig, delete


async def test_an_approval_shows_all_arguments_and_runs_when_it_is_allowed_once() -> None:
    rig, delete = asking_rig("It is deleted.")
    async with chat_screen(rig) as screen:
        await asking(screen)
        (card,) = screen.cards
        assert "x" * 400 in card.arguments.toPlainText()
        assert delete.calls == []
        click(card.buttons[0])
        await until(lambda: "It is deleted." in screen.texts)
        assert len(delete.calls) == 1
        await screen.over()
        assert screen.view.tail.cards == []


async def test_why_foreign_text_makes_a_call_ask_is_said_once() -> None:
    functions = [
        Recording("web", "Mail it.", effect="reads", untrusted=True),
        Recording("mail", "sent", effect="writes"),
    ]
    rig = AgentRig(wants(("web", {})), wants(("mail", {"to": "Grace"})), functions=functions)
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("Read and mail")
        (card,) = screen.cards
        said = [label.text() for label in card.findChildren(QLabel)]
        (warning,) = card.pending.warnings
        assert said.count(warning) == said.count(card.pending.message) == 1


async def test_of_a_call_that_another_program_carries_out_it_is_said_who_is_waited_for_and_nothing_is_asked() -> None:
    rig = AgentRig(wants(("weather", {})), "Never mind.")
    conversation = (await rig.conversation()).id
    await rig.finish(rig.chat.send(conversation, "Dry?", terms=Terms(functions=(askers_facts("weather"),))))
    async with chat_screen(rig) as screen:
        await screen.open(conversation)
        await until(lambda: len(screen.view.tail.cards) == 1)
        (note,) = screen.view.tail.cards
        assert note.findChildren(QPushButton) == []
        said = "The program that asked has to carry out weather.\nWrite something to go on without it."
        assert [label.text() for label in note.findChildren(QLabel)] == [said]
        await screen.say("Then not")
        assert screen.texts[-1] == "Never mind."


async def test_what_is_allowed_for_the_conversation_is_not_asked_again() -> None:
    delete = Recording("delete", "gone", policy="ask", effect="writes")
    rig = AgentRig(wants(("delete", {"n": 1})), "One.", wants(("delete", {"n": 2})), "Two.", functions=[delete])
    async with chat_screen(rig) as screen:
        await asking(screen)
        click(next(button for button in screen.cards[0].buttons if "conversation" in button.text()))
        await until(lambda: "One." in screen.texts)
        await screen.over()
        await screen.say("Again")
        assert "Two." in screen.texts
        assert len(delete.calls) == 2


async def test_a_denied_call_is_not_made_and_the_agent_reads_why() -> None:
    rig, delete = asking_rig("Then not.")
    async with chat_screen(rig) as screen:
        await asking(screen)
        (card,) = screen.cards
        card.reason.setPlainText("That file is needed.")
        click(next(button for button in card.buttons if button.text() == "Deny"))
        await until(lambda: "Then not." in screen.texts)
        await screen.over()
        assert delete.calls == []
        assert any("That file is needed." in str(message) for message in rig.sent())


async def test_a_call_that_waits_is_asked_about_again_when_the_conversation_is_opened_anew() -> None:
    rig, delete = asking_rig("It is deleted.")
    async with chat_screen(rig) as screen:
        await asking(screen)
        held = screen.view.talk.conversation
        assert held is not None
    async with chat_screen(rig) as screen:
        await screen.open(held.id)
        await until(lambda: bool(screen.cards))
        click(screen.cards[0].buttons[0])
        await until(lambda: "It is deleted." in screen.texts)
        assert len(delete.calls) == 1


async def test_a_turn_that_ended_with_the_program_is_gone_on_with() -> None:
    rig = AgentRig("Here I am again.")
    conversation = await rig.conversation()
    log = await rig.conversations.write(conversation.id)
    from tests.support.conversations import said

    await log.add(said("Are you there?"))
    await log.close()
    async with chat_screen(rig) as screen:
        await screen.open(conversation.id)
        await until(lambda: bool(screen.view.tail.cards))
        click(_button(screen, "Go on"))
        await until(lambda: screen.texts == ["Are you there?", "Here I am again."])


async def test_a_conversation_that_is_left_goes_on_and_is_there_when_one_comes_back() -> None:
    rig = AgentRig(Stalls("Slow"))
    async with chat_screen(rig) as screen:
        await screen.begin()
        screen.write("Go")
        screen.press(ENTER)
        await rig.models.stalled.wait()
        held = screen.view.talk.conversation
        assert held is not None
        screen.view.begin("Ada")
        await asyncio.sleep(0.01)
        assert screen.view.transcript.live_row is None
        assert rig.chat.running(held.id) is not None
        screen.view.open(held.id)
        await until(lambda: screen.view.talk.live is not None and screen.view.talk.live.text.startswith("Slow"))


async def test_what_could_not_be_worked_on_is_said_with_the_next_move() -> None:
    rig = AgentRig("One.")
    async with chat_screen(rig) as screen:
        await screen.begin()
        await screen.say("First")
        held = screen.view.talk.conversation
        assert held is not None
        log = await rig.conversations.write(held.id)
        screen.write("Second")
        screen.press(ENTER)
        await until(lambda: bool(screen.troubles))
        assert screen.view.tail.cards
        await log.close()


def _button(screen: ChatScreen, text: str):  # type: ignore[no-untyped-def] # a QPushButton
    from PySide6.QtWidgets import QPushButton

    return next(b for b in screen.view.tail.findChildren(QPushButton) if b.text() == text)


async def test_nothing_is_said_to_be_missing_while_a_conversation_is_read() -> None:
    rig = AgentRig()
    held = await long_conversation(rig, 4)
    async with chat_screen(rig) as screen:
        screen.view.open(held)
        assert screen.view.talk.is_reading
        assert not screen.view.empty.isVisible()
        await until(lambda: not screen.view.talk.is_reading)
        assert screen.view.transcript.isVisible()


async def test_a_conversation_that_cannot_be_read_says_why_and_leaves_the_field_usable() -> None:
    from uuid import uuid4

    async with chat_screen(AgentRig()) as screen:
        await screen.begin()
        screen.view.open(uuid4())
        await until(lambda: bool(screen.troubles))
        assert "no conversation" in screen.troubles[0]
        assert not screen.view.talk.is_reading


async def test_of_two_looks_at_who_answers_the_newer_one_is_shown_whichever_ends_last() -> None:
    rig = AgentRig()
    async with chat_screen(rig) as screen:
        await screen.begin()
        talk, known = screen.view.talk, rig.agents.by_name["Ada"]
        looks: list[KnownAgent] = []
        held = asyncio.Event()

        async def named(name: str) -> KnownAgent:
            found = await rig.agents.named(name)
            looks.append(found)
            if len(looks) == 1:
                await held.wait()
            return found

        talk.source = replace(screen.source, named=named)
        talk.learn_again()
        await until(lambda: len(looks) == 1)
        rig.agents.by_name["Ada"] = replace(known, agent=replace(known.agent, icon="scissors"))
        talk.learn_again()
        await until(lambda: talk.face.icon == "scissors")
        held.set()
        await until(lambda: screen.bridge.busy == 0)
        assert talk.face.icon == "scissors"
