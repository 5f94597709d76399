"""`run_alignment_for_branch` and `BranchAlignmentOrchestrator`, as the orchestrator's specification names them."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.branch_list import load_branch_list
from gitalign.core.names import ref_of
from gitalign.core.plan import Permit
from gitalign.core.results_file import results_document
from gitalign.errors import GitAlignError


def run_alignment_for_branch(
    branch_name: str,
    target_branch: str,
    repo_path: str,
    integration_utility: object,
    error_detector: object,
    doc_generator: object,
) -> dict[str, Any]:
    """Align one branch.

    Args:
        branch_name: the branch.
        target_branch: its primary branch.
        repo_path: any path inside the repository.
        integration_utility: None integrates through git-align itself. Anything else must be callable, or offer
            `integrate_primary_changes(branch, target)`; a false answer means that integration failed.
        error_detector: None, or callable, or with `run_error_detection(changed_files, base_ref, current_ref)`;
            a non-empty list of codes fails the branch, which is then put back.
        doc_generator: None, or callable, or with `generate_changes_summary(branch, target)` that returns a reference.

    Returns:
        `branch_name`, `status` (`completed`, `failed_integration`, `failed_error_detection`, `exception`),
        `integration_time_seconds`, `errors_detected`, and `error_message` or `changes_summary`. Never raises for what
        happens to the branch; the branch is at its old commit unless the status is `completed`.
    """
    started = time.monotonic()
    answer: dict[str, Any] = {
        "branch_name": branch_name,
        "status": "exception",
        "integration_time_seconds": 0.0,
        "errors_detected": [],
    }
    run_id: str | None = None
    request = facade.Request(
        repo=repo_path,
        only=(exact_glob(branch_name),),
        overrides={"alignment.targets": [target_branch], "orchestration.enable_backup_branches": True},
    )
    try:
        before = _tip(repo_path, branch_name)
        if integration_utility is not None:
            succeeded = bool(_call(integration_utility, "integrate_primary_changes", branch_name, target_branch))
            message = "" if succeeded else f"{_name(integration_utility)} reported that integration failed"
            errors = [] if succeeded else ["integration_failed"]
        else:
            report = facade.run(request, permit=Permit(plan_id="*", given_by="run_alignment_for_branch"))
            run_id = report.run.id
            entry = _entry(results_document(report), branch_name)
            succeeded, message, errors = (
                entry["status"] == "completed",
                entry.get("error_message", ""),
                list(entry["errors_detected"]),
            )
            if not succeeded and entry["status"] == "exception":
                answer.update(errors_detected=errors, error_message=message)
                return answer
        answer["integration_time_seconds"] = time.monotonic() - started
        if not succeeded:
            answer.update(status="failed_integration", errors_detected=errors, error_message=message)
            return answer
        codes = _detect(error_detector, repo_path, target_branch, branch_name, before)
        if codes:
            _put_back(request, run_id)
            answer.update(
                status="failed_error_detection",
                errors_detected=codes,
                error_message=f"{len(codes)} errors detected: {', '.join(codes)}",
            )
            return answer
        summary = (
            "not configured"
            if doc_generator is None
            else str(_call(doc_generator, "generate_changes_summary", branch_name, target_branch))
        )
        answer.update(status="completed", changes_summary=summary)
    except Exception as error:
        _put_back(request, run_id)
        message = error.message if isinstance(error, GitAlignError) else f"{type(error).__name__}: {error}"
        answer.update(
            status="exception",
            error_message=message,
            errors_detected=[error.error_code if isinstance(error, GitAlignError) else "exception"],
        )
    finally:
        answer["integration_time_seconds"] = answer["integration_time_seconds"] or time.monotonic() - started
    return answer


class BranchAlignmentOrchestrator:
    """Aligns the branches of a `categorized_branches.json`, group by group.

    Args:
        config: settings as the configuration file has them (`{"orchestration": {...}, "alignment": {...}}`); None for the defaults.
        repo_path: any path inside the repository.
    """

    def __init__(self, config: Mapping[str, Any] | None = None, *, repo_path: str | Path = ".") -> None:
        self._overrides = dict(_dotted(config or {}))
        self._repo = repo_path

    def load_categorized_branches(self, path: str | Path) -> list[dict[str, Any]]:
        """Entries of a branch list as `{branch_name, assigned_target, confidence, tags, cluster_id}`.

        Raises:
            BranchListError: with every fault.
        """
        return [
            {
                "branch_name": entry.name,
                "assigned_target": entry.target,
                "confidence": entry.confidence,
                "tags": list(entry.tags),
                "cluster_id": entry.cluster_id,
            }
            for entry in load_branch_list(Path(path)).entries
        ]

    def group_branches_by_target(self, path: str | Path) -> dict[str, list[str]]:
        """Branch names by target, in the order in which a run would start them.

        Raises:
            UserError, GitError
        """
        plan = facade.plan(self._request(path))
        groups: dict[str, list[str]] = {target.name: [] for target in plan.targets}
        for step in plan.steps:
            groups[step.target.name].append(step.branch.name)
        return groups

    def run(self, path: str | Path | None = None) -> dict[str, Any]:
        """Align and publish.

        Returns:
            The results document, key for key as specified (`orchestration_results`, `overall_summary`).

        Raises:
            UserError, GitError, StoreError
        """
        report = facade.run(self._request(path), permit=Permit(plan_id="*", given_by="BranchAlignmentOrchestrator"))
        return results_document(report)

    def _request(self, path: str | Path | None) -> facade.Request:
        return facade.Request(
            repo=self._repo, input=Path(path) if path is not None else None, overrides=self._overrides
        )


def _dotted(config: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in config.items():
        found += _dotted(value, f"{prefix}{key}.") if isinstance(value, Mapping) else [(f"{prefix}{key}", value)]
    return found


def _entry(document: Mapping[str, Any], branch: str) -> dict[str, Any]:
    for group in document["orchestration_results"].values():
        for entry in group["branches"]:
            if entry["branch_name"] == branch:
                return dict(entry)
    return {
        "status": "exception",
        "errors_detected": ["not_in_plan"],
        "error_message": f"{branch} is not among the branches that can be aligned; see: git align plan",
    }


def _detect(detector: object, repo_path: str, target: str, branch: str, before: str) -> list[str]:
    if detector is None:
        return []
    found = _call(detector, "run_error_detection", _changed_files(repo_path, before, branch), target, branch)
    return [
        item
        if isinstance(item, str)
        else str(item.get("code", json.dumps(item, default=str)))
        if isinstance(item, Mapping)
        else str(item)
        for item in found or []
    ]


def _changed_files(repo_path: str, before: str, branch: str) -> list[str]:
    from gitalign.git.command import text
    from gitalign.git.repository import open_repository

    done = open_repository(repo_path).git.run("diff-tree", "-r", "-z", "--name-only", before, ref_of(branch))
    return [text(path) for path in done.stdout.split(b"\0") if path]


def _tip(repo_path: str, branch: str) -> str:
    from gitalign.git.repository import open_repository

    return open_repository(repo_path).git.lines(
        "rev-parse", "--verify", "--end-of-options", f"{ref_of(branch)}^{{commit}}"
    )[-1]


def _call(tool: object, method: str, *arguments: object) -> Any:
    called = getattr(tool, method, None)
    if called is None and callable(tool):
        called = tool
    if called is None:
        raise TypeError(f"{_name(tool)} is neither callable nor does it offer {method}()")
    return called(*arguments)


def _name(tool: object) -> str:
    return getattr(tool, "__name__", type(tool).__name__)


def _put_back(request: facade.Request, run_id: str | None) -> None:
    if run_id is not None:
        facade.undo(
            facade.Request(repo=request.repo), run_id, permit=Permit(plan_id="*", given_by="run_alignment_for_branch")
        )


def exact_glob(name: str) -> str:
    """A glob that matches exactly this name."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
