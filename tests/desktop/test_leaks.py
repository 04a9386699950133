"""A test that leaves a window, a timer or a thread behind fails; what it takes down again does not count."""

import threading

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from tests.support.leaks import nothing_left


def test_a_window_a_timer_and_a_thread_that_stay_are_named(qapp: object) -> None:
    window, timer, over = QWidget(), QTimer(), threading.Event()
    window.setWindowTitle("Left")
    thread = threading.Thread(target=over.wait, name="left over", daemon=True)

    def leak() -> None:
        with nothing_left(patience_s=0.01):
            window.show()
            timer.start(60_000)
            thread.start()

    with pytest.raises(AssertionError) as raised:
        leak()
    for part in ("window QWidget 'Left'", "timer of nobody, 60000 ms", "thread left over"):
        assert part in str(raised.value)
    window.close()
    timer.stop()
    over.set()
    thread.join()


def test_what_is_taken_down_again_does_not_count(qapp: object) -> None:
    with nothing_left():
        window, timer = QWidget(), QTimer()
        window.show()
        timer.start(60_000)
        thread = threading.Thread(target=lambda: None)
        thread.start()
        window.close()
        timer.stop()
