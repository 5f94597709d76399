"""The journal: runs, events, results, intended moves, claims and remembered verdicts, on SQLite in WAL mode.

Every method is one transaction and is on disk when it returns (`synchronous=FULL`). Thread-safe: one connection behind one
lock; nothing here is the bottleneck of a run.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    Connection,
    Engine,
    bindparam,
    case,
    delete,
    func,
    insert,
    select,
    update,
)

from gitalign.core.events import Event
from gitalign.core.manual_resolution import ResolutionSession
from gitalign.core.names import Oid, display, is_run_id
from gitalign.core.outcome import StepResult
from gitalign.core.plan import Plan
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.documents import events as event_documents
from gitalign.documents import moves as move_documents
from gitalign.documents import plans as plan_documents
from gitalign.documents import results as result_documents
from gitalign.documents import sessions as session_documents
from gitalign.documents.formats import parsed, text
from gitalign.errors import PlanRefused, StoreError, UnknownRun
from gitalign.ports import Claim, OwnerProbe
from gitalign.store import schema
from gitalign.store.database import open_database, translated

_PUSHED = json.dumps({"push": PushState.PUSHED.value})[1:-1]
"""How a stored publication says that the remote has it."""
_MADE = (MoveState.MOVED, MoveState.UNDONE, MoveState.STANDS)
T = TypeVar("T")
_AT_ONCE = 400  # parameters per statement stay far below SQLite's bound


def open_journal(path: Path) -> SqlJournal:
    """Open the journal, made or brought up to date when needed.

    Raises:
        StoreError: not a database, of a newer version, not writable, or locked for too long.
    """
    engine = open_database(path)
    with translated(path):
        return SqlJournal(engine, path)


@cache
def _run_rows(of_all: bool) -> Any:
    """Runs with how many of their moves stand where; newest first. Unless of all, only the moves of `ids` are counted."""
    table, moves = schema.runs, schema.publications

    def counted(*states: MoveState) -> Any:
        return func.sum(case((moves.c.state.in_([state.value for state in states]), 1), else_=0))

    is_pushed = (moves.c.state == MoveState.STANDS.value) & moves.c.body.contains(_PUSHED, autoescape=True)
    moved = select(
        moves.c.run_id,
        counted(MoveState.MOVED, MoveState.UNDONE).label("moved"),
        counted(MoveState.UNDONE).label("undone"),
        counted(MoveState.STANDS).label("stood"),
        func.sum(case((is_pushed, 1), else_=0)).label("pushed"),
    ).group_by(moves.c.run_id)
    query = select(*(column for column in table.c if column.name != "plan")).order_by(table.c.number.desc())
    if not of_all:
        ids: BindParameter[Any] = bindparam("ids", expanding=True)
        moved, query = moved.where(moves.c.run_id.in_(ids)), query.where(table.c.id.in_(ids))
    counts = moved.subquery()
    return query.add_columns(
        *(func.coalesce(counts.c[name], 0).label(name) for name in ("moved", "undone", "stood", "pushed"))
    ).outerjoin(counts, counts.c.run_id == table.c.id)


class SqlJournal:
    """See `ports.Journal`, which says what every method promises."""

    def __init__(self, engine: Engine, path: Path) -> None:
        self._engine = engine
        self._path = path
        self._lock = threading.RLock()
        self._connection = engine.connect()

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()
            self._engine.dispose()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        with self._lock, translated(self._path):
            self._connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.exec_driver_sql("ROLLBACK")
                raise
            self._connection.exec_driver_sql("COMMIT")

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._lock, translated(self._path):
            yield self._connection

    def begin_run(self, record: RunRecord, *, plan_json: str) -> None:
        """Write a new run with its plan."""
        row = {
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
            "plan": plan_json,
        }
        with self._transaction() as connection:
            connection.execute(insert(schema.runs), [row])

    def set_state(
        self, run_id: str, state: RunState, *, outcome: str | None = None, finished_at: datetime | None = None
    ) -> None:
        """Advance a run; None keeps what was there."""
        values: dict[str, Any] = {"state": state.value}
        if outcome is not None:
            values["outcome"] = outcome
        if finished_at is not None:
            values["finished_at"] = finished_at
        with self._transaction() as connection:
            connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(**values))

    def run(self, run_id: str) -> RunRecord:
        """One run, by full id, unambiguous prefix, or `last`."""
        table = schema.runs
        with self._reading() as connection:
            if run_id == "last":
                ids = [
                    row.id for row in connection.execute(select(table.c.id).order_by(table.c.number.desc()).limit(1))
                ]
            else:
                ids = [
                    row.id
                    for row in connection.execute(
                        select(table.c.id).where(table.c.id.startswith(run_id, autoescape=True)).limit(6)
                    )
                ]
                ids = [run_id] if run_id in ids else ids
        if not ids:
            raise UnknownRun(f"no run {run_id!r}", hint="git align runs")
        if len(ids) > 1:
            raise UnknownRun(f"{run_id!r} could be any of {', '.join(ids[:5])}", hint="give more of the id")
        return self._records(ids)[0]

    def runs(self, *, limit: int | None = None) -> tuple[RunRecord, ...]:
        """Newest first."""
        if limit is None:
            return self._records(None)
        with self._reading() as connection:
            newest = select(schema.runs.c.id).order_by(schema.runs.c.number.desc()).limit(limit)
            return self._records([row.id for row in connection.execute(newest)])

    def _records(self, ids: Sequence[str] | None) -> tuple[RunRecord, ...]:
        with self._reading() as connection, _understood(self._path, "runs"):
            rows = connection.execute(_run_rows(ids is None), {} if ids is None else {"ids": list(ids)})
            return tuple(self._record(row) for row in rows)

    def _record(self, row: Any) -> RunRecord:
        with _understood(self._path, f"run {display(str(row.id))}"):
            return self._record_of(row)

    def _record_of(self, row: Any) -> RunRecord:
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

    def _id(self, word: str) -> str:
        """A run's id as it is stored. Ids name folders and refs: one that git-align never wrote is used for neither."""
        if not is_run_id(word):
            raise StoreError(
                f"journal {self._path}: {display(word)!r} is not the id of a run: the journal was damaged or changed",
                hint=f"move {self._path} away: a new journal is made; git for-each-ref refs/gitalign lists what runs pinned",
            )
        return word

    def plan_json(self, run_id: str) -> str:
        """The plan as it was stored."""
        with self._reading() as connection:
            found = connection.execute(select(schema.runs.c.plan).where(schema.runs.c.id == run_id)).scalar()
        if found is None:
            raise UnknownRun(f"no run {run_id!r}", hint="git align runs")
        return str(found)

    def plan(self, run_id: str) -> Plan:
        """The plan of a run.

        Raises:
            UnknownRun
            StoreError: what is stored is not a plan, or was changed since.
        """
        stored = self.plan_json(run_id)
        try:
            return plan_documents.read(stored)
        except PlanRefused as error:
            raise _unreadable(self._path, f"the plan of run {run_id}", error.message) from error

    def append(self, events: Sequence[Event]) -> None:
        """Add events to the journal."""
        if not events:
            return
        rows = [{"run_id": one.run_id, "seq": one.seq, "body": text(event_documents.dump(one))} for one in events]
        with self._transaction() as connection:
            connection.execute(insert(schema.events), rows)

    def events(self, run_id: str, *, after: int = 0) -> tuple[Event, ...]:
        """Events with a higher `seq`, in order."""
        table = schema.events
        with self._reading() as connection:
            rows = connection.execute(
                select(table.c.body).where(table.c.run_id == run_id, table.c.seq > after).order_by(table.c.seq)
            ).all()
        with _understood(self._path, f"run {run_id}"):
            return tuple(event_documents.load(parsed(row.body)) for row in rows)

    def record_results(self, run_id: str, results: Sequence[StepResult]) -> None:
        """Write the results of steps, replacing earlier ones of the same step."""
        if not results:
            return
        table = schema.results
        with self._transaction() as connection:
            for chunk in _chunks(results):
                rows = [
                    {"run_id": run_id, "step_id": one.step_id, "body": text(result_documents.dump(one))}
                    for one in chunk
                ]
                connection.execute(insert(table).prefix_with("OR REPLACE"), rows)

    def results(self, run_id: str) -> tuple[StepResult, ...]:
        """Results in step order."""
        table = schema.results
        with self._reading() as connection:
            rows = connection.execute(
                select(table.c.body).where(table.c.run_id == run_id).order_by(table.c.step_id)
            ).all()
        with _understood(self._path, f"run {run_id}"):
            return tuple(result_documents.load(parsed(row.body)) for row in rows)

    def intend(self, run_id: str, publications: Sequence[Publication], *, anchor: str) -> None:
        """Write every intended move and the pinning ref, and set the state `publishing`."""
        with self._transaction() as connection:
            connection.execute(delete(schema.publications).where(schema.publications.c.run_id == run_id))
            for start in range(0, len(publications), _AT_ONCE):
                chunk = publications[start : start + _AT_ONCE]
                rows = [_move(run_id, one, position=start + number) for number, one in enumerate(chunk)]
                connection.execute(insert(schema.publications), rows)
            connection.execute(
                update(schema.runs)
                .where(schema.runs.c.id == run_id)
                .values(state=RunState.PUBLISHING.value, anchor=anchor)
            )

    def update_publications(self, run_id: str, publications: Sequence[Publication]) -> None:
        """Write what became of moves, matched by ref."""
        if not publications:
            return
        table = schema.publications
        with self._transaction() as connection:
            for one in publications:
                row = _move(run_id, one, position=0)
                connection.execute(
                    update(table)
                    .where(table.c.run_id == run_id, table.c.ref == row["ref"])
                    .values(state=row["state"], body=row["body"])
                )

    def publications(self, run_id: str) -> tuple[Publication, ...]:
        """Intended moves of a run with their present state, in order."""
        table = schema.publications
        with self._reading() as connection:
            rows = connection.execute(
                select(table.c.body).where(table.c.run_id == run_id).order_by(table.c.position)
            ).all()
        with _understood(self._path, f"run {run_id}"):
            return tuple(move_documents.load(parsed(row.body)) for row in rows)

    def placed(self, refs: Iterable[str]) -> Mapping[str, Oid]:
        """Full ref -> where a run last put it; refs that no run put anywhere, or that were put back since, are left out."""
        moves, runs = schema.publications, schema.runs
        query = (
            select(moves.c.body)
            .join(runs, runs.c.id == moves.c.run_id)
            .where(moves.c.state == MoveState.MOVED.value)
            .order_by(runs.c.number)
        )
        with self._reading() as connection, _understood(self._path, "moves of earlier runs"):
            found = [
                move_documents.load(parsed(row.body)).update
                for chunk in _chunks(sorted(set(refs)))
                for row in connection.execute(query.where(moves.c.ref.in_(chunk)))
            ]
        return {one.ref: one.after for one in found}

    def history_of(self, refs: Iterable[str]) -> Mapping[str, tuple[Publication, ...]]:
        """Full ref -> what runs made of it, oldest first: moves that were made, undone or not, and what was only pushed."""
        moves, runs = schema.publications, schema.runs
        query = (
            select(moves.c.body)
            .join(runs, runs.c.id == moves.c.run_id)
            .where(moves.c.state.in_([state.value for state in _MADE]))
            .order_by(runs.c.number)
        )
        found: dict[str, list[Publication]] = {}
        with self._reading() as connection, _understood(self._path, "moves of earlier runs"):
            for chunk in _chunks(sorted(set(refs))):
                for row in connection.execute(query.where(moves.c.ref.in_(chunk))):
                    one = move_documents.load(parsed(row.body))
                    found.setdefault(one.update.ref, []).append(one)
        return {ref: tuple(made) for ref, made in found.items()}

    def moves_of(self, refs: Iterable[str]) -> tuple[tuple[str, Publication], ...]:
        """Moves of these refs that any run made or means to make, each with the run's id."""
        table = schema.publications
        states = [state.value for state in (*_MADE, MoveState.INTENDED)]
        query = select(table.c.run_id, table.c.body).where(table.c.state.in_(states))
        with self._reading() as connection:
            return tuple(
                (self._id(row.run_id), move_documents.load(parsed(row.body)))
                for chunk in _chunks(sorted(set(refs)))
                for row in connection.execute(query.where(table.c.ref.in_(chunk)))
            )

    def unsettled_pushes(self) -> tuple[str, ...]:
        """Runs that have pushes of which nobody knows whether they arrived, oldest first."""
        moves, runs = schema.publications, schema.runs
        sign = json.dumps({"push": PushState.UNKNOWN.value})[1:-1]
        query = (
            select(runs.c.id)
            .join(moves, runs.c.id == moves.c.run_id)
            .where(moves.c.body.contains(sign, autoescape=True), moves.c.state.in_([state.value for state in _MADE]))
            .group_by(runs.c.id, runs.c.number)
            .order_by(runs.c.number)
        )
        with self._reading() as connection:
            return tuple(self._id(row.id) for row in connection.execute(query))

    def note_undone(self, run_id: str, *, by: str | None) -> None:
        """Note which run put back what a run had moved; None when all of it stands again."""
        with self._transaction() as connection:
            connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(undone_by=by))

    def anchor(self, run_id: str) -> str | None:
        """Full name of the pinning ref, None before `intend` and after `prune`."""
        with self._reading() as connection:
            found = connection.execute(select(schema.runs.c.anchor).where(schema.runs.c.id == run_id)).scalar()
        return None if found is None else str(found)

    def drop_anchor(self, run_id: str) -> None:
        """Note that a run's objects are pinned no more."""
        with self._transaction() as connection:
            connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(anchor=None))

    def claim(self, run_id: str, refs: Iterable[str], *, owner: str, is_alive: OwnerProbe) -> Mapping[str, Claim]:
        """Take refs for a run; those that could not be had, with who holds them."""
        wanted = sorted(set(refs))
        table = schema.claims
        with self._transaction() as connection:
            held = {
                row.ref: row
                for chunk in _chunks(wanted)
                for row in connection.execute(select(table).where(table.c.ref.in_(chunk)))
            }
            alive = {row.owner: is_alive(row.owner) for row in held.values()}
            lost = {
                ref: Claim(ref=ref, run_id=self._id(row.run_id), owner=row.owner, token=row.token)
                for ref, row in held.items()
                if row.run_id != run_id and alive[row.owner]
            }
            free = [ref for ref in wanted if ref not in lost]
            for chunk in _chunks(free):
                connection.execute(delete(table).where(table.c.ref.in_(chunk)))
            token = self._next_token(connection)
            if free:
                connection.execute(
                    insert(table), [{"ref": ref, "run_id": run_id, "owner": owner, "token": token} for ref in free]
                )
        return lost

    def release(self, run_id: str) -> None:
        """Give back every claim of a run."""
        with self._transaction() as connection:
            given_back = connection.execute(delete(schema.claims).where(schema.claims.c.run_id == run_id))
            if given_back.rowcount:
                self._next_token(connection)

    def take_over(self, run_id: str, *, owner: str) -> None:
        """Write down another owner for a run, and give back its claims: a process that still has it moves nothing more."""
        with self._transaction() as connection:
            connection.execute(update(schema.runs).where(schema.runs.c.id == run_id).values(owner=owner))
            connection.execute(delete(schema.claims).where(schema.claims.c.run_id == run_id))
            self._next_token(connection)

    def fence(self) -> int:
        """A number that grows whenever claims are taken or given back."""
        table = schema.counters
        with self._reading() as connection:
            return int(connection.execute(select(table.c.value).where(table.c.name == "fencing")).scalar() or 0)

    def holds(self, run_id: str, refs: Iterable[str]) -> bool:
        """True when the run still holds every one of the refs."""
        wanted = sorted(set(refs))
        table = schema.claims
        with self._reading() as connection:
            held = sum(
                connection.execute(
                    select(func.count()).where(table.c.run_id == run_id, table.c.ref.in_(chunk))
                ).scalar_one()
                for chunk in _chunks(wanted)
            )
        return held == len(wanted)

    def _next_token(self, connection: Connection) -> int:
        table = schema.counters
        value = connection.execute(select(table.c.value).where(table.c.name == "fencing")).scalar()
        if value is None:
            connection.execute(insert(table), [{"name": "fencing", "value": 1}])
            return 1
        connection.execute(update(table).where(table.c.name == "fencing").values(value=value + 1))
        return int(value) + 1

    def remembered(self, keys: Iterable[str]) -> Mapping[str, str]:
        """Verdicts remembered from earlier runs, by content key."""
        table = schema.verdicts
        found: dict[str, str] = {}
        with self._reading() as connection:
            for chunk in _chunks(sorted(set(keys))):
                found.update(
                    (row.key, row.body)
                    for row in connection.execute(select(table.c.key, table.c.body).where(table.c.key.in_(chunk)))
                )
        return found

    def remember(self, verdicts: Mapping[str, str], *, at: datetime) -> None:
        """Keep verdicts for later runs."""
        if not verdicts:
            return
        with self._transaction() as connection:
            connection.execute(
                insert(schema.verdicts).prefix_with("OR REPLACE"),
                [{"key": key, "body": body, "at": at} for key, body in verdicts.items()],
            )

    def open_session(self, session: ResolutionSession) -> bool:
        """Write down that a person is resolving a branch; False when one is open for it already."""
        table = schema.sessions
        with self._transaction() as connection:
            if connection.execute(select(table.c.ref).where(table.c.ref == session.ref)).first() is not None:
                return False
            row = {"ref": session.ref, "body": text(session_documents.dump(session)), "at": session.opened_at}
            connection.execute(insert(table), [row])
        return True

    def sessions(self) -> tuple[ResolutionSession, ...]:
        """Branches that are being resolved, by name."""
        table = schema.sessions
        with self._reading() as connection:
            rows = connection.execute(select(table.c.body).order_by(table.c.ref)).all()
        with _understood(self._path, "resolutions under way"):
            return tuple(session_documents.load(parsed(row.body)) for row in rows)

    def close_session(self, ref: str) -> None:
        """Nobody is resolving the branch any more."""
        with self._transaction() as connection:
            connection.execute(delete(schema.sessions).where(schema.sessions.c.ref == ref))

    def forget_before(self, when: datetime) -> tuple[str, ...]:
        """Drop details of runs finished before `when`; their ids. Rows of runs stay."""
        table = schema.runs
        with self._transaction() as connection:
            old = [
                row.id
                for row in connection.execute(
                    select(table.c.id).where(table.c.finished_at < when, table.c.state == RunState.FINISHED.value)
                )
            ]
            for chunk in _chunks(old):
                connection.execute(delete(schema.events).where(schema.events.c.run_id.in_(chunk)))
            connection.execute(delete(schema.verdicts).where(schema.verdicts.c.at < when))
        return tuple(old)


@contextmanager
def _understood(path: Path, whose: str) -> Iterator[None]:
    """Rows that do not say what they should are errors of the journal, by the name of the run.

    Raises:
        StoreError
    """
    try:
        yield
    except (ValueError, TypeError, AttributeError) as error:
        raise _unreadable(path, whose, str(error)) from error


def _unreadable(path: Path, whose: str, why: str) -> StoreError:
    return StoreError(
        f"journal {path}: what is stored of {whose} cannot be read: {why[:200]}",
        hint=f"move {path} away: a new journal is made; git for-each-ref refs/gitalign lists what runs pinned",
    )


def _chunks(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), _AT_ONCE):
        yield values[start : start + _AT_ONCE]


def _move(run_id: str, one: Publication, *, position: int) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "ref": one.update.ref,
        "position": position,
        "state": one.state.value,
        "body": json.dumps(move_documents.dump(one)),
    }
