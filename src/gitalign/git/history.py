"""History read from git: the commit graph, changed paths, patch ids. Whole lists per process, never one process per commit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.errors import GitDied, GitError, GitTimedOut
from gitalign.git.command import text
from gitalign.git.repository import Repository

_TIMEOUT_S = 600.0
_CHANGES_AT_ONCE = 5_000
_DIFFS_AT_ONCE = 100


def load_graph(repository: Repository, tips: Iterable[Oid]) -> CommitGraph:
    """The history behind some tips, read by one git process.

    A tip whose history cannot be walked (a missing commit) does not take the others with it: it is found by halving and
    named in the graph's `unreadable`.

    Raises:
        GitTimedOut

    Source: `git help rev-list` (--parents, --topo-order, --stdin).
    """
    wanted = sorted(set(tips))
    unreadable: dict[Oid, str] = {}
    rows = _rows(repository, wanted, unreadable)
    if unreadable:
        rows = _rows(repository, [tip for tip in wanted if tip not in unreadable], {})
    return CommitGraph(rows, shallow=shallow_boundary(repository), unreadable=unreadable)


def _rows(repository: Repository, tips: Sequence[Oid], unreadable: dict[Oid, str]) -> list[tuple[Oid, tuple[Oid, ...]]]:
    if not tips:
        return []
    try:
        listed = repository.git.run(
            "rev-list",
            "--topo-order",
            "--parents",
            "--stdin",
            stdin="\n".join(tips).encode("ascii") + b"\n",
            timeout_s=_TIMEOUT_S,
        ).stdout
    except (GitTimedOut, GitDied):
        raise
    except GitError as error:
        if len(tips) == 1:
            unreadable[tips[0]] = error.message
            return []
        middle = len(tips) // 2
        _rows(repository, tips[:middle], unreadable)
        _rows(repository, tips[middle:], unreadable)
        return []
    rows: list[tuple[Oid, tuple[Oid, ...]]] = []
    for line in listed.decode("ascii").splitlines():
        oid, *parents = line.split(" ")
        rows.append((Oid(oid), tuple(map(Oid, parents))))
    return rows


def shallow_boundary(repository: Repository) -> frozenset[Oid]:
    """Commits at which a shallow clone's history is cut off (`git help shallow`)."""
    place = Path(repository.common_dir) / "shallow"
    try:
        return frozenset(Oid(line) for line in place.read_text(encoding="ascii").split())
    except FileNotFoundError:
        return frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """One changed path of a commit against its first parent. Modes are octal digits; ids are zero where a side is missing."""

    path: bytes
    old_mode: bytes
    new_mode: bytes
    old_oid: bytes
    new_oid: bytes


def raw_changes(repository: Repository, commits: Sequence[Oid]) -> Iterator[tuple[Oid, tuple[Change, ...]]]:
    """Changed paths of commits that are no merges, without reading file contents.

    Every commit asked for is answered, in order; an unchanged tree gives an empty tuple.

    Source: `git help diff-tree` (--stdin, --raw, -z, --root, --always).
    """
    for start in range(0, len(commits), _CHANGES_AT_ONCE):
        chunk = commits[start : start + _CHANGES_AT_ONCE]
        request = "\n".join(chunk).encode("ascii") + b"\n"
        words = (
            "diff-tree",
            "--stdin",
            "--always",
            "-r",
            "--raw",
            "-z",
            "--no-renames",
            "--root",
            "--no-abbrev",
            "--no-ext-diff",
            "--end-of-options",
        )
        answer = repository.git.run(*words[:-1], stdin=request, timeout_s=_TIMEOUT_S).stdout
        yield from _parse_raw(answer)


def _parse_raw(answer: bytes) -> Iterator[tuple[Oid, tuple[Change, ...]]]:
    current: Oid | None = None
    changes: list[Change] = []
    fields = iter(answer.split(b"\0"))
    for field in fields:
        if field.startswith(b":"):
            old_mode, new_mode, old_oid, new_oid, _ = field[1:].split(b" ")
            changes.append(Change(next(fields), old_mode, new_mode, old_oid, new_oid))
        elif field:
            if current is not None:
                yield current, tuple(changes)
            current, changes = Oid(field.strip().decode("ascii")), []
    if current is not None:
        yield current, tuple(changes)


def patch_ids(repository: Repository, commits: Sequence[Oid]) -> dict[Oid, str]:
    """Patch ids of commits; those without a patch (empty, unreadable) are left out.

    Source: `git help patch-id` (--stable; binary files count by their ids since 2.39).
    """
    found: dict[Oid, str] = {}
    for start in range(0, len(commits), _DIFFS_AT_ONCE):
        found.update(_patch_ids(repository, commits[start : start + _DIFFS_AT_ONCE]))
    return found


def _patch_ids(repository: Repository, commits: Sequence[Oid]) -> dict[Oid, str]:
    request = "\n".join(commits).encode("ascii") + b"\n"
    words = (
        "diff-tree",
        "--stdin",
        "-r",
        "-p",
        "--full-index",
        "--no-renames",
        "--root",
        "--no-ext-diff",
        "--no-textconv",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "-U3",
    )
    try:
        diffs = repository.git.run(*words, stdin=request, timeout_s=_TIMEOUT_S).stdout
    except (GitTimedOut, GitDied):
        raise
    except GitError:
        # A missing blob stops the whole stream: ask one by one, and let the broken ones go without an id.
        if len(commits) == 1:
            return {}
        middle = len(commits) // 2
        return {**_patch_ids(repository, commits[:middle]), **_patch_ids(repository, commits[middle:])}
    answer = text(repository.git.run("patch-id", "--stable", stdin=diffs, timeout_s=_TIMEOUT_S).stdout)
    found: dict[Oid, str] = {}
    for line in answer.splitlines():
        patch, _, commit = line.partition(" ")
        found[Oid(commit)] = patch
    return found
