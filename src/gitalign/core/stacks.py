"""Stacks and order: which branches share own commits, which one stands on which, and where to start.

Pure. Commits are distinguished by target: the same commit of two branches that go to different targets is rewritten twice and
ties nothing together.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, StepId, TargetName, display
from gitalign.core.plan import Step, StepKind, Target

_Place = tuple[TargetName, Oid]
_REWRITING = frozenset({StepKind.REPLAY, StepKind.RECREATE})


def in_order(steps: Sequence[Step], targets: Sequence[Target], graph: CommitGraph) -> tuple[Step, ...]:
    """Give steps their stacks, dependencies and ids, in the order in which they are to start.

    By target, then priority, then what others depend on first, then the longest, then by name. Branches without own
    commits, those that are refused, and those that stay beside an integration branch stand alone.

    Args:
        steps: as yet without id, stack and dependencies.
        targets: in the operator's order.
        graph: history behind the steps.
    """
    own = {
        at: graph.own_ids(step.seen, step.onto)
        for at, step in enumerate(steps)
        if step.refusal is None and step.own_commits and step.integration is None
    }
    stacks = _stacks(steps, own)
    parents = _parents(steps, own, graph)
    depth = _depths(parents)
    target_order = {target.name: number for number, target in enumerate(targets)}
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
    shared = _shared_across_targets(steps, own)
    renumbered: dict[int, int] = {}
    made: list[Step] = []
    for at in ranked:
        step = steps[at]
        notes = (
            *step.notes,
            *([shared[at]] if at in shared else ()),
            *_comes_apart(step, [steps[one] for one in parents[at]]),
        )
        stack = renumbered.setdefault(stacks[at], len(renumbered))
        below = tuple(sorted(place[parent] for parent in parents[at]))
        made.append(replace(step, id=place[at], stack=stack, depends_on=below, notes=notes))
    return tuple(made)


def _comes_apart(step: Step, below: Sequence[Step]) -> list[str]:
    """Why a step cannot stay on its parent branch: only branches rewritten by the same strategies move as one stack."""
    return [
        f"stands on {display(one.branch.name)}, which takes its target in by another strategy: they "
        + ("may come apart" if {one.kind, step.kind} == _REWRITING else "come apart")
        for one in sorted(below, key=lambda one: one.branch.name)
        if one.kind is not step.kind
    ]


def _stacks(steps: Sequence[Step], own: Mapping[int, Sequence[Oid]]) -> list[int]:
    """For each step the number of its stack: steps of one target that share own commits, directly or through others."""
    leader = list(range(len(steps)))

    def find(at: int) -> int:
        while leader[at] != at:
            leader[at] = leader[leader[at]]
            at = leader[at]
        return at

    holder: dict[_Place, int] = {}
    for at, commits in own.items():
        target = steps[at].target.name
        for oid in commits:
            first = holder.setdefault((target, oid), at)
            if first != at:
                leader[find(at)] = find(first)
    return [find(at) for at in range(len(steps))]


def _parents(steps: Sequence[Step], own: Mapping[int, Sequence[Oid]], graph: CommitGraph) -> list[set[int]]:
    """For each step those it directly stands on. Names on one commit form a chain, in the order of their names."""
    tips: dict[_Place, list[int]] = defaultdict(list)
    for at in sorted(own, key=lambda number: steps[number].branch.name):
        tips[steps[at].target.name, steps[at].seen].append(at)
    parents: list[set[int]] = [set() for _ in steps]
    for chain in tips.values():
        first, *rest = chain
        parents[first] = _nearest_below(steps[first], set(own[first]), graph, tips)
        for below, above in zip(chain, rest, strict=False):
            parents[above] = {below}
    return parents


def _nearest_below(step: Step, own: set[Oid], graph: CommitGraph, tips: Mapping[_Place, list[int]]) -> set[int]:
    """Branches met first when walking down from the step's tip; what lies below them is theirs to depend on."""
    met: set[int] = set()
    stack = [step.seen]
    own.discard(step.seen)
    while stack:
        for parent in graph.parents(stack.pop()):
            if parent in own:
                own.discard(parent)
                there = tips.get((step.target.name, parent))
                if there:
                    met.add(there[-1])
                else:
                    stack.append(parent)
    return met


def _depths(parents: Sequence[set[int]]) -> list[int]:
    """How many steps stand below each one, along the longest way."""
    depth = [-1] * len(parents)
    for start in range(len(parents)):
        stack = [start]
        while stack:
            at = stack[-1]
            waiting = [parent for parent in parents[at] if depth[parent] < 0]
            if waiting:
                stack.extend(waiting)
                continue
            depth[at] = 1 + max((depth[parent] for parent in parents[at]), default=-1)
            stack.pop()
    return depth


def _shared_across_targets(steps: Sequence[Step], own: Mapping[int, Sequence[Oid]]) -> dict[int, str]:
    """Words for steps whose own commits go to another target too, by way of another branch."""
    holders: dict[Oid, dict[TargetName, int]] = defaultdict(dict)
    for at, commits in own.items():
        for oid in commits:
            holders[oid].setdefault(steps[at].target.name, at)
    words: dict[int, str] = {}
    for at, commits in own.items():
        target = steps[at].target.name
        shared = Counter(other for oid in commits for name, other in holders[oid].items() if name != target)
        if shared:
            other, count = min(shared.items(), key=lambda pair: (-pair[1], steps[pair[0]].branch.name))
            commits_word = "commit" if count == 1 else "commits"
            words[at] = (
                f"shares {count} {commits_word} with {display(steps[other].branch.name)}, "
                f"which goes to {display(steps[other].target.name)}"
            )
    return words
