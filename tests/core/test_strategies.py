"""A strategy for each branch: the first rule that fits, from drawn histories."""

from __future__ import annotations

import pytest

from gitalign.core.branch import ListedBranch
from gitalign.core.plan import Plan, StepKind
from gitalign.core.planning import build_plan
from gitalign.core.policy import MergesPolicy, Policy, Strategy, StrategyRule
from gitalign.core.strategies import idle_rules
from gitalign.core.targets import discover_targets
from tests.core.drawing import draw, graph_of, snapshot

_DRAWING = "main: A-B-C; small: A-D; large: A-E-F-G; merging: A-H-M+B; epic/x: A-I"


def _plan(*rules: StrategyRule, drawing: str = _DRAWING, listed: list[ListedBranch] | None = None) -> Plan:
    tips, parents = draw(drawing)
    seen = snapshot(tips)
    policy = Policy(strategies=rules)
    return build_plan(seen, graph_of(parents), policy=policy, targets=discover_targets(seen, ()), listed=listed)


def _kinds(plan: Plan) -> dict[str, str]:
    return {str(step.branch.name): step.kind.value for step in plan.steps}


@pytest.mark.parametrize(
    ("rule", "merged"),
    [
        (StrategyRule(strategy=Strategy.MERGE, match="epic/*"), {"epic/x"}),
        (StrategyRule(strategy=Strategy.MERGE, match="epic"), set()),
        (StrategyRule(strategy=Strategy.MERGE, target="main"), {"small", "large", "epic/x"}),
        (StrategyRule(strategy=Strategy.MERGE, target="other"), set()),
        (StrategyRule(strategy=Strategy.MERGE, metric="own_commits", at_least=3), {"large"}),
        (StrategyRule(strategy=Strategy.MERGE, metric="own_commits", at_most=1), {"small", "epic/x"}),
        (StrategyRule(strategy=Strategy.MERGE, metric="own_commits", at_least=2, at_most=2), set()),
        (StrategyRule(strategy=Strategy.MERGE, metric="behind", at_least=2), {"small", "large", "epic/x"}),
        (StrategyRule(strategy=Strategy.MERGE, metric="own_commits", at_most=1, match="s*"), {"small"}),
        (StrategyRule(strategy=Strategy.MERGE, metric="unheard_of", at_least=0), set()),
    ],
)
def test_a_rule_holds_where_all_of_it_fits(rule: StrategyRule, merged: set[str]) -> None:
    assert {name for name, kind in _kinds(_plan(rule)).items() if kind == "merge"} == merged | {"merging"}


def test_the_first_rule_that_fits_wins_and_is_told() -> None:
    plan = _plan(
        StrategyRule(strategy=Strategy.REBASE, match="small"),
        StrategyRule(strategy=Strategy.MERGE, metric="behind", at_least=2, match="[sl]*"),
    )
    steps = {str(step.branch.name): step for step in plan.steps}
    assert steps["small"].strategy is Strategy.REBASE
    assert steps["large"].strategy is Strategy.MERGE
    assert steps["small"].notes == ("strategy rebase by rule 1: name matches small",)
    assert steps["large"].notes == ("strategy merge by rule 2: name matches [sl]*, behind is 2",)
    assert steps["epic/x"].notes == ()


def test_a_rule_may_say_what_happens_to_merges() -> None:
    plan = _plan(StrategyRule(strategy=Strategy.REBASE, merges=MergesPolicy.FLATTEN, metric="merges", at_least=1))
    assert _kinds(plan)["merging"] == StepKind.REPLAY


def test_tags_and_numbers_of_the_branch_list() -> None:
    listed = [
        ListedBranch(index=0, name="small", target="main", tags=("tag:high_complexity",)),
        ListedBranch(index=1, name="large", target="main", metrics=(("integration_risk", 0.2),)),
        ListedBranch(index=2, name="epic/x", target="main", metrics=(("integration_risk", 0.9), ("behind", 99))),
    ]
    plan = _plan(
        StrategyRule(strategy=Strategy.MERGE, tag="tag:high_complexity"),
        StrategyRule(strategy=Strategy.MERGE, metric="integration_risk", at_most=0.5),
        # What history says of this repository today is worth more than what a file says.
        StrategyRule(strategy=Strategy.MERGE, metric="behind", at_least=50),
        listed=listed,
    )
    assert _kinds(plan) == {"small": "merge", "large": "merge", "epic/x": "replay"}


def test_rules_that_align_nothing_are_known() -> None:
    plan = _plan(
        StrategyRule(strategy=Strategy.MERGE, match="smal"),
        StrategyRule(strategy=Strategy.MERGE, match="small"),
        StrategyRule(strategy=Strategy.AUTO, target="mian"),
    )
    assert idle_rules(plan.policy, (note for step in plan.steps for note in step.notes)) == (1, 3)


def test_rules_are_part_of_the_plan() -> None:
    assert _plan().id != _plan(StrategyRule(strategy=Strategy.MERGE, match="nothing")).id


def test_a_stack_that_comes_apart_is_told() -> None:
    rule = StrategyRule(strategy=Strategy.MERGE, match="top")
    plan = _plan(rule, drawing="main: A-B; low: A-C; top: C-D; other: C-E")
    notes = {str(step.branch.name): step.notes for step in plan.steps}
    assert notes["top"][1:] == ("stands on low, which takes its target in by another strategy: they come apart",)
    assert notes["low"] == notes["other"] == ()
