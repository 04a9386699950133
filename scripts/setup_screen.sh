#!/usr/bin/env bash
# Gets a screen without a monitor (Xvfb) for the test that starts the real program, and what presses its keys (XTEST).
# Called by scripts/setup.sh, in the checkout's folder. Without it everything works but that test, which says so.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/debian.sh

PACKAGES=(xvfb xauth libxtst6 x11-xkb-utils xkb-data
  # a window under X11; scripts/setup_qt.sh gets what Qt needs without one
  libxkbcommon-x11-0 libx11-xcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
  libxcb-render-util0 libxcb-shape0 libxcb-xkb1)

screen_starts() {
  bash -c 'source scripts/environment.sh; exec .venv/bin/python scripts/check_screen.py' 2>.tools/screen-error >/dev/null
}

# The server looks for the compiler of keymaps in /usr/bin and nowhere else: for one that was unpacked, the eight letters
# become a folder beside it, from which it is started.
patch_server() {
  local server="$UNPACKED/usr/bin/Xvfb"
  if [ -e "$server" ]; then
    sed -i 's|/usr/bin\x00|./xkbbin\x00|g' "$server"
    ln -sfn usr/bin "$UNPACKED/xkbbin"
  fi
}

mark=.tools/screen.done
if [ "$mark" -nt .tools/venv.done ]; then
  exit 0
fi
if ! screen_starts; then
  if get_packages "The test of the whole program needs a screen (Xvfb)" "${PACKAGES[@]}"; then
    patch_server
  fi
  if ! screen_starts; then
    say "There is no screen for the test of the whole program, so it will FAIL: $(tail -n 1 .tools/screen-error)"
    say "Let an administrator install it (Debian and Ubuntu: apt-get install ${PACKAGES[*]}), then the same command again."
    exit 0
  fi
fi
touch "$mark"
