"""The place where a run checks its results: work trees, remembered passes, what targets say, and one branch after the other."""

from __future__ import annotations

import fnmatch
import hashlib
import logging
import os
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pathspec

from gitalign.core.events import EventKind
from gitalign.core.names import Oid, StepId
from gitalign.core.outcome import Aligned, Cancelled, Failed, StepResult
from gitalign.core.plan import Plan, Step
from gitalign.core.validation import (
    CheckKind,
    CheckResult,
    CheckStatus,
    CommandCheck,
    FileCheck,
    StartupCheck,
    Validation,
    ValidationPlan,
    ValidationStatus,
    failed_before,
    judged,
    remembered,
    skipped,
)
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitAlignError, GitError
from gitalign.git.command import Git, raw, text
from gitalign.git.diffs import path_changes
from gitalign.git.objects import CommitReader, FileReader
from gitalign.git.quarantine import Quarantine
from gitalign.owned_folders import left_in
from gitalign.ports import Emitter, VerdictMemory
from gitalign.validate.commands import CheckCancelled, Sandbox, find_tool, pass_key, run_command
from gitalign.validate.confine import Confinement, confinement_for
from gitalign.validate.files import check_file
from gitalign.validate.place import Place, visible_environment
from gitalign.validate.startup import NAME as STARTUP
from gitalign.validate.startup import startup_command
from gitalign.validate.watch import end_orphans
from gitalign.worktrees.disposable import ClaimedFolder, DisposableTree, remove_left

_LOG = logging.getLogger("gitalign.validation")
_READ_S = 120.0
_LONGEST_SOURCE = 2_000_000


@dataclass(frozen=True, slots=True)
class _Asked:
    """A command, and the branch or target it is run for."""

    check: CommandCheck
    kind: CheckKind


