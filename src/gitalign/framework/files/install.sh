#!/bin/sh
# Installs git-align's scripts into this work tree. The work is done by `git align framework install`; see its help.
#
#   .cli_framework/install.sh [minimal|full|custom] [--mode MODE] [--modules a,b] [--dry-run] [--allow-dirty] [--json]
set -eu

usage() {
  sed -n 's/^# \{0,1\}//; 3,5p' "$0" | sed -n '2,3p'
}

case "${1-}" in
  -h | --help)
    usage
    exit 0
    ;;
  minimal | full | custom)
    mode=$1
    shift
    set -- --mode "$mode" "$@"
    ;;
  '' | -*) ;;
  *)
    printf 'install.sh: %s is not a mode; the modes are minimal, full, custom\n' "$1" >&2
    exit 2
    ;;
esac

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root=$(dirname -- "$here")
if command -v git-align >/dev/null 2>&1; then
  exec git-align framework install --repo "$root" "$@"
fi
printf 'install.sh: git-align is not on the PATH; install it first\n' >&2
exit 2
