"""Workers of this process: reserved, busy, free again, and handed out to stacks."""

from __future__ import annotations

import threading
from contextlib import closing

from gitalign.executors.threads import ThreadExecutor
from gitalign.ports import Executor


def test_a_stack_goes_to_the_worker_that_had_it_where_that_one_is_free() -> None:
    with closing(ThreadExecutor(2)) as executor:
        checked: Executor = executor
        first, second = checked.take_in(7), checked.take_in(8)
        assert {first, second} == {0, 1}
        assert checked.resting() == ()
        reported = threading.Barrier(3)

        def report(_: None) -> None:
            reported.wait(10)

        for worker in (first, second):
            checked.submit(worker, lambda: None, report)
        reported.wait(10)
        assert checked.take_in(8) == second
        assert checked.take_in(8) == first, "another one, where its own is busy"


def test_a_worker_is_free_when_its_work_is_reported() -> None:
    with closing(ThreadExecutor(1)) as executor:
        done = threading.Event()
        seen: list[tuple[int, ...]] = []

        def report(result: int) -> None:
            seen.append((result, *executor.resting()))
            done.set()

        executor.submit(executor.take_in(1), lambda: 41, report)
        assert done.wait(10)
        assert seen == [(41, 0)]


def test_closing_waits_for_what_is_under_way() -> None:
    go_on = threading.Event()
    results: list[str] = []
    executor = ThreadExecutor(1)
    executor.submit(executor.take_in(1), lambda: str(go_on.wait(10)), results.append)
    threading.Timer(0.01, go_on.set).start()
    executor.close()
    assert results == ["True"]
