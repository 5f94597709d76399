"""No query reads all rows of a table that grows with the runs: the plans of the databases themselves say so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import Engine, event

from gitalign.core.plan import Plan
from gitalign.core.publication import MoveState
from gitalign.core.run import UNFINISHED, RunKind, RunState
from gitalign.store.dialect import Dialect
from gitalign.store.journal import SqlJournal, connect_journal
from gitalign.store.postgres import Postgres
from tests.store.batch_rows import PROJECT, batch, new, project, running
from tests.store.batch_rows import begun as batch_begun
from tests.store.rows import LATIN, NOON, X, aligned, alive, begun, move, path_claim, run_id, session
from tests.store.rows import event as happening

BATCH = run_id(1)
ASKED: dict[str, Callable[[SqlJournal, str], object]] = {
    "run": lambda journal, name: journal.run(name),
    "run by prefix": lambda journal, _: journal.run("20260301-120000-7"),
    "last run": lambda journal, _: journal.run("last"),
    "newest runs": lambda journal, _: journal.runs(limit=3),
    "newest of a kind": lambda journal, _: journal.newest(RunKind.ALIGN),
    "unfinished": lambda journal, _: journal.runs_in(UNFINISHED),
    "stopped": lambda journal, _: journal.runs_in((RunState.INTERRUPTED,)),
    "that stand": lambda journal, _: list(journal.runs_that_stand()),
    "ended": lambda journal, _: journal.runs_ended_by(NOON),
    "plan": lambda journal, name: journal.plan_json(name),
    "anchor": lambda journal, name: journal.anchor(name),
    "events": lambda journal, name: journal.events(name),
    "results": lambda journal, name: journal.results(name),
    "results with": lambda journal, _: journal.results_with(["a", "b"]),
    "publications": lambda journal, name: journal.publications(name),
    "placed": lambda journal, _: journal.placed([X, LATIN]),
    "history": lambda journal, _: journal.history_of([X, LATIN]),
    "moves": lambda journal, _: journal.moves_of([X, LATIN]),
    "unsettled": lambda journal, _: journal.unsettled_pushes(),
    "not pushed": lambda journal, _: journal.refs_not_pushed(),
    "held": lambda journal, name: journal.is_held(name),
    "still held": lambda journal, name: journal.require_held(name),
    "claim": lambda journal, name: journal.claim(name, [X, LATIN], owner="me", is_alive=alive),
    "sessions": lambda journal, _: journal.sessions(),
    "path claims": lambda journal, _: journal.path_claims(NOON),
    "claim paths": lambda journal, _: journal.claim_paths(path_claim("c", "me", "src/")),
    "release paths": lambda journal, _: journal.release_paths("me", "c"),
    "cached": lambda journal, _: journal.look_up(["a", "b"]),
    "state": lambda journal, name: journal.set_state(name, RunState.PUBLISHING),
    "intend": lambda journal, name: journal.intend(name, [move(X), move(LATIN)], anchor="a"),
    "update": lambda journal, name: journal.update_publications(name, [move(X, state=MoveState.MOVED)]),
    "append": lambda journal, name: journal.append([happening(name, 1_000)]),
    "remember": lambda journal, _: journal.keep({"b": "1"}, at=NOON),
    "open session": lambda journal, _: journal.open_session(session(LATIN)),
    "close session": lambda journal, _: journal.close_session(X),
    "drop anchors": lambda journal, name: journal.drop_anchors([name]),
    "forget": lambda journal, _: journal.forget_before(NOON),
    "take": lambda journal, name: journal.take(name),
    "release": lambda journal, name: journal.release(name),
    "batch run": lambda journal, _: journal.batch_run(BATCH),
    "batch run by prefix": lambda journal, _: journal.batch_run("20260301-120000-7"),
    "last batch run": lambda journal, _: journal.batch_run("last"),
    "whole batch run": lambda journal, _: journal.stored_batch_run(BATCH),
    "batch runs of a plan": lambda journal, _: journal.batch_runs_of_plan("d" * 64, "main"),
    "change a batch run": lambda journal, _: journal.change_batch_run(running(new(1), mode="parallel")),
    "take a batch run": lambda journal, _: journal.take_batch_run(BATCH),
    "ask a batch run": lambda journal, _: journal.ask_batch_run(BATCH, "stop", metadata={"asked": True}),
    "request": lambda journal, _: journal.request_of_batch_run(BATCH),
    "batch events": lambda journal, _: journal.batch_events(BATCH),
    "last batch event": lambda journal, _: journal.last_batch_event(BATCH),
    "append batch events": lambda journal, _: journal.append_batch_events(BATCH, [happening(BATCH, 1)]),
    "project": lambda journal, _: journal.project(PROJECT),
    "put project": lambda journal, _: journal.put_project(project(a=1)),
    "merge metadata": lambda journal, _: journal.merge_project_metadata(PROJECT, {"a": 2}),
    "batch run of project": lambda journal, _: journal.batch_run_of_project(PROJECT),
    "plan of batch run": lambda journal, _: journal.plan_of_batch_run(BATCH),
    "plan batches": lambda journal, _: journal.plan_project_batches(PROJECT, [batch(0, "a")]),
    "batches": lambda journal, _: journal.batches_of_project(PROJECT),
    "batch": lambda journal, _: journal.batch_by_key(1),
    "set batch": lambda journal, _: journal.set_planned_batch(1, "running", started_at=NOON, completed_at=None),
    "work trees": lambda journal, _: journal.worktrees_of_batch(1),
    "begin a batch run": lambda journal, _: batch_begun(journal, 3),
    "forget batch runs": lambda journal, _: journal.forget_batch_runs([BATCH]),
}
"""All that is asked while there may be many runs. The list of all runs is not among them."""
OF_REPOSITORY = re.compile(r"^SEARCH \w+ USING (?!.*runs_that_stand|.*runs_unsettled).* \(repository=\?\)$")
"""Every row of a repository is read. The two partial indexes hold those that are asked for, and no others."""
FEW = ("repositories", "sessions", "projects", "path_claims")
"""Tables with a row for each repository, resolution under way or claim of paths, or for each name of the repository in plans."""


@pytest.fixture
def journal(dialect: Dialect, plan: Plan) -> Iterator[SqlJournal]:
    with closing(connect_journal(dialect, repository="with several runs")) as opened:
        for number in (0x700000, 1, 2):
            name = begun(opened, number)
            opened.record_results(name, [aligned(0, "x", "a")], plan=plan)
            batch_begun(opened, number)
        yield opened


def asked(journal: SqlJournal, ask: Callable[[], object]) -> list[tuple[str, Any]]:
    """The statements with their parameters."""
    statements: list[tuple[str, Any]] = []

    def note(_: Any, __: Any, statement: str, parameters: Any, ___: Any, is_many: bool) -> None:
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE", "INSERT"):
            statements.append((statement, parameters[0] if is_many else parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return statements


def scans(journal: SqlJournal, dialect: Dialect, statement: str, parameters: Any) -> list[str]:
    """Tables of which a statement reads every row."""
    connection = journal._connection
    if not isinstance(dialect, Postgres):
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        words = [str(row[3]) for row in rows]
        whole = [word for word in words if word.startswith("SCAN ") and "CONSTANT ROW" not in word]
        return whole if " LIMIT " in statement else whole + [word for word in words if OF_REPOSITORY.search(word)]
    connection.exec_driver_sql("SET enable_seqscan = off")
    rows = connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
    return re.findall(r"Seq Scan on (\w+)", "\n".join(row[0] for row in rows))


def test_nothing_reads_all_runs(journal: SqlJournal, dialect: Dialect) -> None:
    newest = journal.run("last").id
    for what, ask in ASKED.items():
        statements = asked(journal, lambda ask=ask: ask(journal, newest))  # type: ignore[misc]
        assert statements, what
        for statement, parameters in statements:
            found = [
                one for one in scans(journal, dialect, statement, parameters) if not any(few in one for few in FEW)
            ]
            assert found == [], (what, statement)
