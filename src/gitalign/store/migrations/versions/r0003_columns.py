"""Columns for what is asked: repository, run, branch, target, outcome, state of pushes. Runs are named by their number.

Made for SQLite alone: the first databases of another kind were made with these tables.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from alembic import op
from sqlalchemy import Connection

revision = "0003"
down_revision = "0002"

_OLD = ("runs", "events", "results", "publications", "claims", "verdicts", "sessions")
_TABLES = (
    """CREATE TABLE repositories (
    number INTEGER NOT NULL,
    id VARCHAR(64) NOT NULL,
    place TEXT DEFAULT '' NOT NULL,
    token INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (number),
    UNIQUE (id)
)""",
    """CREATE TABLE runs (
    number INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    id VARCHAR(40) NOT NULL,
    kind VARCHAR(16) NOT NULL,
    state VARCHAR(16) NOT NULL,
    started_at DATETIME NOT NULL,
    finished_at DATETIME,
    outcome VARCHAR(24) NOT NULL,
    plan_id VARCHAR(64) NOT NULL,
    total INTEGER NOT NULL,
    undoes VARCHAR(40),
    undone_by VARCHAR(40),
    owner TEXT NOT NULL,
    token INTEGER DEFAULT '0' NOT NULL,
    is_held BOOLEAN DEFAULT false NOT NULL,
    anchor TEXT,
    moved INTEGER DEFAULT '0' NOT NULL,
    undone INTEGER DEFAULT '0' NOT NULL,
    pushed INTEGER DEFAULT '0' NOT NULL,
    stood INTEGER DEFAULT '0' NOT NULL,
    unknown INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (number),
    CONSTRAINT runs_by_id UNIQUE (repository, id)
)""",
    """CREATE INDEX runs_by_end ON runs (repository, finished_at)""",
    """CREATE INDEX runs_by_number ON runs (repository, number)""",
    """CREATE INDEX runs_by_state ON runs (repository, state, number)""",
    """CREATE INDEX runs_that_stand ON runs (repository, number) WHERE (moved > undone OR stood > 0)""",
    """CREATE INDEX runs_unsettled ON runs (repository, number) WHERE unknown > 0""",
    """CREATE TABLE plans (
    run INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run)
)""",
    """CREATE TABLE events (
    run INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, seq)
)
 WITHOUT ROWID""",
    """CREATE TABLE results (
    run INTEGER NOT NULL,
    step INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    branch TEXT NOT NULL,
    target TEXT NOT NULL,
    outcome VARCHAR(24) NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, step)
)""",
    """CREATE INDEX results_by_branch ON results (repository, branch, outcome, run)""",
    """CREATE TABLE resolved (
    repository INTEGER NOT NULL,
    "conflict" VARCHAR(64) NOT NULL,
    run INTEGER NOT NULL,
    step INTEGER NOT NULL,
    PRIMARY KEY (repository, "conflict", run, step)
)
 WITHOUT ROWID""",
    """CREATE INDEX resolved_by_run ON resolved (run, step)""",
    """CREATE TABLE publications (
    run INTEGER NOT NULL,
    position INTEGER NOT NULL,
    repository INTEGER NOT NULL,
    ref TEXT NOT NULL,
    state VARCHAR(16) NOT NULL,
    push VARCHAR(16) NOT NULL,
    before_oid VARCHAR(64) NOT NULL,
    after_oid VARCHAR(64) NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (run, position)
)""",
    """CREATE UNIQUE INDEX publications_by_ref ON publications (repository, ref, run)""",
    """CREATE INDEX publications_by_state ON publications (run, state, push)""",
    """CREATE TABLE claims (
    repository INTEGER NOT NULL,
    ref TEXT NOT NULL,
    run INTEGER NOT NULL,
    owner TEXT NOT NULL,
    token INTEGER NOT NULL,
    PRIMARY KEY (repository, ref)
)
 WITHOUT ROWID""",
    """CREATE INDEX claims_by_run ON claims (run)""",
    """CREATE TABLE verdicts (
    repository INTEGER NOT NULL,
    "key" VARCHAR(64) NOT NULL,
    body TEXT NOT NULL,
    at DATETIME NOT NULL,
    PRIMARY KEY (repository, "key")
)""",
    """CREATE INDEX verdicts_by_age ON verdicts (repository, at)""",
    """CREATE TABLE sessions (
    repository INTEGER NOT NULL,
    ref TEXT NOT NULL,
    branch TEXT NOT NULL,
    target TEXT NOT NULL,
    body TEXT NOT NULL,
    at DATETIME NOT NULL,
    PRIMARY KEY (repository, ref)
)""",
)
_AT_ONCE = 500
_THIS = 1


def upgrade() -> None:
    """Make the new tables, bring every row over, and drop the old tables."""
    connection = op.get_bind()
    for statement in ("DROP INDEX publications_by_state", "DROP INDEX ix_claims_run_id"):
        connection.exec_driver_sql(statement)
    for name in _OLD:
        connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO old_{name}")
    for statement in _TABLES:
        connection.exec_driver_sql(statement)
    connection.exec_driver_sql(
        "INSERT INTO repositories (number, id, token) SELECT 1, 'this', "
        "coalesce((SELECT value FROM counters WHERE name = 'fencing'), 0)"
    )
    _runs(connection)
    _results(connection)
    _moves(connection)
    connection.exec_driver_sql(
        "INSERT INTO claims SELECT 1, ref, runs.number, old_claims.owner, old_claims.token "
        "FROM old_claims JOIN runs ON runs.id = old_claims.run_id"
    )
    connection.exec_driver_sql("INSERT INTO verdicts SELECT 1, key, body, at FROM old_verdicts")
    _sessions(connection)
    for name in _OLD:
        connection.exec_driver_sql(f"DROP TABLE old_{name}")
    connection.exec_driver_sql("DROP TABLE counters")


def _runs(connection: Connection) -> None:
    same = "number, id, kind, state, started_at, finished_at, outcome, plan_id, total, undoes, undone_by, owner, anchor"
    connection.exec_driver_sql(
        f"INSERT INTO runs (repository, {same}, token, is_held) SELECT 1, {same}, "
        "coalesce((SELECT max(token) FROM old_claims WHERE run_id = old_runs.id), 0), "
        "EXISTS (SELECT 1 FROM old_claims WHERE run_id = old_runs.id) FROM old_runs"
    )
    connection.exec_driver_sql("INSERT INTO plans SELECT number, plan FROM old_runs")
    connection.exec_driver_sql(
        "INSERT INTO events SELECT runs.number, seq, body FROM old_events JOIN runs ON runs.id = old_events.run_id"
    )


def _results(connection: Connection) -> None:
    """Branch and outcome are in the results, targets in the plan."""
    targets: dict[int, list[str]] = {}

    def row_of(run: int, step: int, body: str) -> tuple[Any, ...]:
        if run not in targets:
            targets.clear()
            (plan,) = connection.exec_driver_sql("SELECT body FROM plans WHERE run = ?", (run,)).one()
            targets[run] = [str(_at(one, "target", "name")) for one in _list(_at(_json(plan), "steps"))]
        document = _json(body)
        names = targets[run]
        target = names[step] if 0 <= step < len(names) else ""
        outcome = str(_at(document, "outcome", "kind") or "unknown")[:24]
        return run, step, _THIS, _text(_at(document, "branch")), _text(target), outcome, body

    def uses_of(run: int, step: int, body: str) -> set[tuple[Any, ...]]:
        document = _json(body)
        if _at(document, "outcome", "kind") != "aligned":
            return set()
        named = (_at(one, "conflict") for one in _list(_at(document, "outcome", "resolved")))
        return {(_THIS, str(conflict), run, step) for conflict in named if conflict}

    old = "SELECT runs.number, step_id, body FROM old_results JOIN runs ON runs.id = old_results.run_id ORDER BY 1, 2"
    insert = "INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?)"
    for rows in _read(connection, old):
        connection.exec_driver_sql(insert, [row_of(*row) for row in rows])
        uses = sorted(set().union(*(uses_of(*row) for row in rows)))
        if uses:
            connection.exec_driver_sql("INSERT INTO resolved VALUES (?, ?, ?, ?)", uses)


def _moves(connection: Connection) -> None:
    counts: Counter[tuple[int, str]] = Counter()

    def row_of(run: int, position: int, ref: str, state: str, body: str) -> tuple[Any, ...]:
        document = _json(body)
        push = str(_at(document, "push") or "not_asked")[:16]
        counts[run, "moved"] += state in ("moved", "undone")
        counts[run, "undone"] += state == "undone"
        counts[run, "stood"] += state == "stands"
        counts[run, "pushed"] += state == "stands" and push == "pushed"
        counts[run, "unknown"] += state in ("moved", "undone", "stands") and push == "unknown"
        before, after = (str(_at(document, "update", key) or "")[:64] for key in ("before", "after"))
        return run, position, _THIS, ref, state, push, before, after, body

    old = (
        "SELECT runs.number, row_number() OVER (PARTITION BY runs.number ORDER BY position, ref) - 1, "
        "ref, old_publications.state, body FROM old_publications JOIN runs ON runs.id = run_id"
    )
    insert = "INSERT INTO publications VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
    for rows in _read(connection, old):
        connection.exec_driver_sql(insert, [row_of(*row) for row in rows])
    for name in ("moved", "undone", "pushed", "stood", "unknown"):
        values = [(many, run) for (run, counted), many in counts.items() if counted == name and many]
        if values:
            connection.exec_driver_sql(f"UPDATE runs SET {name} = ? WHERE number = ?", values)


def _sessions(connection: Connection) -> None:
    def row_of(ref: str, body: str, at: str) -> tuple[Any, ...]:
        document = _json(body)
        return _THIS, ref, _text(_at(document, "branch")), _text(_at(document, "target")), body, at

    for rows in _read(connection, "SELECT ref, body, at FROM old_sessions"):
        connection.exec_driver_sql("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?)", [row_of(*row) for row in rows])


def _read(connection: Connection, query: str) -> Iterator[Sequence[Any]]:
    rows = iter(connection.exec_driver_sql(query))
    while chunk := list(islice(rows, _AT_ONCE)):
        yield chunk


def _json(text: str) -> Any:
    """A document; None for a damaged one, which is brought over as it is and refused when it is read."""
    try:
        return json.loads(text)
    except (TypeError, ValueError, RecursionError):
        return None


def _at(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(name: Any) -> str:
    """A name as the columns hold it (`schema.AsciiText`)."""
    name = str(name or "")
    return name if name.isascii() else "\x01" + json.dumps(name)
