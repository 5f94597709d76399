"""Forecasts: every branch against its targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.forecast import Author, BranchForecast, CommitNote, Forecast, Owner, Prospect
from gitalign.core.plan import StepKind
from gitalign.documents.conflicts import dump_conflict, dump_point_or_reason, load_conflict, load_point_or_reason
from gitalign.documents.findings import dump_applied_resolution, load_applied_resolution
from gitalign.documents.pair_conflicts import dump_pair_conflict, load_pair_conflict
from gitalign.documents.pair_counts import (
    dump_contest,
    dump_pair_count,
    dump_unmerged_pair,
    load_contest,
    load_pair_count,
    load_unmerged_pair,
)
from gitalign.documents.plans import dump_exclusion, dump_target, load_exclusion, load_target
from gitalign.documents.reading import as_bool, as_int, as_oid, as_text, each, field, maybe, member_of, members

if TYPE_CHECKING:
    from gitalign.documents.models.forecasts import (
        AuthorDocument,
        BranchForecastDocument,
        CommitNoteDocument,
        ForecastDocument,
        OwnerDocument,
    )

_KIND = member_of(StepKind)
_PROSPECT = member_of(Prospect)


def dump_author(value: Author) -> AuthorDocument:
    """A person who wrote commits; `.mailmap` applied."""
    return {
        "name": value.name,
        "email": value.email,
    }


def load_author(value: Any) -> Author:
    """Reads what `dump_author` writes; raises `Malformed`."""
    data = members(value)
    return Author(
        name=field(data, "name", as_text),
        email=field(data, "email", as_text),
    )


def dump_owner(value: Owner) -> OwnerDocument:
    """Whose a branch is."""
    return {
        "branch": value.branch,
        "authors": [dump_author(item) for item in value.authors],
        "last_commit_at": value.last_commit_at,
    }


def load_owner(value: Any) -> Owner:
    """Reads what `dump_owner` writes; raises `Malformed`."""
    data = members(value)
    return Owner(
        branch=field(data, "branch", as_text),
        authors=each(data, "authors", load_author),
        last_commit_at=field(data, "last_commit_at", as_int),
    )


def dump_commit_note(value: CommitNote) -> CommitNoteDocument:
    """A commit named elsewhere in the forecast."""
    return {
        "commit": value.commit,
        "author": dump_author(value.author),
        "subject": value.subject,
    }


def load_commit_note(value: Any) -> CommitNote:
    """Reads what `dump_commit_note` writes; raises `Malformed`."""
    data = members(value)
    return CommitNote(
        commit=field(data, "commit", as_oid),
        author=field(data, "author", load_author),
        subject=field(data, "subject", as_text),
    )


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


def load_branch_forecast(value: Any) -> BranchForecast:
    """Reads what `dump_branch_forecast` writes; raises `Malformed`."""
    data = members(value)
    return BranchForecast(
        branch=field(data, "branch", as_text),
        target=field(data, "target", as_text),
        tip=field(data, "tip", as_oid),
        onto=field(data, "onto", as_oid),
        kind=field(data, "kind", _KIND),
        assigned=field(data, "assigned", as_bool),
        prospect=field(data, "prospect", _PROSPECT),
        own_commits=field(data, "own_commits", as_int),
        behind=field(data, "behind", as_int),
        code=field(data, "code", as_text),
        reason=field(data, "reason", as_text),
        tree=maybe(data, "tree", as_oid),
        commit=maybe(data, "commit", as_oid),
        subject=field(data, "subject", as_text),
        position=field(data, "position", as_int),
        total=field(data, "total", as_int),
        conflicts=each(data, "conflicts", load_conflict),
        paths=each(data, "paths", as_text),
        resolved=each(data, "resolved", load_applied_resolution),
        alignable_point=maybe(data, "furthest", load_point_or_reason),
    )


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


def load_forecast(value: Any) -> Forecast:
    """Reads what `dump_forecast` writes; raises `Malformed`."""
    data = members(value)
    return Forecast(
        targets=each(data, "targets", load_target),
        branches=each(data, "branches", load_branch_forecast),
        excluded=each(data, "excluded", load_exclusion),
        owners=each(data, "owners", load_owner),
        pairs=each(data, "pairs", load_pair_count),
        clashes=each(data, "clashes", load_pair_conflict),
        contests=each(data, "contests", load_contest),
        unmerged=each(data, "unmerged", load_unmerged_pair),
        commits=each(data, "commits", load_commit_note),
        is_complete=field(data, "is_complete", as_bool),
        notices=each(data, "notices", as_text),
    )
