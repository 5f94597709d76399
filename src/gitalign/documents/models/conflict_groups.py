"""Models: conflicts of many branches, grouped, and all about one of them."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.plan import StepKind
from gitalign.documents.models.conflict_pieces import MergeCulpritDocument, PieceDocument
from gitalign.documents.models.conflicts import UndeterminedDocument
from gitalign.documents.models.forecasts import CommitNoteDocument
from gitalign.documents.models.hunks import HunkDocument
from gitalign.documents.models.marked_files import MarkedFileDocument
from gitalign.documents.models.outcomes import ConflictedDocument
from gitalign.documents.models.plans import TargetDocument


class SharedConflictDocument(TypedDict):
    """What several branches clash with in the same way, whatever else each of them clashes with."""

    clash: str
    paths: list[str]
    pieces: int
    example: PieceDocument | None
    branches: list[str]
    freed: list[str]


class StoppingDocument(TypedDict):
    """A commit at which branches of a group stop."""

    commit: str
    subject: str
    branches: int


class CauseDocument(TypedDict):
    """The first commit of a target that stops branches of a group."""

    commit: str
    author: str
    email: str
    subject: str
    is_merge: bool
    branches: int


class ConflictGroupDocument(TypedDict):
    """Branches that stop at the same clash: resolved for one, it is resolved for all."""

    clash: str
    kinds: list[str]
    paths: list[str]
    targets: list[str]
    branches: list[str]
    commits: list[StoppingDocument]
    causes: list[CauseDocument]
    brought: list[CauseDocument]


class BranchConflictDocument(TypedDict):
    """A branch that conflicts with its target."""

    branch: str
    target: str
    tip: str
    kind: StepKind
    clash: str
    conflict: ConflictedDocument
    brought: MergeCulpritDocument | UndeterminedDocument | None


class ConflictDetailDocument(TypedDict):
    """All about the conflict of one branch."""

    branch: str
    hunks: list[HunkDocument]
    hunks_left_out: int
    files: list[MarkedFileDocument]
    ours: str
    theirs: str
    branch_commits: list[CommitNoteDocument]
    branch_commits_left_out: int
    target_commits: list[CommitNoteDocument]
    target_commits_left_out: int


class ConflictsDocument(TypedDict):
    """Every branch that conflicts with its target, grouped."""

    targets: list[TargetDocument]
    groups: list[ConflictGroupDocument]
    shared: list[SharedConflictDocument]
    shared_left_out: int
    branches: list[BranchConflictDocument]
    detail: ConflictDetailDocument | None
    aligned: int
    is_complete: bool
