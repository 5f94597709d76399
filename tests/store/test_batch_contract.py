"""What `ports.BatchRunStore` and `ports.ProjectStore` promise, in databases of both kinds."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from gitalign.core.batch_records import PROJECT_RUN_KEY, BatchRunChange
from gitalign.errors import RunTakenOver, UnknownBatch
from gitalign.ports import Journal
from gitalign.store.journal import SqlJournal
from tests.store.batch_rows import OPEN, PROJECT, batch, begun, new, project, running, task, worktree
from tests.store.rows import NOON, Opener, event, run_id

OTHER = "6f1b7a0e-0000-4000-8000-000000000002"


class TestBatchRuns:
    def test_all_of_it_is_read_as_it_was_written(self, opener: Opener) -> None:
        change = begun(opener())
        stored = opener().stored_batch_run(change.record.id)
        assert stored.record == change.record
        assert (stored.batches, stored.tasks, stored.plan) == (change.batches, change.tasks, '{"plan": 1}')

    def test_one_is_found_by_its_id_a_prefix_and_as_the_last(self, journal: Journal) -> None:
        with pytest.raises(UnknownBatch):
            journal.batch_run("last")
        prefixed, first, second = (begun(journal, number).record for number in (0x777777, 1, 2))
        assert journal.batch_run(first.id) == first
        assert journal.batch_run(prefixed.id[:-1]) == prefixed
        assert journal.batch_run("last") == second
        with pytest.raises(UnknownBatch, match="could be any of"):
            journal.batch_run("2026")
        assert [one.id for one in journal.batch_runs()] == [prefixed.id, first.id, second.id]
        assert journal.batch_runs_of_plan(first.plan_digest, first.target) == (first,)
        assert journal.batch_runs_of_plan(first.plan_digest, "main") == ()

    @pytest.mark.parametrize("word", ["nothing", "", "%", "_", "é", "\0", "\udce9", "~", "x" * 5_000])
    def test_a_word_that_is_no_batch_run(self, journal: Journal, word: str) -> None:
        begun(journal)
        with pytest.raises(UnknownBatch):
            journal.batch_run(word)

    def test_what_changes_is_written_and_the_rest_stays(self, opener: Opener) -> None:
        journal = opener()
        change = running(begun(journal), execution_mode="parallel_running", current_batch=0)
        journal.change_batch_run(change)
        stored = opener().stored_batch_run(change.record.id)
        assert stored.record == change.record
        assert stored.batches == (change.batches[0], batch(1, "c"))
        assert stored.tasks == (change.tasks[0], task(1, "caf\udce9", 0), task(2, "c", 1))
        found = opener().project(PROJECT)
        assert found is not None
        assert found.metadata == {
            "execution_mode": "parallel_running",
            "current_batch": 0,
            PROJECT_RUN_KEY: change.record.id,
        }

    def test_the_metadata_of_a_project_is_about_one_run(self, journal: Journal) -> None:
        first, second = begun(journal, 1), begun(journal, 2)
        journal.change_batch_run(running(first, a=1))
        journal.change_batch_run(running(second, b=2))
        journal.change_batch_run(replace(running(first), metadata={"a": 3, "b": 3}))
        journal.ask_batch_run(first.record.id, "stop", metadata={"b": 4})
        journal.change_batch_run(replace(running(second), metadata={"b": 5}))
        found = journal.project(PROJECT)
        assert found is not None
        assert found.metadata == {"a": 1, "b": 5, PROJECT_RUN_KEY: second.record.id}

    def test_a_change_of_a_run_that_is_gone_is_refused_whole(self, journal: Journal) -> None:
        change = running(begun(journal), key=1)
        journal.forget_batch_runs([change.record.id])
        with pytest.raises(UnknownBatch):
            journal.change_batch_run(change)
        found = journal.project(PROJECT)
        assert found is not None
        assert found.metadata == {}

    def test_of_two_that_begin_at_once_one_is_written(self, opener: Opener) -> None:
        journals = [opener() for _ in range(4)]
        journals[0].put_project(project())
        answers: dict[int, str | None] = {}

        def begin(number: int, journal: SqlJournal) -> None:
            answers[number] = journal.begin_batch_run(new(number), plan="{}", open_states=OPEN)

        threads = [threading.Thread(target=begin, args=pair) for pair in enumerate(journals, start=1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        (written,) = [number for number, answer in answers.items() if answer is None]
        assert {answer for answer in answers.values() if answer} == {run_id(written)}
        assert [one.id for one in journals[0].batch_runs()] == [run_id(written)]

    def test_a_plan_begins_again_when_its_run_has_ended_or_says_nothing_of_tasks(self, journal: Journal) -> None:
        change = begun(journal, 1, plan_digest="d")
        journal.change_batch_run(replace(change, record=replace(change.record, status="completed")))
        assert journal.begin_batch_run(new(2, plan_digest="d"), plan="{}", open_states=OPEN) is None
        assert journal.begin_batch_run(new(3, plan_digest="d", target="main"), plan="{}", open_states=OPEN) is None
        assert journal.begin_batch_run(new(4, plan_digest="d"), plan="{}", open_states=OPEN) == run_id(2)
        assert journal.begin_batch_run(new(5, plan_digest=""), plan="{}", open_states=OPEN) is None
        assert journal.begin_batch_run(new(6, plan_digest=""), plan="{}", open_states=OPEN) is None

    def test_a_run_that_its_caller_has_not_seen_counts_like_one_that_is_open(self, journal: Journal) -> None:
        change = begun(journal, 1, plan_digest="d")
        journal.change_batch_run(replace(change, record=replace(change.record, status="completed")))
        for seen in ((), (run_id(9),)):
            again = journal.begin_batch_run(new(2, plan_digest="d"), plan="{}", open_states=OPEN, seen=seen)
            assert again == run_id(1)
        assert journal.begin_batch_run(new(2, plan_digest="d"), plan="{}", open_states=OPEN, seen={run_id(1)}) is None

    def test_a_holder_that_was_taken_for_dead_writes_nothing(self, opener: Opener) -> None:
        dead, alive = opener(), opener()
        change = begun(dead)
        alive.take_batch_run(change.record.id)
        with pytest.raises(RunTakenOver):
            dead.change_batch_run(running(change))
        with pytest.raises(RunTakenOver):
            dead.append_batch_events(change.record.id, [event(change.record.id, 1)])
        alive.change_batch_run(running(change))
        assert opener().batch_run("last").status == "running"
        with pytest.raises(UnknownBatch):
            alive.take_batch_run(run_id(99))

    def test_requests(self, opener: Opener) -> None:
        change = begun(opener())
        name = change.record.id
        assert opener().request_of_batch_run(name) == ""
        asked = {PROJECT_RUN_KEY: name, "parallel_stop_requested": True}
        opener().ask_batch_run(name, "stop", metadata=asked)
        assert opener().request_of_batch_run(name) == "stop"
        found = opener().project(PROJECT)
        assert found is not None
        assert found.metadata == asked
        opener().ask_batch_run(name, "", metadata={})
        assert opener().request_of_batch_run(name) == ""
        with pytest.raises(UnknownBatch):
            opener().ask_batch_run(run_id(9), "stop", metadata={})

    def test_events(self, journal: Journal) -> None:
        name = begun(journal).record.id
        journal.append_batch_events(name, [event(name, 1), event(name, 2)])
        journal.append_batch_events(name, [event(name, 3)])
        journal.append_batch_events(name, [event(name, 2), event(name, 3)])
        assert journal.batch_events(name, after=1) == (event(name, 2), event(name, 3))
        assert journal.batch_events(run_id(9)) == ()

    def test_forgetting_leaves_nothing_of_a_run_and_all_of_others(self, journal: SqlJournal) -> None:
        first, second = begun(journal, 1), begun(journal, 2)
        for change in (first, second):
            journal.change_batch_run(running(change))
            journal.append_batch_events(change.record.id, [event(change.record.id, 1)])
        before = journal.stored_batch_run(second.record.id)
        journal.forget_batch_runs([first.record.id])
        assert [one.id for one in journal.batch_runs()] == [second.record.id]
        assert journal.stored_batch_run(second.record.id) == before
        assert len(journal.batch_events(second.record.id)) == 1
        journal.forget_batch_runs([second.record.id])
        assert journal.batches_of_project(PROJECT) == ()
        left = journal._connection.exec_driver_sql(
            "SELECT count(*) FROM batch_worktrees WHERE batch NOT IN (SELECT number FROM parallel_batches)"
        )
        assert left.scalar() == 0


class TestProjects:
    def test_what_two_processes_write_at_once_is_all_there(self, opener: Opener) -> None:
        opener().put_project(project(first=0))
        journals = [opener() for _ in range(4)]

        def merge(number: int, journal: SqlJournal) -> None:
            for turn in range(5):
                journal.merge_project_metadata(PROJECT, {f"key {number} {turn}": turn, "shared": number})

        threads = [threading.Thread(target=merge, args=pair) for pair in enumerate(journals)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = opener().project(PROJECT)
        assert found is not None
        assert found.metadata["shared"] in range(4)
        own = {f"key {number} {turn}": turn for number in range(4) for turn in range(5)}
        assert {key: value for key, value in found.metadata.items() if key != "shared"} == {"first": 0, **own}

    def test_a_project_stays_what_it_is(self, journal: Journal) -> None:
        assert journal.project(PROJECT) is None
        assert not journal.merge_project_metadata(PROJECT, {"a": 1})
        journal.put_project(project(a=1, b={"deep": ["caf\udce9", None]}))
        journal.put_project(replace(project(a=2), name="renamed", created_at=NOON + timedelta(days=1)))
        found = journal.project(PROJECT)
        assert found == replace(project(a=2, b={"deep": ["caf\udce9", None]}), name="renamed")
        assert journal.project(OTHER) is None

    def test_batches_of_a_plan_that_no_run_carries_out(self, journal: Journal) -> None:
        journal.put_project(project())
        journal.plan_project_batches(PROJECT, [batch(0, "old")])
        journal.plan_project_batches(PROJECT, [batch(0, "1", "2"), batch(1, "3")])
        first, second = journal.batches_of_project(PROJECT)
        assert (first.batch, second.batch) == (batch(0, "1", "2"), batch(1, "3"))
        assert first.key != second.key
        assert journal.batch_by_key(second.key) == second
        assert journal.set_planned_batch(first.key, "running", started_at=NOON, completed_at=None)
        assert journal.set_planned_batch(first.key, "completed", started_at=None, completed_at=NOON)
        changed = journal.batch_by_key(first.key)
        assert changed is not None
        assert changed.batch == batch(0, "1", "2", status="completed", started_at=NOON, completed_at=NOON)
        assert not journal.set_planned_batch(10**9, "running", started_at=None, completed_at=None)

    def test_batches_are_those_of_the_newest_run(self, journal: Journal) -> None:
        journal.put_project(project())
        journal.plan_project_batches(PROJECT, [batch(0, "planned")])
        begun(journal, 1)
        newest = begun(journal, 2)
        listed = journal.batches_of_project(PROJECT)
        assert [one.batch for one in listed] == list(newest.batches)
        assert {one.batch_run for one in listed} == {newest.record.id}
        assert journal.batch_run_of_project(PROJECT) == newest.record
        assert journal.plan_of_batch_run(newest.record.id) == '{"plan": 2}'
        assert not journal.set_planned_batch(listed[0].key, "completed", started_at=None, completed_at=None)
        assert journal.batches_of_project(OTHER) == ()
        assert journal.batch_run_of_project(OTHER) is None

    def test_work_trees_of_a_batch(self, journal: Journal) -> None:
        change = begun(journal)
        trees = (worktree("a", 0), worktree("caf\udce9", 0))
        journal.change_batch_run(BatchRunChange(record=change.record, worktrees=(*trees, worktree("c", 1))))
        merged = replace(trees[0], status="merged", merge_commit="a" * 40, merged_at=NOON)
        journal.change_batch_run(BatchRunChange(record=change.record, worktrees=(merged,)))
        first, second = journal.batches_of_project(PROJECT)
        assert [one.worktree for one in journal.worktrees_of_batch(first.key)] == [merged, trees[1]]
        assert [one.worktree for one in journal.worktrees_of_batch(second.key)] == [worktree("c", 1)]

    def test_another_repository_sees_nothing_of_it(self, dialect: object, journal: SqlJournal) -> None:
        from gitalign.store.journal import connect_journal

        change = begun(journal)
        journal.change_batch_run(running(change))
        key = journal.batches_of_project(PROJECT)[0].key
        other = connect_journal(dialect, repository="another repository")  # type: ignore[arg-type]
        try:
            assert other.batch_runs() == ()
            assert other.project(PROJECT) is None
            assert other.batch_by_key(key) is None
            assert other.worktrees_of_batch(key) == ()
            assert not other.merge_project_metadata(PROJECT, {"a": 1})
            other.forget_batch_runs([change.record.id])
        finally:
            other.close()
        assert len(journal.batch_runs()) == 1
