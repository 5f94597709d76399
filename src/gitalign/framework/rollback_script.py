"""The script that puts an installation back without git-align: plain sh, nothing but coreutils."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import quote

from gitalign.framework.contents import FOLDER, MANIFEST
from gitalign.output_file import UNFINISHED

_HEAD = """\
#!/bin/sh
# Puts the work tree back to how it was before installation @NUMBER@. A file that you changed since stays, under another name
# where it would be in the way. The same as: git align framework rollback
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
cd -- "$here/../.."
kept=$here/@NAME@

main() {
  for place in .cli_framework .cli_framework/modules .cli_framework/rollback; do
    if [ -L "$place" ]; then
      printf '%s is a link: it is not followed\n' "$place" >&2
      exit 1
    fi
  done
  for later in "$here"/*.sh; do
    if expr "$later" \\> "$here/@NAME@.sh" >/dev/null && [ ! -e "${later%.sh}/complete" ]; then
      printf '%s is newer: run it first\\n' "$later" >&2
      exit 1
    fi
  done
  if [ -e "$kept/complete" ] && ! cmp -s -- "$kept/after/@MANIFEST@" @MANIFEST@; then
    printf 'installation @NUMBER@ is not the newest here: run the newer one first, or switch to its branch\\n' >&2
    exit 1
  fi
  rm -f -- "$kept/complete"
"""
_TAIL = """\
  find @TOP@ -name '@BEGUN@' -type f -exec rm -f -- {} +
  rm -rf -- "$kept"
  rm -f -- "$here/@NAME@.sh"
  if [ -z "$(find "$here" -name '*.sh')" ]; then
    if [ "$(cat -- "$here/.gitignore" 2>/dev/null)" = '*' ]; then rm -f -- "$here/.gitignore"; fi
    rmdir -- "$here" 2>/dev/null || true
  fi
  for folder in @FOLDERS@; do
    rmdir -- "$folder" 2>/dev/null || true
  done
  printf 'installation @NUMBER@ is undone\\n'
}

# What follows "main" was read before the script removes itself.
created() {
  [ -e "$1" ] || return 0
  if cmp -s -- "$1" "$kept/after/$1"; then
    rm -f -- "$1"
  else
    printf '%s was changed since: it stays\\n' "$1"
  fi
}

replaced() {
  if [ -e "$1" ] && ! cmp -s -- "$1" "$kept/after/$1" && ! cmp -s -- "$1" "$kept/before/$1"; then
    aside=$1.changed-@NAME@
    while [ -e "$aside" ]; do aside=$aside+; done
    mv -- "$1" "$aside"
    printf '%s was changed since: it is now %s\\n' "$1" "$aside"
  fi
  mkdir -p -- "$(dirname -- "$1")"
  cp -p -- "$kept/before/$1" "$1.new-@NAME@"
  mv -- "$1.new-@NAME@" "$1"
}

main "$@"
exit 0
"""


def rollback_script(number: int, *, created: Sequence[str], replaced: Sequence[str]) -> bytes:
    """The script of an installation.

    Args:
        number: of the installation.
        created: paths of files that were not there before.
        replaced: paths of files that were; their copies are in the installation's folder.
    """
    steps = [f"  replaced {quote(path)}\n" for path in replaced] + [f"  created {quote(path)}\n" for path in created]
    text = _HEAD + "".join(steps) + _TAIL
    folders = f"{FOLDER}/modules {FOLDER}"
    values = {
        "@NUMBER@": str(number),
        "@NAME@": installation_name(number),
        "@FOLDERS@": folders,
        "@MANIFEST@": MANIFEST,
        "@TOP@": FOLDER,
        "@BEGUN@": "*".join(UNFINISHED),
    }
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text.encode("utf-8")


def installation_name(number: int) -> str:
    """How an installation is named in paths."""
    return f"{number:04d}"
