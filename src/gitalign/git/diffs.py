"""What commits change, read from git: changed paths, patch ids, lines. Whole lists per process, never one process per commit.

Not here: what is made of them. Comparisons that read an object which is not in the repository are left out, and named where the
caller asks for it; every other failure of git is an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import PathChange
from gitalign.errors import GitError
from gitalign.git.asking import answered, cut_short
from gitalign.git.command import Git, text
from gitalign.git.diff_chunks import DiffChunks
from gitalign.git.missing import Compared, missing_in
from gitalign.git.raw_diff import Change, parse_raw, path_change, split_raw
from gitalign.git.repository import Repository

_TIMEOUT_S = 600.0
_CHANGES_AT_ONCE = 2_000
# Whole branches differ in more paths than single commits do.
_FIRST_CHANGES, _PAIRS_AT_ONCE = 100, 50
_PATHS_AT_ONCE = 2_000
_READERS = 2
_KNOWS_BINARY = (2, 39)
# A line that is no object name is echoed (builtin/diff-tree.c, cmd_diff_tree): the answer is whole when it ends with it.
_LAST_LINE = b"end of questions\n"
_A_HEADER = re.compile(rb"^(?:[0-9a-f]{64}|[0-9a-f]{40})$", re.MULTILINE)

Pair = tuple[Oid, Oid]
"""Two commits: before and after."""
LineCounts = dict[bytes, tuple[int, int] | None]
"""Lines added and taken by path; None for binary files."""


def raw_changes(
    repository: Repository,
    commits: Sequence[Oid],
    *,
    against: Mapping[Oid, Oid] | None = None,
    missing: dict[Oid, Oid] | None = None,
) -> Iterator[tuple[Oid, tuple[Change, ...]]]:
    """Changed paths of commits, without reading file contents.

    Answers come in the order asked; an unchanged tree gives an empty tuple, as does a merge.

    Args:
        repository: the repository.
        commits: whose changes.
        against: commits to compare with, of those that are not compared with their parents.
        missing: filled with the commits that are left out, each with a commit or folder it stands on that is not there.

    Raises:
        GitError: anything but a missing object.

    Source: `git help diff-tree` (--stdin, --raw, -z, --root, --always).
    """
    asked = [Compared(oid, (against or {}).get(oid)) for oid in commits]
    for answers, lost in _bounded(repository.git, asked, parse_raw, paths=len):
        yield from answers
        if missing is not None:
            missing.update((one.after, oid) for one, oid in lost.items())


def listed_changes(repository: Repository, commits: Sequence[Oid]) -> Iterator[tuple[Oid, tuple[bytes, ...]]]:
    """The same as git lists it, to be compared: modes and ids of a change in one piece, then its path. What is missing is left out.

    Raises:
        GitError: anything but a missing object.
    """
    asked = [Compared(oid, None) for oid in commits]
    for answers, _ in _bounded(repository.git, asked, split_raw, paths=lambda listed: len(listed) // 2):
        yield from answers


def _bounded(
    git: Git,
    asked: Sequence[Compared],
    read: Callable[[bytes], Iterator[tuple[Oid, T]]],
    *,
    paths: Callable[[T], int],
    first: int = _FIRST_CHANGES,
) -> Iterator[tuple[list[tuple[Oid, T]], dict[Compared, Oid]]]:
    """Answers, and what is lost, a chunk at a time: as many commits as change about so many `paths`, as the last ones did."""
    waiting, most = asked, first
    while waiting:
        chunk, waiting = waiting[:most], waiting[most:]
        lost: dict[Compared, Oid] = {}
        answers = _listed(git, chunk, lost, read)
        most = _next_chunk(sum(paths(answer) for _, answer in answers), len(chunk))
        yield answers, lost


def path_changes(
    git: Git, pairs: Iterable[Pair], *, missing: dict[Pair, Oid] | None = None
) -> Iterator[tuple[Pair, tuple[PathChange, ...]]]:
    """What changes from one commit to another, pair by pair in no order to rely on; a few pairs are held at a time.

    Args:
        git: sees both.
        pairs: (before, after).
        missing: filled with the pairs that are left out, each with a commit or folder it stands on that is not there.

    Raises:
        GitError: anything but a missing object.

    Source: `git help diff-tree` (--stdin: further commits on a line stand in for the parents of the first).
    """
    for chunk in _chunks_of_pairs(pairs):
        before = {after: one for one, after in chunk}
        asked = [Compared(after, one) for one, after in chunk]
        for answers, lost in _bounded(git, asked, parse_raw, paths=len, first=_PAIRS_AT_ONCE):
            for after, changes in answers:
                yield (before[after], after), tuple(map(path_change, changes))
            _name_pairs(missing, lost)


def _next_chunk(paths: int, asked: int) -> int:
    """As many at a time as change about so many paths together."""
    return min(max(1, _PATHS_AT_ONCE * asked // (paths + asked)), _CHANGES_AT_ONCE)


def _chunks_of_pairs(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    """The pairs in as few lists as need be, each `after` once in a list: git answers with `after` alone."""
    waiting = list(dict.fromkeys(pairs))
    while waiting:
        first = {after: before for before, after in reversed(waiting)}
        yield [(before, after) for after, before in first.items()]
        waiting = [pair for pair in waiting if first[pair[1]] != pair[0]]


def _name_pairs(missing: dict[Pair, Oid] | None, lost: Mapping[Compared, Oid]) -> None:
    if missing is not None:
        missing.update(((one.before, one.after), oid) for one, oid in lost.items() if one.before is not None)


T = TypeVar("T")


def _listed(
    git: Git,
    asked: Sequence[Compared],
    lost: dict[Compared, Oid],
    read: Callable[[bytes], Iterator[tuple[Oid, T]]],
) -> list[tuple[Oid, T]]:
    words = ("diff-tree", "--stdin", "--always", "-r", "--raw", "-z", "--root", "--no-abbrev", *_PLAIN_DIFF)

    def ask(questions: Sequence[Compared]) -> list[tuple[Oid, T]]:
        found = list(read(_whole(git, words, questions)))
        _require_all([oid for oid, _ in found], questions)
        return found

    return _answered(git, asked, ask, lost, with_files=False) or []


def _answered(
    git: Git,
    asked: Sequence[Compared],
    ask: Callable[[Sequence[Compared]], T],
    lost: dict[Compared, Oid] | None,
    *,
    with_files: bool,
) -> T | None:
    def missing_of(questions: Sequence[Compared]) -> Mapping[Compared, Oid]:
        return missing_in(git, {one: one for one in questions}, with_files=with_files)

    return answered(asked, ask, missing_of, lost)


def _whole(git: Git, words: Sequence[str], asked: Sequence[Compared]) -> bytes:
    """What `diff-tree --stdin` answers, up to the line that shows that it got to the end."""
    lines = (f"{one.after} {one.before}\n" if one.before else f"{one.after}\n" for one in asked)
    answer = git.run(*words, stdin="".join(lines).encode("ascii") + _LAST_LINE, timeout_s=_TIMEOUT_S).stdout
    if not answer.endswith(_LAST_LINE):
        raise GitError("git diff-tree: the answer ends before the last question", hint="run again")
    return answer[: -len(_LAST_LINE)]


def _require_all(told: Sequence[Oid], asked: Sequence[Compared]) -> None:
    """git passes over a commit that it cannot read without a word, and ends well."""
    if told != [one.after for one in asked]:
        raise cut_short("diff-tree", len(told), len(asked))


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
# A patch that is put behind all others: its id shows that all were read.
_A_PATCH = b"%s\ndiff --git a/x b/x\nnew file mode 100644\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+x\n"


def patch_ids(
    repository: Repository,
    commits: Sequence[Oid],
    *,
    paths: Mapping[Oid, int] | None = None,
    against: Mapping[Oid, Oid] | None = None,
    missing: dict[Oid, Oid] | None = None,
) -> dict[Oid, str]:
    """Patch ids of commits; those without a patch (merges and empty commits) are left out.

    Args:
        repository: the repository.
        commits: whose patches.
        paths: how many paths a commit changes; bounds the text held in memory. One by default.
        against: commits to compare with, of those that are not compared with their parents.
        missing: filled with the commits that are left out for want of an object, each with that object.

    Raises:
        GitError: anything but a missing object.

    Source: `git help patch-id` (--stable). Before 2.39 it knew nothing of binary files, and gave any two changes of one
    the same id (release notes of 2.39); there, commits that change one are left out.
    """
    knows_binary = repository.git_version >= _KNOWS_BINARY
    git = replace(repository.git, config=(*repository.git.config, ("diff.suppressBlankEmpty", "false")))
    found: dict[Oid, str] = {}
    lost: dict[Compared, Oid] = {}
    chunks = DiffChunks(commits, paths or {})

    def ask(asked: Sequence[Compared]) -> dict[Oid, str]:
        return _patch_ids(git, asked, knows_binary=knows_binary, measured=chunks.measured)

    def read() -> dict[Oid, str]:
        ids: dict[Oid, str] = {}
        try:
            for chunk in chunks:
                asked = [Compared(oid, (against or {}).get(oid)) for oid in chunk]
                ids |= _answered(git, asked, ask, lost, with_files=True) or {}
        except BaseException:
            chunks.stop()
            raise
        return ids

    with ThreadPoolExecutor(_READERS, thread_name_prefix="patch-ids") as pool:
        for reading in [pool.submit(read) for _ in range(_READERS)]:
            found |= reading.result()
    if missing is not None:
        missing.update((one.after, oid) for one, oid in lost.items())
    return found


def _patch_ids(
    git: Git, asked: Sequence[Compared], *, knows_binary: bool, measured: Callable[[int, int], None]
) -> dict[Oid, str]:
    words = ("diff-tree", "--stdin", "--always", "-r", "-p", "--root", *_PLAIN_DIFF, *_AS_PATCH_IDS_DO)
    diffs = _whole(git, words, asked)
    measured(len(asked), len(diffs))
    # Lines of content begin with another sign than a name of an object does.
    _require_all([Oid(name.decode("ascii")) for name in _A_HEADER.findall(diffs)], asked)
    last = "f" * len(asked[0].after)
    stdin = diffs + _A_PATCH % last.encode("ascii")
    listed = text(git.run("patch-id", "--stable", stdin=stdin, timeout_s=_TIMEOUT_S).stdout).splitlines()
    if not listed or not listed.pop().endswith(f" {last}"):
        raise GitError("git patch-id: the answer ends before the last patch", hint="run again")
    found: dict[Oid, str] = {}
    for line in listed:
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
        if _A_HEADER.fullmatch(line):
            current = line
        elif line.startswith(b"Binary files "):
            found.add(Oid(current.decode("ascii")))
    return found


def line_counts(git: Git, pairs: Iterable[Pair], *, missing: dict[Pair, Oid] | None = None) -> dict[Pair, LineCounts]:
    """Lines added and taken from one commit to another, by path; None for binary files.

    Args:
        git: sees both.
        pairs: (before, after).
        missing: filled with the pairs that are left out, each with an object it stands on that is not there.

    Raises:
        GitError: anything but a missing object.

    Source: `git help diff-tree` (--stdin, --numstat, -z).
    """
    found: dict[Pair, LineCounts] = {}
    few = (
        all_of[at : at + _PAIRS_AT_ONCE]
        for all_of in _chunks_of_pairs(pairs)
        for at in range(0, len(all_of), _PAIRS_AT_ONCE)
    )
    for chunk in few:
        before = {after: one for one, after in chunk}
        lost: dict[Compared, Oid] = {}
        asked = [Compared(after, one) for one, after in chunk]
        counted = _answered(git, asked, lambda questions: _numstat(git, questions), lost, with_files=True)
        found.update(((before[after], after), counts) for after, counts in (counted or {}).items())
        _name_pairs(missing, lost)
    return found


def _numstat(git: Git, asked: Sequence[Compared]) -> dict[Oid, LineCounts]:
    words = ("diff-tree", "--stdin", "--always", "-r", "--numstat", "-z", "--no-abbrev", *_PLAIN_DIFF)
    found: dict[Oid, LineCounts] = {}
    counts: LineCounts = {}
    for field in _whole(git, words, asked).split(b"\0"):
        added, tab, rest = field.partition(b"\t")
        if tab:
            deleted, _, path = rest.partition(b"\t")
            counts[path] = (int(added), int(deleted)) if added.isdigit() and deleted.isdigit() else None
        elif field:
            counts = found[Oid(field.strip().decode("ascii"))] = {}
    _require_all(list(found), asked)
    return found
