"""Merging two commits in memory, and where they conflict: for results that land, and for tasks while they run."""

from __future__ import annotations

from collections.abc import Iterator

from gitalign.batches.running.state import ResultConflict
from gitalign.core.hunks import Hunk, conflict_hunks
from gitalign.core.names import Oid
from gitalign.errors import ABOUT_ONE_MERGE, GitAlignError
from gitalign.git.command import raw
from gitalign.git.merge import MergeAnswer, with_side_names
from gitalign.integrate.lane import MergeWorker

UNRELATED = "unrelated histories"
UNMERGED = "cannot be merged"
_LARGEST_BYTES = 1_000_000
_MOST_HUNKS = 50


def merge_of_two(
    worker: MergeWorker, attributes_of: Oid, ours: Oid, theirs: Oid, *, are_related: bool = False
) -> MergeAnswer | str:
    """What git says of a merge; words where it makes none.

    Args:
        worker: makes it.
        attributes_of: the commit under whose attribute files it is made; the worker knows them.
        ours, theirs: the two commits.
        are_related: they are known to share history.

    Raises:
        GitError, OutOfSpace: says nothing about the two.
    """
    if not are_related and not worker.bases(ours, theirs):
        return UNRELATED
    try:
        return worker.merge_histories(attributes_of, ours, theirs)
    except ABOUT_ONE_MERGE as error:
        return error.message if isinstance(error, GitAlignError) else UNMERGED


def result_conflict(worker: MergeWorker, answer: MergeAnswer | str, *, first: str, second: str) -> ResultConflict:
    """An answer that is not clean, with the names of both sides.

    Args:
        worker: which made the merge.
        answer: of `merge_of_two`.
        first, second: names of the two.
    """
    if isinstance(answer, str):
        kind = UNRELATED if answer == UNRELATED else UNMERGED
        return ResultConflict(first=first, second=second, paths=(), kinds=(kind,), detail=answer)
    named = with_side_names(answer, ours=first, theirs=second)
    return ResultConflict(
        first=first,
        second=second,
        paths=tuple(sorted({path for one in named.conflicts for path in one.paths})),
        kinds=tuple(sorted({one.kind for one in named.conflicts})),
        hunks=tuple(_hunks(worker, answer))[:_MOST_HUNKS],
    )


def _hunks(worker: MergeWorker, answer: MergeAnswer) -> Iterator[Hunk]:
    sides: dict[str, dict[int, Oid]] = {}
    for entry in answer.entries:
        sides.setdefault(entry.path, {})[entry.stage] = entry.oid
    for path, stages in sorted(sides.items()):
        if 2 not in stages or 3 not in stages:
            continue
        names = [raw(f"{answer.tree}:{path}"), raw(stages[2]), raw(stages[3])]
        marked, one, other = worker.files(names, most_bytes=_LARGEST_BYTES)
        if marked is not None and one is not None and other is not None:
            yield from conflict_hunks(path, marked, one=one, other=other)
