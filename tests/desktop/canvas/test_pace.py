from __future__ import annotations

from desktop.canvas.pace import LEAST_MS, MOST_MS, SHARE, Pace


class Costs:
    """A clock that goes on by what a picture costs, in seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def painted(pace: Pace, clock: Costs, cost: float) -> int:
    with pace.measured():
        clock.now += cost
    return pace.next()


def test_cheap_pictures_come_thirty_times_a_second() -> None:
    clock = Costs()
    assert painted(Pace(clock), clock, 0.001) == LEAST_MS


def test_dear_pictures_take_no_more_than_their_share_of_a_core() -> None:
    clock = Costs()
    pace = Pace(clock)
    for _ in range(5):
        wait = painted(pace, clock, 0.010)
        assert 0.010 / (wait / 1_000) <= SHARE * 1.02


def test_however_dear_they_are_pictures_come() -> None:
    clock = Costs()
    assert painted(Pace(clock), clock, 0.5) == MOST_MS


def test_when_pictures_become_cheap_they_come_oftener_again() -> None:
    clock = Costs()
    pace = Pace(clock)
    painted(pace, clock, 0.010)
    waits = [painted(pace, clock, 0.001) for _ in range(12)]
    assert waits == sorted(waits, reverse=True)
    assert waits[-1] == LEAST_MS


def test_what_is_done_between_pictures_counts_once() -> None:
    clock = Costs()
    pace = Pace(clock)
    with pace.measured():
        clock.now += 0.004
    clock.now += 5.0
    with pace.measured():
        clock.now += 0.004
    assert pace.next() == round(8 / SHARE)
