"""The eleven tests the orchestrator's specification names, under their names, on real repositories; and its façades."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import gitalign
from gitalign import BranchAlignmentOrchestrator, ParallelAlignmentFramework, facade, run_alignment_for_branch
from gitalign.core.events import Event, EventKind
from gitalign.core.names import ref_of
from gitalign.core.plan import Permit
from gitalign.documents.results_file import results_document
from gitalign.errors import BranchListError
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))
TARGETS = ("main", "scientific", "orchestration-tools")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """Three targets, each ahead of its branches; the branch of each that ends in `clash` conflicts."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES})
    for target in TARGETS[1:]:
        work.switch(target, "main")
        work.commit(f"start of {target}", {f"{target}.txt": b"1\n"})
    for target in TARGETS:
        for number in range(4):
            work.switch(f"feature/{target}-{number}", target)
            work.commit("own", {f"own-{target}-{number}": b"1\n"})
        work.switch(f"feature/{target}-clash", target)
        work.commit("clash", {"list": LINES.replace(b"line 3\n", b"drei\n")})
    for target in TARGETS:
        work.switch(target)
        work.commit("goes on", {"list": LINES.replace(b"line 3\n", target.encode() + b"\n")})
    work.switch("main")
    return work


@pytest.fixture
def listed(work: Workspace, tmp_path: Path) -> Path:
    """categorized_branches.json for all of them."""
    rows = [
        {
            "branch_name": f"feature/{target}-{suffix}",
            "assigned_target": target,
            "confidence": 0.87,
            "tags": [f"tag:{target}_branch", "tag:parallel_safe"],
            "cluster_id": number,
        }
        for number, target in enumerate(TARGETS)
        for suffix in (*range(4), "clash")
    ]
    place = tmp_path / "categorized_branches.json"
    place.write_text(json.dumps({"branches": rows}))
    return place


def schema() -> Any:
    return json.loads((Path(gitalign.__file__).parent / "schemas" / "results.schema.json").read_text())


