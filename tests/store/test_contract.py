"""What `ports.Journal` promises, in databases of both kinds."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitalign.core.conflict import AppliedResolution
from gitalign.core.events import Event, EventKind
from gitalign.core.manual_resolution import ResolutionSession
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, AlignedKind, StepResult, Unchanged
from gitalign.core.plan import Plan
from gitalign.core.publication import MoveState, Publication, PushState, RefUpdate
from gitalign.core.run import RunKind, RunRecord, RunState
from gitalign.errors import RunTakenOver, StoreError, UnknownRun
from gitalign.ports import Journal
from gitalign.store import bodies
from gitalign.store.dialect import Dialect
from gitalign.store.journal import SqlJournal, connect_journal
from tests.store.test_old_databases import OLD

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATIN = "refs/heads/topic/caf\udce9"
"""A name whose bytes are not UTF-8."""
X, Y = "refs/heads/x", "refs/heads/y"
_REPOSITORIES = (f"repository {number}" for number in itertools.count())


@pytest.fixture(scope="session")
def plan() -> Plan:
    """A plan of several steps onto main."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript((OLD / "0002.sql").read_text())
        ((text,),) = database.execute("SELECT plan FROM runs WHERE number = 1")
    return bodies.plan_of(text)


Opener = Callable[[], SqlJournal]


@pytest.fixture
def opener(dialect: Dialect) -> Iterator[Opener]:
    """Opens the journal of one repository, as often as it is called."""
    repository = next(_REPOSITORIES)
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(connect_journal(dialect, repository=repository)))


@pytest.fixture
def journal(opener: Opener) -> SqlJournal:
    return opener()


def run_id(number: int) -> str:
    return f"20260301-120000-{number:06x}"


def begun(journal: Journal, number: int = 1, *, owner: str = "me", plan_json: str = "{}") -> str:
    record = RunRecord(
        id=run_id(number),
        kind=RunKind.ALIGN,
        state=RunState.INTEGRATING,
        started_at=NOON + timedelta(minutes=number),
        finished_at=None,
        outcome="running",
        moved=0,
        plan_id="p",
        total=3,
        owner=owner,
    )
    journal.begin_run(record, plan_json=plan_json)
    return record.id


def ended(journal: Journal, number: int, *, state: RunState = RunState.FINISHED) -> str:
    name = begun(journal, number)
    journal.set_state(name, state, outcome="ok", finished_at=NOON + timedelta(minutes=number, seconds=30))
    journal.release(name)
    return name


def oid(digit: str) -> Oid:
    return Oid(digit * 40)


def move(ref: str, *, state: MoveState = MoveState.INTENDED, push: PushState = PushState.NOT_ASKED) -> Publication:
    return Publication(update=RefUpdate(ref=ref, before=oid("a"), after=oid("b")), stack=0, state=state, push=push)


