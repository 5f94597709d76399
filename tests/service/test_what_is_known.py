"""What the pages say of a repository, from nothing known to jobs about some branches after jobs about all."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, insert, select

from gitalign.core.jobs import JobKind
from gitalign.core.plan import StepKind
from gitalign.service.branches import seen_branches
from gitalign.service.pages.looks import repository_look
from gitalign.service.standpoints import MOVED_SINCE
from gitalign.store.service import schema
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.jobs import Jobs
from tests.service.asking import REPOSITORY, done

NAMES = {"clash", "clean", "feature/<b>two"}


@contextmanager
def listening(database: ServiceDatabase, statements: list[tuple[str, Any]]) -> Iterator[None]:
    """Statements that are sent while inside."""
    with database.reading() as connection:
        engine = connection.engine

    def heard(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        statements.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", heard)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", heard)


def summary(database: ServiceDatabase) -> tuple[str, str]:
    return repository_look(Jobs(database), REPOSITORY).summary


def names(database: ServiceDatabase) -> set[str]:
    seen = seen_branches(Jobs(database), REPOSITORY)
    assert seen is not None
    return set(seen.rows)


def test_a_plan_alone_does_not_say_that_branches_are_fine(database: ServiceDatabase) -> None:
    assert summary(database) == ("not known", "unknown")
    done(database, JobKind.PLAN)
    assert summary(database) == ("not known", "unknown")
    done(database, JobKind.FORECAST, only=["clean"])
    assert summary(database) == ("2 of 3 not known", "unknown")


@pytest.mark.parametrize("narrowed", [{"only": ["clean"]}, {"exclude": ["clash"]}])
def test_a_later_plan_of_some_branches_hides_no_conflict(
    database: ServiceDatabase, narrowed: dict[str, object]
) -> None:
    done(database, JobKind.PLAN)
    done(database, JobKind.FORECAST)
    assert summary(database) == ("1 of 3 need attention", "bad")
    made, _ = done(database, JobKind.PLAN, **narrowed)
    done(database, JobKind.FORECAST, **narrowed)
    assert summary(database) == ("1 of 3 need attention", "bad")
    assert names(database) == NAMES
    done(database, JobKind.RUN, plan_id=made.plan_id)
    seen = seen_branches(Jobs(database), REPOSITORY)
    assert seen is not None
    assert (seen.rows["clean"]["state"], seen.rows["clash"]["state"]) == ("aligned", "conflict")
    assert seen.sources["clean"].plan == Jobs(database).get(made.id)


def test_branches_of_a_forecast_count_where_no_plan_names_them(database: ServiceDatabase) -> None:
    done(database, JobKind.PLAN, only=["clean"])
    done(database, JobKind.FORECAST, only=["clean"])
    assert summary(database) == ("not known", "unknown")
    done(database, JobKind.FORECAST)
    assert (summary(database), names(database)) == (("1 of 3 need attention", "bad"), NAMES)


def test_conflicts_are_known_without_a_forecast(database: ServiceDatabase, repository: Path) -> None:
    done(database, JobKind.PLAN)
    done(database, JobKind.CONFLICTS)
    assert summary(database) == ("1 of 3 need attention", "bad")


def commit(repository: Path, branch: str, path: str) -> None:
    """One more commit on a branch, made without its work tree."""
    git = ["git", "-c", "user.name=ada", "-c", "user.email=ada@example.org"]
    tree = subprocess.run(
        [*git, "rev-parse", f"{branch}^{{tree}}"], cwd=repository, capture_output=True, text=True, check=True
    ).stdout.strip()
    made = subprocess.run(
        [*git, "commit-tree", tree, "-p", branch, "-m", path],
        cwd=repository,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    subprocess.run([*git, "update-ref", f"refs/heads/{branch}", made], cwd=repository, check=True)


def state_of(database: ServiceDatabase, branch: str) -> str:
    seen = seen_branches(Jobs(database), REPOSITORY)
    assert seen is not None
    return seen.rows[branch]["state"]


@pytest.mark.parametrize("moved", ["clean", "main"])
@pytest.mark.parametrize("found_out", [JobKind.FORECAST, JobKind.CONFLICTS, JobKind.RUN])
def test_a_branch_that_moved_since_is_not_fine(
    database: ServiceDatabase, repository: Path, moved: str, found_out: JobKind
) -> None:
    made, _ = done(database, JobKind.PLAN, exclude=["clash"])
    done(database, JobKind.PLAN)
    done(database, found_out, **({"plan_id": made.plan_id} if found_out is JobKind.RUN else {}))
    looked_at = state_of(database, "clean")
    assert looked_at in ("clean", "aligned")
    commit(repository, moved, "one-more")
    assert state_of(database, "clean") == looked_at, "no job has seen it yet"
    done(database, JobKind.PLAN)
    is_on_top = found_out is JobKind.RUN and moved == "clean"
    assert state_of(database, "clean") == (StepKind.UP_TO_DATE if is_on_top else MOVED_SINCE)
    assert summary(database)[1] != "good"
    done(database, JobKind.FORECAST)
    assert state_of(database, "clean") == ("unchanged" if is_on_top else "clean")


def test_a_conflict_that_moved_since_is_not_known_either(database: ServiceDatabase, repository: Path) -> None:
    done(database, JobKind.PLAN)
    done(database, JobKind.FORECAST)
    commit(repository, "clash", "one-more")
    done(database, JobKind.PLAN)
    assert (state_of(database, "clash"), state_of(database, "clean")) == (MOVED_SINCE, "clean")
    assert summary(database) == ("1 of 3 not known", "unknown")


def test_a_branch_that_was_deleted_is_not_listed_until_a_plan_sees_it_again(
    database: ServiceDatabase, repository: Path
) -> None:
    subprocess.run(["git", "branch", "merged", "main"], cwd=repository, check=True)
    commit(repository, "merged", "one-more")
    subprocess.run(["git", "update-ref", "refs/heads/main", "merged"], cwd=repository, check=True)
    done(database, JobKind.PLAN)
    done(database, JobKind.FORECAST)
    assert names(database) == {*NAMES, "merged"}
    job, report = done(database, JobKind.PRUNE_MERGED)
    assert [one["update"]["ref"] for one in report["moves"]] == ["refs/heads/merged"], job
    assert names(database) == NAMES
    subprocess.run(["git", "branch", "merged", "clean"], cwd=repository, check=True)
    done(database, JobKind.PLAN)
    assert names(database) == {*NAMES, "merged"}


def test_a_branch_that_was_put_back_is_not_what_it_was_before(database: ServiceDatabase) -> None:
    made, _ = done(database, JobKind.PLAN)
    ran, _ = done(database, JobKind.RUN, plan_id=made.plan_id)
    assert state_of(database, "clean") == "aligned"
    done(database, JobKind.RESTORE, branch="clean", run_id=ran.run_id)
    assert state_of(database, "clean") == "put_back"
    done(database, JobKind.PLAN)
    assert state_of(database, "clean") == "put_back", "it stands where the job put it"


def test_the_newest_job_about_all_branches_is_found_behind_any_number_of_others(database: ServiceDatabase) -> None:
    done(database, JobKind.PLAN)
    done(database, JobKind.FORECAST)
    narrowed, _ = done(database, JobKind.FORECAST, only=["clean"])
    with database.writing() as connection:
        row = connection.execute(select(schema.jobs).where(schema.jobs.c.id == narrowed.id)).one()._asdict()
        more = [{**row, "number": row["number"] + at, "id": f"more-{at}"} for at in range(1, 701)]
        connection.execute(insert(schema.jobs), more)
    assert names(database) == NAMES
    assert summary(database) == ("1 of 3 need attention", "bad")


def test_that_search_takes_an_index(database: ServiceDatabase) -> None:
    done(database, JobKind.PLAN)
    statements: list[tuple[str, Any]] = []
    jobs = Jobs(database)
    with listening(database, statements):
        jobs.newest_whole(REPOSITORY, JobKind.PLAN, is_whole=lambda job: True)
    (statement, parameters) = statements[-1]
    with database.reading() as connection:
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
    assert any("service_jobs_whole" in str(row) for row in rows), rows
