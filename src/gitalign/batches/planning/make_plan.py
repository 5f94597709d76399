"""Making a plan of tasks: waves, overlaps, priorities with ageing, what is foreseen."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import combinations
from uuid import UUID

from gitalign.batches.planning.checks import require_sound, soft_needs
from gitalign.batches.planning.earlier import NOTHING_KNOWN, EarlierConflict, Foresight, FromEarlierRuns, Layout
from gitalign.batches.planning.plan import (
    BatchPlan,
    FileConflict,
    IssueCode,
    Mode,
    PlanIssue,
    PlannedBatch,
    layout_of,
    select_mode,
)
from gitalign.batches.planning.predicting import predict
from gitalign.batches.planning.tasks import Task, TaskId, TaskList

HIGH_CONFLICT_RATE = 0.5


class PlanStrategy(StrEnum):
    """Which of the tasks that are ready go into one batch."""

    DEPENDENCY = "dependency"
    """All of them."""
    PRIORITY = "priority"
    """Those of the most urgent priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRules:
    """How tasks are put into batches.

    Attributes:
        most_tasks: in one batch; None for no bound.
        strategy: which of the tasks that are ready go together.
        side_by_side: how many tasks run at once, for what a batch is expected to take.
        ageing: how much the priority of a ready task improves with each batch it has to wait for.
    """

    most_tasks: int | None = None
    ageing: int = 1
    strategy: PlanStrategy = PlanStrategy.DEPENDENCY
    side_by_side: int = 3


DEFAULT_RULES = PlanRules()


def make_plan(
    tasks: TaskList,
    *,
    project_id: UUID,
    at: datetime,
    foresight: Foresight = NOTHING_KNOWN,
    rules: PlanRules = DEFAULT_RULES,
) -> BatchPlan:
    """Put tasks into batches.

    A task is in a later batch than everything it needs. Tasks that are expected to change the same files are never in
    one batch. Among tasks that could go next, lower priority numbers go first, then the order in the list.

    Args:
        tasks: what is to be done.
        project_id: of the repository.
        at: UTC.
        foresight: what earlier runs showed; the plan says what it owes to it (`from_earlier_runs`).
        rules: bounds.

    Raises:
        TaskListError: with every fault of the list.
    """
    require_sound(tasks)
    kept_soft, ignored = soft_needs(tasks.tasks)
    before = {task.id: (*task.hard_needs, *kept_soft.get(task.id, ())) for task in tasks.tasks}
    prediction = predict(tasks.tasks, foresight)
    waves = _waves(tasks.tasks, before, _apart(prediction.conflicts), rules)
    batch_of = {task_id: number for number, wave in enumerate(waves) for task_id in wave}
    plan = judged(
        BatchPlan(
            project_id=project_id,
            created_at=at,
            batches=tuple(
                PlannedBatch(
                    batch_id=number,
                    task_ids=tuple(wave),
                    can_parallel=len(wave) > 1,
                    depends_on=tuple(sorted({batch_of[need] for task_id in wave for need in before[task_id]})),
                    estimated_duration=_estimated(wave, foresight, rules.side_by_side),
                )
                for number, wave in enumerate(waves)
            ),
            predicted_conflicts=prediction.conflicts,
            task_list=tasks,
            critical_path=_critical_path(waves, before),
            issues=tuple(_ignored(task, need) for task, need in ignored),
        )
    )
    if foresight.is_empty:
        return plan
    return _with_earlier_runs(
        plan,
        foresight,
        prediction.from_earlier_runs,
        without=layout_of(make_plan(tasks, project_id=project_id, at=at, rules=rules)),
    )


def _ignored(task: TaskId, need: TaskId) -> PlanIssue:
    message = f"task {task} does not wait for {need}: the soft dependency would close a circle"
    return PlanIssue(code=IssueCode.IGNORED_SOFT_DEPENDENCY, message=message)


def _with_earlier_runs(
    plan: BatchPlan, foresight: Foresight, conflicts: tuple[EarlierConflict, ...], *, without: Layout
) -> BatchPlan:
    """The plan with what it owes to earlier runs, and how it would be without them."""
    assert plan.task_list is not None
    made = layout_of(plan)
    known = FromEarlierRuns(
        tasks={task.id: foresight.tasks[task.id] for task in plan.task_list.tasks if task.id in foresight.tasks},
        conflicts=conflicts,
        unread=foresight.unread,
        made=made if without != made else None,
        without=without if without != made else None,
    )
    return replace(plan, from_earlier_runs=known)


def in_mode(plan: BatchPlan, mode: Mode) -> BatchPlan:
    """A plan whose tasks run in a mode that something else than the plan decides."""
    changed = replace(plan, mode=mode)
    if changed.from_earlier_runs is None or changed.from_earlier_runs.made is None:
        return changed
    without = changed.from_earlier_runs.without
    if without is not None:
        without = replace(without, mode=mode.execution_mode.value)
    made = replace(changed.from_earlier_runs.made, mode=mode.execution_mode.value)
    return replace(changed, from_earlier_runs=replace(changed.from_earlier_runs, made=made, without=without))


