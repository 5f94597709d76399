"""Landing: all results of a batch or none, as `git merge --no-ff` would have merged them, and undone as a whole."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gitalign.batches.merging.land import CERTIFICATE, BatchLander, LandOptions
from gitalign.batches.merging.stale import MergedResult, StaleRevert, taken_back
from gitalign.batches.planning.tasks import Need, Task
from gitalign.batches.running.judge_batch import Member
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import Landed, MergeStatus, Status
from gitalign.core.names import Oid
from gitalign.core.plan import Permit
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.session import Request, open_for
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.facade import undo
from tests.batches.runs import BATCH, Bench, killed_at, sh
from tests.batches.trees import World, world
from tests.histories import git

__all__ = ["world"]


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def lander(
    bench: Bench, *, checkpoint: Checkpoint = no_checkpoint, options: LandOptions | None = None, **overrides: object
) -> BatchLander:
    request = Request(repo=bench.world.path, overrides={key.replace("__", "."): one for key, one in overrides.items()})
    return BatchLander(open_for(request), Caller(stop=bench.stop, checkpoint=checkpoint), options)


def outcome_of(run: Any, number: int = 0) -> Landed:
    outcome = run.batches[number].outcome
    assert isinstance(outcome, Landed)
    return outcome


def first_parents(bench: Bench) -> list[str]:
    return bench.world.git("log", "--first-parent", "--reverse", "--format=%s", "main").splitlines()


def merged_by_git(bench: Bench, before: str, names: list[str], folder: Path) -> list[str]:
    """Tree, parents and message of every merge that git makes of the same results in the same order."""
    git(folder, "clone", "-q", "--no-checkout", str(bench.world.path), "oracle")
    oracle = folder / "oracle"
    git(oracle, "config", "user.name", "O Perator")
    git(oracle, "config", "user.email", "operator@example.org")
    git(oracle, "fetch", "-q", "origin", "refs/gitalign/batch/*:refs/results/*")
    git(oracle, "checkout", "-q", "-B", "main", before)
    made = []
    for name in names:
        ref = f"refs/results/{BATCH}/{name}"
        git(oracle, "merge", "-q", "--no-ff", "-m", f"Merge batch/{BATCH}/{name} (batch execution)", ref)
        made.append(git(oracle, "log", "-1", "--format=%T|%B|%an|%cn"))
    return made


def test_independent_tasks_land_together_as_git_would_have_merged_them(bench: Bench, tmp_path: Path) -> None:
    before = bench.world.tip
    tasks = (
        sh("a", "echo more >> a.txt; git commit -qam 'a one'; echo x > new-a; git add .; git commit -qm 'a two'"),
        sh("b", "echo more >> src/b.txt"),
        sh("c", "git mv src/b.txt src/moved.txt; git commit -qm move"),
        sh("d", "true"),
    )
    run = bench.run(*tasks, lander=lander(bench))
    outcome = outcome_of(run)
    assert (run.status, outcome.merge_status, outcome.tests) == (
        Status.COMPLETED,
        MergeStatus.SUCCESS,
        "not_configured",
    )
    assert bench.world.tip == outcome.landed
    listed = bench.world.git("log", "--first-parent", "--reverse", "--format=%T|%B|%an|%cn%x00", f"{before}..main")
    ours = [one.strip("\n") for one in listed.split("\0") if one.strip("\n")]
    theirs = merged_by_git(bench, before, ["a", "b", "c"], tmp_path)
    assert [one.split("|")[0] for one in ours] == [one.split("|")[0] for one in theirs]
    assert [one.split("|", 1)[1].split() for one in ours] == [one.split("|", 1)[1].split() for one in theirs]
    assert bench.world.git("show", "main:src/moved.txt") == "b\nmore"
    assert bench.world.git("status", "--porcelain") == ""
    assert (bench.world.path / "new-a").read_text() == "x\n"
    certificate = json.loads(
        (bench.world.repository.state_dir / "runs" / outcome.landing_run / CERTIFICATE).read_text()
    )
    assert (certificate["before"], certificate["after"]) == (before, outcome.landed)
    assert [one["task"] for one in certificate["members"]] == ["a", "b", "c"]
    assert bench.resume(lander=lander(bench)) == run


def test_later_batches_start_from_what_earlier_ones_landed(bench: Bench) -> None:
    tasks = (
        sh("first", "echo 1 > one"),
        sh("second", "cat one > two", needs=(Need("first"),)),
        sh("third", "cat one two > three", needs=(Need("second"),)),
    )
    run = bench.run(*tasks, lander=lander(bench))
    assert run.status is Status.COMPLETED
    assert bench.world.git("show", "main:three") == "1\n1"
    assert [one.base for one in run.batches[1:]] == [outcome_of(run, 0).landed, outcome_of(run, 1).landed]


def test_a_diamond_lands_wave_by_wave(bench: Bench) -> None:
    tasks = (
        sh("a", "echo a > a"),
        sh("b", "cat a > b", needs=(Need("a"),)),
        sh("c", "cat a > c", needs=(Need("a"),)),
        sh("d", "cat b c > d", needs=(Need("b"), Need("c"))),
    )
    run = bench.run(*tasks, lander=lander(bench))
    assert run.status is Status.COMPLETED
    assert bench.world.git("show", "main:d") == "a\na"
    assert len(first_parents(bench)) == 5


def test_results_that_clash_land_nothing_and_the_report_names_them(bench: Bench) -> None:
    before = bench.world.refs()
    tasks = (
        sh("a", "echo one > a.txt"),
        sh("b", "echo other > src/b.txt"),
        sh("c", "echo two > a.txt"),
        sh("later", "true", needs=(Need("a"),)),
    )
    run = bench.run(*tasks, lander=lander(bench))
    outcome = outcome_of(run)
    assert (run.status, outcome.merge_status, outcome.landed) == (Status.FAILED, MergeStatus.CONFLICTS, None)
    (conflict,) = outcome.conflicts
    assert (conflict.first, conflict.second) == (f"batch/{BATCH}/a", f"batch/{BATCH}/c")
    assert (conflict.paths, conflict.kinds) == (("a.txt",), ("CONFLICT (contents)",))
    (hunk,) = conflict.hunks
    assert (hunk.one.first, hunk.one.text, hunk.other.text) == (1, ("one",), ("two",))
    assert outcome.would_land == (f"batch/{BATCH}/a", f"batch/{BATCH}/b")
    assert "conflicts with" in outcome.reason
    assert run.tasks["later"].status is Status.NOT_RUN
    assert [one for one in bench.world.refs() if "gitalign" not in one] == before
    assert bench.store.read(BATCH) == run
    assert bench.world.git("status", "--porcelain") == ""


TESTS = 'test "$(cat a b 2>/dev/null | wc -l)" -lt 2'


@pytest.mark.parametrize(
    ("command", "tests", "reason"),
    [
        (["sh", "-c", TESTS], "failed", "tests"),
        (["no-such-program"], "missing_tool", "no-such-program"),
    ],
)
def test_tests_that_two_tasks_break_together_land_nothing(
    bench: Bench, command: list[str], tests: str, reason: str
) -> None:
    before = bench.world.tip
    gate = lander(bench, validation__test_command=command, validation__confinement="none")
    run = bench.run(sh("a", "echo a > a"), sh("b", "echo b > b"), lander=gate)
    outcome = outcome_of(run)
    assert (outcome.merge_status, outcome.tests) == (MergeStatus.TEST_FAILED, tests)
    assert reason in outcome.reason + outcome.output
    assert bench.world.tip == before
    assert run.status is Status.FAILED


def test_tests_that_pass_are_reported(bench: Bench) -> None:
    gate = lander(
        bench, validation__test_command=["sh", "-c", "test -e a && test -e b"], validation__confinement="none"
    )
    run = bench.run(sh("a", "echo a > a"), sh("b", "echo b > b"), lander=gate)
    assert (outcome_of(run).merge_status, outcome_of(run).tests) == (MergeStatus.SUCCESS, "passed")


def test_conflict_markers_that_a_task_brought_are_refused(bench: Bench) -> None:
    before = bench.world.tip
    script = "printf '<<<<<<< ours\\nx\\n=======\\ny\\n>>>>>>> theirs\\n' > a.txt"
    run = bench.run(sh("t", script), lander=lander(bench, detection__detectors=["markers"]))
    assert outcome_of(run).merge_status is MergeStatus.REFUSED
    assert "a.txt" in outcome_of(run).reason or "marker" in outcome_of(run).reason
    assert bench.world.tip == before


def test_a_protected_target_is_refused(bench: Bench) -> None:
    before = bench.world.tip
    run = bench.run(sh("t", "echo x > x"), lander=lander(bench, alignment__protected=["main"]))
    assert outcome_of(run).merge_status is MergeStatus.REFUSED
    assert "protected" in outcome_of(run).reason
    assert bench.world.tip == before


def test_uncommitted_work_of_the_user_keeps_the_target_where_it_is(bench: Bench) -> None:
    before = bench.world.tip
    (bench.world.path / "a.txt").write_text("mine\n")
    run = bench.run(sh("t", "echo theirs > a.txt"), lander=lander(bench))
    assert outcome_of(run).merge_status is MergeStatus.REFUSED
    assert bench.world.tip == before
    assert (bench.world.path / "a.txt").read_text() == "mine\n"


def test_a_landed_batch_is_undone_as_a_whole(bench: Bench) -> None:
    before = bench.world.tip
    run = bench.run(sh("a", "echo a > a"), sh("b", "echo b > b"), lander=lander(bench))
    outcome = outcome_of(run)
    assert bench.world.tip == outcome.landed
    permit = Permit(plan_id="", given_by="test")
    report = undo(Request(repo=bench.world.path), outcome.landing_run, permit=permit)
    assert bench.world.tip == before
    assert not (bench.world.path / "a").exists()
    undo(Request(repo=bench.world.path), report.run.id, permit=permit)
    assert bench.world.tip == outcome.landed


def test_an_undo_leaves_a_target_alone_that_moved_on(bench: Bench) -> None:
    run = bench.run(sh("a", "echo a > a"), lander=lander(bench))
    bench.world.git("commit", "-q", "--allow-empty", "-m", "mine")
    mine = bench.world.tip
    undo(Request(repo=bench.world.path), outcome_of(run).landing_run, permit=Permit(plan_id="", given_by="test"))
    assert bench.world.tip == mine


def moving_target(bench: Bench, at: str, times: int = 1) -> Checkpoint:
    """A person who commits on the target at the worst moment."""
    left = times

    def checkpoint(name: str) -> None:
        nonlocal left
        if name == at and left:
            left -= 1
            tree, parent = bench.world.git("rev-parse", "main^{tree}", "main").split()
            commit = bench.world.git("commit-tree", "-p", parent, "-m", f"person {left}", tree)
            bench.world.git("update-ref", "refs/heads/main", commit, parent)

    return checkpoint


@pytest.mark.parametrize("at", ["store", "refs"])
def test_a_person_moves_the_target_meanwhile_and_nothing_is_lost(bench: Bench, at: str) -> None:
    bench.world.git("checkout", "-q", "--detach")
    run = bench.run(sh("a", "echo a > a"), lander=lander(bench, checkpoint=moving_target(bench, at)))
    assert outcome_of(run).merge_status is MergeStatus.SUCCESS
    assert first_parents(bench) == ["base", "person 0", f"Merge batch/{BATCH}/a (batch execution)"]


def test_a_target_that_never_rests_is_left_for_later(bench: Bench) -> None:
    bench.world.git("checkout", "-q", "--detach")
    options = LandOptions(attempts=2)
    run = bench.run(
        sh("a", "echo a > a"), lander=lander(bench, checkpoint=moving_target(bench, "store", 9), options=options)
    )
    assert outcome_of(run).merge_status is MergeStatus.TARGET_MOVED
    assert run.status is Status.PENDING
    run = bench.resume(lander=lander(bench))
    assert outcome_of(run).merge_status is MergeStatus.SUCCESS
    assert run.tasks["a"].attempts == 1


def test_a_target_that_was_force_pushed_gets_nothing_back_by_way_of_a_result(bench: Bench) -> None:
    bench.world.git("commit", "-q", "--allow-empty", "-m", "to be dropped")
    bench.world.git("checkout", "-q", "--detach")
    script = f"git -C {bench.world.path} update-ref refs/heads/main HEAD~1; echo x > x"
    run = bench.run(sh("t", script), lander=lander(bench))
    assert outcome_of(run).merge_status is MergeStatus.REFUSED
    assert "main was rewritten" in outcome_of(run).reason
    assert first_parents(bench) == ["base"]


def test_a_result_that_takes_back_what_the_target_gained_is_refused(bench: Bench) -> None:
    """The task looks at an old copy of a file, takes the target in, and keeps the old copy."""
    path = bench.world.path
    gain = f"cd {path} && echo gained >> a.txt && git commit -qam gained && git rev-parse HEAD"
    script = (
        f"cp a.txt ../tmp/old; unset GIT_DIR; gained=$({gain}); cd ../tree; "
        "git merge -q $gained && cp ../tmp/old a.txt && git commit -qam 'My own work'"
    )
    run = bench.run(sh("t", script), lander=lander(bench))
    outcome = outcome_of(run)
    assert (run.tasks["t"].status, outcome.merge_status) == (Status.COMPLETED, MergeStatus.REFUSED)
    assert "takes back what the target gained since the task began, in a.txt" in outcome.reason
    assert bench.world.git("show", "main:a.txt") == "a\ngained"


def test_which_changes_are_stale_reverts(world: World) -> None:
    def commit(content: str) -> Oid:
        (world.path / "f").write_text(content)
        world.git("add", "f")
        world.git("commit", "-qm", "x")
        return Oid(world.git("rev-parse", "HEAD"))

    lines = [f"{number}\n" for number in range(30)]

    def text(**changes: str) -> str:
        return "".join(changes.get(f"l{number}", line) for number, line in enumerate(lines))

    base = commit(text())
    onto = commit(text(l3="new 3\n", l20="new 20\n", l9="9\n9\n"))
    cases = {
        text(): StaleRevert(path="f", is_whole=True),
        text(l20="new 20\n", l9="9\n9\n"): StaleRevert(path="f", is_whole=False, hunks=1),
        text(l3="new 3\n", l20="new 20\n"): StaleRevert(path="f", is_whole=False, hunks=1),
        text(l3="new 3\n", l20="newer 20\n", l9="9\n9\n"): None,
        text(l3="new 3\n", l20="new 20\n", l9="9\n9\n", l25=""): None,
    }
    for content, expected in cases.items():
        merged = commit(content)
        member = Member(task=Task(id="t"), name="t", tip=merged, base=base)
        result = MergedResult(member=member, base=base, known=(onto,), onto=onto, merged=merged)
        (found,) = taken_back(world.repository.git, [result])
        assert found == ((expected,) if expected is not None else ())
        assert taken_back(world.repository.git, [replace(result, base=onto)]) == [()]


PLACES = ["certificate", "store", "journal", "pin", "refs", "refs moved", "save", "verify", "end"]


@pytest.mark.parametrize("place", PLACES)
def test_a_landing_that_is_killed_is_finished_once(bench: Bench, place: str) -> None:
    bench.new(sh("a", "echo a > a"), sh("b", "echo b > b"))
    run_batches(bench.context(), BATCH, None)

    def go(checkpoint: Checkpoint) -> None:
        run_batches(bench.context(), BATCH, lander(bench, checkpoint=checkpoint))

    assert killed_at(place, go)
    run = bench.resume(lander=lander(bench))
    assert outcome_of(run).merge_status is MergeStatus.SUCCESS
    assert bench.world.tip == outcome_of(run).landed
    assert first_parents(bench) == ["base", *(f"Merge batch/{BATCH}/{name} (batch execution)" for name in "ab")]
    bench.world.git("gc", "-q", "--prune=now")
    bench.world.git("fsck", "--strict", "--no-dangling")
    assert bench.world.git("status", "--porcelain") == ""
    keeps = {keep.read_text().strip() for keep in (bench.world.path / ".git/objects/pack").glob("*.keep")}
    assert f"git-align {outcome_of(run).landing_run}" not in keeps, "what held objects until they were pinned is gone"


def test_squashed_results_keep_their_authors(bench: Bench) -> None:
    script = "echo x > x; git add x; git commit -qm x --author 'Some Body <s@example.org>'; echo y > y"
    run = bench.run(sh("t", script, title="Add x and y"), lander=lander(bench, options=LandOptions(squash=True)))
    assert outcome_of(run).merge_status is MergeStatus.SUCCESS
    message = bench.world.git("log", "-1", "--format=%P|%B", "main")
    assert message.split("|")[0] == run.batches[0].base
    assert message.split("|")[1].splitlines() == [
        "Add x and y",
        "",
        f"Squash of batch/{BATCH}/t (batch execution)",
        "",
        "Co-authored-by: Some Body <s@example.org>",
    ]


def test_branches_of_a_plan_are_merged_and_nothing_runs(bench: Bench) -> None:
    for name in ("topic/1", "topic/2"):
        bench.world.git("checkout", "-q", "-b", name, "main")
        (bench.world.path / name.replace("/", "-")).write_text(name)
        bench.world.git("add", ".")
        bench.world.git("commit", "-qm", name)
    bench.world.git("checkout", "-q", "main")
    tasks = (Task(id="topic/1", branch="topic/1"), Task(id="topic/2", branch="topic/2"))
    run = bench.run(*tasks, lander=lander(bench))
    assert outcome_of(run).merge_status is MergeStatus.SUCCESS
    assert first_parents(bench)[1:] == [f"Merge topic/{number} (batch execution)" for number in (1, 2)]
    assert bench.world.pool.slots() == ()
