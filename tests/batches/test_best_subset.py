"""The largest set of results that merges and passes: who is left out, why, and never a success that is none."""

from __future__ import annotations

import io
import random
from collections.abc import Mapping
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from gitalign.batches.merging.land import BatchLander, LandOptions
from gitalign.batches.planning.tasks import Need, Task
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import BEST_SUBSET, BatchRun, Landed, MergeStatus, Status
from gitalign.batches.running.state_document import dump, load
from gitalign.cli.rendering.batches import show_batch_run
from gitalign.core.events import Event, EventKind
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.session import Request, open_for
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.engine.runtime.signals import StopSignal
from gitalign.facade import BatchView
from gitalign.facade.batch_retrying import to_be_gone_on_with, to_be_landed
from tests.batches.runs import BATCH, Bench, killed_at, sh
from tests.batches.trees import World, grown, world

__all__ = ["world"]


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def branches(bench: Bench, files: Mapping[str, Mapping[str, str | None]], **needs: str) -> list[Task]:
    """Branches of one commit each on main, as tasks."""
    for name, changed in files.items():
        grown(bench.world, name, changed)
    return [Task(id=name, branch=name, needs=(Need(needs[name]),) if name in needs else ()) for name in files]


def landed(
    bench: Bench,
    tasks: list[Task],
    *,
    options: LandOptions | None = None,
    checkpoint: Checkpoint = no_checkpoint,
    best_subset: bool = True,
    **overrides: object,
) -> BatchRun:
    """A batch run to its end, with the largest set landed."""
    run = bench.new(*tasks)
    bench.store.write(replace(run, options={BEST_SUBSET: best_subset}))
    return run_batches(bench.context(), BATCH, lander(bench, options=options, checkpoint=checkpoint, **overrides))


def lander(
    bench: Bench, *, options: LandOptions | None = None, checkpoint: Checkpoint = no_checkpoint, **overrides: object
) -> BatchLander:
    settings = {key.replace("__", "."): one for key, one in overrides.items()}
    request = Request(repo=bench.world.path, overrides=settings)
    return BatchLander(open_for(request), Caller(stop=bench.stop, checkpoint=checkpoint), options)


def by_tests(script: str, **more: Any) -> dict[str, Any]:
    return {"validation__test_command": ["sh", "-c", script], "validation__confinement": "none", **more}


def outcome(run: BatchRun, number: int = 0) -> Landed:
    found = run.batches[number].outcome
    assert found is not None
    return found


def held(bench: Bench) -> list[str]:
    """Files of main that branches made."""
    return [name for name in bench.world.git("ls-tree", "--name-only", "main").splitlines() if len(name) == 1]


def reasons(run: BatchRun, number: int = 0) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {one.name: (one.because.value, one.together) for one in outcome(run, number).left_out}


def test_results_that_conflict_are_left_out_and_the_rest_lands(bench: Bench) -> None:
    tasks = branches(bench, {"a": {"a.txt": "1\n", "a": ""}, "b": {"a.txt": "2\n", "b": ""}, "c": {"c": ""}})
    run = landed(bench, tasks)
    assert held(bench) == ["a", "c"]
    assert reasons(run) == {"b": ("conflicts", ("a",))}
    assert (run.status, outcome(run).merge_status) == (Status.FAILED, MergeStatus.CONFLICTS)
    assert outcome(run).reason == "1 result left out: b"
    assert outcome(run).left_out[0].reason == "b conflicts with a in a.txt"
    assert (run.tasks["b"].status, run.tasks["a"].status) == (Status.FAILED, Status.COMPLETED)
    assert load(dump(run)) == run
    assert outcome(run).landed == bench.world.tip


def test_the_set_is_the_largest_not_the_first(bench: Bench) -> None:
    """A result that conflicts with two others goes, though it comes first."""
    files = {
        "a": {"a.txt": "1\n", "src/b.txt": "1\n", "a": ""},
        "b": {"a.txt": "2\n", "b": ""},
        "c": {"src/b.txt": "3\n", "c": ""},
    }
    run = landed(bench, branches(bench, files))
    assert held(bench) == ["b", "c"]
    assert set(reasons(run)) == {"a"}


def test_one_red_result_is_found_among_many(bench: Bench) -> None:
    names = "abcdefgh"
    tasks = branches(bench, {name: {name: ""} for name in names})
    run = landed(bench, tasks, **by_tests("test ! -e f"))
    assert held(bench) == [name for name in names if name != "f"]
    assert reasons(run) == {"f": ("test_failed", ())}
    assert "check tests: exit 1" in outcome(run).left_out[0].reason
    assert outcome(run).tests == "passed"


