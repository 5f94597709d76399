"""Intended moves, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update

from gitalign.core.names import Oid
from gitalign.core.publication import UNSETTLED, MoveState, Publication, PushState
from gitalign.core.run import RunState
from gitalign.store import bodies, schema
from gitalign.store.dialect import understood
from gitalign.store.family import AT_ONCE, Family, chunks

_MOVES, _RUNS = schema.publications, schema.runs
_MADE = (MoveState.MOVED, MoveState.UNDONE, MoveState.STANDS)
_UPDATE = (
    update(_MOVES)
    .where(_MOVES.c.repository == bindparam("of"), _MOVES.c.ref == bindparam("named"), _MOVES.c.run == bindparam("by"))
    .values(state=bindparam("state"), push=bindparam("push"), body=bindparam("body"))
)


class SqlMoves(Family):
    """See `ports.MoveStore`."""

    def intend(self, run_id: str, publications: Sequence[Publication], *, anchor: str) -> None:
        """Write every intended move and the pinning ref, and set the state `publishing`."""
        with self.transaction() as connection:
            number = self._held(connection, run_id)
            connection.execute(delete(_MOVES).where(_MOVES.c.run == number))
            rows = (
                {
                    "run": number,
                    "position": position,
                    "repository": self.repository,
                    "ref": one.update.ref,
                    "state": one.state.value,
                    "push": one.push.value,
                    "before_oid": one.update.before,
                    "after_oid": one.update.after,
                    "body": bodies.publication_text(one),
                }
                for position, one in enumerate(publications)
            )
            while chunk := list(islice(rows, AT_ONCE)):
                connection.execute(insert(_MOVES), chunk)
            values = {"state": RunState.PUBLISHING.value, "anchor": anchor, **_counts(connection, number)}
            connection.execute(update(_RUNS).where(_RUNS.c.number == number).values(**values))

    def update_publications(self, run_id: str, publications: Sequence[Publication]) -> None:
        """Write what became of moves, matched by ref."""
        if not publications:
            return
        with self.transaction() as connection:
            number = self._held(connection, run_id)
            rows = (
                {
                    "of": self.repository,
                    "by": number,
                    "named": one.update.ref,
                    "state": one.state.value,
                    "push": one.push.value,
                    "body": bodies.publication_text(one),
                }
                for one in publications
            )
            while chunk := list(islice(rows, AT_ONCE)):
                connection.execute(_UPDATE, chunk)
            connection.execute(update(_RUNS).where(_RUNS.c.number == number).values(**_counts(connection, number)))

    def publications(self, run_id: str) -> tuple[Publication, ...]:
        """Intended moves of a run with their present state, in order."""
        with self._reading() as connection:
            number = self._number(connection, run_id)
            query = select(_MOVES.c.body).where(_MOVES.c.run == number).order_by(_MOVES.c.position)
            rows = connection.execute(query).all()
        with understood(self._dialect, f"run {run_id}"):
            return tuple(bodies.publication_of(row.body) for row in rows)

    def placed(self, refs: Iterable[str]) -> Mapping[str, Oid]:
        """Full ref -> where a run last put it; refs that no run put anywhere, or that were put back since, are left out."""
        later = _MOVES.alias("later")
        newest = (
            select(func.max(later.c.run))
            .where(
                later.c.repository == self.repository,
                later.c.ref == _MOVES.c.ref,
                later.c.state == MoveState.MOVED.value,
            )
            .scalar_subquery()
        )
        query = select(_MOVES.c.ref, _MOVES.c.after_oid).where(
            _MOVES.c.repository == self.repository, _MOVES.c.run == newest
        )
        with self._reading() as connection:
            return {
                row.ref: Oid(row.after_oid)
                for chunk in chunks(sorted(set(refs)))
                for row in connection.execute(query.where(_MOVES.c.ref.in_(chunk)))
            }

    def history_of(self, refs: Iterable[str]) -> Mapping[str, tuple[Publication, ...]]:
        """Full ref -> what runs made of it, oldest first: moves that were made, undone or not, and what was only pushed."""
        found: dict[str, list[Publication]] = {}
        with self._reading() as connection, understood(self._dialect, "moves of earlier runs"):
            for row in self._of(connection, refs, _MADE, newest_first=False):
                found.setdefault(row.ref, []).append(bodies.publication_of(row.body))
        return {ref: tuple(made) for ref, made in found.items()}

    def moves_of(self, refs: Iterable[str]) -> tuple[tuple[str, Publication], ...]:
        """Moves of these refs that any run made or means to make, each with the run's id; of each ref the newest first."""
        states = (*_MADE, MoveState.INTENDED)
        with self._reading() as connection, understood(self._dialect, "moves of earlier runs"):
            return tuple(
                (self._id(row.id), bodies.publication_of(row.body))
                for row in self._of(connection, refs, states, newest_first=True)
            )

    def _of(
        self, connection: Connection, refs: Iterable[str], states: Sequence[MoveState], *, newest_first: bool
    ) -> Iterable[Any]:
        query = (
            select(_RUNS.c.id, _MOVES.c.ref, _MOVES.c.body)
            .join(_RUNS, _RUNS.c.number == _MOVES.c.run)
            .where(_MOVES.c.repository == self.repository, _MOVES.c.state.in_([state.value for state in states]))
            .order_by(_MOVES.c.ref, _MOVES.c.run.desc() if newest_first else _MOVES.c.run)
        )
        for chunk in chunks(sorted(set(refs))):
            yield from connection.execute(query.where(_MOVES.c.ref.in_(chunk)))

    def unsettled_pushes(self) -> tuple[str, ...]:
        """Runs that have pushes of which it is not known whether they arrived, oldest first."""
        query = (
            select(_RUNS.c.id).where(_RUNS.c.repository == self.repository, schema.UNSETTLED).order_by(_RUNS.c.number)
        )
        with self._reading() as connection:
            return tuple(self._id(row.id) for row in connection.execute(query))

    def refs_not_pushed(self) -> tuple[str, ...]:
        """Refs that a run meant to push, and that did not arrive with that run, sorted. A later push may have brought them."""
        query = (
            select(_MOVES.c.ref)
            .distinct()
            .join(_RUNS, _RUNS.c.number == _MOVES.c.run)
            .where(
                _RUNS.c.repository == self.repository,
                schema.STANDING,
                _MOVES.c.state.in_([state.value for state in _MADE]),
                _MOVES.c.push.in_(sorted(state.value for state in UNSETTLED)),
            )
            .order_by(_MOVES.c.ref)
        )
        with self._reading() as connection:
            return tuple(row.ref for row in connection.execute(query))


def _counts(connection: Connection, number: int) -> dict[str, int]:
    """Where the moves of a run stand, for its row: read from an index alone."""
    query = (
        select(_MOVES.c.state, _MOVES.c.push, func.count().label("many"))
        .where(_MOVES.c.run == number)
        .group_by(_MOVES.c.state, _MOVES.c.push)
    )
    return counted([(row.state, row.push, row.many) for row in connection.execute(query)])


def counted(groups: Iterable[tuple[str, str, int]]) -> dict[str, int]:
    """Counts for the row of a run.

    Args:
        groups: state of moves, state of their pushes, how many there are.
    """
    counts = dict.fromkeys(("moved", "undone", "pushed", "stood", "unknown"), 0)
    for state, push, many in groups:
        counts["moved"] += many if state in (MoveState.MOVED, MoveState.UNDONE) else 0
        counts["undone"] += many if state == MoveState.UNDONE else 0
        counts["stood"] += many if state == MoveState.STANDS else 0
        counts["pushed"] += many if state == MoveState.STANDS and push == PushState.PUSHED else 0
        counts["unknown"] += many if state in _MADE and push == PushState.UNKNOWN else 0
    return counts
