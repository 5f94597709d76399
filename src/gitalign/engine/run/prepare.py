"""From a repository to a plan: one snapshot of refs and work trees, one pass over history, one pure decision."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitalign.core.filters import Filters
from gitalign.core.graph import CommitGraph
from gitalign.core.names import HEADS, REMOTES, BranchName, Oid, branch_of, shell_word
from gitalign.core.plan import Plan, Target
from gitalign.core.planning import build_plan
from gitalign.core.policy import Policy
from gitalign.core.snapshot import Checkout, Snapshot
from gitalign.core.targets import WantedTargets, default_branch, find_targets, lines_of, with_public
from gitalign.core.working_set import as_of_remote, remote_of
from gitalign.engine.run.planned_history import PlannedHistory, Prepared
from gitalign.engine.run.protected import protected_branches
from gitalign.engine.runtime.snapshots import with_commits
from gitalign.errors import UserError
from gitalign.git.configured import Configured
from gitalign.git.history import load_graph
from gitalign.git.refs import read_upstreams
from gitalign.git.repository import Repository

if TYPE_CHECKING:
    from gitalign.configuration.branch_list import BranchList


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the operator wants of a plan.

    Attributes:
        policy: the operator's decisions.
        wanted: which targets the operator named, if any.
        prefer: remote whose targets were fetched just now: they are compared with the local ones, whatever these track.
        listed: a branch list.
        filters: which branches were asked for.
    """

    policy: Policy
    wanted: WantedTargets
    prefer: str | None
    listed: BranchList | None
    filters: Filters


def prepare(repository: Repository, snapshot: Snapshot, wishes: Wishes, configuration: Configured) -> Prepared:
    """Decide what a run would do.

    Args:
        repository: the repository.
        snapshot: of its refs and work trees.
        wishes: what the operator wants.
        configuration: of git.

    Raises:
        UserError: unknown targets where the policy refuses them; a target that was fetched has diverged.
        GitError
    """
    wanted, filters = wishes.wanted, wishes.filters
    snapshot = replace(snapshot, default_branch=default_branch(snapshot, wanted.remote))
    named = [one.target for one in find_targets(snapshot, wanted)]
    seen = snapshot
    evidence, unread = protected_branches(repository, named[0].oid if named else None, configuration)
    snapshot = replace(snapshot, evidence=evidence, unread=unread)
    named = [one.target for one in find_targets(snapshot, wanted)]
    if wishes.prefer is None:
        wanted = replace(wanted, upstreams=_tracked(repository, snapshot, named, configuration))
    others = {target.ref: f"{REMOTES}{wanted.remote}/{target.name}" for target in named} | dict(wanted.upstreams)
    are_typed = wanted.are_typed and filters.are_names
    lines = {} if are_typed else lines_of(snapshot, named, snapshot.branches_of or wanted.remote)
    snapshot = replace(snapshot, lines=tuple((name, tip.oid) for name, tip in lines.items()))
    known = {*(target.ref for target in named), *others.values(), *(tip.ref for tip in lines.values())}
    graph = load_graph(repository, _tips_to_read(snapshot, known))
    if wishes.prefer is not None:
        _require_one_line(snapshot, graph, others)
    # Where a push was asked for, what the remote holds counts, not what this clone knows of it.
    found = find_targets(snapshot, wanted, graph=graph if snapshot.remote is None else None)
    targets = as_of_remote(with_public(tuple(one.target for one in found), snapshot), snapshot)
    ours = (tip.oid for tip in snapshot.tips if tip.ref.startswith(HEADS) and tip.oid in graph)
    filters = with_commits(repository, filters, ours)
    listed = wishes.listed.entries if wishes.listed else None

    def planned(seen: Snapshot) -> Plan:
        return build_plan(seen, graph, policy=wishes.policy, targets=targets, listed=listed, filters=filters)

    plan = planned(snapshot)
    obstructed = _obstructed(repository, plan)
    if obstructed:
        plan = planned(replace(snapshot, checkouts=tuple(obstructed.get(one.path, one) for one in snapshot.checkouts)))
    return Prepared(
        replace(plan, target_notes=tuple(one.note for one in found)), graph, seen.checkouts, configuration.digest()
    )


def _tips_to_read(snapshot: Snapshot, known: Collection[str]) -> list[Oid]:
    """Commits whose history a plan is made from."""
    return [
        *(
            tip.oid
            for tip in snapshot.tips
            if tip.object_type == "commit" and (tip.ref.startswith(HEADS) or tip.ref in known)
        ),
        *(oid for _, oid, _ in snapshot.public_targets),
        *(oid for _, oid in snapshot.counterparts),
    ]


def _tracked(
    repository: Repository, snapshot: Snapshot, targets: Sequence[Target], configuration: Configured
) -> dict[str, str]:
    """Local targets that track a remote's branch, with its full name. git is asked only where one tracks anything."""
    tracking = {key for key, _ in configuration if key.startswith("branch.") and key.endswith(".merge")}
    local = [
        one.ref
        for one in targets
        if one.ref.startswith(HEADS)
        and f"branch.{branch_of(one.ref)}.merge" in tracking
        and remote_of(snapshot, BranchName(one.name)) is None
    ]
    return {
        ref: upstream for ref, upstream in read_upstreams(repository, local).items() if upstream.startswith(REMOTES)
    }


def _obstructed(repository: Repository, plan: Plan) -> dict[str, Checkout]:
    """Work trees in which files that are not tracked stand in the way, by their path."""
    if all(step.checkout is None for step in plan.steps):
        return {}
    from gitalign.engine.run.obstructions import obstructed

    return dict(obstructed(repository, plan))


def _require_one_line(snapshot: Snapshot, graph: CommitGraph, fetched: Mapping[str, str]) -> None:
    """Refuse targets of which neither the local nor the fetched one has everything.

    Raises:
        UserError
    """
    tips = {tip.ref: tip.oid for tip in snapshot.tips if tip.oid in graph}
    for ref, tracking in fetched.items():
        here, there = tips.get(ref), tips.get(tracking)
        if here is None or there is None or graph.is_ancestor(here, there) or graph.is_ancestor(there, here):
            continue
        name, other = ref.removeprefix(HEADS), tracking.removeprefix(REMOTES)
        raise UserError(
            f"{name} and {other} have diverged: each has commits that the other has not",
            hint=f"to align with {other}: add --target {shell_word(other)}; to align with your {name}: leave out --fetch",
            code="target_diverged",
        )


def graph_of(repository: Repository, plan: Plan, history: PlannedHistory) -> CommitGraph:
    """History behind a plan's steps, read again unless it was read for this very plan just now."""
    held = history.take(plan)
    if held is not None:
        return held
    return load_graph(repository, [*(step.seen for step in plan.steps), *(target.oid for target in plan.targets)])
