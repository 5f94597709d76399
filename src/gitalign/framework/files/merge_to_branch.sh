#!/bin/sh
# Puts these scripts into another branch, as a commit, without touching a work tree.
# The work is done by `git align framework merge-to-branch`; see its help.
#
#   .cli_framework/merge_to_branch.sh --target BRANCH [--backup] [--mode MODE] [--dry-run] [--yes] [--json]
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
root=$(dirname -- "$here")
target=''
count=$#
while [ "$count" -gt 0 ]; do
  word=$1
  shift
  count=$((count - 1))
  case "$word" in
    -h | --help)
      sed -n '5s/^# *//p' "$0"
      exit 0
      ;;
    --target)
      if [ "$count" -eq 0 ]; then
        printf 'merge_to_branch.sh: --target needs a branch\n' >&2
        exit 2
      fi
      target=$1
      shift
      count=$((count - 1))
      ;;
    --target=*) target=${word#--target=} ;;
    *) set -- "$@" "$word" ;;
  esac
done
if [ -z "$target" ]; then
  printf 'merge_to_branch.sh: name the branch: --target BRANCH\n' >&2
  exit 2
fi
if command -v git-align >/dev/null 2>&1; then
  exec git-align framework merge-to-branch --repo "$root" "$@" -- "$target"
fi
printf 'merge_to_branch.sh: git-align is not on the PATH; install it first\n' >&2
exit 2
