"""So many commands run side by side, however far ahead trees are laid out, and what has not begun when a run stops has not begun."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from gitalign.batches.running.control import Control
from gitalign.batches.running.state import Status
from gitalign.batches.running.turns import Turns, ahead_of
from tests.batches.runs import BATCH, Bench, sh
from tests.batches.trees import World, world

__all__ = ["world"]


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_no_more_commands_than_allowed_run_at_once(bench: Bench, tmp_path: Path, width: int) -> None:
    script = f"echo + >> {tmp_path}/log; sleep 0.05; echo - >> {tmp_path}/log"
    run = bench.run(*(sh(f"t{number}", script) for number in range(9)), max_concurrency=width)
    assert all(task.status is Status.COMPLETED for task in run.tasks.values())
    running = most = 0
    for sign in (tmp_path / "log").read_text().split():
        running += 1 if sign == "+" else -1
        most = max(most, running)
    assert most == width if width == 1 else most <= width
    assert len(bench.world.pool.slots()) <= width + ahead_of(width)


def test_what_waits_for_its_turn_when_a_run_stops_has_not_begun(bench: Bench, tmp_path: Path) -> None:
    go = tmp_path / "go"
    tasks = [
        sh(f"t{number}", f"echo x >> {tmp_path}/begun; while ! test -e {go}; do sleep 0.02; done")
        for number in range(6)
    ]
    thread = threading.Thread(target=lambda: bench.run(*tasks, max_concurrency=2))
    thread.start()
    until = time.monotonic() + 30
    while time.monotonic() < until and not (tmp_path / "begun").exists():
        time.sleep(0.02)
    bench.stop.request_stop()
    go.touch()
    thread.join(60)
    left = bench.store.read(BATCH)
    begun = len((tmp_path / "begun").read_text().split())
    assert 1 <= begun <= 2
    assert [task.attempts for task in left.tasks.values()].count(0) == 6 - begun
    assert [task.status for task in left.tasks.values()].count(Status.PENDING) == 6 - begun
    assert not any(view.is_in_use or view.note.holds_work for view in bench.world.pool.slots())
    done = bench.resume(max_concurrency=2)
    assert all(task.attempts == 1 for task in done.tasks.values())


def test_turns_are_waited_for_and_given_back_once(bench: Bench) -> None:
    bench.new(sh("a", "true"))
    turns = Turns(Control(bench.context(), BATCH))
    first, second = turns.turn(), turns.turn()
    assert first.take()
    assert first.take()
    taken = threading.Event()
    thread = threading.Thread(target=lambda: taken.set() if second.take() else None)
    thread.start()
    assert not taken.wait(0.05)
    first.give()
    first.give()
    assert taken.wait(10)
    thread.join(10)
    bench.stop.request_stop()
    assert not first.take()
