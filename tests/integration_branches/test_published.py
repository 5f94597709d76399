"""Integration branches after they are made: undo, push, proofs, reports, forecasts."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from gitalign import facade
from gitalign.cli.main import app
from gitalign.core.conflict import AlignablePoint
from gitalign.core.exclusions import ExclusionCode
from gitalign.core.forecast import Prospect
from gitalign.core.outcome import Aligned, Conflicted, Refused
from gitalign.core.plan import Permit
from gitalign.core.publication import PushState
from gitalign.core.report import Verdict
from gitalign.documents import reports
from gitalign.documents.results_file import results_document
from gitalign.errors import UserError
from gitalign.ports import ConflictedFile, Sides
from gitalign.resolve.external import request_document
from tests.git.workspace import Workspace
from tests.integration_branches.conftest import LINES
from tests.integration_branches.judging import UNDO, as_git_merges, branches, run, shape
from tests.runs import branch, request


def test_undo_takes_it_away_and_undoing_that_makes_it_again(work: Workspace) -> None:
    before = branches(work)
    report = run(work.path, only=("feature", "merged"))
    made = branches(work)
    (first, second) = facade.undo_preview(request(work.path), report.run.id)
    assert {first.state, second.state} == {"intended"}
    back = facade.undo(request(work.path), report.run.id, permit=UNDO)
    assert back.exit_code() == 0
    assert branches(work) == before
    again = facade.undo(request(work.path), back.run.id, permit=UNDO)
    assert again.exit_code() == 0
    assert branches(work) == made


@pytest.mark.parametrize("glob", ["feature", "integration/feature"])
def test_undo_takes_either_name(work: Workspace, glob: str) -> None:
    report = run(work.path, only=("feature", "merged"))
    facade.undo(request(work.path, only=(glob,)), report.run.id, permit=UNDO)
    assert {name for name in branches(work) if name.startswith("integration/")} == {"integration/merged"}


def test_undo_moves_it_back_and_leaves_what_somebody_moved(work: Workspace) -> None:
    run(work.path, only=("feature", "merged"))
    first = branches(work)
    work.commit("on", {"h": b"2\n"})
    report = run(work.path, only=("feature", "merged"))
    work.git("update-ref", "refs/heads/integration/merged", first["feature"])
    back = facade.undo(request(work.path), report.run.id, permit=UNDO)
    assert back.exit_code() == 1
    stands = branches(work)
    assert stands["integration/feature"] == first["integration/feature"]
    assert stands["integration/merged"] == first["feature"]


def test_undo_does_not_take_it_from_under_a_work_tree(work: Workspace) -> None:
    report = run(work.path, only=("feature",))
    work.switch("integration/feature")
    back = facade.undo(request(work.path), report.run.id, permit=UNDO)
    assert back.exit_code() == 1
    assert "integration/feature" in branches(work)
    assert work.git("status", "--porcelain") == ""


@pytest.fixture
def remote(work: Workspace, tmp_path: Path) -> Path:
    """A bare remote."""
    place = tmp_path / "remote.git"
    work.git("clone", "-q", "--bare", str(work.path), str(place))
    work.git("remote", "add", "origin", str(place))
    return place


def test_what_is_on_the_remote_is_pushed_with_a_lease(work: Workspace, remote: Path) -> None:
    def there() -> str:
        return work.git("--git-dir", str(remote), "for-each-ref", "--format=%(objectname)", "refs/heads/integration")

    first = run(work.path, only=("feature",), push=True)
    told = branch(first, "feature").publication
    assert told is not None
    assert told.push is PushState.NOT_ON_REMOTE
    assert there() == ""
    work.git("push", "-q", "origin", "integration/feature")
    work.commit("on", {"h": b"2\n"})
    work.git("push", "-q", "origin", "main")
    second = run(work.path, only=("feature",), push=True)
    assert second.publications
    assert there() == work.tip("integration/feature")
    assert work.git("--git-dir", str(remote), "rev-parse", "feature") == work.tip("feature")
    facade.undo(request(work.path), second.run.id, push=True, permit=Permit(plan_id="*", push=True))
    assert there() == work.tip("integration/feature") == told.update.after
    # Gone here, there on the remote: nobody knows what is on it.
    work.git("branch", "-q", "-D", "integration/feature")
    third = run(work.path, only=("feature",), push=True)
    told = branch(third, "feature").publication
    assert told is not None
    assert told.push is PushState.REJECTED
    assert third.exit_code() == 1
    assert there() != work.tip("integration/feature")


def test_moved_since_the_plan(work: Workspace) -> None:
    asked = request(work.path, strategy="integration-branch", only=("feature", "merged"))
    plan = facade.plan(asked)
    work.git("branch", "integration/feature", "done")
    work.git("branch", "-f", "merged", "done")
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id))
    for name in ("feature", "merged"):
        outcome = branch(report, name).result.outcome
        assert isinstance(outcome, Refused)
        assert outcome.code == "moved_since_plan"
    assert "integration/feature not there, it is at" in branch(report, "feature").detail
    assert branches(work)["integration/feature"] == work.tip("done")


@pytest.mark.parametrize("other", ["integration", "integration/feature/more"])
def test_a_name_in_the_way_that_comes_while_the_run_is_at_work(work: Workspace, other: str) -> None:
    def disturb(effect: str) -> None:
        if effect == "refs" and other not in branches(work):
            work.git("branch", other, "done")

    asked = request(work.path, strategy="integration-branch", only=("feature",))
    plan = facade.plan(asked)
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id), checkpoint=disturb)
    assert branch(report, "feature").verdict is Verdict.HELD_BACK
    assert "integration/feature" not in branches(work)
    assert branches(work)[other] == work.tip("done")


def test_moved_while_the_run_is_at_work(work: Workspace) -> None:
    def disturb(effect: str) -> None:
        if effect == "refs":
            work.git("update-ref", "refs/heads/integration/feature", work.tip("done"))

    asked = request(work.path, strategy="integration-branch", only=("feature",))
    plan = facade.plan(asked)
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id), checkpoint=disturb)
    assert branch(report, "feature").verdict is Verdict.HELD_BACK
    assert "the plan did not see it" in branch(report, "feature").detail
    assert branches(work)["integration/feature"] == work.tip("done")


def test_certificates_hold_and_tell_where_it_is(work: Workspace) -> None:
    report = run(work.path)
    proofs = facade.verify(request(work.path))
    assert {(one.certificate.ref, one.certificate.of) for one in proofs} == {
        (f"refs/heads/integration/{name}", f"refs/heads/{name}") for name in ("feature", "merged")
    }
    assert all(one.holds and one.standing == "the branch is there" for one in proofs)
    (proof,) = facade.verify(request(work.path), branch="feature")
    assert (proof,) == facade.verify(request(work.path), branch="integration/feature")
    facade.undo(request(work.path), report.run.id, permit=UNDO)
    assert {one.standing for one in facade.verify(request(work.path), report.run.id)} == {"the branch is gone"}


def test_a_certificate_with_its_sides_swapped_does_not_hold(work: Workspace) -> None:
    run(work.path, only=("feature",))
    (place,) = (work.path / ".git" / "gitalign" / "runs").glob("*/certificates.jsonl")
    place.write_text(place.read_text().replace('"integrated"', '"merged"'))
    (proof,) = facade.verify(request(work.path))
    assert [check.name for check in proof.checks if not check.passed] == ["linear_history"]


def test_every_report_names_what_was_made(work: Workspace) -> None:
    report = run(work.path)
    document = reports.dump(report)
    told = {one["branch"]: one["integration_branch"] for one in document["branches"]}
    assert told["feature"] == "integration/feature"
    assert "integration/feature" in facade.write_up(
        request(work.path), report.run.id, form=facade.ReportFormat.MARKDOWN
    )
    results = results_document(report)["orchestration_results"]["main"]["branches"]
    assert {one["branch_name"]: one["status"] for one in results}["feature"] == "completed"
    again = facade.show(request(work.path), report.run.id)
    assert branch(again, "feature").verdict is Verdict.ALIGNED
    work.commit("on", {"h": b"2\n"})
    for words in (["run", "--yes"], ["plan", "--verbose"], ["show", report.run.id, "feature"], ["report"]):
        settings = ["--strategy", "integration-branch"] if words[0] in ("run", "plan") else []
        shown = CliRunner().invoke(app, [*words, *settings, "--repo", str(work.path)])
        assert "integration/feature" in shown.output, words


def test_forecast_and_order_go_by_the_merge(work: Workspace) -> None:
    asked = request(work.path, strategy="integration-branch")
    found = {one.branch: one.prospect for one in facade.forecast(asked).branches}
    assert found["feature"] is Prospect.CLEAN
    assert found["clashes"] is Prospect.CONFLICT
    run(work.path)
    again = facade.forecast(asked, pairs=True)
    assert {one.branch: one.prospect for one in again.branches}["clashes"] is Prospect.CONFLICT
    assert {"feature", "merged"} <= {one for batch in facade.order(asked).batches for one in batch.members}


def test_conflicts_are_told_and_resolving_is_for_branches_that_move(work: Workspace) -> None:
    report = run(work.path, furthest=True, partial=True)
    outcome = branch(report, "clashes").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.paths == ("g",)
    assert [entry.stage for entry in outcome.entries] == [1, 2, 3]
    assert work.git("cat-file", "blob", outcome.entries[1].oid) == work.git("cat-file", "blob", "main:g")
    stops = subprocess.run(outcome.reproduce[1], shell=True, cwd=work.path, capture_output=True, check=False)
    assert stops.returncode != 0
    with pytest.raises(UserError, match="stays where it is") as refused:
        facade.resolve(request(work.path, strategy="integration-branch"), "clashes")
    assert "--strategy merge" in refused.value.hint


def test_nothing_is_made_part_of_the_way(work: Workspace) -> None:
    work.switch("feature")
    work.commit("clash", {"g": LINES.replace(b"line 9\n", b"nueve\n")})
    work.switch("main")
    work.commit("clean", {"h": b"2\n"})
    work.commit("clash", {"g": LINES.replace(b"line 9\n", b"neun\n")})
    report = run(work.path, only=("feature",), partial=True)
    outcome = branch(report, "feature").result.outcome
    assert isinstance(outcome, Conflicted)
    assert isinstance(outcome.alignable_point, AlignablePoint)
    assert outcome.alignable_point.advanced_by
    assert "holds all of its target" in outcome.not_moved_reason
    assert "integration/feature" not in branches(work)


def test_recorded_resolutions_settle_its_conflict(work: Workspace) -> None:
    work.git("config", "rerere.enabled", "true")
    work.git("merge", "-q", "clashes", check=False)
    (work.path / "g").write_bytes(b"settled\n")
    work.git("commit", "-q", "-a", "--no-edit")
    work.git("reset", "-q", "--hard", "HEAD~1")
    report = run(work.path, only=("clashes",), resolutions__apply=True)
    outcome = branch(report, "clashes").result.outcome
    assert isinstance(outcome, Aligned)
    assert [one.path for one in outcome.resolved] == ["g"]
    assert work.git("show", "integration/clashes:g") == "settled"
    assert all(proof.holds for proof in facade.verify(request(work.path)))


def test_long_ids_and_odd_names(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo", object_format="sha256")
    work.commit("base", {"f": b"1\n"})
    name = os.fsdecode(b"gr\xc3\xb6\xc3\x9fe/caf\xe9 'x'".replace(b" ", b"-"))
    work.git("update-ref", f"refs/heads/{name}", work.git("commit-tree", "-p", "main", "-m", "one", "main^{tree}"))
    work.commit("on", {"g": b"1\n"})
    wanted = as_git_merges(work, name)
    report = run(work.path)
    assert shape(work, f"integration/{name}") == wanted
    work.commit("on", {"g": b"2\n"})
    again = run(work.path)
    assert [one.branch for one in again.plan.excluded if one.code is ExclusionCode.INTEGRATION] == [
        f"integration/{name}"
    ]
    assert branch(again, name).verdict is Verdict.ALIGNED
    for made in (again, report):
        assert facade.undo(request(work.path), made.run.id, permit=UNDO).exit_code() == 0
    assert not any(one.startswith("integration/") for one in branches(work))


def test_what_was_squashed_into_the_target_gives_way_to_what_the_branch_has_now(work: Workspace) -> None:
    """The sides stand the other way round than while the target is merged in: what the branch did last must not be lost."""
    first = LINES.replace(b"line 9\n", b"first\n")
    work.switch("squashed", "main")
    work.commit("first", {"g": first})
    last = work.commit("last", {"g": first.replace(b"first\n", b"last\n")})
    work.switch("main")
    work.commit("squash", {"g": first})
    report = run(work.path, only=("squashed",), resolutions__rungs=["squash_merged"])
    outcome = branch(report, "squashed").result.outcome
    assert isinstance(outcome, Aligned)
    assert [one.resolver for one in outcome.resolved] == ["squash_merged"]
    assert work.git("show", "integration/squashed:g") == work.git("show", f"{last}:g")


def test_a_command_is_told_which_side_is_whose() -> None:
    file = ConflictedFile(path="f", stages=(), marked=b"", marker_size=7, is_integration=True)
    told = request_document(file, Sides(b"base", b"target", b"branch"))["meaning"]
    assert told == {"ours": "the target", "theirs": "the branch that is merged into it"}
    swapped = request_document(replace(file, is_integration=False), Sides(b"base", b"branch", b"target"))["meaning"]
    assert swapped == {"ours": "the branch", "theirs": "the target that is merged into it"}
