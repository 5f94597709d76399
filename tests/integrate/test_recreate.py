"""Making merges again: what a person put into a merge is kept, taken over for the same conflict only, or told as a conflict."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, AlignedKind, Conflicted, DropReason, Refused
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from tests.git.workspace import IDENTITY, Workspace
from tests.runs import branch, request, run

LINES = b"".join(b"line %d\n" % number for number in range(40))


def _with(**changes: bytes) -> bytes:
    """The lines with some of them changed: `l3=b"x"`."""
    lines = LINES.splitlines()
    for name, text in changes.items():
        lines[int(name[1:])] = text
    return b"\n".join(lines) + b"\n"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`feature` has merged main in once, settled a conflict in `f` while doing so, and slipped a fix of `g` in."""
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"f": LINES, "g": LINES})
    made.switch("feature", "main")
    made.commit("ours", {"f": _with(l20=b"ours"), "own": b"1\n"})
    made.switch("main")
    made.commit("theirs", {"f": _with(l20=b"theirs")})
    made.switch("feature")
    made.git("merge", "-q", "main", check=False)
    made.commit("merge main", {"f": _with(l20=b"both"), "g": _with(l10=b"slipped in")})
    made.commit("after", {"own": b"2\n"})
    made.switch("main")
    return made


def _file(work: Workspace, revision: str, name: str) -> bytes:
    return work.git("show", f"{revision}:{name}").encode() + b"\n"


def test_what_was_decided_in_a_merge_is_in_the_new_one(work: Workspace) -> None:
    work.commit("goes on", {"f": _with(l2=b"on", l20=b"theirs"), "g": _with(l35=b"on"), "new": b"1\n"})
    before = work.tip("feature")
    report = run(work.path, strategy="rebase-merges")
    outcome = branch(report, "feature").result.outcome
    assert isinstance(outcome, Aligned), outcome
    assert outcome.how is AlignedKind.RECREATED
    assert _file(work, "feature", "f") == _with(l2=b"on", l20=b"both")
    assert _file(work, "feature", "g") == _with(l10=b"slipped in", l35=b"on")
    assert work.git("log", "--format=%s", "--first-parent", "feature") == "after\nmerge main\nours\nbase"
    assert work.tip("feature~1^2") == work.tip("main")
    assert work.tip("feature~1^1") == work.git("rev-parse", f"{before}~2"), "the commit below stands where it stood"
    assert [(one.path, one.resolver) for one in outcome.resolved] == [("f", "merge")]
    assert "resolution_applied" in {one.code for one in outcome.findings}
    assert all(proof.holds for proof in facade.verify(request(work.path)))
    facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))
    assert work.tip("feature") == before


def test_another_conflict_is_not_settled_by_what_was_made_of_the_first(work: Workspace) -> None:
    work.commit("goes on", {"f": _with(l20=b"theirs, changed")})
    before = work.tip("feature")
    outcome = branch(run(work.path, strategy="rebase-merges"), "feature").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.recreating == outcome.commit == work.tip("feature~1")
    assert outcome.paths == ("f",)
    assert work.tip("feature") == before


def test_what_was_slipped_in_conflicts_when_the_target_has_another_idea(work: Workspace) -> None:
    work.commit("goes on", {"g": _with(l10=b"another idea")})
    outcome = branch(run(work.path, merges="recreate"), "feature").result.outcome
    assert isinstance(outcome, Conflicted)
    assert (outcome.recreating, outcome.paths) == (work.tip("feature~1"), ("g",))


def test_the_commands_show_what_could_not_be_carried_over(work: Workspace) -> None:
    work.commit("goes on", {"f": _with(l2=b"on", l20=b"theirs"), "g": _with(l10=b"another idea")})
    outcome = branch(run(work.path, strategy="rebase-merges"), "feature").result.outcome
    assert isinstance(outcome, Conflicted)
    said = ""
    for command in outcome.reproduce[:-1]:
        done = subprocess.run(
            command, shell=True, cwd=work.path, env=_environment(), capture_output=True, text=True, check=False
        )
        said = done.stdout
    assert "+slipped in" in said


def _environment() -> dict[str, str]:
    return {**os.environ, **IDENTITY}


def test_a_merge_with_markers_in_it_teaches_nothing(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES})
    work.switch("feature", "main")
    work.commit("ours", {"f": _with(l20=b"ours")})
    work.switch("main")
    work.commit("theirs", {"f": _with(l20=b"theirs")})
    work.switch("feature")
    work.git("merge", "-q", "main", check=False)
    work.commit("merge main, markers and all")
    work.switch("main")
    work.commit("goes on", {"new": b"1\n"})
    outcome = branch(run(work.path, strategy="rebase-merges"), "feature").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.recreating == work.tip("feature")