class TestRuns:
    def test_a_run_is_found_by_its_id_a_prefix_and_as_the_last(self, journal: Journal) -> None:
        prefixed = begun(journal, 0x777777)
        first, second = begun(journal, 1), begun(journal, 2)
        assert journal.run(first).id == first
        assert journal.run(prefixed[:-1]).id == prefixed
        assert journal.run("last").id == second
        assert journal.run(first).started_at == NOON + timedelta(minutes=1)
        with pytest.raises(UnknownRun, match="could be any of"):
            journal.run("2026")
        assert [one.id for one in journal.runs()] == [second, first, prefixed]
        assert [one.id for one in journal.runs(limit=1)] == [second]
        assert journal.newest(RunKind.ALIGN) == journal.run(second)
        assert journal.newest(RunKind.UNDO) is None

    @pytest.mark.parametrize("word", ["nothing", "%", "2026%", "_", "é", "\0", "\udce9", "~", "x" * 5_000])
    def test_a_word_that_is_no_run(self, journal: Journal, word: str) -> None:
        begun(journal)
        with pytest.raises(UnknownRun):
            journal.run(word)

    def test_nothing_was_run(self, journal: Journal) -> None:
        assert journal.runs() == ()
        for word in ("last", "", run_id(1)):
            with pytest.raises(UnknownRun):
                journal.run(word)
        with pytest.raises(UnknownRun):
            journal.plan_json(run_id(1))
        assert journal.anchor(run_id(1)) is None

    def test_states(self, journal: Journal) -> None:
        first, second = ended(journal, 1), begun(journal, 2)
        assert [one.id for one in journal.runs_in((RunState.INTEGRATING, RunState.PUBLISHING))] == [second]
        assert [one.id for one in journal.runs_in((RunState.FINISHED,))] == [first]
        record = journal.run(first)
        assert (record.state, record.outcome) == (RunState.FINISHED, "ok")
        journal.set_state(first, RunState.FAILED)
        assert journal.run(first) == replace(record, state=RunState.FAILED)

    def test_runs_that_ended(self, journal: Journal) -> None:
        names = [ended(journal, number) for number in (1, 2, 3)]
        begun(journal, 4)
        assert [one.id for one in journal.runs_ended_by(NOON + timedelta(minutes=2, seconds=30))] == names[1::-1]

    def test_runs_that_stand_are_read_a_page_at_a_time(self, journal: Journal) -> None:
        names = [ended(journal, number) for number in range(120)]
        for number, state in (
            (3, MoveState.MOVED),
            (4, MoveState.UNDONE),
            (110, MoveState.STANDS),
            (7, MoveState.MOVED),
        ):
            journal.intend(names[number], [move(X, state=state)], anchor="a")
        assert [one.id for one in journal.runs_that_stand()] == [names[110], names[7], names[3]]

    def test_plans(self, journal: Journal, plan: Plan) -> None:
        name = begun(journal, plan_json='{"\\udce9": 1}')
        assert journal.plan_json(name) == '{"\\udce9": 1}'
        with pytest.raises(StoreError, match="cannot be read"):
            journal.plan(name)

    def test_an_undo_is_noted_where_something_is_undone(self, journal: Journal) -> None:
        name = begun(journal)
        journal.note_undone(name, by=run_id(9))
        assert journal.run(name).undone_by is None
        journal.intend(name, [move(X, state=MoveState.UNDONE)], anchor="a")
        assert journal.run(name).undone_by == run_id(9)
        journal.note_undone(name, by=None)
        assert journal.run(name).undone_by is None

    def test_anchors(self, journal: Journal) -> None:
        name = begun(journal)
        journal.intend(name, [], anchor="refs/gitalign/x")
        assert journal.anchor(name) == "refs/gitalign/x"
        journal.drop_anchors([name])
        journal.drop_anchors([])
        assert journal.anchor(name) is None

    def test_details_of_old_runs_are_forgotten(self, journal: Journal) -> None:
        old, young = ended(journal, 1), ended(journal, 5)
        for name in (old, young):
            journal.append([event(name, 1)])
        journal.keep({"old": "1"}, at=NOON)
        journal.keep({"young": "1"}, at=NOON + timedelta(minutes=6))
        journal.forget_before(NOON + timedelta(minutes=4))
        assert (journal.events(old), len(journal.events(young))) == ((), 1)
        assert set(journal.look_up(["old", "young"])) == {"young"}
        assert journal.run(old).id == old


def event(name: str, seq: int) -> Event:
    data = {"path": "caf\udce9", "n": seq}
    return Event(run_id=name, seq=seq, at=NOON, kind=EventKind.NOTICE, branch="topic/caf\udce9", data=data)


def test_events_are_kept_in_order(journal: Journal) -> None:
    name = begun(journal)
    written = [event(name, seq) for seq in (1, 2, 3)]
    journal.append(written[::-1])
    journal.append([])
    assert journal.events(name) == tuple(written)
    assert journal.events(name, after=2) == (written[2],)
    with pytest.raises(UnknownRun):
        journal.append([event(run_id(9), 1)])


def aligned(step: int, branch: str, *conflicts: str) -> StepResult:
    resolved = tuple(AppliedResolution(commit=None, path="p", conflict=conflict) for conflict in conflicts)
    outcome = Aligned(
        how=AlignedKind.REPLAYED, before=oid("a"), after=oid("b"), onto=oid("c"), tree=oid("d"), resolved=resolved
    )
    return StepResult(step_id=step, branch=branch, outcome=outcome)


class TestResults:
    def test_a_later_result_of_a_step_replaces_the_earlier_one(self, journal: Journal, plan: Plan) -> None:
        name = begun(journal)
        unchanged = StepResult(step_id=1, branch="b\udce9", outcome=Unchanged(code="up_to_date", reason="x"))
        journal.record_results(name, [unchanged, aligned(0, "a", "one")], plan=plan)
        assert journal.results(name) == (aligned(0, "a", "one"), unchanged)
        journal.record_results(name, [aligned(1, "b\udce9")], plan=plan)
        journal.record_results(name, [], plan=plan)
        assert journal.results(name) == (aligned(0, "a", "one"), aligned(1, "b\udce9"))

    def test_branches_that_have_a_resolution_in_them(self, journal: Journal, plan: Plan) -> None:
        """Only the newest aligned result of a branch counts."""
        first, second = begun(journal, 1), begun(journal, 2)
        skipped = StepResult(step_id=1, branch="y", outcome=Unchanged(code="up_to_date", reason="x"))
        journal.record_results(first, [aligned(0, "x", "one"), aligned(1, "y", "one", "two")], plan=plan)
        journal.record_results(second, [aligned(0, "x", "three"), skipped], plan=plan)
        assert [(name, one.branch) for name, one in journal.results_with(["one", "two", "one"])] == [(first, "y")]
        assert [(name, one.branch) for name, one in journal.results_with(["three"])] == [(second, "x")]
        assert journal.results_with([]) == ()


