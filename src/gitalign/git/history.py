"""History read from git: the commit graph, changed paths, patch ids. Whole lists per process, never one process per commit.

Not here: what is made of them. Every question survives missing objects: what cannot be read is named or left out, and
never takes its neighbours with it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from gitalign.core.clashes import PathChange
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.errors import GitDied, GitError, GitMissing, GitTimedOut, OutOfSpace
from gitalign.git.command import Git, text
from gitalign.git.objects import CommitReader
from gitalign.git.repository import Repository

_TIMEOUT_S = 600.0
_OBJECT_TIMEOUT_S = 60.0
_CHANGES_AT_ONCE = 2_000
# Whole branches differ in more paths than single commits do.
_PAIRS_AT_ONCE = 50
# The text of a diff is held in memory while its id is reckoned: a chunk ends at whichever bound it meets first.
_DIFFS_AT_ONCE = 100
_PATHS_AT_ONCE = 1_000
_READERS = 2
_KNOWS_BINARY = (2, 39)
_AN_ID = re.compile(rb"[0-9a-f]{40}|[0-9a-f]{64}")
# These say something about the world, not about one object; asking again piece by piece would only repeat them.
_NOT_ABOUT_OBJECTS = (GitTimedOut, GitDied, GitMissing, OutOfSpace)


def load_graph(repository: Repository, tips: Iterable[Oid]) -> CommitGraph:
    """The history behind some tips, read by one git process.

    A tip whose history cannot be walked (a missing or corrupt commit) does not take the others with it: it is named in
    the graph's `unreadable`.

    Raises:
        GitError: git cannot list history that is there.

    Source: `git help rev-list` (--parents, --topo-order, --stdin).
    """
    wanted = sorted(set(tips))
    shallow = shallow_boundary(repository)
    try:
        return CommitGraph(_rows(repository.git, wanted), shallow=shallow)
    except _NOT_ABOUT_OBJECTS:
        raise
    except GitError:
        unreadable = _unreadable(repository, wanted, shallow)
    # A commit-graph file may be what is broken, or may vouch for commits that are gone.
    without_cache = replace(repository.git, config=(*repository.git.config, ("core.commitGraph", "false")))
    rows = _rows(without_cache, [tip for tip in wanted if tip not in unreadable])
    return CommitGraph(rows, shallow=shallow, unreadable=unreadable)


def _rows(git: Git, tips: Sequence[str]) -> list[tuple[Oid, tuple[Oid, ...]]]:
    if not tips:
        return []
    words = ("rev-list", "--topo-order", "--parents", "--stdin")
    listed = git.run(*words, stdin="\n".join(tips).encode("ascii") + b"\n", timeout_s=_TIMEOUT_S).stdout
    rows: list[tuple[Oid, tuple[Oid, ...]]] = []
    for line in listed.decode("ascii").splitlines():
        oid, *parents = line.split(" ")
        rows.append((Oid(oid), tuple(map(Oid, parents))))
    return rows


def commits_beyond(git: Git, tips: Iterable[Oid], onto: Oid) -> list[tuple[Oid, tuple[Oid, ...]]]:
    """(id, parents) of what the tips have and `onto` has not, children before parents.

    Raises:
        GitError

    Source: `git help rev-list` (--stdin takes `^commit`).
    """
    return _rows(git, [*sorted(set(tips)), f"^{onto}"])


_AUTHORSHIP = "%H%x00%aE%x00%at%x00%ct%x00%aN%x00%s"


class Authorship(NamedTuple):
    """Who wrote a commit (mailmap applied), when, and what about; times in seconds since the epoch."""

    author: str
    """The mail address."""
    authored_at: int
    committed_at: int
    name: str = ""
    subject: str = ""


def authorship(git: Git, commits: Iterable[Oid]) -> dict[Oid, Authorship]:
    """Who wrote which commit and when, in one process. The mailmap is HEAD's, with a work tree or without.

    Raises:
        GitError

    Source: `git help rev-list` (--no-walk, --no-commit-header; PRETTY FORMATS); `mailmap.blob` in `git help config`.
    """
    wanted = list(dict.fromkeys(commits))
    if not wanted:
        return {}
    git = replace(git, config=(*git.config, ("mailmap.blob", "HEAD:.mailmap")))
    words = ("rev-list", "--no-walk=unsorted", "--no-commit-header", f"--format={_AUTHORSHIP}", "--stdin")
    listed = git.run(*words, stdin="\n".join(wanted).encode("ascii") + b"\n", timeout_s=_TIMEOUT_S).stdout
    found: dict[Oid, Authorship] = {}
    for line in listed.split(b"\n"):
        if line:
            oid, author, authored, committed, name, subject = line.split(b"\0", 5)
            found[Oid(oid.decode("ascii"))] = Authorship(
                text(author), int(authored or 0), int(committed or 0), text(name), text(subject)
            )
    return found


def _unreadable(repository: Repository, tips: Sequence[Oid], shallow: frozenset[Oid]) -> dict[Oid, str]:
    """Tips above a commit that cannot be read, with the words for it. Reads every commit once, in one process."""
    children: dict[Oid, list[Oid]] = {tip: [] for tip in tips}
    broken: dict[Oid, str] = {}
    reader = CommitReader(repository.git, timeout_s=_OBJECT_TIMEOUT_S)
    waiting = list(tips)
    try:
        while waiting:
            oid = waiting.pop()
            try:
                (commit,) = reader.read([oid])
                parents = () if oid in shallow else commit.parents
            except _NOT_ABOUT_OBJECTS:
                raise
            except (GitError, ValueError) as error:
                broken[oid] = f"commit {oid} cannot be read: {error}"
                continue
            for parent in parents:
                if parent not in children:
                    children[parent] = []
                    waiting.append(parent)
                children[parent].append(oid)
    finally:
        reader.close()
    words = dict(broken)
    spreading = deque(broken)
    while spreading:
        oid = spreading.popleft()
        for child in children[oid]:
            if child not in words:
                words[child] = words[oid]
                spreading.append(child)
    return {tip: words[tip] for tip in tips if tip in words}


def shallow_boundary(repository: Repository) -> frozenset[Oid]:
    """Commits at which a shallow clone's history is cut off (`git help shallow`)."""
    place = Path(repository.common_dir) / "shallow"
    try:
        return frozenset(Oid(line) for line in place.read_text(encoding="ascii").split())
    except FileNotFoundError:
        return frozenset()


