"""Says whether Qt can start here: exit code 0, or 1 with the loader's own words on standard error.

The platform plug-in is loaded, not asked for: package names differ between distributions, a loaded library does not.
"""

import ctypes
import os
import sys
from pathlib import Path


def load_window_plugin(folder: Path) -> None:
    """Load the plug-in of the screen that the environment names; OSError when one of its libraries is missing.

    Only loaded, because starting it would need the screen to answer.
    """
    names = []
    if os.environ.get("DISPLAY"):
        names.append("libqxcb.so")
    if os.environ.get("WAYLAND_DISPLAY"):
        names.append("libqwayland.so")
    for name in names:
        ctypes.CDLL(str(folder / "platforms" / name))


def main() -> int:
    """Start Qt without a screen, then load the plug-in for the screen if there is one."""
    try:
        from PySide6 import QtCore, QtOpenGLWidgets, QtSvg, QtWidgets

        plugins = Path(QtCore.QLibraryInfo.path(QtCore.QLibraryInfo.LibraryPath.PluginsPath))
        if sys.platform == "linux":
            # Qt aborts the process when its plug-in cannot be loaded; loading it here first gives an error instead.
            ctypes.CDLL(str(plugins / "platforms" / "libqoffscreen.so"))
            load_window_plugin(plugins)
    except (ImportError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    application = QtWidgets.QApplication([])
    sys.stdout.write(f"Qt {QtCore.qVersion()} starts ({application.platformName()}).\n")
    del QtOpenGLWidgets, QtSvg
    return 0


if __name__ == "__main__":
    sys.exit(main())
