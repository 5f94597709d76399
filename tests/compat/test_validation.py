"""The validation framework and change summaries by their old names."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import gitalign
from gitalign.errors import UserError
from tests.documents.strict import validate
from tests.git.workspace import Workspace
from tests.runs import run


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"f": b"1\n", "t.py": b"import sys, pathlib\nsys.exit(pathlib.Path('bad').exists())\n"})
    made.switch("feature/good", "main")
    made.commit("feat: good", {"good": b"1\n"})
    made.switch("bad", "main")
    made.commit("fix: bad", {"bad": b"1\n"})
    made.switch("main")
    made.commit("on", {"f": b"2\n"})
    return made


def test_what_a_run_found_in_the_words_of_the_framework(work: Workspace, tmp_path: Path) -> None:
    run(work.path, validation__test_command=[sys.executable, "t.py"])
    framework = gitalign.ValidationVerificationFramework(work.path)
    good = framework.run_post_alignment_validation("feature/good")
    assert good["validation_status"] == "passed"
    assert good["history_integrity"] == {"linear_history": True, "commit_integrity": True}
    assert good["file_integrity"] == {"no_corrupted_files": True, "tree_as_certified": True}
    assert good["quality_score"] == 1.0
    bad = framework.run_post_alignment_validation("bad")
    assert (bad["validation_status"], bad["quality_score"], bad["history_integrity"]) == ("failed", 0.0, None)
    written = tmp_path / "report.json"
    document = framework.generate_validation_report(written)
    stored = json.loads(written.read_text())
    assert validate(stored) == "validation-report"
    assert stored.items() >= document.items()
    assert document["summary"] == {"passed": 1, "failed": 1, "not_configured": 0}
    assert framework.run_error_detection(None, "main", "feature/good") == []
    with pytest.raises(UserError, match="has no branch"):
        framework.assess_quality_metrics("nobody")


def test_without_checks_nothing_is_called_passed(work: Workspace) -> None:
    run(work.path)
    framework = gitalign.ValidationVerificationFramework(work.path)
    assert framework.run_post_alignment_validation("bad")["validation_status"] == "not_configured"
    assert framework.assess_quality_metrics("bad")["quality_score"] is None


def test_a_tampered_certificate_fails(work: Workspace) -> None:
    report = run(work.path)
    (place,) = (work.path / ".git" / "gitalign" / "runs" / report.run.id).glob("certificates.jsonl")
    written = place.read_text()
    place.write_text(written.replace('"replayed"', '"merged"'))
    assert place.read_text() != written
    framework = gitalign.ValidationVerificationFramework(work.path)
    assert framework.run_post_alignment_validation("bad")["validation_status"] == "failed"


def test_a_change_summary_by_its_old_name(work: Workspace, tmp_path: Path) -> None:
    run(work.path)
    made = gitalign.generate_changes_summary("feature/good", "main", tmp_path / "out", repo_path=work.path)
    assert "feat: good" in Path(made).read_text()
    assert "/" not in Path(made).relative_to(tmp_path / "out").as_posix()
    with pytest.raises(UserError, match="changed no branch"):
        gitalign.generate_changes_summary("feature/good", "next", tmp_path / "out", repo_path=work.path)


def test_a_run_writes_summaries_when_asked_and_names_them(work: Workspace) -> None:
    from gitalign.documents.results_file import results_document

    report = run(work.path, summaries=True)
    (group,) = results_document(report)["orchestration_results"].values()
    for entry in group["branches"]:
        assert "CHANGES_SUMMARY" in entry["changes_summary"]
        assert Path(entry["changes_summary"]).exists()
    assert work.git("status", "--porcelain") == ""
