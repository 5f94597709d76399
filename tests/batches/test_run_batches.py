"""Batch runs: tasks with real commands, what becomes of them, and what a killed run leaves."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from gitalign.batches.planning.tasks import Need, Setup, Task
from gitalign.batches.running import task_worker
from gitalign.batches.running.batch_store import AlreadyRunning
from gitalign.batches.running.context import Keeper
from gitalign.batches.running.pool import Slot, SlotView, TreePool
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.settle import Settled
from gitalign.batches.running.state import MergeStatus, Request, Status, result_ref, wip_ref
from gitalign.batches.running.state_document import dump, load
from gitalign.core.names import BATCH_PREFIX, WIP_PREFIX
from gitalign.core.validation import Bounds
from gitalign.documents.reading import Malformed
from gitalign.errors import OutOfSpace, StoreError, UnknownBatch, UserError
from gitalign.facade.batch_retrying import to_be_gone_on_with
from gitalign.tree_removal import remove_tree
from tests.batches.runs import BATCH, Bench, killed_at, sh
from tests.batches.trees import World, make_world, world
from tests.engine.faults import FaultyGit

__all__ = ["world"]


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def test_tasks_that_wait_are_joined_by_more_and_a_memory_bound_lets_fewer_go_on(bench: Bench, tmp_path: Path) -> None:
    """Three begin. Each waits for all six: without three more they would never end. With the bound passed, one goes on."""
    here = tmp_path / "rendezvous"
    here.mkdir()
    wait = f"touch {here}/$GITALIGN_TASK; while [ $(ls {here} | wc -l) -lt 6 ]; do sleep 0.05; done"
    run = bench.run(*(sh(name, wait, timeout_s=30.0) for name in "abcdef"), max_concurrency=6)
    assert set(status_of(run).values()) == {"completed"}
    changes = [data for kind, data in bench.heard if kind == "workers_changed"]
    assert (changes[-1]["most"], max(data["workers"] for data in changes)) == (6, 6)

    bench.heard.clear()
    second = "20261127-180001-abcdef"
    bench.new(*(sh(name, "sleep 0.6") for name in "abcd"), batch_id=second)
    context = bench.context(max_concurrency=6, memory_of_all_bytes=1)
    assert set(status_of(run_batches(context, second, None)).values()) == {"completed"}
    last = [data for kind, data in bench.heard if kind == "workers_changed"][-1]
    assert last["workers"] == 1
    assert "memory" in last["reason"]


def status_of(run: Any) -> dict[str, str]:
    return {task_id: one.status.value for task_id, one in run.tasks.items()}


def assert_clean(bench: Bench) -> None:
    """Nothing is left over: trees are free, packs are git's, the repository is sound, the user's refs are where they were."""
    assert [view for view in bench.world.pool.slots() if view.note.holds_work or view.is_in_use] == []
    assert list((bench.world.path / ".git/objects/pack").glob("*.keep")) == []
    bench.world.git("fsck", "--strict", "--no-dangling")
    assert bench.world.git("status", "--porcelain") == ""


def test_tasks_that_wait_for_the_database_become_fewer(bench: Bench) -> None:
    """Another program writes most of the time: tasks that begin and end all the while wait for it."""
    bench.new(*(sh(f"t{number}", "sleep 0.1") for number in range(6)))
    over = threading.Event()

    def is_seen() -> bool:
        return any("locks" in data["reason"] for kind, data in list(bench.heard) if kind == "workers_changed")

    def write() -> None:
        with closing(sqlite3.connect(bench.world.repository.state_dir / "gitalign.db", timeout=30)) as other:
            while not (over.is_set() or is_seen()):
                other.execute("BEGIN IMMEDIATE")
                over.wait(0.3)
                other.rollback()
                over.wait(0.02)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        run = run_batches(bench.context(max_concurrency=6), BATCH, None)
    finally:
        over.set()
        writer.join()
    assert set(status_of(run).values()) == {"completed"}
    assert is_seen()


def test_tasks_of_a_batch_run_side_by_side_and_their_results_are_pinned(bench: Bench, tmp_path: Path) -> None:
    """Each waits for the other: one after the other they would never end."""
    given = "echo given $GITALIGN_PORT $PORT $GITALIGN_PORTS $COMPOSE_PROJECT_NAME $XDG_CACHE_HOME; "
    wait = "touch {0}/$GITALIGN_TASK; while [ ! -e {0}/{1} ]; do sleep 0.02; done; echo $GITALIGN_TASK > $GITALIGN_TASK.new; "
    wait = given + wait
    here = tmp_path / "rendezvous"
    here.mkdir()
    run = bench.run(
        sh("a", wait.format(here, "b") + "git add . && git commit -qm 'Commit of a'", timeout_s=20.0),
        sh("b", wait.format(here, "a"), title="Title of b", timeout_s=20.0),
        sh("c", "echo nothing", timeout_s=20.0),
    )
    assert status_of(run) == dict.fromkeys("abc", "completed")
    assert run.batches[0].outcome is not None
    assert run.batches[0].outcome.merge_status is MergeStatus.WAITING
    assert run.status is Status.PENDING
    git = bench.world.git
    for name, subject in (("a", "Commit of a"), ("b", "Title of b")):
        ref = result_ref(BATCH, name)
        assert git("log", "-1", "--format=%s|%an|%ae", ref) == f"{subject}|O Perator|operator@example.org"
        assert git("diff", "--name-status", "main", ref) == f"A\t{name}.new"
        assert git("rev-parse", ref) == run.tasks[name].result
        assert git("rev-parse", f"{ref}~1") == git("rev-parse", "main") == run.tasks[name].base
    assert run.tasks["c"].result is None
    assert git("for-each-ref", WIP_PREFIX) == ""
    assert git("rev-parse", f"{BATCH_PREFIX}{BATCH}/@base-0") == git("rev-parse", "main")
    assert all(one.started_at is not None and one.finished_at is not None for one in run.tasks.values())
    assert "nothing\n" in bench.log("c")
    kinds = ["batch_run_started", "batch_started", "batch_completed", "batch_run_completed"]
    assert [kind for kind in bench.kinds() if kind.startswith("batch")] == kinds
    assert bench.heard[1][1]["task_count"] == 3
    assert_clean(bench)
    assert bench.store.read("last") == run
    assert_apart(*(bench.log(name) for name in "ab"))


def assert_apart(*logs: str) -> None:
    """What tasks were given that ran at the same moment: ports, a compose project and a cache that no other one had."""
    given = [next(line for line in log.splitlines() if line.startswith("given ")).split()[1:] for log in logs]
    blocks = [range(int(first), int(first) + int(many)) for first, _, many, _, _ in given]
    assert [len(block) for block in blocks] == [10] * len(logs)
    assert len({port for block in blocks for port in block}) == 10 * len(logs)
    assert all(first == port for first, port, *_ in given)
    for which in ("compose name", "cache"):
        values = {one[3 if which == "compose name" else 4] for one in given}
        assert len(values) == len(logs), which


def test_a_failed_task_fails_its_batch_but_not_its_siblings_and_later_batches_are_not_run(bench: Bench) -> None:
    run = bench.run(
        sh("bad", "echo half >> a.txt; exit 3"),
        sh("good", "echo good > good"),
        sh("none", "true", expects_changes=True),
        sh("gone", "true", verify=("no-such-program",)),
        sh("later", "true", needs=(Need("bad"),)),
    )
    assert status_of(run) == {
        "bad": "failed",
        "good": "completed",
        "none": "failed",
        "gone": "failed",
        "later": "not_run",
    }
    assert run.status is Status.FAILED
    assert [one.status for one in run.batches] == [Status.FAILED, Status.NOT_RUN]
    assert "3 of 4 tasks did not complete: bad, none, gone" in run.batches[0].reason
    assert (run.tasks["bad"].reason, run.tasks["bad"].exit_code) == ("task: exit 3", 3)
    assert run.tasks["none"].reason == "it changed nothing"
    assert "no-such-program" in run.tasks["gone"].reason
    assert bench.world.git("diff", "main", wip_ref(BATCH, "bad"), "--", "a.txt").endswith("+half")
    assert run.tasks["bad"].wip == bench.world.git("rev-parse", wip_ref(BATCH, "bad"))
    assert bench.world.git("rev-parse", result_ref(BATCH, "good")) == run.tasks["good"].result
    completed = next(data for kind, data in bench.heard if kind == "batch_completed")
    assert (completed["success"], completed["merge_status"], len(completed["errors"])) == (False, "skipped", 3)
    assert_clean(bench)
    assert bench.resume() == run


def test_only_what_passes_is_tried_again_each_time_in_a_fresh_tree(bench: Bench, tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"test -e left && exit 9; echo x > left; echo x >> {count}; test $(wc -l < {count}) -ge 3 || exit 75"
    run = bench.run(sh("flaky", script, max_attempts=3), sh("red", "exit 1", max_attempts=3))
    assert (run.tasks["flaky"].status, run.tasks["flaky"].attempts) == (Status.COMPLETED, 3)
    assert (run.tasks["red"].status, run.tasks["red"].attempts) == (Status.FAILED, 1)
    refs = bench.world.git("for-each-ref", "--format=%(refname)", WIP_PREFIX).splitlines()
    assert refs == [f"{wip_ref(BATCH, 'flaky')}@1", f"{wip_ref(BATCH, 'flaky')}@2"]


def test_attempts_wait_twice_as_long_each_time_and_never_in_step(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the n-th attempt and the next: 2^(n-1) times the first wait, and by chance up to as much again."""
    now, waits = [0.0], [[0.0]]

    def sleep(seconds: float) -> None:
        now[0] += seconds
        waits[-1][-1] += seconds

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "attempt_started":
            waits[-1].append(0.0)
        if kind == "task_completed":
            waits.append([0.0])

    monkeypatch.setattr(task_worker, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=sleep))
    bench.run(
        *(sh(name, "exit 75", max_attempts=4) for name in "abc"),
        max_concurrency=1,
        min_concurrency=1,
        listeners=(listen,),
        retry_after_s=60.0,
    )
    taken = [[wait for wait in one if wait] for one in waits[:3]]
    factors = [wait / (60 * 2**number) for one in taken for number, wait in enumerate(one)]
    assert len(factors) == 9
    assert all(1 <= factor < 2 for factor in factors)
    assert len({round(factor, 6) for factor in factors}) == 9


