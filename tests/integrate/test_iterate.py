"""Rebasing in steps: it gets where one step does not, says where it stops, and loses nothing on the way."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted, DropReason, Refused
from gitalign.core.report import Verdict
from tests.git.workspace import IDENTITY, Workspace
from tests.runs import branch, request, run

LINES = [b"line %d\n" % number for number in range(40)]


def _with(**changes: bytes) -> bytes:
    lines = list(LINES)
    for name, text in changes.items():
        lines[int(name[1:])] = text + b"\n"
    return b"".join(lines)


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """main renames `f` and rewrites most of it in three steps: only one by one can the rename be told."""
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"f": _with()})
    made.switch("x", "main")
    made.commit("edit", {"f": _with(l38=b"mine")})
    made.commit("another", {"other": b"1\n"})
    made.switch("main")
    made.commit("rename", {"f": None, "g": _with()})
    made.commit("rewrite", {"g": _with(**{f"l{number}": b"new" for number in range(15)})})
    made.commit("rewrite more", {"g": _with(**{f"l{number}": b"new" for number in range(32)})})
    return made


def test_a_rename_is_followed_step_by_step(work: Workspace) -> None:
    before = work.git("log", "--format=%an %ae %ad %s", "main..x")
    assert branch(run(work.path), "x").verdict is Verdict.CONFLICTED
    outcome = branch(run(work.path, strategy="iterative", iterative_step=1), "x").result.outcome
    assert isinstance(outcome, Aligned), outcome
    assert (outcome.how, outcome.dropped) == (AlignedKind.REPLAYED, ())
    assert work.git("show", "x:g").encode() + b"\n" == _with(
        **{f"l{number}": b"new" for number in range(32)}, l38=b"mine"
    )
    assert work.git("log", "--format=%an %ae %ad %s", "main..x") == before
    assert work.git("rev-list", "--parents", "-n1", "x~1").split()[1] == work.tip("main")
    assert [pair.new for pair in outcome.rewritten] == [work.tip("x~1"), work.tip("x")]
    assert all(proof.holds for proof in facade.verify(request(work.path)))


def test_one_large_step_is_a_rebase(work: Workspace) -> None:
    outcome = branch(run(work.path, strategy="iterative", iterative_step=20), "x").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.on_the_way is None


def test_a_stop_says_where_and_the_commands_lead_there(work: Workspace) -> None:
    there = work.tip("main~1")
    work.commit("same line", {"g": _with(**{f"l{number}": b"new" for number in range(32)}, l38=b"yours")})
    clash = work.tip("main")
    work.commit("and on", {"more": b"1\n"})
    outcome = branch(run(work.path, strategy="iterative", iterative_step=1), "x").result.outcome
    assert isinstance(outcome, Conflicted)
    assert (outcome.on_the_way, outcome.commit, outcome.onto) == (clash, work.tip("x~1"), work.tip("main"))
    assert there != clash
    assert outcome.paths == ("g",)
    for command in outcome.reproduce[:-1]:
        environment = {**os.environ, **IDENTITY}
        subprocess.run(command, shell=True, cwd=work.path, env=environment, capture_output=True, check=False)
    folder = outcome.reproduce[0].split()[4]
    assert work.git("-C", folder, "diff", "--name-only", "--diff-filter=U") == "g"
    assert work.git("-C", folder, "rev-parse", "--verify", "ORIG_HEAD")


@pytest.fixture
def taken(tmp_path: Path) -> Workspace:
    """main has taken the change of `x`'s first commit, together with another one, so that it is no upstream patch."""
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"f": _with(), "g": b"1\n"})
    made.switch("x", "main")
    made.commit("edit", {"f": _with(l5=b"mine")})
    made.commit("another", {"other": b"1\n"})
    made.switch("main")
    made.commit("took it", {"f": _with(l5=b"mine", l30=b"main's")})
    return made


def test_a_commit_that_the_target_took_and_kept_is_dropped_once(taken: Workspace) -> None:
    old = taken.tip("x~1")
    taken.commit("on", {"g": b"2\n"})
    outcome = branch(run(taken.path, strategy="iterative", iterative_step=1), "x").result.outcome
    assert isinstance(outcome, Aligned)
    assert [(drop.oid, drop.reason) for drop in outcome.dropped] == [(old, DropReason.BECAME_EMPTY)]
    assert outcome.findings == ()
    assert taken.tip("x~1") == taken.tip("main")


def test_a_commit_that_the_target_took_and_changed_is_told(taken: Workspace) -> None:
    taken.commit("changed it", {"f": _with(l5=b"better", l30=b"main's")})
    outcome = branch(run(taken.path, strategy="iterative", iterative_step=1), "x").result.outcome
    assert isinstance(outcome, Aligned)
    assert "dropped_on_the_way" in {finding.code for finding in outcome.findings}


def test_auto_does_not_drop_what_may_be_gone(taken: Workspace) -> None:
    before = taken.tip("x")
    taken.commit("changed it", {"f": _with(l5=b"better", l30=b"main's")})
    outcome = branch(run(taken.path, strategy="auto", iterative_step=1), "x").result.outcome
    assert isinstance(outcome, Conflicted)
    assert "iterative is refused" in outcome.strategies_tried[-1]
    assert taken.tip("x") == before


def test_auto_takes_steps_where_nothing_else_helps(work: Workspace) -> None:
    outcome = branch(run(work.path, strategy="auto", iterative_step=1), "x").result.outcome
    assert isinstance(outcome, Aligned)
    assert outcome.strategy_used == "iterative"
    assert [words.split()[0] for words in outcome.strategies_tried] == ["rebase", "merge"]


def test_a_commit_that_the_target_took_and_took_back_is_not_lost(taken: Workspace) -> None:
    before = taken.tip("x")
    taken.commit("took it back", {"f": _with(l30=b"main's")})
    outcome = branch(run(taken.path, strategy="iterative", iterative_step=1), "x").result.outcome
    assert isinstance(outcome, Refused)
    assert outcome.code == "taken_back"
    assert taken.tip("x") == before


def test_a_patch_that_is_upstream_is_skipped_from_there_on(taken: Workspace) -> None:
    """Before that place the commit is replayed: those that stand on it need it."""
    taken.git("reset", "-q", "--hard", "main~1")
    taken.commit("first", {"first": b"1\n"})
    taken.git("cherry-pick", "x~1")
    taken.commit("on", {"g": b"2\n"})
    outcome = branch(run(taken.path, strategy="iterative", iterative_step=1), "x").result.outcome
    assert isinstance(outcome, Aligned)
    assert [(drop.reason, drop.upstream) for drop in outcome.dropped] == [(DropReason.UPSTREAM, taken.tip("main~1"))]
    assert all(proof.holds for proof in facade.verify(request(taken.path)))
