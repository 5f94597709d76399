"""Deciding what a run would do: targets, exclusions, stacks, order. Pure: the same snapshot gives the same plan."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gitalign.core.branch import Branch, ListedBranch
from gitalign.core.graph import CommitGraph, OwnCommits
from gitalign.core.names import HEADS, BranchName, Oid, StepId, TargetName, display, is_backup_name, ref_of
from gitalign.core.plan import (
    Checkout,
    CheckoutState,
    Exclusion,
    ExclusionCode,
    Plan,
    Snapshot,
    Step,
    StepKind,
    Target,
    Tip,
    plan_hash,
)
from gitalign.core.policy import AlreadyMerged, CheckedOut, MergesPolicy, Policy, Strategy, UnknownTarget
from gitalign.errors import UserError

DEFAULT_TARGETS = ("main", "master", "scientific", "orchestration-tools")


def discover_targets(
    snapshot: Snapshot, configured: Sequence[str], *, graph: CommitGraph | None = None, prefer_remote: bool = False
) -> tuple[Target, ...]:
    """The primary branches, in order.

    Args:
        configured: names the operator gave; empty for those of `DEFAULT_TARGETS` that exist.
        graph: needed with `prefer_remote`.
        prefer_remote: take the remote-tracking branch where it has everything the local one has (after a fetch).

    Raises:
        UserError: a configured target does not exist.
    """
    tips = {tip.ref: tip for tip in snapshot.tips}
    remote = snapshot.remote or "origin"
    found: list[Target] = []
    unknown: list[str] = []
    for name in dict.fromkeys(configured or DEFAULT_TARGETS):
        local = tips.get(ref_of(name))
        tracking = tips.get(f"refs/remotes/{remote}/{name}")
        chosen = local or tracking
        if (
            prefer_remote
            and local is not None
            and tracking is not None
            and graph is not None
            and _is_ahead(graph, tracking, local)
        ):
            chosen = tracking
        if chosen is not None and chosen.object_type == "commit":
            found.append(Target(name=TargetName(name), ref=chosen.ref, oid=chosen.oid))
        elif configured:
            unknown.append(name)
    if unknown:
        there = ", ".join(display(tip.ref.removeprefix(HEADS)) for tip in snapshot.tips if tip.ref.startswith(HEADS))
        raise UserError(
            f"no such target branch: {', '.join(map(display, unknown))}",
            code="unknown_target",
            hint=f"set alignment.targets to branches that exist ({there[:200]})"
            if there
            else "the repository has no branches",
        )
    return tuple(found)


def _is_ahead(graph: CommitGraph, tracking: Tip, local: Tip) -> bool:
    return tracking.oid in graph and local.oid in graph and graph.is_ancestor(local.oid, tracking.oid)


def build_plan(
    snapshot: Snapshot,
    graph: CommitGraph,
    *,
    policy: Policy,
    targets: Sequence[Target],
    listed: Sequence[ListedBranch] | None,
    only: Sequence[str] = (),
) -> Plan:
    """Decide what happens to every branch.

    Args:
        snapshot: refs and work trees.
        graph: history behind every branch and target.
        policy: the operator's decisions.
        targets: as `discover_targets` gave them.
        listed: entries of a branch list; None to take every branch of the repository.
        only: globs over whole branch names; empty takes all.

    Raises:
        UserError: no target at all, or unknown targets where the policy refuses them.
    """
    chooser = _Chooser(snapshot, graph, policy, tuple(targets), tuple(only))
    chosen, excluded = chooser.from_list(listed) if listed is not None else chooser.from_refs()
    steps = _order(_steps(snapshot, graph, policy, chosen), targets, graph)
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


@dataclass(frozen=True, slots=True)
class _Chosen:
    branch: Branch
    target: Target
    tip: Oid
    checkout: str | None
    notes: tuple[str, ...] = ()


class _Chooser:
    """Which branches take part, and with which target."""

    def __init__(
        self, snapshot: Snapshot, graph: CommitGraph, policy: Policy, targets: tuple[Target, ...], only: tuple[str, ...]
    ) -> None:
        self._tips = {tip.ref: tip for tip in snapshot.tips if tip.ref.startswith(HEADS)}
        self._remote_names = {
            tip.ref.split("/", 3)[3]
            for tip in snapshot.tips
            if tip.ref.startswith("refs/remotes/") and tip.ref.count("/") >= 3
        }
        self._aliases: dict[str, list[str]] = defaultdict(list)
        for tip in self._tips.values():
            if tip.symbolic_target is not None:
                self._aliases[tip.symbolic_target].append(tip.ref)
        self._checkouts: dict[str, list[Checkout]] = defaultdict(list)
        for checkout in snapshot.checkouts:
            self._checkouts[checkout.ref].append(checkout)
        self._graph = graph
        self._policy = policy
        self._targets = targets
        self._by_name = {target.name: target for target in targets}
        self._only = only

    def from_refs(self) -> tuple[list[_Chosen], list[Exclusion]]:
        """Every branch of the repository, each with the target it is nearest to."""
        chosen: list[_Chosen] = []
        excluded: list[Exclusion] = []
        for ref, tip in self._tips.items():
            name = BranchName(ref.removeprefix(HEADS))
            out = self._excluded(name, tip)
            if out is not None:
                excluded.append(out)
                continue
            if not self._targets:
                excluded.append(
                    Exclusion(
                        branch=name,
                        code=ExclusionCode.NO_TARGET,
                        reason="the repository has none of the target branches; set alignment.targets",
                    )
                )
                continue
            target, reason = self._nearest(tip.oid)
            chosen.append(self._chosen(Branch(name=name, target=target.name, reason=reason), target, tip.oid))
        return chosen, excluded

    def from_list(self, listed: Sequence[ListedBranch]) -> tuple[list[_Chosen], list[Exclusion]]:
        """The branches of a list, each with the target the list gives it."""
        chosen: list[_Chosen] = []
        excluded: list[Exclusion] = []
        seen: dict[str, ListedBranch] = {}
        unknown: list[str] = []
        for entry in listed:
            name = BranchName(entry.name)
            target_name = TargetName(entry.target) if entry.target else None

            def out(
                code: ExclusionCode, reason: str, *, of: BranchName = name, to: TargetName | None = target_name
            ) -> Exclusion:
                return Exclusion(branch=of, code=code, reason=reason, target=to)

            if name in seen:
                first = seen[name]
                other = f", which gives it another target: {first.target}" if first.target != entry.target else ""
                excluded.append(
                    out(
                        ExclusionCode.DUPLICATE,
                        f"entry {entry.index} repeats entry {first.index}{other}; the first one counts",
                    )
                )
                continue
            seen[name] = entry
            tip = self._tips.get(ref_of(name))
            if tip is None:
                where = (
                    "; it exists on the remote only: git branch --track it first" if name in self._remote_names else ""
                )
                excluded.append(
                    out(ExclusionCode.MISSING, f"entry {entry.index}: no such branch in the repository{where}")
                )
                continue
            refusal = self._excluded(name, tip)
            if refusal is not None:
                excluded.append(replace(refusal, target=target_name))
                continue
            if target_name is None:
                excluded.append(out(ExclusionCode.NO_TARGET, f"entry {entry.index} names no target"))
                continue
            target = self._by_name.get(target_name)
            if target is None:
                unknown.append(f"entry {entry.index} ({display(name)}): {display(target_name)}")
                excluded.append(
                    out(ExclusionCode.UNKNOWN_TARGET, f"entry {entry.index}: {target_name!r} is no target here")
                )
                continue
            branch = Branch(
                name=name,
                target=target.name,
                reason=entry.reason or "listed",
                priority=entry.priority,
                confidence=entry.confidence,
                tags=entry.tags,
                cluster_id=entry.cluster_id,
            )
            chosen.append(self._chosen(branch, target, tip.oid))
        if unknown and self._policy.unknown_target is UnknownTarget.REFUSE:
            known = ", ".join(display(target.name) for target in self._targets) or "none"
            raise UserError(
                f"unknown targets in the branch list: {'; '.join(unknown)}",
                code="unknown_target",
                hint=f"known targets: {known}; see alignment.targets",
            )
        return chosen, excluded

    def _chosen(self, branch: Branch, target: Target, tip: Oid) -> _Chosen:
        held = self._checkouts.get(ref_of(branch.name), [])
        return _Chosen(branch, target, tip, held[0].path if held else None)

    def _excluded(self, name: BranchName, tip: Tip) -> Exclusion | None:
        def out(code: ExclusionCode, reason: str) -> Exclusion:
            return Exclusion(branch=name, code=code, reason=reason)

        if TargetName(name) in self._by_name or any(target.ref == tip.ref for target in self._targets):
            return out(ExclusionCode.IS_TARGET, "is a target; targets are never moved")
        if self._only and not any(fnmatch.fnmatchcase(name, glob) for glob in self._only):
            return out(ExclusionCode.NOT_SELECTED, f"matches none of {', '.join(self._only)}")
        if tip.symbolic_target is not None:
            return out(
                ExclusionCode.SYMBOLIC_REF,
                f"is a symbolic ref to {display(tip.symbolic_target)}, which is treated under its own name",
            )
        if tip.object_type != "commit":
            return out(ExclusionCode.NOT_A_COMMIT, f"points to a {tip.object_type}, not to a commit")
        if is_backup_name(name, prefix=self._policy.backup_prefix):
            return out(ExclusionCode.BACKUP, "is a backup branch")
        for glob in self._policy.protected:
            if fnmatch.fnmatchcase(name, glob):
                return out(ExclusionCode.PROTECTED, f"protected by the pattern {glob}")
        return self._held_by_work_tree(name, tip.ref)

    def _held_by_work_tree(self, name: BranchName, ref: str) -> Exclusion | None:
        held = [checkout for alias in (ref, *self._aliases.get(ref, ())) for checkout in self._checkouts.get(alias, ())]
        if not held:
            return None
        codes = {
            CheckoutState.DIRTY: ExclusionCode.CHECKED_OUT_DIRTY,
            CheckoutState.BUSY: ExclusionCode.CHECKED_OUT_BUSY,
            CheckoutState.LOCKED: ExclusionCode.WORK_TREE_UNAVAILABLE,
            CheckoutState.MISSING: ExclusionCode.WORK_TREE_UNAVAILABLE,
            CheckoutState.FILTERED: ExclusionCode.WORK_TREE_FILTERED,
        }
        for checkout in held:
            if checkout.state is not CheckoutState.CLEAN:
                detail = f": {checkout.detail}" if checkout.detail else ""
                return Exclusion(
                    branch=name,
                    code=codes[checkout.state],
                    reason=f"checked out in {display(checkout.path)}, which is {checkout.state}{detail}",
                )
        if self._policy.checked_out is CheckedOut.HOLD:
            return Exclusion(
                branch=name,
                code=ExclusionCode.CHECKED_OUT_HELD,
                reason=f"checked out in {display(held[0].path)}, and alignment.checked_out is hold",
            )
        if len(held) > 1:
            places = ", ".join(display(checkout.path) for checkout in held)
            return Exclusion(
                branch=name, code=ExclusionCode.CHECKED_OUT_HELD, reason=f"checked out in several work trees: {places}"
            )
        return None

    def _nearest(self, tip: Oid) -> tuple[Target, str]:
        """The target with the fewest commits between, and why."""
        if tip not in self._graph:
            return self._targets[0], "history cannot be read; first target taken"
        known = [target for target in self._targets if target.oid in self._graph]
        if not known:
            return self._targets[0], "history of the targets cannot be read; first target taken"
        own = {target.name: self._graph.own_count(tip, target.oid) for target in known}
        fewest = min(own.values())
        best = [target for target in known if own[target.name] == fewest]
        commits = f"{fewest} own commit{'' if fewest == 1 else 's'}"
        if len(best) == 1:
            return best[0], f"{commits} not in it" + (f", fewest of {len(known)} targets" if len(known) > 1 else "")
        names = ", ".join(target.name for target in best)
        return best[0], f"{commits} not in it, as many as for each of {names}; first in order taken"


def _steps(snapshot: Snapshot, graph: CommitGraph, policy: Policy, chosen: Sequence[_Chosen]) -> list[Step]:
    remote = dict(snapshot.remote_tips)
    return [_step(one, graph, policy, remote.get(one.branch.name)) for one in chosen]


def _step(one: _Chosen, graph: CommitGraph, policy: Policy, remote_seen: Oid | None) -> Step:
    kind, own, behind = StepKind.REPLAY, None, 0
    notes = list(one.notes)
    refusal: tuple[str, str] | None = None
    if one.tip not in graph or one.target.oid not in graph:
        words = graph.unreadable.get(one.tip) or graph.unreadable.get(one.target.oid) or "its history cannot be read"
        refusal = ("missing_object", words[:500])
    else:
        own = graph.own(one.tip, one.target.oid)
        behind = graph.behind_count(one.tip, one.target.oid)
        kind, note, refusal = _kind(own, behind, one.target, policy)
        notes += note
    return Step(
        id=StepId(0),
        branch=one.branch,
        target=one.target,
        kind=kind,
        strategy=Strategy.MERGE if kind is StepKind.MERGE else policy.strategy,
        seen=one.tip,
        onto=one.target.oid,
        own_commits=own.count if own else 0,
        behind=behind,
        merges=len(own.merges) if own else 0,
        stack=0,
        notes=tuple(notes),
        refusal=refusal,
        remote_seen=remote_seen,
        checkout=one.checkout,
    )


def _kind(
    own: OwnCommits, behind: int, target: Target, policy: Policy
) -> tuple[StepKind, list[str], tuple[str, str] | None]:
    if own.hits_shallow:
        return (
            StepKind.REPLAY,
            [],
            (
                "needs_deepening",
                "its history is cut off before it meets its target (shallow clone), so the base is not known",
            ),
        )
    if not own.count:
        if not behind:
            return StepKind.UP_TO_DATE, ["stands at the target's tip"], None
        if policy.already_merged is AlreadyMerged.LEAVE:
            return StepKind.LEAVE, ["already merged: every commit is in the target"], None
        return StepKind.FAST_FORWARD, ["already merged: every commit is in the target; moves to the target's tip"], None
    if not own.bases:
        return StepKind.REPLAY, [], ("unrelated_history", f"shares no commit with {target.name}")
    merges = len(own.merges)
    named = f"contains {merges} merge{'' if merges == 1 else 's'}"
    if policy.strategy is Strategy.MERGE:
        return (StepKind.UP_TO_DATE if not behind else StepKind.MERGE), [], None
    if not merges:
        return (StepKind.UP_TO_DATE if not behind else StepKind.REPLAY), [], None
    match policy.merges:
        case MergesPolicy.FLATTEN:
            return StepKind.REPLAY, [f"{named}: they are flattened, as git rebase does"], None
        case MergesPolicy.MERGE_INSTEAD:
            return (
                (StepKind.UP_TO_DATE, [named], None)
                if not behind
                else (StepKind.MERGE, [f"{named}: the target is merged in instead of rebasing"], None)
            )
        case MergesPolicy.REFUSE:
            return (
                (StepKind.UP_TO_DATE, [named], None)
                if not behind
                else (StepKind.REPLAY, [named], ("contains_merges", f"{named}, and alignment.merges is refuse"))
            )


def _order(steps: Sequence[Step], targets: Sequence[Target], graph: CommitGraph) -> tuple[Step, ...]:
    """Give stacks and dependencies, and put steps into the order in which they are to start."""
    stacks, parents = _stacks(steps, graph)
    target_order = {target.name: number for number, target in enumerate(targets)}
    depth = _depths(len(steps), parents)
    ranked = sorted(
        range(len(steps)),
        key=lambda at: (
            target_order[steps[at].target.name],
            -steps[at].branch.priority,
            depth[at],
            -steps[at].own_commits,
            steps[at].branch.name,
        ),
    )
    place = {at: StepId(number) for number, at in enumerate(ranked)}
    renumbered: dict[int, int] = {}
    made: list[Step] = []
    for at in ranked:
        stack = renumbered.setdefault(stacks[at], len(renumbered))
        made.append(
            replace(
                steps[at], id=place[at], stack=stack, depends_on=tuple(sorted(place[parent] for parent in parents[at]))
            )
        )
    return tuple(made)


def _stacks(steps: Sequence[Step], graph: CommitGraph) -> tuple[list[int], list[set[int]]]:
    """Union of branches of one target that share own commits; parents are the nearest branches whose tip is among them."""
    leader = list(range(len(steps)))

    def find(at: int) -> int:
        while leader[at] != at:
            leader[at] = leader[leader[at]]
            at = leader[at]
        return at

    holder: dict[tuple[str, Oid], int] = {}
    tips: dict[tuple[str, Oid], list[int]] = defaultdict(list)
    own: dict[int, tuple[Oid, ...]] = {}
    for at, step in enumerate(steps):
        if step.refusal is None and step.own_commits:
            own[at] = graph.own_ids(step.seen, step.onto)
            tips[step.target.name, step.seen].append(at)
    for at, commits in own.items():
        for oid in commits:
            first = holder.setdefault((steps[at].target.name, oid), at)
            if first != at:
                leader[find(at)] = find(first)
    parents: list[set[int]] = [set() for _ in steps]
    for at in own:
        same = sorted(tips[steps[at].target.name, steps[at].seen], key=lambda other: steps[other].branch.name)
        mine = same.index(at)
        parents[at] = {same[mine - 1]} if mine else _nearest_below(steps[at], graph, tips)
    return [find(at) for at in range(len(steps))], parents


def _nearest_below(step: Step, graph: CommitGraph, tips: Mapping[tuple[str, Oid], list[int]]) -> set[int]:
    """Branches met first when walking down from the step's tip; what lies below them is theirs to depend on."""
    met: set[int] = set()
    seen = {step.seen}
    stack = [step.seen]
    base = graph.own(step.seen, step.onto).bases
    stop = set(base)
    while stack:
        for parent in graph.parents(stack.pop()):
            if parent in seen or parent in stop:
                continue
            seen.add(parent)
            there = tips.get((step.target.name, parent))
            if there:
                met.add(there[-1])
            elif not graph.is_ancestor(parent, step.onto):
                stack.append(parent)
    return met


def _depths(count: int, parents: Sequence[Iterable[int]]) -> list[int]:
    depth = [-1] * count
    for start in range(count):
        stack = [start]
        while stack:
            at = stack[-1]
            open_parents = [parent for parent in parents[at] if depth[parent] < 0]
            if open_parents:
                stack.extend(open_parents)
                continue
            depth[at] = 1 + max((depth[parent] for parent in parents[at]), default=-1)
            stack.pop()
    return depth