def test_a_run_that_is_killed_or_stopped_between_attempts_tries_again(bench: Bench, tmp_path: Path) -> None:
    """It has not failed yet: status says pending, and resume makes the attempts that are left."""
    passes = tmp_path / "passes"
    seen: list[tuple[str, str]] = []

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "attempt_completed":
            task = bench.store.read(BATCH).tasks["t"]
            assert task.finished_at is None
            seen.append((task.status.value, task.reason))
            bench.stop.request_stop()

    run = bench.run(sh("t", f"test -e {passes} || exit 75", max_attempts=3), listeners=(listen,), retry_after_s=60.0)
    assert seen == [("pending", "task: exit 75")]
    assert (run.status, run.tasks["t"].status, run.tasks["t"].attempts) == (Status.STOPPED, Status.PENDING, 1)
    passes.touch()
    run = bench.resume()
    assert (run.tasks["t"].status, run.tasks["t"].attempts) == (Status.COMPLETED, 2)


def test_uncommitted_work_is_pinned_while_the_task_runs(bench: Bench, tmp_path: Path) -> None:
    go = tmp_path / "go"

    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "task_snapshot" and bench.world.git("for-each-ref", wip_ref(BATCH, "t")):
            assert bench.world.git("show", f"{wip_ref(BATCH, 't')}:unsaved") == "work"
            go.touch()

    script = f"echo work > unsaved; while [ ! -e {go} ]; do sleep 0.02; done; echo done > done"
    run = bench.run(sh("t", script, timeout_s=30.0), listeners=(listen,), snapshot_every_s=0.1)
    assert run.tasks["t"].status is Status.COMPLETED
    assert bench.world.git("for-each-ref", WIP_PREFIX) == ""
    assert bench.world.git("show", f"{result_ref(BATCH, 't')}:done") == "done"


