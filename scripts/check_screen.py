"""Says whether a screen without a monitor can be started and typed on: exit code 0, or 1 with the reason.

Also what the test of the whole program starts it with: `start_screen`.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from pathlib import Path

SIZE = "1600x1000x24"
UNPACKED = Path(__file__).resolve().parent.parent / ".tools" / "qt-libs"
"""Where scripts/setup_screen.sh puts it if it may not install it."""

PATIENCE_S = 20.0


class NoScreen(Exception):
    """No screen can be started here; the text says what is missing and how it is got."""


def start_screen(size: str = SIZE) -> tuple[subprocess.Popen[bytes], str]:
    """A running Xvfb and its display (`:7`). Raises NoScreen. End it with `terminate`."""
    command, folder = _server()
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    arguments = [*command, "-displayfd", str(writing), "-screen", "0", size, "-nolisten", "tcp", "-noreset"]
    process = subprocess.Popen(  # noqa: S603 - a program of this system
        arguments, cwd=folder, pass_fds=[writing], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    os.close(writing)
    with os.fdopen(reading) as answers:
        number = answers.readline().strip()  # ends also when the server does
    if not number:
        process.kill()
        process.wait()
        raise NoScreen(f"{arguments[0]} does not start. Try it by hand: {' '.join(arguments[:1])} :99")
    return process, f":{number}"


def _server() -> tuple[list[str], Path | None]:
    unpacked = UNPACKED / "usr" / "bin" / "Xvfb"
    if unpacked.is_file():
        return [str(unpacked), "-xkbdir", str(UNPACKED / "usr" / "share" / "X11" / "xkb")], UNPACKED
    installed = shutil.which("Xvfb")
    if installed is None:
        raise NoScreen("Xvfb is not installed. Run scripts/setup.sh screen, or on Debian: apt-get install xvfb")
    return [installed], None


def load_xtest() -> tuple[ctypes.CDLL, ctypes.CDLL]:
    """The libraries that press keys and buttons: libX11 and libXtst. Raises NoScreen."""
    try:
        return ctypes.CDLL("libX11.so.6"), ctypes.CDLL("libXtst.so.6")
    except OSError as error:
        raise NoScreen(f"{error}. On Debian: apt-get install libxtst6") from None


def main() -> int:
    """Start a screen and end it."""
    try:
        load_xtest()
        process, display = start_screen()
        from PySide6.QtCore import QLibraryInfo

        plugins = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath))
        ctypes.CDLL(str(plugins / "platforms" / "libqxcb.so"))
    except (NoScreen, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    process.terminate()
    process.wait(PATIENCE_S)
    sys.stdout.write(f"A screen starts ({display}).\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
