"""Webhooks and their deliveries: written from events, claimed, tried again with back-off, given up."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, literal, select, update

from gitalign.core.jobs import JobState
from gitalign.core.webhooks import RETRY_S, SECRET_BYTES, Delivery, DeliveryState, Webhook, secret_text
from gitalign.documents.formats import json_text
from gitalign.errors import NotFound, UserError
from gitalign.store.service import schema
from gitalign.store.service.audit import write_entry
from gitalign.store.service.clock import as_time, instant, now_ms
from gitalign.store.service.database import ServiceDatabase
from gitalign.store.service.rows import repository_number

_HOOKS, _DELIVERIES, _EVENTS = schema.webhooks, schema.deliveries, schema.events
_AT_ONCE = 200
_MOST_HOOKS = 20
_CLAIMED_MS = 120_000
"""A delivery that is under way is tried by another process after so long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueDelivery:
    """A delivery that is to be tried now."""

    number: int
    id: str
    webhook: str
    url: str
    secret: str
    sealed: str | None
    body: str
    attempts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptSecret:
    """The secret of a webhook as it is kept: as it is, or encrypted."""

    webhook: str
    secret: str
    sealed: str | None


class Webhooks:
    """The webhooks of all repositories."""

    def __init__(self, database: ServiceDatabase) -> None:
        self._database = database

    def add(
        self, repository: str, url: str, *, kinds: Sequence[str], actor: str, seal: Callable[[str, str], str]
    ) -> tuple[Webhook, str]:
        """Register an address; what happens from now on is delivered.

        Args:
            repository: by name.
            url: that receives it.
            kinds: of jobs; none for all.
            actor: who registers it.
            seal: encrypts a secret; takes the id of the webhook and the secret.

        Returns:
            The webhook, and its secret, which is shown once.

        Raises:
            NotFound: there is no such repository.
            UserError: it has too many.
        """
        secret, new_id = secret_text(secrets.token_bytes(SECRET_BYTES)), secrets.token_hex(8)
        with self._database.writing() as connection:
            number = repository_number(connection, repository)
            table = schema.repositories
            last = connection.execute(select(table.c.last_event).where(table.c.number == number)).scalar_one()
            known = connection.execute(select(_HOOKS.c.number).where(_HOOKS.c.repository == number)).all()
            if len(known) >= _MOST_HOOKS:
                raise UserError(f"{repository} has {_MOST_HOOKS} webhooks", hint="remove one", code="too_many_webhooks")
            values = {
                "id": new_id,
                "repository": number,
                "url": url,
                "secret": "",
                "sealed": seal(new_id, secret),
                "kinds": json.dumps(list(kinds)),
                "seq": last,
                "created_by": actor,
                "created_at": now_ms(),
            }
            row = connection.execute(insert(_HOOKS).values(**values).returning(*_HOOKS.c)).one()
            detail = {"webhook": row.id, "url": url}
            write_entry(connection, actor=actor, action="webhook.add", subject=repository, detail=detail)
            return _webhook(row, repository), secret

    def of(self, repository: str) -> tuple[Webhook, ...]:
        """The webhooks of a repository, oldest first.

        Raises:
            NotFound
        """
        with self._database.reading() as connection:
            number = repository_number(connection, repository)
            rows = connection.execute(select(_HOOKS).where(_HOOKS.c.repository == number).order_by(_HOOKS.c.number))
            return tuple(_webhook(row, repository) for row in rows)

    def remove(self, repository: str, webhook: str, *, actor: str) -> None:
        """Forget a webhook and its deliveries.

        Raises:
            NotFound
        """
        with self._database.writing() as connection:
            number = _number(connection, repository, webhook)
            connection.execute(delete(_DELIVERIES).where(_DELIVERIES.c.webhook == number))
            connection.execute(delete(_HOOKS).where(_HOOKS.c.number == number))
            write_entry(
                connection, actor=actor, action="webhook.remove", subject=repository, detail={"webhook": webhook}
            )

    def deliveries(
        self, repository: str, webhook: str, *, before: int | None = None, limit: int
    ) -> tuple[Delivery, ...]:
        """Deliveries of a webhook, newest first.

        Args:
            repository: by name.
            webhook: by id.
            before: only those with a lower number.
            limit: at most so many.

        Raises:
            NotFound
        """
        with self._database.reading() as connection:
            mine = _DELIVERIES.c.webhook == _number(connection, repository, webhook)
            if before is not None:
                mine &= _DELIVERIES.c.number < before
            rows = connection.execute(
                select(_DELIVERIES).where(mine).order_by(_DELIVERIES.c.number.desc()).limit(limit)
            )
            return tuple(map(_delivery, rows))

    def write_new(self) -> int:
        """Write deliveries for jobs that have ended since; each event once, in whichever process. How many."""
        events, repositories = _EVENTS, schema.repositories
        behind = select(_HOOKS, repositories.c.last_event, repositories.c.name.label("name")).join(
            repositories, repositories.c.number == _HOOKS.c.repository
        )
        with self._database.reading() as connection:
            waiting = connection.execute(behind.where(repositories.c.last_event > _HOOKS.c.seq)).all()
        written = 0
        for hook in waiting:
            with self._database.writing() as connection:
                query = select(events.c.seq, events.c.kind, events.c.body).where(
                    events.c.repository == hook.repository, events.c.seq > hook.seq
                )
                rows = connection.execute(query.order_by(events.c.seq).limit(_AT_ONCE)).all()
                reached = rows[-1].seq if rows else hook.last_event
                mine = (_HOOKS.c.number == hook.number) & (_HOOKS.c.seq == hook.seq)
                if not connection.execute(update(_HOOKS).where(mine).values(seq=reached)).rowcount:
                    continue  # another process did it
                messages = [found for row in rows if (found := _message(row, json.loads(hook.kinds))) is not None]
                for kind, body in messages:
                    values = {
                        "id": f"msg_{secrets.token_hex(16)}",
                        "webhook": hook.number,
                        "kind": kind,
                        "body": body,
                        "state": DeliveryState.WAITING.value,
                        "next_at": now_ms(),
                        "created_at": now_ms(),
                    }
                    connection.execute(insert(_DELIVERIES).values(**values))
                written += len(messages)
        return written

    def claim(self) -> DueDelivery | None:
        """A delivery that is due; another process takes it again only when this one does not say what came of it."""
        due = (
            select(_DELIVERIES.c.number)
            .where(_DELIVERIES.c.state == DeliveryState.WAITING.value, _DELIVERIES.c.next_at <= now_ms())
            .order_by(_DELIVERIES.c.next_at)
            .limit(1)
            .with_for_update(skip_locked=True)
            .scalar_subquery()
        )
        values = {"next_at": now_ms() + _CLAIMED_MS, "attempts": _DELIVERIES.c.attempts + 1}
        with self._database.writing() as connection:
            statement = update(_DELIVERIES).where(_DELIVERIES.c.number == due).values(**values)
            row = connection.execute(statement.returning(*_DELIVERIES.c)).first()
            if row is None:
                return None
            hook = connection.execute(select(_HOOKS).where(_HOOKS.c.number == row.webhook)).one()
        return DueDelivery(
            number=row.number,
            id=row.id,
            webhook=hook.id,
            url=hook.url,
            secret=hook.secret,
            sealed=hook.sealed,
            body=row.body,
            attempts=row.attempts,
        )

    def secrets(self) -> tuple[KeptSecret, ...]:
        """The secret of every webhook."""
        query = select(_HOOKS.c.id, _HOOKS.c.secret, _HOOKS.c.sealed).order_by(_HOOKS.c.number)
        with self._database.reading() as connection:
            rows = connection.execute(query).all()
        return tuple(KeptSecret(webhook=row.id, secret=row.secret, sealed=row.sealed) for row in rows)

    def keep_sealed(self, before: KeptSecret, sealed: str) -> bool:
        """Keep the same secret, encrypted; False when it was changed meanwhile."""
        same = (_HOOKS.c.id == before.webhook) & (_HOOKS.c.secret == before.secret)
        same &= _HOOKS.c.sealed.is_(None) if before.sealed is None else _HOOKS.c.sealed == before.sealed
        with self._database.writing() as connection:
            return connection.execute(update(_HOOKS).where(same).values(secret="", sealed=sealed)).rowcount == 1

    def ended(self, due: DueDelivery, *, status: int | None, detail: str) -> None:
        """Write down what came of an attempt: delivered with 2xx, otherwise tried again later or given up."""
        is_delivered = status is not None and 200 <= status < 300
        is_last = due.attempts > len(RETRY_S)
        state = DeliveryState.DELIVERED if is_delivered else DeliveryState.FAILED if is_last else DeliveryState.WAITING
        values: dict[str, Any] = {"state": state.value, "status": status, "detail": ascii(detail[:300])[1:-1]}
        if state is DeliveryState.WAITING:
            values["next_at"] = now_ms() + literal(RETRY_S[due.attempts - 1] * 1_000)
        else:
            values["finished_at"] = now_ms()
        mine = (_DELIVERIES.c.number == due.number) & (_DELIVERIES.c.attempts == due.attempts)
        with self._database.writing() as connection:
            connection.execute(update(_DELIVERIES).where(mine).values(**values))


