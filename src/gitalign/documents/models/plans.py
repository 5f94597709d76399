"""Models: plans: in the journal, in files, and on standard output."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from gitalign.core.branch_rules import RuleName, RuleState
from gitalign.core.exclusions import ExclusionCode
from gitalign.core.plan import StepKind
from gitalign.core.policy import Strategy
from gitalign.documents.models.policies import PolicyDocument
from gitalign.documents.models.snapshots import PushPlaceDocument, SnapshotDocument


class TargetDocument(TypedDict):
    """A primary branch: the name branches refer to, and the exact commit they are aligned onto."""

    name: str
    ref: str
    oid: str


class BranchDocument(TypedDict):
    """One branch to align."""

    name: str
    target: str
    reason: str
    priority: int
    confidence: float | None
    tags: list[str]
    cluster_id: str | int | None


class StepDocument(TypedDict):
    """One branch of the plan."""

    id: int
    branch: BranchDocument
    target: TargetDocument
    kind: StepKind
    strategy: Strategy
    seen: str
    onto: str
    own_commits: int
    behind: int
    stride: int
    merges: int
    stack: int
    depends_on: list[int]
    notes: list[str]
    refusal: tuple[str, str] | None
    remote_seen: str | None
    checkout: str | None
    integration: str | None
    integration_seen: str | None
    integration_by_shape: bool
    push_to: PushPlaceDocument | None
    of_remote: str | None


class ExclusionDocument(TypedDict):
    """A branch left out, with a reason that can be read and one that can be matched on."""

    branch: str
    code: ExclusionCode
    reason: str
    target: str | None


class TargetNoteDocument(TypedDict):
    """Why a branch is a target, and where it stands."""

    name: str
    why: str
    words: str
    is_diverged: bool


class RuleVerdictDocument(TypedDict):
    """One rule that a hosting service is to enforce."""

    rule: RuleName
    state: RuleState
    detail: str


class BranchProtectionDocument(TypedDict):
    """What a hosting service enforces on a target."""

    branch: str
    state: RuleState
    reason: str
    rules: list[RuleVerdictDocument]


class PlanDocument(TypedDict):
    """What a run would do. `id` is a hash of everything in it that decides what a run does."""

    id: str
    snapshot: SnapshotDocument
    policy: PolicyDocument
    targets: list[TargetDocument]
    steps: list[StepDocument]
    excluded: list[ExclusionDocument]
    target_notes: list[TargetNoteDocument]
    protections: NotRequired[list[BranchProtectionDocument]]
