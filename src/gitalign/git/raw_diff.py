"""What git's raw diff says of one path, and how its output is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import PathChange

_ABSENT = b"000000"


class Change(NamedTuple):
    """One changed path of a commit against its parent. Modes are octal digits; ids are zero where a side is missing."""

    path: bytes
    old_mode: bytes
    new_mode: bytes
    old_oid: bytes
    new_oid: bytes
    status: bytes


def path_change(change: Change) -> PathChange:
    """The path with what it was and is."""
    return PathChange(
        change.path,
        None if change.old_mode == _ABSENT else (change.old_mode, change.old_oid),
        None if change.new_mode == _ABSENT else (change.new_mode, change.new_oid),
    )


def parse_raw(answer: bytes) -> Iterator[tuple[Oid, tuple[Change, ...]]]:
    """The changes of each commit, as `git diff-tree --stdin --raw -z` lists them below its id (`git help diff-tree`)."""
    for oid, listed in split_raw(answer):
        changes: list[Change] = []
        for at in range(0, len(listed), 2):
            old_mode, new_mode, old_oid, new_oid, status = listed[at][1:].split(b" ")
            changes.append(Change(listed[at + 1], old_mode, new_mode, old_oid, new_oid, status))
        yield oid, tuple(changes)


def split_raw(answer: bytes) -> Iterator[tuple[Oid, tuple[bytes, ...]]]:
    """The same not taken apart: of each change, modes and ids in one piece, then the path."""
    fields = answer.split(b"\0")
    at = 0
    while at < len(fields):
        head = fields[at]
        at = start = at + 1
        if not head:
            continue
        while at < len(fields) and fields[at].startswith(b":"):
            at += 2
        yield Oid(head.strip().decode("ascii")), tuple(fields[start:at])


def digest_of(listed: Sequence[bytes]) -> bytes:
    """A digest of the changes of a commit as git lists them; two commits that have the same one change the same."""
    return blake2b(b"\0".join(listed), digest_size=32).digest()


def listed_again(changes: Sequence[Change]) -> list[bytes]:
    """Changes as git listed them: of each, modes and ids in one piece, then the path."""
    return [
        piece
        for path, old_mode, new_mode, old_oid, new_oid, status in changes
        for piece in (b":%b %b %b %b %b" % (old_mode, new_mode, old_oid, new_oid, status), path)
    ]
