"""A service that was restored from a backup does nothing a second time."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from gitalign.core.jobs import JobKind
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service.backup import back_up, restore
from gitalign.store.service.database import ServiceDatabase, open_service_database
from tests.service.asking import ask, done, ended, tips


@pytest.fixture
def other(tmp_path: Path) -> Iterator[ServiceDatabase]:
    with closing(open_service_database(file=tmp_path / "other.db")) as database:
        yield database


def test_a_run_that_was_carried_out_after_the_backup_is_found_and_not_repeated(
    database: ServiceDatabase, other: ServiceDatabase, repository: Path, tmp_path: Path
) -> None:
    plan, _ = done(database, JobKind.PLAN)
    job = ask(database, JobKind.RUN, plan_id=plan.plan_id, push=False)
    back_up(database, tmp_path / "all.backup")
    assert Workers(database, WorkSettings()).work_once()
    first, report = ended(database, job)
    assert report["counts"]["aligned"] == 2
    moved = tips(repository)
    # A person goes on working in the meantime.
    subprocess.run(["git", "branch", "-f", "clean", "main"], cwd=repository, check=True)

    restore(other, tmp_path / "all.backup", actor="me")
    assert Workers(other, WorkSettings()).work_once()
    again, repeated = ended(other, job)
    assert again.run_id == first.run_id
    assert repeated["counts"] == report["counts"]
    assert tips(repository) == {**moved, "clean": moved["main"]}
