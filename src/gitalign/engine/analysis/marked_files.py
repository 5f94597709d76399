"""The files in which git left conflict markers, with what each side has."""

from __future__ import annotations

from collections.abc import Iterator

from gitalign.core.marked_text import MarkedFile, Stretch, abridged
from gitalign.git.command import Git, raw
from gitalign.git.merge import MergeAnswer
from gitalign.git.remerge import merge_again
from gitalign.integrate.lane import MergeWorker
from gitalign.resolve.regions import NotMarked, Region, regions
from gitalign.resolve.rerere import MARKER_SIZE

_MOST_BYTES = 4_000_000
_LOOKED_AT_FOR_TEXT = 8_000  # as git does (xdiff-interface.c, buffer_is_binary)


def marked_files(lane: MergeWorker, answer: MergeAnswer) -> Iterator[tuple[str, bytes, bytes, bytes]]:
    """(path, with markers, as ours has it, as theirs has it) of files that both sides have, by path; very long ones are left out."""
    sides: dict[str, dict[int, str]] = {}
    for entry in answer.entries:
        if entry.mode.startswith("100"):
            sides.setdefault(entry.path, {})[entry.stage] = entry.oid
    for path, stages in sorted(sides.items()):
        # A path git invented, for a file in the way of a folder, is none of the tree's.
        if 2 in stages and 3 in stages and "\0" not in path:
            names = [f"{answer.tree}:".encode("ascii") + raw(path), stages[2].encode(), stages[3].encode()]
            marked, one, other = lane.files(names, most_bytes=_MOST_BYTES)
            if marked is not None and one is not None and other is not None:
                yield path, marked, one, other


def three_sided_files(git: Git, lane: MergeWorker, answer: MergeAnswer, *, most: int) -> Iterator[MarkedFile]:
    """Conflicted files with all their sides, by path, at most the first few.

    The sides are those of git's merge of the very files at the three stages; left out is what is no text, no file on both sides, or very
    long.

    Args:
        git: of the repository.
        lane: reads.
        answer: what git left of the merge.
        most: how many at most.

    Raises:
        GitError, OutOfSpace
    """
    stages: dict[str, dict[int, str]] = {}
    for entry in answer.entries:
        if entry.mode.startswith("100"):
            stages.setdefault(entry.path, {})[entry.stage] = entry.oid
    for path in [path for path in sorted(stages) if {2, 3} <= stages[path].keys() and "\0" not in path][:most]:
        held = stages[path]
        has_base = 1 in held
        names = [held[stage].encode("ascii") for stage in ((1, 2, 3) if has_base else (2, 3))]
        contents = lane.files(names, most_bytes=_MOST_BYTES)
        if any(one is None or b"\0" in one[:_LOOKED_AT_FOR_TEXT] for one in contents):
            continue
        base, ours, theirs = [one or b"" for one in (contents if has_base else (b"", *contents))]
        again = merge_again(
            git, ours=ours, base=base, theirs=theirs, marker_size=MARKER_SIZE, object_format=lane.object_format
        )
        if again is None:
            continue
        try:
            found = regions(again.diff3, labels=again.diff3_labels, marker_size=again.diff3_marker_size)
        except NotMarked:
            continue
        parts: list[Stretch] = [
            (one.ours, one.base, one.theirs) if isinstance(one, Region) else (one,) for one in found
        ]
        yield abridged(path, parts, has_base=has_base)
