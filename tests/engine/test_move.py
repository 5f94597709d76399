"""Moving stacks: what is asked of the journal meanwhile, and what becomes of a run that loses its claims half-way."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from gitalign.core.names import Oid, zero_like
from gitalign.core.publication import MoveState, Publication, RefUpdate
from gitalign.engine.publishing import move
from gitalign.engine.runtime.context import RunContext
from gitalign.engine.runtime.signals import StopSignal
from gitalign.engine.runtime.surroundings import of_process, utc_now
from gitalign.git.refs import RefUpdater, read_refs
from gitalign.git.repository import Repository, open_repository
from gitalign.ports import Journal
from gitalign.store.journal import SqlJournal, open_journal
from tests.git.workspace import Workspace

BRANCHES = 40


@dataclass
class Watched:
    """A real journal that counts how many claims were looked at."""

    journal: SqlJournal
    looked_at: int = 0
    asked: int = 0
    take_over_after: int = 10_000
    taken: list[str] = field(default_factory=list)

    def holds(self, run_id: str, refs: Iterable[str]) -> bool:
        wanted = list(refs)
        self.looked_at += len(wanted)
        return self.journal.holds(run_id, wanted)

    def fence(self) -> int:
        self.asked += 1
        if self.asked == self.take_over_after:
            self.journal.claim("other", self.taken, owner="other", is_alive=lambda _: False)
        return self.journal.fence()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.journal, name)


def moved(place: Path, journal: Watched) -> tuple[Repository, tuple[Publication, ...]]:
    """Forty branches, each moved from the first commit to the second one."""
    work = Workspace(place / "repo")
    first = Oid(work.commit("one", {"a": b"1\n"}))
    second = Oid(work.commit("two", {"a": b"2\n"}))
    names = [f"refs/heads/topic/{number}" for number in range(BRANCHES)]
    zero = zero_like(first)
    work.git("update-ref", "--stdin", stdin="".join(f"update {name} {first} {zero}\n" for name in names).encode())
    journal.taken = names[-1:]
    publications = [
        Publication(update=RefUpdate(ref=name, before=first, after=second), stack=number, state=MoveState.INTENDED)
        for number, name in enumerate(names)
    ]
    repository = open_repository(work.path)
    journal.journal.claim("mine", names, owner="me", is_alive=lambda _: True)
    with closing(RefUpdater(repository, forbidden=frozenset(), message="test")) as door:
        done = move.move_stacks(_run(repository, journal), door, publications)
    return repository, done


def _run(repository: Repository, journal: Watched) -> RunContext:
    return RunContext(
        run_id="mine",
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
    with closing(open_journal(tmp_path / "gitalign.db")) as opened:
        yield Watched(opened)


def test_claims_are_counted_once_however_many_stacks_there_are(tmp_path: Path, journal: Watched) -> None:
    """All claims are looked at when the journal says that some changed, and not before each stack: 20,000 took minutes."""
    _, done = moved(tmp_path, journal)
    assert {one.state for one in done} == {MoveState.MOVED}
    assert journal.asked == BRANCHES
    assert journal.looked_at == BRANCHES


def test_a_claim_that_is_lost_half_way_stops_the_rest(tmp_path: Path, journal: Watched) -> None:
    """Edge case 39: a claim that changes hands between two stacks is noticed before the next one moves."""
    journal.take_over_after = 11
    repository, done = moved(tmp_path, journal)
    assert [one.state for one in done] == [MoveState.MOVED] * 10 + [MoveState.HELD_BACK] * 30
    assert {one.detail for one in done[10:]} == {"another run took it over"}
    stands = read_refs(repository, "refs/heads/topic")
    assert [stands[one.update.ref] for one in done[10:]] == [one.update.before for one in done[10:]]


def test_a_fence_grows_with_claims_and_releases(journal: Watched) -> None:
    fences = [journal.fence()]
    journal.journal.claim("a", ["refs/heads/x"], owner="a", is_alive=lambda _: True)
    fences.append(journal.fence())
    journal.journal.claim("b", ["refs/heads/x"], owner="b", is_alive=lambda _: False)
    fences.append(journal.fence())
    journal.journal.release("b")
    fences.append(journal.fence())
    assert fences == sorted(set(fences))
    journal.journal.release("nothing")
    assert journal.fence() == fences[-1]
