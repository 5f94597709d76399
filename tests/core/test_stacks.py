"""Stacks, dependencies and order, from drawn histories."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from gitalign.core.branch import ListedBranch
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.plan import Plan
from gitalign.core.planning import build_plan
from gitalign.core.policy import Policy
from gitalign.core.targets import discover_targets
from tests.core.drawing import draw, graph_of, snapshot


def _plan(drawing: str, *, priorities: dict[str, int] | None = None, targets: Sequence[str] = ()) -> Plan:
    tips, parents = draw(drawing)
    seen = snapshot(tips)
    listed = (
        [
            ListedBranch(index=number, name=name, target="main", priority=priorities.get(name, 0))
            for number, name in enumerate(tips)
            if name != "main"
        ]
        if priorities is not None
        else None
    )
    return build_plan(seen, graph_of(parents), policy=Policy(), targets=discover_targets(seen, targets), listed=listed)


def _order(plan: Plan) -> list[str]:
    return [step.branch.name for step in plan.steps]


def _depends(plan: Plan) -> dict[str, list[str]]:
    return {
        step.branch.name: sorted(plan.step(parent).branch.name for parent in step.depends_on) for step in plan.steps
    }


def _stacks(plan: Plan) -> set[frozenset[str]]:
    numbers = {step.stack for step in plan.steps}
    return {frozenset(step.branch.name for step in plan.steps if step.stack == number) for number in numbers}


def test_branches_that_contain_branches_are_one_stack_from_the_bottom_up() -> None:
    """Edge case 22."""
    plan = _plan("main: A-B; top: A-C-D-E; low: C; middle: D; alone: A-F")
    assert _stacks(plan) == {frozenset({"low", "middle", "top"}), frozenset({"alone"})}
    assert _depends(plan) == {"low": [], "middle": ["low"], "top": ["middle"], "alone": []}
    assert _order(plan) == ["alone", "low", "middle", "top"]
    assert [step.id for step in plan.steps] == [0, 1, 2, 3]
    assert all(parent < step.id for step in plan.steps for parent in step.depends_on)


def test_a_fork_is_one_stack_without_dependencies_between_its_arms() -> None:
    plan = _plan("main: A-B; x: A-C-D; y: C-E")
    assert _stacks(plan) == {frozenset({"x", "y"})}
    assert _depends(plan) == {"x": [], "y": []}


def test_a_branch_that_merges_two_others_depends_on_both() -> None:
    plan = _plan("main: A-B; x: A-C; y: A-D; z: C-M+D")
    assert _depends(plan)["z"] == ["x", "y"]
    assert len(_stacks(plan)) == 1


def test_two_names_on_one_commit_stand_on_each_other_and_what_is_above_on_the_last() -> None:
    """Edge case 22: both move."""
    plan = _plan("main: A-B; z: A-C; a: C; m: C; top: C-D")
    assert _depends(plan) == {"a": [], "m": ["a"], "z": ["m"], "top": ["z"]}
    assert len(_stacks(plan)) == 1


def test_branches_without_own_commits_and_refused_ones_stand_alone() -> None:
    plan = _plan("main: A-B-C; x: A; y: A; r: R; s: R-S")
    assert len(_stacks(plan)) == 4
    assert all(not step.depends_on for step in plan.steps)


def test_the_same_commits_for_two_targets_are_two_stacks_and_said() -> None:
    """Told apart by target: x and y share C and D, and each target gets its own copy."""
    plan = _plan("main: A-B; scientific: A-S-C2; x: A-C-D; y: C-D-M+C2-E; z: A-C")
    assert {step.branch.name: step.target.name for step in plan.steps} == {"x": "main", "y": "scientific", "z": "main"}
    assert _stacks(plan) == {frozenset({"x", "z"}), frozenset({"y"})}
    notes = {str(step.branch.name): step.notes[-1:] for step in plan.steps}
    assert notes["x"] == ("shares 2 commits with y, which goes to scientific",)
    assert notes["z"] == ("shares 1 commit with y, which goes to scientific",)
    assert notes["y"][0].startswith("shares ")
    assert "which goes to main" in notes["y"][0]


def test_order_is_target_then_priority_then_depth_then_length_then_name() -> None:
    plan = _plan("main: A-B; scientific: A-S; t: S-T; long: A-C-D; b: A-E; a: A-F; up: E-G")
    assert _order(plan) == ["long", "a", "b", "up", "t"]
    urgent = _plan("main: A-B; long: A-C-D; b: A-E; a: A-F", priorities={"b": 5, "a": -1})
    assert _order(urgent) == ["b", "long", "a"]
    turned = _plan("main: A-B; scientific: A-S; x: B-X; y: S-Y", targets=("scientific", "main"))
    assert _order(turned) == ["y", "x"]


def test_stack_numbers_follow_the_order_of_steps() -> None:
    plan = _plan("main: A-B; x: A-C; y: C-D; z: A-E")
    numbers = [step.stack for step in plan.steps]
    assert list(dict.fromkeys(numbers)) == list(range(len(set(numbers))))


def test_random_histories_obey_the_rules() -> None:
    """Stack-mates share own commits through one another; dependencies are exactly containment, reduced."""
    for seed in range(20):
        chance = random.Random(seed)
        parents: dict[Oid, tuple[Oid, ...]] = {Oid("0"): ()}
        for number in range(1, 25):
            known = list(parents)[-8:]
            parents[Oid(str(number))] = tuple(chance.sample(known, min(len(known), chance.choice([1, 1, 1, 2]))))
        tips = {f"b{number}": Oid(str(chance.randrange(25))) for number in range(10)} | {"main": Oid("6")}
        seen = snapshot(tips)
        graph = graph_of(parents)
        plan = build_plan(seen, graph, policy=Policy(), targets=discover_targets(seen, ()), listed=None)
        own = {step.id: set(graph.own_ids(step.seen, step.onto)) for step in plan.steps}
        above: dict[int, set[int]] = {}
        for step in plan.steps:
            above[step.id] = set(step.depends_on).union(*(above[parent] for parent in step.depends_on))
        for one in plan.steps:
            for other in plan.steps:
                if own[one.id] & own[other.id]:
                    assert one.stack == other.stack
                if own[other.id] and own[other.id] < own[one.id]:
                    assert other.id in above[one.id]
                if other.id in above[one.id]:
                    assert own[other.id] <= own[one.id]
            assert own[one.id] or not one.depends_on


def test_five_thousand_names_on_one_commit_are_walked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Edge case 48."""
    asked: list[Oid] = []
    parents_of = CommitGraph.parents

    def counted(graph: CommitGraph, oid: Oid) -> tuple[Oid, ...]:
        asked.append(oid)
        return parents_of(graph, oid)

    monkeypatch.setattr(CommitGraph, "parents", counted)
    tips, parents = draw("main: A-B; x: A-C-D-E-F-G")
    seen = snapshot(tips | {f"b{number}": tips["x"] for number in range(4999)})
    plan = build_plan(seen, graph_of(parents), policy=Policy(), targets=discover_targets(seen, ()), listed=None)
    assert len(plan.steps) == 5000
    assert [len(step.depends_on) for step in plan.steps] == [0] + [1] * 4999
    assert len(asked) <= 2 * len(parents)
