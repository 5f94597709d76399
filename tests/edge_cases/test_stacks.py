"""Stacks end to end, drawn as graphs: shared commits are rewritten once, names move together or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from tests.histories import draw, git
from tests.runs import branch, request, run


def subjects(repository: Path, name: str) -> list[str]:
    """Subjects of a branch's own commits, oldest first."""
    return git(repository, "log", "--reverse", "--format=%s", f"refs/heads/main..refs/heads/{name}").split()


def tip(repository: Path, name: str) -> str:
    return git(repository, "rev-parse", f"refs/heads/{name}")


@pytest.mark.parametrize("workers", [1, 4])
def test_shared_commits_are_rewritten_once(tmp_path: Path, workers: int) -> None:
    """Edge case 22."""
    place = tmp_path / "repo.git"
    draw("main: A-B-C; one: A-D-E; two: A-D-E-F; three: A-D-E-F-G; fork: A-D-H; same: A-D-E; apart: A-I", place)
    report = run(place, orchestration__max_workers_per_target=workers)
    assert {one.verdict for one in report.branches()} == {Verdict.ALIGNED}
    assert subjects(place, "three") == ["D", "E", "F", "G"]
    assert subjects(place, "fork") == ["D", "H"]
    assert (
        tip(place, "same")
        == tip(place, "one")
        == git(place, "rev-parse", "two~1")
        == git(place, "rev-parse", "three~2")
    )
    assert git(place, "rev-parse", "fork~1") == git(place, "rev-parse", "one~1")
    stacks = {str(one.step.branch.name): one.step.stack for one in report.branches()}
    assert len({stacks[name] for name in ("one", "two", "three", "fork", "same")}) == 1
    assert stacks["apart"] != stacks["one"]


def test_a_stack_of_which_one_branch_moved_meanwhile_is_held_back_whole(tmp_path: Path) -> None:
    """Edge cases 22, 38."""
    place = tmp_path / "repo.git"
    ids = draw("main: A-B; one: A-D; two: A-D-E; apart: A-I", place)
    asked = request(place)
    plan = facade.plan(asked)

    def meanwhile(name: str) -> None:
        if name == "pin":
            git(place, "update-ref", "refs/heads/one", ids["A"], ids["D"])

    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id), checkpoint=meanwhile)
    assert branch(report, "one").verdict is Verdict.HELD_BACK
    assert branch(report, "two").verdict is Verdict.HELD_BACK
    assert tip(place, "two") == ids["E"]
    assert tip(place, "one") == ids["A"]
    assert branch(report, "apart").verdict is Verdict.ALIGNED


def test_a_parent_that_cannot_be_aligned_keeps_its_child_where_it_is(tmp_path: Path) -> None:
    """Edge case 22: a conflict in the shared part is a conflict of both, told for both."""
    place = tmp_path / "repo.git"
    ids = draw("main: A-B; one: A-D; two: A-D-E", place)
    blob = git(place, "hash-object", "-w", "--stdin", stdin=b"main has it too\n")
    listed = git(place, "ls-tree", "refs/heads/main") + f"\n100644 blob {blob}\tD\n"
    tree = git(place, "mktree", stdin=listed.encode())
    main = git(place, "commit-tree", "-p", "refs/heads/main", "-m", "clash", tree)
    git(place, "update-ref", "refs/heads/main", main)
    report = run(place)
    for name, at in (("one", "D"), ("two", "E")):
        found = branch(report, name)
        assert found.verdict is Verdict.CONFLICTED
        assert getattr(found.result.outcome, "commit", None) == ids["D"]
        assert tip(place, name) == ids[at]


def test_two_targets_take_their_own_branches(tmp_path: Path) -> None:
    """Edge case 22: what stands on another primary goes there, and neither primary moves."""
    place = tmp_path / "repo.git"
    ids = draw("main: A-B-C; scientific: A-S-T; m: A-B-D; s: A-S-E; deep: A-S-E-F", place)
    report = run(place)
    assert {one.step.branch.name: one.step.target.name for one in report.branches()} == {
        "m": "main",
        "s": "scientific",
        "deep": "scientific",
    }
    assert git(place, "rev-parse", "m~1") == ids["C"]
    assert git(place, "rev-parse", "deep~2") == ids["T"]
    assert tip(place, "main") == ids["C"]
    assert tip(place, "scientific") == ids["T"]


def test_a_branch_that_merged_its_target_in_gets_one_more_merge(tmp_path: Path) -> None:
    """Edge case 4."""
    place = tmp_path / "repo.git"
    ids = draw("main: A-B-C-D; x: A-E-M+B-F", place)
    report = run(place)
    assert branch(report, "x").verdict is Verdict.ALIGNED
    assert git(place, "rev-parse", "x^1", "x^2").split() == [ids["F"], ids["D"]]
    assert sorted(git(place, "ls-tree", "--name-only", "x").split()) == ["A", "B", "C", "D", "E", "F", "M"]
