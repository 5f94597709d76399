"""Schedules: one job for each time, whichever server looks; a plan that is run; hours in which nothing is published."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gitalign.core.jobs import Job, JobKind, JobState
from gitalign.core.schedules import Schedule, ScheduledKind
from gitalign.errors import NotFound, UserError
from gitalign.service.administration import WantedSchedule, new_schedule
from gitalign.service.working.clock import Clock
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service import schema
from gitalign.store.service.audit import AuditTrail
from gitalign.store.service.database import ServiceDatabase, open_service_database
from gitalign.store.service.jobs import JobFilter, Jobs
from gitalign.store.service.repositories import Repositories
from gitalign.store.service.schedules import Schedules
from tests.service.asking import REPOSITORY, ended, tips
from tests.store.server import running

EVERY_MINUTE = "* * * * *"


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, database_file: Path, repository: Path) -> Iterator[ServiceDatabase]:
    if request.param == "sqlite":
        with closing(open_service_database(file=database_file)) as opened:
            yield opened
        return
    with running() as url, closing(open_service_database(url=url)) as opened:
        Repositories(opened).add(REPOSITORY, str(repository), actor="me")
        yield opened


def add(database: ServiceDatabase, kind: ScheduledKind = ScheduledKind.FORECAST, **more: Any) -> Schedule:
    wanted = WantedSchedule(kind=kind, cron=more.pop("cron", EVERY_MINUTE), **more)
    return new_schedule(database, REPOSITORY, wanted, actor="ada")


def come(database: ServiceDatabase) -> None:
    """Let the time of every schedule come."""
    with database.writing() as connection:
        connection.execute(schema.schedules.update().values(next_at=1))


def look(database: ServiceDatabase) -> int:
    return Clock(database, most_open=50, wake=lambda: None).look()


def jobs(database: ServiceDatabase) -> list[Job]:
    return [job for job, _ in reversed(Jobs(database).listed(JobFilter(), limit=50))]


def work(database: ServiceDatabase) -> None:
    assert Workers(database, WorkSettings()).work_once()


def test_of_many_servers_one_writes_the_job(database: ServiceDatabase) -> None:
    add(database)
    assert look(database) == 0, "its time has not come"
    come(database)
    written: list[int] = []
    ready = threading.Barrier(6)

    def server() -> None:
        ready.wait()
        written.append(look(database))

    servers = [threading.Thread(target=server) for _ in range(6)]
    for one in servers:
        one.start()
    for one in servers:
        one.join()
    assert sum(written) == 1
    (job,) = jobs(database)
    (kept,) = Schedules(database).of(REPOSITORY)
    assert (job.kind, job.created_by, kept.last_job) == (JobKind.FORECAST, f"schedule {kept.id}", job.id)
    assert kept.next_at > Schedules(database).now(), "times that were missed count as one"
    come(database)
    assert look(database) == 0, "the job of the time before waits"
    assert Schedules(database).of(REPOSITORY)[0].last_job is None
    work(database)
    come(database)
    assert look(database) == 1
    assert AuditTrail(database).verify().fault == ""


def test_a_plan_is_run_once_when_there_is_something_to_align(database: ServiceDatabase, repository: Path) -> None:
    before = tips(repository)
    add(database, ScheduledKind.RUN)
    come(database)
    assert look(database) == 1
    work(database)
    plan, run = jobs(database)
    assert (plan.kind, plan.state, run.kind, run.state) == (JobKind.PLAN, JobState.DONE, JobKind.RUN, JobState.QUEUED)
    assert run.plan_id == plan.plan_id
    work(database)
    assert ended(database, run)[0].outcome == "attention"
    assert {name for name, tip in tips(repository).items() if before[name] != tip} == {"clean", "feature/<b>two"}


def test_nothing_is_published_in_quiet_hours(database: ServiceDatabase, repository: Path) -> None:
    before = tips(repository)
    now = Schedules(database).now()
    quiet = f"{now - timedelta(hours=1):%H:%M}-{now + timedelta(hours=1):%H:%M}"
    add(database, ScheduledKind.RUN, quiet=quiet)
    come(database)
    assert look(database) == 1
    work(database)
    work(database)
    run = jobs(database)[-1]
    assert (run.kind, run.state) == (JobKind.RUN, JobState.QUEUED)
    assert tips(repository) == before
    assert not Workers(database, WorkSettings()).work_once(), "not before they are over"
    with database.reading() as connection:
        until = connection.execute(schema.jobs.select().where(schema.jobs.c.id == run.id)).one().not_before / 1000
    assert 3_400 < until - now.timestamp() < 3_700


def test_quiet_hours_that_begin_while_a_run_is_made(
    database: ServiceDatabase, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tips(repository)
    add(database, ScheduledKind.RUN, quiet="01:00-02:00")
    come(database)
    assert look(database) == 1
    work(database)
    now = Schedules(database).now()
    times = [now.replace(hour=0, minute=59), now.replace(hour=1, minute=0)]
    monkeypatch.setattr("gitalign.store.service.held_jobs.HeldJobs.now", lambda jobs: times.pop(0))
    work(database)
    run = jobs(database)[-1]
    assert (run.state, times, tips(repository)) == (JobState.QUEUED, [], before)
    monkeypatch.undo()
    with database.writing() as connection:
        connection.execute(
            schema.jobs.update().values(not_before=0, params='{"quiet": {"hours": "00:00-00:01", "zone": "UTC"}}')
        )
    if not now.hour == now.minute == 0:
        work(database)
        assert ended(database, run)[0].outcome == "attention"
        assert tips(repository) != before


def test_what_cannot_be_is_refused(database: ServiceDatabase) -> None:
    wrongs: list[dict[str, Any]] = [{"cron": "x"}, {"zone": "Mars/Olympus"}, {"quiet": "22:00-06:00"}]
    for wrong in wrongs:
        with pytest.raises(UserError):
            add(database, **wrong)
    with pytest.raises(UserError):
        add(database, ScheduledKind.RUN, quiet="22-6")
    made = add(database)
    with pytest.raises(NotFound):
        Schedules(database).remove(REPOSITORY, "none", actor="me")
    Schedules(database).remove(REPOSITORY, made.id, actor="me")
    assert Schedules(database).of(REPOSITORY) == ()
    add(database)
    Repositories(database).remove(REPOSITORY, actor="me")
    with database.reading() as connection:
        assert connection.execute(schema.schedules.select()).all() == [], "they go with their repository"
