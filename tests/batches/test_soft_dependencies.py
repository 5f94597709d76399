"""A soft dependency orders and does not block, in every mode, also after a batch that failed and after a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitalign.batches.planning.make_plan import make_plan
from gitalign.batches.planning.tasks import Need, NeedKind, Task, TaskList
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import BEST_SUBSET, BatchRun, Landed, LeftOut, MergeStatus, Status, new_batch_run
from gitalign.batches.running.what_runs import idle_tasks, is_after_failure
from gitalign.facade.batch_retrying import to_be_gone_on_with
from tests.batches.runs import BATCH, PROJECT, Bench, killed_at, sh
from tests.batches.test_batch_landing import lander
from tests.batches.test_make_plan import task_lists
from tests.batches.trees import World, world

__all__ = ["world"]


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def soft(task_id: str) -> Need:
    return Need(task_id, NeedKind.SOFT)


def after_a_failure(bench: Bench) -> list[Task]:
    ok = bench.world.path.parent / "ok"
    return [
        sh("a", f"echo a > a; test -e {ok}", touches=("a",)),
        sh("b", "echo b > b", needs=(soft("a"),)),
        sh("c", "echo c > c", needs=(Need("a"),)),
        sh("d", "echo d > d", touches=("a",)),
        sh("e", "ls > e", needs=(Need("b"),)),
        sh("f", "echo f > f", needs=(Need("c"),)),
    ]


AS_IT_ENDS = {
    "a": "failed",
    "b": "completed",
    "c": "skipped",
    "d": "not_run",
    "e": "completed",
    "f": "skipped",
}


def statuses(run: BatchRun) -> dict[str, str]:
    return {name: one.status.value for name, one in run.tasks.items()}


def test_what_waits_by_soft_dependencies_alone_runs_and_lands(bench: Bench) -> None:
    run = bench.run(*after_a_failure(bench), lander=lander(bench))
    assert statuses(run) == AS_IT_ENDS
    assert run.status is Status.FAILED
    assert all(one.status is Status.FAILED for one in run.batches)
    assert run.tasks["c"].reason == "it needs a, which did not land"
    assert run.tasks["d"].reason == "batch 0 failed"
    seen = bench.world.git("show", "main:e").split()
    assert "b" in seen
    assert "a" not in seen
    assert bench.resume(lander=lander(bench)) == run
    (bench.world.path.parent / "ok").touch()
    bench.store.write(to_be_gone_on_with(bench.store.read(BATCH)))
    again = bench.resume(lander=lander(bench))
    assert again.status is Status.COMPLETED, [one.reason for one in again.batches]
    assert set("abcdef") <= set(bench.world.git("ls-tree", "--name-only", "main").splitlines())
    assert again.tasks["b"].attempts == again.tasks["e"].attempts == 1


def test_also_where_the_largest_part_lands(bench: Bench) -> None:
    run = bench.new(*after_a_failure(bench))
    bench.store.write(replace(run, options={BEST_SUBSET: True}))
    done = bench.resume(lander=lander(bench))
    assert {name: statuses(done)[name] for name in "abcef"} == {name: AS_IT_ENDS[name] for name in "abcef"}
    assert {"b", "e"} <= set(bench.world.git("ls-tree", "--name-only", "main").splitlines())


def test_also_after_a_conflict(bench: Bench) -> None:
    tasks = (
        sh("a", "echo 1 > a.txt"),
        sh("b", "echo 2 > a.txt"),
        sh("c", "echo c > c", needs=(soft("a"), soft("b"))),
        sh("d", "echo d > d", needs=(Need("a"),)),
    )
    run = bench.run(*tasks, lander=lander(bench))
    assert statuses(run) == {"a": "completed", "b": "completed", "c": "completed", "d": "skipped"}
    assert [one.status for one in run.batches] == [Status.FAILED, Status.FAILED]
    assert bench.world.git("show", "main:c") == "c"
    assert bench.world.git("show", "main:a.txt") not in ("1", "2")


@pytest.mark.parametrize(("place", "nth"), [("state", 6), ("state written", 6), ("state", 9), ("task", 2), ("refs", 1)])
def test_a_run_that_is_killed_after_a_failure_goes_on(bench: Bench, place: str, nth: int) -> None:
    bench.new(*after_a_failure(bench))

    def go(check: object) -> None:
        run_batches(bench.context(checkpoint=check), BATCH, lander(bench, checkpoint=check))  # type: ignore[arg-type]

    assert killed_at(place, go, nth=nth)
    run = bench.resume(lander=lander(bench))
    assert statuses(run) == AS_IT_ENDS
    assert (run.status, bench.world.git("show", "main:b")) == (Status.FAILED, "b")
    assert bench.world.git("log", "--format=%s", "main").count("batch/") == 2


@settings(max_examples=60)
@given(tasks=task_lists(), data=st.data())
def test_rules_on_random_graphs(tasks: TaskList, data: st.DataObject) -> None:
    """Whatever fails: what needs it does not run, and nothing is held back by a soft dependency alone."""
    is_part = data.draw(st.booleans())
    plan = make_plan(tasks, project_id=PROJECT, at=datetime(2026, 11, 27, tzinfo=UTC))
    run = new_batch_run(plan, batch_id=BATCH, target="main", at=plan.created_at)
    by_id = tasks.by_id()
    landed: set[str] = set()
    for number, batch in enumerate(plan.batches):
        idle = idle_tasks(run, by_id, number)
        is_after = is_after_failure(run, number)
        assert is_after or not any(one.status is Status.NOT_RUN for one in idle.values())
        for one in batch.task_ids:
            earlier = [need for need in by_id[one].needs if any(need.task in b.task_ids for b in plan.batches[:number])]
            hard = {need.task for need in earlier if need.kind is NeedKind.HARD}
            lost = {need.task for need in earlier} - landed
            assert (one in idle) >= bool(hard - landed)
            if not hard - landed and (lost or not is_after):
                assert one not in idle
        runs = [one for one in batch.task_ids if one not in idle]
        bad = data.draw(st.sets(st.sampled_from(runs), max_size=2)) if runs else set()
        for one in batch.task_ids:
            status = idle[one].status if one in idle else Status.FAILED if one in bad else Status.COMPLETED
            run = run.with_task(one, status=status)
        left_out = tuple(
            LeftOut(task=one, name=one, because=MergeStatus.FAILED) for one in (*idle, *bad) if is_part or not bad
        )
        outcome = Landed(merge_status=MergeStatus.SUCCESS, left_out=left_out)
        if not runs and is_after:
            run = run.with_batch(number, status=Status.NOT_RUN)
        elif idle or bad:
            run = run.with_batch(number, status=Status.FAILED, outcome=outcome)
        else:
            run = run.with_batch(number, status=Status.COMPLETED, outcome=outcome)
        landed |= {one for one in runs if one not in bad and (is_part or not bad)}