def test_two_that_break_the_tests_together_are_named_as_a_pair(bench: Bench) -> None:
    tasks = branches(bench, {name: {name: ""} for name in "abcde"})
    run = landed(bench, tasks, **by_tests("! { test -e b && test -e d; }"))
    assert held(bench) == list("abce")
    assert reasons(run) == {"d": ("test_failed", ("b",))}
    assert "together with b" in outcome(run).left_out[0].reason


def test_a_red_pair_a_red_one_and_a_conflict_at_once(bench: Bench) -> None:
    files = {name: {name: ""} for name in "abcdef"}
    files["c"] |= {"a.txt": "c\n"}
    files["e"] |= {"a.txt": "e\n"}
    run = landed(bench, branches(bench, files), **by_tests("test ! -e b && ! { test -e a && test -e f; }"))
    assert held(bench) == ["a", "c", "d"]
    assert reasons(run) == {"b": ("test_failed", ()), "e": ("conflicts", ("c",)), "f": ("test_failed", ("a",))}


def test_a_flaky_test_is_run_again_before_a_result_is_blamed(bench: Bench, tmp_path: Path) -> None:
    count = tmp_path / "count"
    script = f"echo . >> {count}; test $(wc -l < {count}) -gt 2"
    tasks = branches(bench, {name: {name: ""} for name in "ab"})
    run = landed(bench, tasks, options=LandOptions(reruns=2), **by_tests(script))
    assert (run.status, outcome(run).merge_status) == (Status.COMPLETED, MergeStatus.SUCCESS)
    assert (outcome(run).tests, outcome(run).flaky) == ("flaky", ("tests",))
    assert held(bench) == ["a", "b"]


def test_without_reruns_nothing_is_run_again(bench: Bench, tmp_path: Path) -> None:
    count = tmp_path / "count"
    tasks = branches(bench, {"a": {"a": ""}})
    run = landed(bench, tasks, options=LandOptions(reruns=0), **by_tests(f"echo . >> {count}; test ! -e a"))
    assert len(count.read_text().splitlines()) == 2, "once for the result, once for the target"
    assert reasons(run) == {"a": ("test_failed", ())}


def test_tests_that_fail_on_the_target_itself_blame_no_result(bench: Bench) -> None:
    before = bench.world.tip
    tasks = branches(bench, {name: {name: ""} for name in "ab"})
    run = landed(bench, tasks, **by_tests("false", validation__fail_on_new_only=False))
    assert bench.world.tip == before
    assert (outcome(run).merge_status, outcome(run).left_out) == (MergeStatus.TEST_FAILED, ())
    assert outcome(run).reason.startswith("main itself does not pass")
    assert run.status is Status.FAILED


def test_a_missing_test_command_blames_no_result(bench: Bench) -> None:
    before = bench.world.tip
    run = landed(
        bench,
        branches(bench, {"a": {"a": ""}, "b": {"b": ""}}),
        validation__test_command=["no-such-program"],
        validation__confinement="none",
    )
    assert (bench.world.tip, outcome(run).left_out) == (before, ())
    assert (outcome(run).merge_status, outcome(run).tests) == (MergeStatus.TEST_FAILED, "missing_tool")


def test_the_search_gives_up_after_so_many_runs_of_the_checks(bench: Bench) -> None:
    before = bench.world.tip
    tasks = branches(bench, {name: {name: ""} for name in "abcdefgh"})
    options = LandOptions(reruns=0, most_validations=4)
    run = landed(bench, tasks, options=options, **by_tests("test ! -e c && test ! -e g"))
    assert (bench.world.tip, outcome(run).landed) == (before, None)
    assert "no set of results passed within 4 runs of the checks" in outcome(run).reason


def test_where_each_fails_by_itself_nothing_lands(bench: Bench) -> None:
    before = bench.world.tip
    run = landed(bench, branches(bench, {"a": {"a": ""}, "b": {"b": ""}}), **by_tests("test ! -e a && test ! -e b"))
    assert bench.world.tip == before
    assert set(reasons(run)) == {"a", "b"}
    assert (outcome(run).landed, run.status) == (None, Status.FAILED)


def test_a_detector_names_who_brought_what_it_refuses(bench: Bench) -> None:
    marked = "<<<<<<< ours\nx\n=======\ny\n>>>>>>> theirs\n"
    tasks = branches(bench, {"a": {"a": ""}, "b": {"b": marked}, "c": {"c": ""}})
    run = landed(bench, tasks, detection__detectors=["markers"])
    assert held(bench) == ["a", "c"]
    assert reasons(run) == {"b": ("refused", ())}
    assert outcome(run).left_out[0].reason.endswith("(the task brought it)")


