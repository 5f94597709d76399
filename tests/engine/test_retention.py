"""Pruning removes what old runs left, and nothing by a name that belongs to another."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.report import Report
from gitalign.core.run import RunState
from tests import warm
from tests.engine.test_ownership import under_way
from tests.git.workspace import Workspace
from tests.runs import request, run

BACKUP = "refs/heads/backup-topic-pre-align"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    work.switch("topic", "main")
    work.commit("topic", {"t": b"t\n"})
    work.switch("main")
    work.commit("main", {"m": b"m\n"})
    return work


def change(work: Workspace, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(work.path / ".git" / "gitalign" / "gitalign.db")) as database:
        database.execute(statement, values)
        database.commit()


def make_old(work: Workspace, *ids: str) -> None:
    when = (datetime.now(UTC) - timedelta(days=90)).strftime("%Y-%m-%d %H:%M:%S.%f")
    for one in ids:
        change(work, "UPDATE runs SET finished_at = ? WHERE id = ?", when, one)


def backed_up(work: Workspace, **settings: Any) -> Report:
    """A run that makes backup branches."""
    return run(work.path, orchestration__enable_backup_branches=True, **settings)


def has(work: Workspace, ref: str) -> bool:
    return work.git("for-each-ref", ref) != ""


def test_a_backup_that_a_younger_run_needs_stays(work: Workspace) -> None:
    """The branch was put back and aligned again: one backup branch, the way back of two runs."""
    before = work.git("rev-parse", "topic")
    first = backed_up(work)
    work.git("branch", "-f", "topic", before)
    second = backed_up(work)
    assert [one.backup_ref for one in (*first.publications, *second.publications)] == [BACKUP, BACKUP]
    make_old(work, first.run.id)
    report = facade.prune(request(work.path), backups=True)
    assert report.backups == ()
    assert report.kept_backups == ((BACKUP, f"it is the way back of run {second.run.id}, too"),)
    assert work.git("rev-parse", BACKUP) == before
    make_old(work, second.run.id)
    assert facade.prune(request(work.path), backups=True).backups == (BACKUP,)
    assert not has(work, BACKUP)


def test_cleaning_up_after_a_run_keeps_the_backup_of_another(work: Workspace) -> None:
    before = work.tip("topic")
    first = backed_up(work)
    work.git("branch", "-f", "topic", before)
    second = backed_up(work, orchestration__auto_cleanup_backups=True)
    assert second.exit_code() == 0
    assert has(work, BACKUP), f"it is the way back of run {first.run.id}"


@pytest.mark.parametrize("name", ["main", "other"])
def test_only_backup_branches_are_removed_whatever_the_journal_says(work: Workspace, name: str) -> None:
    """Edge case 67."""
    report = backed_up(work)
    (one,) = report.publications
    work.git("branch", "-f", "other", one.update.before)
    work.git("checkout", "-q", "--detach")
    work.git("branch", "-f", "main", one.update.before)
    with closing(sqlite3.connect(work.path / ".git" / "gitalign" / "gitalign.db")) as database:
        ((body,),) = database.execute("SELECT body FROM publications").fetchall()
    change(
        work, "UPDATE publications SET body = ?", json.dumps({**json.loads(body), "backup_ref": f"refs/heads/{name}"})
    )
    make_old(work, report.run.id)
    pruned = facade.prune(request(work.path), backups=True)
    assert pruned.kept_backups == ((f"refs/heads/{name}", "it does not have the name of a backup branch"),)
    assert has(work, f"refs/heads/{name}")


def test_a_backup_that_is_checked_out_stays(work: Workspace, tmp_path: Path) -> None:
    report = backed_up(work)
    work.git("worktree", "add", "-q", str(tmp_path / "tree"), "backup-topic-pre-align")
    make_old(work, report.run.id)
    assert facade.prune(request(work.path), backups=True).backups == ()
    assert has(work, BACKUP)


def test_prune_recovers_what_was_cut_off_also_when_there_is_nothing_to_prune(work: Workspace) -> None:
    with under_way(work.path, "refs") as process:
        process.kill()
    done = warm.run("prune", "--yes", "--repo", work.path)
    assert done.returncode == 0
    (record,) = facade.runs(request(work.path))
    assert record.state is RunState.FINISHED
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""


def test_a_dry_run_of_prune_recovers_nothing(work: Workspace) -> None:
    with under_way(work.path, "refs") as process:
        process.kill()
    assert warm.run("prune", "--dry-run", "--repo", work.path).returncode == 0
    assert facade.runs(request(work.path))[0].state is RunState.PUBLISHING
