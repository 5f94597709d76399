"""Moving stacks: what is asked of the journal meanwhile, and what becomes of a run that loses its claims half-way."""

from __future__ import annotations

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
    monkeypatch.setattr(move, "_ASK_EVERY_S", 0.0)  # asked before each stack: the most there can be
    path = tmp_path / "gitalign.db"
    with closing(open_journal(path)) as opened, closing(open_journal(path)) as taker:
        yield Watched(opened, taker=taker)


def test_the_token_is_compared_before_each_stack(tmp_path: Path, journal: Watched) -> None:
    _, done = moved(tmp_path, journal)
    assert {one.state for one in done} == {MoveState.MOVED}
    assert journal.asked == BRANCHES


def test_a_run_that_is_taken_over_half_way_moves_nothing_more(tmp_path: Path, journal: Watched) -> None:
    """Edge case 39: a run that changes hands between two stacks is noticed before the next one moves."""
    journal.take_over_after = 11
    with pytest.raises(RunTakenOver):
        moved(tmp_path, journal)
    stands = read_refs(open_repository(tmp_path / "repo"), "refs/heads/topic")
    assert len(set(stands.values())) == 2
    assert sorted(ref for ref, oid in stands.items() if oid == stands["refs/heads/topic/0"]) == sorted(
        f"refs/heads/topic/{number}" for number in range(10)
    )