def test_a_finding_of_the_merge_is_known_to_be_one(bench: Bench) -> None:
    """Two names that differ in case only: each is fine by itself."""
    tasks = branches(bench, {"a": {"name": "", "a": ""}, "b": {"Name": "", "b": ""}, "c": {"c": ""}})
    run = landed(bench, tasks, detection__detectors=["paths"], detection__refuse_severity="warning")
    assert held(bench) == ["a", "c"]
    assert reasons(run) == {"b": ("refused", ("a",))}
    assert "(the merge made it)" in outcome(run).left_out[0].reason


def test_a_stop_ends_the_search_and_it_begins_again_later(bench: Bench) -> None:
    before = bench.world.tip
    run = bench.new(*branches(bench, {name: {name: ""} for name in "abcd"}))
    bench.store.write(replace(run, options={BEST_SUBSET: True}))
    settings = {key.replace("__", "."): one for key, one in by_tests("test ! -e c").items()}
    opened = open_for(Request(repo=bench.world.path, overrides=settings))
    seen: list[str] = []

    def listener(event: Event) -> None:
        seen.append(event.kind)
        if seen.count(EventKind.VALIDATION_STARTED) == 3:
            bench.stop.request_stop()

    caller = Caller(stop=bench.stop, listeners=(listener,))
    stopped = run_batches(bench.context(), BATCH, BatchLander(opened, caller, LandOptions(reruns=0)))
    assert (outcome(stopped).merge_status, stopped.status) == (MergeStatus.WAITING, Status.STOPPED)
    assert (bench.world.tip, outcome(stopped).left_out) == (before, ())
    bench.stop = StopSignal()
    resumed = bench.resume(lander=lander(bench, **by_tests("test ! -e c")))
    assert (held(bench), set(reasons(resumed))) == (["a", "b", "d"], {"c"})


def test_many_that_change_the_same_line_are_named_pair_by_pair_within_bounds(bench: Bench) -> None:
    names = [f"n{number}" for number in range(21)]
    run = landed(bench, branches(bench, {name: {"a.txt": f"{name}\n"} for name in names}), best_subset=False)
    assert len(outcome(run).conflicts) == 210
    assert [bool(one.hunks) for one in outcome(run).conflicts] == [True] * 200 + [False] * 10
    assert outcome(run).would_land == ("n0",)
    assert outcome(run).reason.endswith("; and 207 more")
    out = Console(file=io.StringIO(), width=200)
    show_batch_run(out, BatchView(run, False))
    assert "and 200 conflicts more" in out.file.getvalue()  # type: ignore[attr-defined]


def test_who_needs_what_is_left_out_is_skipped_and_the_others_go_on(bench: Bench) -> None:
    tasks = [
        sh("a", "echo 1 > a.txt; echo > a"),
        sh("b", "echo 2 > a.txt; echo > b"),
        sh("c", "echo > c", needs=(Need("b"),)),
        sh("d", "echo > d", needs=(Need("a"),)),
        sh("e", "echo > e", needs=(Need("c"), Need("d"))),
    ]
    run = landed(bench, tasks)
    assert held(bench) == ["a", "d"]
    assert {name: one.status.value for name, one in run.tasks.items()} == {
        "a": "completed",
        "b": "failed",
        "c": "skipped",
        "d": "completed",
        "e": "skipped",
    }
    assert run.tasks["c"].reason == "it needs b, which did not land"
    assert run.status is Status.FAILED
    assert all(batch.status is Status.FAILED for batch in run.batches)
    (bench.world.path / "a.txt").write_text("1\n")
    bench.store.write(to_be_gone_on_with(bench.store.read(BATCH)))
    again = bench.resume(lander=lander(bench))
    assert again.status is Status.COMPLETED, [one.reason for one in again.batches]
    assert held(bench) == list("abcde")


def test_a_task_that_failed_is_left_out(bench: Bench) -> None:
    run = landed(bench, [sh("a", "echo > a"), sh("b", "exit 3")])
    assert held(bench) == ["a"]
    assert reasons(run)[f"batch/{BATCH}/b"][0] == "failed"
    assert (run.status, outcome(run).merge_status) == (Status.FAILED, MergeStatus.FAILED)
    assert outcome(run).reason == "1 task did not complete: b"
    assert outcome(run).landed == bench.world.tip
    out = Console(record=True, width=200)
    show_batch_run(out, BatchView(run, False))
    shown = out.export_text()
    assert "0 of 1 batch landed, 1 in part" in shown
    assert "batch 0: a part landed (failed)" in shown
    assert "success" not in shown


