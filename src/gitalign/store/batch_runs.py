"""Batch runs: the run itself, its batches, tasks, work trees, events, and requests to the process that carries it out."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, or_, select, update

from gitalign.core.batch_records import (
    PROJECT_RUN_KEY,
    BatchRunChange,
    BatchRunRecord,
    StoredBatchRun,
    WorktreeRecord,
)
from gitalign.core.events import Event
from gitalign.core.names import display
from gitalign.errors import RunTakenOver, UnknownBatch
from gitalign.store import batch_rows, bodies, schema
from gitalign.store.dialect import understood
from gitalign.store.family import chunks
from gitalign.store.new_events import new_rows
from gitalign.store.projects import SqlProjects

_RUNS, _BATCHES, _TASKS = schema.batch_runs, schema.parallel_batches, schema.batch_tasks
_TREES, _IN_BATCH, _EVENTS = schema.worktrees, schema.batch_worktrees, schema.batch_events
_METADATA = schema.project_metadata
_AFTER_EVERY_ID = "~"
_LIST = "git align batch list"


class SqlBatchRuns(SqlProjects):
    """See `ports.BatchRunStore`, which says what every method promises."""

    def begin_batch_run(
        self, change: BatchRunChange, *, plan: str, open_states: Collection[str], seen: Collection[str] | None = None
    ) -> str | None:
        """Write a new run, unless one of the same plan is open or new; this object holds it."""
        record = change.record
        with self.transaction() as connection:
            token = self._next_token(connection)  # one at a time
            is_open = _RUNS.c.status.in_(open_states)
            hinders = is_open if seen is None else or_(is_open, _RUNS.c.id.not_in(seen))
            same = self._of_plan(record.plan_digest, record.target).where(hinders)
            known = connection.execute(same).first() if record.plan_digest else None
            if known is not None:
                return self._id(known.id)
            project = self._project_number(connection, record.project_id)
            row = {
                **batch_rows.of_run(record),
                "repository": self.repository,
                "id": record.id,
                "project": project,
                "created_at": record.created_at,
                "plan_digest": record.plan_digest,
                "target": record.target,
                "token": token,
                "plan": plan,
            }
            number = connection.execute(insert(_RUNS).values(**row).returning(_RUNS.c.number)).scalar_one()
            rows = [{**batch_rows.of_batch(one), "project": project, "batch_run": number} for one in change.batches]
            if rows:
                connection.execute(insert(_BATCHES), rows)
            if change.tasks:
                connection.execute(
                    insert(_TASKS), [{"batch_run": number, **batch_rows.of_task(one)} for one in change.tasks]
                )
            self._put_trees(connection, number, change.worktrees)
            self._merge(connection, project, change.metadata)
        self._tokens[_held(record.id)] = token
        return None

    def take_batch_run(self, batch_run: str) -> None:
        """Hold a run; its earlier holder writes nothing more."""
        with self.transaction() as connection:
            token = self._next_token(connection)
            mine = (_RUNS.c.repository == self.repository) & (_RUNS.c.id == batch_run)
            taken = connection.execute(update(_RUNS).where(mine).values(token=token).returning(_RUNS.c.number)).scalar()
            if taken is None:
                raise _unknown(batch_run)
        self._tokens[_held(batch_run)] = token

    def change_batch_run(self, change: BatchRunChange) -> None:
        """Write what changed."""
        with self.transaction() as connection:
            number = self._held_batch_run(connection, change.record.id)
            connection.execute(update(_RUNS).where(_RUNS.c.number == number).values(**batch_rows.of_run(change.record)))
            for batch in change.batches:
                mine = (_BATCHES.c.batch_run == number) & (_BATCHES.c.batch_number == batch.number)
                connection.execute(update(_BATCHES).where(mine).values(**batch_rows.of_batch(batch)))
            for task in change.tasks:
                this = (_TASKS.c.batch_run == number) & (_TASKS.c.position == task.position)
                connection.execute(update(_TASKS).where(this).values(status=task.status, body=task.body))
            self._put_trees(connection, number, change.worktrees)
            if change.metadata:
                project = self._project_number(connection, change.record.project_id)
                self._merge_of_run(connection, project, change.record.id, change.metadata)

    def batch_run(self, word: str) -> BatchRunRecord:
        """One run, by full id, unambiguous prefix, or `last`."""
        if word == "last":
            rows = self._batch_rows(self._runs().order_by(_RUNS.c.number.desc()).limit(1))
        else:
            is_asked = (word <= _RUNS.c.id) & (_RUNS.c.id < word + _AFTER_EVERY_ID)
            can_be = bool(word) and word.isascii() and word.isprintable()
            rows = self._batch_rows(self._runs().where(is_asked).order_by(_RUNS.c.id).limit(6)) if can_be else []
            rows = [row for row in rows if row.id == word] or rows
        if len(rows) > 1:
            ids = ", ".join(self._id(row.id) for row in rows[:5])
            raise UnknownBatch(f"{display(word)!r} could be any of {ids}", hint="give more of the id")
        if not rows:
            raise _unknown(word)
        return self._batch_record(rows[0])

    def stored_batch_run(self, batch_run: str) -> StoredBatchRun:
        """All that is kept of a run, as of one moment."""
        with self._reading() as connection, self._snapshot(connection):
            row = connection.execute(self._runs(_RUNS.c.plan).where(_RUNS.c.id == batch_run)).first()
            if row is None:
                raise _unknown(batch_run)
            batches = select(_BATCHES).where(_BATCHES.c.batch_run == row.number).order_by(_BATCHES.c.batch_number)
            tasks = select(_TASKS).where(_TASKS.c.batch_run == row.number).order_by(_TASKS.c.position)
            batch_list, task_list = connection.execute(batches).all(), connection.execute(tasks).all()
        with understood(self._dialect, f"batch run {display(batch_run)}"):
            return StoredBatchRun(
                record=self._batch_record(row),
                plan=row.plan,
                batches=tuple(map(batch_rows.batch_of, batch_list)),
                tasks=tuple(map(batch_rows.task_of, task_list)),
            )

    def batch_runs(self) -> tuple[BatchRunRecord, ...]:
        """Oldest first."""
        return tuple(map(self._batch_record, self._batch_rows(self._runs().order_by(_RUNS.c.number))))

    def batch_runs_of_plan(self, plan_digest: str, target: str) -> tuple[BatchRunRecord, ...]:
        """Runs of a plan onto a target, oldest first."""
        return tuple(map(self._batch_record, self._batch_rows(self._of_plan(plan_digest, target))))

    def ask_batch_run(self, batch_run: str, request: str, *, metadata: Mapping[str, Any]) -> None:
        """Leave a request, in place of an earlier one."""
        with self.transaction() as connection:
            mine = (_RUNS.c.repository == self.repository) & (_RUNS.c.id == batch_run)
            asked = update(_RUNS).where(mine).values(request=request).returning(_RUNS.c.project)
            project = connection.execute(asked).scalar()
            if project is None:
                raise _unknown(batch_run)
            self._merge_of_run(connection, int(project), batch_run, metadata)

    def request_of_batch_run(self, batch_run: str) -> str:
        """The request that is there; empty for none."""
        query = select(_RUNS.c.request).where(_RUNS.c.repository == self.repository, _RUNS.c.id == batch_run)
        with self._reading() as connection:
            return str(connection.execute(query).scalar() or "")

    def forget_batch_runs(self, batch_runs: Sequence[str]) -> None:
        """Remove runs with all that belongs to them."""
        with self.transaction() as connection:
            for chunk in chunks(batch_runs):
                mine = select(_RUNS.c.number).where(_RUNS.c.repository == self.repository, _RUNS.c.id.in_(chunk))
                numbers = [int(number) for number in connection.execute(mine).scalars()]
                batches = select(_BATCHES.c.number).where(_BATCHES.c.batch_run.in_(numbers))
                connection.execute(delete(_IN_BATCH).where(_IN_BATCH.c.batch.in_(batches)))
                for table in (_TREES, _BATCHES, _TASKS, _EVENTS):
                    connection.execute(delete(table).where(table.c.batch_run.in_(numbers)))
                connection.execute(delete(_RUNS).where(_RUNS.c.number.in_(numbers)))

    def append_batch_events(self, batch_run: str, events: Sequence[Event]) -> None:
        """Add what happened in a run. What is written already is not added again."""
        if not events:
            return
        with self.transaction() as connection:
            number = self._held_batch_run(connection, batch_run)
            rows = new_rows(connection, _EVENTS, _EVENTS.c.batch_run == number, events)
            if rows:
                connection.execute(insert(_EVENTS), [{"batch_run": number, **row} for row in rows])

    def batch_events(self, batch_run: str, *, after: int = 0) -> tuple[Event, ...]:
        """Events with a higher `seq`, in order."""
        query = (
            select(_EVENTS.c.body)
            .join(_RUNS, _RUNS.c.number == _EVENTS.c.batch_run)
            .where(_RUNS.c.repository == self.repository, _RUNS.c.id == batch_run, _EVENTS.c.seq > after)
            .order_by(_EVENTS.c.seq)
        )
        with self._reading() as connection:
            rows = connection.execute(query).all()
        with understood(self._dialect, f"batch run {display(batch_run)}"):
            return tuple(bodies.event_of(row.body) for row in rows)

    def last_batch_event(self, batch_run: str) -> int:
        """The `seq` of the last event of a run; 0 before the first."""
        mine = (_RUNS.c.repository == self.repository) & (_RUNS.c.id == batch_run)
        query = select(func.max(_EVENTS.c.seq)).join(_RUNS, _RUNS.c.number == _EVENTS.c.batch_run).where(mine)
        with self._reading() as connection:
            return int(connection.execute(query).scalar() or 0)

    def _runs(self, *more: Any) -> Select[Any]:
        columns = [one for one in _RUNS.c if one.name != "plan"]
        project = schema.projects.c.id.label("project_id")
        joined = select(*columns, project, *more).join(schema.projects, schema.projects.c.number == _RUNS.c.project)
        return joined.where(_RUNS.c.repository == self.repository)

    def _of_plan(self, plan_digest: str, target: str) -> Select[Any]:
        same = (_RUNS.c.plan_digest == plan_digest) & (_RUNS.c.target == target)
        return self._runs().where(same).order_by(_RUNS.c.number)

    def _batch_rows(self, query: Select[Any]) -> Sequence[Any]:
        with self._reading() as connection, understood(self._dialect, "batch runs"):
            return connection.execute(query).all()

    def _batch_record(self, row: Any) -> BatchRunRecord:
        with understood(self._dialect, f"batch run {display(str(row.id))}"):
            self._id(row.id)
            return batch_rows.run_of(row)

    def _held_batch_run(self, connection: Connection, batch_run: str) -> int:
        """The number of a run that is written about, locked until the transaction ends."""
        query = (
            select(_RUNS.c.number, _RUNS.c.token)
            .where(_RUNS.c.repository == self.repository, _RUNS.c.id == batch_run)
            .with_for_update()
        )
        row = connection.execute(query).first()
        if row is None:
            raise _unknown(batch_run)
        if self._tokens.get(_held(batch_run), row.token) != row.token:
            raise RunTakenOver(
                f"batch run {batch_run} was taken over by another process; this one changes nothing more",
                hint=f"git align batch status {batch_run}",
            )
        return int(row.number)

    def _merge_of_run(self, connection: Connection, project: int, batch_run: str, metadata: Mapping[str, Any]) -> None:
        """Replace keys of a project whose metadata is about a run."""
        said = _METADATA.c.project == project, _METADATA.c.key == PROJECT_RUN_KEY
        about = connection.execute(select(_METADATA.c.value).where(*said)).scalar()
        if PROJECT_RUN_KEY in metadata or about == json.dumps(batch_run):
            self._merge(connection, project, metadata)

    def _put_trees(self, connection: Connection, number: int, worktrees: Sequence[WorktreeRecord]) -> None:
        for tree in worktrees:
            this = (_TREES.c.batch_run == number) & (_TREES.c.task_id == tree.task_id)
            values = batch_rows.of_worktree(tree)
            if connection.execute(update(_TREES).where(this).values(**values)).rowcount:
                continue
            mine = (_BATCHES.c.batch_run == number) & (_BATCHES.c.batch_number == tree.batch)
            batch = connection.execute(select(_BATCHES.c.number, _BATCHES.c.project).where(mine)).one()
            row = {**values, "project": batch.project, "batch_run": number, "task_id": tree.task_id}
            made = connection.execute(insert(_TREES).values(**row).returning(_TREES.c.number)).scalar_one()
            connection.execute(insert(_IN_BATCH), [{"batch": batch.number, "worktree": made}])


def _held(batch_run: str) -> str:
    """Under which name its token is kept: a run that lands a batch can have any id."""
    return f"batch {batch_run}"


def _unknown(word: str) -> UnknownBatch:
    return UnknownBatch(f"no batch run {display(word)!r}", hint=_LIST)
