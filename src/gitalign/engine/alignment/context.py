"""What the branches of a run share while they are integrated, and steps that need no integrating."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from gitalign.core.graph import CommitGraph
from gitalign.core.integration_branches import NAME_CLASH, TAKEN
from gitalign.core.names import Oid
from gitalign.core.outcome import Conflicted, Failed, Outcome, Refused, Unchanged
from gitalign.core.plan import Step, StepKind
from gitalign.core.policy import Limits, Policy
from gitalign.git.attributes import AttributeFiles
from gitalign.git.file_facts import KeptFacts
from gitalign.git.merge import MergeWire
from gitalign.git.quarantine import Quarantine
from gitalign.integrate.pick import ReplayRules
from gitalign.integrate.shared_merges import SharedMerges
from gitalign.integrate.upstream import UpstreamIndex
from gitalign.ports import ActivePlugins, FileFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class IntegrationContext:
    """Everything the branches of one run share.

    Attributes:
        attributes: attribute files by target tip.
        look_up: outcomes of earlier runs that hold still, by branch name.
        verdict_keys: content key of every step's verdict, by branch name.
        documents_dir: where a documenter may write.
        merges: answers of git, shared by everything that merges in the quarantine: what stopped a branch is looked at again
            without being merged again.
        facts: what is known of contents, from earlier runs, too.
        jitter: a number between two others, for delays between attempts.
    """

    quarantine: Quarantine
    wire: MergeWire
    graph: CommitGraph
    upstream: UpstreamIndex
    attributes: dict[Oid, AttributeFiles]
    policy: Policy
    limits: Limits
    rules: ReplayRules
    plugins: ActivePlugins
    look_up: Mapping[str, Conflicted | Unchanged | Failed]
    verdict_keys: Mapping[str, str]
    documents_dir: str
    jitter: Callable[[float, float], float]
    merges: SharedMerges = field(default_factory=SharedMerges)
    facts: FileFacts = field(default_factory=KeptFacts)
    unsure: frozenset[str] = frozenset()
    """Branches of which, or of whose targets, commits could not be compared for want of objects: nothing about them is look_up."""


HINTS = {
    TAKEN: "rename that branch, or choose another name: alignment.integration_prefix",
    NAME_CLASH: "rename that branch, or choose another name: alignment.integration_prefix",
    "needs_deepening": "git fetch --unshallow, then run again",
    "missing_object": "fetch the missing objects, then run again",
    "contains_merges": "choose --merges merge-instead, recreate or flatten",
    "unrelated_history": "align it by hand if that is really meant: git rebase --onto, or git merge --allow-unrelated-histories",
}


def known_outcome(step: Step, look_up: Mapping[str, Outcome]) -> Outcome | None:
    """The outcome of a step that nothing has to be merged for; None when there is work to do."""
    if step.refusal is not None:
        code, reason = step.refusal
        return Refused(code=code, reason=reason, hint=HINTS.get(code, ""))
    if step.kind is StepKind.UP_TO_DATE:
        holds = f"contains {step.target.name}"
        if step.integration_seen is not None:
            holds = f"{step.integration} contains it and {step.target.name}"
        return Unchanged(code="up_to_date", reason=f"{holds} already")
    if step.kind is StepKind.LEAVE:
        return left_alone(step)
    known = look_up.get(step.branch.name)
    return replace(known, cached=True) if isinstance(known, Conflicted) else known


def left_alone(step: Step) -> Unchanged:
    """The outcome of a branch that stays where it is, because the target has everything of it."""
    why = "left where it is" if step.integration is None else "there is nothing to integrate"
    return Unchanged(code="already_merged", reason=f"everything of it is in {step.target.name} already; {why}")
