"""Making a plan of tasks: waves, overlaps, priorities with ageing, what is foreseen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import combinations, combinations_with_replacement, product
from uuid import UUID

from gitalign.batches.planning.checks import require_sound, soft_needs
from gitalign.batches.planning.plan import (
    BatchPlan,
    ConflictType,
    FileConflict,
    IssueCode,
    PlanIssue,
    PlannedBatch,
    select_mode,
)
from gitalign.batches.planning.tasks import Task, TaskId, TaskList
from gitalign.core.path_overlap import overlapping

HIGH_CONFLICT_RATE = 0.5
_SPECIAL = frozenset("*?[\\")

Pair = tuple[TaskId, TaskId]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foresight:
    """What is known of tasks beside what they declare.

    Attributes:
        changed: paths that an earlier attempt of a task changed.
        clashed: pairs of tasks whose results clashed before, with the paths.
    """

    changed: Mapping[TaskId, Collection[str]] = field(default_factory=dict)
    clashed: Mapping[frozenset[TaskId], Collection[str]] = field(default_factory=dict)


NOTHING_KNOWN = Foresight()


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
        ageing: how much the priority of a ready task improves with each batch it has to wait for.
    """

    most_tasks: int | None = None
    ageing: int = 1
    strategy: PlanStrategy = PlanStrategy.DEPENDENCY


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
        foresight: what earlier runs showed.
        rules: bounds.

    Raises:
        TaskListError: with every fault of the list.
    """
    require_sound(tasks)
    kept_soft, ignored = soft_needs(tasks.tasks)
    before = {task.id: (*task.hard_needs, *kept_soft.get(task.id, ())) for task in tasks.tasks}
    conflicts = predicted_conflicts(tasks.tasks, foresight)
    waves = _waves(tasks.tasks, before, _apart(conflicts), rules)
    batch_of = {task_id: number for number, wave in enumerate(waves) for task_id in wave}
    plan = BatchPlan(
        project_id=project_id,
        created_at=at,
        batches=tuple(
            PlannedBatch(
                batch_id=number,
                task_ids=tuple(wave),
                can_parallel=len(wave) > 1,
                depends_on=tuple(sorted({batch_of[need] for task_id in wave for need in before[task_id]})),
            )
            for number, wave in enumerate(waves)
        ),
        predicted_conflicts=conflicts,
        task_list=tasks,
        critical_path=_critical_path(waves, before),
        issues=tuple(
            PlanIssue(
                code=IssueCode.IGNORED_SOFT_DEPENDENCY,
                message=f"task {task} does not wait for {need}: the soft dependency would close a circle",
            )
            for task, need in ignored
        ),
    )
    return judged(plan)


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


def predicted_conflicts(tasks: Sequence[Task], foresight: Foresight = NOTHING_KNOWN) -> tuple[FileConflict, ...]:
    """Pairs of tasks that are expected to change the same files, in the order of the list."""
    position = {task.id: number for number, task in enumerate(tasks)}
    found: dict[Pair, FileConflict] = {}
    same: dict[tuple[str, ...], list[TaskId]] = defaultdict(list)  # many tasks may say the same of themselves
    for task in tasks:
        if footprint := _footprint(task, foresight):
            same[footprint].append(task.id)
    for (first, some), (second, others) in combinations_with_replacement(same.items(), 2):
        if shared := overlapping(first, second):
            pairs = combinations(some, 2) if first == second else product(some, others)
            for one, other in pairs:
                pair = (one, other) if position[one] < position[other] else (other, one)
                found[pair] = _conflict(pair, shared)
    for clashed, paths in foresight.clashed.items():
        one, other = sorted(clashed, key=lambda task_id: position.get(task_id, -1))
        if one in position:
            files = tuple(sorted(paths))
            kind = ConflictType.SAME_FILE if files else ConflictType.POTENTIAL
            found[one, other] = FileConflict(task_ids=(one, other), predicted_files=files, conflict_type=kind)
    return tuple(found[pair] for pair in sorted(found, key=lambda pair: (position[pair[0]], position[pair[1]])))


def _footprint(task: Task, foresight: Foresight) -> tuple[str, ...]:
    """Patterns of what a task changes: declared ones, and paths it changed before."""
    known = (f"/{_escaped(path)}" for path in sorted(foresight.changed.get(task.id, ())))
    return (*dict.fromkeys((*map(_from_the_top, task.touches), *known)),)


def _from_the_top(pattern: str) -> str:
    """A plain name means the file or folder at the top of the repository, as people write paths; one with a wildcard stays."""
    return pattern if pattern.startswith("/") or _SPECIAL & set(pattern) else f"/{pattern}"


def _escaped(path: str) -> str:
    return "".join(f"\\{sign}" if sign in _SPECIAL else sign for sign in path)


def _conflict(pair: Pair, shared: Sequence[tuple[str, str]]) -> FileConflict:
    """What overlapping patterns mean. A name with an ending and without wildcards counts as a file, others as folders."""
    exact = sorted({one.lstrip("/") for one, other in shared if one.lstrip("/") == other.lstrip("/") and _is_file(one)})
    if exact:
        return FileConflict(task_ids=pair, predicted_files=tuple(exact), conflict_type=ConflictType.SAME_FILE)
    files = tuple(sorted({min(one, other, key=_vagueness).lstrip("/") for one, other in shared}))
    plain = any(not _SPECIAL & set(one) or not _SPECIAL & set(other) for one, other in shared)
    kind = ConflictType.SAME_DIRECTORY if plain else ConflictType.POTENTIAL
    return FileConflict(task_ids=pair, predicted_files=files, conflict_type=kind)


def _is_file(pattern: str) -> bool:
    return not _SPECIAL & set(pattern) and not pattern.endswith("/") and "." in pattern.rpartition("/")[2][1:]


def _vagueness(pattern: str) -> tuple[bool, int, str]:
    return bool(_SPECIAL & set(pattern)), -len(pattern), pattern


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
