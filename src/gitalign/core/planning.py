"""Deciding what a run would do: targets, exclusions, and what kind of step each branch needs.

Pure: the same snapshot and history give the same plan. Stacks and order are in `stacks`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gitalign.core.branch import ListedBranch
from gitalign.core.branch_choice import BranchChoice
from gitalign.core.checked_out import WorkTrees
from gitalign.core.filters import ALL, Filters
from gitalign.core.graph import CommitGraph
from gitalign.core.names import BranchName, ref_of
from gitalign.core.plan import Plan, Step, Target
from gitalign.core.plan_hash import plan_hash
from gitalign.core.policy import Policy
from gitalign.core.push import PushPlace
from gitalign.core.snapshot import Snapshot
from gitalign.core.stacks import in_order
from gitalign.core.steps import step_of
from gitalign.core.working_set import remote_of


def build_plan(
    snapshot: Snapshot,
    graph: CommitGraph,
    *,
    policy: Policy,
    targets: Sequence[Target],
    listed: Sequence[ListedBranch] | None,
    filters: Filters = ALL,
) -> Plan:
    """Decide what happens to every branch.

    Args:
        snapshot: refs and work trees.
        graph: history behind every branch and target.
        policy: the operator's decisions.
        targets: as `discover_targets` gave them.
        listed: entries of a branch list; None to take every branch of the repository.
        filters: which branches were asked for.

    Raises:
        UserError: unknown targets where the policy refuses them.
    """
    work_trees = WorkTrees(snapshot, policy)
    chooser = BranchChoice(snapshot, graph, policy, targets=tuple(targets), filters=filters, work_trees=work_trees)
    chosen, excluded = chooser.from_list(listed) if listed is not None else chooser.from_refs()
    push_place = _push_places(snapshot)
    planned: list[Step] = []
    for target in targets if len(chosen) > 1 else ():
        if target.oid in graph:
            graph.count_behind([one.tip for one in chosen if one.target == target and one.tip in graph], target.oid)
    for branch in chosen:
        step = step_of(branch, graph, policy, chooser.integrations, push_place)
        step = replace(step, of_remote=remote_of(snapshot, branch.branch.name))
        step, held = work_trees.moving_with(step, branch)
        planned += [step] if held is None else []
        excluded += [held] if held is not None else []
    steps = in_order(planned, targets, graph)
    left_out = tuple(sorted(excluded, key=lambda one: (one.branch, one.code, one.reason)))
    frozen = tuple(targets)
    return Plan(
        id=plan_hash(snapshot=snapshot, policy=policy, targets=frozen, steps=steps, excluded=left_out),
        snapshot=snapshot,
        policy=policy,
        targets=frozen,
        steps=steps,
        excluded=left_out,
    )


def _push_places(snapshot: Snapshot) -> Callable[[BranchName], PushPlace | None]:
    """Where branches are pushed; a branch that is yet to be made goes nowhere, for it is not on the remote."""
    known, remote = dict(snapshot.push_places), snapshot.remote

    def place(name: BranchName) -> PushPlace | None:
        if name in known or remote is None:
            return known.get(name)
        return PushPlace(remote=remote, ref=ref_of(name), is_configured=False)

    return place
