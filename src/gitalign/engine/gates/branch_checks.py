"""All checks of one branch: single files, commands and start-up, in the order of the configuration, and what they come to."""

from __future__ import annotations

import fnmatch
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import pathspec

from gitalign.core.events import EventKind
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, Cancelled, Failed, StepResult
from gitalign.core.plan import Step
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
    skipped,
)
from gitalign.engine.gates.check_runner import CheckCommand, CheckRunner
from gitalign.engine.gates.gate import GateContext, Verdict
from gitalign.engine.runtime.limits import processors
from gitalign.git.command import Git, raw, text
from gitalign.git.diffs import path_changes
from gitalign.git.objects import CommitReader, FileReader
from gitalign.ports import Emitter
from gitalign.shortages import in_words, is_a_bug
from gitalign.validate.commands import CheckCancelled
from gitalign.validate.confine import confinement_for
from gitalign.validate.files import check_file
from gitalign.validate.startup import NAME as STARTUP
from gitalign.validate.startup import startup_command
from gitalign.validate.watch import end_orphans
from gitalign.worktrees.pool import WorkTreePool, work_tree_home

_LOG = logging.getLogger("gitalign.validation")
_READ_S = 120.0
_LONGEST_SOURCE = 2_000_000
HiddenOf = Callable[[str], tuple[str, ...]]


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


@dataclass(slots=True, kw_only=True)
class BranchChecks:
    """Holds branches to the operator's checks; several threads may ask at once.

    Attributes:
        checks: what to check and how.
        context: of the run.
        runner: runs commands.
        hidden_of: patterns of files that checks of a branch must not read.
        changed: (target, result) -> paths that differ; those that cannot be compared are left out.
    """

    checks: ValidationPlan
    context: GateContext
    runner: CheckRunner
    hidden_of: HiddenOf
    changed: Mapping[tuple[Oid, Oid], tuple[str, ...]]
    files: _Files

    @classmethod
    @contextmanager
    def opened(
        cls, checks: ValidationPlan, results: Sequence[StepResult], context: GateContext, *, hidden_of: HiddenOf
    ) -> Iterator[BranchChecks]:
        """For the results of a run; leaves nothing behind.

        Args:
            checks: what to check and how.
            results: aligned ones.
            context: of the run.
            hidden_of: patterns of files that checks of a branch must not read.

        Raises:
            GitError, OutOfSpace
            UserError: a confinement is required that this machine does not offer.
        """
        run, quarantine = context.run, context.quarantine
        repository, git = quarantine.repository, quarantine.git
        aligned = [result.outcome for result in results if isinstance(result.outcome, Aligned)]
        confinement = confinement_for(checks, Path(repository.common_dir), environ=run.surroundings.environ)
        width = max(1, min(checks.work_trees or processors(), len(aligned)))
        trees = _trees(git, sorted({one.onto for one in aligned} | {one.after for one in aligned}))
        changed = {
            pair: tuple(text(change.path) for change in changes)
            for pair, changes in path_changes(git, [(one.onto, one.after) for one in aligned])
        }
        files = _Files(git)
        try:
            end_orphans()
            with nullcontext(context.pool) if context.pool else pool_of(checks, context, width=width) as pool:
                runner = CheckRunner(
                    checks=checks,
                    cache=context.cache,
                    stop=run.stop,
                    at=run.started_at,
                    environ=run.surroundings.environ,
                    confinement=confinement,
                    pool=pool,
                    trees=trees,
                )
                yield cls(
                    checks=checks, context=context, runner=runner, hidden_of=hidden_of, changed=changed, files=files
                )
        finally:
            files.close()

    def judge(self, result: StepResult) -> Verdict:
        """The verdict about one branch."""
        outcome = result.outcome
        assert isinstance(outcome, Aligned)
        started = time.monotonic()
        try:
            made = tuple(self._checks(self.context.step(result), outcome))
        except CheckCancelled:
            return Verdict(refusal=Cancelled(reason="the run was stopped before its checks had ended"))
        except Exception as error:  # whatever a branch does to its work tree is that branch's affair alone
            reason = in_words(error)
            _LOG.error("the checks of %s could not be made: %s", result.branch, reason, exc_info=is_a_bug(error))
            failed = Failed(
                code="validation_not_possible",
                reason=f"its checks could not be made: {reason}",
                hint="look at the run's log; the branch was not moved",
                stage="validate",
            )
            return Verdict(refusal=failed, validation=Validation(status=ValidationStatus.FAILED, reason=failed.reason))
        took = time.monotonic() - started
        ran = any(check.command and check.attempts for check in made)
        words = self.runner.confinement.words if ran else ""
        validation = judged(made, confinement=words, duration_s=took)
        refusal = refusal_of(validation) if validation.refusing else None
        return Verdict(refusal=refusal, validation=validation, duration_s=took)

    def _checks(self, step: Step, one: Aligned) -> Iterator[CheckResult]:
        emit = self.context.run.emit
        for file in self.checks.files:
            yield _emit_check(emit, step, self._file(step, one, file))
        asked: list[CheckCommand | CheckResult] = [
            self._not_needed(step, one, command) or CheckCommand(command, CheckKind.COMMAND)
            for command in self.checks.commands
        ]
        if self.checks.startup is not None:
            asked.append(self._startup(step, one, self.checks.startup))
        if hidden := self.hidden_of(step.branch.name):
            asked = [replace(each, hidden=hidden) if isinstance(each, CheckCommand) else each for each in asked]
        commands = [each for each in asked if isinstance(each, CheckCommand)]
        known = {each: cached for each in commands if (cached := self.runner.cached(each, one.after)) is not None}
        open_ones = [each for each in commands if each not in known]
        ended = self._run_all(open_ones, step, one) if open_ones else {}
        for each in asked:
            if isinstance(each, CheckResult):
                yield _emit_check(emit, step, each)
            elif each in ended:
                yield ended[each]
            else:
                yield _emit_check(emit, step, known[each])

    def _run_all(self, commands: Sequence[CheckCommand], step: Step, one: Aligned) -> dict[CheckCommand, CheckResult]:
        emit = self.context.run.emit
        ended: dict[CheckCommand, CheckResult] = {}
        with self.runner.pool.lent() as work_tree:
            for command in commands:
                check = self.runner.run(command, one.after, work_tree)
                if self.checks.new_only and check.status is CheckStatus.FAILED:
                    before = self.runner.run_on_target(command, one.onto, work_tree)
                    if before.status is CheckStatus.FAILED and before.exit_code == check.exit_code:
                        check = failed_before(check, target=step.target.name)
                ended[command] = _emit_check(emit, step, check)
        return ended

    def _file(self, step: Step, one: Aligned, check: FileCheck) -> CheckResult:
        if not _is_for(check.targets, step.target.name):
            return skipped(f"file {check.path}", CheckKind.FILE, f"not for {step.target.name}", check.required)
        with self.files.lock:
            found = check_file(check, one.after, self.files)
            if found.refuses and self.checks.new_only and check_file(check, one.onto, self.files).refuses:
                found = failed_before(found, target=step.target.name)
        return found

    def _not_needed(self, step: Step, one: Aligned, check: CommandCheck) -> CheckResult | None:
        """None when a command is to be run; otherwise why not."""
        if not _is_for(check.targets, step.target.name):
            return skipped(check.name, CheckKind.COMMAND, f"not for {step.target.name}", check.required)
        changed = self.changed.get((one.onto, one.after))
        # Where the two cannot be compared, it is not known that the check is not needed.
        if check.paths and changed is not None and not _touches(check.paths, changed):
            return skipped(check.name, CheckKind.COMMAND, "no path it is needed for was changed", check.required)
        return None

    def _startup(self, step: Step, one: Aligned, check: StartupCheck) -> CheckCommand | CheckResult:
        if not _is_for(check.targets, step.target.name):
            return skipped(STARTUP, CheckKind.STARTUP, f"not for {step.target.name}", check.required)
        made = self._startup_at(one.after, check)
        if isinstance(made, CommandCheck):
            return CheckCommand(made, CheckKind.STARTUP)
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


