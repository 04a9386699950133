# Sourced by the Makefile and by scripts/setup.sh: the environment that our own programs run in.

# Qt warns in the C locale; every Debian has this one.
export LC_ALL=C.UTF-8
# Without kept bytecode every start of a program takes seconds longer.
unset PYTHONDONTWRITEBYTECODE
# Behind a private certificate authority the system's store is the one that knows it.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"

# Qt's own choice without a screen is to abort.
if [ -z "${DISPLAY:-}" ] && [ -z "${WAYLAND_DISPLAY:-}" ]; then
  export QT_QPA_PLATFORM="${QT_QPA_PLATFORM:-offscreen}"
fi

# A home that cannot be written to must not stop the installers: their caches move into the checkout.
cache="${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}"
if ! mkdir -p "$cache" 2>/dev/null || ! [ -w "$cache" ]; then
  export UV_CACHE_DIR="${UV_CACHE_DIR:-$PWD/.tools/cache/uv}"
  export PIP_CACHE_DIR="${PIP_CACHE_DIR:-$PWD/.tools/cache/pip}"
fi

# Libraries that scripts/setup.sh unpacked because they could not be installed (a plain user without sudo).
if [ -d .tools/qt-libs/usr ]; then
  for folder in "$PWD"/.tools/qt-libs/usr/lib/*-linux-gnu* "$PWD"/.tools/qt-libs/lib/*-linux-gnu*; do
    if [ -d "$folder" ]; then
      export LD_LIBRARY_PATH="$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
    fi
  done
  if ! [ -e /etc/fonts/fonts.conf ]; then
    export FONTCONFIG_FILE="${FONTCONFIG_FILE:-$PWD/.tools/qt-libs/fonts.conf}"
  fi
  if ! [ -d /usr/share/X11/xkb ]; then
    export XKB_CONFIG_ROOT="${XKB_CONFIG_ROOT:-$PWD/.tools/qt-libs/usr/share/X11/xkb}"
  fi
fi
