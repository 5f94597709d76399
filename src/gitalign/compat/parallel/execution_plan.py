"""`ExecutionPlan` and `ExecutionBatch`, and where the commands of a plan's tasks come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from gitalign.batches.planning import plan_document
from gitalign.batches.planning.make_plan import judged
from gitalign.batches.planning.plan import BatchPlan, PlannedBatch
from gitalign.batches.planning.read_tasks import task_list_of
from gitalign.batches.planning.tasks import PlanUnusable, TaskId, TaskList
from gitalign.core.names import HEADS
from gitalign.errors import UserError
from gitalign.git.refs import read_refs
from gitalign.git.repository import open_repository

ExecutionBatch = PlannedBatch
_CONVENTIONAL = ("main", "master")
TASK_LIST_KEY = "task_list"
"""Of a plan's or a project's metadata: how tasks are run."""


class NoExecutionPlan(UserError, ValueError):
    """A project has no plan."""

    code = "no_execution_plan"
    status = 400


class ExecutionPlan(BatchPlan):
    """A plan with the fields and methods of the request."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> ExecutionPlan:
        """Read a plan.

        Raises:
            TaskListError: with every fault and its place.
        """
        read = plan_document.from_dict(document)
        return cls(**{one.name: getattr(read, one.name) for one in fields(read)})

    def to_dict(self) -> dict[str, Any]:
        """The plan as a JSON document."""
        return plan_document.to_dict(self)


def runnable(
    plan: BatchPlan, tasks: TaskList | Mapping[str, Any] | None, *, project_path: Path, target: str | None
) -> BatchPlan:
    """A plan that says how its tasks are run, where their results go, and in which mode.

    Args:
        plan: the plan.
        tasks: how its tasks are run, where neither the plan nor its metadata says so.
        project_path: any path inside the repository.
        target: branch that results land on; None for the one that the tasks name, else `main`, `master` or the one checked out.

    Raises:
        PlanUnusable: nothing says how the tasks are run.
        TaskListError
        UserError: there is no branch to land on.
    """
    given = plan.task_list or plan.metadata.get(TASK_LIST_KEY) or tasks
    if given is None:
        raise PlanUnusable(
            "the plan does not say how its tasks are run",
            hint='give task_list={"tasks": [{"id": 1, "command": […]}, …]}',
        )
    listed = given if isinstance(given, TaskList) else task_list_of(given, name=TASK_LIST_KEY)
    listed = replace(listed, target=target or listed.target or default_target(project_path))
    return judged(plan_document.with_tasks(plan, listed))


def one_batch(plan: BatchPlan, batch: PlannedBatch) -> BatchPlan:
    """A plan of one batch; what its tasks need of other batches is taken to be there."""
    assert plan.task_list is not None
    wanted = set(batch.task_ids)
    tasks = tuple(
        replace(task, needs=tuple(need for need in task.needs if need.task in wanted))
        for task in plan.task_list.tasks
        if task.id in wanted
    )
    alone = replace(batch, batch_id=0, depends_on=())
    conflicts = tuple(one for one in plan.predicted_conflicts if wanted >= set(one.task_ids))
    listed = replace(plan.task_list, tasks=tasks)
    return judged(replace(plan, batches=(alone,), task_list=listed, predicted_conflicts=conflicts))


def as_id(task_id: TaskId) -> int | str:
    """A task's id as plans write it: a number where it is one."""
    return int(task_id) if task_id.isascii() and task_id.isdecimal() else task_id


def default_target(project_path: Path) -> str:
    """`main`, `master`, or the branch that is checked out.

    Raises:
        UserError: none of them is there.
    """
    repository = open_repository(project_path)
    there = read_refs(repository, HEADS)
    for name in _CONVENTIONAL:
        if f"{HEADS}{name}" in there:
            return name
    done = repository.git.run("symbolic-ref", "--quiet", "HEAD", accept=(0, 1))
    ref = done.stdout.decode("utf-8", "surrogateescape").strip()
    if ref in there:
        return ref.removeprefix(HEADS)
    raise UserError("there is no branch to land on", hint="give target=…", code="no_target")
