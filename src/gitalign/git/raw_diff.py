"""What git's raw diff says of one path, and how its output is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gitalign.core.names import Oid


class Change(NamedTuple):
    """One changed path of a commit against its parent. Modes are octal digits; ids are zero where a side is missing."""

    path: bytes
    old_mode: bytes
    new_mode: bytes
    old_oid: bytes
    new_oid: bytes
    status: bytes


def parse_raw(answer: bytes) -> Iterator[tuple[Oid, tuple[Change, ...]]]:
    """The changes of each commit, as `git diff-tree --stdin --raw -z` lists them below its id (`git help diff-tree`)."""
    current: Oid | None = None
    changes: list[Change] = []
    fields = iter(answer.split(b"\0"))
    for field in fields:
        if field.startswith(b":"):
            old_mode, new_mode, old_oid, new_oid, status = field[1:].split(b" ")
            changes.append(Change(next(fields), old_mode, new_mode, old_oid, new_oid, status))
        elif field:
            if current is not None:
                yield current, tuple(changes)
            current, changes = Oid(field.strip().decode("ascii")), []
    if current is not None:
        yield current, tuple(changes)
