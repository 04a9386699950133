#!/usr/bin/env bash
# Gets the checkout ready, and does nothing when it is: `setup.sh installer | python | qt | screen`.
#   installer  .tools/uv   a pinned uv, checked by hash (packaging/uv.txt)
#   python     .venv       the packages of requirements.lock, checked by hash, and this project, editable
#   qt         Debian's libraries that Qt needs: installed, or unpacked into .tools/qt-libs
#   screen     Xvfb, for the test that starts the real program: installed, or unpacked likewise
# pip's and uv's own settings (environment, configuration files) are honoured; nothing here names an index.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh

say() { printf 'setup: %s\n' "$*" >&2; }

stop() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

# Two makes at the same time take turns, where the system can say so.
take_turns() {
  mkdir -p .tools 2>/dev/null || stop "Cannot write to $PWD." "Use a checkout that belongs to you."
  if command -v flock >/dev/null; then
    exec 9>.tools/lock
    flock 9
  fi
}

# Prints the first interpreter that the project runs on. PYTHON=/path/to/python3 chooses another one.
find_python() {
  local name names=(python3 python3.13 python3.12 python3.11)
  if [ -n "${PYTHON:-}" ]; then
    names=("$PYTHON")
  fi
  for name in "${names[@]}"; do
    if "$name" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; then
      # of a virtual environment the one beneath it: the caller may have activated ours
      "$name" -c 'import os, sys; print(os.path.realpath(sys._base_executable))'
      return
    fi
  done
  stop "No Python 3.11, 3.12 or 3.13 was found (tried: ${names[*]})." \
    "Install one (Debian and Ubuntu: apt-get install python3 python3-venv) or name one: make PYTHON=/path/to/python3 ..."
}

make_venv() { # python folder
  "$1" -c 'import ensurepip, venv' 2>/dev/null ||
    stop "$1 cannot make virtual environments." "Debian and Ubuntu: apt-get install python3-venv, then the same command again."
  "$1" -m venv --clear "$2"
}

fingerprint() { # python files...: changes when the interpreter, the place or a file does
  local python=$1
  shift
  { "$python" -c 'import sys; print(sys.version, sys.executable)'; pwd -P; cat "$@"; } | cksum
}

set_up_installer() {
  local python mark
  python=$(find_python) || exit 1
  mark=$(fingerprint "$python" packaging/uv.txt)
  if [ "$(cat .tools/uv.done 2>/dev/null)" = "$mark" ]; then
    return
  fi
  say "getting uv into .tools/uv"
  make_venv "$python" .tools/uv
  if .tools/uv/bin/python -m pip install --quiet --require-hashes --only-binary :all: -r packaging/uv.txt; then
    echo "$mark" >.tools/uv.done
  else
    return 1
  fi
}

install_packages() {
  if set_up_installer; then
    if .tools/uv/bin/uv pip sync --quiet --compile-bytecode --python .venv/bin/python --require-hashes requirements.lock; then
      return
    fi
    say "uv could not get the packages (it does not read pip's configuration); trying pip"
  else
    say "uv could not be installed; trying pip"
  fi
  .venv/bin/python -m pip install --quiet --require-hashes -r requirements.lock ||
    stop "The packages of requirements.lock could not be installed; the lines above say why." \
      "Check the network, or name your package index in pip's configuration, then the same command again."
}

set_up_venv() { # python: an environment of the same interpreter in the same place is kept
  local mark
  mark=$(fingerprint "$1" /dev/null)
  if [ "$(cat .tools/venv.python 2>/dev/null)" != "$mark" ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then
    make_venv "$1" .venv
    echo "$mark" >.tools/venv.python
  fi
}

set_up_python() {
  local python mark
  python=$(find_python) || exit 1
  mark=$(fingerprint "$python" requirements.lock pyproject.toml)
  if [ "$(cat .tools/venv.done 2>/dev/null)" = "$mark" ] && [ -x .venv/bin/python ]; then
    return
  fi
  rm -f .tools/venv.done
  say "putting the packages of requirements.lock into .venv"
  set_up_venv "$python"
  install_packages
  # setuptools stands in the lock, so nothing unchecked is fetched to build the project.
  .venv/bin/python -m pip install --quiet --no-index --no-deps --no-build-isolation --editable . ||
    stop "The project itself could not be installed into .venv; the lines above say why."
  echo "$mark" >.tools/venv.done
}

take_turns
case "${1:-}" in
  installer) set_up_installer || stop "uv could not be installed; the lines above say why." ;;
  python) set_up_python ;;
  qt) scripts/setup_qt.sh ;;
  screen) scripts/setup_screen.sh ;;
  *) stop "Say what to set up: setup.sh installer, setup.sh python, setup.sh qt or setup.sh screen." ;;
esac
