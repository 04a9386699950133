from __future__ import annotations

import pytest

from core.memory.statements import statements_in


@pytest.mark.parametrize(
    ("said", "content", "kind", "asked"),
    [
        ("Remember that my cat is called Tom.", "My cat is called Tom.", "fact", True),
        ("Please remember: the meeting is on Friday", "The meeting is on Friday", "fact", True),
        ("Don't forget that Ada is allergic to nuts!", "Ada is allergic to nuts!", "fact", True),
        ("Can you note down that the code is in the drawer", "The code is in the drawer", "fact", True),
        ("Merk dir, dass ich in Bonn wohne", "Ich in Bonn wohne", "fact", True),
        ("Always answer in German.", "Always answer in German.", "learned", False),
        ("Remember to never use tabs", None, None, None),
        ("My name is Sam.", "My name is Sam.", "fact", False),
        ("I'm allergic to peanuts", "I'm allergic to peanuts", "fact", False),
        ("I don't like olives.", "I don't like olives.", "fact", False),
        ("I live in Oslo.", "I live in Oslo.", "fact", False),
    ],
)
def test_plain_statements_are_found(said: str, content: str | None, kind: str | None, asked: bool | None) -> None:
    found = list(statements_in(said))
    if content is None:
        assert found == []
    else:
        assert [(s.content, s.type, s.asked) for s in found] == [(content, kind, asked)]


@pytest.mark.parametrize(
    "said",
    [
        "Do you remember that I live in Oslo?",
        "Remember when we went to Rome.",
        "Remember me?",
        "I would like a coffee",
        "I live in hope, maybe",
        "What is my name?",
        "She lives in Oslo.",
        "Write a poem about the sea.",
    ],
)
def test_questions_doubts_and_talk_are_passed_over(said: str) -> None:
    assert list(statements_in(said)) == []


def test_several_statements_in_one_message_are_told_apart() -> None:
    found = [s.content for s in statements_in("Hi! My name is Sam. How are you? I work at Siemens.\nI drive a van.")]
    assert found == ["My name is Sam.", "I work at Siemens.", "I drive a van."]
