"""Models: forecasts: every branch against its targets."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.forecast import Prospect
from gitalign.core.plan import StepKind
from gitalign.documents.models.conflicts import AlignablePointDocument, ConflictDocument, UndeterminedDocument
from gitalign.documents.models.findings import AppliedResolutionDocument
from gitalign.documents.models.pair_conflicts import PairConflictDocument
from gitalign.documents.models.pair_counts import ContestDocument, PairCountDocument, UnmergedPairDocument
from gitalign.documents.models.plans import ExclusionDocument, TargetDocument


class AuthorDocument(TypedDict):
    """A person who wrote commits; `.mailmap` applied."""

    name: str
    email: str


class OwnerDocument(TypedDict):
    """Whose a branch is."""

    branch: str
    authors: list[AuthorDocument]
    last_commit_at: int


class CommitNoteDocument(TypedDict):
    """A commit named elsewhere in the forecast."""

    commit: str
    author: AuthorDocument
    subject: str


class BranchForecastDocument(TypedDict):
    """One branch against one target."""

    branch: str
    target: str
    tip: str
    onto: str
    kind: StepKind
    assigned: bool
    prospect: Prospect
    own_commits: int
    behind: int
    code: str
    reason: str
    tree: str | None
    commit: str | None
    subject: str
    position: int
    total: int
    conflicts: list[ConflictDocument]
    paths: list[str]
    resolved: list[AppliedResolutionDocument]
    furthest: AlignablePointDocument | UndeterminedDocument | None


class ForecastDocument(TypedDict):
    """Every branch against its targets."""

    targets: list[TargetDocument]
    branches: list[BranchForecastDocument]
    excluded: list[ExclusionDocument]
    owners: list[OwnerDocument]
    pairs: list[PairCountDocument]
    clashes: list[PairConflictDocument]
    contests: list[ContestDocument]
    unmerged: list[UnmergedPairDocument]
    commits: list[CommitNoteDocument]
    is_complete: bool
    notices: list[str]
