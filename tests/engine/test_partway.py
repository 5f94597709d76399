"""Taking conflicting branches part of the way: where to, with which proofs, when not, and back again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.conflict import AlignablePoint
from gitalign.core.outcome import Aligned, Conflicted
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from gitalign.documents.results_file import results_document
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))


def changed(word: bytes, line: int = 3) -> bytes:
    return LINES.replace(b"line %d\n" % line, word + b"\n")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`topic` changes line 3 in its second commit; the third of five further commits of main does so, too."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES})
    work.switch("topic", "main")
    work.commit("add own", {"own": b"1\n"})
    work.commit("drei", {"list": changed(b"drei")})
    work.switch("main")
    for name in ("one", "two"):
        work.commit(name, {name: b"1\n"})
    work.commit("three", {"list": changed(b"three")})
    for name in ("four", "five"):
        work.commit(name, {name: b"1\n"})
    return work


def stays(work: Workspace, name: str, settings: Mapping[str, object] | None = None) -> str:
    """Why a branch stayed where it was; that it did is checked."""
    before = work.tip(name)
    asked = facade.Request(repo=work.path, overrides={"alignment.partial": True, **(settings or {})})
    found = branch(facade.run(asked, permit=Permit(plan_id="*")), name)
    assert work.tip(name) == before
    assert found.verdict is Verdict.CONFLICTED
    assert isinstance(found.result.outcome, Conflicted)
    return found.result.outcome.not_moved_reason


def test_a_branch_goes_as_far_as_it_aligns_and_no_further(work: Workspace) -> None:
    before = work.tip("topic")
    report = run(work.path, partial=True)
    found = branch(report, "topic")
    outcome = found.result.outcome
    assert found.verdict is Verdict.PARTLY_ALIGNED
    assert report.exit_code() == 1
    assert report.run.outcome == "attention"
    assert isinstance(outcome, Aligned)
    assert isinstance(outcome.stopped_by, Conflicted)
    assert isinstance(outcome.stopped_by.alignable_point, AlignablePoint)
    assert outcome.onto == outcome.stopped_by.alignable_point.clean == work.tip("main~3")
    assert work.tip("topic~2") == work.tip("main~3")
    assert work.git("log", "--format=%s", "main~3..topic").splitlines() == ["drei", "add own"]
    work.git("checkout", "-q", "--detach", before)
    work.git("rebase", "-q", "main~3")
    assert work.tip("HEAD^{tree}") == work.tip("topic^{tree}")


def test_its_certificate_is_about_that_commit_and_is_proved_again(work: Workspace) -> None:
    run(work.path, partial=True)
    (proof,) = facade.verify(request(work.path))
    assert proof.holds
    assert proof.certificate.onto == work.tip("main~3")
    assert len(proof.certificate.commits) == 2


def test_undo_puts_it_back(work: Workspace) -> None:
    before = work.tip("topic")
    report = run(work.path, partial=True)
    facade.undo(request(work.path), report.run.id, permit=Permit(plan_id="*"))
    assert work.tip("topic") == before
    assert branch(facade.show(request(work.path), report.run.id), "topic").verdict is Verdict.PARTLY_ALIGNED


def test_running_again_goes_on_from_there(work: Workspace) -> None:
    run(work.path, partial=True)
    assert stays(work, "topic") == "it would gain nothing"
    work.git("reset", "-q", "--hard", "main~3")
    work.commit("six", {"six": b"1\n"})
    work.commit("trois", {"list": changed(b"trois")})
    report = run(work.path, partial=True)
    assert branch(report, "topic").verdict is Verdict.PARTLY_ALIGNED
    assert work.tip("topic~2") == work.tip("main~1")


def test_the_results_file_calls_it_a_conflict(work: Workspace) -> None:
    document = results_document(run(work.path, partial=True))
    (entry,) = document["orchestration_results"]["main"]["branches"]
    assert entry["status"] == "failed_integration"
    assert entry["errors_detected"] == ["merge_conflict_unresolvable"]
    assert "aligns up to" in entry["error_message"]


def test_without_leave_nothing_moves(work: Workspace) -> None:
    before = work.tip("topic")
    report = run(work.path, furthest=True)
    assert branch(report, "topic").verdict is Verdict.CONFLICTED
    assert work.tip("topic") == before


def test_it_is_part_of_the_plan(work: Workspace) -> None:
    assert facade.plan(request(work.path)).id != facade.plan(request(work.path, partial=True)).id
    assert facade.plan(request(work.path, partial=True)).policy.partial


def test_a_branch_with_merges_takes_that_commit_in(work: Workspace) -> None:
    work.switch("topic")
    work.git("merge", "-q", "--no-edit", "main~4")
    work.switch("main")
    before = work.tip("topic")
    report = run(work.path, partial=True)
    assert branch(report, "topic").verdict is Verdict.PARTLY_ALIGNED
    assert work.git("rev-parse", "topic^1", "topic^2").split() == [before, work.tip("main~3")]
    assert work.git("log", "-1", "--format=%s", "topic") == f"Merge commit '{work.tip('main~3')}' into topic"
    (proof,) = facade.verify(request(work.path))
    assert proof.holds


def test_nothing_to_gain_leaves_it_where_it_is(work: Workspace) -> None:
    work.git("branch", "-f", "topic", work.tip("main~3"))
    work.switch("topic")
    work.commit("drei", {"list": changed(b"drei")})
    work.switch("main")
    assert stays(work, "topic") == "it would gain nothing"


def test_a_stack_is_not_torn(work: Workspace) -> None:
    work.git("branch", "lower", "topic~1")
    assert "stack" in stays(work, "topic")


def test_what_the_branch_has_of_its_target_is_kept(work: Workspace) -> None:
    """It stands on what was merged in after the commit that breaks it."""
    work.git("reset", "-q", "--hard", "main~3")
    work.switch("side", "topic~1")
    work.commit("side", {"list": changed(b"dreizehn", 13)})
    work.switch("late", "side")
    work.commit("late", {"list": changed(b"dreizehn", 13).replace(b"line 3\n", b"drei\n")})
    work.switch("main")
    work.commit("three", {"list": changed(b"three")})
    work.git("merge", "-q", "--no-edit", "side")
    work.git("branch", "-D", "topic", "side")
    assert "commits of the target" in stays(work, "late")


def test_no_commit_is_lost_because_it_became_empty(work: Workspace) -> None:
    """The target made the same change beside another, and took it back later."""
    work.git("reset", "-q", "--hard", "main~3")
    work.commit("drei, too", {"list": changed(b"drei"), "beside": b"1\n"})
    work.commit("three", {"list": changed(b"three")})
    work.git("rebase", "-q", "--onto", "main~4", "topic~1", "topic")
    work.switch("main")
    assert "become empty" in stays(work, "topic")


def test_what_a_detector_refuses_does_not_move(work: Workspace) -> None:
    work.git("reset", "-q", "--hard", "main~5")
    work.commit("helper", {"helper.py": b"def wanted():\n    return 1\n"})
    work.git("branch", "-f", "topic", "main")
    work.switch("topic")
    work.commit("use", {"use.py": b"from helper import wanted\n\nprint(wanted())\n", "list": changed(b"drei")})
    work.switch("main")
    work.commit("rename", {"helper.py": b"def other():\n    return 1\n"})
    work.commit("three", {"list": changed(b"three")})
    assert "1 finding forbids it" in stays(work, "topic", {"detection.refuse_severity": "warning"})


def test_what_a_check_refuses_does_not_move(work: Workspace) -> None:
    command = ["sh", "-c", "! { test -f two && test -f own; }"]
    why = stays(work, "topic", {"validation.test_command": command, "validation.confinement": "none"})
    assert why.startswith("its result there may not be published: check tests")


def test_targets_stay(work: Workspace) -> None:
    work.git("branch", "scientific", "main~5")
    work.switch("scientific")
    work.commit("vier", {"list": changed(b"vier")})
    work.switch("main")
    tips = work.tip("main"), work.tip("scientific")
    run(work.path, partial=True)
    assert (work.tip("main"), work.tip("scientific")) == tips
