"""`MergeValidator`, as the parallel orchestration's request names it: results of a batch, merged in memory, tested, landed at once."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitalign import facade
from gitalign.batches.merging.merge_members import conflict_words
from gitalign.batches.planning.plan import BatchPlan
from gitalign.batches.planning.tasks import Task, TaskList
from gitalign.batches.reading import project_id_of
from gitalign.batches.running.state import BatchRun, Landed, MergeStatus, Status
from gitalign.compat.parallel.carry_out import carried_out
from gitalign.compat.parallel.execution_plan import ExecutionBatch, runnable
from gitalign.compat.parallel.linked_work_trees import LinkedWorkTrees
from gitalign.core.names import BATCH_PREFIX, display
from gitalign.core.validation import TESTS
from gitalign.engine.run.session import open_for
from gitalign.engine.runtime.surroundings import utc_now
from gitalign.errors import GitAlignError, UserError
from gitalign.git.repository import open_repository

_LOG = logging.getLogger("gitalign.batches")
_A_RESULT = re.compile(r"(?:refs/)?(?:gitalign/)?batch/(?P<run>[0-9]{8}-[0-9]{6}-[0-9a-f]+)/(?P<task>.+)")
_TESTS_TASK = "tests"


@dataclass
class MergeResult:
    """What became of the work trees of a batch.

    Attributes:
        status: `success`, `conflicts`, `test_failed`, `skipped` where there was nothing to merge, or another of `MergeStatus`.
        conflicts: in words, with both sides and paths. Where there are any, nothing is merged.
        test_output: what failing tests wrote, else how they ended; `not_configured` where there are none.
        merged_worktrees: their paths, only where the target has moved or held everything already.
        duration: seconds.
    """

    status: str
    conflicts: list[str]
    test_output: str | None
    merged_worktrees: list[str]
    duration: float = field(default=0.0)


class MergeValidator:
    """Merges branches of work trees onto the target: all of them or none.

    The target moves once, after everything was merged in memory and the tests passed on the merged files. Nothing is merged in
    the work tree of the project, and what a work tree has not committed does not take part.

    Args:
        project_path: any path inside the repository.
        db: has `get_batch_worktrees(batch_id)`, as `DatabaseManager`.
        target: branch that results land on; None for the default one.
    """

    def __init__(self, project_path: str | Path, db: Any, *, target: str | None = None) -> None:
        self.project_path = Path(project_path)
        self.db = db
        self.target = target
        self._request = facade.Request(repo=project_path)

    async def validate_batch(self, batch_id: int) -> MergeResult:
        """Merge all work trees of a batch, run the tests on the merged files, move the target, remove what is merged.

        Args:
            batch_id: as the database knows it.

        Raises:
            UserError: a branch is not there.
            GitError, StoreError
        """
        rows: Sequence[Mapping[str, Any]] = await self.db.get_batch_worktrees(batch_id)
        if not rows:
            return MergeResult(MergeStatus.SKIPPED.value, [], None, [])
        started = utc_now()
        paths = [str(row["path"]) for row in rows]
        branches = [str(row["branch"]) for row in rows]
        known = [_A_RESULT.fullmatch(branch) for branch in branches]
        if all(known):
            landed = await self._landed_by_run([match for match in known if match is not None])
        else:
            landed = await self._landed(branches)
        result = _merge_result(landed, paths)
        if result.merged_worktrees:
            await self.cleanup_worktrees(result.merged_worktrees)
        result.duration = (utc_now() - started).total_seconds()
        return result

    async def merge_worktree(self, worktree_path: str, branch: str) -> bool:
        """Merge one branch as `Merge <branch> (batch execution)`, never fast-forward; False where nothing moved.

        Raises:
            UserError: the branch is not there.
            GitError, StoreError
        """
        result = _merge_result(await self._landed([branch]), [worktree_path])
        if not result.merged_worktrees:
            _LOG.warning("%s is not merged: %s", branch, "; ".join(result.conflicts) or result.status)
        return bool(result.merged_worktrees)

    async def run_tests(self) -> tuple[bool, str]:
        """Run the configured tests on the target as it stands, in a work tree of their own.

        Returns:
            Whether they passed, and what they wrote; (True, `not_configured`) where there are none.

        Raises:
            UserError, GitError, StoreError
        """
        checks = (await asyncio.to_thread(open_for, self._request)).config.checks()
        tests = next((one for one in checks.commands if one.name == TESTS), None)
        if tests is None:
            return True, "not_configured"
        task = Task(id=_TESTS_TASK, argv=tests.argv, timeout_s=tests.timeout_s, max_attempts=1)
        run = await self._carried_out([task], lands=False)
        written = await asyncio.to_thread(facade.batch_log, self._request, run.id, task.id)
        return run.tasks[task.id].status is Status.COMPLETED, written

    async def cleanup_worktrees(self, worktrees: Sequence[str]) -> None:
        """Remove work trees of which everything is on the target; any other stays."""
        trees = LinkedWorkTrees(self.project_path, target=self.target)
        for path in worktrees:
            try:
                await asyncio.to_thread(trees.remove, path)
            except GitAlignError as error:
                _LOG.info("%s stays: %s", path, error.message)

    async def _landed(self, branches: Sequence[str]) -> Landed:
        run = await self._carried_out([Task(id=one, branch=one) for one in branches], lands=True)
        missing = [one.reason for one in run.tasks.values() if one.status is Status.FAILED and one.result is None]
        if missing:
            raise UserError("; ".join(missing), hint="git branch --list")
        return run.batches[0].outcome or Landed(merge_status=MergeStatus.WAITING)

    async def _landed_by_run(self, results: Sequence[re.Match[str]]) -> Landed:
        """What became of results of a batch run; one that left landing for later is gone on with.

        Raises:
            UserError: they are not the results of one batch.
        """
        view = await asyncio.to_thread(facade.batch_status, self._request, results[0]["run"])
        run = view.run
        number = _batch_of(run, results)
        outcome = run.batches[number].outcome
        if not view.is_alive and (
            outcome is None or outcome.merge_status in (MergeStatus.WAITING, MergeStatus.TARGET_MOVED)
        ):
            run = await asyncio.to_thread(facade.resume_batches, self._request, run.id)
            outcome = run.batches[number].outcome
        return outcome or Landed(merge_status=MergeStatus.WAITING)

    async def _carried_out(self, tasks: Sequence[Task], *, lands: bool) -> BatchRun:
        batch = ExecutionBatch(batch_id=0, task_ids=tuple(task.id for task in tasks))
        project_id = project_id_of(open_repository(self.project_path))
        plan = BatchPlan(project_id=project_id, created_at=utc_now(), batches=(batch,))
        plan = runnable(plan, TaskList(tasks=tuple(tasks)), project_path=self.project_path, target=self.target)
        options = facade.BatchOptions(lands=lands, again=True)  # a branch, or the target, may have moved since
        return await carried_out(
            self.project_path, plan, options, given_by="MergeValidator", listener=lambda kind, data: None
        )


def _batch_of(run: BatchRun, results: Sequence[re.Match[str]]) -> int:
    """Number of the batch of which these are the results, all of them.

    Raises:
        UserError
    """
    hint = f"git align batch status {run.id}"
    runs = dict.fromkeys(one["run"] for one in results)
    if len(runs) > 1:
        raise UserError(f"these are results of several batch runs: {', '.join(runs)}", hint="validate them one by one")
    numbers = {task_id: at for at, batch in enumerate(run.plan.batches) for task_id in batch.task_ids}
    named = [str(one["task"]) for one in results]
    if unknown := [one for one in named if one not in numbers]:
        raise UserError(f"{BATCH_PREFIX}{run.id} has no task {', '.join(map(display, unknown))}", hint=hint)
    batches = sorted({numbers[one] for one in named})
    if len(batches) > 1:
        raise UserError(f"these are results of batches {', '.join(map(str, batches))} of {run.id}", hint=hint)
    of_batch = run.plan.batches[batches[0]].task_ids
    if others := [one for one in of_batch if run.tasks[one].result and run.tasks[one].tree and one not in named]:
        words = ", ".join(map(display, others))
        raise UserError(f"batch {batches[0]} of {run.id} lands whole, and has further results: {words}", hint=hint)
    return batches[0]


def _merge_result(landed: Landed, paths: Sequence[str]) -> MergeResult:
    is_merged = landed.merge_status in (MergeStatus.SUCCESS, MergeStatus.SKIPPED)
    status = MergeStatus.SUCCESS if is_merged else landed.merge_status
    conflicts = [f"Merge conflict in {one.second}: {conflict_words(one)}" for one in landed.conflicts]
    if not is_merged and not conflicts and landed.merge_status is not MergeStatus.TEST_FAILED and landed.reason:
        conflicts = [landed.reason]
    return MergeResult(
        status=status.value,
        conflicts=conflicts,
        test_output=landed.output or landed.tests or None,
        merged_worktrees=list(paths) if is_merged else [],
    )
