"""What the pages say of a repository, from nothing known to jobs about some branches after jobs about all."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign.core.jobs import JobKind
from gitalign.service.branches import seen_branches
from gitalign.service.pages.looks import repository_look
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.jobs import Jobs
from tests.service.asking import REPOSITORY, done

NAMES = {"clash", "clean", "feature/<b>two"}


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
