"""`ParallelAlignmentFramework`, as the parallel framework's request names it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.compat.orchestrator import exact_glob, with_backups
from gitalign.core.plan import Permit
from gitalign.documents.results_file import results_document


class ParallelAlignmentFramework:
    """Aligns many branches at once with a bounded number of workers.

    Args:
        max_workers: workers per target, at least 1.
        repo_path: any path inside the repository.

    Attributes:
        results: one `{"branch", "status", "detail"}` per branch of the last call; status is `success` or `error`.
    """

    def __init__(self, max_workers: int = 4, *, repo_path: str | Path = ".") -> None:
        self.max_workers = max_workers
        self.repo_path = repo_path
        self.status_lock = threading.Lock()
        self.results: list[dict[str, Any]] = []

    def execute_parallel(self, branches: Sequence[str]) -> list[dict[str, Any]]:
        """Align the named branches; one that fails never stops or hides another.

        Returns:
            One entry per branch, in the order given.

        Raises:
            UserError, GitError, StoreError: the run as a whole could not be made.
        """
        request = facade.Request(
            repo=self.repo_path,
            only=tuple(exact_glob(branch) for branch in branches),
            overrides={"orchestration.max_workers_per_target": self.max_workers},
        )
        entries: dict[str, dict[str, Any]] = {}
        if branches:
            report = facade.run(
                with_backups(request), permit=Permit(plan_id="*", given_by="ParallelAlignmentFramework")
            )
            for group in results_document(report)["orchestration_results"].values():
                for entry in group["branches"]:
                    entries[entry["branch_name"]] = entry
            for exclusion in report.plan.excluded:
                entries.setdefault(exclusion.branch, {"status": "excluded", "error_message": exclusion.reason})
        made = [_reported(branch, entries.get(branch)) for branch in branches]
        with self.status_lock:
            self.results = made
        return made


def _reported(branch: str, entry: dict[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        return {"branch": branch, "status": "error", "detail": "no such branch"}
    if entry["status"] == "completed":
        return {"branch": branch, "status": "success", "detail": ""}
    return {"branch": branch, "status": "error", "detail": entry.get("error_message", entry["status"])}
