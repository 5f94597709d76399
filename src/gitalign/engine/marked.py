"""The files in which git left conflict markers, with what each side has."""

from __future__ import annotations

from collections.abc import Iterator

from gitalign.git.command import raw
from gitalign.git.merge import MergeAnswer
from gitalign.integrate.lane import Lane

_MOST_BYTES = 4_000_000


def marked_files(lane: Lane, answer: MergeAnswer) -> Iterator[tuple[str, bytes, bytes, bytes]]:
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
