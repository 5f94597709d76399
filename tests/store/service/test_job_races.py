"""Any order of claims, renewals, lost leases, ends and publications keeps what is promised of jobs, in both databases."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import closing
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from gitalign.core.jobs import JobKind, JobState, NewJob
from gitalign.errors import RunTakenOver
from gitalign.store.postgres import Postgres
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase, open_service_database, opened
from gitalign.store.service.events import EventReader
from gitalign.store.service.held_jobs import HeldJob, HeldJobs
from gitalign.store.service.jobs import JobFilter, Jobs
from gitalign.store.service.repositories import Repositories
from tests import needs

REPOSITORIES = ("shop", "lab")
MOST_RUNNING = 2
_NUMBERS = itertools.count(1)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceDatabase]:
    if request.param == "sqlite":
        made = open_service_database(file=tmp_path_factory.mktemp("races") / "service.db")
    else:
        made = opened(Postgres(request.getfixturevalue("server"), is_pooled=True))
    with closing(made):
        yield made


class JobsOfAService(RuleBasedStateMachine):
    """Workers that claim, stand still, come to life again and try to publish; the model knows who may."""

    held = Bundle("held")

    database: ClassVar[ServiceDatabase]

    def __init__(self) -> None:
        super().__init__()
        database = self.database
        with database.writing() as connection:
            for table in schema.metadata.sorted_tables:
                if table is not schema.heads:
                    connection.execute(table.delete())
        for name in REPOSITORIES:
            Repositories(database).add(name, f"/srv/{name}", actor="me")
        self.jobs = Jobs(database)
        self.workers = HeldJobs(database, lease_s=600, most_running=MOST_RUNNING)
        self.kinds: dict[str, JobKind] = {}
        self.current: dict[str, int] = {}
        """Job -> token of the claim that holds it; jobs that wait or are over are not in it."""
        self.tokens: dict[str, int] = {}
        self.expired: set[str] = set()
        self.over: set[str] = set()
        self.published: list[str] = []
        self.all_held: list[HeldJob] = []

    @rule(
        kind=st.sampled_from([JobKind.RUN, JobKind.UNDO, JobKind.FETCH, JobKind.PLAN]),
        repository=st.sampled_from(REPOSITORIES),
    )
    def ask(self, kind: JobKind, repository: str) -> None:
        new = NewJob(repository=repository, kind=kind, created_by="ada")
        job, _ = self.jobs.add(new, job_id=f"{next(_NUMBERS):032x}", most_open=1_000)
        self.kinds[job.id] = kind
        self.tokens[job.id] = 0

    @rule(target=held)
    def claim(self) -> HeldJob | None:
        return self._claimed()

    def _claimed(self) -> HeldJob | None:
        claimed = self.workers.claim("worker")
        if claimed is None:
            assert not self._may_be_claimed(), "a job that can be carried out waits for no reason"
            return None
        job = claimed.job
        assert job.id not in self.over
        assert job.id not in self.current or job.id in self.expired, "its lease holds"
        assert job.token == self.tokens[job.id] + 1, "the token rises with every claim"
        self.tokens[job.id] = self.current[job.id] = job.token
        self.expired.discard(job.id)
        self.all_held.append(claimed)
        return claimed

    @rule(target=held)
    def take_over(self) -> HeldJob | None:
        """A worker that stood still past its lease comes to life after another one has its job."""
        self.time_passes()
        return self._claimed()

    def _may_be_claimed(self) -> bool:
        where = {job.id: job.repository for job, _ in self.jobs.listed(JobFilter(), limit=1_000)}
        for job_id, kind in self.kinds.items():
            if job_id in self.over or (job_id in self.current and job_id not in self.expired):
                continue
            beside = [one for one in self.current if one != job_id and where[one] == where[job_id]]
            is_blocked = kind.is_exclusive and any(self.kinds[one].is_exclusive for one in beside)
            if not is_blocked and len(beside) < MOST_RUNNING:
                return True
        return False

    def _holds(self, held: HeldJob) -> bool:
        return self.current.get(held.job.id) == held.job.token

    def _try(self, held: HeldJob | None, act: Any) -> bool:
        """Act; it must work for who holds the job, and for no one else."""
        if held is None:
            return False
        try:
            act(held)
        except RunTakenOver:
            assert not self._holds(held), "it was refused although it holds the job"
            return False
        assert self._holds(held), "it did something although another worker holds the job"
        return True

    @rule(mine=held)
    def renew(self, mine: HeldJob | None) -> None:
        if self._try(mine, lambda held: self.workers.renew(held, events=[("notice", "{}")], run_id="r")):
            assert mine is not None
            self.expired.discard(mine.job.id)

    @rule(mine=held)
    def publish(self, mine: HeldJob | None) -> None:
        """A worker proves its lease right before each effect."""
        if self._try(mine, self.workers.renew):
            assert mine is not None
            self.expired.discard(mine.job.id)
            self.published.append(mine.job.id)

    @rule(mine=held, state=st.sampled_from([JobState.DONE, JobState.FAILED, JobState.STOPPED]))
    def finish(self, mine: HeldJob | None, state: JobState) -> None:
        if self._try(mine, lambda held: self.workers.finish(held, state, outcome="ok")):
            assert mine is not None
            assert mine.job.id not in self.over, "it ends once"
            self.over.add(mine.job.id)
            del self.current[mine.job.id]
            self.expired.discard(mine.job.id)

    @rule(mine=held)
    def give_back(self, mine: HeldJob | None) -> None:
        if self._try(mine, lambda held: self.workers.release(held, delay_s=0)):
            assert mine is not None
            del self.current[mine.job.id]
            self.expired.discard(mine.job.id)

    @rule()
    def time_passes(self) -> None:
        with self.database.writing() as connection:
            connection.execute(schema.jobs.update().values(lease_until=1, not_before=0))
        self.expired = set(self.current)

    @rule(number=st.integers(0, 30))
    def stop(self, number: int) -> None:
        known = sorted(self.kinds)
        if not known:
            return
        job_id = known[number % len(known)]
        was_never_held = job_id not in self.over and self.tokens[job_id] == 0
        self.jobs.request_stop(job_id, actor="ada")
        if was_never_held:
            self.over.add(job_id)

    @invariant()
    def what_is_promised_holds(self) -> None:
        rows = [job for job, _ in self.jobs.listed(JobFilter(), limit=1_000)]
        for name in REPOSITORIES:
            moving = [
                one
                for one in rows
                if one.repository == name and one.state is JobState.RUNNING and one.kind.is_exclusive
            ]
            assert len(moving) <= 1, "two jobs move branches of a repository"
        assert {one.id for one in rows if one.state is JobState.RUNNING} == set(self.current)
        assert {one.id for one in rows if one.state.is_over} == self.over, "what is over stays so, and nothing is lost"
        assert len(rows) == len(self.kinds)

    def teardown(self) -> None:
        for held in self.all_held:
            self._try(held, self.workers.renew)
        for name in REPOSITORIES:
            numbers = [event.seq for event in EventReader(self.database).after(name, 0, limit=10_000)]
            assert numbers == [*range(1, len(numbers) + 1)], "events are numbered without gaps"


def test_any_order_keeps_what_is_promised(database: ServiceDatabase) -> None:
    run_state_machine_as_test(
        type("OnThisDatabase", (JobsOfAService,), {"database": database}),
        settings=settings(
            needs.examples(12, 200), stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
