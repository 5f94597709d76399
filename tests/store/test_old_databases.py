"""Databases of earlier releases: every row is there afterwards, is read, and is worked with.

`old/0002.*` was made by the last release with that revision: an alignment, a push, an undo, an alignment with backups, a
deletion of merged branches, a restored branch, a resolution under way, and a run killed while it published. `.sql` is the
database, `.bundle` the repository, `.json` what that release read from it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.publication import Publication
from gitalign.core.run import RunRecord, RunState
from gitalign.errors import StoreError
from gitalign.store.database import open_database
from gitalign.store.journal import SqlJournal, open_journal
from gitalign.store.run_locks import RunLocks
from tests.git.workspace import Workspace
from tests.runs import request

OLD = Path(__file__).parent / "old"


def said() -> Any:
    """What the release that wrote the database read from it."""
    return json.loads((OLD / "0002.json").read_text())


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The database of that release."""
    path = tmp_path / "gitalign.db"
    with closing(sqlite3.connect(path)) as database:
        database.executescript((OLD / "0002.sql").read_text())
    return path


@pytest.fixture
def journal(old: Path) -> Iterator[SqlJournal]:
    """The database of that release, opened now."""
    with closing(open_journal(old)) as opened:
        yield opened


def move(one: Publication) -> list[Any]:
    update = one.update
    return [update.ref, update.before, update.after, one.state, one.push, one.remote, one.remote_before, one.backup_ref]


def run(record: RunRecord) -> dict[str, Any]:
    names = [
        "id",
        "kind",
        "state",
        "outcome",
        "moved",
        "plan_id",
        "total",
        "undoes",
        "undone_by",
        "undone",
        "pushed",
        "owner",
    ]
    stamps = {
        name: None if at is None else at.isoformat().replace("+00:00", "Z")
        for name, at in (("started_at", record.started_at), ("finished_at", record.finished_at))
    }
    return {name: getattr(record, name) for name in names} | stamps


def test_every_run_reads_as_before(journal: SqlJournal) -> None:
    for expected in said()["runs"]:
        record = journal.run(expected["id"])
        assert journal.plan(record.id).id == record.plan_id
        assert expected == {
            **run(record),
            "anchor": journal.anchor(record.id),
            "events": [[one.seq, one.kind, one.branch] for one in journal.events(record.id)],
            "results": [[one.step_id, one.branch, one.outcome.kind] for one in journal.results(record.id)],
            "moves": [move(one) for one in journal.publications(record.id)],
        }
    assert [record.id for record in journal.runs()] == [one["id"] for one in reversed(said()["runs"])]


def test_what_goes_over_all_runs_reads_as_before(journal: SqlJournal) -> None:
    expected = said()
    refs = list(expected["history"])
    assert journal.placed(refs) == expected["placed"]
    assert {ref: list(map(move, made)) for ref, made in journal.history_of(refs).items()} == expected["history"]
    assert sorted([run_id, *move(one)] for run_id, one in journal.moves_of(refs)) == sorted(expected["moves_of"])
    assert list(journal.unsettled_pushes()) == expected["unsettled"]
    assert [[one.ref, one.branch, one.target, one.seen] for one in journal.sessions()] == expected["sessions"]
    assert sorted(journal.look_up(expected["cache"])) == expected["cache"]


UNCHANGED = {
    "SELECT plan FROM runs": "SELECT body FROM plans",
    "SELECT seq, body FROM events": "SELECT seq, body FROM events",
    "SELECT step_id, body FROM results": "SELECT step, body FROM results",
    "SELECT ref, state, body FROM publications": "SELECT ref, state, body FROM publications",
    "SELECT ref, owner, token FROM claims": "SELECT ref, owner, token FROM claims",
    "SELECT key, body, at FROM verdicts": "SELECT key, body, at FROM verdicts",
    "SELECT ref, body, at FROM sessions": "SELECT ref, body, at FROM sessions",
    "SELECT value FROM counters": "SELECT token FROM repositories",
}
"""What a release asked, and what asks for the same now."""


def test_documents_and_claims_are_brought_over_as_they_are(old: Path) -> None:
    with closing(sqlite3.connect(old)) as database:
        before = [sorted(database.execute(query)) for query in UNCHANGED]
    open_database(old).dispose()
    with closing(sqlite3.connect(old)) as database:
        assert [sorted(database.execute(query)) for query in UNCHANGED.values()] == before
        assert {target for (target,) in database.execute("SELECT target FROM results")} == {"main"}
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert all(before)


def test_a_damaged_row_is_brought_over_and_refused_when_it_is_read(old: Path) -> None:
    with closing(sqlite3.connect(old)) as database, database:
        database.execute("UPDATE results SET body = '[]'")
        database.execute("UPDATE publications SET body = 'x'")
        database.execute("UPDATE runs SET plan = '{\"steps\": 3}'")
    with closing(open_journal(old)) as journal:
        newest = journal.run("last")
        for read in (journal.results, journal.publications, journal.plan):
            with pytest.raises(StoreError, match="cannot be read"):
                read(newest.id)


def test_tables_do_not_change_under_a_run_of_an_earlier_release(old: Path) -> None:
    killed = said()["runs"][-1]["id"]
    with RunLocks(old.parent).held(killed) as owner:
        with closing(sqlite3.connect(old)) as database, database:
            database.execute("UPDATE runs SET owner = ? WHERE id = ?", (owner, killed))
        with pytest.raises(StoreError, match=f"{killed} of an earlier release is under way"):
            open_journal(old)
    with closing(open_journal(old)) as journal:
        assert journal.run("last").id == killed


def test_an_old_run_is_finished_and_undone_now(tmp_path: Path, old: Path) -> None:
    """The run that was killed while it published is finished by this release, and undone."""
    work = Workspace(tmp_path / "repo")
    work.git("fetch", "-q", "--update-head-ok", str(OLD / "0002.bundle"), "+refs/*:refs/*")
    work.git("reset", "-q", "--hard")
    state = work.path / ".git" / "gitalign"
    state.mkdir()
    old.rename(state / old.name)
    killed = said()["runs"][-1]
    assert facade.recover(request(work.path)) == (killed["id"],)
    moves = {ref: (before, after) for ref, before, after, *_ in killed["moves"]}
    assert {ref: work.git("rev-parse", ref) for ref in moves} == {ref: after for ref, (_, after) in moves.items()}
    for one in facade.runs(request(work.path)):
        assert facade.show(request(work.path), one.id).run.state is RunState.FINISHED
    facade.undo(request(work.path), "last", permit=Permit(plan_id="*", given_by="test"))
    assert {ref: work.git("rev-parse", ref) for ref in moves} == {ref: before for ref, (before, _) in moves.items()}
