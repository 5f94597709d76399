"""Conflicts of many branches, grouped, and all about one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.conflict import Undetermined
from gitalign.core.conflict_groups import (
    BranchConflict,
    Cause,
    ConflictDetail,
    ConflictGroup,
    Conflicts,
    MergeCulprit,
    Stopping,
)
from gitalign.core.shared_conflicts import SharedConflict
from gitalign.documents.conflict_pieces import dump_merge_culprit, dump_piece
from gitalign.documents.conflicts import dump_undetermined
from gitalign.documents.forecasts import dump_commit_note
from gitalign.documents.hunks import dump_hunk
from gitalign.documents.marked_files import dump_marked_file
from gitalign.documents.outcomes import dump_conflicted
from gitalign.documents.plans import dump_target

if TYPE_CHECKING:
    from gitalign.documents.models.conflict_groups import (
        BranchConflictDocument,
        CauseDocument,
        ConflictDetailDocument,
        ConflictGroupDocument,
        ConflictsDocument,
        SharedConflictDocument,
        StoppingDocument,
    )
    from gitalign.documents.models.conflict_pieces import MergeCulpritDocument
    from gitalign.documents.models.conflicts import UndeterminedDocument


def dump_shared_conflict(value: SharedConflict) -> SharedConflictDocument:
    """What several branches clash with in the same way, whatever else each of them clashes with."""
    return {
        "clash": value.signature,
        "paths": list(value.paths),
        "pieces": value.pieces,
        "example": None if value.example is None else dump_piece(value.example),
        "branches": list(value.branches),
        "freed": list(value.freed),
    }


def dump_stopping(value: Stopping) -> StoppingDocument:
    """A commit at which branches of a group stop."""
    return {
        "commit": value.commit,
        "subject": value.subject,
        "branches": value.branches,
    }


def dump_cause(value: Cause) -> CauseDocument:
    """The first commit of a target that stops branches of a group."""
    return {
        "commit": value.commit,
        "author": value.author,
        "email": value.email,
        "subject": value.subject,
        "is_merge": value.is_merge,
        "branches": value.branches,
    }


def dump_conflict_group(value: ConflictGroup) -> ConflictGroupDocument:
    """Branches that stop at the same clash: resolved for one, it is resolved for all."""
    return {
        "clash": value.signature,
        "kinds": list(value.kinds),
        "paths": list(value.paths),
        "targets": list(value.targets),
        "branches": list(value.branches),
        "commits": [dump_stopping(item) for item in value.commits],
        "causes": [dump_cause(item) for item in value.causes],
        "brought": [dump_cause(item) for item in value.merge_culprits],
    }


def dump_culprit_or_reason(value: MergeCulprit | Undetermined) -> MergeCulpritDocument | UndeterminedDocument:
    """What a merge brought in, or why that is not known."""
    return dump_merge_culprit(value) if isinstance(value, MergeCulprit) else dump_undetermined(value)


def dump_branch_conflict(value: BranchConflict) -> BranchConflictDocument:
    """A branch that conflicts with its target."""
    return {
        "branch": value.branch,
        "target": value.target,
        "tip": value.tip,
        "kind": value.kind,
        "clash": value.signature,
        "conflict": dump_conflicted(value.conflict),
        "brought": None if value.merge_culprit is None else dump_culprit_or_reason(value.merge_culprit),
    }


def dump_conflict_detail(value: ConflictDetail) -> ConflictDetailDocument:
    """All about the conflict of one branch."""
    return {
        "branch": value.branch,
        "hunks": [dump_hunk(item) for item in value.hunks],
        "hunks_left_out": value.hunks_left_out,
        "files": [dump_marked_file(item) for item in value.files],
        "ours": value.ours,
        "theirs": value.theirs,
        "branch_commits": [dump_commit_note(item) for item in value.branch_commits],
        "branch_commits_left_out": value.branch_commits_left_out,
        "target_commits": [dump_commit_note(item) for item in value.target_commits],
        "target_commits_left_out": value.target_commits_left_out,
    }


def dump_conflicts(value: Conflicts) -> ConflictsDocument:
    """Every branch that conflicts with its target, grouped."""
    return {
        "targets": [dump_target(item) for item in value.targets],
        "groups": [dump_conflict_group(item) for item in value.groups],
        "shared": [dump_shared_conflict(item) for item in value.shared],
        "shared_left_out": value.shared_left_out,
        "branches": [dump_branch_conflict(item) for item in value.branches],
        "detail": None if value.detail is None else dump_conflict_detail(value.detail),
        "aligned": value.aligned,
        "is_complete": value.is_complete,
    }
