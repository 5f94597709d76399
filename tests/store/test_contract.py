"""What `ports.Journal` promises, in databases of both kinds."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitalign.core.outcome import StepResult, Unchanged
from gitalign.core.plan import Plan
from gitalign.core.publication import MoveState, Publication, PushState, RefUpdate
from gitalign.core.run import RunKind, RunState
from gitalign.errors import StoreError, UnknownRun
from gitalign.ports import Journal
from tests.store.rows import (
    LATIN,
    NOON,
    Opener,
    X,
    Y,
    aligned,
    begun,
    ended,
    event,
    move,
    oid,
    run_id,
)


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


def test_events_are_kept_in_order(journal: Journal) -> None:
    name = begun(journal)
    written = [event(name, seq) for seq in (1, 2, 3)]
    journal.append(written[::-1])
    journal.append([])
    assert journal.events(name) == tuple(written)
    assert journal.events(name, after=2) == (written[2],)
    with pytest.raises(UnknownRun):
        journal.append([event(run_id(9), 1)])


def test_events_of_a_commit_whose_answer_was_lost_are_given_again(journal: Journal) -> None:
    name = begun(journal)
    written = [event(name, seq) for seq in (1, 2, 3, 4)]
    journal.append(written[:2])
    journal.append(written)
    journal.append(written)
    assert journal.events(name) == tuple(written)
    with pytest.raises(StoreError):
        journal.append([replace(written[0], branch="another")])
    assert journal.events(name) == tuple(written)


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

    def test_refs_that_did_not_get_to_their_remote(self, journal: Journal) -> None:
        name, later = begun(journal, 0), begun(journal, 1)
        sent = [move(X, push=PushState.UNKNOWN), move(Y, push=PushState.UNKNOWN), move(LATIN)]
        journal.intend(name, sent, anchor="a")
        assert journal.refs_not_pushed() == (), "nothing of it has moved"
        ended = {X: PushState.REJECTED, Y: PushState.PUSHED, LATIN: PushState.NOT_ASKED}
        journal.update_publications(name, [move(r, state=MoveState.MOVED, push=p) for r, p in ended.items()])
        assert journal.refs_not_pushed() == (X,)
        held = [move(ref, state=MoveState.STANDS, push=PushState.HELD_BACK) for ref in (LATIN, X)]
        journal.intend(later, held, anchor="b")
        assert journal.refs_not_pushed() == tuple(sorted((X, LATIN)))


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