@pytest.mark.parametrize("raised", [ValueError, asyncio.CancelledError])
def test_a_listener_that_raises_hurts_nothing(bench: Bench, raised: type[BaseException]) -> None:
    def broken(kind: str, data: Mapping[str, Any]) -> None:
        raise raised(kind)

    assert bench.run(sh("t", "echo x > x"), listeners=(broken,)).tasks["t"].status is Status.COMPLETED


@pytest.mark.parametrize("how", ["request", "signal"])
def test_cancelling_ends_what_runs_and_loses_nothing(bench: Bench, how: str) -> None:
    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "task_snapshot":
            if how == "request":
                bench.store.ask(BATCH, Request.CANCEL)
            else:
                bench.stop.request_cancel()

    tasks = (sh("t", "echo work > unsaved; sleep 60"), sh("u", "true", needs=(Need("t"),)))
    started = time.monotonic()
    run = bench.run(*tasks, listeners=(listen,), snapshot_every_s=0.1)
    assert time.monotonic() - started < 30
    assert status_of(run) == {"t": "cancelled", "u": "pending"}
    assert run.status is Status.CANCELLED
    assert bench.world.git("show", f"{wip_ref(BATCH, 't')}:unsaved") == "work"
    assert_clean(bench)
    assert bench.store.asked(BATCH) is Request.NONE


