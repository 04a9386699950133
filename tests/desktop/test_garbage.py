"""When garbage is looked for."""

import gc
from collections.abc import Iterator

import pytest

from desktop.garbage import undisturbed


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    before = gc.isenabled()
    gc.enable()
    yield
    if not before:
        gc.disable()


def test_nothing_is_looked_for_inside_and_afterwards_as_before() -> None:
    with undisturbed():
        assert not gc.isenabled()
        with undisturbed():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_is_looked_for_again_after_a_failure() -> None:
    with pytest.raises(ZeroDivisionError), undisturbed():
        raise ZeroDivisionError
    assert gc.isenabled()


def test_what_rests_already_stays_so() -> None:
    gc.disable()
    with undisturbed():
        pass
    assert not gc.isenabled()
