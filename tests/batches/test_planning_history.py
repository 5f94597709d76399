"""Planning with what earlier runs showed, in real repositories; and that the same file never runs twice because of it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy
from hypothesis import given, settings
from hypothesis import strategies as st

from gitalign.batches import history
from gitalign.batches.history import foresight_of
from gitalign.batches.planning.earlier import EarlierPair, EarlierTask, Foresight
from gitalign.batches.planning.make_plan import in_mode, make_plan
from gitalign.batches.planning.plan import ExecutionMode, Mode
from gitalign.batches.planning.plan_digest import plan_digest, request_digest
from gitalign.batches.planning.plan_document import from_dict, to_dict
from gitalign.batches.planning.predicting import predict
from gitalign.batches.planning.tasks import Task, TaskList
from gitalign.batches.running.run_batches import run_batches
from gitalign.core.path_overlap import overlapping
from tests.batches.runs import Bench, sh
from tests.batches.test_batch_landing import lander
from tests.batches.test_batch_verb import batch, document
from tests.batches.trees import World, world

__all__ = ["world"]

AT = datetime(2026, 11, 27, tzinfo=UTC)
PROJECT = UUID("6f1b7a0e-0000-4000-8000-000000000001")


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def listed(folder: Path, tasks: dict[str, str], name: str = "tasks.json", **more: Any) -> Path:
    """A task list; each task writes down that it ran, then runs its script."""
    log = folder / "ran"
    path = folder / name
    path.write_text(
        json.dumps(
            {
                "target": "main",
                "defaults": {"commit_leftovers": True},
                "tasks": [
                    {"id": one, "shell": f"echo {one} >> {log}; {script}", **more} for one, script in tasks.items()
                ],
            }
        )
    )
    return path


def ran(folder: Path) -> str:
    """Ids of the tasks that ran, in order, since this was asked last."""
    log = folder / "ran"
    text = "".join(sorted(log.read_text().split())) if log.exists() else ""
    log.unlink(missing_ok=True)
    return text


def run(world: World, file: Path, *words: str, code: int = 0) -> str:
    """Run a list; what is printed."""
    return str(batch(world, "run", file, "--yes", "--confinement", "none", *words, code=code).stdout)


def batches_of(world: World, file: Path, *words: str) -> list[list[str]]:
    plan = document(batch(world, "plan", file, "--json", *words).stdout, "batch-plan")
    return [one["task_ids"] for one in plan["batches"]]


def test_results_that_conflicted_are_kept_apart_and_the_same_file_runs_no_task_twice(
    world: World, tmp_path: Path
) -> None:
    """The first run fails with a conflict. The second one, of the same file, lands; a third one has nothing left to do."""
    file = listed(tmp_path, {"a": "echo one > a.txt", "b": "echo two > a.txt", "c": "echo c > c"})
    run(world, file, code=1)
    assert ran(tmp_path) == "abc"
    first = document(batch(world, "status", "--json").stdout, "batch-run")["id"]

    shown = batch(world, "plan", file).stdout
    assert (
        f"foreseen: a and b may conflict in a.txt (same_file): their results conflicted in batch run {first}" in shown
    )
    assert f"history: 3 of 3 tasks known from batch run {first}" in shown
    assert "history: changes which tasks run together" in shown
    plan = document(batch(world, "plan", file, "--json").stdout, "batch-plan")
    assert [one["task_ids"] for one in plan["batches"]] == [["a", "c"], ["b"]]
    (foreseen,) = plan["foresight"]["conflicts"]
    assert foreseen == {"task_ids": ["a", "b"], "batch_runs": [first], "has_conflicted": True}
    assert {one["task_id"]: (one["batch_run"], one["changed_paths"]) for one in plan["foresight"]["tasks"]} == {
        "a": (first, ["a.txt"]),
        "b": (first, ["a.txt"]),
        "c": (first, ["c"]),
    }
    assert batches_of(world, file, "--no-history") == [["a", "b", "c"]]

    run(world, file)
    assert ran(tmp_path) == "abc"
    assert world.git("show", "main:a.txt") == "two"
    tip = world.tip
    assert "this plan has completed before" in run(world, file)
    assert (ran(tmp_path), world.tip) == ("", tip)

    changed = listed(tmp_path, {"a": "echo one > a.txt", "b": "echo three > a.txt", "c": "echo c > c"})
    assert batches_of(world, changed) == [["a", "b", "c"]]  # another command is another task
    run(world, changed, code=1)
    assert ran(tmp_path) == "abc"


def test_a_saved_plan_is_the_same_request_as_its_file_until_somebody_changes_it(world: World, tmp_path: Path) -> None:
    file, saved = listed(tmp_path, {"a": "echo one > a.txt", "b": "echo two > a.txt"}), tmp_path / "plan.json"
    run(world, file, code=1)
    batch(world, "plan", file, "-o", saved)
    assert batches_of(world, saved) == [["a"], ["b"]]
    assert ran(tmp_path) == "ab"
    run(world, saved)
    assert ran(tmp_path) == "ab"
    for same in (saved, file):
        assert "this plan has completed before" in run(world, same)
    assert ran(tmp_path) == ""
    document = json.loads(saved.read_text())
    document["batches"] = [
        {"batch_id": 0, "task_ids": ["b"], "can_parallel": False, "depends_on": []},
        {"batch_id": 1, "task_ids": ["a"], "can_parallel": False, "depends_on": []},
    ]
    saved.write_text(json.dumps(document))
    run(world, saved)
    assert (ran(tmp_path), world.git("show", "main:a.txt")) == ("ab", "one")


def test_a_run_that_is_not_finished_is_found_whatever_was_learned_since(world: World, tmp_path: Path) -> None:
    """A run of the same file waits to be landed; the plan has other batches now. It is not started a second time."""
    apart = {"a": "echo a >> src/b.txt", "b": "echo b >> src/b.txt"}
    for name, script in apart.items():
        run(world, listed(tmp_path, {name: script}, f"{name}.json"))
    both = listed(tmp_path, apart)
    run(world, both, "--no-history", "--no-land", code=1)
    assert ran(tmp_path) == "aabb"
    assert batches_of(world, both) == [["a"], ["b"]]
    refused = batch(world, "run", both, "--yes", "--confinement", "none", code=2).stderr
    assert "of this plan is not finished" in refused
    assert ran(tmp_path) == ""


def test_what_tasks_changed_in_different_runs_keeps_them_apart(world: World, tmp_path: Path) -> None:
    scripts = {"a": "echo a >> src/b.txt", "b": "echo b >> src/b.txt", "c": "echo c > other"}
    runs = []
    for name in "abc":
        run(world, listed(tmp_path, {name: scripts[name]}, f"{name}.json"))
        runs.append(document(batch(world, "status", "--json").stdout, "batch-run")["id"])
    both = listed(tmp_path, scripts)
    shown = batch(world, "plan", both).stdout
    assert batches_of(world, both) == [["a", "c"], ["b"]]
    assert f"a and b may conflict in src/b.txt (same_file): seen in batch run {runs[0]} and {runs[1]}" in shown
    assert "expected time: " in shown
    titled = listed(tmp_path, scripts, title="another")
    assert batches_of(world, titled) == [["a", "b", "c"]]
    declared = listed(tmp_path, {"b": scripts["b"]}, "declared.json", touches=["docs/"])
    assert batches_of(world, declared) == [["b"]]


def seen(bench: Bench, *tasks: Task) -> Foresight:
    return foresight_of(bench.world.repository, bench.store, TaskList(tasks=tasks))


def nth(number: int) -> str:
    return f"20261127-18000{number}-abcdef"


def carried_out(bench: Bench, number: int, *tasks: Task) -> str:
    """The id of a run of one batch with these tasks, of which each landed or none."""
    plan = bench.plan(*tasks)
    layout = (replace(plan.batches[0], task_ids=tuple(one.id for one in tasks), can_parallel=len(tasks) > 1),)
    bench.new(batch_id=nth(number), plan=replace(plan, batches=layout))
    run_batches(bench.context(), nth(number), lander(bench))
    return nth(number)


TEN = "\n".join(map(str, range(10))) + "\n"


def test_results_that_merged_may_run_side_by_side_again_though_they_change_one_file(bench: Bench) -> None:
    (bench.world.path / "ten").write_text(TEN)
    bench.world.git("add", "ten")
    bench.world.git("commit", "-qm", "ten")
    top, bottom = sh("a", "sed -i s/^0/zero/ ten"), sh("b", "sed -i s/^9/nine/ ten")
    first = carried_out(bench, 1, top, bottom)
    known = seen(bench, top, bottom)
    assert {one: known.tasks[one].changed for one in "ab"} == {"a": ("ten",), "b": ("ten",)}
    assert known.pairs == {frozenset("ab"): EarlierPair(run=first, has_conflicted=False)}
    plan = make_plan(TaskList(tasks=(top, bottom)), project_id=PROJECT, at=AT, foresight=known)
    assert ([one.task_ids for one in plan.batches], plan.predicted_conflicts) == ([("a", "b")], ())
    # Seen apart since, `b` may change something else: the older merge says nothing of that.
    later = replace(known, tasks={**known.tasks, "b": EarlierTask(run=nth(2), changed=("ten",))})
    plan = make_plan(TaskList(tasks=(top, bottom)), project_id=PROJECT, at=AT, foresight=later)
    assert [one.task_ids for one in plan.batches] == [("a",), ("b",)]


def test_the_newest_run_that_merged_two_results_decides(bench: Bench) -> None:
    """What conflicted once and merged later is no conflict; a run in which one of them failed says nothing of the two."""
    a, b = (
        sh("a", "test -e src/c || echo one > a.txt; echo a > a"),
        sh("b", "test -e src/c || echo two > a.txt; echo b > b"),
    )
    first = carried_out(bench, 1, a, b)
    assert seen(bench, a, b).pairs[frozenset("ab")] == EarlierPair(run=first, has_conflicted=True, paths=("a.txt",))
    (bench.world.path / "src/c").write_text("c")
    bench.world.git("add", "-A")
    bench.world.git("commit", "-qm", "c")
    carried_out(bench, 2, a, b, sh("red", "exit 1"))
    assert seen(bench, a, b).pairs[frozenset("ab")].run == first
    third = carried_out(bench, 3, a, b)
    known = seen(bench, a, b)
    assert known.pairs[frozenset("ab")] == EarlierPair(run=third, has_conflicted=False)
    assert {one: (known.tasks[one].run, known.tasks[one].changed) for one in "ab"} == {
        "a": (third, ("a",)),
        "b": (third, ("b",)),
    }
    assert all(0 < (one.duration_s or 0) < 60 for one in known.tasks.values())


def test_a_result_that_is_gone_is_not_one_that_changed_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    a = sh("a", "echo $GITALIGN_BATCH > a")
    first, second = carried_out(bench, 1, a), carried_out(bench, 2, a)
    assert seen(bench, a).tasks["a"] == replace(seen(bench, a).tasks["a"], run=second, changed=("a",))
    git = bench.world.git
    git("update-ref", "-d", f"refs/gitalign/batch/{second}/a")
    git("reset", "-q", "--hard", "HEAD~1")
    for ref in git("for-each-ref", "--format=%(refname)", "refs/gitalign/").splitlines():
        if first not in ref:
            git("update-ref", "-d", ref)
    git("reflog", "expire", "--expire=all", "--all")
    git("update-ref", "-d", "ORIG_HEAD")
    for keep in (bench.world.path / ".git/objects/pack").glob("*.keep"):
        keep.unlink()
    git("repack", "-q", "-a", "-d")
    git("prune", "--expire=now")
    assert (seen(bench, a).tasks["a"].run, seen(bench, a).tasks["a"].changed) == (first, ("a",))
    monkeypatch.setattr(history, "MOST_RUNS", 1)
    assert seen(bench, a).tasks == {}


def test_a_run_that_cannot_be_read_is_named_and_the_others_count(bench: Bench) -> None:
    a = sh("a", "echo a > a")
    first, second = carried_out(bench, 1, a), carried_out(bench, 2, a)
    engine = sqlalchemy.create_engine(f"sqlite:///{bench.world.repository.state_dir / 'gitalign.db'}")
    with engine.begin() as connection:
        connection.execute(sqlalchemy.text("UPDATE batch_runs SET body = '{' WHERE id = :id"), {"id": second})
    engine.dispose()
    known = seen(bench, a)
    assert (known.unread, known.tasks["a"].run) == ((second,), first)
    plan = make_plan(TaskList(tasks=(a,)), project_id=PROJECT, at=AT, foresight=known)
    assert from_dict(to_dict(plan)).from_earlier_runs == plan.from_earlier_runs
    assert to_dict(plan)["foresight"]["unread_batch_runs"] == [second]


def test_branches_and_tasks_of_another_name_have_no_history(bench: Bench) -> None:
    carried_out(bench, 1, sh("a", "echo a > a"))
    bench.world.git("branch", "topic")
    others = (Task(id="a", branch="topic"), sh("b", "echo a > a"), sh("a2", "echo a > a"))
    for other in others:
        assert seen(bench, other).is_empty


@pytest.mark.parametrize(
    ("most", "expected"), [(3, ("src/",)), (2, ("src/",)), (200, ("src/0", "src/1", "src/2", "src/3", "src/4"))]
)
def test_a_result_with_very_many_files_counts_by_folders(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, most: int, expected: tuple[str, ...]
) -> None:
    monkeypatch.setattr(history, "MOST_PATHS", most)
    many = sh("a", "for n in 0 1 2 3 4; do echo $n > src/$n; done")
    carried_out(bench, 1, many)
    assert seen(bench, many).tasks["a"].changed == expected
    other = Task(id="b", argv=("true",), touches=("src/3",))
    assert [one.task_ids for one in predict((many, other), seen(bench, many)).conflicts] == [("a", "b")]


def test_what_was_asked_for_stays_the_same_in_a_document_and_in_another_mode() -> None:
    tasks = TaskList(tasks=(Task(id="a", argv=("x",)), Task(id="b", argv=("y",))), target="main")
    plain = make_plan(tasks, project_id=PROJECT, at=AT)
    known = Foresight(
        tasks={one: EarlierTask(run="r", changed=("x",), duration_s=1.5) for one in "ab"},
        pairs={frozenset("ab"): EarlierPair(run="r", has_conflicted=True)},
    )
    plan = make_plan(tasks, project_id=PROJECT, at=AT, foresight=known)
    assert plan_digest(plan) != plan_digest(plain) == request_digest(plain) == request_digest(plan)
    again = from_dict(json.loads(json.dumps(to_dict(plan))))
    assert (request_digest(again), again.from_earlier_runs) == (request_digest(plan), plan.from_earlier_runs)
    assert [one.estimated_duration for one in again.batches] == [2, 2]
    sequential = Mode(execution_mode=ExecutionMode.SEQUENTIAL, reason="settings")
    assert request_digest(in_mode(plan, sequential)) == request_digest(in_mode(plain, sequential))
    assert request_digest(in_mode(plain, sequential)) != request_digest(plain)
    by_hand = replace(again, batches=tuple(reversed(again.batches)))
    assert request_digest(by_hand) == plan_digest(by_hand) != request_digest(plan)
    other = replace(again, task_list=replace(tasks, tasks=(tasks.tasks[0], replace(tasks.tasks[1], argv=("z",)))))
    assert request_digest(other) != request_digest(plan)


PATHS = ("a", "b", "src/a", "src/b", "src/x[1]", "docs/")
PATTERNS = ("a", "src/", "src/a", "*.md", "src/*", "**/b", "docs/")


@settings(deadline=None)
@given(
    declared=st.lists(st.sets(st.sampled_from(PATTERNS), max_size=3), min_size=2, max_size=5),
    changed=st.lists(st.sets(st.sampled_from(PATHS), max_size=3), min_size=5, max_size=5),
)
def test_pairs_are_those_that_every_two_patterns_say(declared: list[set[str]], changed: list[set[str]]) -> None:
    """Against a slow oracle: each pattern and path of one with each of the other."""
    tasks = [Task(id=f"t{at}", touches=tuple(sorted(one))) for at, one in enumerate(declared)]
    known = {task.id: EarlierTask(run="r", changed=tuple(sorted(changed[at]))) for at, task in enumerate(tasks)}

    def footprint(at: int) -> list[str]:
        top = [one if set("*?[") & set(one) else f"/{one}" for one in declared[at]]
        return [*top, *("/" + one.replace("[", "\\[").replace("]", "\\]") for one in changed[at])]

    expected = [
        (tasks[one].id, tasks[other].id)
        for one in range(len(tasks))
        for other in range(one + 1, len(tasks))
        if overlapping(footprint(one), footprint(other))
    ]
    found = predict(tasks, Foresight(tasks=known))
    assert [one.task_ids for one in found.conflicts] == expected
    only_declared = {one.task_ids for one in predict(tasks).conflicts}
    assert {one.task_ids for one in found.from_earlier_runs} == set(expected) - only_declared
