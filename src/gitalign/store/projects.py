"""Projects with their metadata, and batches and work trees as the original requests ask for them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select, update

from gitalign.core.batch_records import BatchRecord, BatchRunRecord, ListedBatch, ListedWorktree, ProjectRecord
from gitalign.core.names import display
from gitalign.errors import UnknownBatch
from gitalign.store import batch_rows, schema
from gitalign.store.dialect import understood
from gitalign.store.family import Family

_PROJECTS, _METADATA, _RUNS = schema.projects, schema.project_metadata, schema.batch_runs
_BATCHES, _TREES, _IN_BATCH = schema.parallel_batches, schema.worktrees, schema.batch_worktrees
_PLANNED = 0
"""What stands for a run in batches that no run carries out."""


class SqlProjects(Family):
    """See `ports.ProjectStore`, which says what every method promises."""

    def put_project(self, project: ProjectRecord) -> None:
        """Write a project down; its metadata is merged in."""
        with self.transaction() as connection:
            self._next_token(connection)  # one at a time: two would both find no row
            mine = self._project(project.id)
            named = update(_PROJECTS).where(mine).values(name=project.name, local_path=project.local_path)
            number = connection.execute(named.returning(_PROJECTS.c.number)).scalar()
            if number is None:
                row = {
                    "repository": self.repository,
                    "id": project.id,
                    "name": project.name,
                    "local_path": project.local_path,
                    "created_at": project.created_at,
                }
                number = connection.execute(insert(_PROJECTS).values(**row).returning(_PROJECTS.c.number)).scalar_one()
            self._merge(connection, int(number), project.metadata)

    def project(self, project_id: str) -> ProjectRecord | None:
        """A project with its metadata."""
        with self._reading() as connection, self._snapshot(connection):
            row = connection.execute(select(_PROJECTS).where(self._project(project_id))).first()
            if row is None:
                return None
            keys = select(_METADATA.c.key, _METADATA.c.value).where(_METADATA.c.project == row.number)
            pairs = connection.execute(keys.order_by(_METADATA.c.key)).all()
        with understood(self._dialect, f"project {display(project_id)}"):
            return ProjectRecord(
                id=row.id,
                name=row.name,
                local_path=row.local_path,
                created_at=row.created_at,
                metadata={pair.key: json.loads(pair.value) for pair in pairs},
            )

    def merge_project_metadata(self, project_id: str, updates: Mapping[str, Any]) -> bool:
        """Replace these keys, and no others; False when there is no such project."""
        with self.transaction() as connection:
            number = connection.execute(select(_PROJECTS.c.number).where(self._project(project_id))).scalar()
            if number is None:
                return False
            self._merge(connection, int(number), updates)
        return True

    def batch_run_of_project(self, project_id: str) -> BatchRunRecord | None:
        """The newest run of a project."""
        with self._reading() as connection:
            row = connection.execute(self._newest_run(project_id)).first()
        if row is None:
            return None
        with understood(self._dialect, f"batch run {display(str(row.id))}"):
            return batch_rows.run_of(row)

    def plan_of_batch_run(self, batch_run: str) -> str:
        """The plan of a run, as it was stored."""
        query = select(_RUNS.c.plan).where(_RUNS.c.repository == self.repository, _RUNS.c.id == batch_run)
        with self._reading() as connection:
            plan = connection.execute(query).scalar()
        if plan is None:
            raise UnknownBatch(f"no batch run {display(batch_run)!r}", hint="git align batch list")
        return str(plan)

    def plan_project_batches(self, project_id: str, batches: Sequence[BatchRecord]) -> None:
        """Write down the batches of a plan that no run carries out, in place of those that were planned before."""
        with self.transaction() as connection:
            project = self._project_number(connection, project_id)
            self._merge(connection, project, {})  # one at a time
            planned = (_BATCHES.c.project == project) & (_BATCHES.c.batch_run == _PLANNED)
            connection.execute(delete(_BATCHES).where(planned))
            rows = [{**batch_rows.of_batch(one), "project": project, "batch_run": _PLANNED} for one in batches]
            if rows:
                connection.execute(insert(_BATCHES), rows)

    def batches_of_project(self, project_id: str) -> tuple[ListedBatch, ...]:
        """Batches of the newest run of a project; without a run, those that were planned."""
        with self._reading() as connection:
            newest = connection.execute(self._newest_run(project_id)).first()
            run = _PLANNED if newest is None else newest.number
            query = self._batches().where(self._project(project_id), _BATCHES.c.batch_run == run)
            rows = connection.execute(query.order_by(_BATCHES.c.batch_number)).all()
        with understood(self._dialect, f"project {display(project_id)}"):
            return tuple(map(_listed, rows))

    def batch_by_key(self, key: int) -> ListedBatch | None:
        """One batch."""
        with self._reading() as connection:
            row = connection.execute(self._batches().where(_BATCHES.c.number == key)).first()
        with understood(self._dialect, f"batch {key}"):
            return None if row is None else _listed(row)

    def set_planned_batch(
        self, key: int, status: str, *, started_at: datetime | None, completed_at: datetime | None
    ) -> bool:
        """Change a batch that no run carries out; None keeps a time. False when it is not such a batch."""
        times = {"started_at": started_at, "completed_at": completed_at}
        values: dict[str, Any] = {"status": status, **{name: at for name, at in times.items() if at is not None}}
        ours = select(_PROJECTS.c.number).where(_PROJECTS.c.repository == self.repository)
        this = (_BATCHES.c.number == key) & (_BATCHES.c.batch_run == _PLANNED) & _BATCHES.c.project.in_(ours)
        with self.transaction() as connection:
            return bool(connection.execute(update(_BATCHES).where(this).values(**values)).rowcount)

    def worktrees_of_batch(self, key: int) -> tuple[ListedWorktree, ...]:
        """Work trees of a batch."""
        query = (
            select(_TREES, _BATCHES.c.batch_number, _PROJECTS.c.id.label("project_id"))
            .join(_IN_BATCH, _IN_BATCH.c.worktree == _TREES.c.number)
            .join(_BATCHES, _BATCHES.c.number == _IN_BATCH.c.batch)
            .join(_PROJECTS, _PROJECTS.c.number == _BATCHES.c.project)
            .where(_BATCHES.c.number == key, _PROJECTS.c.repository == self.repository)
            .order_by(_TREES.c.number)
        )
        with self._reading() as connection:
            rows = connection.execute(query).all()
        with understood(self._dialect, f"batch {key}"):
            return tuple(
                ListedWorktree(key=row.number, project_id=row.project_id, worktree=batch_rows.worktree_of(row))
                for row in rows
            )

    def _project(self, project_id: str) -> Any:
        return (_PROJECTS.c.repository == self.repository) & (_PROJECTS.c.id == project_id)

    def _project_number(self, connection: Connection, project_id: str) -> int:
        return int(connection.execute(select(_PROJECTS.c.number).where(self._project(project_id))).scalar_one())

    def _merge(self, connection: Connection, project: int, updates: Mapping[str, Any]) -> None:
        """Replace these keys. Another process that changes the same project waits until the transaction ends."""
        first = update(_PROJECTS).where(_PROJECTS.c.number == project).values(writes=_PROJECTS.c.writes + 1)
        connection.execute(first)
        for key, value in updates.items():
            text = json.dumps(value)
            this = (_METADATA.c.project == project) & (_METADATA.c.key == key)
            if not connection.execute(update(_METADATA).where(this).values(value=text)).rowcount:
                connection.execute(insert(_METADATA), [{"project": project, "key": key, "value": text}])

    def _newest_run(self, project_id: str) -> Select[Any]:
        newest = (
            select(func.max(_RUNS.c.number))
            .join(_PROJECTS, _PROJECTS.c.number == _RUNS.c.project)
            .where(self._project(project_id))
            .scalar_subquery()
        )
        columns = [one for one in _RUNS.c if one.name != "plan"]
        return (
            select(*columns, _PROJECTS.c.id.label("project_id"))
            .join(_PROJECTS, _PROJECTS.c.number == _RUNS.c.project)
            .where(_RUNS.c.number == newest)
        )

    def _batches(self) -> Select[Any]:
        return (
            select(_BATCHES, _PROJECTS.c.id.label("project_id"), _RUNS.c.id.label("run_id"))
            .join(_PROJECTS, _PROJECTS.c.number == _BATCHES.c.project)
            .outerjoin(_RUNS, _RUNS.c.number == _BATCHES.c.batch_run)
            .where(_PROJECTS.c.repository == self.repository)
        )

    @contextmanager
    def _snapshot(self, connection: Connection) -> Iterator[None]:
        """Have several statements read the same moment."""
        connection.exec_driver_sql(self._dialect.read)
        try:
            yield
        finally:
            if not connection.invalidated:
                connection.exec_driver_sql("COMMIT")


def _listed(row: Any) -> ListedBatch:
    return ListedBatch(key=row.number, project_id=row.project_id, batch_run=row.run_id, batch=batch_rows.batch_of(row))
