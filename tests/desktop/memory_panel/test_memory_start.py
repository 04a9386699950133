"""What the window's start must not wait for."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import sys
import desktop.program
late = [name for name in sys.modules if name.startswith(("core.memory", "desktop.memory_panel."))]
print(sorted(late))
"""


def test_the_windows_start_loads_no_more_than_the_memory_desk() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "['desktop.memory_panel.desk']"
