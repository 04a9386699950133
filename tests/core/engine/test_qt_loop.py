"""The engine on the loop that the desktop application runs on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import asyncio
from PySide6.QtCore import QCoreApplication
import qasync
from core.engine.clock import SystemClock
from core.workflow.model import Retry
from tests.support.engine_rig import Rig, step, workflow

async def main():
    rig = Rig()
    rig.engine.clock = SystemClock()
    inner = step("e", config={"value": "{{ item }}"})
    document = workflow(
        step("a", then=["b", "c"]),
        step("b", config={"seconds": 0.01, "fails": 1}, retry=Retry(attempts=2, wait=0.001), timeout=30, then="d"),
        step("c", config={"effect": "writes", "yields": 3}, then="d"),
        step("d", "loop", config={"times": 2, "collect": "{{ e.value }}"}, body=[inner]),
        outputs={"d": "{{ d.items }}"}, timeout=60,
    )
    result = await rig.run(document)
    run = await rig.begin(workflow(step("held", config={"gate": True})))
    run.cancel()
    cancelled = await run.result()
    assert isinstance(asyncio.get_running_loop(), qasync.QEventLoop)
    print(result.status, result.outputs, cancelled.status)
    assert asyncio.all_tasks() == {asyncio.current_task()}

application = QCoreApplication([])
qasync.run(main())
"""


def test_a_run_works_on_the_qt_loop() -> None:
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        cwd=root, env={**os.environ, "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(root)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "completed {'d': [0, 1]} cancelled"
