"""The state of a batch run, changed by many threads: on disk before it is seen, written together where they meet."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from gitalign.batches.running.context import Keeper
from gitalign.batches.running.state import BatchRun
from gitalign.errors import StoreError
from tests.batches.runs import Bench, sh
from tests.batches.trees import World, world

__all__ = ["world"]


class SlowStore:
    """Waits in its first write until it may go on, and counts; fails where it is to fail."""

    def __init__(self, fails: bool = False) -> None:
        self.is_writing, self.may_write = threading.Event(), threading.Event()
        self.written: list[BatchRun] = []
        self.fails = fails

    def write(self, run: BatchRun, before: BatchRun | None = None) -> None:
        if not self.written:
            self.is_writing.set()
            assert self.may_write.wait(20)
        elif self.fails:
            raise StoreError("the disk is full", hint="free some space")
        self.written.append(run)


def met(world: World, store: SlowStore, makes: list[Any]) -> tuple[Keeper, list[Any]]:
    """What changes give that all wait while an earlier one is being written."""
    run = Bench.at(world).new(sh("t", "true"))
    keeper = Keeper(store, run)  # type: ignore[arg-type]
    answers: list[Any] = [None] * len(makes)

    def ask(number: int) -> None:
        try:
            answers[number] = keeper.change(makes[number])
        except Exception as error:
            answers[number] = error

    first = threading.Thread(target=lambda: keeper.change(lambda run: replace(run, owner="first")))
    first.start()
    assert store.is_writing.wait(20)
    others = [threading.Thread(target=ask, args=(number,)) for number in range(len(makes))]
    for thread in others:
        thread.start()
    while len(keeper._waiting) < len(makes):
        threading.Event().wait(0.001)
    store.may_write.set()
    for thread in (first, *others):
        thread.join(20)
    return keeper, answers


def added(word: str) -> Any:
    return lambda run: replace(run, mode_reason=f"{run.mode_reason}{word}")


def broken(run: BatchRun) -> BatchRun:
    raise ValueError("cannot be made")


def test_changes_that_meet_are_written_together_and_a_broken_one_hurts_no_other(world: World) -> None:
    store = SlowStore()
    keeper, answers = met(world, store, [added("a"), broken, added("b"), added("c")])
    assert len(store.written) == 2
    assert [type(one) for one in answers] == [BatchRun, ValueError, BatchRun, BatchRun]
    assert keeper.run == store.written[-1]
    assert sorted(keeper.run.mode_reason[-3:]) == ["a", "b", "c"]
    assert keeper.run.owner == "first"


def test_what_cannot_be_written_is_not_seen_and_everyone_hears_of_it(world: World) -> None:
    store = SlowStore(fails=True)
    keeper, answers = met(world, store, [added("a"), added("b")])
    assert [str(one) for one in answers] == ["the disk is full"] * 2
    assert keeper.run == store.written[-1]
    store.fails = False
    assert keeper.change(added("d")).mode_reason.endswith("d")


@pytest.mark.parametrize("threads", [8])
def test_no_change_is_lost(world: World, threads: int) -> None:
    bench = Bench.at(world)
    run = bench.new(*(sh(f"t{number}", "true") for number in range(threads)))
    keeper = Keeper(bench.store, run)

    def go(number: int) -> None:
        for attempt in range(5):
            keeper.change(lambda run: run.with_task(f"t{number}", attempts=run.tasks[f"t{number}"].attempts + 1))
            assert bench.store.read(run.id).tasks[f"t{number}"].attempts == attempt + 1

    workers = [threading.Thread(target=go, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert {one.attempts for one in keeper.run.tasks.values()} == {5}
    assert bench.store.read(run.id) == keeper.run
