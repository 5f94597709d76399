"""`run_alignment_for_branch` and `BranchAlignmentOrchestrator`, as the orchestrator's specification names them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.compat.callers import CallersDetector, CallersDocumenter, call, name_of
from gitalign.compat.cli_framework import CLIInstaller, InstalledFramework
from gitalign.compat.context_control import ContextManager
from gitalign.compat.in_context import run_in_context
from gitalign.configuration.branch_list import load_branch_list
from gitalign.core.names import Oid, ref_of, shell_word, zero_like
from gitalign.core.plan import Permit
from gitalign.core.publication import RefUpdate
from gitalign.documents.results_file import results_document
from gitalign.engine.run.session import open_for
from gitalign.errors import GitAlignError, UserError
from gitalign.git.command import text
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository, open_repository
from gitalign.git.worktree import read_checkouts

_FAILURES = frozenset({"failed_integration", "failed_error_detection", "exception"})


def run_alignment_for_branch(
    branch_name: str,
    target_branch: str,
    repo_path: str,
    integration_utility: object,
    error_detector: object,
    doc_generator: object,
) -> dict[str, Any]:
    """Align one branch.

    The detector and the documenter speak before the branch moves, and it does not move when they refuse or raise. Beside the
    caller's detector, the configured detectors look at the result.

    Args:
        branch_name: the branch.
        target_branch: its primary branch.
        repo_path: any path inside the repository.
        integration_utility: None integrates through git-align itself. Anything else must be callable, or offer
            `integrate_primary_changes(branch, target)`; a false answer means that integration failed. It moves the branch
            itself; where it failed, or its result is refused, the branch is put back.
        error_detector: None for the configured detectors alone, or callable, or with
            `run_error_detection(changed_files, base_ref, current_ref)`; a non-empty list of codes fails the branch.
            `current_ref` is a ref of the result, of which the last part is the branch's name.
        doc_generator: None for a change summary in the run's folder, or callable, or with
            `generate_changes_summary(branch, target)` that returns a reference; with a keyword `current_ref` it is given a ref
            of the result, too.

    Returns:
        `branch_name`, `status` (`completed`, `failed_integration`, `failed_error_detection`, `exception`),
        `integration_time_seconds`, `errors_detected`, and `error_message` or `changes_summary`. Never raises for what
        happens to the branch; the branch is at its old commit unless the status is `completed` or the message says otherwise.
    """
    started = time.monotonic()
    try:
        repository = open_repository(repo_path)
        asked = _Asked(repository, branch_name, target_branch, error_detector, doc_generator)
        answer = asked.integrated() if integration_utility is None else asked.integrated_by(integration_utility)
    except (Exception, SystemExit) as error:
        answer = _exception(error)
    return {
        "branch_name": branch_name,
        "status": answer.pop("status"),
        "integration_time_seconds": time.monotonic() - started,
        "errors_detected": answer.pop("errors_detected", []),
        **answer,
    }


class _Asked:
    """One branch on its way through integration, detection and documentation; answers without name and time."""

    def __init__(self, repository: Repository, branch: str, target: str, detector: object, generator: object) -> None:
        self._repository = repository
        self._branch = branch
        self._target = target
        self._detector = CallersDetector(detector, repository) if detector is not None else None
        self._documenter = CallersDocumenter(generator, repository) if generator is not None else None

    def integrated(self) -> dict[str, Any]:
        """By git-align: nothing moves that the caller's tools refuse."""
        request = facade.Request(
            repo=self._repository.work_tree or self._repository.git.git_dir,
            only=(exact_glob(self._branch),),
            overrides={"alignment.targets": [self._target], "orchestration.enable_backup_branches": True},
        )
        before = self._tip()
        report = facade.run(
            with_summaries(request) if self._documenter is None else request,
            permit=Permit(plan_id="*", given_by="run_alignment_for_branch"),
            plugins=facade.Plugins(detector=self._detector, documenter=self._documenter),
        )
        if (error := self._raised()) is not None:
            return _exception(error)
        if self._detector is not None and self._detector.codes:
            return _refused(self._detector.codes)
        entry = _entry(results_document(report), self._branch)
        if entry["status"] != "completed":
            status = entry["status"] if entry["status"] in _FAILURES else "failed_integration"
            return {
                "status": status,
                "errors_detected": list(entry["errors_detected"]),
                "error_message": entry["error_message"],
            }
        if self._tip() == before:
            # Nothing was to be moved, so nothing passed the plug-ins: the caller's tools are asked about the branch as it is.
            return self._spoken(before)
        return {"status": "completed", "changes_summary": entry["changes_summary"]}

    def integrated_by(self, utility: object) -> dict[str, Any]:
        """By a utility that moves the branch itself: it is put back unless all goes well."""
        before = self._tip()
        answer: dict[str, Any] = {"status": "exception"}
        cut_off: BaseException | None = None
        try:
            if call(utility, "integrate_primary_changes", self._branch, self._target):
                answer = self._spoken(before)
            else:
                words = f"{name_of(utility)} reported that integration failed"
                answer = {
                    "status": "failed_integration",
                    "errors_detected": ["integration_failed"],
                    "error_message": words,
                }
        except BaseException as error:
            answer = _exception(error)
            cut_off = error if isinstance(error, KeyboardInterrupt) else None
        if answer["status"] != "completed" and (left := self._put_back(before)):
            answer["error_message"] = f"{answer['error_message']}; {left}"
        if cut_off is not None:
            raise cut_off
        return answer

    def _spoken(self, before: Oid) -> dict[str, Any]:
        """What the caller's tools say of the branch where it stands."""
        if self._detector is not None:
            codes = self._detector.ask(self._changed(before), self._target, self._branch)
            if codes:
                return _refused(codes)
        summary = "nothing changed" if self._tip() == before else "not configured"
        if self._documenter is not None:
            summary = self._documenter.ask(self._branch, self._target, self._branch)
        return {"status": "completed", "changes_summary": summary}

    def _raised(self) -> BaseException | None:
        told = [one.error for one in (self._detector, self._documenter) if one is not None and one.error is not None]
        return told[0] if told else None

    def _tip(self) -> Oid:
        if ref_of(self._branch) not in read_refs(self._repository, ref_of(self._branch)):
            raise UserError(f"there is no branch {self._branch}", hint="git branch --list")
        words = ("rev-parse", "--verify", "--end-of-options", f"{ref_of(self._branch)}^{{commit}}")
        return Oid(self._repository.git.lines(*words)[-1])

    def _changed(self, before: Oid) -> list[str]:
        words = ("diff-tree", "-r", "-z", "--name-only", "--end-of-options", before, ref_of(self._branch))
        return [text(path) for path in self._repository.git.run(*words).stdout.split(b"\0") if path]

    def _put_back(self, before: Oid) -> str:
        """Put the branch back where it was; in words why not, empty when it is there."""
        ref = ref_of(self._branch)
        now = read_refs(self._repository, ref).get(ref, zero_like(before))
        if now == before:
            return ""
        holders = read_checkouts(self._repository, of_interest={ref})
        if holders:
            command = f"git -C {shell_word(holders[0].path)} reset --keep {before}"
            return f"the branch stands at {now} and is checked out, so it is not put back: {command}"
        door = RefUpdater(self._repository, forbidden=frozenset(), message="git-align: put back")
        try:
            refusal = door.move([RefUpdate(ref=ref, before=now, after=before)])
        finally:
            door.close()
        return "" if refusal is None else f"the branch stands at {now} and cannot be put back: {refusal.reason}"


