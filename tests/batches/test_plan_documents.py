"""Plans as documents: ours, the original requests' `ExecutionPlan` field by field, and that of `git align order`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import pytest

from gitalign.batches.planning.branches import is_order_plan, plan_of_order
from gitalign.batches.planning.make_plan import make_plan
from gitalign.batches.planning.plan import ExecutionMode
from gitalign.batches.planning.plan_document import from_dict, plan_schema, to_dict, with_tasks
from gitalign.batches.planning.tasks import Need, Task, TaskList, TaskListError
from gitalign.core.execution_plan import ExecutionBatch, Held, HeldCode, PredictedConflict
from gitalign.errors import UserError
from gitalign.landing.execution_plan import ExecutionPlan

SCHEMAS = Path(__file__).resolve().parents[2] / "src" / "gitalign" / "schemas"
PROJECT = UUID("6f1b7a0e-0000-4000-8000-000000000001")
AT = datetime(2026, 11, 27, tzinfo=UTC)
SEED: dict[str, Any] = {
    "project_id": str(PROJECT),
    "created_at": "2026-01-05T10:00:00+00:00",
    "batches": [
        {"batch_id": 0, "task_ids": [101, 102], "can_parallel": True, "depends_on": [], "estimated_duration": None},
        {"batch_id": 1, "task_ids": [201], "can_parallel": False, "depends_on": [0], "estimated_duration": 60},
    ],
    "worktree_assignments": {"101": "worktree-1", "102": "worktree-2"},
    "predicted_conflicts": [{"task_ids": [101, 201], "predicted_files": ["api/main.py"], "conflict_type": "same_file"}],
    "metadata": {
        "total_tasks": 3,
        "total_epics": 2,
        "parallel_epics": 1,
        "sequential_epics": 1,
        "planning_mode": "epic_based",
        "manually_modified": True,
    },
}


def changed(**values: Any) -> dict[str, Any]:
    return {**json.loads(json.dumps(SEED)), **values}


def test_a_plan_of_the_original_requests_is_read_and_written_field_by_field() -> None:
    plan = from_dict(SEED)
    assert to_dict(plan) == SEED
    assert plan.total_tasks == 3
    assert [batch.batch_id for batch in plan.parallel_batches] == [0]
    assert plan.batches[0].task_ids == ("101", "102")
    assert plan.task_list is None
    naive = from_dict(changed(created_at="2026-01-05T10:00:00"))
    assert naive.created_at == datetime(2026, 1, 5, 10, tzinfo=UTC)
    least = {
        "project_id": str(PROJECT),
        "created_at": "2026-01-05T10:00:00",
        "batches": [{"batch_id": 0, "task_ids": [1]}],
    }
    assert from_dict(least).batches[0].can_parallel


def test_ours_reads_back_and_fits_the_published_schema() -> None:
    tasks = TaskList(tasks=(Task(id="1", argv=("x",), touches=("a",)), Task(id="b", needs=(Need("1"),))))
    plan = make_plan(tasks, project_id=PROJECT, at=AT)
    document = json.loads(json.dumps(to_dict(plan)))
    assert from_dict(document) == plan
    schema = json.loads((SCHEMAS / "batch-plan.schema.json").read_text())
    assert schema == plan_schema(), "docs/batches.md says how it is written"
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(document, schema)
    jsonschema.validate(SEED, schema)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (changed(batchs=[]), "unknown key batchs; did you mean batches?"),
        (changed(batches=[{"batch_id": 1, "task_ids": []}]), "batches are numbered from 0"),
        (changed(batches=[{"batch_id": 0, "task_ids": [1], "depends_on": [0]}]), "0 is not an earlier batch"),
        (
            changed(batches=[{"batch_id": 0, "task_ids": [1]}, {"batch_id": 1, "task_ids": [1]}]),
            "task 1 is in batch 0 and in batch 1",
        ),
        (changed(batches=[{"batch_id": 0, "task_id": [1]}]), "did you mean task_ids?"),
        (changed(project_id="x"), "project_id is 'x'"),
        (changed(predicted_conflicts=[{"task_ids": [1], "predicted_files": [], "conflict_type": "sam"}]), "same_file"),
    ],
)
def test_faults_of_a_plan_name_their_place(document: dict[str, Any], words: str) -> None:
    with pytest.raises(TaskListError) as error:
        from_dict(document, name="plan.json")
    assert words in error.value.message
    assert error.value.message.startswith("plan.json: ")


def test_a_plan_must_fit_its_tasks() -> None:
    plan = from_dict(SEED)
    listed = TaskList(tasks=(Task(id="101"), Task(id="102", needs=(Need("201"),)), Task(id="202")))
    with pytest.raises(TaskListError) as error:
        with_tasks(plan, listed)
    assert error.value.faults == (
        "the plan: there is no task 201; did you mean 202?",
        "the plan: task 102 is in batch 0, and needs 201 of batch 1",
    )


def order_plan() -> ExecutionPlan:
    def batch(number: int, targets: dict[str, list[str]], *after: int) -> ExecutionBatch:
        members = tuple(one for names in targets.values() for one in names)
        return ExecutionBatch(
            batch_id=number,
            members=members,
            can_parallel=len(members) > 1,
            depends_on=after,
            predicted_conflicts=(),
            metadata={"targets": targets},
        )

    return ExecutionPlan(
        plan_id="x",
        batches=(
            batch(0, {"main": ["a", "b/1"], "next": ["n"]}),
            batch(1, {"next": ["n2"]}),
            batch(2, {"main": ["c"]}, 0, 1),
        ),
        held=(Held(branch="h", target="main", code=HeldCode.CONFLICT, reason="x"),),
        order=("a", "b/1", "n", "n2", "c"),
        predicted_conflicts=(
            PredictedConflict(first="a", second="c", target="main", paths=("f",), kinds=("CONFLICT",)),
        ),
        advice=(),
        stops=1,
        least_stops=1,
        dependencies=(("a", "c"), ("n", "n2")),
        critical_path=("a", "c"),
        tags={},
        metadata={},
    )


def test_the_plan_of_order_becomes_tasks_that_are_branches() -> None:
    document = json.loads(json.dumps(order_plan().to_dict()))
    assert is_order_plan(document)
    assert not is_order_plan(SEED)
    plan = plan_of_order(document, target="main", project_id=PROJECT, at=AT, name="order.json")
    assert [(one.task_ids, one.can_parallel, one.depends_on) for one in plan.batches] == [
        (("a", "b/1"), True, ()),
        (("c",), False, (0,)),
    ]
    assert plan.task_list is not None
    assert [(task.branch, task.argv, task.needs) for task in plan.task_list.tasks] == [
        ("a", None, ()),
        ("b/1", None, ()),
        ("c", None, (Need("a"),)),
    ]
    assert plan.task_list.target == "main"
    assert plan.mode is not None
    assert plan.mode.execution_mode is ExecutionMode.PARALLEL
    assert from_dict(to_dict(plan)) == plan


def test_a_plan_of_order_for_several_targets_needs_one_named() -> None:
    document = order_plan().to_dict()
    with pytest.raises(UserError, match="several targets: main, next"):
        plan_of_order(document, target=None, project_id=PROJECT, at=AT, name="order.json")
    with pytest.raises(UserError, match="no branch lands on elsewhere"):
        plan_of_order(document, target="elsewhere", project_id=PROJECT, at=AT, name="order.json")
    with pytest.raises(TaskListError, match="plan_id"):
        plan_of_order({"order": [], "held": 3}, target=None, project_id=PROJECT, at=AT, name="order.json")