class TestMoves:
    def test_intended_moves_and_what_became_of_them(self, journal: Journal) -> None:
        name = begun(journal)
        journal.intend(name, [move(Y), move(LATIN), move(X)], anchor="refs/gitalign/x")
        assert journal.run(name).state is RunState.PUBLISHING
        done = [move(LATIN, state=MoveState.MOVED), move(X, state=MoveState.STANDS, push=PushState.PUSHED)]
        journal.update_publications(name, done)
        journal.update_publications(name, [])
        assert journal.publications(name) == (move(Y), *done)
        record = journal.run(name)
        assert (record.moved, record.undone, record.pushed) == (1, 0, 1)
        journal.update_publications(name, [move(LATIN, state=MoveState.UNDONE)])
        assert (journal.run(name).moved, journal.run(name).undone) == (1, 1)
        journal.intend(name, [move(X)], anchor="refs/gitalign/x")
        assert journal.publications(name) == (move(X),)
        assert journal.run(name).moved == 0

    def test_very_many_moves(self, journal: Journal) -> None:
        name = begun(journal)
        refs = [f"refs/heads/topic/{number:04}" for number in range(1_000)]
        journal.intend(name, [move(ref) for ref in refs], anchor="a")
        journal.update_publications(name, [move(ref, state=MoveState.MOVED) for ref in refs])
        assert journal.run(name).moved == len(refs)
        assert len(journal.placed(refs)) == len(journal.history_of(refs)) == len(journal.moves_of(refs)) == len(refs)

    def test_where_runs_put_branches(self, journal: Journal) -> None:
        def at(digit: str, state: MoveState = MoveState.MOVED) -> Publication:
            return replace(move(X, state=state), update=RefUpdate(ref=X, before=oid("0"), after=oid(digit)))

        for number, one in enumerate((at("1"), at("2"), at("3", MoveState.UNDONE), at("4", MoveState.HELD_BACK))):
            journal.intend(begun(journal, number), [one, move(Y)], anchor="a")
        assert journal.placed([X, Y, "refs/heads/unknown"]) == {X: oid("2")}
        assert {ref: [one.update.after[0] for one in made] for ref, made in journal.history_of([X, Y]).items()} == {
            X: ["1", "2", "3"]
        }
        assert [name for name, _ in journal.moves_of([X])] == [run_id(2), run_id(1), run_id(0)]
        assert {name for name, _ in journal.moves_of([Y])} == {run_id(number) for number in range(4)}

    def test_pushes_whose_end_is_not_known(self, journal: Journal) -> None:
        states = (MoveState.MOVED, MoveState.INTENDED, MoveState.STANDS)
        names = [begun(journal, number) for number in range(3)]
        for name, state in zip(names, states, strict=True):
            journal.intend(name, [move(X, state=state, push=PushState.UNKNOWN)], anchor="a")
        assert journal.unsettled_pushes() == (names[0], names[2])
        journal.update_publications(names[0], [move(X, state=MoveState.MOVED, push=PushState.PUSHED)])
        assert journal.unsettled_pushes() == (names[2],)


def alive(owner: str) -> bool:
    return True


def dead(owner: str) -> bool:
    return False


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


def session(ref: str) -> ResolutionSession:
    return ResolutionSession(
        ref=ref,
        branch=ref.removeprefix("refs/heads/"),
        target="main",
        seen=oid("a"),
        onto=oid("b"),
        folder="/f",
        plan="{}",
        is_merge=False,
        opened_at=NOON,
    )


def test_sessions(opener: Opener) -> None:
    journal, other = opener(), opener()
    assert journal.open_session(session(X))
    assert not other.open_session(session(X))
    assert other.open_session(session(LATIN))
    assert set(journal.sessions()) == {session(LATIN), session(X)}
    journal.close_session(X)
    assert other.sessions() == (session(LATIN),)
    assert journal.open_session(session(X))


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
        closing(connect_journal(dialect, repository=next(_REPOSITORIES))) as one,
        closing(connect_journal(dialect, repository=next(_REPOSITORIES))) as other,
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


def test_a_failed_transaction_leaves_nothing_and_the_next_one_works(journal: Journal) -> None:
    name = begun(journal)
    with pytest.raises(StoreError):
        journal.intend(name, [move(X), move(X)], anchor="a")
    assert (journal.publications(name), journal.anchor(name)) == ((), None)
    journal.intend(name, [move(X)], anchor="a")
    assert journal.publications(name) == (move(X),)


def test_what_is_written_is_there_when_it_is_opened_again(opener: Opener, tmp_path: Path) -> None:
    first = opener()
    name = begun(first, plan_json="plan")
    journal = opener()
    assert journal.plan_json(name) == "plan"
