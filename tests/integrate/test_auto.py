"""`strategy: auto`: a branch whose commits cannot be replayed, but whose end can be merged."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign import facade
from gitalign.cli.options import Strategies
from gitalign.core.forecast import Prospect
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted
from gitalign.core.report import Verdict
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

LINES = b"".join(b"line %d\n" % number for number in range(20))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`there-and-back` changes a line and takes it back; `clashes` does not; `plain` conflicts nowhere."""
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"f": LINES, "g": LINES})
    made.switch("there-and-back", "main")
    made.commit("there", {"f": LINES.replace(b"line 3\n", b"three\n")})
    made.commit("back", {"f": LINES})
    made.commit("own", {"own": b"1\n"})
    made.switch("clashes", "main")
    made.commit("clash", {"f": LINES.replace(b"line 3\n", b"tres\n"), "g": LINES.replace(b"line 5\n", b"cinco\n")})
    made.switch("plain", "main")
    made.commit("plain", {"plain": b"1\n"})
    made.switch("main")
    made.commit("on", {"f": LINES.replace(b"line 3\n", b"drei\n"), "g": LINES.replace(b"line 5\n", b"fuenf\n")})
    return made


def test_the_second_rung_is_taken_where_the_first_conflicts(work: Workspace) -> None:
    before = {name: work.git("rev-parse", name) for name in ("there-and-back", "clashes", "plain")}
    wanted = work.git("merge-tree", "--write-tree", "there-and-back", "main")
    report = run(work.path, strategy="auto")
    merged = branch(report, "there-and-back").result.outcome
    assert isinstance(merged, Aligned)
    assert merged.how is AlignedKind.MERGED
    assert merged.strategies_tried == ("rebase stops at commit 1 of 3 in f",)
    assert merged.strategy_used == "merge"
    assert merged.tree == wanted
    assert work.git("rev-parse", "there-and-back^1") == before["there-and-back"]
    replayed = branch(report, "plain").result.outcome
    assert isinstance(replayed, Aligned)
    assert (replayed.how, replayed.strategies_tried) == (AlignedKind.REPLAYED, ())
    stopped = branch(report, "clashes").result.outcome
    assert isinstance(stopped, Conflicted)
    assert stopped.strategies_tried == (
        "merge stops in f and 1 more",
        "iterative stops at commit 1 of 1 in f and 1 more",
    )
    assert work.git("rev-parse", "clashes") == before["clashes"]
    assert all(proof.holds for proof in facade.verify(request(work.path)))


def test_rebase_alone_does_not_climb_and_remembers_nothing_for_auto(work: Workspace) -> None:
    assert branch(run(work.path), "there-and-back").verdict is Verdict.CONFLICTED
    assert branch(run(work.path, strategy="auto"), "there-and-back").verdict is Verdict.ALIGNED


def test_a_forecast_says_the_same(work: Workspace) -> None:
    found = facade.forecast(request(work.path, strategy="auto"))
    assert {one.branch: one.prospect for one in found.branches} == {
        "there-and-back": Prospect.CLEAN,
        "clashes": Prospect.CONFLICT,
        "plain": Prospect.CLEAN,
    }
    again = facade.forecast(request(work.path, strategy="auto"))
    assert [one.tree for one in again.branches] == [one.tree for one in found.branches]


def test_a_merge_that_cannot_be_made_leaves_the_conflict_as_it_is(work: Workspace) -> None:
    """A content that only the merge has to read is missing, as in a partial copy."""
    work.switch("holed", "main~1")
    work.commit("conflicts", {"f": LINES.replace(b"line 3\n", b"trois\n")})
    work.commit("takes it back", {"f": LINES, "g": LINES.replace(b"line 5\n", b"cinq\n")})
    work.switch("main")
    lost = work.git("rev-parse", "holed:g")
    (work.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    outcome = branch(run(work.path, strategy="auto"), "holed").result.outcome
    assert isinstance(outcome, Conflicted)
    assert "merge cannot be made" in outcome.strategies_tried[0]


def test_rules_choose_the_strategy_of_a_branch_and_what_is_typed_wins(work: Workspace) -> None:
    config = work.path / ".git" / "gitalign" / "config.yaml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        'alignment: {strategies: [{match: "there-*", strategy: merge}, {metric: behind, at_least: 99, strategy: merge}]}'
    )
    steps = {step.branch.name: step for step in facade.plan(request(work.path)).steps}
    assert {name: step.strategy.value for name, step in steps.items()} == {
        "there-and-back": "merge",
        "clashes": "rebase",
        "plain": "rebase",
    }
    typed = facade.Request(repo=work.path, overrides=Strategies(strategy="rebase").settings())
    assert {step.strategy.value for step in facade.plan(typed).steps} == {"rebase"}
    report = run(work.path)
    merged = branch(report, "there-and-back").result.outcome
    assert isinstance(merged, Aligned)
    assert merged.how is AlignedKind.MERGED
    assert "by rule 1: name matches there-*" in " ".join(branch(report, "there-and-back").step.notes)
    replayed = branch(report, "plain").result.outcome
    assert isinstance(replayed, Aligned)
    assert replayed.how is AlignedKind.REPLAYED
