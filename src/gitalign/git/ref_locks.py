"""Lock files that a killed `git update-ref` leaves beside refs: which of them are provably ours, and their removal.

A lock is ours when its ref was to be moved by us, it was made after we began, it is empty or holds exactly the id we meant to
write, no process has it open, and it is still the same after a second look.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from gitalign.core.names import is_zero
from gitalign.core.publication import RefUpdate

_SECOND_LOOK_S = 0.2
_PACKED = "packed-refs"
_PACKED_NEW = "packed-refs.new"


@dataclass(frozen=True, slots=True)
class Cleared:
    """What became of lock files: how many were removed, and those that are not provably ours and stay."""

    removed: int
    left: tuple[Path, ...]


def clear_locks(common_dir: Path, updates: Iterable[RefUpdate], *, since: float) -> Cleared:
    """Remove the locks that a killed process of ours left.

    Args:
        common_dir: the git directory that holds the refs.
        updates: what that process was to do.
        since: when it began, as `time.time()` says it.

    Source: git's refs/files-backend.c: `<ref>.lock` for each ref, `HEAD.lock` (empty) when HEAD stands on one of them, and
    `packed-refs.lock` (empty, with `packed-refs.new` open beside it while it is in use) when one is deleted.
    """
    suspects: dict[Path, tuple[bytes, int]] = {}
    contents: dict[Path, set[bytes]] = {}
    for name, expected in _locks_of(common_dir, updates).items():
        lock = common_dir / os.fsdecode(name.encode("utf-8", "surrogateescape") + b".lock")
        seen = _look(lock)
        if seen is not None:
            suspects[lock], contents[lock] = seen, expected
    if not suspects:
        return Cleared(0, ())
    time.sleep(_SECOND_LOOK_S)
    held_open = open_files_of_git()
    packed = common_dir / f"{_PACKED}.lock"
    removed, left = 0, []
    for lock, seen in suspects.items():
        is_free = str(lock) not in held_open and not (lock == packed and str(common_dir / _PACKED_NEW) in held_open)
        if seen[0] in contents[lock] and seen[1] >= int(since) - 1 and is_free and _look(lock) == seen:
            if lock == packed:
                (common_dir / _PACKED_NEW).unlink(missing_ok=True)  # only who holds the lock may write it
            lock.unlink(missing_ok=True)
            removed += 1
        elif lock.exists():
            left.append(lock)
    return Cleared(removed, tuple(left))


def _locks_of(common_dir: Path, updates: Iterable[RefUpdate]) -> dict[str, set[bytes]]:
    """What is locked -> what the lock may hold."""
    head = _symbolic_head(common_dir)
    found: dict[str, set[bytes]] = {}
    for one in updates:
        oid = one.after.encode("ascii")
        found[one.ref] = {b"", oid, oid + b"\n"}
        if one.ref == head:
            found["HEAD"] = {b""}
        if is_zero(one.after):
            found[_PACKED] = {b""}
    return found


def _symbolic_head(common_dir: Path) -> str:
    try:
        head = (common_dir / "HEAD").read_bytes()
    except OSError:
        return ""
    return head.removeprefix(b"ref: ").strip().decode("utf-8", "surrogateescape")


def _look(lock: Path) -> tuple[bytes, int] | None:
    try:
        return lock.read_bytes(), int(lock.stat().st_mtime)
    except OSError:
        return None


def open_files_of_git() -> set[str]:
    """Files that git processes have open, as far as this user may see them."""
    import psutil

    found: set[str] = set()
    for process in psutil.process_iter(["name"]):
        if "git" in (process.info["name"] or ""):
            try:
                found.update(one.path for one in process.open_files())
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
    return found
