"""pyqtgraph's view comes without the rest of pyqtgraph, and the rest comes when it is wanted. Each in a process of its
own, because what is loaded stays."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

BEGIN = """
import sys
from PySide6.QtWidgets import QApplication, QGraphicsView
app = QApplication([])
from desktop.canvas import pyqtgraph_view
from desktop.canvas.pyqtgraph_view import complete, graphics_view
def loaded():
    return sum(name.startswith("pyqtgraph.") for name in sys.modules)
"""


def run(program: str) -> str:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    command = [sys.executable, "-W", "error", "-c", BEGIN + program]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_view_is_pyqtgraphs_own_and_its_charts_come_when_they_are_asked_for() -> None:
    run("""
view = graphics_view()
assert view.__module__ == "pyqtgraph.widgets.GraphicsView" and issubclass(view, QGraphicsView)
shown = view()
shown.show()
app.processEvents()
assert loaded() < 30, loaded()
import pyqtgraph
assert "graphicsItems" not in vars(pyqtgraph)
chart = pyqtgraph.PlotWidget()
chart.plot([1, 2, 3], [3, 1, 2])
chart.show()
app.processEvents()
assert loaded() > 100
assert pyqtgraph.GraphicsView is view and isinstance(chart, view)
assert not hasattr(pyqtgraph, "no_such_thing")
""")


def test_options_that_are_set_later_are_those_of_the_view() -> None:
    run("""
view = graphics_view()
import pyqtgraph
pyqtgraph.setConfigOption("background", "w")
assert view().backgroundBrush().color().name() == "#ffffff"
""")


def test_the_rest_is_loaded_by_one_thread_while_another_asks_for_it() -> None:
    run("""
import threading
graphics_view()
import pyqtgraph
other = threading.Thread(target=complete)
other.start()
assert issubclass(pyqtgraph.PlotWidget, QGraphicsView)
other.join()
complete()
from pyqtgraph import AxisItem, exporters
""")


@pytest.mark.parametrize("first", ["import pyqtgraph", "complete()"])
def test_a_pyqtgraph_that_is_there_already_is_taken_as_it_is(first: str) -> None:
    run(f"""
{first}
import pyqtgraph
assert graphics_view() is pyqtgraph.GraphicsView
""")


def test_a_version_whose_view_needs_more_is_loaded_as_a_whole() -> None:
    run("""
def lacking(self, name):
    sys.modules["pyqtgraph"] = self.module
    raise ImportError("cannot import name 'Novelty' from 'pyqtgraph'")
pyqtgraph_view._Part.load = lacking
view = graphics_view()
import pyqtgraph
assert pyqtgraph.PlotWidget and pyqtgraph.GraphicsView is view
""")


def test_qt_names_everything_again_and_numpy_keeps_no_setting() -> None:
    run("""
import os
before = dict(os.environ)
graphics_view()
from PySide6 import QtWidgets
assert "QPushButton" in dir(QtWidgets)
assert dict(os.environ) == before
from pyqtgraph.Qt import QtWidgets as mirror
assert mirror.QPushButton is QtWidgets.QPushButton and not hasattr(mirror, "QNothing")
""")