class _Files:
    """Files of commits, read by one at a time."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._reader = FileReader(git, timeout_s=_READ_S)
        self.lock = threading.Lock()

    def read(self, names: Sequence[bytes], *, most_bytes: int) -> list[bytes | None]:
        """Contents by `<commit>:<path>`; None for what is not there or longer."""
        return self._reader.read(names, most_bytes=most_bytes)

    def kind(self, commit: Oid, path: bytes) -> bytes | None:
        """Mode of a path in a commit; None when it is not there."""
        words = ("ls-tree", "-z", "--full-tree", commit, "--", f":(literal){text(path)}")
        line = self._git.run(*words, timeout_s=_READ_S).stdout
        return line.split(b" ", 1)[0] if line else None

    def close(self) -> None:
        """End the process."""
        self._reader.close()


@dataclass(slots=True)
class CheckRunner:
    """The work trees of a run and everything that its branches share."""

    plan: Plan
    checks: ValidationPlan
    memory: VerdictMemory
    emit: Emitter
    stop: StopSignal
    at: datetime
    confinement: Confinement
    files: _Files
    width: int
    trees: Mapping[Oid, Oid]
    """Commit -> tree, of results and targets."""
    changed: Mapping[tuple[Oid, Oid], tuple[str, ...]]
    _free: queue.SimpleQueue[DisposableTree] = field(default_factory=queue.SimpleQueue)
    _before: dict[str, Future[CheckResult]] = field(default_factory=dict)
    _before_lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextmanager
    def opened(
        cls,
        quarantine: Quarantine,
        plan: Plan,
        aligned: Sequence[Aligned],
        checks: ValidationPlan,
        memory: VerdictMemory,
        emit: Emitter,
        stop: StopSignal,
        at: datetime,
    ) -> Iterator[CheckRunner]:
        """A site for the results of a run; a context manager that leaves nothing behind.

        Args:
            quarantine: sees the results.
            plan: whose steps.
            aligned: results to be checked.
            checks: what to check and how.
            memory: passes of earlier runs.
            emit: the event stream.
            stop: the stop button.
            at: now, for the memory.

        Raises:
            GitError, OutOfSpace
            UserError: a confinement is required that this machine does not offer.
        """
        repository = quarantine.repository
        confinement = confinement_for(checks, Path(repository.common_dir))
        width = max(1, min(checks.work_trees or _processors(), len(aligned)))
        git = quarantine.git
        commits = sorted({one.onto for one in aligned} | {one.after for one in aligned})
        reader = CommitReader(git, timeout_s=_READ_S)
        try:
            trees = {oid: commit.tree for oid, commit in zip(commits, reader.read(commits), strict=True)}
        finally:
            reader.close()
        changed = {
            pair: tuple(text(change.path) for change in changes)
            for pair, changes in path_changes(git, [(one.onto, one.after) for one in aligned])
        }
        files = _Files(git)
        end_orphans()
        folder = ClaimedFolder(work_tree_home(checks, repository.common_dir), quarantine.path.name)
        site = cls(plan, checks, memory, emit, stop, at, confinement, files, width, trees, changed)
        try:
            for number in range(width):
                place = folder.path / f"{number}"
                site._free.put(
                    DisposableTree(place, git, objects=quarantine.objects, object_format=repository.object_format)
                )
            yield site
        finally:
            files.close()
            folder.remove()

    def validate(self, results: Sequence[StepResult]) -> list[StepResult]:
        """All branches, side by side."""
        with ThreadPoolExecutor(self.width, thread_name_prefix="validation") as pool:
            made: list[StepResult] = []
            for done, result in enumerate(pool.map(self._branch, results), 1):
                made.append(result)
                self.emit(
                    EventKind.BRANCH_VALIDATED,
                    branch=result.branch,
                    target=self.plan.steps[StepId(result.step_id)].target.name,
                    status=result.validation.status.value,
                    done=done,
                    of=len(results),
                )
            return made

    def _branch(self, result: StepResult) -> StepResult:
        outcome = result.outcome
        assert isinstance(outcome, Aligned)
        step = self.plan.steps[StepId(result.step_id)]
        started = time.monotonic()
        try:
            made = tuple(self._checks(step, outcome))
        except CheckCancelled:
            reason = "the run was stopped before its checks had ended"
            return replace(result, outcome=Cancelled(reason=reason))
        except Exception as error:  # whatever a branch does to its work tree is that branch's affair alone
            _LOG.exception("the checks of %s could not be made", result.branch)
            reason = error.message if isinstance(error, GitAlignError) else f"{type(error).__name__}: {error}"
            failed = Failed(
                code="validation_not_possible",
                reason=f"its checks could not be made: {reason}",
                hint="look at the run's log; the branch was not moved",
                stage="validate",
            )
            return replace(
                result, outcome=failed, validation=Validation(status=ValidationStatus.FAILED, reason=failed.reason)
            )
        took = time.monotonic() - started
        ran = any(check.command and check.attempts for check in made)
        validation = judged(made, confinement=self.confinement.words if ran else "", duration_s=took)
        result = replace(
            result,
            validation=validation,
            duration_s=result.duration_s + took,
            phases=(*result.phases, ("validate", took)),
        )
        return replace(result, outcome=refusal(validation)) if validation.refusing else result

    def _checks(self, step: Step, one: Aligned) -> Iterator[CheckResult]:
        for file in self.checks.files:
            yield self._told(step, self._file(step, one, file))
        asked: list[_Asked | CheckResult] = [
            self._wanted(step, one, command) or _Asked(command, CheckKind.COMMAND) for command in self.checks.commands
        ]
        if self.checks.startup is not None:
            asked.append(self._startup(step, one, self.checks.startup))
        commands = [each for each in asked if isinstance(each, _Asked)]
        known = {each: found for each in commands if (found := self._recalled(each, one.after)) is not None}
        open_ones = [each for each in commands if each not in known]
        ended = self._run_all(open_ones, step, one) if open_ones else {}
        for each in asked:
            if isinstance(each, CheckResult):
                yield self._told(step, each)
            elif each in ended:
                yield ended[each]
            else:
                yield self._told(step, known[each])

    def _told(self, step: Step, check: CheckResult) -> CheckResult:
        self.emit(
            EventKind.CHECK_FINISHED,
            branch=step.branch.name,
            target=step.target.name,
            check=check.name,
            status=check.status.value,
            seconds=round(check.duration_s, 3),
        )
        return check

    def _file(self, step: Step, one: Aligned, check: FileCheck) -> CheckResult:
        if not _is_for(check.targets, step.target.name):
            return skipped(f"file {check.path}", CheckKind.FILE, f"not for {step.target.name}", check.required)
        with self.files.lock:
            found = check_file(check, one.after, self.files)
            if found.refuses and self.checks.new_only and check_file(check, one.onto, self.files).refuses:
                found = failed_before(found, target=step.target.name)
        return found

    def _wanted(self, step: Step, one: Aligned, check: CommandCheck) -> CheckResult | None:
        """None when a command is to be run; otherwise why not."""
        if not _is_for(check.targets, step.target.name):
            return skipped(check.name, CheckKind.COMMAND, f"not for {step.target.name}", check.required)
        changed = self.changed.get((one.onto, one.after))
        # Where the two cannot be compared, nobody knows that the check is not needed.
        if check.paths and changed is not None and not _touches(check.paths, changed):
            return skipped(check.name, CheckKind.COMMAND, "no path it is needed for was changed", check.required)
        return None

    def _startup(self, step: Step, one: Aligned, check: StartupCheck) -> _Asked | CheckResult:
        if not _is_for(check.targets, step.target.name):
            return skipped(STARTUP, CheckKind.STARTUP, f"not for {step.target.name}", check.required)
        made = self._startup_at(one.after, check)
        if isinstance(made, CommandCheck):
            return _Asked(made, CheckKind.STARTUP)
        failed = CheckResult(
            name=STARTUP,
            kind=CheckKind.STARTUP,
            status=CheckStatus.FAILED,
            required=check.required,
            reason=made,
            attempts=0,
        )
        is_old = self.checks.new_only and not isinstance(self._startup_at(one.onto, check), CommandCheck)
        return failed_before(failed, target=step.target.name) if is_old else failed

    def _startup_at(self, commit: Oid, check: StartupCheck) -> CommandCheck | str:
        with self.files.lock:
            (source,) = self.files.read([raw(f"{commit}:{check.module}")], most_bytes=_LONGEST_SOURCE)
        return startup_command(check, source)

    def _key(self, asked: _Asked, commit: Oid) -> str:
        visible = self._visible(asked.check)
        return pass_key(
            asked.check,
            self.trees[commit],
            visible=visible,
            confinement=self.confinement,
            bounds=self.checks.bounds,
        )

    def _visible(self, check: CommandCheck) -> dict[str, str]:
        return visible_environment(self.checks, check.environment, source=os.environ)

    def _recalled(self, asked: _Asked, commit: Oid) -> CheckResult | None:
        """A pass of an earlier run; None when there is none, or what it needs is not there any more."""
        tool = asked.check.argv[0]
        is_ours = "/" not in tool or os.path.isabs(tool)
        if is_ours and find_tool(tool, Path("/"), self._visible(asked.check)) is None:
            return None
        key = self._key(asked, commit)
        body = self.memory.remembered([key]).get(key)
        if body is None:
            return None
        percent = body.partition(" ")[2]
        return replace(remembered(asked.check, asked.kind), coverage_percent=float(percent) if percent else None)

    def _run_all(self, asked: Sequence[_Asked], step: Step, one: Aligned) -> dict[_Asked, CheckResult]:
        work_tree = self._free.get()
        try:
            return {each: self._told(step, self._run(each, step, one, work_tree)) for each in asked}
        finally:
            self._free.put(work_tree)

    def _run(self, asked: _Asked, step: Step, one: Aligned, work_tree: DisposableTree) -> CheckResult:
        found = self._twice(asked, one.after, work_tree)
        if found.status is CheckStatus.PASSED:
            percent = "" if found.coverage_percent is None else f" {found.coverage_percent}"
            self.memory.remember({self._key(asked, one.after): f"passed{percent}"}, at=self.at)
        elif self.checks.new_only and found.status is CheckStatus.FAILED:
            before = self._on_target(asked, one.onto, work_tree)
            if before.status is CheckStatus.FAILED and before.exit_code == found.exit_code:
                return failed_before(found, target=step.target.name)
        return found

    def _twice(self, asked: _Asked, commit: Oid, work_tree: DisposableTree) -> CheckResult:
        """Run, and once more when it failed: a verdict that changes on the very same files is no verdict."""
        first = self._once(asked, commit, work_tree)
        if first.status is not CheckStatus.FAILED or not self.checks.rerun:
            return first
        second = self._once(asked, commit, work_tree)
        took = first.duration_s + second.duration_s
        if second.status is CheckStatus.PASSED:
            reason = f"failed once ({first.reason}), then passed on the same files"
            return replace(first, status=CheckStatus.FLAKY, reason=reason, attempts=2, duration_s=took)
        return replace(second, attempts=2, duration_s=took)

    def _once(self, asked: _Asked, commit: Oid, work_tree: DisposableTree) -> CheckResult:
        if self.stop.stop_requested:
            raise CheckCancelled(asked.check.name)
        try:
            work_tree.hold(self.trees[commit], keep=self.checks.keep)
        except GitError as error:
            return CheckResult(
                name=asked.check.name,
                kind=asked.kind,
                status=CheckStatus.NOT_POSSIBLE,
                required=asked.check.required,
                reason=f"its files cannot be laid out: {error.message}",
                command=asked.check.argv,
                attempts=0,
            )
        return run_command(
            asked.check,
            Place(work_tree.root, work_tree.tree, work_tree.home, work_tree.scratch, work_tree.objects),
            Sandbox(self.confinement, self.checks.bounds, self._visible(asked.check)),
            is_cancelled=lambda: self.stop.cancel_requested,
            kind=asked.kind,
        )

    def _on_target(self, asked: _Asked, onto: Oid, work_tree: DisposableTree) -> CheckResult:
        """How the command ends on the target itself; found out once, however many branches ask."""
        key = self._key(asked, onto)
        with self._before_lock:
            waiting = self._before.get(key)
            mine = waiting is None
            if waiting is None:
                waiting = self._before[key] = Future()
        if mine:
            try:
                waiting.set_result(self._twice(asked, onto, work_tree))
            except BaseException as error:
                waiting.set_exception(error)
        return waiting.result()


def work_tree_home(checks: ValidationPlan, common_dir: str) -> Path:
    """Where the work trees of a repository's runs are made."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(common_dir))).hexdigest()[:16]
    if checks.directory is not None:
        return Path(checks.directory) / name
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "git-align" / name


