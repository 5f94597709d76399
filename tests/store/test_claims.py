"""What `ports.Journal` promises to processes that work at the same time, and to repositories that share a database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest

from gitalign.core.plan import Plan
from gitalign.core.publication import MoveState, PushState
from gitalign.core.run import RunState
from gitalign.errors import RunTakenOver, UnknownRun
from gitalign.ports import Journal
from gitalign.store.dialect import Dialect
from gitalign.store.journal import connect_journal
from tests.store.rows import (
    LATIN,
    NOON,
    REPOSITORIES,
    Opener,
    X,
    Y,
    aligned,
    alive,
    begun,
    dead,
    event,
    move,
    path_claim,
    run_id,
    session,
)


class TestClaims:
    def test_one_run_has_a_branch(self, opener: Opener) -> None:
        journal, other = opener(), opener()
        first, second = begun(journal, 1), begun(other, 2)
        assert journal.claim(first, [X, LATIN], owner="me", is_alive=alive) == {}
        lost = other.claim(second, [X, Y, LATIN], owner="you", is_alive=alive)
        assert {ref: (one.run_id, one.owner) for ref, one in lost.items()} == {X: (first, "me"), LATIN: (first, "me")}
        journal.release(first)
        assert other.claim(second, [X, LATIN], owner="you", is_alive=alive) == {}
        assert journal.claim(first, [X], owner="me", is_alive=alive).keys() == {X}

    def test_tokens_rise(self, opener: Opener) -> None:
        asking = opener()
        asker = begun(asking, 9)
        tokens = []
        for number in range(3):
            journal = opener()
            name = begun(journal, number)
            journal.claim(name, [X], owner=name, is_alive=dead)
            tokens.append(asking.claim(asker, [X], owner="z", is_alive=alive)[X].token)
            if number == 1:
                journal.release(name)
        assert tokens == sorted(set(tokens))

    def test_a_run_whose_claim_is_taken_writes_nothing_more(self, opener: Opener, plan: Plan) -> None:
        journal, other = opener(), opener()
        first, second = begun(journal, 1), begun(other, 2)
        journal.claim(first, [X, Y], owner="me", is_alive=alive)
        journal.intend(first, [move(X)], anchor="a")
        journal.require_held(first)
        assert other.claim(second, [X], owner="you", is_alive=dead) == {}
        refuses_to_write(journal, first, plan)
        assert other.claim(second, [Y], owner="you", is_alive=alive) == {}, "a dead run loses all"

    def test_a_run_that_is_taken_over_is_the_takers_alone(self, opener: Opener, plan: Plan) -> None:
        journal, other = opener(), opener()
        name = begun(journal)
        journal.intend(name, [move(X)], anchor="a")
        other.take(name)
        refuses_to_write(journal, name, plan)
        journal.release(name)
        assert other.is_held(name)
        other.require_held(name)
        other.update_publications(name, [move(X, state=MoveState.MOVED)])
        other.set_state(name, RunState.FINISHED)
        other.release(name)
        assert not other.is_held(name)
        with pytest.raises(RunTakenOver):
            other.require_held(name)
        with pytest.raises(UnknownRun):
            other.take(run_id(9))

    def test_counted_as_dead(self, opener: Opener, plan: Plan) -> None:
        journal, other = opener(), opener()
        name = begun(journal)
        journal.claim(name, [X], owner="me", is_alive=alive)
        other.take_over(name, owner="dead")
        assert (other.run(name).owner, other.is_held(name)) == ("dead", False)
        refuses_to_write(journal, name, plan)
        assert other.claim(begun(other, 2), [X], owner="you", is_alive=alive) == {}

    def test_of_many_that_want_a_branch_one_gets_it(self, opener: Opener) -> None:
        journals = [opener() for _ in range(4)]
        names = [begun(journal, number) for number, journal in enumerate(journals)]
        refs = [f"refs/heads/{number}" for number in range(50)]
        lost: dict[str, set[str]] = {}
        together = threading.Barrier(len(journals))

        def take(journal: Journal, name: str) -> None:
            together.wait()
            lost[name] = set(journal.claim(name, refs, owner=name, is_alive=alive))

        threads = [threading.Thread(target=take, args=pair) for pair in zip(journals, names, strict=True)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(len, lost.values())) == [0, 50, 50, 50]


def refuses_to_write(journal: Journal, name: str, plan: Plan) -> None:
    before = (journal.run(name), journal.publications(name), journal.events(name), journal.results(name))
    writes: tuple[Callable[[], object], ...] = (
        lambda: journal.require_held(name),
        lambda: journal.intend(name, [move(X)], anchor="b"),
        lambda: journal.update_publications(name, [move(X, state=MoveState.MOVED)]),
        lambda: journal.set_state(name, RunState.FAILED),
        lambda: journal.append([event(name, 1)]),
        lambda: journal.record_results(name, [aligned(0, "x")], plan=plan),
        lambda: journal.note_undone(name, by=name),
        lambda: journal.claim(name, [Y], owner="me", is_alive=alive),
    )
    for write in writes:
        with pytest.raises(RunTakenOver, match=name):
            write()
    assert before == (journal.run(name), journal.publications(name), journal.events(name), journal.results(name))


def test_sessions(opener: Opener) -> None:
    journal, other = opener(), opener()
    assert journal.open_session(session(X))
    assert not other.open_session(session(X))
    assert other.open_session(session(LATIN))
    assert set(journal.sessions()) == {session(LATIN), session(X)}
    journal.close_session(X)
    assert other.sessions() == (session(LATIN),)
    assert journal.open_session(session(X))


def test_paths_are_claimed_by_one_holder_at_a_time(opener: Opener) -> None:
    journal, other = opener(), opener()
    mine = path_claim("1", "me", "src/api/", "*.md")
    assert journal.claim_paths(mine) == ()
    assert other.claim_paths(path_claim("2", "you", "src/api/health.py")) == (mine,)
    assert other.claim_paths(path_claim("3", "you", "docs/README.md", "src/web/*.py")) == (mine,)
    assert other.claim_paths(path_claim("4", "you", "src/web/*.py")) == ()
    assert journal.claim_paths(path_claim("5", "me", "src/api/more/")) == ()  # one's own paths may overlap
    assert [one.id for one in other.path_claims(NOON)] == ["1", "4", "5"]
    later = NOON + timedelta(minutes=30)  # the moment in which they end
    assert other.path_claims(later) == ()
    late = replace(path_claim("6", "you", "src/api/"), made_at=later, until=later + timedelta(hours=1))
    assert other.claim_paths(late) == ()
    assert other.release_paths("you", "nosuch") == 0
    assert other.release_paths("me") == 0
    assert other.release_paths("you", "6") == 1
    assert journal.path_claims(NOON) == ()


def test_of_many_claims_at_once_one_is_kept(opener: Opener) -> None:
    journals = [opener() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        kept = list(
            pool.map(lambda at: journals[at].claim_paths(path_claim(str(at), f"holder {at}", "src/")), range(4))
        )
    assert [len(one) for one in kept].count(0) == 1
    assert len(journals[0].path_claims(NOON)) == 1


def test_the_cache(opener: Opener) -> None:
    journal, other = opener(), opener()
    many = {f"{number:064}": str(number) for number in range(900)}
    journal.keep(many, at=NOON)
    journal.keep({}, at=NOON)
    other.keep({f"{1:064}": "other"}, at=NOON)
    assert other.look_up(many) == many | {f"{1:064}": "other"}
    assert other.look_up(["unknown"]) == other.look_up([]) == {}


def test_two_repositories_in_a_database_know_nothing_of_each_other(dialect: Dialect, plan: Plan) -> None:
    with (
        closing(connect_journal(dialect, repository=next(REPOSITORIES))) as one,
        closing(connect_journal(dialect, repository=next(REPOSITORIES))) as other,
    ):
        name = begun(one)
        one.claim(name, [X], owner="me", is_alive=alive)
        one.intend(name, [move(X, state=MoveState.MOVED, push=PushState.UNKNOWN)], anchor="a")
        one.record_results(name, [aligned(0, "x", "conflict")], plan=plan)
        one.append([event(name, 1)])
        one.open_session(session(X))
        one.keep({"k": "v"}, at=NOON)
        found: list[object] = [
            other.runs(),
            other.runs_in(tuple(RunState)),
            tuple(other.runs_that_stand()),
            other.runs_ended_by(NOON + timedelta(days=9)),
            other.unsettled_pushes(),
            other.sessions(),
            other.placed([X]),
            other.history_of([X]),
            other.moves_of([X]),
            other.results_with(["conflict"]),
            other.look_up(["k"]),
        ]
        assert not any(found)
        with pytest.raises(UnknownRun):
            other.take(name)
        again = begun(other, 1)
        assert again == name, "an id is the repository's own"
        assert other.claim(again, [X], owner="you", is_alive=alive) == {}
        assert not any((other.publications(again), other.results(again), other.events(again)))
        other.forget_before(NOON + timedelta(days=9))
        one.require_held(name)
        assert one.publications(name)[0].state is MoveState.MOVED
