"""What earlier batch runs of a repository showed of tasks: what their results changed, how long they took, which conflicted.

A task of an earlier run is the same task when it has the same id, title and command. What cannot be read is not known: it is never
taken for a task that changed nothing, or for results that merged.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import combinations

from gitalign.batches.planning.earlier import EarlierPair, EarlierTask, Foresight
from gitalign.batches.planning.tasks import Task, TaskId, TaskList
from gitalign.batches.running.batch_store import BatchStore
from gitalign.batches.running.state import BatchRun, Landed, MergeStatus, Status, TaskRun
from gitalign.core.names import Oid
from gitalign.errors import StoreError, UnknownBatch
from gitalign.git.diffs import Pair, path_changes
from gitalign.git.repository import Repository

MOST_RUNS = 20
"""The newest runs are read; older ones say little of what is there today."""
MOST_PATHS = 200
"""Of one task; where a result changed more, folders stand for the files in them."""


def foresight_of(repository: Repository, store: BatchStore, tasks: TaskList) -> Foresight:
    """What the newest runs of a repository showed of tasks, and of pairs of them.

    Args:
        repository: the repository.
        store: its batch runs.
        tasks: that are planned. Those that are branches have no history: what a branch changes is in the branch.

    Raises:
        StoreError: the list of runs cannot be read. A single run that cannot be read is named in the answer.
        GitError: anything but a result that is not there any more.
    """
    wanted = {task.id: task for task in tasks.tasks if task.argv is not None}
    seen: dict[TaskId, list[tuple[BatchRun, TaskRun]]] = defaultdict(list)
    pairs: dict[frozenset[TaskId], EarlierPair] = {}
    unread: list[str] = []
    records = [one for one in reversed(store.records()) if one.started_at is not None]
    for record in records[:MOST_RUNS] if wanted else ():
        try:
            run = store.read(record.id)
        except UnknownBatch:
            continue  # another process has just removed it
        except StoreError:
            unread.append(record.id)
            continue
        same = _same_tasks(run, wanted)
        for task_id in same:
            seen[task_id].append((run, run.tasks[task_id]))
        for both, earlier in _merged_pairs(run, same):
            pairs.setdefault(both, earlier)
    return Foresight(tasks=_newest_results(repository, seen), pairs=pairs, unread=tuple(unread))


def _same_tasks(run: BatchRun, wanted: Mapping[TaskId, Task]) -> frozenset[TaskId]:
    known = run.plan.task_list.by_id() if run.plan.task_list is not None else {}
    return frozenset(
        task_id
        for task_id, task in known.items()
        if task_id in wanted
        and task_id in run.tasks
        and (task.title, task.argv) == (wanted[task_id].title, wanted[task_id].argv)
    )


def _merged_pairs(run: BatchRun, same: frozenset[TaskId]) -> Iterator[tuple[frozenset[TaskId], EarlierPair]]:
    """Pairs of results of one batch, of which it is known whether they merge with one another."""
    for batch, progress in zip(run.plan.batches, run.batches, strict=True):
        outcome = progress.outcome
        if outcome is None:
            continue
        task_of = {f"batch/{run.id}/{task_id}": task_id for task_id in batch.task_ids if task_id in same}
        for conflict in outcome.conflicts:
            both = frozenset(task_of[name] for name in (conflict.first, conflict.second) if name in task_of)
            if len(both) > 1:
                yield both, EarlierPair(run=run.id, has_conflicted=True, paths=conflict.paths)
        merged = _merged(outcome, [task_id for task_id in batch.task_ids if run.tasks[task_id].result is not None], run)
        for one, other in combinations([task_id for task_id in merged if task_id in same], 2):
            yield frozenset((one, other)), EarlierPair(run=run.id, has_conflicted=False)


def _merged(outcome: Landed, with_result: list[TaskId], run: BatchRun) -> list[TaskId]:
    """Tasks of a batch whose results were all merged with one another."""
    if outcome.would_land:
        return [one for one in with_result if f"batch/{run.id}/{one}" in outcome.would_land]
    if outcome.landed is None and outcome.merge_status is not MergeStatus.SUCCESS:
        return []
    left_out = {one.task for one in outcome.left_out}
    return [one for one in with_result if one not in left_out]


def _newest_results(
    repository: Repository, seen: Mapping[TaskId, list[tuple[BatchRun, TaskRun]]]
) -> dict[TaskId, EarlierTask]:
    """Of each task the newest run in which it completed, and whose result is still there."""
    left = {task_id: [one for one in runs if _has_ended_well(one[1])] for task_id, runs in seen.items()}
    found: dict[TaskId, EarlierTask] = {}
    while left := {task_id: runs for task_id, runs in left.items() if runs and task_id not in found}:
        asked: dict[Pair, list[TaskId]] = defaultdict(list)
        for task_id, runs in left.items():
            run, task = runs.pop(0)
            found[task_id] = EarlierTask(run=run.id, duration_s=_duration_s(task))
            if task.result is not None and task.base is not None:
                asked[task.base, task.result].append(task_id)
        missing: dict[Pair, Oid] = {}
        for pair, changes in path_changes(repository.git, asked, missing=missing) if asked else ():
            paths = _bounded(sorted({change.path.decode("utf-8", "backslashreplace") for change in changes}))
            for task_id in asked[pair]:
                found[task_id] = replace(found[task_id], changed=paths)
        for task_id in [one for pair in missing for one in asked[pair]]:
            del found[task_id]
    return found


def _has_ended_well(task: TaskRun) -> bool:
    """Whether a task did what it was to do; a result that was left out of a landing is one, too."""
    return task.status is Status.COMPLETED or (task.status is Status.FAILED and task.result is not None)


def _duration_s(task: TaskRun) -> float | None:
    if task.started_at is None or task.finished_at is None:
        return None
    return max(0.0, (task.finished_at - task.started_at).total_seconds())


def _bounded(paths: list[str]) -> tuple[str, ...]:
    """The paths; where they are too many, the folders at the least depth that names no more."""
    depth = max((path.count("/") for path in paths), default=0)
    named = paths
    while len(named) > MOST_PATHS and depth > 0:
        named = sorted({_at_depth(path, depth) for path in paths})
        depth -= 1
    return tuple(named)


def _at_depth(path: str, depth: int) -> str:
    parts = path.split("/")
    return path if len(parts) <= depth else "/".join(parts[:depth]) + "/"
