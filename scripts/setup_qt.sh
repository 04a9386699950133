#!/usr/bin/env bash
# Gets the system libraries that Qt's wheels leave to the distribution. Called by scripts/setup.sh, in the checkout's folder.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian.sh

PACKAGES=(
  # enough to draw without a screen
  libegl1 libgl1 libglib2.0-0 libfontconfig1 libxkbcommon0 libdbus-1-3 fonts-dejavu-core
  # a window under X11
  libxkbcommon-x11-0 libx11-xcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
  libxcb-render-util0 libxcb-shape0 libxcb-xkb1
  # a window under Wayland
  libwayland-client0 libwayland-cursor0 libwayland-egl1
)
# Each screen needs its own plug-in, so each has its own mark. A mark ages with the packages.
done_mark() { echo ".tools/qt-offscreen${DISPLAY:+-x11}${WAYLAND_DISPLAY:+-wayland}.done"; }

qt_starts() { # a new shell, for the libraries that were unpacked since this one started
  bash -c 'source scripts/environment.sh; exec .venv/bin/python scripts/check_qt.py' 2>.tools/qt-error >/dev/null
}

mark=$(done_mark)
if [ "$mark" -nt .tools/venv.done ]; then
  exit 0
fi
if ! qt_starts; then
  get_packages "Qt needs some of Debian's libraries" "${PACKAGES[@]}" || true
  if ! qt_starts; then
    say "Qt cannot start here: $(tail -n 1 .tools/qt-error)"
    if [ -s .tools/apt.log ]; then
      tail -n 5 .tools/apt.log >&2
    fi
    say "Let an administrator install what Qt needs (Debian and Ubuntu: apt-get install ${PACKAGES[*]}), then the same command again."
    exit 1
  fi
fi
touch "$mark"
