"""The plan as a pure decision: targets, exclusions and kinds of steps, from drawn histories."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gitalign.core.branch import ListedBranch
from gitalign.core.exclusions import ExclusionCode
from gitalign.core.filters import Filters
from gitalign.core.names import BranchName, Oid, TargetName
from gitalign.core.plan import Plan, Step, StepKind, Target
from gitalign.core.planning import build_plan
from gitalign.core.policy import AlreadyMerged, CheckedOut, MergesPolicy, Policy, Strategy, UnknownTarget
from gitalign.core.push import PushPlace
from gitalign.core.snapshot import Checkout, CheckoutState, Tip
from gitalign.core.targets import discover_targets
from gitalign.errors import UserError
from tests.core.drawing import draw, graph_of, snapshot


def _plan(
    drawing: str,
    *,
    policy: Policy | None = None,
    targets: Sequence[str] = (),
    listed: Sequence[ListedBranch] | None = None,
    only: Sequence[str] = (),
    extra: Collection[Tip] = (),
    checkouts: Collection[Checkout] = (),
    shallow: Collection[str] = (),
) -> Plan:
    tips, parents = draw(drawing)
    seen = snapshot(tips, extra=extra, checkouts=checkouts)
    graph = graph_of(parents, shallow=shallow)
    found = discover_targets(seen, targets)
    return build_plan(
        seen, graph, policy=policy or Policy(), targets=found, listed=listed, filters=Filters(only=tuple(only))
    )


def _step(plan: Plan, branch: str) -> Step:
    return next(step for step in plan.steps if step.branch.name == branch)


def _codes(plan: Plan) -> dict[str, ExclusionCode]:
    return {one.branch: one.code for one in plan.excluded}


def _reason(plan: Plan, branch: str) -> str:
    return next(one.reason for one in plan.excluded if one.branch == branch)


def _entry(index: int, name: str, target: str | None = "main", *, priority: int = 0) -> ListedBranch:
    return ListedBranch(index=index, name=name, target=target, priority=priority)


class TestTargets:
    def test_the_usual_names_that_exist_in_their_order(self) -> None:
        tips, _ = draw("scientific: A-B; main: A; x: A-C")
        assert [target.name for target in discover_targets(snapshot(tips), ())] == ["main", "scientific"]

    def test_configured_names_in_the_operators_order_once(self) -> None:
        tips, _ = draw("a: A; b: A-B; main: A")
        assert [target.name for target in discover_targets(snapshot(tips), ("b", "a", "b"))] == ["b", "a"]

    def test_a_target_that_exists_only_on_the_remote(self) -> None:
        tips, _ = draw("x: A-B")
        seen = snapshot(tips, extra=[Tip(ref="refs/remotes/origin/main", oid=Oid("A"))])
        assert discover_targets(seen, ()) == (
            Target(name=TargetName("main"), ref="refs/remotes/origin/main", oid=Oid("A")),
        )

    def test_a_configured_target_that_does_not_exist_is_refused_with_what_there_is(self) -> None:
        tips, _ = draw("main: A; x: A-B")
        with pytest.raises(UserError, match="no such target branch: nope") as refused:
            discover_targets(snapshot(tips), ("main", "nope"))
        assert "main, x" in refused.value.hint
        with pytest.raises(UserError) as refused:
            discover_targets(snapshot({}), ("main",))
        assert "no branches" in refused.value.hint

    def test_a_name_that_is_no_commit_is_no_target(self) -> None:
        tree = Tip(ref="refs/heads/main", oid=Oid("T"), object_type="tree")
        assert discover_targets(snapshot({}, extra=[tree]), ()) == ()

    @pytest.mark.parametrize(
        ("local", "remote", "chosen"),
        [("A", "B", "B"), ("B", "A", "B"), ("B", "C", "B"), ("A", "gone", "A")],
        ids=["behind", "ahead", "diverged", "unreadable"],
    )
    def test_after_a_fetch_the_remotes_branch_is_taken_where_it_has_everything(
        self, local: str, remote: str, chosen: str
    ) -> None:
        _, parents = draw("one: A-B; two: A-C")
        seen = snapshot({"main": Oid(local)}, extra=[Tip(ref="refs/remotes/origin/main", oid=Oid(remote))])
        (target,) = discover_targets(seen, (), graph=graph_of(parents))
        assert target.oid == chosen


class TestNearestTarget:
    def test_fewest_own_commits(self) -> None:
        plan = _plan("main: A-B; scientific: A-C-D; x: D-E; y: B-F-G")
        assert _step(plan, "x").target.name == "scientific"
        assert _step(plan, "x").branch.reason == "1 own commit not in it, fewest of 2 targets"
        assert _step(plan, "y").target.name == "main"
        assert _step(plan, "y").branch.reason == "2 own commits not in it, fewest of 2 targets"

    def test_then_the_order_of_targets_and_the_tie_is_said(self) -> None:
        """Both targets lack one commit of x; that main has gone much further since says nothing about x."""
        drawing = "main: A-B-C-D; scientific: A-S; x: A-X"
        tie = "1 own commit not in it, as many as for each of {}; first in order taken"
        plan = _plan(drawing)
        assert _step(plan, "x").target.name == "main"
        assert _step(plan, "x").branch.reason == tie.format("main, scientific")
        turned = _plan(drawing, targets=("scientific", "main"))
        assert _step(turned, "x").target.name == "scientific"
        assert _step(turned, "x").branch.reason == tie.format("scientific, main")

    def test_one_target_needs_no_comparison(self) -> None:
        assert _step(_plan("main: A; x: A-B"), "x").branch.reason == "1 own commit not in it"

    def test_no_target_at_all(self) -> None:
        plan = _plan("blue: A; x: A-B")
        assert plan.steps == ()
        assert set(_codes(plan).values()) == {ExclusionCode.NO_TARGET}
        assert "alignment.targets" in _reason(plan, "x")

    def test_unreadable_history_takes_the_first_target_and_is_refused(self) -> None:
        """Edge case 43."""
        tips, parents = draw("main: A-B; x: A-C")
        seen = snapshot({**tips, "y": Oid("lost"), "z": Oid("silent")})
        graph = graph_of(parents, unreadable={Oid("lost"): "commit lost cannot be read: missing"})
        plan = build_plan(seen, graph, policy=Policy(), targets=discover_targets(seen, ()), listed=None)
        assert _step(plan, "x").refusal is None
        assert _step(plan, "y").refusal == ("missing_object", "commit lost cannot be read: missing")
        assert _step(plan, "z").refusal == ("missing_object", "its history cannot be read")
        assert "cannot be read" in _step(plan, "y").branch.reason

    def test_an_unreadable_target_refuses_its_branches(self) -> None:
        tips, parents = draw("other: A-B; x: A-C")
        seen = snapshot({**tips, "main": Oid("lost")})
        graph = graph_of(parents, unreadable={Oid("lost"): "gone"})
        plan = build_plan(seen, graph, policy=Policy(), targets=discover_targets(seen, ()), listed=None)
        assert _step(plan, "x").refusal == ("missing_object", "gone")
        assert "targets cannot be read" in _step(plan, "x").branch.reason


class TestExclusions:
    def test_every_branch_is_a_step_or_an_exclusion(self) -> None:
        plan = _plan("main: A; x: A-B; y: A-C", only=("x",))
        assert [step.branch.name for step in plan.steps] == ["x"]
        assert _codes(plan) == {"main": ExclusionCode.IS_TARGET, "y": ExclusionCode.NOT_SELECTED}
        assert "matches none of x" in _reason(plan, "y")

    def test_globs_match_whole_names(self) -> None:
        plan = _plan("main: A; feature/a: A-B; my/feature/b: A-C; feature: A-D", only=("feature/*",))
        assert [step.branch.name for step in plan.steps] == ["feature/a"]

    def test_protected_and_backups(self) -> None:
        plan = _plan("main: A; release/1: A-B; backup-x-pre-align: A-C", policy=Policy(protected=("release/*",)))
        assert plan.steps == ()
        assert _codes(plan)["release/1"] is ExclusionCode.PROTECTED
        assert "release/*" in _reason(plan, "release/1")
        assert _codes(plan)["backup-x-pre-align"] is ExclusionCode.BACKUP

    def test_symbolic_refs_move_under_their_own_name_only(self) -> None:
        """Edge case 29."""
        alias = Tip(ref="refs/heads/alias", oid=Oid("B"), symbolic_target="refs/heads/x")
        plan = _plan("main: A; x: A-B", extra=[alias])
        assert [step.branch.name for step in plan.steps] == ["x"]
        assert _codes(plan)["alias"] is ExclusionCode.SYMBOLIC_REF
        assert "refs/heads/x" in _reason(plan, "alias")

    def test_what_a_target_is_a_symbolic_ref_to_is_a_target_too(self) -> None:
        """Edge cases 2 and 29: main is a name of blue, so moving blue would move a primary branch."""
        main = Tip(ref="refs/heads/main", oid=Oid("A"), symbolic_target="refs/heads/blue")
        upstream = Tip(ref="refs/remotes/origin/main", oid=Oid("B"))
        tips, parents = draw("blue: A; newer: A-B")
        seen = snapshot(tips, extra=[main, upstream])
        graph = graph_of(parents)
        targets = discover_targets(seen, (), graph=graph)
        assert [target.oid for target in targets] == ["B"]
        plan = build_plan(seen, graph, policy=Policy(), targets=targets, listed=None)
        assert _codes(plan)["blue"] is ExclusionCode.IS_TARGET
        assert "main is a symbolic ref to it" in _reason(plan, "blue")
        assert _codes(plan)["main"] is ExclusionCode.IS_TARGET

    def test_two_names_of_one_target_are_one_target(self) -> None:
        """Edge case 29."""
        main = Tip(ref="refs/heads/main", oid=Oid("A"), symbolic_target="refs/heads/trunk")
        plan = _plan("trunk: A-B; x: A-C", extra=[main])
        assert [target.name for target in plan.targets] == ["trunk"]
        assert _step(plan, "x").target.name == "trunk"
        assert _codes(plan)["main"] is ExclusionCode.SYMBOLIC_REF

    def test_long_lived_branches_are_held_back_until_they_are_named(self) -> None:
        """Edge case 69."""
        drawing = "main: A-B; 6.4: A-C; release-0.3: A-D; dependabot/x: A-E; topic: A-F"
        plan = _plan(drawing)
        assert [step.branch.name for step in plan.steps] == ["topic"]
        codes = _codes(plan)
        assert codes["6.4"] is ExclusionCode.LONG_LIVED
        assert codes["release-0.3"] is ExclusionCode.LONG_LIVED
        assert codes["dependabot/x"] is ExclusionCode.BOT
        assert "--only" in _reason(plan, "6.4")
        assert [step.branch.name for step in _plan(drawing, only=("6.4",)).steps] == ["6.4"]
        assert _plan(drawing, only=("6*",)).steps == ()
        assert [step.branch.name for step in _plan(drawing, listed=[_entry(0, "6.4")]).steps] == ["6.4"]

    def test_conventional_names_are_targets_and_the_head_of_the_remote_comes_first(self) -> None:
        """Edge case 69: git-flow."""
        head = Tip(ref="refs/remotes/origin/HEAD", oid=Oid("D"), symbolic_target="refs/remotes/origin/develop")
        develop = Tip(ref="refs/remotes/origin/develop", oid=Oid("D"))
        plan = _plan("main: A; develop: A-D; feature/x: A-D-X", extra=[head, develop])
        assert [target.name for target in plan.targets] == ["develop", "main"]
        assert _step(plan, "feature/x").target.name == "develop"

    def test_a_tag_under_heads_is_no_branch(self) -> None:
        tag = Tip(ref="refs/heads/odd", oid=Oid("T"), object_type="tag")
        plan = _plan("main: A", extra=[tag])
        assert _codes(plan)["odd"] is ExclusionCode.NOT_A_COMMIT
        assert "points to a tag" in _reason(plan, "odd")

    @pytest.mark.parametrize(
        ("state", "code"),
        [
            (CheckoutState.DIRTY, ExclusionCode.CHECKED_OUT_DIRTY),
            (CheckoutState.BUSY, ExclusionCode.CHECKED_OUT_BUSY),
            (CheckoutState.LOCKED, ExclusionCode.WORK_TREE_UNAVAILABLE),
            (CheckoutState.MISSING, ExclusionCode.WORK_TREE_UNAVAILABLE),
            (CheckoutState.FILTERED, ExclusionCode.WORK_TREE_FILTERED),
        ],
    )
    def test_a_work_tree_that_cannot_follow_holds_its_branch(self, state: CheckoutState, code: ExclusionCode) -> None:
        """Edge case 30."""
        held = Checkout(path="/tree", ref="refs/heads/x", state=state, detail="because")
        plan = _plan("main: A-M; x: A-B; y: A-C", checkouts=[held])
        assert _codes(plan)["x"] is code
        assert _reason(plan, "x") == f"checked out in /tree, which is {state}: because"
        assert [step.branch.name for step in plan.steps] == ["y"]
        assert _codes(plan) == {"x": code, "main": ExclusionCode.IS_TARGET}
        assert [one.branch for one in plan.excluded if one.is_held_back] == ["x"]

    def test_a_work_tree_that_cannot_follow_is_no_obstacle_where_nothing_moves(self) -> None:
        held = Checkout(path="/tree", ref="refs/heads/x", state=CheckoutState.DIRTY)
        assert _step(_plan("main: A; x: A-B", checkouts=[held]), "x").kind is StepKind.UP_TO_DATE

    def test_a_clean_work_tree_moves_along_unless_policy_holds_it(self) -> None:
        """Edge case 30."""
        held = Checkout(path="/tree", ref="refs/heads/x", state=CheckoutState.CLEAN)
        assert _step(_plan("main: A-M; x: A-B", checkouts=[held]), "x").checkout == "/tree"
        plan = _plan("main: A-M; x: A-B", checkouts=[held], policy=Policy(checked_out=CheckedOut.HOLD))
        assert _codes(plan)["x"] is ExclusionCode.CHECKED_OUT_HELD
        assert "alignment.checked_out is hold" in _reason(plan, "x")

    def test_two_work_trees_on_one_branch_hold_it(self) -> None:
        held = [Checkout(path=f"/{name}", ref="refs/heads/x", state=CheckoutState.CLEAN) for name in "ab"]
        plan = _plan("main: A-M; x: A-B", checkouts=held)
        assert _codes(plan)["x"] is ExclusionCode.CHECKED_OUT_HELD
        assert "/a, /b" in _reason(plan, "x")

    def test_a_work_tree_on_an_alias_holds_the_branch_behind_it(self) -> None:
        """Edge cases 29 and 30."""
        alias = Tip(ref="refs/heads/alias", oid=Oid("B"), symbolic_target="refs/heads/x")
        held = Checkout(path="/tree", ref="refs/heads/alias", state=CheckoutState.CLEAN)
        plan = _plan("main: A-M; x: A-B", extra=[alias], checkouts=[held])
        assert _codes(plan)["x"] is ExclusionCode.CHECKED_OUT_HELD
        assert "under its alias alias" in _reason(plan, "x")


class TestBranchList:
    def test_the_list_decides_target_priority_and_words(self) -> None:
        entry = ListedBranch(
            index=0,
            name="x",
            target="scientific",
            confidence=0.5,
            tags=("t",),
            cluster_id=7,
            priority=3,
            reason="said so",
        )
        step = _step(_plan("main: A-B; scientific: A-S; x: B-X; y: A-Y", listed=[entry]), "x")
        assert step.target.name == "scientific"
        assert (step.branch.confidence, step.branch.tags, step.branch.cluster_id) == (0.5, ("t",), 7)
        assert (step.branch.priority, step.branch.reason) == (3, "said so")

    def test_branches_not_on_the_list_are_left_alone_and_an_empty_list_is_an_empty_plan(self) -> None:
        plan = _plan("main: A; x: A-B; y: A-C", listed=[_entry(0, "x")])
        assert [step.branch.name for step in plan.steps] == ["x"]
        assert plan.excluded == ()
        assert _plan("main: A; x: A-B", listed=[]).steps == ()

    def test_the_first_of_two_entries_counts(self) -> None:
        plan = _plan(
            "main: A; scientific: A-S; x: A-B",
            listed=[_entry(0, "x"), _entry(1, "x"), _entry(2, "x", "scientific"), _entry(3, "x", None)],
        )
        assert [step.target.name for step in plan.steps] == ["main"]
        reasons = [one.reason for one in plan.excluded]
        assert {one.code for one in plan.excluded} == {ExclusionCode.DUPLICATE}
        assert "entry 1 repeats entry 0; the first one counts" in reasons
        repeated = "entry 2 repeats entry 0, which gives it another target: main; the first one counts"
        assert repeated in reasons
        turned = _plan("main: A; x: A-B", listed=[_entry(0, "x", None), _entry(1, "x")])
        assert any("another target: none" in one.reason for one in turned.excluded)

    def test_missing_branches_say_where_to_look(self) -> None:
        remote = [Tip(ref=f"refs/remotes/{where}", oid=Oid("A")) for where in ("fork/away", "origin/away", "odd")]
        plan = _plan(
            "main: A; x: A-B",
            listed=[
                _entry(0, "gone"),
                _entry(1, "away"),
                _entry(2, "origin/x"),
                _entry(3, "refs/heads/x"),
                _entry(4, "a b"),
            ],
            extra=remote,
        )
        assert plan.steps == ()
        codes = _codes(plan)
        assert codes.pop("a b") is ExclusionCode.INVALID_NAME
        assert set(codes.values()) == {ExclusionCode.MISSING}
        assert _reason(plan, "gone") == "entry 0: no such branch in the repository"
        assert _reason(plan, "away").endswith("it exists as fork/away only: git branch --track it first")
        assert _reason(plan, "origin/x").endswith("did you mean x?")
        assert _reason(plan, "refs/heads/x").endswith("did you mean x?")
        assert "holds a space" in _reason(plan, "a b")

    def test_an_odd_name_that_exists_is_taken(self) -> None:
        """Edge case 28: a leading dash can exist, and so is aligned."""
        odd = Tip(ref="refs/heads/-x", oid=Oid("B"))
        plan = _plan("main: A; x: A-B", extra=[odd], listed=[_entry(0, "-x")])
        assert [step.ref for step in plan.steps] == ["refs/heads/-x"]

    def test_no_target_and_unknown_target(self) -> None:
        plan = _plan("main: A; x: A-B; y: A-C", listed=[_entry(0, "x", None), _entry(1, "y", "nope")])
        assert _codes(plan) == {"x": ExclusionCode.NO_TARGET, "y": ExclusionCode.UNKNOWN_TARGET}
        assert _reason(plan, "y") == "entry 1: nope is no target here"

    def test_unknown_targets_are_refused_all_at_once_where_policy_says_so(self) -> None:
        policy = Policy(unknown_target=UnknownTarget.REFUSE)
        listed = [_entry(0, "x", "nope"), _entry(1, "gone", "neither"), _entry(2, "y")]
        with pytest.raises(UserError, match=r"entry 0 \(x\): nope; entry 1 \(gone\): neither") as refused:
            _plan("main: A; x: A-B; y: A-C", policy=policy, listed=listed)
        assert "main" in refused.value.hint
        plan = _plan("main: A; x: A-B; y: A-C", policy=policy, listed=listed, only=("y",))
        assert [step.branch.name for step in plan.steps] == ["y"]
        with pytest.raises(UserError) as refused:
            _plan("blue: A; x: A-B", policy=policy, listed=listed)
        assert "none" in refused.value.hint

    def test_exclusions_keep_the_target_of_the_list(self) -> None:
        plan = _plan("main: A; x: A-B", listed=[_entry(0, "main"), _entry(1, "x")], only=("y",))
        assert {one.branch: one.target for one in plan.excluded} == {"main": "main", "x": "main"}


class TestKinds:
    @pytest.mark.parametrize(
        ("drawing", "policy", "kind", "code", "note"),
        [
            ("main: A-B; x: A-C", Policy(), StepKind.REPLAY, None, None),
            ("main: A-B; x: A-C", Policy(strategy=Strategy.MERGE), StepKind.MERGE, None, None),
            ("main: A; x: A-C", Policy(), StepKind.UP_TO_DATE, None, None),
            ("main: A; x: A-C", Policy(strategy=Strategy.MERGE), StepKind.UP_TO_DATE, None, None),
            ("main: A; x: A", Policy(), StepKind.UP_TO_DATE, None, "stands at the target's tip"),
            (
                "main: A-B; x: A",
                Policy(already_merged=AlreadyMerged.FAST_FORWARD),
                StepKind.FAST_FORWARD,
                None,
                "moves to the target's tip",
            ),
            ("main: A-B; x: A", Policy(), StepKind.LEAVE, None, "already merged"),
            ("main: A-B-C; x: A-D-M+B", Policy(), StepKind.MERGE, None, "contains 1 merge: the target is merged in"),
            (
                "main: A-B-C; x: A-D-M+B",
                Policy(merges=MergesPolicy.FLATTEN),
                StepKind.REPLAY,
                None,
                "1 merge: they are flattened",
            ),
            (
                "main: A-B-C; x: A-D-M+B",
                Policy(merges=MergesPolicy.REFUSE),
                StepKind.REPLAY,
                "contains_merges",
                "contains 1 merge",
            ),
            ("main: A-B-C; x: A-D-M+B", Policy(strategy=Strategy.MERGE), StepKind.MERGE, None, None),
            ("main: A-B; x: A-D-M+B", Policy(), StepKind.UP_TO_DATE, None, "contains 1 merge"),
            (
                "main: A-B; x: A-D-M+B",
                Policy(merges=MergesPolicy.REFUSE),
                StepKind.UP_TO_DATE,
                None,
                "contains 1 merge",
            ),
            ("main: A-B; x: A-D-M+B", Policy(merges=MergesPolicy.FLATTEN), StepKind.REPLAY, None, "flattened"),
            ("main: A-B; x: R-S", Policy(), StepKind.REPLAY, "unrelated_history", None),
            ("main: A-B; x: R-S", Policy(strategy=Strategy.MERGE), StepKind.REPLAY, "unrelated_history", None),
        ],
    )
    def test_kind_refusal_and_note(
        self, drawing: str, policy: Policy, kind: StepKind, code: str | None, note: str | None
    ) -> None:
        """Edge cases 2, 4 and 5."""
        step = _step(_plan(drawing, policy=policy), "x")
        assert step.kind is kind
        assert (step.refusal[0] if step.refusal else None) == code
        assert (note is None and not step.notes) or (note is not None and note in " ".join(step.notes))
        merged = kind is StepKind.MERGE or policy.strategy is Strategy.MERGE
        assert step.strategy is (Strategy.MERGE if merged else Strategy.REBASE)

    def test_counts(self) -> None:
        step = _step(_plan("main: A-B-C; x: A-D-M+B-E"), "x")
        assert (step.own_commits, step.merges, step.behind) == (3, 1, 1)
        assert (step.seen, step.onto) == ("E", "C")

    @pytest.mark.parametrize(
        ("drawing", "shallow", "refused"),
        [
            ("main: A-B; x: S-T", {"S"}, True),
            ("main: A-B-M+S; x: A-X", {"S"}, True),
            ("main: A-M+S; x: A", {"S"}, False),
            ("main: A; x: A-M+S", {"S"}, False),
            ("main: A-B; x: A-X", {"A"}, False),
        ],
        ids=["own history cut", "target's history cut", "already merged", "up to date", "cut below the base"],
    )
    def test_a_shallow_clone_needs_deepening_only_where_the_base_may_be_hidden(
        self, drawing: str, shallow: set[str], refused: bool
    ) -> None:
        """Edge case 25."""
        step = _step(_plan(drawing, shallow=shallow), "x")
        assert (step.refusal[0] if step.refusal else None) == ("needs_deepening" if refused else None)

    def test_remote_tips_travel_with_the_step(self) -> None:
        tips, parents = draw("main: A-D; x: A-B; y: A-C")
        place = PushPlace(remote="origin", ref="refs/heads/x", tip=Oid("B"))
        seen = replace(snapshot(tips, remote="origin"), push_places=((BranchName("x"), place),))
        plan = build_plan(seen, graph_of(parents), policy=Policy(), targets=discover_targets(seen, ()), listed=None)
        assert _step(plan, "x").remote_seen == "B"
        assert _step(plan, "x").push_to == place
        assert _step(plan, "x").notes[-1] == "is pushed to origin/x"
        assert _step(plan, "y").remote_seen is None
        held = replace(seen, push_places=((BranchName("x"), replace(place, held="no")),))
        other = build_plan(held, graph_of(parents), policy=Policy(), targets=plan.targets, listed=None)
        assert _step(other, "x").remote_seen is None
        assert other.id != plan.id


class TestIdentity:
    def test_the_same_repository_gives_the_same_plan_whatever_the_clock_says(self) -> None:
        tips, parents = draw("main: A-B; x: A-C; y: C-D")
        one = snapshot(tips)
        later = replace(one, taken_at=datetime(2030, 1, 1, tzinfo=UTC), tips=one.tips[::-1])
        plans = [
            build_plan(seen, graph_of(parents), policy=Policy(), targets=discover_targets(one, ()), listed=None)
            for seen in (one, later)
        ]
        assert plans[0].id == plans[1].id
        assert plans[0].steps == plans[1].steps
        assert plans[0].step(plans[0].steps[1].id) == plans[0].steps[1]

    def test_a_moved_branch_another_policy_or_selection_gives_another_plan(self) -> None:
        plans = [
            _plan("main: A-B; x: A-C; y: C-D"),
            _plan("main: A-B; x: A-C-E; y: C-D"),
            _plan("main: A-B; x: A-C; y: C-D", policy=Policy(backups=True)),
            _plan("main: A-B; x: A-C; y: C-D", only=("x",)),
        ]
        assert len({plan.id for plan in plans}) == 4
