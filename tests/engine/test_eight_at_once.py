"""Eight runs at once in one process: each with its own repository, settings, environment, clock and stop signal.

What they come to must be what each comes to alone. One is cancelled while all are at work, and one has a git that fails.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import psutil
import pytest

from gitalign import child, facade
from gitalign.core.events import Event, EventKind
from gitalign.core.plan import Permit
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.errors import GitAlignError
from gitalign.git.repository import open_repository
from tests.engine.faults import FaultyGit
from tests.git.workspace import Workspace

SETTINGS: tuple[Mapping[str, Any], ...] = (
    {"alignment.strategy": "rebase"},
    {"alignment.strategy": "merge"},
    {"alignment.strategy": "integration-branch"},
    {"alignment.strategy": "auto", "orchestration.enable_backup_branches": True},
    {"alignment.strategy": "iterative", "alignment.committer": "preserve"},
    {
        "alignment.strategy": "rebase",
        "orchestration.enable_backup_branches": True,
        "orchestration.backup_branch_prefix": "saved",
    },
    {"alignment.strategy": "rebase"},
    {"alignment.strategy": "rebase"},
)
CANCELLED, FAILING = 6, 7
TOGETHER_S = 40.0


@dataclass(frozen=True, kw_only=True)
class Came:
    """What one run came to.

    Attributes:
        refs: of the repository, with the committer of what each names.
        events: kinds and branches; objects are stored and backup branches made side by side, in either order.
        error: the code of the error that it ended with; empty when it ended with a report.
    """

    refs: str
    outcomes: tuple[str, ...]
    exit_code: int
    events: tuple[str, ...]
    error: str = ""


@dataclass
class Seen:
    """The events of one run; what is to happen when its first branch has its outcome."""

    first: Callable[[], None]
    events: list[tuple[str, str | None]] = field(default_factory=list)

    def __call__(self, event: Event) -> None:
        is_first = event.kind is EventKind.STEP_FINISHED and all(kind != event.kind for kind, _ in self.events)
        self.events.append((event.kind.value, event.branch))
        if is_first:
            self.first()


def surroundings(number: int, path: str) -> Surroundings:
    """Different for each run, and the same whenever that run is made."""
    numbers = count(1)
    at = datetime(2026, 1, 1 + number, tzinfo=UTC)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environ |= {
        "PATH": path,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_COMMITTER_NAME": f"Run {number}",
        "GIT_COMMITTER_EMAIL": f"run-{number}@example.org",
        "GIT_AUTHOR_NAME": f"Run {number}",
        "GIT_AUTHOR_EMAIL": f"run-{number}@example.org",
    }
    return Surroundings(environ=environ, clock=lambda: at, token=lambda size: f"{next(numbers):0{2 * size}x}")


def run(place: Path, number: int, path: str, meet: Callable[[], object]) -> Came:
    """One of the runs; `meet` is called when its first branch has its outcome, and again after one of them was cancelled."""
    stop = StopSignal()

    def first() -> None:
        meet()
        if number == CANCELLED:
            stop.request_cancel()
        meet()

    seen = Seen(first)
    asked = facade.Request(
        repo=place,
        # The bound is on the process tree, and this process is that of many tests.
        overrides={"orchestration.max_workers_per_target": 1, "orchestration.max_memory_mb": 8000, **SETTINGS[number]},
        surroundings=surroundings(number, path),
    )
    outcomes: tuple[str, ...] = ()
    exit_code, error = 3, ""
    try:
        report = facade.run(asked, permit=Permit(plan_id="*"), listeners=[seen], stop=stop)
        outcomes = tuple(
            f"{one.step.branch.name} {one.result.outcome.kind} {one.result.attempts}" for one in report.branches()
        )
        exit_code = report.exit_code()
    except GitAlignError as failure:
        error = failure.code
    words = ("for-each-ref", "--format=%(refname) %(objectname) %(committerdate:unix) %(committername)", "refs/heads")
    refs = open_repository(place).git.lines(*words)
    return Came(
        refs="\n".join(refs),
        outcomes=outcomes,
        exit_code=exit_code,
        events=tuple(sorted(map(str, seen.events))),
        error=error,
    )


@pytest.fixture
def drifted(tmp_path: Path) -> Path:
    work = Workspace(tmp_path / "drifted")
    work.commit("base", {"list": b"1\n2\n3\n"})
    for name in ("a", "b", "c"):
        work.switch(name, "main")
        work.commit(f"{name} one", {name: b"1\n"})
        work.commit(f"{name} two", {name: b"1\n2\n", **({"list": b"0\n2\n3\n"} if name == "b" else {})})
    work.switch("main")
    work.commit("drift", {"list": b"main\n2\n3\n", "other": b"1\n"})
    return work.path


def test_eight_runs_at_once_come_to_what_each_comes_to_alone(drifted: Path, tmp_path: Path) -> None:
    faulty = FaultyGit(tmp_path / "faulty")
    with faulty.going_wrong("update-ref", "refused", every=True):
        pass  # only the run that is given this path has it in its way
    paths = [os.environ["PATH"]] * len(SETTINGS)
    paths[FAILING] = f"{Path(faulty.executable).parent}:{os.environ['PATH']}"
    folders = {(number, way): tmp_path / f"{way}-{number}" for number in range(len(SETTINGS)) for way in ("one", "all")}
    for folder in folders.values():
        shutil.copytree(drifted, folder)

    before = dict(os.environ)
    alone = [run(folders[number, "one"], number, paths[number], lambda: None) for number in range(len(SETTINGS))]
    barrier = threading.Barrier(len(SETTINGS), timeout=TOGETHER_S)
    with ThreadPoolExecutor(len(SETTINGS)) as pool:
        started = [
            pool.submit(run, folders[number, "all"], number, paths[number], barrier.wait)
            for number in range(len(SETTINGS))
        ]
        together = [one.result(TOGETHER_S) for one in started]

    assert dict(os.environ) == before
    assert together == alone
    # The comparison says something: they differ, and the two that were to end badly did.
    assert len({came.refs for came in alone}) == len(SETTINGS) - 1, (
        "the cancelled run and the failing one moved nothing"
    )
    assert together[CANCELLED].exit_code == 130
    assert together[FAILING].error
    assert [came.error for number, came in enumerate(together) if number != FAILING] == [""] * (len(SETTINGS) - 1)
    moved = [number for number in range(len(SETTINGS)) if number not in (CANCELLED, FAILING)]
    for number in moved:
        assert not any("step_retried" in event for event in together[number].events)
        if number != 4:  # which keeps the committers
            assert f"Run {number}" in together[number].refs
        others = [other for other in range(len(SETTINGS)) if other != number]
        assert not any(f"Run {other}" in together[number].refs for other in others)


def test_a_run_that_is_cancelled_ends_its_own_children_and_no_others(drifted: Path, tmp_path: Path) -> None:
    shutil.copytree(drifted, tmp_path / "other")
    mine, other = StopSignal(), StopSignal()
    talks = [
        open_repository(place).known_to(stop.processes).git.converse("cat-file", "--batch")
        for place, stop in ((drifted, mine), (tmp_path / "other", other))
    ]
    try:
        mine.request_cancel()
        psutil.Process(talks[0].pid).wait(10)
        assert psutil.pid_exists(talks[1].pid)
        assert (mine.processes.pids(), other.processes.pids()) == ((talks[0].pid,), (talks[1].pid,))
    finally:
        for talk in talks:
            talk.close()
    assert (mine.processes.pids(), other.processes.pids()) == ((), ())
    assert not hasattr(child, "REGISTER")
