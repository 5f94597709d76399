"""`ValidationVerificationFramework` and `generate_changes_summary`, as the original requests name them: what a run found, in their words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.compat.checks import run_error_detection
from gitalign.core.certificate import CheckName, Proof
from gitalign.core.findings import Severity
from gitalign.core.report import BranchReport, Report
from gitalign.core.validation import CheckResult, CheckStatus, ValidationStatus
from gitalign.documents.formats import stamped
from gitalign.documents.gate_file import gate_document
from gitalign.errors import UserError
from gitalign.output_file import require_writable, write_whole

_GOOD = frozenset({CheckStatus.PASSED, CheckStatus.FLAKY})
_TELLS_NOTHING = frozenset({CheckStatus.SKIPPED, CheckStatus.FAILED_BEFORE})


class ValidationVerificationFramework:
    """What was verified, detected and validated of the branches of a run.

    It runs nothing: checks are run before a branch is published, or not at all.

    Args:
        repo_path: any path inside the repository.
        run_id: id, unambiguous prefix or `last`.
        quality_threshold: score below which a branch is not `passed`.
        error_threshold_critical, error_threshold_warning: findings of that severity that are still accepted.
    """

    def __init__(
        self,
        repo_path: str | Path = ".",
        *,
        run_id: str = "last",
        quality_threshold: float = 0.8,
        error_threshold_critical: int = 0,
        error_threshold_warning: int = 5,
    ) -> None:
        self._request = facade.Request(repo=repo_path)
        self._repo_path = repo_path
        self._run_id = run_id
        self._quality_threshold = quality_threshold
        self._critical = error_threshold_critical
        self._warnings = error_threshold_warning

    def verify_integrity(self, branch: str) -> dict[str, Any]:
        """History and files of an aligned branch, proved again from the repository.

        Returns:
            `history_integrity{linear_history, commit_integrity}`, `file_integrity{no_corrupted_files, tree_as_certified}`,
            `faults[]`, `standing`.

        Raises:
            UserError: the run has no certificate of it.
            GitAlignError
        """
        (proof,) = facade.verify(self._request, self._run_id, branch=branch)
        return _integrity(proof)

    def run_error_detection(
        self, changed_files: Sequence[str] | None, base_ref: str, current_ref: str
    ) -> list[dict[str, Any]]:
        """See `gitalign.run_error_detection`."""
        return run_error_detection(changed_files, base_ref, current_ref, repo_path=self._repo_path)

    def assess_quality_metrics(self, branch: str) -> dict[str, Any]:
        """How the checks of a branch ended, as numbers.

        `quality_score` is the share of its checks that say nothing against it, of those that were run; None when none was.

        Raises:
            UserError: the run knows no such branch.
        """
        return _quality(self._branch(self._report(), branch).result.validation.checks)

    def run_post_alignment_validation(self, branch: str) -> dict[str, Any]:
        """Everything that is known of a branch: integrity, findings, checks, and one word for it all.

        `validation_status` is `passed`, `failed` or `not_configured`; the last one when no check was configured and nothing
        else speaks against the branch.

        Raises:
            UserError: the run knows no such branch.
            GitAlignError
        """
        report = self._report()
        return self._validated(report, self._branch(report, branch))

    def generate_validation_report(self, output: str | Path | None = None) -> dict[str, Any]:
        """The same for every branch of the run that was aligned or refused by a check, written to `output` when given.

        Raises:
            GitAlignError
        """
        if output is not None:
            require_writable(Path(output))
        report = self._report()
        told = [self._validated(report, one) for one in report.branches() if _was_looked_at(one)]
        document = {
            "run_id": report.run.id,
            "generated_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "branches": told,
            "summary": {
                word: sum(one["validation_status"] == word for one in told)
                for word in ("passed", "failed", "not_configured")
            },
        }
        if output is not None:
            write_whole(Path(output), json.dumps(stamped("validation-report", document), indent=2) + "\n")
        return document

    def _report(self) -> Report:
        return facade.show(self._request, self._run_id)

    @staticmethod
    def _branch(report: Report, branch: str) -> BranchReport:
        found = next((one for one in report.branches() if one.step.branch.name == branch), None)
        if found is None:
            raise UserError(f"run {report.run.id} has no branch {branch}", hint="git align show")
        return found

    def _validated(self, report: Report, one: BranchReport) -> dict[str, Any]:
        proofs = facade.verify(self._request, report.run.id, branch=one.step.branch.name) if _is_certified(one) else ()
        findings = getattr(one.result.outcome, "findings", ())
        critical = sum(finding.severity is Severity.CRITICAL for finding in findings)
        warnings = sum(finding.severity is Severity.WARNING for finding in findings)
        quality = _quality(one.result.validation.checks)
        score = quality["quality_score"]
        is_bad = (
            not proofs
            or not all(proof.holds for proof in proofs)
            or one.result.validation.status is ValidationStatus.FAILED
            or critical > self._critical
            or warnings > self._warnings
            or (score is not None and score < self._quality_threshold)
        )
        status = "failed" if is_bad else "not_configured" if score is None else "passed"
        return {
            "branch_name": one.step.branch.name,
            **(_integrity(proofs[0]) if proofs else {"history_integrity": None, "file_integrity": None}),
            "error_detection_results": {"critical": critical, "warning": warnings, "total": len(findings)},
            "code_quality": quality,
            "quality_score": score,
            "gate": gate_document(one.result, target=one.step.target.name, author=None, at=report.executed_at),
            "validation_status": status,
        }


def _was_looked_at(one: BranchReport) -> bool:
    return _is_certified(one) or one.result.validation.status is ValidationStatus.FAILED


def _is_certified(one: BranchReport) -> bool:
    return one.result.outcome.kind == "aligned"


def _integrity(proof: Proof) -> dict[str, Any]:
    held = {check.name: check.passed for check in proof.checks}
    return {
        "history_integrity": {
            "linear_history": held[CheckName.LINEAR_HISTORY] and held[CheckName.TARGET_IS_ANCESTOR],
            "commit_integrity": held[CheckName.COMMITS_CONSERVED]
            and held[CheckName.AUTHORSHIP_KEPT]
            and held[CheckName.PATCHES_KEPT],
        },
        "file_integrity": {
            "no_corrupted_files": held[CheckName.OBJECTS_PRESENT],
            "tree_as_certified": held[CheckName.TREE_AS_CERTIFIED],
        },
        "faults": list(proof.faults),
        "standing": proof.standing,
    }


def _quality(checks: Sequence[CheckResult]) -> dict[str, Any]:
    ran = [check for check in checks if check.status not in _TELLS_NOTHING]
    good = sum(check.status in _GOOD for check in ran)
    return {
        "checks": {check.name: check.status.value for check in checks},
        "coverage_percent": next(
            (check.coverage_percent for check in checks if check.coverage_percent is not None), None
        ),
        "quality_score": round(good / len(ran), 4) if ran else None,
    }


def generate_changes_summary(
    feature_branch: str,
    primary_branch: str,
    output_dir: str | Path = "alignment_summaries",
    *,
    repo_path: str | Path = ".",
    run_id: str = "last",
) -> str:
    """Write the change summary of a branch of a run, as Markdown and JSON; where the Markdown is.

    Args:
        feature_branch: name of the branch.
        primary_branch: name of the target that the run gave it.
        output_dir: made when it is not there; best outside every work tree.
        repo_path: any path inside the repository.
        run_id: id, unambiguous prefix or `last`.

    Raises:
        UserError: the run has no such branch on that target.
        GitAlignError
    """
    from gitalign.engine.run.session import open_for
    from gitalign.engine.run.summaries import summaries, write_summaries

    request = facade.Request(repo=repo_path)
    report = facade.show(request, run_id)
    found = [
        one
        for one in summaries(open_for(request).repository, report)
        if (one.branch, one.target) == (feature_branch, primary_branch)
    ]
    if not found:
        raise UserError(
            f"run {report.run.id} changed no branch {feature_branch} of {primary_branch}", hint="git align show"
        )
    (written,) = write_summaries(Path(output_dir), found)
    return str(written)