class Change(NamedTuple):
    """One changed path of a commit against its parent. Modes are octal digits; ids are zero where a side is missing."""

    path: bytes
    old_mode: bytes
    new_mode: bytes
    old_oid: bytes
    new_oid: bytes
    status: bytes


def raw_changes(repository: Repository, commits: Sequence[Oid]) -> Iterator[tuple[Oid, tuple[Change, ...]]]:
    """Changed paths of commits, without reading file contents.

    Answers come in the order asked; an unchanged tree gives an empty tuple, as does a merge. A commit whose trees cannot
    be read is left out.

    Raises:
        GitTimedOut, GitMissing, OutOfSpace

    Source: `git help diff-tree` (--stdin, --raw, -z, --root, --always).
    """
    for start in range(0, len(commits), _CHANGES_AT_ONCE):
        yield from _raw_changes(repository.git, commits[start : start + _CHANGES_AT_ONCE])


def changes_between(git: Git, pairs: Sequence[tuple[Oid, Oid]]) -> Iterator[tuple[Oid, tuple[Change, ...]]]:
    """Changed paths from one commit to another, without reading file contents.

    Args:
        git: sees both.
        pairs: (before, after); answers carry `after`. A pair whose trees cannot be read is left out.

    Raises:
        GitTimedOut, GitMissing, OutOfSpace

    Source: `git help diff-tree` (--stdin: further commits on a line stand in for the parents of the first).
    """
    lines = [f"{after} {before}" for before, after in pairs]
    for start in range(0, len(lines), _CHANGES_AT_ONCE):
        yield from _raw_changes(git, lines[start : start + _CHANGES_AT_ONCE])


_ABSENT = b"000000"