def test_stop_lets_running_tasks_end_and_resume_goes_on(bench: Bench, tmp_path: Path) -> None:
    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "task_started" and not bench.stop.stop_requested:
            bench.stop.request_stop()

    run = bench.run(sh("a", "echo a > a"), sh("b", "echo b > b"), max_concurrency=1, listeners=(listen,))
    assert status_of(run) == {"a": "completed", "b": "pending"}
    assert run.status is Status.STOPPED
    first = run.tasks["a"]
    run = bench.resume()
    assert status_of(run) == {"a": "completed", "b": "completed"}
    assert run.tasks["a"] == first


@pytest.mark.parametrize("place", ["settle", "free"])
def test_landing_starts_no_task_of_a_run_that_was_killed(bench: Bench, place: str) -> None:
    bench.new(sh("a", "echo a > a"), sh("b", "echo b > b"))
    assert killed_at(place, lambda check: run_batches(bench.context(checkpoint=check, max_concurrency=1), BATCH, None))
    left = bench.store.read(BATCH)
    with pytest.raises(UserError, match=r"batch 0 cannot land yet: [12] of 2 tasks have not ended") as caught:
        run_batches(bench.context(), BATCH, None, starts_tasks=False)
    assert "git align batch resume" in caught.value.hint
    assert bench.store.read(BATCH) == left
    assert bench.heard == []


def test_pause_holds_back_until_it_is_taken_back(bench: Bench) -> None:
    def listen(kind: str, data: Mapping[str, Any]) -> None:
        if kind == "task_started" and data["task_id"] == "a":
            bench.store.ask(BATCH, Request.PAUSE)
            threading.Timer(1.0, lambda: bench.store.ask(BATCH, Request.NONE)).start()

    run = bench.run(sh("a", "sleep 0.4"), sh("b", "true"), max_concurrency=1, listeners=(listen,))
    assert status_of(run) == {"a": "completed", "b": "completed"}
    a, b = run.tasks["a"], run.tasks["b"]
    assert a.finished_at is not None
    assert b.started_at is not None
    assert (b.started_at - a.finished_at).total_seconds() > 0.2


PLACES = ["task", "wip", "settle", "result", "free"]


@pytest.mark.parametrize("place", PLACES)
def test_a_run_that_is_killed_is_finished_by_resume(bench: Bench, place: str) -> None:
    """After SIGKILL the state is true, work is pinned, and what has ended is not run again."""
    again = bench.world.path.parent / "again"
    tasks = (
        sh("first", f"echo first >> {again}; echo x > first", priority=-1),
        sh(
            "second",
            f"echo second >> {again}; echo y > second; git add . && git commit -qm second; exit $(test -e {again}.ok; echo $?)",
        ),
    )
    bench.new(*tasks)
    nth = {"wip": 1, "result": 1}.get(place, 2)
    assert killed_at(
        place, lambda check: run_batches(bench.context(checkpoint=check, max_concurrency=1), BATCH, None), nth=nth
    )
    assert not bench.store.is_alive(BATCH)
    left = bench.store.read(BATCH)
    assert left.status is Status.RUNNING
    Path(f"{again}.ok").touch()
    run = bench.resume(max_concurrency=1)
    if place in ("wip", "free"):  # the second task had failed on its own by then, or its end was about to be written
        assert run.tasks["second"].status in (Status.COMPLETED, Status.FAILED)
    else:
        assert status_of(run) == {"first": "completed", "second": "completed"}
    times = again.read_text().split()
    assert times.count("first") == (2 if place == "result" else 1)
    bench.world.git("rev-parse", result_ref(BATCH, "first"))
    if place == "settle":
        assert "interrupted" in run.tasks["second"].notices[0]
        assert bench.world.git("log", "-1", "--format=%s", f"{wip_ref(BATCH, 'second')}@1") == "second"
    bench.world.git("gc", "-q", "--prune=now")
    assert_clean(bench)