def _message(row: Any, kinds: Sequence[str]) -> tuple[str, str] | None:
    """Kind and body of the message about an event; None for what is not delivered."""
    if row.kind != "job":
        return None
    job = json.loads(row.body)
    if not JobState(job["state"]).is_over or (kinds and job["kind"] not in kinds):
        return None
    kind = f"job.{job['state']}"
    return kind, json_text({"type": kind, "timestamp": job["finished_at"], "data": job})


def _number(connection: Connection, repository: str, webhook: str) -> int:
    number = repository_number(connection, repository)
    mine = (_HOOKS.c.repository == number) & (_HOOKS.c.id == webhook)
    found = connection.execute(select(_HOOKS.c.number).where(mine)).scalar()
    if found is None:
        raise NotFound("there is no such webhook", hint="git align webhook list", code="unknown_webhook")
    return int(found)


def _webhook(row: Row[Any], repository: str) -> Webhook:
    return Webhook(
        id=row.id,
        repository=repository,
        url=row.url,
        kinds=tuple(json.loads(row.kinds)),
        created_by=row.created_by,
        created_at=instant(row.created_at),
    )


def _delivery(row: Row[Any]) -> Delivery:
    is_waiting = row.state == DeliveryState.WAITING.value
    return Delivery(
        number=row.number,
        id=row.id,
        kind=row.kind,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        status=row.status,
        detail=row.detail,
        created_at=instant(row.created_at),
        next_at=instant(row.next_at) if is_waiting else None,
        finished_at=as_time(row.finished_at),
    )
