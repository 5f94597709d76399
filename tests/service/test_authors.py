"""What was asked for, and what a schedule asks for, is carried out only while its author may still do it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gitalign.core.accounts import Actor, Role, token_actor_name
from gitalign.core.jobs import Job, JobKind, JobState, NewJob
from gitalign.core.schedules import ScheduledKind
from gitalign.service.administration import WantedSchedule, new_personal_token, new_schedule, new_token
from gitalign.service.people import new_user
from gitalign.service.working.clock import Clock
from gitalign.service.working.worker import Workers, WorkSettings
from gitalign.store.service import schema
from gitalign.store.service.accounts import Accounts
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.jobs import JobFilter, Jobs
from gitalign.store.service.repositories import Repositories
from gitalign.store.service.retention import forget_old_jobs
from gitalign.store.service.users import Users
from tests.service.asking import REPOSITORY
from tests.service.people import PASSWORD


@pytest.fixture
def users(database: ServiceDatabase) -> Users:
    for name in ("root", "bo"):
        role = Role.ADMIN if name == "root" else Role.LANDER
        new_user(database, name, role=role, password=PASSWORD, actor="test")
    return Users(database)


def carried_out(database: ServiceDatabase, *, created_by: str, kind: JobKind = JobKind.SETTINGS) -> Job:
    new = NewJob(repository=REPOSITORY, kind=kind, created_by=created_by, params={"run_id": "20260101-000000-abcdef"})
    job = Jobs(database).add(new, job_id=f"{len(Jobs(database).listed(JobFilter(), limit=50)):032x}", most_open=50)[0]
    assert Workers(database, WorkSettings()).work_once()
    return Jobs(database).get(job.id)


def code(job: Job) -> str:
    return str((job.error or {}).get("code", ""))


LOST: tuple[tuple[Callable[[Users], object], str], ...] = (
    (lambda users: users.disable("bo", actor="root"), "is disabled"),
    (lambda users: users.remove("bo", actor="root"), "was removed"),
    (lambda users: users.set_role("bo", role=Role.VIEWER, actor="root"), "operator is needed"),
    (lambda users: users.set_role("bo", repositories=["other"], actor="root"), "may not see the repository"),
)


@pytest.mark.parametrize(("lose", "words"), LOST)
def test_a_person_who_lost_the_right(
    database: ServiceDatabase, users: Users, lose: Callable[[Users], object], words: str
) -> None:
    Repositories(database).add("other", "/nowhere", actor="test")
    bo = users.actor("bo")
    assert bo is not None
    token, _ = new_personal_token(database, bo, "laptop", role=Role.LANDER, repositories=(), days=1)
    by_token = token_actor_name("laptop", token.id, user="bo")
    assert carried_out(database, created_by="bo").state is JobState.DONE
    assert carried_out(database, created_by=by_token).state is JobState.DONE
    lose(users)
    refused = carried_out(database, created_by="bo")
    assert (refused.state, code(refused)) == (JobState.FAILED, "author_not_allowed")
    assert words in str(refused.error)
    assert code(carried_out(database, created_by=by_token)) == "author_not_allowed"


def test_a_role_that_looks_moves_nothing(database: ServiceDatabase, users: Users) -> None:
    users.set_role("bo", role=Role.OPERATOR, actor="root")
    assert carried_out(database, created_by="bo").state is JobState.DONE
    refused = carried_out(database, created_by="bo", kind=JobKind.RESUME)
    assert (code(refused), "lander is needed" in str(refused.error)) == ("author_not_allowed", True)
    assert code(carried_out(database, created_by="command line", kind=JobKind.RESUME)) == "unknown_run"


LANDERS = sorted(kind for kind in JobKind if kind.role is Role.LANDER)


@pytest.mark.parametrize("kind", [JobKind.BATCH_PLAN, JobKind.RESOLUTIONS_FORGET, JobKind.RESOLUTIONS_IMPORT])
def test_what_a_lander_asked_for_is_not_done_for_an_operator(
    database: ServiceDatabase, users: Users, kind: JobKind
) -> None:
    """They move no branch, so an operator's role would do where moving decides."""
    assert kind in LANDERS
    users.set_role("bo", role=Role.OPERATOR, actor="root")
    refused = carried_out(database, created_by="bo", kind=kind)
    assert (code(refused), "lander is needed" in str(refused.error)) == ("author_not_allowed", True)
    users.set_role("bo", role=Role.LANDER, actor="root")
    assert code(carried_out(database, created_by="bo", kind=kind)) != "author_not_allowed"


def test_a_viewer_may_look_at_work_trees(database: ServiceDatabase, users: Users) -> None:
    users.set_role("bo", role=Role.VIEWER, actor="root")
    assert code(carried_out(database, created_by="bo", kind=JobKind.WORK_TREE)) != "author_not_allowed"


def test_a_token_that_was_revoked(database: ServiceDatabase) -> None:
    token, _ = new_token(database, "ci", role=Role.OPERATOR)
    name = token_actor_name("ci", token.id)
    assert carried_out(database, created_by=name).state is JobState.DONE
    Accounts(database).revoke(token.id, actor="me")
    assert "was revoked" in str(carried_out(database, created_by=name).error)


def test_a_token_of_a_ci_run_that_was_revoked_and_is_forgotten(database: ServiceDatabase) -> None:
    """The job waited for so long that no row says any more that the token was revoked: unknown is not yes."""
    token, _ = new_token(database, "ci", role=Role.OPERATOR)
    Accounts(database).revoke(token.id, actor="me")
    with database.writing() as connection:
        connection.execute(schema.tokens.update().values(issuer="https://ci.example.org", expires_at=1))
    forget_old_jobs(database, keep_days=1)
    assert Accounts(database).all() == ()
    refused = carried_out(database, created_by=token_actor_name("ci", token.id))
    assert (refused.state, code(refused)) == (JobState.FAILED, "author_not_allowed")
    assert "not known any more" in str(refused.error)


def test_a_schedule_of_a_person_who_lost_the_right(database: ServiceDatabase, users: Users) -> None:
    wanted = WantedSchedule(kind=ScheduledKind.RUN, cron="* * * * *")
    new_schedule(database, REPOSITORY, wanted, actor="bo")
    users.set_role("bo", role=Role.OPERATOR, actor="root")
    with database.writing() as connection:
        connection.execute(schema.schedules.update().values(next_at=1))
    assert Clock(database, most_open=50, wake=lambda: None).look() == 1
    assert Workers(database, WorkSettings()).work_once()
    ((job, _),) = Jobs(database).listed(JobFilter(), limit=50)
    assert (job.kind, code(job)) == (JobKind.PLAN, "author_not_allowed")
    assert not Workers(database, WorkSettings()).work_once(), "no run follows"


def test_who_comes_back_makes_new_tokens(database: ServiceDatabase, users: Users) -> None:
    bo = users.actor("bo")
    assert bo is not None
    _, text = new_personal_token(database, bo, "laptop", role=Role.VIEWER, repositories=(), days=1)
    accounts = Accounts(database)
    assert isinstance(accounts.holder(text), Actor)
    users.disable("bo", actor="root")
    users.enable("bo", actor="root")
    assert accounts.holder(text) is None, "revoked for good"
    assert all(token.revoked_at is not None for token in accounts.of_user("bo"))