def pool_of(checks: ValidationPlan, context: GateContext, *, width: int) -> AbstractContextManager[WorkTreePool]:
    """Work trees for checks, gone at the end.

    Args:
        checks: say where they are made.
        context: of the run.
        width: how many there are.

    Raises:
        OutOfSpace
    """
    home = work_tree_home(
        checks.directory, context.quarantine.repository.common_dir, environ=context.run.surroundings.environ
    )
    return WorkTreePool.opened(home, context.quarantine, width=width)


def _trees(git: Git, commits: Sequence[Oid]) -> dict[Oid, Oid]:
    reader = CommitReader(git, timeout_s=_READ_S)
    try:
        return {oid: commit.tree for oid, commit in zip(commits, reader.read(commits), strict=True)}
    finally:
        reader.close()


def _emit_check(emit: Emitter, step: Step, check: CheckResult) -> CheckResult:
    emit(
        EventKind.CHECK_FINISHED,
        branch=step.branch.name,
        target=step.target.name,
        check=check.name,
        status=check.status.value,
        seconds=round(check.duration_s, 3),
    )
    return check


def _is_for(targets: Sequence[str], name: str) -> bool:
    return not targets or any(fnmatch.fnmatchcase(name, glob) for glob in targets)


def _touches(patterns: Sequence[str], paths: Iterable[str]) -> bool:
    wanted = pathspec.GitIgnoreSpec.from_lines(patterns)
    return any(wanted.match_file(path) for path in paths)


def refusal_of(validation: Validation) -> Failed:
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