def test_a_file_that_one_side_deleted_is_left_to_a_person(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES, "g": LINES})
    work.switch("feature", "main")
    work.commit("ours", {"f": _with(l20=b"ours")})
    work.switch("main")
    work.commit("deleted", {"f": None})
    work.switch("feature")
    work.git("merge", "-q", "main", check=False)
    work.git("rm", "-q", "f", check=False)
    work.commit("merge main", {})
    work.switch("main")
    work.commit("back again", {"f": _with(l20=b"ours")})
    outcome = branch(run(work.path, strategy="rebase-merges"), "feature").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.recreating == work.tip("feature")
    assert outcome.paths == ("f",)


def test_a_merge_of_what_the_target_has_by_now_is_dropped_unless_it_held_something(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES})
    for name, fix in (("plain", None), ("fixed", b"fix\n")):
        work.switch(name, "main")
        work.commit(f"own of {name}", {name: b"1\n"})
        work.switch(f"side-of-{name}", f"{name}~1")
        work.commit(f"side of {name}", {f"side-{name}": b"1\n"})
        work.switch(name)
        work.git("merge", "-q", "--no-ff", "--no-commit", f"side-of-{name}")
        work.commit(f"merge {name}", {"fix": fix} if fix else None)
        work.switch("main")
    base = work.tip("main")
    for name in ("side-of-plain", "plain~1", "side-of-fixed", "fixed~1"):
        work.git("cherry-pick", name if name.startswith("side") else f"{name}^0")
    work.switch("plain")
    work.commit("last", {"last": b"1\n"})
    work.switch("main")
    assert base != work.tip("main")
    report = run(work.path, strategy="rebase-merges")
    plain = branch(report, "plain").result.outcome
    assert isinstance(plain, Aligned)
    assert [one.reason for one in plain.dropped].count(DropReason.ALREADY_MERGED) == 1
    assert work.tip("plain~1") == work.tip("main")
    fixed = branch(report, "fixed").result.outcome
    assert isinstance(fixed, Refused)
    assert fixed.code == "merge_collapsed"
    assert all(proof.holds for proof in facade.verify(request(work.path)))


def test_an_octopus_is_refused_by_name(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES})
    for name in ("one", "two", "feature"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.git("merge", "-q", "one", "two")
    work.switch("main")
    work.commit("goes on", {"new": b"1\n"})
    report = run(work.path, strategy="rebase-merges")
    outcome = branch(report, "feature").result.outcome
    assert isinstance(outcome, Refused)
    assert outcome.code == "octopus_merge"
    assert branch(report, "one").verdict is Verdict.ALIGNED


def test_a_merge_made_again_is_never_said_to_be_the_same(work: Workspace) -> None:
    work.commit("goes on", {"new": b"1\n"})
    merge, after = work.tip("feature~1"), work.tip("feature")
    run(work.path, strategy="rebase-merges")
    (proof,) = facade.verify(request(work.path))
    assert proof.holds
    verdicts = {one.old: one.patch.value for one in proof.certificate.commits}
    assert (verdicts[Oid(merge)], verdicts[Oid(after)]) == ("changed", "same")
    assert proof.certificate.how is AlignedKind.RECREATED


def test_a_branch_whose_merge_cannot_be_made_again_is_merged_under_auto(work: Workspace) -> None:
    work.commit("goes on", {"f": _with(l2=b"on", l20=b"theirs")})
    work.switch("other", "main~1")
    for name in ("one", "two"):
        work.switch(name, "other")
        work.commit(name, {name: b"1\n"})
    work.switch("octopus", "other")
    work.commit("three", {"three": b"1\n"})
    work.git("merge", "-q", "one", "two")
    work.switch("main")
    report = run(work.path, strategy="auto")
    merged = branch(report, "octopus").result.outcome
    assert isinstance(merged, Aligned)
    assert (merged.how, merged.strategy_used) == (AlignedKind.MERGED, "merge")
    assert "rebase-merges is refused" in merged.strategies_tried[0]
    kept = branch(report, "feature").result.outcome
    assert isinstance(kept, Aligned)
    assert (kept.how, kept.strategy_used, kept.strategies_tried) == (AlignedKind.RECREATED, "", ())
    told = [proof.certificate for proof in facade.verify(request(work.path)) if proof.holds]
    assert {one.ref: one.strategy_used for one in told}["refs/heads/octopus"] == "merge"
