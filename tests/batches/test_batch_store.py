"""Batch runs in the journal: crashes between any two writes, runs of release 0.2, and what a project says while one goes on."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.batches.planning.tasks import Need
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import Request, Status, result_ref
from gitalign.batches.running.state_document import content_of
from gitalign.core.batch_records import PROJECT_RUN_KEY
from gitalign.errors import StoreError
from gitalign.facade.batch_retrying import to_be_gone_on_with
from gitalign.process_owner import HeldLock
from gitalign.store.run_locks import batch_lock
from tests.batches.runs import BATCH, PROJECT, Bench, killed_at, sh
from tests.batches.trees import World, world
from tests.runs import request

__all__ = ["world"]

OLD = Path(__file__).parent / "old" / "state-0.2.json"


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def metadata(bench: Bench) -> Mapping[str, Any]:
    project = bench.store.journal.project(str(PROJECT))
    assert project is not None
    return project.metadata


@pytest.mark.parametrize("place", ["state", "state written"])
def test_a_run_that_is_killed_at_any_write_is_finished_by_resume(bench: Bench, place: str) -> None:
    """Killed at its first write, gone on with and killed at the second one from there, and so on, until it ends before."""
    done = bench.world.path.parent / "done"
    bench.new(sh("t", f"echo x >> {done}; echo x > t", max_attempts=1))
    kills = 0
    while killed_at(place, lambda check: run_batches(bench.context(checkpoint=check), BATCH, None), nth=1 + kills):
        kills += 1
        left = bench.store.read(BATCH)
        assert left.status in (Status.PENDING, Status.RUNNING)
        assert not bench.store.is_alive(BATCH)
        assert kills < 30
    run = bench.resume()
    assert kills >= 4
    assert run.tasks["t"].status is Status.COMPLETED
    assert bench.world.git("show", f"{result_ref(BATCH, 't')}:t") == "x"
    assert bench.world.git("rev-parse", result_ref(BATCH, "t")) == run.tasks["t"].result
    assert metadata(bench)["parallel_status"] == "pending"  # its landing was left for later
    bench.world.git("fsck", "--strict", "--no-dangling")


def test_what_a_project_says_is_true_while_a_run_goes_on(bench: Bench) -> None:
    seen: dict[str, Mapping[str, Any]] = {}
    trees: dict[str, list[tuple[str, str]]] = {}

    def look(kind: str, data: Mapping[str, Any]) -> None:
        seen[kind] = metadata(bench)
        journal = bench.store.journal
        batches = journal.batches_of_project(str(PROJECT))
        trees[kind] = [
            (one.worktree.task_id, one.worktree.status)
            for batch in batches
            for one in journal.worktrees_of_batch(batch.key)
        ]

    tasks = (sh("a", "echo a > a"), sh("b", "exit 1"), sh("c", "true", needs=(Need(task="a"),)))
    run = bench.run(*tasks, listeners=(look,))
    started = seen["batch_started"]
    assert (started["execution_mode"], started["current_batch"], started["completed_batches"]) == (
        "parallel_running",
        0,
        0,
    )
    assert (started[PROJECT_RUN_KEY], started["parallel_stop_requested"]) == (BATCH, False)
    assert started["parallel_started_at"] is not None
    assert started["parallel_completed_at"] is None
    assert trees["batch_started"] == []
    after = metadata(bench)
    assert (after["execution_mode"], after["parallel_status"], after["current_batch"]) == (
        "parallel_failed",
        "failed",
        None,
    )
    assert after["parallel_result"]["batches_total"] == 2
    assert "b" in after["parallel_error"]
    assert run.finished_at is not None
    first, second = bench.store.journal.batches_of_project(str(PROJECT))
    assert (first.batch.status, second.batch.status) == ("failed", "not_run")
    assert sorted(
        (one.worktree.task_id, one.worktree.status) for one in bench.store.journal.worktrees_of_batch(first.key)
    ) == [
        ("a", "active"),
        ("b", "abandoned"),
    ]
    assert bench.store.journal.worktrees_of_batch(second.key) == ()


def test_requests_are_in_the_metadata_and_gone_when_a_run_goes_on(bench: Bench) -> None:
    bench.new(sh("t", "true"))
    bench.store.ask(BATCH, Request.PAUSE)
    assert metadata(bench)["execution_mode"] == "paused"
    bench.store.ask(BATCH, Request.STOP)
    assert metadata(bench)["parallel_stop_requested"] is True
    assert metadata(bench)["parallel_stop_requested_at"] is not None
    assert bench.store.asked(BATCH) is Request.STOP
    run = bench.resume()
    assert run.tasks["t"].status is Status.COMPLETED
    assert metadata(bench)["parallel_stop_requested"] is False


def test_a_run_of_fifty_tasks_is_read_at_once(bench: Bench) -> None:
    """Below 50 ms of processor time, however many of them run."""
    bench.new(*(sh(f"t{number}", "true", title="A task " * 5) for number in range(50)))
    store = bench.store
    times = []
    for _ in range(5):
        before = time.process_time()
        run = store.read("last")
        content_of(run)
        times.append(time.process_time() - before)
    assert len(run.tasks) == 50
    assert min(times) < 0.05


class TestRunsOfRelease02:
    def state(self, bench: Bench, batch_id: str = BATCH) -> Path:
        path = bench.store.folder(batch_id) / "state.json"
        path.parent.mkdir(parents=True)
        shutil.copyfile(OLD, path)
        (path.parent / "request").write_text("stop")
        return path

    def test_they_are_brought_over_once_and_gone_on_with(self, bench: Bench) -> None:
        path = self.state(bench)
        before = json.loads(path.read_text())
        view = facade.batch_status(request(bench.world.path))
        after = content_of(view.run)
        assert (before["plan"].pop("version"), after["plan"].pop("version")) == ("1.0", "1.1")
        for key in ("id", "target", "status", "created_at", "started_at", "finished_at", "mode_reason", "plan"):
            assert after[key] == before[key], key
        assert [one["status"] for one in after["batches"]] == ["failed", "not_run"]
        assert after["tasks"]["api"]["result"] == before["tasks"]["api"]["result"]
        assert not path.exists()
        assert path.with_name("state.json.moved").read_bytes() == OLD.read_bytes()
        assert bench.store.asked(BATCH) is Request.NONE
        assert [one.run.id for one in facade.batch_list(request(bench.world.path))] == [BATCH]
        retried = to_be_gone_on_with(bench.store.read(BATCH))
        assert retried.tasks["docs"].status is Status.PENDING

    def test_one_that_was_brought_over_by_a_process_that_was_killed_is_there_once(self, bench: Bench) -> None:
        path = self.state(bench)
        facade.batch_status(request(bench.world.path))
        path.with_name("state.json.moved").rename(path)
        assert len(facade.batch_list(request(bench.world.path))) == 1
        assert not path.exists()

    @pytest.mark.parametrize("damage", ["{", "[]", '{"format": "git-align/batch-run", "version": "1.0"}'])
    def test_one_that_cannot_be_read_says_so_and_hides_no_other(self, bench: Bench, damage: str) -> None:
        path = self.state(bench)
        path.write_text(damage)
        other = "20261127-180001-abcdef"
        bench.new(sh("t", "true"), batch_id=other)
        assert [one.run.id for one in facade.batch_list(request(bench.world.path))] == [other]
        with pytest.raises(StoreError, match=r"state\.json"):
            facade.batch_status(request(bench.world.path), BATCH)
        assert path.read_text() == damage

    def test_one_under_way_in_a_process_of_that_release_is_waited_for(self, bench: Bench) -> None:
        path = self.state(bench)
        lock = HeldLock.take(batch_lock(bench.world.repository.state_dir, BATCH))
        assert lock is not None
        with lock, pytest.raises(StoreError, match="earlier release is under way"):
            facade.batch_status(request(bench.world.path))
        assert path.exists()


def test_looking_makes_no_journal(world: World) -> None:
    assert facade.batch_list(request(world.path)) == ()
    assert not (world.repository.state_dir / "gitalign.db").exists()