def path_changes(
    git: Git, pairs: Iterable[tuple[Oid, Oid]]
) -> Iterator[tuple[tuple[Oid, Oid], tuple[PathChange, ...]]]:
    """What changes from one commit to another, pair by pair in no order to rely on; a few pairs are held at a time.

    Args:
        git: sees both.
        pairs: (before, after). One whose trees cannot be read is left out.

    Raises:
        GitTimedOut, GitMissing, OutOfSpace
    """
    for asked in _each_once(pairs):
        for start in range(0, len(asked), _PAIRS_AT_ONCE):
            chunk = asked[start : start + _PAIRS_AT_ONCE]
            before = {after: one for one, after in chunk}
            for after, changes in changes_between(git, chunk):
                yield (before[after], after), tuple(map(_path_change, changes))


def _each_once(pairs: Iterable[tuple[Oid, Oid]]) -> Iterator[list[tuple[Oid, Oid]]]:
    """The pairs in as few lists as need be, each `after` once in a list: git answers with `after` alone."""
    waiting = list(dict.fromkeys(pairs))
    while waiting:
        asked = {after: before for before, after in reversed(waiting)}
        yield [(before, after) for after, before in asked.items()]
        waiting = [pair for pair in waiting if asked[pair[1]] != pair[0]]


def _path_change(change: Change) -> PathChange:
    return PathChange(
        change.path,
        None if change.old_mode == _ABSENT else (change.old_mode, change.old_oid),
        None if change.new_mode == _ABSENT else (change.new_mode, change.new_oid),
    )


def _raw_changes(git: Git, commits: Sequence[str]) -> Iterator[tuple[Oid, tuple[Change, ...]]]:
    words = ("diff-tree", "--stdin", "--always", "-r", "--raw", "-z", "--root", "--no-abbrev", *_PLAIN_DIFF)
    try:
        answer = git.run(*words, stdin="\n".join(commits).encode("ascii") + b"\n", timeout_s=_TIMEOUT_S).stdout
    except _NOT_ABOUT_OBJECTS:
        raise
    except GitError:
        if len(commits) > 1:
            middle = len(commits) // 2
            yield from _raw_changes(git, commits[:middle])
            yield from _raw_changes(git, commits[middle:])
        return
    yield from _parse_raw(answer)


def _parse_raw(answer: bytes) -> Iterator[tuple[Oid, tuple[Change, ...]]]:
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


# Whatever the operator configured for reading diffs must not change what counts as the same patch.
_PLAIN_DIFF = (
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules=none",
    "--no-relative",
    "--no-color",
)
# What git compares by itself (diff.c, diff_get_patch_id) knows no indent heuristic and no other algorithm.
_AS_PATCH_IDS_DO = (
    "--full-index",
    "--no-indent-heuristic",
    "--diff-algorithm=default",
    "--inter-hunk-context=0",
    "--submodule=short",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "-U3",
)


def patch_ids(
    repository: Repository, commits: Sequence[Oid], *, paths: Mapping[Oid, int] | None = None
) -> dict[Oid, str]:
    """Patch ids of commits; those without a patch (merges, empty or unreadable commits) are left out.

    Args:
        repository: the repository.
        commits: whose patches.
        paths: how many paths a commit changes; bounds the text held in memory. One by default.

    Raises:
        GitTimedOut, GitMissing, OutOfSpace

    Source: `git help patch-id` (--stable). Before 2.39 it knew nothing of binary files, and gave any two changes of one
    the same id (release notes of 2.39); there, commits that change one are left out.
    """
    knows_binary = repository.git_version >= _KNOWS_BINARY
    git = replace(repository.git, config=(*repository.git.config, ("diff.suppressBlankEmpty", "false")))
    found: dict[Oid, str] = {}
    with ThreadPoolExecutor(_READERS, thread_name_prefix="patch-ids") as pool:
        for answered in pool.map(
            lambda chunk: _patch_ids(git, chunk, knows_binary=knows_binary), _chunks(commits, paths or {})
        ):
            found.update(answered)
    return found