def test_a_run_is_run_by_one_process(bench: Bench) -> None:
    bench.new(sh("t", "true"))
    with bench.store.held(BATCH), pytest.raises(AlreadyRunning):
        run_batches(bench.context(), BATCH, None)


def test_two_runs_of_one_repository_side_by_side_share_no_tree(bench: Bench) -> None:
    other = "20261127-180001-abcdef"
    tasks = [sh(f"t{number}", f"echo $GITALIGN_BATCH > f{number}") for number in range(4)]
    bench.new(*tasks)
    bench.new(*tasks, batch_id=other)
    ends: list[Any] = []
    threads = [
        threading.Thread(target=lambda one=one: ends.append(run_batches(bench.context(), one, None)))
        for one in (BATCH, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [status_of(run) for run in ends] == [dict.fromkeys(("t0", "t1", "t2", "t3"), "completed")] * 2
    for batch_id in (BATCH, other):
        for number in range(4):
            assert bench.world.git("show", f"{result_ref(batch_id, f't{number}')}:f{number}") == batch_id
    assert_clean(bench)


def test_a_set_up_is_run_once_for_each_tree_and_content(bench: Bench) -> None:
    count = bench.world.path.parent / "count"
    setup = Setup(
        argv=("/bin/sh", "-c", f"echo x >> {count}; mkdir node_modules"),
        files=("package-lock.json",),
        keep=("node_modules/",),
    )
    script = "echo x >> $XDG_CACHE_HOME/seen; echo cached $(wc -l < $XDG_CACHE_HOME/seen); test -d node_modules"
    run = bench.run(*(sh(f"t{number}", script, setup=setup) for number in range(4)), max_concurrency=1)
    assert set(status_of(run).values()) == {"completed"}
    assert count.read_text().split() == ["x"]
    # The cache stays with the tree, from one task to the next.
    assert [f"cached {number + 1}\n" in bench.log(f"t{number}") for number in range(4)] == [True] * 4


def test_a_failed_set_up_fails_its_task(bench: Bench) -> None:
    run = bench.run(sh("t", "true", setup=Setup(argv=("false",))))
    assert run.tasks["t"].reason == "set-up: exit 1"
    assert_clean(bench)


def test_branches_are_taken_as_they_stand(bench: Bench) -> None:
    bench.world.git("branch", "topic/x")
    run = bench.run(Task(id="topic/x", branch="topic/x"), Task(id="none", branch="none"))
    assert run.tasks["topic/x"].result == bench.world.tip
    assert run.tasks["none"].reason == "there is no branch none"


def test_a_tree_with_what_no_commit_can_hold_is_kept(bench: Bench) -> None:
    run = bench.run(sh("t", "git init -q inner && cd inner && echo x > x && git add x && git commit -qm x"))
    one = run.tasks["t"]
    assert one.kept_in
    assert "1 repositories inside of it are in no snapshot: inner" in one.notices[0]
    assert (Path(one.kept_in) / "work/tree/inner/x").read_text() == "x\n"
    (kept,) = [view for view in bench.world.pool.slots() if view.note.holds_work]
    assert kept.note.reason
    bench.new(sh("u", "echo u > u"), batch_id="20261127-180001-abcdef")
    run_batches(bench.context(), "20261127-180001-abcdef", None)
    assert (Path(one.kept_in) / "work/tree/inner/x").exists()


def test_a_tree_that_an_earlier_attempt_left_is_named_until_it_is_free(bench: Bench, tmp_path: Path) -> None:
    """A retry succeeds in another tree. The first tree is kept still, and whose it is can be read; when it is freed that goes."""
    done = tmp_path / "done"
    first = f"test -e {done} || {{ touch {done}; git init -q inner; echo x > inner/x; git -C inner add x; git -C inner commit -qm x; exit 1; }}"
    run = bench.run(sh("t", f"{first}; echo y > y"))
    place = run.tasks["t"].kept_in
    again = bench.resume(prepare=to_be_gone_on_with).tasks["t"]
    assert (again.status, again.attempts, again.kept_in) == (Status.COMPLETED, 2, place)
    said = "attempt 1 left work tree 0, which is kept: 1 repositories inside of it are in no snapshot: inner"
    assert again.notices == (said,)
    remove_tree(Path(place) / "work/tree/inner")
    freed = bench.resume(prepare=lambda run: to_be_gone_on_with(run, ("t",))).tasks["t"]
    assert (freed.kept_in, [one for one in freed.notices if "kept" in one]) == ("", [])


def test_a_fault_of_git_that_passes_fails_no_task(bench: Bench, tmp_path: Path) -> None:
    with FaultyGit(tmp_path / "faulty").going_wrong("write-tree", "killed before"):
        run = bench.run(sh("t", "echo x > x"))
    assert run.tasks["t"].status is Status.COMPLETED
    assert_clean(bench)


@pytest.mark.parametrize("has_snapshot", [False, True])
def test_a_tree_that_could_not_be_read_is_freed_when_it_can_be(
    bench: Bench, tmp_path: Path, has_snapshot: bool
) -> None:
    with FaultyGit(tmp_path / "faulty").going_wrong("write-tree", "killed before", every=True):
        run = bench.run(sh("t", "echo x > x"))
    assert run.tasks["t"].status is Status.FAILED
    assert run.tasks["t"].kept_in
    name = wip_ref(BATCH, "t")
    if has_snapshot:  # what a snapshot, or a later attempt, holds is never replaced by the tree
        bench.world.git("update-ref", name, "main")
    bench.resume()
    assert bench.world.git("show", f"{name}{'@tree-0' if has_snapshot else ''}:x") == "x"
    freed = bench.store.read(BATCH).tasks["t"]
    assert freed.kept_in == ""
    assert [one for one in freed.notices if "kept" in one] == []
    assert any("could be read later" in one for one in freed.notices)
    assert not has_snapshot or bench.world.git("rev-parse", name) == bench.world.tip
    assert_clean(bench)


@pytest.mark.parametrize("is_kept", [False, True])
@pytest.mark.parametrize("backwards", [False, True])
def test_trees_of_two_attempts_of_one_task_are_both_pinned(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backwards: bool, is_kept: bool
) -> None:
    """The disk was full when the first attempt ended, so its tree is still named; the second one is killed."""
    count, write, orphans = tmp_path / "count", Slot.write, TreePool.orphans

    def write_with_room(slot: Slot, **changes: object) -> None:
        if changes.get("batch_id") == "":
            raise OutOfSpace("no room")
        write(slot, **changes)

    script = f"echo >> {count}; n=$(wc -l < {count}); echo $n > x$n; test $n -gt 1 || exit 75; exit 1"
    with monkeypatch.context() as full:
        full.setattr(Slot, "write", write_with_room)
        if is_kept:
            full.setattr(task_worker, "settle", _without_room)
        task = sh("t", script, max_attempts=2)
        assert killed_at("settle", lambda place: bench.run(task, checkpoint=place), nth=2)
    monkeypatch.setattr(TreePool, "orphans", lambda pool: sorted(orphans(pool), key=_by_number, reverse=backwards))
    assert [view.number for view in bench.world.pool.orphans()] == ([1, 0] if backwards else [0, 1])
    resumed = bench.resume()
    wip = wip_ref(BATCH, "t")
    first = f"{wip}@tree-0" if is_kept else f"{wip}@1"
    assert [bench.world.git("show", one) for one in (f"{first}:x1", f"{wip}@2:x2", f"{wip}:x3")] == ["1", "2", "3"]
    assert is_kept == any(one.endswith(f" as {first}") for one in resumed.tasks["t"].notices)
    assert_clean(bench)


def _by_number(view: SlotView) -> int:
    return view.number


def _without_room(*_: object, **__: object) -> Settled:
    return Settled(kept="its changes cannot be read: no room")


def test_a_tree_that_is_kept_twice_is_pinned_twice(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    count, wip = tmp_path / "count", wip_ref(BATCH, "t")
    script = f"echo >> {count}; n=$(wc -l < {count}); echo $n > x$n; exit 1"
    with monkeypatch.context() as full:
        full.setattr(task_worker, "settle", _without_room)
        bench.run(sh("t", script))
        bench.world.git("update-ref", wip, "main")  # as if a snapshot had been taken
        bench.resume(prepare=to_be_gone_on_with)
        bench.world.git("update-ref", wip, "main")
    bench.resume(prepare=to_be_gone_on_with)
    held = [bench.world.git("show", f"{wip}{name}") for name in ("@tree-0:x1", "@tree-0-1:x2", ":x3")]
    assert held == ["1", "2", "3"]
    assert_clean(bench)


@pytest.mark.parametrize("more", ["", "file", "commit"])
def test_a_tree_that_names_a_task_that_has_ended_is_compared_before_it_is_used_again(bench: Bench, more: str) -> None:
    """A note that a full disk let nobody write, or a kill: whether all is pinned is asked of git, not taken from the state."""
    run = bench.run(sh("t", "echo x > x; git add x; git commit -qm x; echo y > y; exit 1"))
    (view,) = bench.world.pool.slots()
    slot = bench.world.pool.hold(view.number)
    assert slot is not None
    slot.write(batch_id=BATCH, task_id="t", base=bench.world.tip)
    tree = slot.tree.tree
    if more:
        (tree / "more").write_text("more")
    if more == "commit":
        subprocess.run(["git", "add", "more"], cwd=tree, check=True)
        subprocess.run(
            ["git", "-c", "user.name=T", "-c", "user.email=t@x", "commit", "-qm", "more"], cwd=tree, check=True
        )
        subprocess.run(["git", "rm", "-q", "more"], cwd=tree, check=True)  # the files are those that are pinned
    slot.release()
    resumed = bench.resume()
    refs = bench.world.git("for-each-ref", "--format=%(refname)", WIP_PREFIX).splitlines()
    wip = wip_ref(BATCH, "t")
    assert refs == ([wip, f"{wip}@tree-0"] if more else [wip])
    assert (resumed == run) is not bool(more)
    if more:
        assert bench.world.git("show", f"{wip}@tree-0{'~1' if more == 'commit' else ''}:more") == "more"
        assert f"{wip}@tree-0" in resumed.tasks["t"].notices[-1]
    assert_clean(bench)


@pytest.mark.parametrize(
    ("script", "fault"),
    [
        ("rm -rf .git; echo x > x", "its git directory is gone"),
        ("cd ..; rm -rf tree", "its work tree was replaced or deleted"),
        ("cd ..; mv tree old; ln -s /etc tree", "its work tree was replaced or deleted"),
    ],
)
def test_a_task_that_destroys_its_tree_has_failed(bench: Bench, script: str, fault: str) -> None:
    run = bench.run(sh("t", script), sh("u", "echo u > u"))
    assert (run.tasks["t"].status, run.tasks["t"].reason) == (Status.FAILED, fault)
    assert run.tasks["u"].status is Status.COMPLETED
    assert bench.world.git("status", "--porcelain") == ""


def test_commits_in_the_name_of_others_are_reported(bench: Bench) -> None:
    run = bench.run(sh("t", "echo x > x; git add x; git commit -qm x --author 'Some Body <s@example.org>'"))
    assert run.tasks["t"].notices == ("1 commits are in the name of Some Body <s@example.org>",)


def test_the_state_reads_back_and_a_newer_minor_version_is_read(bench: Bench) -> None:
    run = bench.run(sh("a", "exit 1"), sh("b", "echo b > b"))
    document = json.loads(json.dumps(dump(run)))
    assert load(document) == run
    assert load({**document, "version": "1.7", "news": 1}) == run
    wrongs: list[Any] = [
        {**document, "version": "2.0"},
        {**document, "format": "x"},
        {**document, "status": "what"},
        [],
    ]
    for wrong in wrongs:
        with pytest.raises(Malformed):
            load(wrong)
    assert (document["current_batch"], document["completed_batches"], document["batches_total"]) == (None, 0, 1)


def damage(bench: Bench, statement: str) -> None:
    with closing(sqlite3.connect(bench.world.repository.state_dir / "gitalign.db")) as database, database:
        database.execute(statement)


def test_what_is_no_batch_run(bench: Bench) -> None:
    for word in ("last", "2026", "../../x", ""):
        with pytest.raises(UnknownBatch):
            bench.store.read(word)
    bench.new(sh("t", "true"))
    assert bench.store.read("2026").id == BATCH
    assert [one.id for one in bench.store.records()] == [BATCH]
    damage(bench, "UPDATE parallel_batches SET body = '{'")
    with pytest.raises(StoreError):
        bench.store.read(BATCH)


def test_state_is_on_disk_before_it_is_seen(bench: Bench) -> None:
    keeper = Keeper(bench.store, bench.new(sh("t", "true")))
    keeper.change(lambda run: replace(run, status=Status.RUNNING))
    assert bench.store.read(BATCH).status is Status.RUNNING
    damage(bench, "CREATE TRIGGER full BEFORE UPDATE ON batch_runs BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    with pytest.raises(StoreError):
        keeper.change(lambda run: replace(run, status=Status.FAILED))
    assert keeper.run.status is Status.RUNNING


def test_what_is_left_uncommitted_is_pinned_and_reported_unless_the_plan_says_that_it_is_committed(
    bench: Bench,
) -> None:
    run = bench.run(
        sh("t", "echo x > x; git add x; git commit -qm x; echo y > y", commits_leftovers=False),
        sh("u", "echo y > y", commits_leftovers=False),
    )
    t, u = run.tasks["t"], run.tasks["u"]
    assert bench.world.git("ls-tree", "--name-only", t.result or "").split() == [
        ".gitignore",
        "a.txt",
        "package-lock.json",
        "src",
        "x",
    ]
    assert (u.status, u.result) == (Status.COMPLETED, None)
    assert bench.world.git("show", f"{t.wip}:y", f"{u.wip}:y").split() == ["y", "y"]
    assert "it left changes uncommitted" in t.notices[0]
    assert "it left changes uncommitted" in u.notices[0]


# Each process becomes two; it would stop at a thousand, so that a machine survives when nothing ends it.
DOUBLES = "double() { [ $1 -gt 0 ] || exec sleep 30; double $(($1 - 1)) & double $(($1 - 1)) & wait; }; double 9"
# The same; each process leads a session, and so a group, of its own.
SESSIONS = "echo 'd=$(($1 - 1)); [ $d -ge 0 ] || exec sleep 30; setsid sh b $d & setsid sh b $d & wait' > b; sh b 8"


@pytest.mark.parametrize(
    ("script", "bounds", "reason"),
    [
        (DOUBLES, {"processes": 30}, "more than 30 processes"),
        (SESSIONS, {"processes": 30}, "more than 30 processes"),
        ("while :; do sh -c 'sleep 30' & done", {"processes": 30}, "more than 30 processes"),
        ("exec head -c 300M /dev/zero > big", {"disk_bytes": 50 * 1024**2}, "MiB"),
    ],
)
def test_a_task_that_takes_everything_is_ended(bench: Bench, script: str, bounds: dict[str, int], reason: str) -> None:
    started = time.monotonic()
    run = bench.run(sh("t", script), sh("u", "echo u > u"), bounds=Bounds(**bounds))
    assert time.monotonic() - started < 25
    assert run.tasks["t"].status is Status.FAILED
    assert reason in run.tasks["t"].reason
    assert run.tasks["u"].status is Status.COMPLETED
    left = [one for one in psutil.process_iter() if working_in(one).startswith(os.path.realpath(bench.world.pool.root))]
    assert left == []


def working_in(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except psutil.Error:
        return ""


def test_sha256(tmp_path: Path) -> None:
    from tests.histories import git

    git(tmp_path, "init", "-q", "-b", "main", "--object-format=sha256", str(tmp_path / "repository"))
    bench = Bench.at(make_world(tmp_path))
    run = bench.run(sh("t", "echo x > x; git add . ; git commit -qm x; echo y > y"))
    assert run.tasks["t"].status is Status.COMPLETED
    assert len(run.tasks["t"].result or "") == 64