def _estimated(wave: Sequence[TaskId], foresight: Foresight, side_by_side: int) -> int | None:
    """Seconds that a batch takes when so many of its tasks run at once; None where an earlier run does not say it of each."""
    ends = [0.0] * max(1, side_by_side)
    for task_id in wave:
        earlier = foresight.tasks.get(task_id)
        if earlier is None or earlier.duration_s is None:
            return None
        ends[0] += earlier.duration_s
        ends.sort()
    return math.ceil(ends[-1])


def judged(plan: BatchPlan) -> BatchPlan:
    """The plan with its mode, its issues and the counts of `metadata`; issues that planning itself found stay."""
    known = {task.id for task in plan.task_list.tasks} if plan.task_list is not None else set()
    assigned = {task_id for batch in plan.batches for task_id in batch.task_ids}
    issues = [issue for issue in plan.issues if issue.code is IssueCode.IGNORED_SOFT_DEPENDENCY]
    for batch in plan.batches:
        if not batch.task_ids:
            issues.append(PlanIssue(code=IssueCode.EMPTY_BATCH, message=f"batch {batch.batch_id} has no tasks"))
    if left := sorted(known - assigned):
        issues.append(PlanIssue(code=IssueCode.UNASSIGNED_TASKS, message=f"in no batch: {', '.join(left)}"))
    in_conflict = {task_id for conflict in plan.predicted_conflicts for task_id in conflict.task_ids}
    if assigned and len(in_conflict) / len(assigned) > HIGH_CONFLICT_RATE:
        message = f"{len(in_conflict)} of {len(assigned)} tasks are expected to change files that another one changes"
        issues.append(PlanIssue(code=IssueCode.HIGH_CONFLICT_RATE, message=message))
    parallel = [batch for batch in plan.batches if batch.can_parallel]
    counts = {
        "total_tasks": plan.total_tasks,
        "total_batches": len(plan.batches),
        "parallel_batch_count": len(parallel),
        "parallel_possible": bool(parallel),
        "conflicts_detected": len(plan.predicted_conflicts),
        "circular_dependencies": [],
        "missing_dependencies": [],
        "planning_mode": "task_based",
    }
    counts |= {} if assigned else {"reason": "no_tasks"}
    return replace(plan, issues=tuple(issues), mode=select_mode(plan), metadata={**counts, **plan.metadata})


def _apart(conflicts: Sequence[FileConflict]) -> dict[TaskId, set[TaskId]]:
    apart: dict[TaskId, set[TaskId]] = defaultdict(set)
    for conflict in conflicts:
        for one, other in combinations(conflict.task_ids, 2):
            apart[one].add(other)
            apart[other].add(one)
    return apart


def _waves(
    tasks: Sequence[Task],
    before: Mapping[TaskId, Collection[TaskId]],
    apart: Mapping[TaskId, Collection[TaskId]],
    rules: PlanRules,
) -> list[list[TaskId]]:
    """Batches, filled one after the other with what is ready and keeps out of the way of what is in them."""
    position = {task.id: number for number, task in enumerate(tasks)}
    priority = {task.id: task.priority for task in tasks}
    waits_for = {task_id: set(needs) for task_id, needs in before.items()}
    after: dict[TaskId, list[TaskId]] = defaultdict(list)
    for task_id, needs in before.items():
        for need in needs:
            after[need].append(task_id)
    ready = {task_id: 0 for task_id, needs in waits_for.items() if not needs}  # with how long it has waited
    waves: list[list[TaskId]] = []
    while ready:
        urgency = {one: priority[one] - rules.ageing * waited for one, waited in ready.items()}
        order = sorted(ready, key=lambda one: (urgency[one], position[one]))
        if rules.strategy is PlanStrategy.PRIORITY:
            order = [one for one in order if urgency[one] == urgency[order[0]]]
        wave: list[TaskId] = []
        taken: set[TaskId] = set()
        for one in order:
            if rules.most_tasks is not None and len(wave) >= rules.most_tasks:
                break
            if taken.isdisjoint(apart.get(one, ())):
                wave.append(one)
                taken.add(one)
        waves.append(wave)
        ready = {one: waited + 1 for one, waited in ready.items() if one not in taken}
        for one in wave:
            for later in after[one]:
                waits_for[later].discard(one)
                if not waits_for[later]:
                    ready[later] = 0
    return waves


def _critical_path(
    waves: Sequence[Sequence[TaskId]], before: Mapping[TaskId, Collection[TaskId]]
) -> tuple[TaskId, ...]:
    """The longest chain of dependencies, the earliest one of several."""
    longest: dict[TaskId, tuple[int, TaskId | None]] = {}
    for wave in waves:
        for one in wave:
            previous = max(before[one], key=lambda need: longest[need][0], default=None)
            longest[one] = (1 + (longest[previous][0] if previous is not None else 0), previous)
    if not longest:
        return ()
    at: TaskId | None = max(longest, key=lambda one: longest[one][0])
    path: list[TaskId] = []
    while at is not None:
        path.append(at)
        at = longest[at][1]
    return tuple(reversed(path))
