"""Going on where git stopped: every conflict of a commit settled by what the operator allows for it, or none of them.

git's merge stays git's: all that is changed in its result is the contents of the files it left with conflict markers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gitalign.core.names import Oid
from gitalign.core.outcome import AppliedResolution, KnownConflict, StageEntry
from gitalign.core.plan import Step
from gitalign.git.command import raw
from gitalign.git.merge import MergeAnswer
from gitalign.integrate.lane import Lane, Unsettled
from gitalign.ports import ConflictedFile, ConflictResolver, Proposal, Sides

_WITHIN_A_FILE = "CONFLICT (contents)"
_REGULAR = ("100644", "100755")
_MOST_PATHS = 500
LARGEST_BYTES = 4 * 1024 * 1024
"""Of a file with conflict markers; longer ones are left to a person."""


@dataclass(frozen=True, slots=True)
class Settled:
    """A merge with all of its conflicts settled."""

    tree: Oid
    applied: tuple[AppliedResolution, ...]


def settle(
    answer: MergeAnswer,
    step: Step,
    *,
    under: Oid,
    commit: Oid | None,
    subject: str = "",
    lane: Lane,
    resolver: ConflictResolver,
) -> Settled | Unsettled:
    """Settle every conflict of a merge.

    Args:
        answer: of git, unclean, as it came from the lane.
        step: of the branch.
        under: the commit whose attributes the merge was made under.
        commit, subject: of the commit of the branch, for the report; None while the target is merged in.
        lane: the worker's processes.
        resolver: proposes what files are to hold.

    Raises:
        GitError, OutOfSpace
    """
    modes = conflicted_files(answer)
    if not modes or len(modes) > _MOST_PATHS:
        return Unsettled()
    paths = list(modes)
    contents = lane.files([raw(f"{answer.tree}:{path}") for path in paths], most_bytes=LARGEST_BYTES)
    merged_as = lane.merged_as(under, paths)
    files = [
        ConflictedFile(
            path=path,
            stages=tuple(entry for entry in answer.entries if entry.path == path),
            marked=marked,
            marker_size=merged_as[path].marker_size,
            is_plain=merged_as[path].is_plain,
            commit=commit,
            subject=subject,
            target=step.target.name,
        )
        for path, marked in zip(paths, contents, strict=True)
        if marked is not None
    ]
    names = {file.path: name for file in files if (name := resolver.knows(file)) is not None}
    known = tuple(KnownConflict(path=path, conflict=name) for path, name in names.items())
    everything = {entry.path for entry in answer.entries} | {path for one in answer.conflicts for path in one.paths}
    if {file.path for file in files if resolver.could(file)} != everything:
        return Unsettled(known)
    proposals: dict[str, Proposal] = {}
    undecided: list[str] = []
    for file in files:
        proposal = resolver.propose(replace(file, sides=_sides(file, lane)))
        if isinstance(proposal, Proposal):
            proposals[file.path] = proposal
        else:
            undecided.append(f"{file.path}: {proposal.reason if proposal is not None else 'nothing fits'}")
    if undecided:
        return Unsettled(known, tuple(undecided))
    applied = tuple(replace(proposals[path].told, commit=commit, path=path) for path in proposals)
    tree = lane.tree_with(answer.tree, {path: (modes[path], one.content) for path, one in proposals.items()})
    return Settled(tree, applied)


def _sides(file: ConflictedFile, lane: Lane) -> Sides | None:
    oids = {entry.stage: raw(entry.oid) for entry in file.stages}
    asked = [oids[stage] for stage in (1, 2, 3) if stage in oids]
    found = lane.files(asked, most_bytes=LARGEST_BYTES)
    contents = [one for one in found if one is not None]
    if len(contents) != len(asked):
        return None
    base, ours, theirs = contents if 1 in oids else (b"", *contents)
    return Sides(base, ours, theirs)


def conflicted_files(answer: MergeAnswer) -> dict[str, str]:
    """Path -> mode of the merged file, where all that is wrong is the contents of a regular file.

    A file that one side deleted, renames that went two ways, links, submodules, files against folders, and files that are
    executable on one side only are decisions beyond the lines of a file (rerere leaves them alone, too: rerere.c,
    check_one_conflict).
    """
    stages: dict[str, dict[int, StageEntry]] = {}
    for entry in answer.entries:
        stages.setdefault(entry.path, {})[entry.stage] = entry
    kinds: dict[str, set[str]] = {}
    for conflict in answer.conflicts:
        for path in conflict.paths:
            kinds.setdefault(path, set()).add(conflict.kind)
    modes = {path: _merged_mode(sides) for path, sides in stages.items() if kinds.get(path) == {_WITHIN_A_FILE}}
    return {path: mode for path, mode in modes.items() if mode}


def _merged_mode(sides: dict[int, StageEntry]) -> str | None:
    """The mode git gave the file (merge-ort.c, handle_content_merge); None when that is in question itself."""
    if not {2, 3} <= sides.keys() or any(entry.mode not in _REGULAR for entry in sides.values()):
        return None
    ours, theirs = sides[2].mode, sides[3].mode
    base = sides[1].mode if 1 in sides else None
    if ours in (theirs, base):
        return theirs
    return ours if theirs == base else None