class BranchAlignmentOrchestrator:
    """Aligns the branches of a `categorized_branches.json`, group by group.

    Args:
        config: settings as the configuration file has them (`{"orchestration": {...}, "alignment": {...}}`); None for the defaults.
        repo_path: any path inside the repository.
    """

    def __init__(self, config: Mapping[str, Any] | None = None, *, repo_path: str | Path = ".") -> None:
        self._overrides = dict(_dotted(config or {}))
        self._repo = repo_path
        self.cli_framework: InstalledFramework | None = None
        self.context_manager: ContextManager | None = None

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

        Every branch of the list is in the results: one that cannot be aligned with its reason. The configured detectors look
        at every result, and a change summary of every moved branch is written, unless the settings say otherwise.

        Returns:
            The results document, key for key as specified (`orchestration_results`, `overall_summary`).

        Raises:
            UserError, GitError, StoreError
        """
        request = with_backups(with_summaries(self._request(path)))
        report = facade.run(request, permit=Permit(plan_id="*", given_by="BranchAlignmentOrchestrator"))
        return results_document(report)

    async def initialize_context_control(self) -> ContextManager:
        """A context for each target, `target_<name>`, in a process of its own and with performance mode `optimized`.

        Raises:
            UserError, GitError
        """
        manager = ContextManager()
        await manager.initialize()
        for target in facade.plan(self._request(None)).targets:
            settings = {"target": target.name, "isolation_level": "process", "performance_mode": "optimized"}
            await manager.create_context(f"target_{target.name}", settings)
        self.context_manager = manager
        return manager

    async def execute_with_context(
        self, branch_name: str, target_branch: str, operation: Callable[[str, str], Any]
    ) -> Any:
        """The result of `operation(branch_name, target_branch)`, carried out in the context of its target.

        The context is that of this call alone: it is active while the operation runs, and cleaned up in every way out. The
        target's own context stays, for the next branch.

        Raises:
            ValueError: there is no context of that target.
            TimeoutError, Interrupted: the context's bounds.
            Whatever the operation raises.
        """
        manager = self.context_manager or await self.initialize_context_control()
        with manager.activated(f"target_{target_branch}") as context:
            return await run_in_context(
                context.for_branch(branch_name, target_branch), operation, branch_name, target_branch
            )

    def initialize_cli_framework(self, mode: str = "minimal", *, modules: Sequence[str] = ()) -> InstalledFramework:
        """Install `.cli_framework`, and require the modules of that mode; minimal has no `constitutional_analyzer`.

        Raises:
            RuntimeError: a module of the mode is not there afterwards.
            UserError, GitError, OutOfSpace
        """
        installer = CLIInstaller(mode, modules=modules, repo_path=self._repo)
        self.cli_framework = installer.install()
        for module in installer.required_modules:
            if not self.cli_framework.has_module(module):
                raise RuntimeError(f"Required module {module} not installed")
        return self.cli_framework

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


def _refused(codes: Sequence[str]) -> dict[str, Any]:
    return {
        "status": "failed_error_detection",
        "errors_detected": list(codes),
        "error_message": f"{len(codes)} errors detected: {', '.join(codes)}",
    }


def _exception(error: BaseException) -> dict[str, Any]:
    if isinstance(error, GitAlignError):
        code, message = error.code, error.message
    else:
        code, message = "exception", f"{type(error).__name__}: {error}"
    return {"status": "exception", "errors_detected": [code], "error_message": message}


def with_backups(request: facade.Request) -> facade.Request:
    """The request with backup branches, unless the settings say otherwise: the specification asks for them."""
    if open_for(request).config.origin("orchestration.enable_backup_branches") != "default":
        return request
    return replace(request, overrides={**request.overrides, "orchestration.enable_backup_branches": True})


def with_summaries(request: facade.Request) -> facade.Request:
    """The request with change summaries, unless someone said otherwise: the specification asks for a reference to one."""
    config = open_for(request).config
    if config.origin("alignment.summaries") != "default" or config.alignment.documenter is not None:
        return request
    return replace(request, overrides={**request.overrides, "alignment.summaries": True})


def exact_glob(name: str) -> str:
    """A glob that matches exactly this name."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)
