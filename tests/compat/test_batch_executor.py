"""`BatchExecutor`, mode selection and endpoints: the tests that the parallel orchestration's request names, with real git."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import gitalign
from gitalign import facade
from gitalign.batches.planning.tasks import PlanUnusable
from gitalign.compat.parallel.endpoints import AlreadyInProgress, ParallelEndpoints, UnknownProject
from gitalign.compat.parallel.execution_plan import ExecutionBatch, ExecutionPlan, NoExecutionPlan
from gitalign.compat.parallel.orchestrator import ParallelOrchestrator
from gitalign.compat.parallel.parallel_executor import ParallelExecutor
from gitalign.compat.project_database import DatabaseManager
from gitalign.errors import UserError
from tests.compat.parallel import PROJECT, Project, project

__all__ = ["project"]


def test_execute_plan_all_sequential(project: Project) -> None:
    """All sequential batches execute correctly: one task at a time, each batch from what the one before landed."""
    document = project.plan(([1, 2], False), ([3], False), scripts={3: "cat file-1 file-2 > file-3"})
    results = project.execute(document)
    assert [(one.batch_id, one.success, one.merge_status, one.status) for one in results] == [
        (0, True, "success", "completed"),
        (1, True, "success", "completed"),
    ]
    assert [(one.task_id, one.success, one.error) for one in results[0].task_results] == [
        (1, True, None),
        (2, True, None),
    ]
    kinds = [one["type"] for one in project.of("task_started", "task_completed")]
    assert kinds == ["task_started", "task_completed"] * 3
    assert project.world.git("show", "main:file-3") == "1\n2"
    assert [one["subject"] for one in merges(project)] == ["1", "2", "3"]


def test_execute_plan_with_parallel(project: Project, tmp_path: Path) -> None:
    """Parallel batches execute concurrently within `max_concurrency`: each of two waits for the other, the third for a place."""
    log = tmp_path / "log"
    wait = (
        f"echo + >> {log}; touch {tmp_path}/at-{{0}}; while [ ! -e {tmp_path}/at-{{1}} ]; do sleep 0.02; done; "
        f"echo {{0}} > file-{{0}}; echo - >> {log}"
    )
    scripts = {1: wait.format(1, 2), 2: wait.format(2, 1), 3: wait.format(3, 3)}
    (result,) = project.execute(project.plan(([1, 2, 3], True), scripts=scripts), max_concurrency=2)
    assert (result.success, result.merge_status, len(result.task_results)) == (True, "success", 3)
    signs = log.read_text().split()
    assert max(signs[:at].count("+") - signs[:at].count("-") for at in range(len(signs))) == 2
    kinds = [one["type"] for one in project.of("task_started", "task_completed")]
    assert (kinds.count("task_started"), kinds.count("task_completed")) == (3, 3)
    (started,) = project.of("batch_started")
    assert {
        key: started[key] for key in ("batch_id", "batch_index", "task_count", "can_parallel", "batches_remaining")
    } == {
        "batch_id": 0,
        "batch_index": 0,
        "task_count": 3,
        "can_parallel": True,
        "batches_remaining": 0,
    }
    (completed,) = project.of("batch_completed")
    assert completed["merge_status"] == "success"
    assert {"success", "duration", "errors", "project_id", "timestamp"} <= set(completed)
    assert (completed["project_id"], completed["success"]) == (str(PROJECT), True)


def test_batch_failure_stops_execution(project: Project) -> None:
    """Failed batch stops further execution; its siblings ran, nothing landed, and what was not run is reported."""
    before = project.world.tip
    document = project.plan(([1, 2], True), ([3], False), ([4], False), scripts={1: "echo half > file-1; exit 3"})
    results = project.execute(document)
    assert [(one.success, one.status) for one in results] == [(False, "failed"), (False, "not_run"), (False, "not_run")]
    assert results[0].errors[0] == "Task 1: task: exit 3"
    assert [one.success for one in results[0].task_results] == [False, True]
    assert results[1].errors == ["not run: an earlier batch failed"]
    assert [one["batch_id"] for one in project.of("batch_started")] == [0]
    assert project.world.tip == before

    async def states(db: DatabaseManager) -> list[str]:
        return [row["status"] for row in await db.get_parallel_batches(PROJECT)]

    assert project.with_db(states)[0] == "failed"


def test_mode_selection_parallel(project: Project) -> None:
    """Parallel mode is selected when plan has parallel batches."""
    assert selected(project, project.plan(([1, 2], True), ([3], False))) == "parallel"
    orchestrator = ParallelOrchestrator(project.world.path)
    assert orchestrator._should_use_parallel({"batches": [{"can_parallel": True, "task_ids": [1, 2]}]})


def test_mode_selection_sequential(project: Project) -> None:
    """Sequential mode when no parallel batches, or where two tasks of one are expected to change the same file."""
    assert selected(project, project.plan(([1, 2], False), ([3], True))) == "sequential"
    clash = {"task_ids": [1, 2], "predicted_files": ["a"], "conflict_type": "same_file"}
    assert selected(project, {**project.plan(([1, 2], True)), "predicted_conflicts": [clash]}) == "sequential"
    orchestrator = ParallelOrchestrator(project.world.path)
    nothing: tuple[dict[str, Any] | None, ...] = (
        None,
        {},
        {"batches": []},
        {"batches": [{"can_parallel": True, "task_ids": [1]}]},
    )
    for plan in nothing:
        assert not orchestrator._should_use_parallel(plan)


def selected(project: Project, document: dict[str, Any]) -> str:
    """The mode that is selected for a plan, which the project says afterwards."""

    async def go(db: DatabaseManager) -> tuple[str, str | None, dict[str, Any] | None]:
        await db.save_execution_plan(PROJECT, document)
        mode = await ParallelOrchestrator(project.world.path).select_execution_mode(PROJECT)
        return mode, await db.get_project_execution_mode(PROJECT), await db.get_project(PROJECT)

    mode, stored, known = project.with_db(go)
    assert stored == mode
    assert known is not None
    assert ("parallel_started_at" in known["metadata"]) is (mode == "parallel") or mode == "sequential"
    assert known["metadata"]["mode_reason"]
    return mode


def test_api_start_parallel(project: Project, tmp_path: Path) -> None:
    """API endpoint starts parallel execution: in the background, once; refused without project (404), plan (400), twice (409)."""
    release = tmp_path / "release"
    script = f"while [ ! -e {release} ]; do sleep 0.02; done; echo x > x"
    document = project.plan(([1, 2], True), scripts={1: script})

    class Unconfined(ParallelOrchestrator):
        async def start_parallel_execution(self, project_id: Any, progress_callback: Any = None) -> dict[str, Any]:
            async with DatabaseManager(self.project_path) as db:
                executor = project.executor(db)
                results = await executor.execute_plan(ExecutionPlan.from_dict(document))
            return {"status": "completed" if all(one.success for one in results) else "failed"}

    async def go(db: DatabaseManager) -> None:
        endpoints = ParallelEndpoints(project.world.path, Unconfined(project.world.path))
        with pytest.raises(UnknownProject) as unknown:
            await endpoints.start(uuid4())
        with pytest.raises(NoExecutionPlan) as no_plan:
            await endpoints.start(PROJECT)
        assert (unknown.value.status, no_plan.value.status) == (404, 400)
        await db.save_execution_plan(PROJECT, document)
        answers = await asyncio.gather(endpoints.start(PROJECT), endpoints.start(PROJECT), return_exceptions=True)
        assert answers[0] == {
            "status": "started",
            "message": "Parallel execution initiated",
            "project_id": str(PROJECT),
        }
        assert isinstance(answers[1], AlreadyInProgress)
        assert answers[1].status == 409
        while (status := await endpoints.status(PROJECT))["current_batch"] is None:
            await asyncio.sleep(0.02)
        assert (status["execution_mode"], status["batches_total"], status["completed_batches"]) == (
            "parallel_running",
            1,
            0,
        )
        with pytest.raises(AlreadyInProgress):
            await ParallelEndpoints(project.world.path).start(PROJECT)
        assert await endpoints.stop(PROJECT) == {"status": "stopping", "message": "Stop requested"}
        release.touch()
        await endpoints.finished(PROJECT)
        ended = await endpoints.status(PROJECT)
        assert not ended["is_running"]
        assert ended["execution_mode"] != "parallel_running"
        assert await endpoints.start(PROJECT)  # a stop of before does not stop the next one
        assert await endpoints.finished(PROJECT) == {"status": "completed"}
        assert (await endpoints.status(PROJECT))["completed_batches"] == 1

    project.with_db(go)
    assert project.world.git("show", "main:x") == "x"


# --- beyond the eight


def test_start_parallel_execution_says_what_became_of_all_batches(project: Project) -> None:
    document = project.plan(([1, 2], True), ([3], False), scripts={3: "exit 1"})
    orchestrator = ParallelOrchestrator(project.world.path)
    with pytest.raises(ValueError, match="No execution plan found"):
        project.with_db(lambda db: orchestrator.start_parallel_execution(PROJECT))

    async def go(db: DatabaseManager) -> dict[str, Any]:
        await db.save_execution_plan(PROJECT, document)
        return await orchestrator.start_parallel_execution(PROJECT)

    result = project.with_db(go)
    assert result.pop("total_duration") > 0
    assert result == {"status": "failed", "batches_completed": 1, "batches_total": 2}


def test_the_project_says_why_in_this_mode_though_no_mode_was_selected(project: Project) -> None:
    async def reason(db: DatabaseManager) -> tuple[str, str]:
        known = await db.get_project(PROJECT)
        assert known is not None
        return known["metadata"]["execution_mode"], known["metadata"]["mode_reason"]

    project.execute(project.plan(([1, 2], True)))
    said = "1 of 1 batches can run in parallel, up to 2 tasks side by side"
    assert project.with_db(reason) == ("parallel_completed", said)
    plan = ExecutionPlan.from_dict({**project.plan(([1, 2], True)), "execution_mode": "sequential"})
    assert plan.mode is not None
    assert plan.mode.reason == "the plan says so"
    project.execute(project.plan(([3], False)))
    assert project.with_db(reason) == ("sequential", "no batch has more than one task")


def test_a_single_batch_and_a_single_task(project: Project) -> None:
    """`execute_batch` lands; `ParallelExecutor` keeps results, which a later landing takes."""
    tasks = project.plan(([1, 2, 3], True))["metadata"]["task_list"]

    async def go(db: DatabaseManager) -> None:
        executor = project.executor(db, task_list=tasks)
        result = await executor.execute_batch(ExecutionBatch(batch_id=7, task_ids=("1", "2")))
        assert (result.batch_id, result.success, result.merge_status) == (7, True, "success")
        assert [one["batch_id"] for one in project.of("batch_started", "batch_completed")] == [7, 7]
        before = project.world.tip
        alone = await executor.parallel_executor.execute_task(3)
        assert (alone.task_id, alone.success, alone.error, alone.cost) == (3, True, None, 0.0)
        assert "succeeded" in alone.logs
        assert project.world.tip == before
        again = await executor.parallel_executor.execute_batch(0, [])
        assert again == []

    project.with_db(go)
    with pytest.raises(PlanUnusable, match="does not know how tasks are run"):
        asyncio.run(ParallelExecutor(project.world.path).execute_task(1))


def test_the_same_plan_again_does_nothing_twice(project: Project, tmp_path: Path) -> None:
    document = project.plan(([1], False), scripts={1: f"echo once >> {tmp_path}/ran; echo 1 > file-1"})
    assert [one.success for one in project.execute(document)] == [True]
    after = project.world.tip
    assert [one.success for one in project.execute(document)] == [True]
    assert project.world.tip == after
    assert (tmp_path / "ran").read_text() == "once\n"


@pytest.mark.parametrize("raised", [RuntimeError, asyncio.CancelledError])
@pytest.mark.parametrize("is_async", [True, False])
def test_a_callback_that_raises_hurts_nothing(project: Project, is_async: bool, raised: type[BaseException]) -> None:
    """`CancelledError` is no `Exception`: a callback that meets one, of a task of its own for example, cancels nothing of ours."""
    calls: list[str] = []

    def plain(event: dict[str, Any]) -> None:
        calls.append(event["type"])
        raise raised("callback")

    async def waited(event: dict[str, Any]) -> None:
        plain(event)

    async def go(db: DatabaseManager) -> list[Any]:
        executor = project.executor(db)
        executor.progress_callback = waited if is_async else plain
        return await executor.execute_plan(ExecutionPlan.from_dict(project.plan(([1], False))))

    assert [one.success for one in project.with_db(go)] == [True]
    assert {"batch_started", "task_completed", "batch_completed"} <= set(calls)
    assert facade.batch_status(facade.Request(repo=project.world.path)).status == "completed"


def test_a_caller_that_is_cancelled_ends_what_runs_and_loses_nothing(project: Project, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    document = project.plan(([1], False), scripts={1: f"echo work > work; touch {begun}; exec sleep 300"})

    async def go(db: DatabaseManager) -> None:
        running = asyncio.create_task(project.executor(db).execute_plan(ExecutionPlan.from_dict(document)))
        while not begun.exists():
            await asyncio.sleep(0.02)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    project.with_db(go)
    view = facade.batch_status(facade.Request(repo=project.world.path))
    assert view.status == "cancelled"
    assert project.world.git("show", f"gitalign/wip/{view.run.id}/1:work") == "work"


def test_a_plan_that_does_not_say_how_its_tasks_are_run(project: Project) -> None:
    document = {**project.plan(([1], False)), "metadata": {}}
    with pytest.raises(PlanUnusable, match="does not say how its tasks are run") as caught:
        project.execute(document)
    assert "task_list=" in caught.value.hint

    async def with_metadata(db: DatabaseManager) -> list[Any]:
        await db.update_project_metadata(PROJECT, {"task_list": project.plan(([1], False))["metadata"]["task_list"]})
        return await project.executor(db).execute_plan(ExecutionPlan.from_dict(document))

    assert [one.success for one in project.with_db(with_metadata)] == [True]


def test_a_plan_reads_back(project: Project) -> None:
    plan = ExecutionPlan.from_dict(project.plan(([1, 2], True), ([3], False)))
    assert json.loads(json.dumps(plan.to_dict())) == project.plan(([1, 2], True), ([3], False)) | {
        "batches": [
            {"batch_id": 0, "task_ids": [1, 2], "can_parallel": True, "depends_on": [], "estimated_duration": None},
            {"batch_id": 1, "task_ids": [3], "can_parallel": False, "depends_on": [0], "estimated_duration": None},
        ]
    }
    assert (plan.total_tasks, len(plan.parallel_batches)) == (3, 1)


def merges(project: Project) -> list[dict[str, str]]:
    """Merges that landed, oldest first, by the task whose result they brought."""
    listed = project.world.git("log", "--merges", "--first-parent", "--reverse", "--format=%s", "main").splitlines()
    return [{"subject": one.partition(" (batch execution)")[0].rpartition("/")[2]} for one in listed]


def test_the_names_are_those_of_the_package() -> None:
    names = "BatchExecutor BatchResult ExecutionPlan ExecutionBatch ExecutionResult MergeResult MergeValidator ParallelExecutor"
    assert [getattr(gitalign, one).__name__ for one in names.split() if one != "ExecutionBatch"]


def test_errors_are_those_of_the_engine(project: Project) -> None:
    with pytest.raises(UserError):
        project.execute(project.plan(([1], False)) | {"batches": [{"batch_id": 5, "task_ids": [1]}]})
