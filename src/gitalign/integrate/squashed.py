"""Conflicts with what the branch itself brought: the target holds exactly what the branch had in a file further up its own line.

That is what is left behind when the lower part of a stack was squashed into the target: each of its commits clashes with their sum.
Wherever target and branch were the same at a path, content and mode, everything of the branch up to there is in the target, and what the
branch did to it afterwards stands on it. Where the target went on since, nothing of that can be known, and the conflict stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitalign.core.commit import RawCommit
from gitalign.core.conflict import AppliedResolution
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.own_commits import OwnCommits
from gitalign.core.policy import AutoResolver
from gitalign.git.command import raw
from gitalign.integrate.lane import MergeWorker
from gitalign.ports import ConflictedFile, Proposal, Sides

_MOST_COMMITS = 200
_AT_ONCE = 16


CommitsAbove = Mapping[Oid, Oid]
"""Commits of a branch, one upon the other, oldest first, each with the id by which people know it."""


def own_line(graph: CommitGraph, own: OwnCommits, tip: Oid) -> CommitsAbove:
    """A branch's own commits by first parents, oldest first.

    Args:
        graph: holds the branch.
        own: what its target has not.
        tip: of the branch.
    """
    mine, line = {*own.picks, *own.merges}, list[Oid]()
    at: Oid | None = tip
    while at in mine and at is not None:
        line.append(at)
        at = next(iter(graph.parents(at)), None)
    return {oid: oid for oid in reversed(line)}


def commits_above(
    oid: Oid, picks: Sequence[Oid], commits: Mapping[Oid, RawCommit], display_ids: Mapping[Oid, Oid]
) -> CommitsAbove:
    """The line that stands on a commit; it ends where the branch forks or was merged.

    Args:
        oid: one of the picks.
        picks: of a branch, oldest first.
        commits: the same by id.
        display_ids: ids by which people know them, where they are others.
    """
    start = picks.index(oid)
    found: dict[Oid, Oid] = {}
    for below, above in zip(picks[start:], picks[start + 1 :], strict=False):
        if commits[above].parents != (below,):
            break
        found[above] = display_ids.get(above, above)
    return found


def resolved_further_up(
    file: ConflictedFile,
    sides: Sides | None,
    line: CommitsAbove,
    lane: MergeWorker,
    *,
    max_bytes: int,
    is_integration: bool = False,
) -> Proposal | None:
    """What the file is to hold, where a commit of the line has what the target has at that path; None where none has.

    While a commit is replayed, ours is the target, and further commits of the line bring the rest. While the target is merged in, ours is
    the branch, which went on from there; on an integration branch that is theirs.

    Args:
        file: in conflict.
        sides: its contents; None when one of them cannot be read.
        line: commits of the branch beyond the one in conflict; all of its own line while the target is merged in.
        lane: the worker's processes.
        max_bytes: of a file.
        is_integration: the branch is merged into the target.
    """
    modes = {entry.mode for entry in file.stages}
    if sides is None or len(modes) != 1:
        return None
    of_target = sides.ours if file.commit is not None or is_integration else sides.theirs
    further = sides.theirs if is_integration else sides.ours
    commits = list(line)[:_MOST_COMMITS]
    for start in range(0, len(commits), _AT_ONCE):
        some = commits[start : start + _AT_ONCE]
        contents = lane.files([raw(f"{oid}:{file.path}") for oid in some], most_bytes=max_bytes)
        for oid, content in zip(some, contents, strict=True):
            if content == of_target and lane.mode(oid, file.path) in modes:
                return Proposal(content=further, resolution=_resolution_of(line[oid]))
    return None


def _resolution_of(oid: Oid) -> AppliedResolution:
    return AppliedResolution(
        commit=None,
        path="",
        conflict="",
        source=f"for the target has what the branch had there at commit {oid[:12]}",
        resolver=AutoResolver.SQUASH_MERGED.value,
    )
