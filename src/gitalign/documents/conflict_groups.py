"""Conflicts of many branches, grouped, and all about one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
from gitalign.core.plan import StepKind
from gitalign.core.shared_conflicts import SharedConflict
from gitalign.documents.conflict_pieces import dump_merge_culprit, dump_piece, load_merge_culprit, load_piece
from gitalign.documents.conflicts import dump_undetermined, load_undetermined
from gitalign.documents.forecasts import dump_commit_note, load_commit_note
from gitalign.documents.hunks import dump_hunk, load_hunk
from gitalign.documents.marked_files import dump_marked_file, load_marked_file
from gitalign.documents.outcomes import dump_conflicted, load_conflicted
from gitalign.documents.plans import dump_target, load_target
from gitalign.documents.reading import as_bool, as_int, as_oid, as_text, each, field, maybe, member_of, members

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

_KIND = member_of(StepKind)


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


def load_shared_conflict(value: Any) -> SharedConflict:
    """Reads what `dump_shared_conflict` writes; raises `Malformed`."""
    data = members(value)
    return SharedConflict(
        signature=field(data, "clash", as_text),
        paths=each(data, "paths", as_text),
        pieces=field(data, "pieces", as_int),
        example=maybe(data, "example", load_piece),
        branches=each(data, "branches", as_text),
        freed=each(data, "freed", as_text),
    )


def dump_stopping(value: Stopping) -> StoppingDocument:
    """A commit at which branches of a group stop."""
    return {
        "commit": value.commit,
        "subject": value.subject,
        "branches": value.branches,
    }


def load_stopping(value: Any) -> Stopping:
    """Reads what `dump_stopping` writes; raises `Malformed`."""
    data = members(value)
    return Stopping(
        commit=field(data, "commit", as_oid),
        subject=field(data, "subject", as_text),
        branches=field(data, "branches", as_int),
    )


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


def load_cause(value: Any) -> Cause:
    """Reads what `dump_cause` writes; raises `Malformed`."""
    data = members(value)
    return Cause(
        commit=field(data, "commit", as_oid),
        author=field(data, "author", as_text),
        email=field(data, "email", as_text),
        subject=field(data, "subject", as_text),
        is_merge=field(data, "is_merge", as_bool),
        branches=field(data, "branches", as_int),
    )


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


def load_conflict_group(value: Any) -> ConflictGroup:
    """Reads what `dump_conflict_group` writes; raises `Malformed`."""
    data = members(value)
    return ConflictGroup(
        signature=field(data, "clash", as_text),
        kinds=each(data, "kinds", as_text),
        paths=each(data, "paths", as_text),
        targets=each(data, "targets", as_text),
        branches=each(data, "branches", as_text),
        commits=each(data, "commits", load_stopping),
        causes=each(data, "causes", load_cause),
        merge_culprits=each(data, "brought", load_cause),
    )


def dump_culprit_or_reason(value: MergeCulprit | Undetermined) -> MergeCulpritDocument | UndeterminedDocument:
    """What a merge brought in, or why that is not known."""
    return dump_merge_culprit(value) if isinstance(value, MergeCulprit) else dump_undetermined(value)


def load_culprit_or_reason(value: Any) -> MergeCulprit | Undetermined:
    """Reads what `dump_culprit_or_reason` writes; raises `Malformed`."""
    return load_undetermined(value) if "code" in members(value) else load_merge_culprit(value)


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


def load_branch_conflict(value: Any) -> BranchConflict:
    """Reads what `dump_branch_conflict` writes; raises `Malformed`."""
    data = members(value)
    return BranchConflict(
        branch=field(data, "branch", as_text),
        target=field(data, "target", as_text),
        tip=field(data, "tip", as_oid),
        kind=field(data, "kind", _KIND),
        signature=field(data, "clash", as_text),
        conflict=field(data, "conflict", load_conflicted),
        merge_culprit=maybe(data, "brought", load_culprit_or_reason),
    )


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


def load_conflict_detail(value: Any) -> ConflictDetail:
    """Reads what `dump_conflict_detail` writes; raises `Malformed`."""
    data = members(value)
    return ConflictDetail(
        branch=field(data, "branch", as_text),
        hunks=each(data, "hunks", load_hunk),
        hunks_left_out=field(data, "hunks_left_out", as_int),
        files=each(data, "files", load_marked_file),
        ours=field(data, "ours", as_text),
        theirs=field(data, "theirs", as_text),
        branch_commits=each(data, "branch_commits", load_commit_note),
        branch_commits_left_out=field(data, "branch_commits_left_out", as_int),
        target_commits=each(data, "target_commits", load_commit_note),
        target_commits_left_out=field(data, "target_commits_left_out", as_int),
    )


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


def load_conflicts(value: Any) -> Conflicts:
    """Reads what `dump_conflicts` writes; raises `Malformed`."""
    data = members(value)
    return Conflicts(
        targets=each(data, "targets", load_target),
        groups=each(data, "groups", load_conflict_group),
        shared=each(data, "shared", load_shared_conflict),
        shared_left_out=field(data, "shared_left_out", as_int),
        branches=each(data, "branches", load_branch_conflict),
        detail=maybe(data, "detail", load_conflict_detail),
        aligned=field(data, "aligned", as_int),
        is_complete=field(data, "is_complete", as_bool),
    )
