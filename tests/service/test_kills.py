"""kill -9 of the server, a worker or the database at any instant loses no job, and none has its effect twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from gitalign import facade
from gitalign.core.jobs import Job, JobKind, JobState, NewJob
from gitalign.core.run import RunKind
from gitalign.errors import StoreError
from gitalign.store.service.audit import AuditTrail
from gitalign.store.service.database import ServiceDatabase, open_service_database
from gitalign.store.service.events import EventReader
from gitalign.store.service.jobs import Jobs
from gitalign.store.service.repositories import Repositories
from tests import needs, warm
from tests.service.asking import REPOSITORY, tips
from tests.store.server import Server, restartable

DEADLINE_S = 120.0
NO_DATABASE = 3
KILLS = 100 if needs.IS_THOROUGH else 4
ALIGNED = {"clean", "feature/<b>two"}
T = TypeVar("T")


class Service:
    """A server, a worker and a database, each of which can be killed and comes back."""

    def __init__(self, postgres: Server, config: Path) -> None:
        self.postgres = postgres
        self.config = config
        self.processes: dict[str, warm.Child] = {}

    def start(self, name: str) -> None:
        self.processes[name] = warm.start(name, "--config", self.config)

    def kill(self, name: str) -> None:
        """Kill one, and start it again."""
        if name == "database":
            self.postgres.kill()
            self.postgres.start()
            return
        child = self.processes[name]
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)
        child.wait(DEADLINE_S)
        self.start(name)

    def tend(self) -> None:
        """Start again what found no database when it started, as a supervisor does; nothing ends by itself later on."""
        for name, child in list(self.processes.items()):
            if (code := child.poll()) is not None:
                child.files["stderr"].seek(0)
                assert code == NO_DATABASE, (name, code, child.files["stderr"].read())
                self.start(name)

    def end(self) -> None:
        for child in self.processes.values():
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGKILL)
            child.wait(DEADLINE_S)


@pytest.fixture
def service(repository: Path, tmp_path: Path) -> Iterator[Service]:
    with ExitStack() as stack:
        postgres = stack.enter_context(restartable())
        with closing(open_service_database(url=postgres.url)) as database:
            Repositories(database).add(REPOSITORY, str(repository), actor="me")
        config = tmp_path / "server.yaml"
        config.write_text(
            f'database: {{url: "{postgres.url}"}}\nserver: {{port: 0}}\nwork: {{workers: 1, lease_seconds: 2}}\n'
        )
        made = Service(postgres, config)
        stack.callback(made.end)
        for name in ("serve", "worker"):
            made.start(name)
        yield made


def insisted(call: Callable[[], T]) -> T:
    """The answer of the database, however often it is away."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        try:
            return call()
        except StoreError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def asked(database: ServiceDatabase, kind: JobKind, key: str, **more: Any) -> Job:
    """Ask as a client does to which no answer came: again, with the same key."""
    plan_id = more.pop("plan_id", None)
    new = NewJob(
        repository=REPOSITORY,
        kind=kind,
        created_by="ada",
        params=more,
        plan_id=plan_id,
        idempotency_key=key,
        digest=key,
    )
    return insisted(lambda: Jobs(database).add(new, job_id=f"{abs(hash(key)):032x}"[:32], most_open=50))[0]


def over(service: Service, database: ServiceDatabase, job: Job) -> Job:
    deadline = time.monotonic() + DEADLINE_S
    while True:
        service.tend()
        now = insisted(lambda: Jobs(database).get(job.id))
        if now.state.is_over:
            return now
        assert time.monotonic() < deadline, now
        time.sleep(0.02)


def test_no_job_is_lost_and_none_has_its_effect_twice(service: Service, repository: Path) -> None:
    chance = random.Random(15)
    before, victims, runs = tips(repository), {"serve": 0, "worker": 0, "database": 0}, 0
    with closing(open_service_database(url=service.postgres.url)) as database:

        def done(kind: JobKind, key: str, **more: Any) -> Job:
            job = asked(database, kind, key, **more)
            if sum(victims.values()) < KILLS:
                victim = min(victims, key=lambda name: (victims[name], name))
                time.sleep(chance.uniform(0, 0.5))
                service.kill(victim)
                victims[victim] += 1
            ended = over(service, database, job)
            assert (ended.state, ended.error) == (JobState.DONE, None), key
            return ended

        while sum(victims.values()) < KILLS:
            runs += 1
            plan = done(JobKind.PLAN, f"plan {runs}")
            run = done(JobKind.RUN, f"run {runs}", plan_id=plan.plan_id)
            assert {name for name, tip in tips(repository).items() if before[name] != tip} == ALIGNED
            done(JobKind.UNDO, f"undo {runs}", run_id=run.run_id)
            assert tips(repository) == before
        assert AuditTrail(database).verify().fault == ""
        numbers = [event.seq for event in EventReader(database).after(REPOSITORY, 0, limit=100_000)]
        assert numbers == [*range(1, len(numbers) + 1)]
    moved = [one.kind for one in facade.runs(facade.Request(repo=repository)) if one.moved]
    assert sorted(moved) == sorted([RunKind.ALIGN, RunKind.UNDO] * runs)
    assert (
        subprocess.run(["git", "fsck", "--no-dangling"], cwd=repository, capture_output=True, check=True).returncode
        == 0
    )
