"""The façades ask first and act afterwards, and answer about every branch they were asked about."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import gitalign
from gitalign import BranchAlignmentOrchestrator, facade, run_alignment_for_branch
from gitalign.compat.recovery import RollbackRecoveryMechanisms
from gitalign.core.plan import Permit
from tests.cli.test_verbs import call
from tests.git.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": b"1\n"})
    for name in ("topic", "feature/other"):
        work.switch(name, "main")
        work.commit(name, {f"own-{name[:5]}": b"1\n"})
    work.switch("main")
    work.commit("main", {"list": b"2\n"})
    return work


def reflog(work: Workspace, branch: str) -> list[str]:
    return work.git("reflog", "show", "--format=%H", f"refs/heads/{branch}").splitlines()


class Detector:
    """Looks at the result with git, and at where the branch stands meanwhile."""

    def __init__(self, work: Workspace, says: list[Any]) -> None:
        self.work, self.says, self.stood, self.found = work, says, "", b""

    def run_error_detection(self, changed_files: list[str], base_ref: str, current_ref: str) -> list[Any]:
        self.stood = self.work.tip("topic")
        self.work.git("merge-base", "--is-ancestor", base_ref, current_ref)
        self.found = self.work.git("show", f"{current_ref}:own-topic").encode()
        assert changed_files == ["list"]
        return self.says


def raise_error(*_: object) -> str:
    raise RuntimeError("no disk for documents")


def end_the_program(*_: object) -> str:
    sys.exit(3)


@pytest.mark.parametrize(
    ("says", "generator", "status"),
    [
        (["syntax_error"], None, "failed_error_detection"),
        ([{"code": "x"}], lambda *_: "doc", "failed_error_detection"),
        ([], raise_error, "exception"),
        ([], end_the_program, "exception"),
        (5, None, "exception"),
    ],
)
def test_a_branch_that_is_refused_never_moved(work: Workspace, says: Any, generator: Any, status: str) -> None:
    before = reflog(work, "topic")
    refs = work.git("for-each-ref", "refs/heads")
    detector = Detector(work, says)
    answer = run_alignment_for_branch("topic", "main", str(work.path), None, detector, generator)
    assert answer["status"] == status, answer
    assert answer["error_message"]
    assert detector.found == b"1"
    assert detector.stood == before[0]
    assert reflog(work, "topic") == before
    assert work.git("for-each-ref", "refs/heads") == refs
    assert work.git("for-each-ref", "refs/gitalign") == ""
    assert [one.moved for one in facade.runs(facade.Request(repo=work.path))] == [0]


def test_what_is_accepted_moves_once_and_its_tools_saw_the_result(work: Workspace) -> None:
    seen: list[tuple[str, str]] = []

    def document(branch: str, target: str, *, current_ref: str) -> str:
        seen.append((branch, work.tip(current_ref)))
        assert work.tip(branch) != work.tip(current_ref)
        return f"docs/{branch}.md"

    answer = run_alignment_for_branch("topic", "main", str(work.path), None, Detector(work, []), document)
    assert answer["status"] == "completed", answer
    assert answer["changes_summary"] == "docs/topic.md"
    assert seen == [("topic", work.tip("topic"))]
    assert len(reflog(work, "topic")) == 3  # made, committed, moved
    again = run_alignment_for_branch("topic", "main", str(work.path), None, lambda *_: ["late"], document)
    assert again["status"] == "failed_error_detection"  # also a branch that needs nothing is looked at
    assert len(reflog(work, "topic")) == 3


def test_summaries_and_built_in_detection_unless_told_otherwise(work: Workspace, tmp_path: Path) -> None:
    answer = run_alignment_for_branch("topic", "main", str(work.path), None, None, None)
    assert "topic" in Path(answer["changes_summary"]).read_text()
    work.git("config", "core.autocrlf", "false")
    marked = b"<<<<<<< main\na\n=======\nb\n>>>>>>> topic\n"
    work.switch("marked", "main")
    work.commit("marked", {"m.txt": marked})
    work.switch("main")
    work.commit("on", {"list": b"3\n"})
    document = BranchAlignmentOrchestrator(repo_path=work.path).run()
    entries = {one["branch_name"]: one for one in document["orchestration_results"]["main"]["branches"]}
    assert Path(entries["feature/other"]["changes_summary"]).is_file()
    report = facade.show(facade.Request(repo=work.path), "last")
    assert {one.result.detection for one in report.branches()} <= {"clean", "found", "refused"}
    work.git("commit", "-q", "--allow-empty", "-m", "again")
    told = BranchAlignmentOrchestrator({"alignment": {"summaries": False}}, repo_path=work.path).run()
    summaries = {one.get("changes_summary") for one in told["orchestration_results"]["main"]["branches"]}
    assert summaries <= {"not configured", None}


def test_every_branch_of_a_list_is_in_the_results_with_a_reason_and_a_count(work: Workspace, tmp_path: Path) -> None:
    listed = tmp_path / "list.json"
    rows = [
        {"branch": "topic", "target": "main"},
        {"branch": "nowhere", "target": "main"},
        {"branch": "bad..name", "target": "main"},
        {"branch": "feature/other", "target": "nosuch"},
        {"branch": "main", "target": "main"},
        {"branch": "feature/other"},
    ]
    listed.write_text(json.dumps(rows))
    document = BranchAlignmentOrchestrator(repo_path=work.path).run(listed)
    schema = json.loads((Path(gitalign.__file__).parent / "schemas" / "results.schema.json").read_text())
    jsonschema.validate(document, schema)
    groups = document["orchestration_results"]
    told = [(target, one["branch_name"], one["status"]) for target in groups for one in groups[target]["branches"]]
    assert sorted(told) == [
        ("main", "bad..name", "exception"),
        ("main", "main", "skipped"),
        ("main", "nowhere", "exception"),
        ("main", "topic", "completed"),
        ("nosuch", "feature/other", "exception"),
        ("unassigned", "feature/other", "exception"),
    ] or sorted(told)[-1] == ("unassigned", "feature/other", "skipped")
    missing = next(one for one in groups["main"]["branches"] if one["branch_name"] == "nowhere")
    assert missing["errors_detected"] == ["missing_in_repository"]
    assert "no such branch in the repository" in missing["error_message"]
    main = groups["main"]
    assert (main["processed_branches"], main["successful"], main["failed"], main["skipped"]) == (3, 1, 2, 1)
    assert document["overall_summary"]["total_failed"] >= 3
    done = call("run", "--yes", "--quiet", "--input", str(listed), cwd=work.path)
    assert done.returncode == 1


def test_a_utility_that_moved_the_branch_is_taken_back(work: Workspace) -> None:
    """Rollback on integration failure, on detection and on an exception, also of what another tool did."""
    before = work.tip("topic")

    def integrate(branch: str, target: str) -> bool:
        work.git("update-ref", f"refs/heads/{branch}", work.tip(target))
        return True

    answer = run_alignment_for_branch("topic", "main", str(work.path), integrate, lambda *_: ["x"], None)
    assert answer["status"] == "failed_error_detection"
    assert work.tip("topic") == before
    answer = run_alignment_for_branch("topic", "main", str(work.path), integrate, None, raise_error)
    assert answer["status"] == "exception"
    assert work.tip("topic") == before
    answer = run_alignment_for_branch("topic", "main", str(work.path), integrate, end_the_program, None)
    assert answer["error_message"] == "SystemExit: 3"
    assert work.tip("topic") == before
    work.switch("topic")
    answer = run_alignment_for_branch("topic", "main", str(work.path), integrate, lambda *_: ["x"], None)
    assert "is checked out, so it is not put back: git -C" in answer["error_message"]
    fine = run_alignment_for_branch("feature/other", "main", str(work.path), integrate, None, lambda *_: "doc")
    assert fine["status"] == "completed"


def test_a_killed_run_of_a_callers_detector_moves_nothing_and_is_not_gone_on_without_it(work: Workspace) -> None:
    program = (
        "import os, signal, sys\n"
        "from gitalign import run_alignment_for_branch\n"
        "run_alignment_for_branch('topic', 'main', sys.argv[1], None, lambda *_: os.kill(os.getpid(), signal.SIGKILL), None)\n"
    )
    before = reflog(work, "topic")
    done = subprocess.run([sys.executable, "-c", program, str(work.path)], check=False, env=os.environ)
    assert done.returncode == -signal.SIGKILL
    (left,) = work.git("for-each-ref", "--format=%(refname)", "refs/gitalign/candidates").splitlines()
    assert left.endswith("/topic")
    (report,) = facade.resume(facade.Request(repo=work.path))
    assert "with plug-ins of its own (CallersDetector)" in " ".join(report.notices)
    assert report.exit_code() == 1
    assert reflog(work, "topic") == before
    old = left.replace(left.split("/")[3], "20200101-000000-abcdef")
    work.git("update-ref", old, left)
    facade.prune(facade.Request(repo=work.path))
    assert work.git("for-each-ref", "--format=%(refname)", "refs/gitalign/candidates") == left


def test_a_rollback_goes_on_with_no_other_run_and_gives_up_nothing_it_then_refuses(work: Workspace) -> None:
    request = facade.Request(repo=work.path, only=("topic",))
    facade.run(request, permit=Permit(plan_id="*", given_by="test"))
    work.switch("topic")
    work.commit("later", {"later": b"1\n"})
    work.switch("main")
    work.commit("clash", {"later": b"2\n"})
    work.git("branch", "-f", "other", "feature/other")
    facade.resolve(facade.Request(repo=work.path), "topic")
    tool = RollbackRecoveryMechanisms(work.path)
    answer = tool.initiate_rollback("topic", "test", permit=Permit(plan_id="*", given_by="test"))
    assert answer["rollback_operation"]["status"] == "refused"
    assert len(facade.resolutions_under_way(facade.Request(repo=work.path))) == 1
