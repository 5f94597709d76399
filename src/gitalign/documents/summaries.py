"""Documents: the change summary of a branch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.findings import Finding
from gitalign.core.outcome import Aligned, Conflicted, Dropped
from gitalign.core.validation import Validation
from gitalign.documents.formats import stamped
from gitalign.documents.house_rules import dump_judged_compliance
from gitalign.documents.summary import CommitStory, Summary, architectural, is_breaking, kind_of

if TYPE_CHECKING:
    from gitalign.documents.models.run_files import (
        ChangeSummaryDocument,
        SummaryCommitDocument,
        SummaryDropDocument,
        SummaryFindingDocument,
        SummaryValidationDocument,
    )


def dump_summary(one: Summary) -> ChangeSummaryDocument:
    """A change summary without its name and version."""
    outcome = one.outcome
    conflicts = outcome.conflicts if isinstance(outcome, Conflicted) else ()
    return {
        "run_id": one.run_id,
        "branch": one.branch,
        "target": one.target,
        "verdict": one.verdict,
        "detail": one.detail,
        "before": one.before,
        "onto": one.onto,
        "after": outcome.after if isinstance(outcome, Aligned) else None,
        "target_commits": one.target_commits,
        "commits": [_commit(commit) for commit in one.commits],
        "features": _subjects(one, "feature"),
        "fixes": _subjects(one, "fix"),
        "other": _subjects(one, "other"),
        "architectural": [file.path for file in architectural(one.files)],
        "files": [
            {"path": file.path, "status": file.status, "added": file.added, "deleted": file.deleted}
            for file in one.files
        ],
        "also_changed_by_the_target": list(one.shared),
        "dropped": [_drop(drop) for drop in one.dropped],
        "conflicts": [{"kind": conflict.kind, "paths": list(conflict.paths)} for conflict in conflicts],
        "findings": [_finding(finding) for finding in one.findings],
        "validation": _validation(one.validation),
        "house_rules": None if one.compliance is None else dump_judged_compliance(one.compliance),
    }


def dump(one: Summary) -> dict[str, Any]:
    """A change summary as a document."""
    return stamped("change-summary", dump_summary(one))


def _subjects(one: Summary, kind: str) -> list[str]:
    return [commit.subject for commit in one.commits if commit.new is not None and kind_of(commit.subject) == kind]


def _commit(commit: CommitStory) -> SummaryCommitDocument:
    return {
        "old": commit.old,
        "new": commit.new,
        "subject": commit.subject,
        "author": commit.author,
        "patch": commit.patch,
        "breaking": is_breaking(commit.subject),
    }


def _drop(drop: Dropped) -> SummaryDropDocument:
    return {"commit": drop.oid, "reason": drop.reason, "subject": drop.subject, "upstream": drop.upstream}


def _finding(finding: Finding) -> SummaryFindingDocument:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "path": finding.path,
        "line": finding.line,
        "message": finding.message,
        "introduced_by": finding.introduced_by,
    }


def _validation(validation: Validation) -> SummaryValidationDocument:
    return {
        "status": validation.status,
        "checks": [{"name": check.name, "status": check.status, "reason": check.reason} for check in validation.checks],
    }
