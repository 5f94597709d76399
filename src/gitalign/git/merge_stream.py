"""One `git merge-tree --stdin` with many questions under way: it never waits for the next one, nor does who asks wait for each answer.

Questions are independent of one another, and answered in order. Only whole answers count: what a process that died had begun to
say is asked again, by a process of its own.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from gitalign.child import ChildEnded, ChildTimedOut, Conversation
from gitalign.core.commit import commit_id
from gitalign.core.names import Oid
from gitalign.errors import GitDied, GitError, GitTimedOut
from gitalign.git.alternates import alternates_variable, borrowed_stores
from gitalign.git.command import Git
from gitalign.git.commit_packs import remove_pack, write_commit_packs
from gitalign.git.merge import NOBODY, MergeAnswer, MergeWire, Wire, named, read_answer
from gitalign.git.objects import CommitWriter, lost

_PACKED_FROM = 8
_ALTERNATES = "GIT_ALTERNATE_OBJECT_DIRECTORIES"
_CLEAN = {
    40: re.compile(rb"\n?1\0([0-9a-f]{40})\0\0"),
    64: re.compile(rb"\n?1\0([0-9a-f]{64})\0\0"),
}


class Merge(NamedTuple):
    """A three-way merge.

    Attributes:
        base: a commit with the tree of the base.
        base_tree, ours, theirs: trees.
        commit: the commit of `theirs`, where `base` is its only parent.
    """

    base: Oid
    base_tree: Oid
    ours: Oid
    theirs: Oid
    commit: Oid | None


class MadeUpCommits:
    """Commits that only say which base two trees are to be merged on; many are written as one pack, which is removed in the end.

    Args:
        objects: an object directory that only those look into who merge.
        writer: writes a few.
        object_format: `sha1` or `sha256`.
    """

    def __init__(self, objects: Path, writer: CommitWriter, *, object_format: str) -> None:
        self._objects = objects
        self._writer = writer
        self._object_format = object_format
        self._known: set[Oid] = set()
        self._written: list[Path] = []

    def seen_by(self, git: Git) -> Git:
        """git that finds them."""
        borrowed = borrowed_stores(git.variables.get(_ALTERNATES, ""))
        value = alternates_variable([*borrowed, self._objects])
        return replace(git, variables={**git.variables, _ALTERNATES: value})

    def id_of(self, side: bytes, tree: Oid, parent: Oid, waiting: dict[Oid, bytes]) -> Oid:
        """The id of a commit; what is not written yet is added to `waiting`.

        It is the very commit that `MergeProcess` makes: git writes ids of sides into files that it merged on the way to a conflict.
        """
        data = b"tree %b\nparent %b\nauthor %b\ncommitter %b\n\n%b\n" % (
            tree.encode("ascii"),
            parent.encode("ascii"),
            NOBODY,
            NOBODY,
            side,
        )
        oid = commit_id(data, object_format=self._object_format)
        if oid not in self._known:
            waiting[oid] = data
        return oid

    def write(self, commits: Mapping[Oid, bytes]) -> None:
        """Write commits.

        Raises:
            OutOfSpace
        """
        if len(commits) < _PACKED_FROM:
            for data in commits.values():
                self._writer.write_bytes(data)
        else:
            self._written += write_commit_packs(
                self._objects / "pack", commits, object_format=self._object_format, level=0
            )
        self._known |= commits.keys()

    def remove(self) -> None:
        """Remove the packs: no one asks for their commits any more."""
        for index in self._written:
            remove_pack(index)
        self._written.clear()
        self._known.clear()


class MergeStream:
    """A merge process that is asked ahead; it starts with the first question, and again after it ended.

    Args:
        git: bound to a quarantine bench.
        wire: as `probe_wire` found it; not `SINGLE`.
        made_up: writes what `PAIRS` needs.
        timeout_s: the longest time without an answer, in seconds.

    Not thread-safe.
    """

    def __init__(self, git: Git, *, wire: MergeWire, made_up: MadeUpCommits, timeout_s: float) -> None:
        self._git = git
        self._wire = wire
        self._made_up = made_up
        self._timeout_s = timeout_s
        self._conversation: Conversation | None = None
        self._waiting: deque[tuple[Merge, str, str]] = deque()
        self._since = 0.0
        self._failure: Exception | None = None

    @property
    def waiting(self) -> int:
        """Questions without an answer."""
        return len(self._waiting)

    def ask(self, merges: Sequence[Merge]) -> None:
        """Ask for merges.

        Raises:
            OutOfSpace: nothing of them was asked.
            GitTimedOut, GitDied, GitError
        """
        asked = self._asked(merges)
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.extend(asked)
        if self._wire.wire is Wire.TREES:
            lines = [f"{merge.base_tree} -- {ours} {theirs}\n" for merge, ours, theirs in asked]
        else:
            lines = [f"{ours} {theirs}\n" for _, ours, theirs in asked]
        try:
            if self._conversation is None:
                self._conversation = self._git.converse(
                    "merge-tree", "--stdin", wrapper=self._wire.wrapper, works_long=True
                )
            self._conversation.send("".join(lines).encode("ascii"), deadline=time.monotonic() + self._timeout_s)
        except (ChildEnded, ChildTimedOut):
            pass  # what was answered before is read first; then the end is met again

    def answers(self) -> list[tuple[Merge, MergeAnswer]]:
        """The answers that have come since, in the order of the questions; it does not wait.

        Raises:
            GitTimedOut, GitDied, GitError: there will be no more answers; `abandon` says which questions have none.
        """
        if not self._waiting:
            return []
        talk = self._conversation
        if talk is None:
            raise GitDied("git merge-tree did not start", hint="run again")
        found: list[tuple[Merge, MergeAnswer]] = []
        try:
            if self._failure is not None:
                raise self._failure
            # What has come before the process ended counts, so it is read first.
            self._take_whole(talk, found)
            if not found and talk.receive(0):
                self._take_whole(talk, found)
        except (ChildTimedOut, ChildEnded, ValueError) as error:
            self._failure = error
            if not found:
                raise self._in_words(error) from error
        now = time.monotonic()
        if found:
            self._since = now
        elif now - self._since > self._timeout_s:
            raise self._too_late()
        return found

    def abandon(self) -> list[Merge]:
        """End the process; the questions that have no answer, in order."""
        unanswered = [merge for merge, _, _ in self._waiting]
        self._waiting.clear()
        self._failure = None
        self.close()
        return unanswered

    def close(self) -> None:
        """End the process."""
        if self._conversation is not None:
            self._conversation.close()
            self._conversation = None

    def _take_whole(self, talk: Conversation, found: list[tuple[Merge, MergeAnswer]]) -> None:
        """Add the whole answers that have come to `found`."""
        width = len(self._waiting[0][0].ours)
        while self._waiting:
            trees = talk.take(_CLEAN[width])
            if len(trees) > len(self._waiting):
                raise ValueError("more answers than questions")
            for tree in trees:
                found.append((self._waiting.popleft()[0], MergeAnswer(True, Oid(tree.decode("ascii")))))
            if not self._waiting or not talk.holds_more:
                break
            # Not a clean answer, or the beginning of one: the rest of it is on its way.
            answer = read_answer(talk, time.monotonic() + self._timeout_s)
            merge, ours, theirs = self._waiting.popleft()
            found.append((merge, named(answer, ours, theirs)))

    def _asked(self, merges: Sequence[Merge]) -> list[tuple[Merge, str, str]]:
        """Merges with the names of their sides in the question."""
        if self._wire.wire is Wire.TREES:
            return [(merge, merge.ours, merge.theirs) for merge in merges]
        unwritten: dict[Oid, bytes] = {}
        asked: list[tuple[Merge, str, str]] = [
            (
                merge,
                self._made_up.id_of(b"ours", merge.ours, merge.base, unwritten),
                merge.commit or self._made_up.id_of(b"theirs", merge.theirs, merge.base, unwritten),
            )
            for merge in merges
        ]
        if unwritten:
            self._made_up.write(unwritten)
        return asked

    def _in_words(self, error: Exception) -> GitError:
        if isinstance(error, ChildEnded):
            return lost(self._git.argv("merge-tree", "--stdin"), error)
        if isinstance(error, ChildTimedOut):
            return self._too_late()
        return GitDied(f"git merge-tree: unreadable answer: {error}", hint="run again")

    def _too_late(self) -> GitTimedOut:
        return GitTimedOut(
            f"git merge-tree: no answer within {self._timeout_s:g} s",
            hint="raise integration_timeout_seconds and run again",
        )
