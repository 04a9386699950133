"""Takes pictures of the real window, without a screen: those of the documentation, or of every screen for looking.

make screenshots                                            # docs/images, both themes
python scripts/screenshots.py --all FOLDER --scale 2        # every screen in both themes at 200 %
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the scenes are not installed

from scripts.screens import agents, drawing, forms, frame, runs  # noqa: E402 - found by the line above
from scripts.screens.stage import Scene, program_for  # noqa: E402 - as above

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from desktop.theme import ThemeName

TARGET: Final = ROOT / "docs" / "images"
DOCUMENTED: Final = ("window", "question")
"""The scenes that the documentation shows."""

SCENES: Final[Mapping[str, Scene]] = {
    **frame.SCENES,
    **drawing.SCENES,
    **forms.SCENES,
    **runs.SCENES,
    **agents.SCENES,
}


async def take(app: QApplication, theme: ThemeName, name: str, folder: Path, mark: str) -> None:
    """Take the pictures of one scene, in a program of its own."""
    with tempfile.TemporaryDirectory() as home:
        async with program_for(app, SCENES[name], theme, Path(home)) as program:
            async for shot, widget in SCENES[name].play(program):
                await asyncio.sleep(0.2)
                file = folder / f"{name}{f'_{shot}' if shot else ''}-{theme}{mark}.png"
                widget.grab().save(str(file))
                sys.stdout.write(f"{file}\n")


def take_all(names: Sequence[str], themes: Sequence[ThemeName], folder: Path, mark: str) -> int:
    """Take the pictures of scenes one after the other; how many scenes broke off."""
    import qasync
    from PySide6.QtWidgets import QApplication

    app = QApplication([sys.argv[0]])
    loop = qasync.QEventLoop(app)
    asyncio.set_event_loop(loop)
    broken = 0
    gc.disable()  # what is left of a program's widgets must go on this thread, and Python collects on any
    folder.mkdir(parents=True, exist_ok=True)
    with loop:
        for theme in themes:
            for name in names:
                try:
                    loop.run_until_complete(take(app, theme, name, folder, mark))
                except Exception:  # noqa: BLE001 - the other scenes are worth looking at all the same
                    broken += 1
                    sys.stderr.write(f"The scene {name} ({theme}) broke off:\n{traceback.format_exc()}\n")
                gc.collect()
    return broken


def main() -> int:
    """Take every picture that was asked for; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", metavar="FOLDER", default="", help="take every screen instead of the documentation's")
    parser.add_argument("--only", choices=[*SCENES], action="append", default=[], help="with --all: these alone")
    parser.add_argument("--theme", choices=["dark", "light"], default="", help="this one alone")
    parser.add_argument("--scale", type=float, default=1.0, help="device pixels for each pixel")
    options = parser.parse_args()
    if os.environ.get("QT_SCALE_FACTOR") != str(options.scale) or os.environ.get("QT_QPA_PLATFORM") != "offscreen":
        # Qt reads these before anything else.
        environment = {**os.environ, "QT_SCALE_FACTOR": str(options.scale), "QT_QPA_PLATFORM": "offscreen"}
        return subprocess.run([sys.executable, *sys.argv], env=environment, check=False).returncode  # noqa: S603 - itself
    from desktop.theme import ThemeName

    themes: list[ThemeName] = [name for name in get_args(ThemeName) if options.theme in ("", name)]
    mark = f"@{options.scale:g}x" if options.scale != 1 else ""
    names = (options.only or [*SCENES]) if options.all else [*DOCUMENTED]
    return min(1, take_all(names, themes, Path(options.all) if options.all else TARGET, mark))


if __name__ == "__main__":
    sys.exit(main())