def remove_left_in_home(checks: ValidationPlan, common_dir: str) -> None:
    """Delete the work trees that killed runs of a repository left, and end what still runs in them."""
    home = work_tree_home(checks, common_dir)
    if left_in(home):
        end_orphans()
        remove_left(home)


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _is_for(targets: Sequence[str], name: str) -> bool:
    return not targets or any(fnmatch.fnmatchcase(name, glob) for glob in targets)


def _touches(patterns: Sequence[str], paths: Iterable[str]) -> bool:
    wanted = pathspec.GitIgnoreSpec.from_lines(patterns)
    return any(wanted.match_file(path) for path in paths)


def refusal(validation: Validation) -> Failed:
    """The outcome of a branch whose checks refuse it."""
    refusing = validation.refusing
    first = refusing[0]
    more = f", and {len(refusing) - 1} more" if len(refusing) > 1 else ""
    if all(check.is_environment for check in refusing):
        return Failed(
            code="validation_not_possible",
            reason=f"check {first.name} cannot be made: {first.reason}{more}",
            hint="install what the check needs, or take it out of validation.checks; the branch was not moved",
            stage="validate",
        )
    return Failed(
        code="validation_failed",
        reason=f"check {first.name}: {first.reason or first.status.value.replace('_', ' ')}{more}",
        hint="its output is in the report; the branch was not moved",
        stage="validate",
    )