def _chunks(commits: Sequence[Oid], paths: Mapping[Oid, int]) -> Iterator[list[Oid]]:
    chunk: list[Oid] = []
    held = 0
    for oid in commits:
        size = paths.get(oid, 1)
        if chunk and (len(chunk) >= _DIFFS_AT_ONCE or held + size > _PATHS_AT_ONCE):
            yield chunk
            chunk, held = [], 0
        chunk.append(oid)
        held += size
    if chunk:
        yield chunk


def _patch_ids(git: Git, commits: Sequence[Oid], *, knows_binary: bool) -> dict[Oid, str]:
    words = ("diff-tree", "--stdin", "-r", "-p", "--root", *_PLAIN_DIFF, *_AS_PATCH_IDS_DO)
    try:
        diffs = git.run(*words, stdin="\n".join(commits).encode("ascii") + b"\n", timeout_s=_TIMEOUT_S).stdout
    except _NOT_ABOUT_OBJECTS:
        raise
    except GitError:
        # A missing blob stops the whole stream: halve until it is alone, and let it go without an id.
        if len(commits) == 1:
            return {}
        middle = len(commits) // 2
        halves = (commits[:middle], commits[middle:])
        return {
            oid: patch for half in halves for oid, patch in _patch_ids(git, half, knows_binary=knows_binary).items()
        }
    answer = text(git.run("patch-id", "--stable", stdin=diffs, timeout_s=_TIMEOUT_S).stdout)
    found: dict[Oid, str] = {}
    for line in answer.splitlines():
        patch, _, commit = line.partition(" ")
        found[Oid(commit)] = patch
    if not knows_binary:
        for oid in _with_binary(diffs):
            found.pop(oid, None)
    return found


def _with_binary(diffs: bytes) -> set[Oid]:
    """Commits in whose diff git names a file as binary; lines of content begin with another sign."""
    current = b""
    found: set[Oid] = set()
    for line in diffs.split(b"\n"):
        if _AN_ID.fullmatch(line):
            current = line
        elif line.startswith(b"Binary files "):
            found.add(Oid(current.decode("ascii")))
    return found


def line_counts(
    git: Git, pairs: Iterable[tuple[Oid, Oid]]
) -> dict[tuple[Oid, Oid], dict[bytes, tuple[int, int] | None]]:
    """Lines added and taken from one commit to another, by path; None for binary files. A pair that cannot be read is left out.

    Raises:
        GitTimedOut, GitMissing, OutOfSpace

    Source: `git help diff-tree` (--stdin, --numstat, -z).
    """
    found: dict[tuple[Oid, Oid], dict[bytes, tuple[int, int] | None]] = {}
    for asked in _each_once(pairs):
        for start in range(0, len(asked), _PAIRS_AT_ONCE):
            chunk = asked[start : start + _PAIRS_AT_ONCE]
            before = {after: one for one, after in chunk}
            for after, counts in _numstat(git, chunk):
                found[before[after], after] = counts
    return found


def _numstat(git: Git, pairs: Sequence[tuple[Oid, Oid]]) -> Iterator[tuple[Oid, dict[bytes, tuple[int, int] | None]]]:
    words = ("diff-tree", "--stdin", "--always", "-r", "--numstat", "-z", "--no-abbrev", *_PLAIN_DIFF)
    asked = "".join(f"{after} {before}\n" for before, after in pairs).encode("ascii")
    try:
        answer = git.run(*words, stdin=asked, timeout_s=_TIMEOUT_S).stdout
    except _NOT_ABOUT_OBJECTS:
        raise
    except GitError:
        if len(pairs) > 1:
            middle = len(pairs) // 2
            yield from _numstat(git, pairs[:middle])
            yield from _numstat(git, pairs[middle:])
        return
    current: Oid | None = None
    counts: dict[bytes, tuple[int, int] | None] = {}
    for field in answer.split(b"\0"):
        added, tab, rest = field.partition(b"\t")
        if tab:
            deleted, _, path = rest.partition(b"\t")
            counts[path] = (int(added), int(deleted)) if added.isdigit() and deleted.isdigit() else None
        elif field:
            if current is not None:
                yield current, counts
            current, counts = Oid(field.strip().decode("ascii")), {}
    if current is not None:
        yield current, counts
