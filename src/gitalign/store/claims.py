"""Which run works on which branch, and which process holds which run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection, delete, insert, select, update

from gitalign.errors import UnknownRun
from gitalign.ports import Claim, OwnerProbe
from gitalign.store import schema
from gitalign.store.family import Family, chunks, taken_over

_CLAIMS, _RUNS = schema.claims, schema.runs


class SqlClaims(Family):
    """See `ports.ClaimStore`. Transactions that change claims wait for one another: each begins with a new token."""

    def claim(self, run_id: str, refs: Iterable[str], *, owner: str, is_alive: OwnerProbe) -> Mapping[str, Claim]:
        """Take refs for a run; those that could not be had, with who holds them. A dead run that loses one loses all."""
        wanted = sorted(set(refs))
        with self.transaction() as connection:
            token = self._next_token(connection)
            number = self._held(connection, run_id)
            held = self._claimed(connection, wanted)
            alive = {claim.owner: is_alive(claim.owner) for _, claim in held.values()}
            lost = {ref: claim for ref, (run, claim) in held.items() if run != number and alive[claim.owner]}
            dead = sorted({run for run, claim in held.values() if run != number and not alive[claim.owner]})
            for chunk in chunks(dead):
                connection.execute(delete(_CLAIMS).where(_CLAIMS.c.run.in_(chunk)))
                connection.execute(update(_RUNS).where(_RUNS.c.number.in_(chunk)).values(token=token, is_held=False))
            free = [ref for ref in wanted if ref not in held or held[ref][0] in dead]
            rows = [
                {"repository": self.repository, "ref": ref, "run": number, "owner": owner, "token": token}
                for ref in free
            ]
            if rows:
                connection.execute(insert(_CLAIMS), rows)
        return lost

    def _claimed(self, connection: Connection, refs: list[str]) -> dict[str, tuple[int, Claim]]:
        """Ref -> number of the run that claims it, and the claim."""
        query = select(_CLAIMS, _RUNS.c.id.label("run_id")).join(_RUNS, _RUNS.c.number == _CLAIMS.c.run)
        mine = query.where(_CLAIMS.c.repository == self.repository)
        return {
            row.ref: (row.run, Claim(ref=row.ref, run_id=self._id(row.run_id), owner=row.owner, token=row.token))
            for chunk in chunks(refs)
            for row in connection.execute(mine.where(_CLAIMS.c.ref.in_(chunk)))
        }

    def release(self, run_id: str) -> None:
        """Give a run back with all of its claims; nothing happens where another process has taken it over."""
        with self.transaction() as connection:
            still_ours = (_RUNS.c.repository == self.repository) & (_RUNS.c.id == run_id)
            if run_id in self._tokens:
                still_ours &= _RUNS.c.token == self._tokens[run_id]
            given_back = update(_RUNS).where(still_ours).values(is_held=False).returning(_RUNS.c.number)
            number = connection.execute(given_back).scalar()
            if number is not None:
                connection.execute(delete(_CLAIMS).where(_CLAIMS.c.run == number))

    def take(self, run_id: str, *, owner: str | None = None) -> None:
        """Take over a run, to finish it or roll it back; this object holds it. Its earlier holder publishes nothing more."""
        with self.transaction() as connection:
            token = self._next_token(connection)
            values = {"token": token, "is_held": True} | ({} if owner is None else {"owner": owner})
            mine = (_RUNS.c.repository == self.repository) & (_RUNS.c.id == run_id)
            taken = connection.execute(update(_RUNS).where(mine).values(**values).returning(_RUNS.c.number)).scalar()
            if taken is None:
                raise UnknownRun(f"no run {run_id!r}", hint="git align runs")
        self._tokens[run_id] = token

    def take_over(self, run_id: str, *, owner: str) -> None:
        """Write down another owner for a run, and give back its claims: a process that still has it moves nothing more."""
        self.take(run_id, owner=owner)
        self.release(run_id)
        del self._tokens[run_id]

    def is_held(self, run_id: str) -> bool:
        """True until the process that holds a run gives it back."""
        query = select(_RUNS.c.is_held).where(_RUNS.c.repository == self.repository, _RUNS.c.id == run_id)
        with self._reading() as connection:
            return bool(connection.execute(query).scalar())

    def require_held(self, run_id: str) -> int:
        """The token by which this object holds a run."""
        query = select(_RUNS.c.token, _RUNS.c.is_held).where(
            _RUNS.c.repository == self.repository, _RUNS.c.id == run_id
        )
        with self._reading() as connection:
            row = connection.execute(query).first()
        if row is None or not row.is_held or row.token != self._tokens.get(run_id):
            raise taken_over(run_id)
        return int(row.token)
