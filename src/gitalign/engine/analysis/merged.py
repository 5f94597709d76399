"""Finding branches of which everything is in their target. Moves nothing, stores nothing in the repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gitalign.core.graph import CommitGraph
from gitalign.core.merged import Merged, MergedBranch, Proof
from gitalign.core.names import HEADS, BranchName, Oid, branch_of, display, ref_of
from gitalign.core.outcome import Aligned, Conflicted, StepResult
from gitalign.core.plan import Plan, Step
from gitalign.core.plan_hash import plan_hash
from gitalign.core.publication import MoveState
from gitalign.engine.analysis.dry_run import DryRun
from gitalign.engine.runtime.context import AnalysisContext
from gitalign.git.branch_config import read_parents
from gitalign.git.branch_log import was_only_created
from gitalign.git.command import text
from gitalign.git.refs import read_origins
from gitalign.git.repository import Repository
from gitalign.integrate.upstream import UpstreamIndex, squashed_into
from gitalign.ports import Journal

PLAIN: Mapping[str, object] = {
    "alignment.strategy": "merge",
    "alignment.strategies": (),
    "alignment.already_merged": "leave",
    "alignment.partial": False,
    "resolutions.apply": False,
    "resolutions.rungs": (),
}
"""Settings of a plan that is looked at here: whatever merging brings must be what git alone makes of it."""


def find_merged(context: AnalysisContext, plan: Plan, graph: CommitGraph, journal: Journal) -> Merged:
    """Branches of a plan of which everything is in their target, each with what keeps it from being deleted.

    Args:
        context: what it works with; what was not looked at before a stop does not count as merged.
        plan: made under the settings of `PLAIN`.
        graph: history behind it.
        journal: of the repository.

    Raises:
        GitError, OutOfSpace, StoreError
    """
    repository = context.repository
    sound = [step for step in plan.steps if step.refusal is None]
    found = [_merged(step, Proof.CONTAINED) for step in sound if not step.own_commits]
    unmerged = [step for step in sound if step.own_commits and step.behind]
    if unmerged:
        with DryRun(context, plan, graph) as dry_run:
            found += _landed(repository, graph, unmerged, {one.step_id: one for one in dry_run.results})
    kept = _Keeper(repository, journal, plan)
    bare = replace(
        plan,
        id=plan_hash(snapshot=plan.snapshot, policy=plan.policy, targets=plan.targets, steps=(), excluded=()),
        steps=(),
        excluded=(),
    )
    steps = {step.branch.name: step for step in sound}
    checked = (replace(one, kept=kept.reason(steps[one.branch])) for one in found)
    return Merged(plan=bare, branches=tuple(sorted(checked, key=lambda one: one.branch)))


def _merged(step: Step, proof: Proof, commit: Oid | None = None) -> MergedBranch:
    return MergedBranch(
        branch=step.branch.name,
        target=step.target.name,
        tip=step.seen,
        proof=proof,
        commit=commit,
        remote=step.of_remote,
        place=step.push_to,
    )


def _landed(
    repository: Repository, graph: CommitGraph, steps: Sequence[Step], results: Mapping[int, StepResult]
) -> list[MergedBranch]:
    """Branches whose own commits are not in their target, but all of whose changes are: squashed, rebased or picked there.

    A patch in the target proves nothing where merging the branch would bring its changes once more: they were taken back.
    """
    pairs = [(step.seen, step.onto) for step in steps]
    upstream = UpstreamIndex.build(repository, graph, pairs)
    squashed = squashed_into(repository, graph, pairs)
    trees = {onto: _tree(repository, onto) for onto in sorted({step.onto for step in steps})}
    found: list[MergedBranch] = []
    for step in steps:
        outcome = results[step.id].outcome if step.id in results else None
        changes_nothing = isinstance(outcome, Aligned) and outcome.tree == trees[step.onto]
        if not changes_nothing and not isinstance(outcome, Conflicted):
            continue
        own = graph.own(step.seen, step.onto)
        equivalents = upstream.matches(step.seen, step.onto)
        if own.picks and not own.merges and all(pick in equivalents for pick in own.picks):
            found.append(_merged(step, Proof.PATCHES, equivalents[own.picks[-1]]))
        elif (step.seen, step.onto) in squashed:
            found.append(_merged(step, Proof.SQUASHED, squashed[step.seen, step.onto]))
        elif changes_nothing:
            found.append(_merged(step, Proof.NOTHING_LEFT))
    return found


def _tree(repository: Repository, commit: Oid) -> Oid:
    done = repository.git.run("rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}")
    return Oid(text(done.stdout).split()[-1])


class _Keeper:
    """Says what keeps a merged branch from being deleted."""

    def __init__(self, repository: Repository, journal: Journal, plan: Plan) -> None:
        self._repository = repository
        self._sessions = {session.ref for session in journal.sessions()}
        self._below: dict[str, str] = {}
        for ref, origin in sorted(read_origins(repository).items()):
            if origin.upstream.startswith(HEADS) and origin.upstream != ref:
                self._below.setdefault(origin.upstream, ref)
        for name, parent in sorted(read_parents(repository).items()):
            self._below.setdefault(ref_of(parent), ref_of(name))
        known = {tip.ref for tip in plan.snapshot.tips}
        self._below = {parent: ref for parent, ref in self._below.items() if ref in known}
        self._tracking = {tip.ref: tip.oid for tip in plan.snapshot.tips if tip.ref.startswith("refs/remotes/")}
        self._history = journal.history_of(step.ref for step in plan.steps)

    def reason(self, step: Step) -> str:
        """Why a branch stays, in words; empty when it may be deleted."""
        if step.of_remote is not None:
            if step.seen == step.onto:
                return f"it stands where {display(step.target.name)} stands: it may be new"
            return step.push_to.held if step.push_to is not None else "it is not known where it is on the remote"
        if step.checkout is not None:
            return f"it is checked out in {display(step.checkout)}"
        if not step.own_commits and was_only_created(self._repository, step.ref):
            return "nothing was ever committed on it: it may be new"
        if above := self._below.get(step.ref):
            return f"{display(branch_of(above))} is on top of it"
        if step.ref in self._sessions:
            return "its conflict is being resolved: git align resolve"
        return self._unpushed(step)

    def _unpushed(self, step: Step) -> str:
        """A run moved it, and the remote still has what it stood at before."""
        moved = [one for one in self._history.get(step.ref, ()) if one.state is MoveState.MOVED]
        if not moved or moved[-1].update.after != step.seen:
            return ""
        name = BranchName(branch_of(step.ref))
        behind = [ref for ref, oid in self._tracking.items() if oid == moved[-1].update.before and _is_of(ref, name)]
        return (
            f"{display(behind[0].removeprefix('refs/remotes/'))} lacks what a run made of it: git align push"
            if behind
            else ""
        )


def _is_of(tracking: str, name: BranchName) -> bool:
    return tracking.endswith(f"/{name}")
