"""Branches of which a strategy leaves nothing, branches beside others, and stacks that come apart: told, and never at somebody's expense."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.outcome import Aligned, AlignedKind, Outcome, Unchanged
from gitalign.core.plan import Permit
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

LINES = [b"line %d\n" % number for number in range(60)]


def text_with(changes: dict[int, bytes]) -> bytes:
    return b"".join(changes.get(number, line) for number, line in enumerate(LINES))


@pytest.fixture
def taken_back(tmp_path: Path) -> Workspace:
    """main took the only commit of `x` by cherry-picking it, and reverted it."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": text_with({})})
    work.switch("x", "main")
    work.commit("X", {"f": text_with({5: b"five\n"})})
    work.switch("main")
    work.commit("else", {"g": b"1\n"})
    work.git("cherry-pick", "x")
    work.git("revert", "--no-edit", "HEAD")
    return work


@pytest.mark.parametrize("strategy", ["rebase", "iterative"])
def test_what_git_lets_go_is_let_go_with_a_warning(taken_back: Workspace, strategy: str) -> None:
    outcome = branch(run(taken_back.path, strategy=strategy, already_merged="fast-forward"), "x").result.outcome
    assert isinstance(outcome, Aligned)
    assert outcome.how is AlignedKind.EMPTIED
    assert [one.code for one in outcome.findings] == ["differs_from_one_shot_merge"]


def test_it_is_left_where_it_is_unless_configured_otherwise(taken_back: Workspace) -> None:
    outcome = branch(run(taken_back.path), "x").result.outcome
    assert isinstance(outcome, Unchanged)
    assert outcome.code == "nothing_left"
    assert "was it taken back there?" in outcome.reason


def test_auto_does_better(taken_back: Workspace) -> None:
    outcome = branch(run(taken_back.path, strategy="auto"), "x").result.outcome
    assert isinstance(outcome, Aligned)
    assert outcome.how is AlignedKind.MERGED
    assert outcome.strategy_used == "merge"
    assert "nothing of its commits is left" in outcome.strategies_tried[0]
    assert "five" in taken_back.git("show", "x:f")


def test_what_is_really_merged_needs_no_warning(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": text_with({})})
    work.switch("x", "main")
    work.commit("X", {"f": text_with({5: b"five\n"})})
    work.switch("main")
    work.commit("else", {"g": b"1\n"})
    work.git("cherry-pick", "x")
    for strategy in ("auto", "rebase"):
        outcome = branch(run(work.path, strategy=strategy, already_merged="fast-forward"), "x").result.outcome
        if isinstance(outcome, Aligned):
            assert (outcome.how, outcome.findings) == (AlignedKind.EMPTIED, ())
    assert work.tip("x") == work.tip("main")


@pytest.mark.parametrize("strategy", ["auto", "rebase"])
def test_a_merge_with_content_of_its_own_that_is_flattened_away(tmp_path: Path, strategy: str) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": text_with({})})
    work.commit("m1", {"g": b"1\n"})
    work.switch("side", "main~1")
    work.commit("S", {"s": b"1\n"})
    work.switch("x", "side")
    work.git("merge", "-q", "--no-commit", "main")
    work.commit("merge with more", {"slip": b"precious\n"})
    work.switch("main")
    work.git("merge", "-q", "--no-ff", "-m", "merge side", "side")
    work.commit("m2", {"g": b"2\n"})
    outcome = branch(
        run(work.path, only=("x",), strategy=strategy, merges="flatten", already_merged="fast-forward"), "x"
    ).result.outcome
    assert isinstance(outcome, Aligned)
    if strategy == "auto":
        assert work.git("show", "x:slip") == "precious"
    else:
        assert [one.code for one in outcome.findings] == ["differs_from_one_shot_merge"]


@pytest.mark.parametrize("listed", [["x-rel"], ["x-main", "x-rel"]])
def test_a_branch_ends_beside_another_as_it_ends_alone(tmp_path: Path, listed: list[str]) -> None:
    """Two targets merge one file by different attributes; both branches hold the same commit."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"a\nb\nc\n"})
    work.switch("x-main", "main")
    work.commit("X", {"f": b"a\nb x\nc\n"})
    work.switch("main")
    work.commit("S1", {"f": b"a\nb s\nc\n"})
    work.commit("S2", {"g": b"1\n"})
    work.switch("rel", "main")
    work.commit("rel only", {"r": b"1\n"})
    work.switch("main")
    work.commit("attributes", {".gitattributes": b"f merge=union\n"})
    work.switch("x-rel", "x-main")
    work.commit("R2", {"own": b"1\n"})
    work.git("checkout", "-q", "--detach")
    entries = tmp_path / "list.json"
    targets = {"x-rel": "rel", "x-main": "main"}
    entries.write_text(json.dumps([{"branch": name, "target": targets[name]} for name in listed]))
    asked = request(
        work.path,
        strategy="iterative",
        iterative_step=1,
        targets=["main", "rel"],
        orchestration__max_workers_per_target=1,
        orchestration__group_execution="sequential",
    )
    report = facade.run(replace(asked, input=entries), permit=Permit(plan_id="*"))
    assert branch(report, "x-rel").result.outcome.kind == "conflicted"


def _told(outcome: Outcome) -> list[str]:
    assert isinstance(outcome, Aligned)
    return [one.message for one in outcome.findings if one.code == "stack_came_apart"]


def test_a_stack_that_came_apart_is_told(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": text_with({})})
    work.commit("m1", {"g": b"1\n"})
    work.switch("lower", "main~1")
    work.commit("a", {"a": b"1\n"})
    work.switch("upper", "lower")
    work.git("merge", "-q", "--no-edit", "main")
    work.switch("along", "lower")
    work.commit("b", {"b": b"1\n"})
    work.switch("main")
    work.commit("m2", {"g": b"2\n"})
    report = run(work.path, strategy="rebase-merges")
    assert work.git("rev-list", "--count", "upper..lower") != "0"
    assert _told(branch(report, "upper").result.outcome) == [
        "stood on lower, which was aligned in another way: it holds the commits from before"
    ]
    assert any("may come apart" in note for note in branch(report, "upper").step.notes)
    assert _told(branch(report, "along").result.outcome) == []
    assert work.git("rev-list", "--count", "along..lower") == "0"


def test_a_branch_that_goes_back_to_its_target_is_not_called_fast_forwarded(tmp_path: Path) -> None:
    """What its merge brought in is in the target already: `git rebase` leaves both out, and the branch goes back."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.git("branch", "side")
    work.commit("m", {"g": b"1\n"})
    work.switch("side")
    work.commit("m again", {"g": b"1\n"})
    work.switch("x", "main")
    work.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    outcome = branch(
        run(work.path, strategy="rebase", merges="flatten", already_merged="fast-forward"), "x"
    ).result.outcome
    assert isinstance(outcome, Aligned)
    assert work.tip("x") == work.tip("main") == work.tip(f"{outcome.before}~1")
    assert outcome.how is AlignedKind.REWOUND
