"""Running commands of checks: passes of earlier runs, work trees, a second look at failures, and what targets say."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from gitalign.core.names import Oid
from gitalign.core.validation import (
    CheckKind,
    CheckResult,
    CheckStatus,
    CommandCheck,
    ValidationPlan,
    cached_pass,
)
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitError
from gitalign.owned_folders import left_in
from gitalign.ports import VerdictCache
from gitalign.validate.commands import CheckCancelled, Sandbox, find_tool, pass_key, run_command
from gitalign.validate.confine import NEEDS_BUBBLEWRAP, Confinement
from gitalign.validate.place import Place, visible_environment
from gitalign.validate.watch import end_orphans
from gitalign.worktrees.disposable import DisposableTree, remove_left
from gitalign.worktrees.pool import WorkTreePool


@dataclass(frozen=True, slots=True)
class CheckCommand:
    """A command, the kind of check it is run for, and patterns of files that it must not read."""

    check: CommandCheck
    kind: CheckKind
    hidden: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class CheckRunner:
    """Runs commands on commits, in work trees of a pool.

    Attributes:
        checks: what to check and how.
        cache: passes of earlier runs; new ones are added.
        stop: the stop signal.
        at: now, for the cache.
        environ: what commands inherit variables from.
        confinement: how commands are confined.
        pool: the work trees.
        trees: commit -> tree, of results and targets.
    """

    checks: ValidationPlan
    cache: VerdictCache
    stop: StopSignal
    at: datetime
    environ: Mapping[str, str]
    confinement: Confinement
    pool: WorkTreePool
    trees: Mapping[Oid, Oid]
    _on_targets: dict[str, Future[CheckResult]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def cached(self, command: CheckCommand, commit: Oid) -> CheckResult | None:
        """A pass of an earlier run; None when there is none, or what it needs is not there any more."""
        tool = command.check.argv[0]
        is_ours = "/" not in tool or os.path.isabs(tool)
        if is_ours and find_tool(tool, Path("/"), self._visible(command.check)) is None:
            return None
        key = self._key(command, commit)
        body = self.cache.look_up([key]).get(key)
        if body is None:
            return None
        percent = body.partition(" ")[2]
        return replace(cached_pass(command.check, command.kind), coverage_percent=float(percent) if percent else None)

    def run(self, command: CheckCommand, commit: Oid, work_tree: DisposableTree) -> CheckResult:
        """How a command ends on a result; a pass is kept for later runs.

        Raises:
            CheckCancelled
        """
        result = self._run_with_retry(command, commit, work_tree)
        if result.status is CheckStatus.PASSED:
            percent = "" if result.coverage_percent is None else f" {result.coverage_percent}"
            self.cache.keep({self._key(command, commit): f"passed{percent}"}, at=self.at)
        return result

    def run_on_target(self, command: CheckCommand, onto: Oid, work_tree: DisposableTree) -> CheckResult:
        """How the command ends on the target itself; found out once, however many branches ask. A pass is kept for later runs.

        Raises:
            CheckCancelled
        """
        key = self._key(command, onto)
        with self._lock:
            waiting = self._on_targets.get(key)
            mine = waiting is None
            if waiting is None:
                waiting = self._on_targets[key] = Future()
        if mine:
            try:
                waiting.set_result(self.cached(command, onto) or self.run(command, onto, work_tree))
            except BaseException as error:
                waiting.set_exception(error)
        return waiting.result()

    def _run_with_retry(self, command: CheckCommand, commit: Oid, work_tree: DisposableTree) -> CheckResult:
        """Run, and again when it failed: a verdict that changes on the very same files is no verdict."""
        first = last = self._run_once(command, commit, work_tree)
        took, attempts = first.duration_s, 1
        while last.status is CheckStatus.FAILED and self.checks.rerun and attempts <= self.checks.reruns:
            last = self._run_once(command, commit, work_tree)
            took, attempts = took + last.duration_s, attempts + 1
        if attempts > 1 and last.status is CheckStatus.PASSED:
            times = "once" if attempts == 2 else f"{attempts - 1} times"
            reason = f"failed {times} ({first.reason}), then passed on the same files"
            return replace(first, status=CheckStatus.FLAKY, reason=reason, attempts=attempts, duration_s=took)
        return replace(last, attempts=attempts, duration_s=took)

    def _run_once(self, command: CheckCommand, commit: Oid, work_tree: DisposableTree) -> CheckResult:
        if self.stop.stop_requested:
            raise CheckCancelled(command.check.name)
        if command.hidden and not self.confinement.hides_files:
            return _not_possible(command, f"access.profiles hides files from it, {NEEDS_BUBBLEWRAP}")
        try:
            # What other branches left may hold what is hidden from this one.
            work_tree.hold(self.trees[commit], keep=() if command.hidden else self.checks.keep)
            if command.hidden:
                work_tree.hide(command.hidden)
        except GitError as error:
            return _not_possible(command, f"its files cannot be laid out: {error.message}")
        objects = None if command.hidden else work_tree.objects
        return run_command(
            command.check,
            Place(work_tree.root, work_tree.tree, work_tree.home, work_tree.scratch, objects),
            Sandbox(self.confinement, self.checks.bounds, self._visible(command.check)),
            is_cancelled=lambda: self.stop.cancel_requested,
            kind=command.kind,
        )

    def _key(self, command: CheckCommand, commit: Oid) -> str:
        return pass_key(
            command.check,
            self.trees[commit],
            visible=self._visible(command.check),
            confinement=self.confinement,
            bounds=self.checks.bounds,
            hidden=command.hidden,
        )

    def _visible(self, check: CommandCheck) -> dict[str, str]:
        return visible_environment(self.checks, check.environment, source=self.environ)


def _not_possible(command: CheckCommand, reason: str) -> CheckResult:
    return CheckResult(
        name=command.check.name,
        kind=command.kind,
        status=CheckStatus.NOT_POSSIBLE,
        required=command.check.required,
        reason=reason,
        command=command.check.argv,
        attempts=0,
    )


def remove_left_in_home(home: Path) -> None:
    """Delete the work trees that killed runs of a repository left, and end what still runs in them.

    Args:
        home: as `work_tree_home` gives it.
    """
    if left_in(home):
        end_orphans()
        remove_left(home)
