"""Runs and their plans."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, insert, select, update

from gitalign.core.names import display
from gitalign.core.plan import Plan
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.errors import PlanRefused, UnknownRun
from gitalign.store import bodies, schema
from gitalign.store.dialect import understood, unreadable
from gitalign.store.family import Family, chunks

_PAGE = 50
_RUNS = schema.runs
_COLUMNS = [
    _RUNS.c[name]
    for name in (
        *("number", "id", "kind", "state", "started_at", "finished_at", "outcome", "plan_id", "total", "undoes"),
        *("undone_by", "owner", "moved", "undone", "pushed", "stood"),
    )
]
_AFTER_EVERY_ID = "~"
"""Sorts behind every character of an id."""


class SqlRuns(Family):
    """See `ports.RunStore`, which says what every method promises."""

    def begin_run(self, record: RunRecord, *, plan_json: str) -> None:
        """Write a new run with its plan; this object holds it."""
        with self.transaction() as connection:
            token = self._next_token(connection)
            row = {
                "repository": self.repository,
                "id": record.id,
                "kind": record.kind.value,
                "state": record.state.value,
                "started_at": record.started_at,
                "finished_at": record.finished_at,
                "outcome": record.outcome,
                "plan_id": record.plan_id,
                "total": record.total,
                "undoes": record.undoes,
                "undone_by": record.undone_by,
                "owner": record.owner,
                "token": token,
                "is_held": True,
            }
            number = connection.execute(insert(_RUNS).values(**row).returning(_RUNS.c.number)).scalar_one()
            connection.execute(insert(schema.plans), [{"run": number, "body": plan_json}])
        self._tokens[record.id] = token

    def set_state(
        self, run_id: str, state: RunState, *, outcome: str | None = None, finished_at: datetime | None = None
    ) -> None:
        """Advance a run; None keeps what was there."""
        values: dict[str, Any] = {"state": state.value}
        if outcome is not None:
            values["outcome"] = outcome
        if finished_at is not None:
            values["finished_at"] = finished_at
        self._change(run_id, values)

    def _change(self, run_id: str, values: dict[str, Any]) -> None:
        with self.transaction() as connection:
            number = self._held(connection, run_id)
            connection.execute(update(_RUNS).where(_RUNS.c.number == number).values(**values))

    def run(self, run_id: str) -> RunRecord:
        """One run, by full id, unambiguous prefix, or `last`."""
        if run_id == "last":
            rows = self._rows(self._newest().limit(1))
        else:
            is_asked = (run_id <= _RUNS.c.id) & (_RUNS.c.id < run_id + _AFTER_EVERY_ID)
            can_be = run_id.isascii() and run_id.isprintable()
            rows = self._rows(self._mine().where(is_asked).order_by(_RUNS.c.id).limit(6)) if can_be else []
            rows = [row for row in rows if row.id == run_id] or rows
        if not rows:
            raise UnknownRun(f"no run {run_id!r}", hint="git align runs")
        if len(rows) > 1:
            ids = ", ".join(self._id(row.id) for row in rows[:5])
            raise UnknownRun(f"{run_id!r} could be any of {ids}", hint="give more of the id")
        return self._record(rows[0])

    def runs(self, *, limit: int | None = None) -> tuple[RunRecord, ...]:
        """Newest first."""
        return self._records(self._newest() if limit is None else self._newest().limit(limit))

    def newest(self, kind: RunKind) -> RunRecord | None:
        """The newest run of a kind; None when there is none."""
        rows = self._rows(self._newest().where(_RUNS.c.kind == kind.value).limit(1))
        return self._record(rows[0]) if rows else None

    def runs_in(self, states: Collection[RunState]) -> tuple[RunRecord, ...]:
        """Runs in one of the states, newest first."""
        # Sorted here: asked for an order, a database would read all runs by their number instead of few by their state.
        rows = self._rows(self._mine().where(_RUNS.c.state.in_([state.value for state in states])))
        return tuple(map(self._record, sorted(rows, key=lambda row: row.number, reverse=True)))

    def runs_that_stand(self) -> Iterator[RunRecord]:
        """Runs of which something stands, newest first; read a page at a time."""
        query = self._newest().where(schema.STANDING).limit(_PAGE)
        below: int | None = None
        while rows := self._rows(query if below is None else query.where(_RUNS.c.number < below)):
            for row in rows:
                yield self._record(row)
            below = rows[-1].number

    def runs_ended_by(self, when: datetime) -> tuple[RunRecord, ...]:
        """Runs that ended at a time or before it, newest first."""
        return self._records(self._mine().where(_RUNS.c.finished_at <= when).order_by(_RUNS.c.finished_at.desc()))

    def _mine(self) -> Select[Any]:
        return select(*_COLUMNS).where(_RUNS.c.repository == self.repository)

    def _newest(self) -> Select[Any]:
        return self._mine().order_by(_RUNS.c.number.desc())

    def _rows(self, query: Select[Any]) -> Sequence[Any]:
        with self._reading() as connection, understood(self._dialect, "runs"):
            return connection.execute(query).all()

    def _records(self, query: Select[Any]) -> tuple[RunRecord, ...]:
        return tuple(map(self._record, self._rows(query)))

    def _record(self, row: Any) -> RunRecord:
        with understood(self._dialect, f"run {display(str(row.id))}"):
            undone_by = None if row.undone_by is None else self._id(row.undone_by)
            return RunRecord(
                id=self._id(row.id),
                kind=RunKind(row.kind),
                state=RunState(row.state),
                started_at=row.started_at,
                finished_at=row.finished_at,
                outcome=row.outcome,
                moved=row.moved,
                plan_id=row.plan_id,
                total=row.total,
                undoes=None if row.undoes is None else self._id(row.undoes),
                undone_by=undone_by if row.undone or row.stood else None,
                undone=row.undone,
                pushed=row.pushed,
                owner=row.owner,
            )

    def plan_json(self, run_id: str) -> str:
        """The plan as it was stored."""
        plans = schema.plans
        with self._reading() as connection:
            query = select(plans.c.body).where(plans.c.run == self._number(connection, run_id))
            found = connection.execute(query).scalar()
        if found is None:
            raise unreadable(self._dialect, f"the plan of run {run_id}", "it is gone")
        return str(found)

    def plan(self, run_id: str) -> Plan:
        """The plan of a run."""
        stored = self.plan_json(run_id)
        try:
            return bodies.plan_of(stored)
        except PlanRefused as error:
            raise unreadable(self._dialect, f"the plan of run {run_id}", error.message) from error

    def note_undone(self, run_id: str, *, by: str | None) -> None:
        """Note which run put back what a run had moved; None when all of it stands again."""
        self._change(run_id, {"undone_by": by})

    def anchor(self, run_id: str) -> str | None:
        """Full name of the pinning ref, None before `intend` and after `prune`."""
        query = select(_RUNS.c.anchor).where(_RUNS.c.repository == self.repository, _RUNS.c.id == run_id)
        with self._reading() as connection:
            found = connection.execute(query).scalar()
        return None if found is None else str(found)

    def drop_anchors(self, run_ids: Sequence[str]) -> None:
        """Note that the objects of runs are pinned no more."""
        if not run_ids:
            return
        with self.transaction() as connection:
            for chunk in chunks(run_ids):
                these = (_RUNS.c.repository == self.repository) & _RUNS.c.id.in_(chunk)
                connection.execute(update(_RUNS).where(these, _RUNS.c.anchor.is_not(None)).values(anchor=None))

    def forget_before(self, when: datetime) -> None:
        """Drop details of runs finished before `when`. Rows of runs stay."""
        old = select(_RUNS.c.number).where(
            _RUNS.c.repository == self.repository,
            _RUNS.c.finished_at < when,
            _RUNS.c.state == RunState.FINISHED.value,
        )
        verdicts = schema.verdicts
        with self.transaction() as connection:
            _drop_events(connection, old)
            connection.execute(delete(verdicts).where(verdicts.c.repository == self.repository, verdicts.c.at < when))


def _drop_events(connection: Connection, old: Select[Any]) -> None:
    numbers = [row.number for row in connection.execute(old)]
    for chunk in chunks(numbers):
        connection.execute(delete(schema.events).where(schema.events.c.run.in_(chunk)))
