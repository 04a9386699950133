# Sourced by the set-up scripts: packages of Debian, installed or unpacked. Asks nobody and needs no password: root and
# passwordless sudo install; a plain user has them unpacked into .tools/qt-libs, which only the programs that make starts will see.

# Graphics drivers and their compiler: 150 MB that drawing by the processor does not need.
DRIVERS='^(libgl1-mesa-dri|mesa-.*|libllvm.*|libz3-.*|libdrm-.*|libsensors.*|libpciaccess.*)$'
UNPACKED=.tools/qt-libs

say() { printf 'setup: %s\n' "$*" >&2; }

# get_packages WHAT FOR... : WHAT is said, FOR are the packages
get_packages() {
  local what=$1
  shift
  if ! command -v apt-get >/dev/null; then
    return 1
  elif [ "$(id -u)" = 0 ]; then
    say "$what: installing them with apt-get"
    install_as "" "$@"
  elif sudo -n true 2>/dev/null; then
    say "$what: installing them with apt-get"
    install_as "sudo -n" "$@"
  else
    say "$what: unpacking them into $UNPACKED (no right to install them)"
    unpack_without_rights "$@"
  fi
}

install_as() { # command prefix or '', packages...
  local prefix=$1
  shift
  # shellcheck disable=SC2086 # the prefix is words
  $prefix env DEBIAN_FRONTEND=noninteractive apt-get -qq update >&2 || return 1
  # shellcheck disable=SC2086
  $prefix env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >.tools/apt.log 2>&1
}

# Prints the packages that apt would add here; what is there already, in any version, is left alone.
missing_packages() { # "apt-get options" packages...
  local options=$1
  shift
  # shellcheck disable=SC2086 # the options are words without spaces
  apt-get $options -s install -y --no-install-recommends "$@" |
    awk '$1 == "Inst" && $3 !~ /^\[/ { print $2 }' | grep -Ev "$DRIVERS"
}

unpack_without_rights() { # packages...
  local root names package
  root=$(mktemp -d) || return 1 # a checkout's path may hold spaces, which apt's options may not
  mkdir -p "$root"/{state/lists/partial,cache/archives/partial,packages} "$UNPACKED"
  local options="-qq -o Dir::State=$root/state -o Dir::State::status=/var/lib/dpkg/status -o Dir::Cache=$root/cache \
    -o Debug::NoLocking=1 -o APT::Sandbox::User= -o Dir::Log=/dev/null"
  # shellcheck disable=SC2086 # words
  apt-get $options update >&2 || return 1
  names=$(missing_packages "$options" "$@") || return 1
  # shellcheck disable=SC2086 # one word per package
  (cd "$root/packages" && apt-get $options download $names >/dev/null) || return 1
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
