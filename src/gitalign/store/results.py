"""What happened in a run, and what each step came to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import delete, func, insert, select

from gitalign.core.events import Event
from gitalign.core.outcome import Aligned, StepResult
from gitalign.core.plan import Plan
from gitalign.store import bodies, schema
from gitalign.store.dialect import understood
from gitalign.store.family import Family, chunks
from gitalign.store.new_events import new_rows

_RESULTS, _RESOLVED, _RUNS = schema.results, schema.resolved, schema.runs
_ALIGNED = "aligned"


class SqlEvents(Family):
    """See `ports.EventStore`."""

    def append(self, events: Sequence[Event]) -> None:
        """Add events to the journal. Those that it has already are not added again."""
        if not events:
            return
        table = schema.events
        with self.transaction() as connection:
            for run_id in dict.fromkeys(event.run_id for event in events):
                number = self._held(connection, run_id)
                mine = [event for event in events if event.run_id == run_id]
                rows = new_rows(connection, table, table.c.run == number, mine)
                if rows:
                    connection.execute(insert(table), [{"run": number, **row} for row in rows])

    def events(self, run_id: str, *, after: int = 0) -> tuple[Event, ...]:
        """Events with a higher `seq`, in order."""
        table = schema.events
        with self._reading() as connection:
            number = self._number(connection, run_id)
            query = select(table.c.body).where(table.c.run == number, table.c.seq > after).order_by(table.c.seq)
            rows = connection.execute(query).all()
        with understood(self._dialect, f"run {run_id}"):
            return tuple(bodies.event_of(row.body) for row in rows)


class SqlResults(Family):
    """See `ports.ResultStore`."""

    def record_results(self, run_id: str, results: Sequence[StepResult], *, plan: Plan) -> None:
        """Write the results of steps, replacing earlier ones of the same step."""
        if not results:
            return
        with self.transaction() as connection:
            number = self._held(connection, run_id)
            for chunk in chunks(results):
                steps = [result.step_id for result in chunk]
                for table in (_RESULTS, _RESOLVED):
                    connection.execute(delete(table).where(table.c.run == number, table.c.step.in_(steps)))
                rows = [
                    {
                        "run": number,
                        "step": result.step_id,
                        "repository": self.repository,
                        "branch": result.branch,
                        "target": plan.steps[result.step_id].target.name,
                        "outcome": result.outcome.kind,
                        "body": bodies.result_text(result),
                    }
                    for result in chunk
                ]
                connection.execute(insert(_RESULTS), rows)
                uses = [
                    {"repository": self.repository, "conflict": conflict, "run": number, "step": result.step_id}
                    for result in chunk
                    for conflict in _conflicts_of(result)
                ]
                if uses:
                    connection.execute(insert(_RESOLVED), uses)

    def results(self, run_id: str) -> tuple[StepResult, ...]:
        """Results in step order."""
        with self._reading() as connection:
            number = self._number(connection, run_id)
            query = select(_RESULTS.c.body).where(_RESULTS.c.run == number).order_by(_RESULTS.c.step)
            rows = connection.execute(query).all()
        with understood(self._dialect, f"run {run_id}"):
            return tuple(bodies.result_of(row.body) for row in rows)

    def results_with(self, conflicts: Iterable[str]) -> tuple[tuple[str, StepResult], ...]:
        """Newest results of branches that have a recorded resolution of one of the conflicts in them, with their runs."""
        newer = _RESULTS.alias("newer")
        newest = (
            select(func.max(newer.c.run))
            .where(
                newer.c.repository == self.repository,
                newer.c.branch == _RESULTS.c.branch,
                newer.c.outcome == _ALIGNED,
            )
            .scalar_subquery()
        )
        query = (
            select(_RUNS.c.id, _RESULTS.c.body)
            .distinct()
            .select_from(_RESOLVED)
            .join(_RESULTS, (_RESULTS.c.run == _RESOLVED.c.run) & (_RESULTS.c.step == _RESOLVED.c.step))
            .join(_RUNS, _RUNS.c.number == _RESULTS.c.run)
            .where(_RESOLVED.c.repository == self.repository, _RESULTS.c.run == newest)
        )
        with self._reading() as connection, understood(self._dialect, "results of earlier runs"):
            return tuple(
                (self._id(row.id), bodies.result_of(row.body))
                for chunk in chunks(sorted(set(conflicts)))
                for row in connection.execute(query.where(_RESOLVED.c.conflict.in_(chunk)))
            )


def _conflicts_of(result: StepResult) -> list[str]:
    if not isinstance(result.outcome, Aligned):
        return []
    return sorted({applied.conflict for applied in result.outcome.resolved if applied.conflict})
