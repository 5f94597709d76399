"""The command line with its journal in PostgreSQL: runs, kills, undo; and repositories that are moved, copied, or come from SQLite."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.run import RunState
from gitalign.engine.run.session import journal_of, open_for
from gitalign.errors import StoreError
from gitalign.ports import Journal
from gitalign.store.journal import open_journal
from tests import warm
from tests.git.workspace import Workspace
from tests.runs import request, run
from tests.store import batch_rows
from tests.store.rows import event

BRANCHES = 6


def killed_while_publishing() -> None:
    """Run in the repository of the first argument; killed when the third branch has moved."""
    seen = 0

    def checkpoint(name: str) -> None:
        nonlocal seen
        seen += name == "refs moved"
        if seen == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    facade.run(facade.Request(repo=sys.argv[1]), permit=Permit(plan_id="*", given_by="test"), checkpoint=checkpoint)


def kill(work: Workspace, env: Mapping[str, str]) -> None:
    done = warm.call(f"{__name__}:{killed_while_publishing.__name__}", work.path, env=env)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"base": b"0\n"})
    for number in range(BRANCHES):
        work.switch(f"topic/{number}", "main")
        work.commit(f"topic {number}", {f"own{number}": b"1\n"})
    work.switch("main")
    work.commit("more", {"more": b"1\n"})
    return work


@pytest.fixture
def env(server: str) -> Mapping[str, str]:
    return {"GITALIGN_STORE__URL": server}


def align(work: Workspace, env: Mapping[str, str], *words: str, code: int = 0) -> Any:
    done = warm.run(*words, "--repo", work.path, "--json", env=env)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout)


def tips(work: Workspace) -> dict[str, str]:
    words = work.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/topic").splitlines()
    return dict(line.split(" ") for line in words)


def are_aligned(work: Workspace) -> bool:
    return all(
        work.git("merge-base", "--is-ancestor", "main", ref, check=False) == ""
        and work.git("rev-list", "--count", f"{ref}..main") == "0"
        for ref in tips(work)
    )


def test_from_run_to_undo(work: Workspace, env: Mapping[str, str]) -> None:
    before = tips(work)
    report = align(work, env, "run", "--yes")
    assert are_aligned(work)
    assert not (work.path / ".git/gitalign/gitalign.db").exists()
    (listed,) = align(work, env, "runs")["runs"]
    assert listed["id"] == report["run"]["id"]
    assert align(work, env, "show", "last")["counts"] == report["counts"]
    align(work, env, "verify")
    align(work, env, "undo", "last", "--yes")
    assert tips(work) == before
    assert len(align(work, env, "runs")["runs"]) == 2
    align(work, env, "prune", "--older-than", "0", "--yes")


def test_killed_while_it_publishes(work: Workspace, env: Mapping[str, str]) -> None:
    before = tips(work)
    kill(work, env)
    assert before != tips(work)
    assert not are_aligned(work)
    align(work, env, "resume")
    assert are_aligned(work)
    align(work, env, "undo", "last", "--yes")
    assert tips(work) == before


def test_two_repositories_share_a_database(work: Workspace, env: Mapping[str, str], tmp_path: Path) -> None:
    other = Workspace(tmp_path / "other")
    other.commit("base", {"base": b"0\n"})
    other.switch("topic/other", "main")
    other.commit("topic", {"own": b"1\n"})
    other.switch("main")
    other.commit("more", {"more": b"1\n"})
    mine, theirs = (align(one, env, "run", "--yes")["run"]["id"] for one in (work, other))
    assert [one["id"] for one in align(other, env, "runs")["runs"]] == [theirs]
    align(other, env, "show", mine, code=2)
    align(other, env, "undo", "last", "--yes")
    assert are_aligned(work)


def on(work: Workspace, server: str) -> facade.Request:
    return request(work.path, store__url=server)


def test_a_repository_that_is_moved_keeps_its_runs_and_a_copy_is_refused(
    work: Workspace, server: str, tmp_path: Path
) -> None:
    run(work.path, store__url=server)
    (record,) = facade.runs(on(work, server))
    shutil.copytree(work.path, tmp_path / "copy")
    copy = Workspace(tmp_path / "copy")
    with pytest.raises(StoreError, match="is a copy of") as caught:
        facade.runs(on(copy, server))
    (copy.path / ".git/gitalign/repository-id").unlink()
    assert str(copy.path) in caught.value.hint
    assert facade.runs(on(copy, server)) == ()
    work.path.rename(tmp_path / "moved")
    moved = Workspace(tmp_path / "moved")
    assert facade.runs(on(moved, server)) == (record,)


def test_an_address_that_does_not_work_changes_nothing(work: Workspace, tmp_path: Path) -> None:
    run(work.path)
    kept = facade.runs(request(work.path))
    with pytest.raises(StoreError, match="postgresql://me@/db"):
        facade.runs(on(work, f"postgresql://me@/db?host={tmp_path}"))
    assert facade.runs(request(work.path)) == kept


def test_an_id_that_is_damaged_names_its_file(work: Workspace, server: str) -> None:
    run(work.path, store__url=server)
    file = work.path / ".git/gitalign/repository-id"
    for damage in (b"", b"\xff", b"a b\n"):
        file.write_bytes(damage)
        with pytest.raises(StoreError, match="repository-id") as caught:
            facade.runs(on(work, server))
        assert str(file) in caught.value.hint


def batch_runs(journal: Journal) -> list[object]:
    """All that is read of batch runs."""
    read: list[object] = [journal.project(batch_rows.PROJECT)]
    for record in journal.batch_runs():
        read += [journal.stored_batch_run(record.id), journal.batch_events(record.id)]
    for batch in journal.batches_of_project(batch_rows.PROJECT):
        read += [batch.batch, [one.worktree for one in journal.worktrees_of_batch(batch.key)]]
    return read


def test_a_journal_of_the_git_directory_moves_into_the_database(work: Workspace, server: str) -> None:
    before = tips(work)
    run(work.path)
    facade.undo(request(work.path), "last", permit=Permit(plan_id="*", given_by="test"))
    run(work.path)
    kept = facade.runs(request(work.path))
    reports = [facade.show(request(work.path), one.id) for one in kept]
    with closing(open_journal(work.path / ".git/gitalign/gitalign.db")) as journal:
        for number in (1, 2):
            change = batch_rows.begun(journal, number)
            journal.change_batch_run(batch_rows.running(change, current_batch=number))
            journal.append_batch_events(change.record.id, [event(change.record.id, 1)])
        batches = batch_runs(journal)
    assert facade.runs(on(work, server)) == kept
    with journal_of(open_for(on(work, server))) as moved:
        assert batch_runs(moved) == batches
    assert [facade.show(on(work, server), one.id) for one in kept] == reports
    with pytest.raises(StoreError, match="is in a database"):
        facade.runs(request(work.path))
    with closing(open_journal(work.path / ".git/gitalign/gitalign.db.moved")) as old:
        assert old.runs() == kept
    facade.undo(on(work, server), "last", permit=Permit(plan_id="*", given_by="test"))
    assert tips(work) == before
    assert len(facade.runs(on(work, server))) == len(kept) + 1


def test_a_run_cut_off_with_sqlite_is_finished_in_the_database(work: Workspace, server: str) -> None:
    kill(work, {})
    (report,) = facade.resume(on(work, server))
    assert report.run.state is RunState.FINISHED
    assert are_aligned(work)
