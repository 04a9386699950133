from __future__ import annotations

import itertools

from core.llm.tool_calls import ToolCallPieces


def pieces_of(*pieces: dict[str, object]) -> list[tuple[str, str, object]]:
    """The calls that are put together from these pieces: id, name, arguments."""
    numbers = itertools.count(1)
    made = ToolCallPieces(lambda: f"made-{next(numbers)}")
    for piece in pieces:
        made.add([piece])
    return [(call.id, call.name, call.arguments) for call in made.finish(cut_off=False)]


def test_calls_that_a_server_gives_one_id_get_ids_of_their_own() -> None:
    first, second, third = (
        {"index": n, "id": "call_0", "function": {"name": "look", "arguments": f'{{"n": {n}}}'}} for n in range(3)
    )
    assert pieces_of(first, second, third) == [
        ("call_0", "look", {"n": 0}), ("made-1", "look", {"n": 1}), ("made-2", "look", {"n": 2})
    ]  # fmt: skip


def test_a_call_without_an_id_gets_one() -> None:
    assert pieces_of({"index": 0, "function": {"name": "look", "arguments": "{}"}}) == [("made-1", "look", {})]
