"""What changes from one tree to another, asked of one process, one pair or many at a time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator

from gitalign.child import ChildEnded, ChildTimedOut
from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import PathChange
from gitalign.errors import GitError, MissingObject
from gitalign.git.command import text
from gitalign.git.objects import Answering

_ABSENT = b"000000"
_CHANGES = re.compile(rb"((?::[^\0]*\0[^\0]+\0)+)")


class TreeComparer(Answering):
    """What changes from one tree to another, without reading file contents; renames are a path gone and a path added."""

    # A line that is no object name is echoed and what came before it flushed (builtin/diff-tree.c, cmd_diff_tree).
    words = ("diff-tree", "--stdin", "-r", "--raw", "-z", "--no-abbrev", "--no-renames", "--ignore-submodules=none")

    def compare(self, before: Oid, after: Oid) -> tuple[PathChange, ...]:
        """Changed paths in git's order.

        Args:
            before, after: ids of trees.

        Raises:
            MissingObject: one of them, or a tree below, cannot be read.
            GitTimedOut, GitDied, GitError
        """
        if before == after:
            return ()
        found = self.compare_many([(before, after)]).get((before, after))
        if found is None:
            raise MissingObject(
                f"trees {before} and {after} cannot be compared", hint="fetch the missing objects, then run again"
            )
        return found

    def compare_many(self, pairs: Iterable[tuple[Oid, Oid]]) -> dict[tuple[Oid, Oid], tuple[PathChange, ...]]:
        """Changed paths of many pairs of different trees, asked for in one go; without the pairs that cannot be read.

        Raises:
            GitTimedOut, GitDied, GitError
        """
        deadline = time.monotonic() + self._timeout_s
        asked = dict.fromkeys(pairs)
        found: dict[tuple[Oid, Oid], list[PathChange]] = {}
        changes: list[PathChange] = []
        try:
            talk = self._talk()
            lines = "".join(f"{before} {after}\n" for before, after in asked)
            talk.send(f"{lines}-\n".encode("ascii"), deadline=deadline)
            while True:
                if talk.peek(deadline=deadline) == b":":
                    records = talk.take(_CHANGES) or [
                        b"%b\0%b\0"
                        % (talk.read_until(b"\0", deadline=deadline), talk.read_until(b"\0", deadline=deadline))
                    ]
                    for some in records:
                        changes += _path_changes(some)
                    continue
                line = text(talk.read_until(b"\n", deadline=deadline))
                if line == "-":
                    break
                before, _, after = line.partition(" ")
                if (Oid(before), Oid(after)) not in asked:
                    self.close()
                    raise GitError(f"git diff-tree: answered {line[:80]!r}", hint="this is a bug of git-align")
                changes = found.setdefault((Oid(before), Oid(after)), [])
        except (ChildEnded, ChildTimedOut) as error:
            raise self._lost(error) from error
        return {pair: tuple(listed) for pair, listed in found.items()}


def _path_changes(records: bytes) -> Iterator[PathChange]:
    """Whole records of `--raw -z`, one after another."""
    fields = records.split(b"\0")
    for meta, path in zip(fields[::2], fields[1::2], strict=False):
        old_mode, new_mode, old_oid, new_oid, _ = meta[1:].split(b" ")
        yield PathChange(
            path,
            None if old_mode == _ABSENT else (old_mode, old_oid),
            None if new_mode == _ABSENT else (new_mode, new_oid),
        )
