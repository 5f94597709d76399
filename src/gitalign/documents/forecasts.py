"""Forecasts: every branch against its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gitalign.core.forecast import Author, BranchForecast, CommitNote, Forecast, Owner
from gitalign.documents.conflicts import dump_conflict, dump_point_or_reason
from gitalign.documents.findings import dump_applied_resolution
from gitalign.documents.pair_conflicts import dump_pair_conflict
from gitalign.documents.pair_counts import dump_contest, dump_pair_count, dump_unmerged_pair
from gitalign.documents.plans import dump_exclusion, dump_target

if TYPE_CHECKING:
    from gitalign.documents.models.forecasts import (
        AuthorDocument,
        BranchForecastDocument,
        CommitNoteDocument,
        ForecastDocument,
        OwnerDocument,
    )


def dump_author(value: Author) -> AuthorDocument:
    """A person who wrote commits; `.mailmap` applied."""
    return {
        "name": value.name,
        "email": value.email,
    }


def dump_owner(value: Owner) -> OwnerDocument:
    """Whose a branch is."""
    return {
        "branch": value.branch,
        "authors": [dump_author(item) for item in value.authors],
        "last_commit_at": value.last_commit_at,
    }


def dump_commit_note(value: CommitNote) -> CommitNoteDocument:
    """A commit named elsewhere in the forecast."""
    return {
        "commit": value.commit,
        "author": dump_author(value.author),
        "subject": value.subject,
    }


def dump_branch_forecast(value: BranchForecast) -> BranchForecastDocument:
    """One branch against one target."""
    return {
        "branch": value.branch,
        "target": value.target,
        "tip": value.tip,
        "onto": value.onto,
        "kind": value.kind,
        "assigned": value.assigned,
        "prospect": value.prospect,
        "own_commits": value.own_commits,
        "behind": value.behind,
        "code": value.code,
        "reason": value.reason,
        "tree": value.tree,
        "commit": value.commit,
        "subject": value.subject,
        "position": value.position,
        "total": value.total,
        "conflicts": [dump_conflict(item) for item in value.conflicts],
        "paths": list(value.paths),
        "resolved": [dump_applied_resolution(item) for item in value.resolved],
        "furthest": None if value.alignable_point is None else dump_point_or_reason(value.alignable_point),
    }


def dump_forecast(value: Forecast) -> ForecastDocument:
    """Every branch against its targets."""
    return {
        "targets": [dump_target(item) for item in value.targets],
        "branches": [dump_branch_forecast(item) for item in value.branches],
        "excluded": [dump_exclusion(item) for item in value.excluded],
        "owners": [dump_owner(item) for item in value.owners],
        "pairs": [dump_pair_count(item) for item in value.pairs],
        "clashes": [dump_pair_conflict(item) for item in value.clashes],
        "contests": [dump_contest(item) for item in value.contests],
        "unmerged": [dump_unmerged_pair(item) for item in value.unmerged],
        "commits": [dump_commit_note(item) for item in value.commits],
        "is_complete": value.is_complete,
        "notices": list(value.notices),
    }
