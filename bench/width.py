"""What workers that follow the machine are good for: one setting against fixed numbers.

    python bench/width.py                          # all kinds of tasks: about three minutes
    python bench/width.py --kinds memory --tasks 8

Each kind of task is run with a fixed number of tasks side by side, small and large, and with bounds from 1 to that large
number. No fixed number is right for all three kinds:

- tasks that wait, as agents do for a service: the more side by side, the sooner it is over;
- tasks that compute, with a deadline: too many side by side, and each of them takes too long;
- tasks that hold memory: too many side by side, and the bound of all is passed.
"""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import psutil

from batch_tasks import planned, repository
from gitalign import facade
from gitalign.batches.planning.tasks import Task
from gitalign.core.plan import Permit

MB = 1024 * 1024
LARGE = 16
SMALL = 2
HOLD = "held = bytearray({} << 20); import time; time.sleep(1.5)"
COMPUTE = "import time\nuntil = time.process_time() + 1.0\nwhile time.process_time() < until: pass"
KINDS = {
    "wait": Task(id="t", argv=("sleep", "1.5")),
    "compute": Task(id="t", argv=(sys.executable, "-ISc", COMPUTE), timeout_s=5.0),
    "memory": Task(id="t", argv=(sys.executable, "-ISc", HOLD.format(200))),
}
WIDTHS = {f"fixed {SMALL}": (SMALL, SMALL), f"fixed {LARGE}": (LARGE, LARGE), f"1 to {LARGE}": (1, LARGE)}


@contextmanager
def peak() -> Iterator[list[int]]:
    """Largest memory of all that this process started, in bytes, looked at twenty times a second."""
    largest, over, own = [0], threading.Event(), psutil.Process()

    def look() -> None:
        while not over.wait(0.05):
            total = 0
            for one in own.children(recursive=True):
                try:
                    total += one.memory_info().rss
                except psutil.Error:
                    continue
            largest[0] = max(largest[0], total)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield largest
    finally:
        over.set()
        watcher.join()


def batch(path: Path, tasks: list[Task], widths: tuple[int, int], bound: int) -> tuple[float, int, int]:
    """Seconds, tasks that did not succeed, and peak memory of one batch."""
    least, most = widths
    plan = planned(path, tasks)
    options = facade.BatchOptions(
        max_concurrency=most,
        min_concurrency=least,
        memory_of_all_bytes=bound,
        confinement="none",
        trees=path.parent / "trees",
        again=True,
    )
    permit = Permit(plan_id=facade.plan_digest(plan), given_by="bench")
    started = time.monotonic()
    with peak() as largest:
        done = facade.start_batches(facade.Request(repo=path), plan, permit=permit, options=options)
    failed = sum(one.status.value != "completed" for one in done.tasks.values())
    return time.monotonic() - started, failed, largest[0]


def batches(kinds: Sequence[str], count: int) -> None:
    """Some kinds of tasks with all widths."""
    bound = 1_000 * MB
    print(
        f"{count} tasks; deadline of a task that computes for 1 s: {KINDS['compute'].timeout_s:g} s; bound: {bound // MB} MB"
    )
    for kind in kinds:
        tasks = [replace(KINDS[kind], id=f"t{number}") for number in range(count)]
        for name, widths in WIDTHS.items():
            with repository(50) as path:
                took, failed, largest = batch(path, tasks, widths, bound)
            print(f"  {kind:8} {name:10} {took:6.1f} s   {failed:2} failed   peak {largest // MB:5} MB")


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS), help="kinds of tasks")
    parser.add_argument("--tasks", type=int, default=16, help="how many of each kind")
    given = parser.parse_args()
    batches(given.kinds, given.tasks)


if __name__ == "__main__":
    main()
