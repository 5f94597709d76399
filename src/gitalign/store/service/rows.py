"""Rows of the service's tables as values."""

from __future__ import annotations

import json
import re
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from gitalign.core.accounts import Role, Token
from gitalign.core.jobs import Job, JobKind, JobState, ServedRepository, ServiceEvent
from gitalign.core.names import display
from gitalign.errors import NotFound
from gitalign.store.service import schema
from gitalign.store.service.clock import as_time, instant

_JOBS, _REPOSITORIES = schema.jobs, schema.repositories


def select_jobs() -> Select[Any]:
    """Jobs with the names of their repositories."""
    return select(*_JOBS.c, _REPOSITORIES.c.name.label("repository_name")).join(
        _REPOSITORIES, _REPOSITORIES.c.number == _JOBS.c.repository
    )


def select_repositories() -> Select[Any]:
    """Repositories with the kinds of their credentials."""
    credentials = schema.credentials
    return select(*_REPOSITORIES.c, credentials.c.kind.label("credential")).outerjoin(
        credentials, credentials.c.repository == _REPOSITORIES.c.number
    )


def job_of(row: Row[Any], *, repository: str | None = None) -> Job:
    """A job from a row of `select_jobs`, or from one of the table alone with the name of its repository."""
    return Job(
        id=row.id,
        repository=row.repository_name if repository is None else repository,
        kind=JobKind(row.kind),
        state=JobState(row.state),
        params=json.loads(row.params),
        plan_id=row.plan_id,
        run_id=row.run_id,
        token=row.token,
        attempts=row.attempts,
        worker=row.worker,
        stop_requested=bool(row.stop_requested),
        asked=row.asked,
        created_by=row.created_by,
        created_at=instant(row.created_at),
        started_at=as_time(row.started_at),
        finished_at=as_time(row.finished_at),
        outcome=row.outcome,
        error=None if row.error is None else json.loads(row.error),
        request_id=row.request_id,
        trace=row.trace,
    )


def repository_of(row: Row[Any]) -> ServedRepository:
    """A repository from a row of `select_repositories`."""
    return ServedRepository(
        id=row.id,
        name=row.name,
        path=row.path,
        url=row.url,
        config_file=row.config_file,
        credential=row.credential,
        created_at=instant(row.created_at),
        last_event=row.last_event,
    )


def event_of(row: Row[Any]) -> ServiceEvent:
    """An event from a row with the id of its job as `job_id`."""
    return ServiceEvent(seq=row.seq, job=row.job_id, kind=row.kind, at=instant(row.at), document=row.body)


OF_TOKEN = re.compile(r".* \(([0-9a-f]+)\)")
"""The name of a token as an author, with its id."""


def token_of(row: Row[Any], *, repositories: tuple[str, ...]) -> Token:
    """A token from its row, with the name of its person as `user_name`, and the names of its repositories."""
    return Token(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        repositories=repositories,
        created_at=instant(row.created_at),
        created_by=row.created_by,
        expires_at=as_time(row.expires_at),
        last_used_at=as_time(row.last_used_at),
        revoked_at=as_time(row.revoked_at),
        user=row.user_name,
        issuer=row.issuer,
    )


def repository_number(connection: Connection, name: str) -> int:
    """The number of a repository.

    Raises:
        NotFound
    """
    number = connection.execute(select(_REPOSITORIES.c.number).where(_REPOSITORIES.c.name == name)).scalar()
    if number is None:
        raise unknown_repository(name)
    return int(number)


def unknown_repository(name: str) -> NotFound:
    """The error for a name that no repository has, or none that the caller may see."""
    return NotFound(f"no repository {display(name)!r}", hint="git align repo list", code="unknown_repository")


def unknown_project(project: str) -> NotFound:
    """The error for an id that no project has, or none that the caller may see."""
    return NotFound(f"no project {display(project[:60])!r}", hint="GET /api/v1/repositories", code="unknown_project")
