"""What the service says of repositories, tokens and its audit trail."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from gitalign.core.accounts import Actor, Session, Token, User
from gitalign.core.audit import AuditCheck, AuditEntry
from gitalign.core.jobs import ServedRepository
from gitalign.core.schedules import Schedule
from gitalign.core.service_database import DatabaseState
from gitalign.documents.formats import stamped
from gitalign.documents.reading import time_text

if TYPE_CHECKING:
    from gitalign.documents.models.service import (
        AccountDocument,
        AuditCheckDocument,
        AuditEntryDocument,
        AuditTrailDocument,
        RepositoriesDocument,
        ScheduleDocument,
        SchedulesDocument,
        ServedRepositoryDocument,
        ServiceDatabaseDocument,
        SessionDocument,
        TokenDocument,
        TokensDocument,
        UserDocument,
        UsersDocument,
    )


def dump_repository(value: ServedRepository, *, with_place: bool = True) -> ServedRepositoryDocument:
    """One repository.

    Args:
        value: the repository.
        with_place: say where it is: the folder on the machine of the workers, and its address.
    """
    return {
        "id": value.id,
        "name": value.name,
        "path": value.path if with_place else None,
        "url": value.url if with_place else None,
        "credential": value.credential if with_place else None,
        "config_file": value.config_file if with_place else None,
        "created_at": time_text(value.created_at),
        "last_event": value.last_event,
    }


def dump_repositories(values: Iterable[ServedRepository], *, with_place: bool = True) -> dict[str, Any]:
    """Repositories by name; see `dump_repository`."""
    rows = [dump_repository(value, with_place=with_place) for value in values]
    content: RepositoriesDocument = {"repositories": rows}
    return stamped("repositories", content)


def dump_schedules(values: Iterable[Schedule]) -> dict[str, Any]:
    """Schedules, oldest first."""
    content: SchedulesDocument = {"schedules": [_dump_schedule(value) for value in values]}
    return stamped("schedules", content)


def _dump_schedule(value: Schedule) -> ScheduleDocument:
    return {
        "id": value.id,
        "repository": value.repository,
        "kind": value.kind,
        "cron": value.cron,
        "zone": value.zone,
        "quiet": value.quiet,
        "params": dict(value.params),
        "created_by": value.created_by,
        "created_at": time_text(value.created_at),
        "next_at": time_text(value.next_at),
        "last_at": _time(value.last_at),
        "last_job": value.last_job,
        "disabled_at": _time(value.disabled_at),
    }


def dump_token(value: Token, *, text: str | None = None) -> TokenDocument:
    """One token.

    Args:
        value: what is known of it.
        text: the token itself, right after it was made.
    """
    return {
        "id": value.id,
        "name": value.name,
        "role": value.role,
        "repositories": list(value.repositories),
        "created_at": time_text(value.created_at),
        "created_by": value.created_by,
        "expires_at": _time(value.expires_at),
        "last_used_at": _time(value.last_used_at),
        "revoked_at": _time(value.revoked_at),
        "user": value.user,
        "token": text,
    }


def dump_tokens(values: Iterable[Token], *, text: str | None = None) -> dict[str, Any]:
    """Tokens, oldest first.

    Args:
        values: tokens.
        text: the one token itself, right after it was made.
    """
    content: TokensDocument = {"tokens": [dump_token(value, text=text) for value in values]}
    return stamped("tokens", content)


def dump_user(value: User) -> UserDocument:
    """One person."""
    return {
        "id": value.id,
        "name": value.name,
        "role": value.role,
        "repositories": list(value.repositories),
        "issuer": value.issuer,
        "has_password": value.has_password,
        "created_at": time_text(value.created_at),
        "created_by": value.created_by,
        "disabled_at": _time(value.disabled_at),
        "removed_at": _time(value.removed_at),
        "last_sign_in_at": _time(value.last_sign_in_at),
    }


def dump_users(values: Iterable[User]) -> dict[str, Any]:
    """People by name."""
    content: UsersDocument = {"users": [dump_user(value) for value in values]}
    return stamped("users", content)


def dump_account(
    actor: Actor, *, user: User | None, sessions: Iterable[Session], tokens: Iterable[Token]
) -> dict[str, Any]:
    """Who asks.

    Args:
        actor: of the request.
        user: the person; None for a token that belongs to none.
        sessions: browsers that are signed in.
        tokens: personal ones.
    """
    content: AccountDocument = {
        "id": actor.id,
        "name": actor.name,
        "role": actor.role,
        "repositories": list(actor.repositories),
        "user": None if user is None else dump_user(user),
        "sessions": [_dump_session(value, this=actor.session_id) for value in sessions],
        "tokens": [dump_token(value) for value in tokens],
    }
    return stamped("account", content)


def _dump_session(value: Session, *, this: str | None) -> SessionDocument:
    return {
        "id": value.id,
        "created_at": time_text(value.created_at),
        "seen_at": time_text(value.seen_at),
        "expires_at": time_text(value.expires_at),
        "address": value.address,
        "agent": value.agent,
        "is_this": value.id == this,
    }


def dump_audit_check(value: AuditCheck) -> dict[str, Any]:
    """What verifying the audit trail came to."""
    content: AuditCheckDocument = {
        "is_sound": not value.fault,
        "entries": value.entries,
        "head": value.head,
        "fault": value.fault,
    }
    return stamped("audit-check", content)


def dump_database(value: DatabaseState) -> dict[str, Any]:
    """What was found of the database of the service, or done with it."""
    content: ServiceDatabaseDocument = {
        "place": value.place,
        "revision": value.revision,
        "newest": value.newest,
        "is_sound": not value.faults,
        "rows": dict(value.rows),
        "faults": list(value.faults),
        "file": value.file,
    }
    return stamped("service-database", content)


def dump_audit_trail(values: Iterable[AuditEntry], *, next_page: str | None) -> dict[str, Any]:
    """Entries of the audit trail, newest first.

    Args:
        values: entries.
        next_page: asks for those before them; None at the end.
    """
    content: AuditTrailDocument = {"entries": [_dump_entry(value) for value in values], "next": next_page}
    return stamped("audit-trail", content)


def _dump_entry(value: AuditEntry) -> AuditEntryDocument:
    return {
        "number": value.number,
        "at_ms": value.at_ms,
        "actor": value.actor,
        "action": value.action,
        "subject": value.subject,
        "detail": dict(value.detail),
        "previous": value.previous,
        "hash": value.hash,
    }


def _time(value: datetime | None) -> str | None:
    return None if value is None else time_text(value)
