"""An upgrade while a worker of the release before is at work: its code, as git has it, and tables that this release upgraded."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gitalign.core.accounts import Role
from gitalign.core.jobs import Job, JobKind, JobState
from gitalign.core.schedules import ScheduledKind
from gitalign.service.administration import WantedSchedule, new_schedule, new_token, switch_schedule
from gitalign.service.branches import seen_branches
from gitalign.store.service import schema
from gitalign.store.service.checking import checked
from gitalign.store.service.database import open_service_database
from gitalign.store.service.jobs import Jobs
from gitalign.store.service.schedules import Schedules
from tests import needs
from tests.service.asking import REPOSITORY, ask, done, ended, tips

ROOT = Path(__file__).parents[2]
NEWEST = f"src/gitalign/store/service/migrations/versions/{schema.HEAD_REVISION}_*.py"
WORKER = """
import sys
from pathlib import Path
from gitalign.errors import GitAlignError
from gitalign.service.working.clock import Clock
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service import schema
from gitalign.store.service.database import open_service_database
from gitalign.store.service.repositories import Repositories

file, place, name = sys.argv[1:]
database = open_service_database(file=Path(file))
Repositories(database).add(name, place, actor="old")
workers, clock = Workers(database, WorkSettings()), Clock(database, most_open=50, wake=lambda: None)
print(schema.HEAD_REVISION, flush=True)
for line in sys.stdin:
    print({"work": workers.work_once, "look": clock.look}[line.strip()](), flush=True)
try:
    open_service_database(file=Path(file))
except GitAlignError as error:
    print(error.message, flush=True)
"""


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The code before the commit that added the newest revision of the tables."""
    needs.history(ROOT)
    git = ["git", "-C", str(ROOT)]
    added = subprocess.run(
        [*git, "log", "--diff-filter=A", "--format=%H", "--", NEWEST], capture_output=True, text=True, check=True
    ).stdout.split()
    commit = f"{added[-1]}^" if added else "HEAD"  # the revision is not committed yet
    packed = subprocess.run([*git, "archive", commit, "src"], capture_output=True, check=True).stdout
    place = tmp_path_factory.mktemp("before")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(place, filter="data")
    return place / "src"


@pytest.fixture
def old(before: Path, repository: Path, tmp_path: Path) -> Iterator[Callable[[str], str]]:
    """A worker of the release before, which made the tables; does what it is asked, one line each."""
    argv = [sys.executable, "-c", WORKER, str(tmp_path / "service.db"), str(repository), REPOSITORY]
    # Its lines are those of another release: coverage would count every one of them beside ours.
    measuring = ("COV_CORE_", "COVERAGE_")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(measuring)}
    environ["PYTHONPATH"] = str(before)
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        stdin, stdout = process.stdin, process.stdout

        def asked(what: str) -> str:
            if what == "end":
                stdin.close()
            elif what:
                stdin.write(f"{what}\n")
                stdin.flush()
            return stdout.readline().strip()

        yield asked
        if not stdin.closed:
            stdin.close()
        assert process.stderr is not None
        assert (process.wait(60), process.stderr.read()) == (0, "")


def test_a_worker_of_the_release_before_works_on(old: Callable[[str], str], tmp_path: Path, repository: Path) -> None:
    assert old("") < schema.HEAD_REVISION, "it made the tables"
    start = tips(repository)
    with closing(open_service_database(file=tmp_path / "service.db")) as database:
        jobs, schedules = Jobs(database), Schedules(database)

        def by_old(kind: JobKind, **more: Any) -> tuple[Job, Any]:
            job = ask(database, kind, **more)
            assert old("work") == "True"
            return ended(database, job)

        wanted = WantedSchedule(kind=ScheduledKind.FORECAST, cron="* * * * *")
        off, on = (new_schedule(database, REPOSITORY, wanted) for _ in "ab")
        with database.writing() as connection:
            connection.execute(schema.schedules.update().values(next_at=1))
        switch_schedule(database, REPOSITORY, off.id, on=False)
        new_token(database, "ci", role=Role.VIEWER, days=1)
        assert old("look") == "1", "one of both is due: what this release switched off stays off"
        assert [one.last_job is None for one in schedules.of(REPOSITORY)] == [True, False]
        assert old("work") == "True"
        assert jobs.get(str(schedules.get(REPOSITORY, on.id).last_job)).state is JobState.DONE

        planned, _ = by_old(JobKind.PLAN)
        ran, report = done(database, JobKind.RUN, plan_id=planned.plan_id)
        assert (ran.state, tips(repository) != start) == (JobState.DONE, True), (
            "a plan of the old one, run by the new one"
        )
        undone, _ = by_old(JobKind.UNDO, run_id=ran.run_id)
        assert (undone.state, tips(repository)) == (JobState.DONE, start), "and put back by the old one"
        seen = seen_branches(jobs, REPOSITORY)
        assert seen is not None
        assert {seen.rows[row["branch"]]["state"] for row in report["branches"]} >= {"put_back"}
        assert checked(database).faults == ()
    assert "newer git-align" in old("end"), "once it has ended, it does not start again"
