"""Where a repository stands."""

from __future__ import annotations

from dataclasses import dataclass

from gitalign.core.plan import Target, TargetNote
from gitalign.core.run import RunRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Where a repository stands.

    Attributes:
        target_notes: why each target is one.
        fault: why branches cannot be planned without asking for the targets; empty when they can.
        to_align: branches a run would work on.
        up_to_date: branches that need nothing: they contain their target, or are merged.
        merged: branches of which every commit is in their target.
        only_on_remotes: feature branches that are not local, by the name of the remote.
        next_command: what to type next; empty when nothing is left to do.
    """

    repository: str
    targets: tuple[Target, ...]
    target_notes: tuple[TargetNote, ...]
    fault: str
    to_align: int
    up_to_date: int
    excluded: int
    unfinished: tuple[RunRecord, ...]
    last: RunRecord | None
    only_on_remotes: tuple[tuple[str, int], ...]
    next_command: str
    merged: int = 0