def test_a_branch_that_holds_another_is_not_landed_without_it(bench: Bench) -> None:
    tasks = branches(bench, {"a": {"a": ""}})
    grown(bench.world, "b", {"b": ""}, onto="a")
    run = landed(bench, [*tasks, Task(id="b", branch="b")], **by_tests("test ! -e a"))
    assert held(bench) == []
    assert reasons(run) == {"a": ("test_failed", ()), "b": ("skipped", ())}
    assert "needs or holds a" in outcome(run).left_out[1].reason


@pytest.mark.parametrize("seed", [0, 2])
def test_what_lands_is_as_large_as_trying_every_set_finds(bench: Bench, seed: int) -> None:
    chance = random.Random(seed)
    names = "abcdef"
    groups = [chance.sample(names, chance.choice([1, 2, 2, 3])) for _ in range(3)]
    script = " && ".join(f"! {{ {' && '.join(f'test -e {name}' for name in group)}; }}" for group in groups)
    run = landed(
        bench, branches(bench, {name: {name: ""} for name in names}), options=LandOptions(reruns=0), **by_tests(script)
    )
    every = (set(one) for size in range(len(names), -1, -1) for one in combinations(names, size))
    wanted = next(one for one in every if not any(one >= set(group) for group in groups))
    assert len(held(bench)) == len(wanted)
    assert not any(set(held(bench)) >= set(group) for group in groups)
    assert {one.name for one in outcome(run).left_out} == set(names) - set(held(bench))


def test_every_pair_that_conflicts_is_reported_and_the_largest_set_named(bench: Bench) -> None:
    files: dict[str, dict[str, str]] = {
        name: {"a.txt": text} for name, text in zip("abc", ("one\n", "two\n", "three\n"), strict=True)
    }
    files |= {"d": {"d": ""}, "e": {"a.txt": "one\n", "src/b.txt": "e\n"}, "f": {"src/b.txt": "f\n"}}
    before = bench.world.tip
    run = landed(bench, branches(bench, files), best_subset=False)
    found = {(one.first, one.second): (one.paths, one.kinds) for one in outcome(run).conflicts}
    contents = ("CONFLICT (contents)",)
    assert found == {
        **dict.fromkeys(combinations("abc", 2), (("a.txt",), contents)),
        ("b", "e"): (("a.txt",), contents),
        ("c", "e"): (("a.txt",), contents),
        ("e", "f"): (("src/b.txt",), contents),
    }
    assert all(one.hunks for one in outcome(run).conflicts)
    assert outcome(run).would_land == ("a", "d", "e")
    assert bench.world.tip == before
    reopened = to_be_landed(bench.store.read(BATCH))
    assert reopened.status is Status.PENDING
    bench.store.write(replace(reopened, options={BEST_SUBSET: True}))
    assert set(reasons(bench.resume(lander=lander(bench)))) == {"b", "c", "f"}


def test_three_that_conflict_only_together_are_found(bench: Bench) -> None:
    """A folder is emptied by two, each of which moves a part of it; only then git asks where a third one's new file belongs."""
    folder = {f"d/{number}": f"{number}\n" * 9 for number in range(3)}
    grown(bench.world, "main", folder, resets=True)
    first = {"d/0": None, "e/0": folder["d/0"], "d/1": None, "e/1": folder["d/1"]}
    tasks = branches(
        bench, {"a": first, "b": {"d/2": None, "e/2": folder["d/2"]}, "c": {"d/new": "new\n"}, "d": {"z": ""}}
    )
    run = landed(bench, tasks, best_subset=False)
    (conflict,) = outcome(run).conflicts
    assert (conflict.first, conflict.together, conflict.second) == ("a", ("b",), "c")
    assert outcome(run).would_land == ("a", "b", "d")


PLACES = ["store", "refs", "refs moved", "end"]


@pytest.mark.parametrize("place", PLACES)
def test_a_landing_of_a_part_that_is_killed_says_afterwards_what_it_left_out(bench: Bench, place: str) -> None:
    tasks = branches(bench, {"a": {"a.txt": "1\n", "a": ""}, "b": {"a.txt": "2\n", "b": ""}, "c": {"c": ""}})
    run = bench.new(*tasks)
    bench.store.write(replace(run, options={BEST_SUBSET: True}))

    def go(checkpoint: Checkpoint) -> None:
        run_batches(bench.context(), BATCH, lander(bench, checkpoint=checkpoint))

    assert killed_at(place, go)
    ended: Any = bench.resume(lander=lander(bench))
    assert reasons(ended) == {"b": ("conflicts", ("a",))}
    assert (ended.status, held(bench)) == (Status.FAILED, ["a", "c"])
    assert bench.resume(lander=lander(bench)) == ended
