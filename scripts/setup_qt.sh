#!/usr/bin/env bash
# Gets the system libraries that Qt's wheels leave to the distribution. Called by scripts/setup.sh, in the checkout's folder.
# Asks nobody and needs no password: root and passwordless sudo install Debian's packages; a plain user has them
# unpacked into .tools/qt-libs, which only the programs that make starts will see.
set -euo pipefail
cd "$(dirname "$0")/.."

PACKAGES=(
  # enough to draw without a screen
  libegl1 libgl1 libglib2.0-0 libfontconfig1 libxkbcommon0 libdbus-1-3 fonts-dejavu-core
  # a window under X11
  libxkbcommon-x11-0 libx11-xcb1 libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-randr0
  libxcb-render-util0 libxcb-shape0 libxcb-xkb1
  # a window under Wayland
  libwayland-client0 libwayland-cursor0 libwayland-egl1
)
# Graphics drivers and their compiler: 150 MB that drawing by the processor does not need.
DRIVERS='^(libgl1-mesa-dri|mesa-.*|libllvm.*|libz3-.*|libdrm-.*|libsensors.*|libpciaccess.*)$'
UNPACKED=.tools/qt-libs

say() { printf 'setup: %s\n' "$*" >&2; }

# Each screen needs its own plug-in, so each has its own mark. A mark ages with the packages.
done_mark() { echo ".tools/qt-offscreen${DISPLAY:+-x11}${WAYLAND_DISPLAY:+-wayland}.done"; }

qt_starts() { # a new shell, for the libraries that were unpacked since this one started
  bash -c 'source scripts/environment.sh; exec .venv/bin/python scripts/check_qt.py' 2>.tools/qt-error >/dev/null
}

install_as() { # command prefix, or nothing
  say "Qt needs some of Debian's libraries: installing them with apt-get"
  "$@" env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 || return 1
  "$@" env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${PACKAGES[@]}" >.tools/apt.log 2>&1
}

# Prints the packages that apt would add here; what is there already, in any version, is left alone.
missing_packages() { # apt-get options
  apt-get "$@" -s install -y --no-install-recommends "${PACKAGES[@]}" |
    awk '$1 == "Inst" && $3 !~ /^\[/ { print $2 }' | grep -Ev "$DRIVERS"
}

unpack_without_rights() {
  local root=$PWD/.tools/apt names package
  say "Qt needs some of Debian's libraries: unpacking them into $UNPACKED (no right to install them)"
  mkdir -p "$root"/{state/lists/partial,cache/archives/partial,packages} "$UNPACKED"
  local options=(-qq -o "Dir::State=$root/state" -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$root/cache"
    -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Dir::Log=/dev/null)
  apt-get "${options[@]}" update >&2 || return 1
  names=$(missing_packages "${options[@]}") || return 1
  # shellcheck disable=SC2086 # one word per package
  (cd "$root/packages" && apt-get "${options[@]}" download $names >/dev/null) || return 1
  for package in "$root"/packages/*.deb; do
    dpkg-deb -x "$package" "$UNPACKED"
  done
  write_fonts_file
  rm -rf "$root"
}

# fontconfig's own file names folders of a system that has no fonts.
write_fonts_file() {
  cat >"$UNPACKED/fonts.conf" <<XML
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "urn:fontconfig:fonts.dtd">
<fontconfig>
  <dir>$PWD/$UNPACKED/usr/share/fonts</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>$PWD/$UNPACKED/fontconfig-cache</cachedir>
</fontconfig>
XML
}

get_libraries() {
  if ! command -v apt-get >/dev/null; then
    return 1
  elif [ "$(id -u)" = 0 ]; then
    install_as
  elif sudo -n true 2>/dev/null; then
    install_as sudo -n
  else
    unpack_without_rights
  fi
}

mark=$(done_mark)
if [ "$mark" -nt .tools/venv.done ]; then
  exit 0
fi
if ! qt_starts; then
  get_libraries || true
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
