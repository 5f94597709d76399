"""Tasks that mean harm, or do it: what they can reach without confinement, and with it. More in `test_task_tree`, `test_run_batches`."""

from __future__ import annotations

import io
import os
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from rich.console import Console

from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.run_task import AttemptEnd, run_attempt
from gitalign.batches.running.state import BatchRun, MergeStatus, Status
from gitalign.batches.running.task_log import TaskLog
from gitalign.cli.rendering.batches import show_batch_run
from gitalign.facade import BatchView
from tests import needs
from tests.batches.runs import BATCH, Bench, sh
from tests.batches.test_batch_landing import lander
from tests.batches.trees import World, a_place, world

__all__ = ["world"]


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench.at(world)


def shown(run: BatchRun) -> str:
    out = Console(file=io.StringIO(), width=300)
    show_batch_run(out, BatchView(run, is_alive=False))
    return out.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_task_that_edits_the_repository_and_moves_refs_is_reported(bench: Bench) -> None:
    """Nothing can keep it from that without confinement. The landing stands on what is there, and runs no hook."""
    git_dir = bench.world.path / ".git"
    canary = bench.world.path.parent / "canary"
    evil = (
        f"printf '#!/bin/sh\\ntouch {canary}\\n' > {git_dir}/hooks/reference-transaction; chmod +x {git_dir}/hooks/*; "
        f"git -C {bench.world.path} config core.fsmonitor 'touch {canary}'; "
        f"c=$(git -C {bench.world.path} -c core.hooksPath=/dev/null commit-tree -p main -m evil main^{{tree}}); "
        f"git -C {bench.world.path} -c core.hooksPath=/dev/null update-ref refs/heads/main $c; "
        f"git -C {bench.world.path} -c core.hooksPath=/dev/null update-ref refs/heads/other $c; "
        f"rm -f {canary}; echo work > work"
    )
    run = bench.run(sh("evil", evil), sh("good", "echo good > good"), lander=lander(bench))
    assert run.batches[0].changed_meanwhile == (
        "refs/heads/main",
        "refs/heads/other",
        "config",
        "hooks/reference-transaction",
    )
    assert "not by git-align: refs/heads/main, refs/heads/other, config, hooks/reference-transaction" in shown(run)
    assert [data["changed"] for kind, data in bench.heard if kind == "repository_changed"] == [
        list(run.batches[0].changed_meanwhile)
    ]
    outcome = run.batches[0].outcome
    assert outcome is not None
    assert outcome.merge_status is MergeStatus.SUCCESS
    assert not canary.exists()
    assert bench.world.repository.git.lines("log", "--first-parent", "--format=%s", "main")[-2:] == ["evil", "base"]


def test_nothing_is_reported_where_nothing_changed(bench: Bench) -> None:
    run = bench.run(sh("a", "echo a > a"), lander=lander(bench))
    assert run.batches[0].changed_meanwhile == ()
    assert "not by git-align" not in shown(run)


def test_a_link_out_of_the_tree_is_a_link_and_is_never_followed(bench: Bench, tmp_path: Path) -> None:
    """The folder `src` becomes a link to a folder of the user: the next task in the same tree writes nothing there."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "b.txt").write_text("precious\n")
    (victim / "own.txt").write_text("precious\n")
    run = bench.run(sh("a", f"rm -r src; ln -s {victim} src; ln -s {victim}/own.txt link"))
    result = run.tasks["a"].result or ""
    modes = {line.split()[3]: line.split()[0] for line in bench.world.git("ls-tree", result).splitlines()}
    assert (modes["src"], modes["link"]) == ("120000", "120000")
    assert bench.world.git("show", f"{result}:src") == str(victim)
    bench.new(sh("b", "echo b >> src/b.txt; cat src/b.txt"), batch_id="20261127-180001-abcdef")
    second = run_batches(bench.context(max_concurrency=1), "20261127-180001-abcdef", None)
    assert second.tasks["b"].status is Status.COMPLETED
    assert len(bench.world.pool.slots()) == 1
    assert sorted(one.name for one in victim.iterdir()) == ["b.txt", "own.txt"]
    assert {one.read_text() for one in victim.iterdir()} == {"precious\n"}


def test_a_task_that_deletes_everything_around_its_tree_fails_alone(bench: Bench) -> None:
    run = bench.run(sh("t", "cd ../..; rm -rf ./* .lock ..?*"), sh("u", "echo u > u"))
    assert run.tasks["t"].status is Status.FAILED
    assert run.tasks["t"].reason == "its work tree was replaced or deleted"
    assert run.tasks["u"].status is Status.COMPLETED
    bench.new(sh("v", "echo v > v"), batch_id="20261127-180001-abcdef")
    assert run_batches(bench.context(), "20261127-180001-abcdef", None).tasks["v"].status is Status.COMPLETED


DAEMON = "(env -i PATH=\"$PATH\" setsid sh -c 'echo x > up; exec sleep 301' </dev/null >/dev/null 2>&1 &); while [ ! -e up ]; do :; done"


def test_a_daemon_without_parents_group_or_environment_ends_with_its_task(world: World) -> None:
    """It forked twice, leads a session of its own, and wiped the mark by which it would be found. Certain with namespaces."""
    slot = world.pool.take("")
    slot.tree.start_from(world.tip)
    place = replace(a_place(world), confinement=needs.bubblewrap(Path(world.repository.common_dir)))
    with TaskLog(world.path.parent / "log") as log:
        done = run_attempt(sh("t", DAEMON, timeout_s=20.0), slot.tree, place, log, lambda: False)
    assert done.end is AttemptEnd.SUCCEEDED
    tree = os.path.realpath(slot.tree.tree)
    until = time.monotonic() + 20
    # The kernel ends a namespace when its first process has ended, not before that is heard of.
    while left := [one.pid for one in psutil.process_iter() if working_in(one) == tree]:
        assert time.monotonic() < until, left
    slot.release()


def working_in(process: psutil.Process) -> str:
    try:
        return process.cwd()
    except psutil.Error:
        return ""


@pytest.mark.parametrize(
    "script",
    [
        "i=0; while [ $i -lt 300 ]; do mkdir d; cd d; i=$((i+1)); done; echo x > x; chmod 0 .",
        "mkdir d; echo x > d/x; chmod 000 d/x; chmod 500 d",
        "mkfifo pipe; mkfifo .git/pipe; echo x > x",
        "git commit -q --allow-empty -m \"$(head -c 100000 /dev/zero | tr '\\0' m)\"; echo x > \"$(printf 'a\\033[31mb\\n-c')\"",
    ],
)
def test_what_is_hard_to_read_or_remove_hurts_no_other_task(bench: Bench, script: str) -> None:
    """Whatever becomes of the task itself, its tree can be used again or is kept, and its sibling completes."""
    run = bench.run(sh("t", script), sh("u", "echo u > u"))
    assert run.tasks["u"].status is Status.COMPLETED
    assert run.tasks["t"].status in (Status.COMPLETED, Status.FAILED)
    assert run.tasks["t"].status is Status.COMPLETED or run.tasks["t"].reason
    assert "\x1b" not in shown(run)
    bench.new(*(sh(name, f"echo {name} > {name}") for name in "vw"), batch_id="20261127-180001-abcdef")
    second = run_batches(bench.context(), "20261127-180001-abcdef", None)
    assert {one.status for one in second.tasks.values()} == {Status.COMPLETED}
    assert bench.world.git("status", "--porcelain") == ""
    assert second.id != BATCH
