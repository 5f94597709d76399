"""Why a conflict is one that nothing may settle without a person, in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gitalign.core.conflict import StageEntry
from gitalign.git.attributes import MergedAs
from gitalign.git.merge import MergeAnswer
from gitalign.ports import ConflictedFile

WITHIN_A_FILE = "CONFLICT (contents)"
REGULAR = ("100644", "100755")
_MOST_TOLD = 20


def out_of_bounds(
    left: Collection[str],
    answer: MergeAnswer,
    *,
    modes: Collection[str],
    files: Collection[ConflictedFile] = (),
    merged_as: Mapping[str, MergedAs] | None = None,
    largest_bytes: int = 0,
) -> tuple[str, ...]:
    """Paths with the reason why each is left to a person; of very many the first.

    Args:
        left: paths that nothing could settle.
        answer: of git.
        modes: paths of which the contents of a regular file are all that is wrong.
        files: those of them that could be read.
        merged_as: how they are merged under attributes.
        largest_bytes: longest file that is read.
    """
    by_path = {file.path: file for file in files}

    def why(path: str) -> str:
        if path not in modes:
            return _beyond_lines(path, answer)
        file = by_path.get(path)
        if file is None:
            return f"it cannot be read, or is longer than {largest_bytes // 1024**2} MiB"
        if merged_as is not None and not merged_as[path].is_plain:
            return "attributes give it a merge driver, a filter or an encoding of its own"
        if b"\0" in file.marked:
            return "it is binary"
        return "no recorded resolution or enabled resolver applies"

    told = [f"{path}: {why(path)}" for path in sorted(left)[:_MOST_TOLD]]
    more = len(left) - len(told)
    return (*told, *([f"and {more} more such file{'s' if more > 1 else ''}"] if more else []))


def _beyond_lines(path: str, answer: MergeAnswer) -> str:
    kinds = sorted({one.kind for one in answer.conflicts if path in one.paths})
    if kinds and kinds != [WITHIN_A_FILE]:
        return f"more than the lines of a file is in question: {', '.join(kinds)}"
    stages: dict[int, StageEntry] = {entry.stage: entry for entry in answer.entries if entry.path == path}
    if any(entry.mode not in REGULAR for entry in stages.values()):
        return "it is no regular file on every side"
    if {2, 3} <= stages.keys():
        return "whether it is executable is in question, too"
    return "more than the lines of a file is in question"
