"""Step, plan and permit: what is meant to happen, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gitalign.core.branch import Branch
from gitalign.core.exclusions import Exclusion
from gitalign.core.names import BranchName, Oid, StepId, TargetName, ref_of, zero_like
from gitalign.core.policy import Policy, Strategy
from gitalign.core.push import PushPlace
from gitalign.core.snapshot import Snapshot


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A primary branch: the name branches refer to, and the exact commit they are aligned onto."""

    name: TargetName
    ref: str
    oid: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetNote:
    """Why a branch is a target, and where it stands.

    Attributes:
        name: of the target.
        why: in words, such as `HEAD of origin`.
        words: what is to be known of the local branch and its upstream; empty when they are the same.
        is_diverged: whether each has commits that the other does not have.
    """

    name: TargetName
    why: str
    words: str = ""
    is_diverged: bool = False


class StepKind(StrEnum):
    """What the shape of history says about a step before any merge is made."""

    REPLAY = "replay"
    """Own commits are picked onto the target."""
    RECREATE = "recreate"
    """Own commits are picked onto the target, and own merges are made again on what their parents became."""
    MERGE = "merge"
    """The target is merged into the branch."""
    INTEGRATE = "integrate"
    """The branch is merged into the target, on an integration branch; the branch itself stays where it is."""
    FAST_FORWARD = "fast_forward"
    """Everything of the branch is in the target already; the branch moves to the target's tip."""
    UP_TO_DATE = "up_to_date"
    """The branch contains the target already; nothing to do."""
    LEAVE = "leave"
    """Everything of the branch is in the target and policy says to leave it where it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One branch of the plan.

    Attributes:
        seen: the branch's tip when planning; the value every later move compares against, unless an integration branch moves.
        onto: the target's tip when planning.
        step_size: commits of the target's own line that an iterative rebase takes at a time; 0 where none may be made.
        own_commits: commits of the branch that the target does not have.
        behind: commits of the target that the branch does not have.
        merges: merge commits among the own ones.
        stack: number shared by branches that contain one another's own commits.
        depends_on: steps of the same stack whose own commits are all among this step's.
        notes: what the operator should know, in words ("contains 3 merges: target is merged in instead").
        refusal: code and words when the step is known to end as Refused.
        remote_seen: tip of what moves on the push remote when planning, if it is there and a push was asked for.
        push_to: where what moves is pushed; None unless a push was asked for.
        checkout: path of the work tree that holds what moves and moves with it.
        integration: the integration branch that moves in the branch's place; None under other strategies.
        integration_seen: where it stood when planning; None when it was not there.
        integration_by_shape: it is known by its shape alone; that it holds nothing of a person's is looked at before it moves.
        of_remote: the remote whose branch it is; nothing moves here, the result is only pushed. None for a local branch.
    """

    id: StepId
    branch: Branch
    target: Target
    kind: StepKind
    strategy: Strategy
    seen: Oid
    onto: Oid
    own_commits: int
    behind: int
    step_size: int = 0
    merges: int = 0
    stack: int
    depends_on: tuple[StepId, ...] = ()
    notes: tuple[str, ...] = ()
    refusal: tuple[str, str] | None = None
    remote_seen: Oid | None = None
    checkout: str | None = None
    integration: BranchName | None = None
    integration_seen: Oid | None = None
    integration_by_shape: bool = False
    push_to: PushPlace | None = None
    of_remote: str | None = None

    @property
    def ref(self) -> str:
        """Full ref name of the branch."""
        return ref_of(self.branch.name)

    @property
    def moved_ref(self) -> str:
        """Full ref name of what the step moves or makes: the branch, or its integration branch."""
        return self.ref if self.integration is None else ref_of(self.integration)

    @property
    def moved_from(self) -> Oid:
        """Where `moved_ref` stood when planning; all-zero when it is to be made."""
        return self.seen if self.integration is None else self.integration_seen or zero_like(self.seen)

    @property
    def holder(self) -> Oid:
        """The commit that holds branch and target when there is nothing to do."""
        return self.seen if self.integration_seen is None else self.integration_seen


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do. `id` is a hash of everything in it that decides what a run does."""

    id: str
    snapshot: Snapshot
    policy: Policy
    targets: tuple[Target, ...]
    steps: tuple[Step, ...]
    excluded: tuple[Exclusion, ...]
    target_notes: tuple[TargetNote, ...] = ()
    """Why each target is one; empty in plans of earlier versions."""

    def step(self, step_id: StepId) -> Step:
        """The step of that id (its position)."""
        return self.steps[step_id]


@dataclass(frozen=True, slots=True, kw_only=True)
class Permit:
    """Permission to publish one plan.

    Attributes:
        plan_id: the only plan it holds for.
        push: whether the remote may be written too.
        given_by: "--yes", "prompt", "library".
    """

    plan_id: str
    push: bool = False
    given_by: str = "library"
