"""`IConflictDetector`, `IResolver` and `ConflictDetectionResolver`, as the original requests name them, on forecast and guided resolution."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from gitalign import facade
from gitalign.core.conflict_kinds import conflict_summary, severity_of, type_by_stages, type_of
from gitalign.core.manual_resolution import Look, Stand
from gitalign.core.names import command_on
from gitalign.core.plan import Permit
from gitalign.errors import UserError


class IConflictDetector(Protocol):
    """Finds conflicts before or while a branch is aligned."""

    def detect_conflicts(self) -> list[dict[str, Any]]:
        """Conflicts, each with `file_path, conflict_type, severity`."""

    def get_conflict_summary(self, conflicts: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """`total_conflicts, by_severity, by_type, files_affected`."""


class IResolver(Protocol):
    """Resolves conflicts one by one."""

    def resolve_conflict(self, conflict: dict[str, Any], strategy: str) -> bool:
        """True when the file of a conflict is resolved afterwards."""

    def get_resolution_summary(self) -> dict[str, Any]:
        """How far it is."""


class ConflictDetectionResolver:
    """The conflicts of one branch: foreseen without touching anything, or met and resolved in a disposable work tree.

    Implements `IConflictDetector` and `IResolver`.

    Args:
        branch: by name.
        repo_path: any path inside the repository.
    """

    def __init__(self, branch: str, *, repo_path: str | Path = ".") -> None:
        self._branch = branch
        self._request = facade.Request(repo=repo_path)

    def detect_conflicts(self) -> list[dict[str, Any]]:
        """Conflicts at which the branch stands while it is being resolved; otherwise those it would stop at.

        An empty list means that it aligns, or that nothing is in conflict now.

        Raises:
            UserError: there is no such branch to align.
            GitAlignError
        """
        look = self._look()
        if look is not None:
            return _of_look(look)
        request = facade.Request(repo=self._request.repo, only=(glob.escape(self._branch),))
        found = facade.forecast(request)
        result = next((one for one in found.branches if one.branch == self._branch and one.assigned), None)
        if result is None:
            raise UserError(f"there is no branch {self._branch} to align", hint="git align plan --verbose")
        return [
            {
                "file_path": path,
                "conflict_type": type_of(conflict).value,
                "severity": severity_of(type_of(conflict)).value,
                "resolution_status": "unresolved",
            }
            for conflict in result.conflicts
            for path in conflict.paths
        ]

    def get_conflict_summary(self, conflicts: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """Counts of conflicts as `detect_conflicts` gives them."""
        from gitalign.core.conflict_kinds import ConflictType

        return conflict_summary((one["file_path"], ConflictType(one["conflict_type"])) for one in conflicts)

    def classify_conflict(self, file: str) -> str:
        """The sort of conflict of a file that is in conflict now.

        Raises:
            UserError: it is not.
        """
        found = next((one for one in self.detect_conflicts() if one["file_path"] == file), None)
        if found is None:
            raise UserError(f"{file} is not in conflict", hint=command_on("git align resolve", self._branch))
        return str(found["conflict_type"])

    def provide_resolution_guidance(self, file: str | None = None) -> dict[str, Any]:
        """Where the branch stopped, what the sides are, which commands lead on. Begins to resolve when no one has.

        Args:
            file: only commands that name it, and those for the whole; None for all.

        Raises:
            UserError, GitAlignError
        """
        look = facade.resolve(self._request, self._branch)
        commands = [{"command": command, "why": why} for command, why in look.commands(file)]
        return {
            "branch": self._branch,
            "work_tree": look.session.folder,
            "status": look.stand.value,
            "stopped_at_commit": look.stopped_at,
            "subject": look.subject,
            "position": look.position,
            "total": look.total,
            "sides": {str(stage): words for stage, words in look.sides()},
            "commands": commands,
        }

    def resolve_conflict(self, conflict: dict[str, Any], strategy: str = "as-is") -> bool:
        """Take a side of a conflicted file, or the file as it stands in the work tree, and say that it is resolved.

        Args:
            conflict: with `file_path`.
            strategy: `ours` (in a rebase: the target), `theirs` (in a rebase: the branch's commit), or `as-is`.

        Returns:
            True when the file is resolved; False when it still holds conflict markers.

        Raises:
            UserError: it is not in conflict, the strategy is unknown, or that side has no such file.
        """
        return facade.resolve_path(self._request, self._branch, str(conflict["file_path"]), side=strategy)

    def get_resolution_summary(self) -> dict[str, Any]:
        """The report of `report_resolution_status`."""
        return self.report_resolution_status()

    def report_resolution_status(self) -> dict[str, Any]:
        """How far the branch is, key for key as the specification has it. Changes nothing."""
        look = self._look()
        conflicts = _of_look(look) if look is not None else []
        return {
            "conflict_detected": bool(conflicts),
            "conflict_files": conflicts,
            "total_conflicts": len(conflicts),
            "automated_resolution_attempts": 0,
            "manual_resolution_required": bool(conflicts),
            "resolution_guidance": [command for command, _ in look.commands()] if look is not None else [],
            "status": look.stand.value if look is not None else "not_begun",
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }

    def continue_resolution(self) -> str:
        """Go on after everything was resolved; `stopped`, `done`, … as it stands then.

        Raises:
            UserError: something is still in conflict.
        """
        return facade.resolve_continue(self._request, self._branch).stand.value

    def finish(self, *, permit: Permit | None) -> str:
        """Check the result and move the branch; its verdict.

        Raises:
            NotPermitted: without a permit.
            UserError, GitAlignError
        """
        report = facade.resolve_finish(self._request, self._branch, permit=permit)
        (one,) = (one for one in report.branches() if one.step.branch.name == self._branch)
        return one.verdict.value

    def abort(self) -> None:
        """Give up; the branch is where it was.

        Raises:
            UserError: nothing is under way.
        """
        facade.resolve_abort(self._request, self._branch)

    def _look(self) -> Look | None:
        looks: Sequence[Look] = facade.resolutions_under_way(self._request)
        return next((one for one in looks if one.session.branch == self._branch), None)


def _of_look(look: Look) -> list[dict[str, Any]]:
    if look.stand is not Stand.STOPPED:
        return []
    found: list[dict[str, Any]] = []
    for path in look.paths:
        kind = type_by_stages(entry for entry in look.entries if entry.path == path)
        found.append(
            {
                "file_path": path,
                "conflict_type": kind.value,
                "severity": severity_of(kind).value,
                "resolution_status": "unresolved",
            }
        )
    return found
