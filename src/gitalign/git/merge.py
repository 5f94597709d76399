"""Merges in memory: git's own `ort` through `git merge-tree`, many merges per process.

What differs between git versions stays in this file. The wire is probed once per run, never assumed:

* `TREES`: `<base> -- <ours> <theirs>` as trees on standard input (git 2.45 and newer);
* `PAIRS`: two commits on standard input (2.39). The wanted base is made theirs and ours by synthetic commits in the
  quarantine: ours' = commit(tree of ours, parent base), so that the only merge base git can find is `base`;
* `SINGLE`: one `merge-tree --write-tree` process per merge (2.38, or no way to make git flush).

Before 2.49 `merge-tree --stdin` does not flush between answers; `stdbuf -o0` (coreutils) makes it.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from gitalign.child import ChildEnded, ChildTimedOut, Conversation
from gitalign.core.commit import RawCommit, new_commit
from gitalign.core.conflict import Conflict, StageEntry
from gitalign.core.names import Oid
from gitalign.errors import GitDied, GitError, GitTimedOut
from gitalign.git.command import Git, failure, text
from gitalign.git.objects import CommitWriter, lost
from gitalign.git.program import git_version, kept_of_program

# Later than any commit: looking for the merge base, git starts with the latest one, and would walk down the whole history first.
NOBODY = b"git-align <git-align@localhost> 4102444800 +0000"
MERGES_PER_PROCESS = 20_000  # merge-tree keeps every object it parsed; a fresh process bounds its memory
_PROBE_S = 5.0
_FLUSHES_SINCE = (2, 49)
_MERGES_TREES_SINCE = (2, 45)
OURS_MARK, THEIRS_MARK = "~\0ours", "~\0theirs"  # no path holds a NUL


class Wire(StrEnum):
    """How merges are put to git."""

    TREES = "trees"
    PAIRS = "pairs"
    SINGLE = "single"


@dataclass(frozen=True, slots=True)
class MergeWire:
    """The wire that works with this git, and the words in front of the command."""

    wire: Wire
    wrapper: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MergeAnswer:
    """What git said of one merge.

    Attributes:
        is_clean: git's verdict; the list of entries may be empty for an unclean merge.
        tree: the merged tree; for an unclean merge one with conflict markers, of no use as a result.
        entries: conflicted paths by stage.
        conflicts: messages with git's stable types, those that tell of conflicts only.
    """

    is_clean: bool
    tree: Oid
    entries: tuple[StageEntry, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """A commit and its tree; `commit` None means a tree that no commit has."""

    tree: Oid
    commit: Oid | None = None
    parents: tuple[Oid, ...] = ()


class MergeProcess:
    """A conversation with `git merge-tree`, started when first needed and again when it ended.

    Args:
        git: bound to a quarantine bench.
        wire: as `probe_wire` found it.
        writer: writes the synthetic commits that `PAIRS` and `SINGLE` need.
        timeout_s: deadline of one merge in seconds.

    Not thread-safe: belongs to one worker.
    """

    def __init__(self, git: Git, *, wire: MergeWire, writer: CommitWriter, timeout_s: float) -> None:
        self._git = git
        self._wire = wire
        self._writer = writer
        self._timeout_s = timeout_s
        self._conversation: Conversation | None = None
        self._asked = 0

    def merge(self, *, base: Side | None, ours: Side, theirs: Side) -> MergeAnswer:
        """Three-way merge against a given base.

        Args:
            base: None stands for an empty tree (a root commit is picked).
            ours: stage 2.
            theirs: stage 3.

        Raises:
            MissingObject, GitTimedOut, GitDied, GitError, OutOfSpace
        """
        if self._wire.wire is Wire.TREES:
            base_tree = base.tree if base is not None else empty_tree(ours.tree)
            return named(self._ask(f"{base_tree} -- {ours.tree} {theirs.tree}\n"), ours.tree, theirs.tree)
        if base is None or base.commit is None:
            tree = empty_tree(ours.tree) if base is None else base.tree
            (base_commit,) = self._writer.write([_synthetic(tree, ())])
            return self._pair(base_commit, ours, theirs)
        return self._pair(base.commit, ours, theirs)

    def merge_histories(self, ours: Oid, theirs: Oid) -> MergeAnswer:
        """Merge two commits on the bases git finds in their history (several bases are merged first, as `git merge` does)."""
        return self._ask_pair(ours, theirs)

    def close(self) -> None:
        """End the process."""
        if self._conversation is not None:
            self._conversation.close()
            self._conversation = None

    def _pair(self, base: Oid, ours: Side, theirs: Side) -> MergeAnswer:
        needed: list[RawCommit] = []
        needed.append(_synthetic(ours.tree, (base,)))
        direct = theirs.commit is not None and theirs.parents == (base,)
        if not direct:
            needed.append(_synthetic(theirs.tree, (base,), message=b"theirs\n"))
        made = self._writer.write(needed)
        return self._ask_pair(made[0], theirs.commit if direct and theirs.commit is not None else made[1])

    def _ask_pair(self, ours: Oid, theirs: Oid) -> MergeAnswer:
        if self._wire.wire is Wire.SINGLE:
            done = self._git.run(
                "merge-tree", "--write-tree", "-z", "--messages", ours, theirs, accept=(0, 1), timeout_s=self._timeout_s
            )
            if done.returncode == 1 and not done.stdout:
                raise failure(done)
            if not done.stdout.endswith(b"\0"):
                raise GitDied("git merge-tree: the answer ends within a field", hint="run again")
            return named(_parse_single(done.stdout, is_clean=done.returncode == 0), ours, theirs)
        return named(self._ask(f"{ours} {theirs}\n"), ours, theirs)

    def _ask(self, request: str) -> MergeAnswer:
        deadline = time.monotonic() + self._timeout_s
        try:
            if self._conversation is not None and self._asked >= MERGES_PER_PROCESS:
                self.close()
            if self._conversation is None:
                self._conversation = self._git.converse(
                    "merge-tree", "--stdin", wrapper=self._wire.wrapper, works_long=True
                )
                self._asked = 0
            self._asked += 1
            self._conversation.send(request.encode("ascii"), deadline=deadline)
            return read_answer(self._conversation, deadline)
        except ChildTimedOut as error:
            self.close()
            raise GitTimedOut(
                f"git merge-tree: no answer within {self._timeout_s:g} s",
                hint="raise integration_timeout_seconds and run again",
            ) from error
        except ChildEnded as error:
            self.close()
            raise lost(self._git.argv("merge-tree", "--stdin"), error) from error
        except ValueError as error:
            self.close()
            raise GitDied(f"git merge-tree: unreadable answer: {error}") from error


def empty_tree(like: Oid) -> Oid:
    """Id of the empty tree in the hash of `like` (known to git without being stored)."""
    if len(like) == 40:
        return Oid("4b825dc642cb6eb9a060e54bf8d69288fbee4904")
    return Oid("6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321")


def probe_wire(git: Git, writer: CommitWriter, *, object_format: str) -> MergeWire:
    """Find the fastest wire that this git really answers on.

    Versions only choose what is tried first; a wire is taken when a merge came back over it. One that works is kept for
    the life of this process, as long as the program's file is the same.
    """
    stdbuf = shutil.which("stdbuf")
    return kept_of_program(
        git.executable,
        ("wire", stdbuf, object_format),
        lambda: _probe(git, writer, stdbuf, object_format),
        path=_path(git),
        is_sure=lambda found: found.wire is not Wire.SINGLE,
    )


def _path(git: Git) -> str | None:
    return None if git.inherited is None else git.inherited.get("PATH")


def _probe(git: Git, writer: CommitWriter, stdbuf: str | None, object_format: str) -> MergeWire:
    like = Oid("0" * (40 if object_format == "sha1" else 64))
    empty = empty_tree(like)
    (root,) = writer.write([_synthetic(empty, ())])
    wrappers: list[tuple[str, ...]] = [()]
    if stdbuf:
        wrappers.append((stdbuf, "-o0"))
    version = git_version(git.executable, path=_path(git))
    if version < _FLUSHES_SINCE:
        wrappers.reverse()
    requests = [(Wire.TREES, f"{empty} -- {empty} {empty}\n"), (Wire.PAIRS, f"{root} {root}\n")]
    if version < _MERGES_TREES_SINCE:
        requests.reverse()
    for wrapper in wrappers:
        for wire, request in requests:
            if _answers(git, wrapper, request, empty):
                return MergeWire(wire, wrapper)
    return MergeWire(Wire.SINGLE)


def _answers(git: Git, wrapper: tuple[str, ...], request: str, tree: Oid) -> bool:
    deadline = time.monotonic() + _PROBE_S
    conversation = git.converse("merge-tree", "--stdin", wrapper=wrapper)
    try:
        conversation.send(request.encode("ascii"), deadline=deadline)
        answer = read_answer(conversation, deadline)
        return answer.is_clean and answer.tree == tree
    except (ChildEnded, ChildTimedOut, ValueError, GitError):
        return False
    finally:
        conversation.close()


def _synthetic(tree: Oid, parents: tuple[Oid, ...], *, message: bytes = b"ours\n") -> RawCommit:
    return new_commit(tree=tree, parents=parents, author=NOBODY, committer=NOBODY, message=message)


def read_answer(talk: Conversation, deadline: float) -> MergeAnswer:
    """One answer of `merge-tree --stdin` (`git help merge-tree`, OUTPUT; always NUL-separated)."""

    def field() -> bytes:
        return talk.read_until(b"\0", deadline=deadline)

    verdict = field().lstrip(b"\n")
    if verdict not in (b"0", b"1"):
        raise ValueError(f"verdict {verdict[:80]!r}")
    tree = Oid(field().decode("ascii"))
    if verdict == b"1":
        while left := field():  # messages of a clean merge, should git send any
            for _ in range(int(left) + 2):
                field()
        return MergeAnswer(True, tree)
    entries: list[StageEntry] = []
    while line := field():
        entries.append(_entry(line))
    conflicts: list[Conflict] = []
    # Advice on submodules is printed as plain text behind the last record (merge-ort.c, seen in 2.39); it ends the answer.
    while (count := field()).isdigit():
        fields = [field() for _ in range(int(count) + 2)]
        _note(conflicts, fields)
    return MergeAnswer(False, tree, tuple(entries), tuple(conflicts))


def _parse_single(data: bytes, *, is_clean: bool) -> MergeAnswer:
    """Output of one `merge-tree --write-tree -z`."""
    fields = data.split(b"\0")
    tree = Oid(fields[0].decode("ascii").strip())
    if is_clean:
        return MergeAnswer(True, tree)
    at = 1
    entries: list[StageEntry] = []
    while at < len(fields) and fields[at]:
        entries.append(_entry(fields[at]))
        at += 1
    at += 1
    conflicts: list[Conflict] = []
    while at < len(fields) and fields[at].isdigit():
        count = int(fields[at])
        _note(conflicts, fields[at + 1 : at + 3 + count])
        at += 3 + count
    return MergeAnswer(False, tree, tuple(entries), tuple(conflicts))


def named(answer: MergeAnswer, ours: str, theirs: str) -> MergeAnswer:
    """The answer with marks where git put the ids of the two sides, in its words and in paths it had to invent.

    The ids are those of passing trees and commits: they say nothing to anybody, and differ from one time to the next.
    """
    if answer.is_clean:
        return answer
    return _renamed(
        answer, {ours: OURS_MARK[1:], theirs: THEIRS_MARK[1:]}, {f"~{ours}": OURS_MARK, f"~{theirs}": THEIRS_MARK}
    )


def names_sides(answer: MergeAnswer) -> bool:
    """True when a path or a message holds the name of a side."""
    words = [one.message for one in answer.conflicts] + [path for one in answer.conflicts for path in one.paths]
    words += [entry.path for entry in answer.entries]
    return any(mark[1:] in word for word in words for mark in (OURS_MARK, THEIRS_MARK))


def with_side_names(answer: MergeAnswer, *, ours: str, theirs: str) -> MergeAnswer:
    """The answer with names people know, as git writes them: `file~HEAD`, `file~topic_1` for paths, plain in its words."""
    in_paths = {OURS_MARK: "~" + ours.replace("/", "_"), THEIRS_MARK: "~" + theirs.replace("/", "_")}
    return _renamed(answer, {OURS_MARK[1:]: ours, THEIRS_MARK[1:]: theirs}, in_paths)


def _renamed(answer: MergeAnswer, in_words: Mapping[str, str], in_paths: Mapping[str, str]) -> MergeAnswer:
    def path(text: str) -> str:
        for old, new in in_paths.items():
            text = text.replace(old, new)
        return text

    def words(text: str) -> str:
        text = path(text)
        for old, new in in_words.items():
            text = text.replace(old, new)
        return text

    def entry_of(entry: StageEntry) -> StageEntry:
        name = path(entry.path)
        return entry if name == entry.path else replace(entry, path=name)

    def conflict_of(one: Conflict) -> Conflict:
        paths, message = tuple(map(path, one.paths)), words(one.message)
        return one if (paths, message) == (one.paths, one.message) else replace(one, paths=paths, message=message)

    return replace(
        answer, entries=tuple(map(entry_of, answer.entries)), conflicts=tuple(map(conflict_of, answer.conflicts))
    )


def _entry(line: bytes) -> StageEntry:
    meta, _, path = line.partition(b"\t")
    mode, oid, stage = meta.split(b" ")
    return StageEntry(stage=int(stage), mode=mode.decode("ascii"), oid=Oid(oid.decode("ascii")), path=text(path))


def _note(conflicts: list[Conflict], fields: Sequence[bytes]) -> None:
    *paths, kind, message = fields
    if kind.startswith(b"CONFLICT"):
        conflicts.append(
            Conflict(kind=text(kind), paths=tuple(text(path) for path in paths), message=text(message).strip())
        )