class Marking:
    """A listener that remembers when branches started and ended."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def order(self, kind: EventKind) -> list[str]:
        return [str(event.target) for event in self.events if event.kind is kind]


def test_load_categorized_branches(work: Workspace, listed: Path, tmp_path: Path) -> None:
    """Load and parse categorized_branches.json."""
    found = BranchAlignmentOrchestrator(repo_path=work.path).load_categorized_branches(listed)
    assert len(found) == 15
    assert found[0] == {
        "branch_name": "feature/main-0",
        "assigned_target": "main",
        "confidence": 0.87,
        "tags": ["tag:main_branch", "tag:parallel_safe"],
        "cluster_id": 0,
    }
    with pytest.raises(BranchListError, match="does not exist"):
        BranchAlignmentOrchestrator(repo_path=work.path).load_categorized_branches(tmp_path / "gone.json")


def test_group_branches_by_target(work: Workspace, listed: Path) -> None:
    """Branches grouped correctly by target."""
    groups = BranchAlignmentOrchestrator(repo_path=work.path).group_branches_by_target(listed)
    assert list(groups) == list(TARGETS)
    for target in TARGETS:
        assert sorted(groups[target]) == sorted(f"feature/{target}-{suffix}" for suffix in (*range(4), "clash"))


def test_parallel_execution_within_group(work: Workspace) -> None:
    """All branches in target group execute in parallel: two workers are at work at the same moment, and every branch ends."""
    marking = Marking()
    asked = request(work.path, only=("feature/main-*",), orchestration__max_workers_per_target=4)
    report = facade.run(asked, permit=Permit(plan_id="*"), listeners=[marking])
    running = most = 0
    for event in marking.events:
        running += (event.kind is EventKind.STEP_STARTED) - (event.kind is EventKind.STEP_FINISHED)
        most = max(most, running)
    assert most >= 2
    assert len(report.results) == 5


def test_sequential_execution_between_groups(work: Workspace) -> None:
    """Target groups process sequentially or isolated."""
    marking = Marking()
    asked = request(work.path, orchestration__group_execution="sequential")
    facade.run(asked, permit=Permit(plan_id="*"), listeners=[marking])
    order = marking.order(EventKind.STEP_STARTED)
    assert order == sorted(order, key=TARGETS.index)
    assert set(order) == set(TARGETS)


def test_rollback_on_integration_failure(work: Workspace) -> None:
    """A branch whose integration fails stands exactly where it stood."""
    tip = work.tip("feature/main-clash")
    answer = run_alignment_for_branch("feature/main-clash", "main", str(work.path), None, None, None)
    assert answer["status"] == "failed_integration"
    assert answer["errors_detected"] == ["merge_conflict_unresolvable"]
    assert "list" in answer["error_message"]
    assert work.tip("feature/main-clash") == tip
    assert work.git("status", "--porcelain") == ""


def test_error_detection_integration(work: Workspace) -> None:
    """Error detection runs and results captured; what it condemns is put back."""
    seen: list[tuple[list[str], str, str]] = []

    class Detector:
        def run_error_detection(self, changed_files: list[str], base_ref: str, current_ref: str) -> list[Any]:
            seen.append((changed_files, base_ref, current_ref))
            return ["encoding_invalid_utf8", {"code": "syntax_error"}] if "main-1" in current_ref else []

    tip = work.tip("feature/main-1")
    answer = run_alignment_for_branch("feature/main-1", "main", str(work.path), None, Detector(), None)
    assert answer["status"] == "failed_error_detection"
    assert answer["errors_detected"] == ["encoding_invalid_utf8", "syntax_error"]
    assert work.tip("feature/main-1") == tip
    fine = run_alignment_for_branch("feature/main-2", "main", str(work.path), None, Detector(), lambda *_: "doc.md")
    assert fine["status"] == "completed"
    assert fine["changes_summary"] == "doc.md"
    assert seen[1][:2] == (["list"], "main")
    assert seen[1][2].endswith("/feature/main-2")


def test_circuit_breaker_stops_cascade(work: Workspace) -> None:
    """Circuit breaker stops on failure threshold."""
    blob = work.tip("feature/main-clash:list")
    for number in range(4):
        work.switch(f"broken/{number}", "feature/main-clash")
        work.commit("more", {f"more{number}": b"1\n"})
    work.switch("main")
    (work.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    report = run(
        work.path,
        only=("broken/*", "feature/main-*"),
        orchestration__failure_threshold_count=2,
        orchestration__failure_threshold_percent=10,
        orchestration__enable_parallelization=False,
    )
    document = results_document(report)
    statuses = [entry["status"] for entry in document["orchestration_results"]["main"]["branches"]]
    assert document["overall_summary"]["circuit_breaker_triggered"] is True
    assert statuses.count("skipped") >= 2
    assert statuses.count("failed_integration") == 2
    jsonschema.validate(document, schema())


def test_output_schema_validation(work: Workspace, listed: Path) -> None:
    """Output matches specification exactly."""
    document = BranchAlignmentOrchestrator(repo_path=work.path).run(listed)
    jsonschema.validate(document, schema())
    assert list(document) == ["orchestration_results", "overall_summary"]
    assert list(document["overall_summary"]) == [
        "total_branches_processed",
        "total_successful",
        "total_failed",
        "total_time_seconds",
        "circuit_breaker_triggered",
        "execution_timestamp",
    ]
    group = document["orchestration_results"]["main"]
    assert {"target_branch", "processed_branches", "successful", "failed", "branches"} <= group.keys()
    done = next(entry for entry in group["branches"] if entry["status"] == "completed")
    assert set(done) == {"branch_name", "status", "integration_time_seconds", "errors_detected", "changes_summary"}
    assert Path(done["changes_summary"]).read_text().startswith("#")
    failed = next(entry for entry in group["branches"] if entry["status"] == "failed_integration")
    assert set(failed) == {"branch_name", "status", "integration_time_seconds", "errors_detected", "error_message"}


def test_full_orchestration_mixed_targets(work: Workspace, listed: Path) -> None:
    """Full workflow with branches for all three targets."""
    orchestrator = BranchAlignmentOrchestrator({"orchestration": {"max_workers_per_target": 2}}, repo_path=work.path)
    document = orchestrator.run(listed)
    for target in TARGETS:
        group = document["orchestration_results"][target]
        assert (group["processed_branches"], group["successful"], group["failed"]) == (5, 4, 1)
        for number in range(4):
            assert work.git("merge-base", "--is-ancestor", target, f"feature/{target}-{number}") == ""
    assert document["overall_summary"]["total_branches_processed"] == 15


def test_error_handling_and_recovery(work: Workspace) -> None:
    """Error conditions handled gracefully: each has a status, none an exception, and no branch is lost."""
    root = str(work.path)

    class Explodes:
        def integrate_primary_changes(self, branch: str, target: str) -> bool:
            raise RuntimeError("boom")

    cases = [
        (("nope", "main", root, None, None, None), "exception"),
        (("feature/main-0", "nope", root, None, None, None), "exception"),
        (("feature/main-0", "main", root + "/nowhere", None, None, None), "exception"),
        (("feature/main-0", "main", root, Explodes(), None, None), "exception"),
        (("feature/main-0", "main", root, lambda *_: False, None, None), "failed_integration"),
        (("feature/main-0", "main", root, 5, None, None), "exception"),
        (("main", "main", root, None, None, None), "exception"),
    ]
    before = work.git("for-each-ref", "refs/heads/feature", "refs/heads/main")
    assert run_alignment_for_branch(*cases[0][0])["error_message"] == "there is no branch nope"
    for arguments, status in cases:
        answer = run_alignment_for_branch(*arguments)
        assert answer["status"] == status, answer
        assert answer["error_message"]
        assert {"branch_name", "status", "integration_time_seconds", "errors_detected", "error_message"} == set(answer)
    assert work.git("for-each-ref", "refs/heads/feature", "refs/heads/main") == before

    def explode(*_: object) -> str:
        raise RuntimeError("no disk for documents")

    tip = work.tip("feature/main-0")
    answer = run_alignment_for_branch("feature/main-0", "main", root, None, None, explode)
    assert answer["status"] == "exception"
    assert work.tip("feature/main-0") == tip


def test_parallel_safety_no_race_conditions(work: Workspace) -> None:
    """No race conditions in concurrent execution: four runs at once, every branch aligned exactly once."""
    reports: list[Any] = []
    lock = threading.Lock()

    def one() -> None:
        made = run(work.path)
        with lock:
            reports.append(made)

    threads = [threading.Thread(target=one) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    moved = [update.update.ref for report in reports for update in report.publications if update.state == "moved"]
    assert len(moved) == len(set(moved)) == 12
    for target in TARGETS:
        for number in range(4):
            name = f"feature/{target}-{number}"
            assert work.git("rev-list", "--count", f"{target}..{name}") == "1"
            assert ref_of(name) in moved
    assert "missing" not in work.git("fsck", "--full")
    assert branch(run(work.path), "feature/main-0").verdict == "unchanged"


def test_parallel_framework_never_hides_a_branch(work: Workspace) -> None:
    names = ["feature/main-0", "feature/main-clash", "nope", "main", "feature/main-1"]
    framework = ParallelAlignmentFramework(max_workers=2, repo_path=work.path)
    results = framework.execute_parallel(names)
    assert [entry["branch"] for entry in results] == names
    assert [entry["status"] for entry in results] == ["success", "error", "error", "error", "success"]
    assert framework.results == results
    assert "list" in results[1]["detail"]
    assert framework.execute_parallel([]) == []


def test_library_names_are_loaded_when_asked_for() -> None:
    assert set(gitalign.__all__) <= set(dir(gitalign))
    for name in gitalign.__all__:
        assert getattr(gitalign, name) is not None
    with pytest.raises(AttributeError):
        _ = gitalign.nothing_like_it
