"""Workers that follow what is seen of the machine: with signs that the test makes, and with those of the system."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from gitalign.core.width import Signs, Width, WidthBounds
from gitalign.engine.runtime.scaling import MachineSigns, Scaling, memory_of_the_machine, runnable


class _Signs:
    """Signs of the test's; the clock moves with each question."""

    def __init__(self, *signs: Signs) -> None:
        self.signs = list(signs)
        self.asked: list[tuple[int, float]] = []

    def read(self, *, busy: int, lock_wait_s: float) -> Signs:
        self.asked.append((busy, lock_wait_s))
        return self.signs.pop(0) if len(self.signs) > 1 else self.signs[0]


class _Clock:
    at = 0.0

    def __call__(self) -> float:
        self.at += 1.0
        return self.at


def test_each_look_gives_the_number_and_each_change_its_reason() -> None:
    changes: list[Width] = []
    reader = _Signs(Signs(load=0.1), Signs(load=0.1), Signs(memory=1.5), Signs(load=0.1, lock_waits=0.5))
    scaling = Scaling(WidthBounds(1, 8), reader=reader, first=4, changed=changes.append, clock=_Clock())
    assert [scaling.look(busy, lock_wait_s=0.5) for busy in (4, 6, 8, 4)] == [6, 8, 4, 3]
    assert [one.allowed for one in changes] == [6, 8, 4, 3]
    assert "memory" in changes[2].reason
    assert "locks" in changes[3].reason
    assert reader.asked == [(4, 0.5), (6, 0.5), (8, 0.5), (4, 0.5)]


def test_bounds_that_are_the_same_look_at_nothing() -> None:
    reader = _Signs(Signs(memory=2.0))
    scaling = Scaling(WidthBounds(5, 5), clock=_Clock())
    assert (scaling.look(5), scaling.look(5)) == (5, 5)
    still = Scaling(WidthBounds(1, 8), reader=reader, first=8)  # the clock of the system: a moment ago
    assert (still.look(8), reader.asked) == (8, [])


def test_no_more_take_part_than_may_and_an_end_lets_all_of_them_go() -> None:
    scaling = Scaling(WidthBounds(1, 6), reader=_Signs(Signs(memory=2.0)), first=6, clock=_Clock())
    lock, inside, most = threading.Lock(), [0], [0]

    def work(_: int) -> None:
        with scaling.taking_part(lambda: False):
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.002)
            with lock:
                inside[0] -= 1

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))
    assert (scaling.allowed, inside[0]) == (1, 0)
    assert most[0] <= 2
    with scaling.taking_part(lambda: False), scaling.taking_part(lambda: True):
        pass


def test_the_system_says_what_is_used() -> None:
    reader = MachineSigns(64 * 1024**3)
    with subprocess.Popen([sys.executable, "-ISc", "while True: pass"]) as computing:
        while psutil.Process(computing.pid).cpu_times().user < 0.1:
            time.sleep(0.01)
        signs = reader.read(busy=1, lock_wait_s=0.01)
        computing.kill()
    assert signs.computing >= 1
    assert 0 < signs.memory_of_work < signs.memory < 2
    assert 0 < signs.lock_waits <= 0.1
    assert signs.load is not None
    assert MachineSigns(1).read(busy=1, lock_wait_s=0.0).memory > 1
    assert runnable() is not None


@pytest.mark.parametrize(
    ("folder", "names", "droppable"),
    [
        (".", ("memory.max", "memory.current"), "inactive_file"),
        ("memory", ("memory.limit_in_bytes", "memory.usage_in_bytes"), "total_inactive_file"),
    ],
)
def test_the_memory_of_a_container_counts_where_it_has_less(
    tmp_path: Path, folder: str, names: tuple[str, str], droppable: str
) -> None:
    machine = psutil.virtual_memory().total
    place = tmp_path / folder
    place.mkdir(exist_ok=True)
    assert memory_of_the_machine(tmp_path)[1] == machine
    (place / "memory.stat").write_text(f"anon 5\n{droppable} 300\n")
    for limit, expected in (("1000", (400, 1000)), ("max", None), (str(2 * machine), None)):
        (place / names[0]).write_text(f"{limit}\n")
        (place / names[1]).write_text("700\n")
        found = memory_of_the_machine(tmp_path)
        assert found == expected if expected is not None else found[1] == machine
