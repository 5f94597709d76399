"""Moving stacks: what is asked of the journal meanwhile, and what becomes of a run that loses its claims half-way."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from gitalign.core.names import Oid, zero_like
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.engine.publishing import move
from gitalign.engine.runtime.context import RunContext
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.surroundings import of_process, utc_now
from gitalign.errors import RunTakenOver
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository, open_repository
from gitalign.ports import Journal
from gitalign.store.journal import open_journal
from tests.git.workspace import Workspace

BRANCHES = 40
MINE = "20260101-000000-aaaaaa"


@dataclass
class Watched:
    """A real journal that counts how often a process asks whether it still holds its run."""

    journal: Journal
    asked: int = 0
    take_over_after: int = 10_000
    taker: Journal | None = None

    def require_held(self, run_id: str) -> int:
        self.asked += 1
        if self.asked == self.take_over_after:
            assert self.taker is not None
            self.taker.take(run_id)
        return self.journal.require_held(run_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)


def record(run_id: str) -> RunRecord:
    return RunRecord(
        id=run_id,
        kind=RunKind.ALIGN,
        state=RunState.INTEGRATING,
        started_at=datetime(2026, 1, 1, tzinfo=UTC),
        finished_at=None,
        outcome="running",
        moved=0,
        plan_id="",
        owner="me",
    )


def moved(place: Path, journal: Watched) -> tuple[Repository, tuple[Publication, ...]]:
    """Forty branches, each moved from the first commit to the second one."""
    work = Workspace(place / "repo")
    first = Oid(work.commit("one", {"a": b"1\n"}))
    second = Oid(work.commit("two", {"a": b"2\n"}))
    names = [f"refs/heads/topic/{number}" for number in range(BRANCHES)]
    zero = zero_like(first)
    work.git("update-ref", "--stdin", stdin="".join(f"update {name} {first} {zero}\n" for name in names).encode())
    publications = [
        Publication(update=RefUpdate(ref=name, before=first, after=second), stack=number, state=MoveState.INTENDED)
        for number, name in enumerate(names)
    ]
    repository = open_repository(work.path)
    journal.begin_run(record(MINE), plan_json="{}")
    journal.claim(MINE, names, owner="me", is_alive=lambda _: True)
    with closing(RefUpdater(repository, forbidden=frozenset(), message="test")) as door:
        done = move.move_stacks(_run(repository, journal), door, publications)
    return repository, done


def _run(repository: Repository, journal: Watched) -> RunContext:
    return RunContext(
        run_id=MINE,
        started_at=utc_now(),
        repository=repository,
        journal=cast(Journal, journal),
        emit=lambda *_, **__: None,
        stop=StopSignal(),
        owner="me",
        is_alive=lambda _: True,
        surroundings=of_process(),
    )


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterable[Watched]:
    monkeypatch.setattr(move, "_ASK_EVERY_S", 0.0)  # asked whenever git is told something: the most there can be
    path = tmp_path / "gitalign.db"
    with closing(open_journal(path)) as opened, closing(open_journal(path)) as taker:
        yield Watched(opened, taker=taker)


def test_the_token_is_compared_whenever_git_is_told_something(tmp_path: Path, journal: Watched) -> None:
    _, done = moved(tmp_path, journal)
    assert {one.state for one in done} == {MoveState.MOVED}
    assert journal.asked == len([1, 2, 4, 8, 16, 9])


def test_a_run_that_is_taken_over_half_way_moves_nothing_more(tmp_path: Path, journal: Watched) -> None:
    """Edge case 39: a run that changes hands is noticed before anything else is moved."""
    journal.take_over_after = 4
    with pytest.raises(RunTakenOver):
        moved(tmp_path, journal)
    stands = read_refs(open_repository(tmp_path / "repo"), "refs/heads/topic")
    assert len(set(stands.values())) == 2
    assert sorted(ref for ref, oid in stands.items() if oid == stands["refs/heads/topic/0"]) == sorted(
        f"refs/heads/topic/{number}" for number in range(1 + 2 + 4)
    )


def groups(work: Workspace, count: int) -> list[list[RefUpdate]]:
    """Two branches each, to be moved from the first commit to the second one."""
    first = Oid(work.commit("one", {"a": b"1\n"}))
    second = Oid(work.commit("two", {"a": b"2\n"}))
    names = [[f"refs/heads/topic/{number}{half}" for half in "ab"] for number in range(count)]
    lines = [f"create {name} {first}\n" for pair in names for name in pair]
    work.git("update-ref", "--stdin", stdin="".join(lines).encode())
    return [[RefUpdate(ref=name, before=first, after=second) for name in pair] for pair in names]


def test_a_stack_that_cannot_be_moved_holds_back_no_other(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    wanted = groups(work, 6)
    for number in (0, 3):
        work.git("update-ref", wanted[number][1].ref, work.commit("of another", {"a": b"of %d\n" % number}))
    repository = open_repository(work.path)
    with closing(RefUpdater(repository, forbidden=frozenset(), message="test")) as door:
        answers = door.move_each(wanted)
    assert [answer is None for answer in answers] == [False, True, True, False, True, True]
    assert wanted[3][1].ref in str(answers[3])
    stands = read_refs(repository, "refs/heads/topic")
    for number, pair in enumerate(wanted):
        is_moved = {stands[one.ref] == one.after for one in pair}
        assert is_moved == {number not in (0, 3)}


@pytest.mark.parametrize("state", ["prepared", "committed"])
def test_git_that_dies_among_many_stacks_loses_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """Killed before or after it moved the fourth of six: that one is looked at, the others are not begun before."""
    work = Workspace(tmp_path / "repo")
    wanted = groups(work, 6)
    hooks, once = tmp_path / "hooks", tmp_path / "once"
    git = shutil.which("git")
    for path, script in (
        (hooks / "reference-transaction", f'[ "$1" = {state} ] && grep -q topic/3a && mkdir {once} && kill -9 $PPID'),
        (
            tmp_path / "bin" / "git",
            f'[ "$1" = update-ref ] && exec {git} -c core.hooksPath={hooks} "$@"; exec {git} "$@"',
        ),
    ):
        path.parent.mkdir()
        path.write_text(f"#!/bin/sh\n{script}\nexit 0\n")
        path.chmod(0o755)
    repository = open_repository(work.path)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    with closing(RefUpdater(repository, forbidden=frozenset(), message="test")) as door:
        assert door.move_each(wanted) == [None] * 6
    assert once.exists()
    stands = read_refs(repository, "refs/heads/topic")
    assert all(stands[one.ref] == one.after for pair in wanted for one in pair)
    assert not list((work.path / ".git" / "refs").rglob("*.lock"))
