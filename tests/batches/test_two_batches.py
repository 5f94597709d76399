"""Two batches at once on one repository, whole: their tasks run beside each other, and both land and push."""

from __future__ import annotations

from pathlib import Path

from gitalign import facade
from gitalign.batches.planning.make_plan import make_plan
from gitalign.batches.planning.tasks import Need, Task, TaskList
from gitalign.batches.reading import project_id_of
from gitalign.batches.running.state import Status
from gitalign.core.plan import Permit
from gitalign.engine.runtime.surroundings import utc_now
from tests.batches.runs import sh
from tests.batches.test_landing_races import side_by_side
from tests.batches.trees import World, world
from tests.histories import git
from tests.runs import request

__all__ = ["world"]


def tasks_of(one: str, other: str, here: Path) -> tuple[Task, ...]:
    """One that runs beside one of the other batch, or would never end, and one after it."""
    script = (
        f"touch {here}/$GITALIGN_TASK; while [ ! -e {here}/{other}1 ]; do sleep 0.05; done; "
        f"echo $GITALIGN_TASK > $GITALIGN_TASK; git add .; git commit -qm $GITALIGN_TASK; echo left > left-$GITALIGN_TASK"
    )
    after = sh(f"{one}2", f"cat {one}1 > {one}2", needs=(Need(f"{one}1"),))
    return sh(f"{one}1", script, timeout_s=60.0), after


def test_both_run_land_and_push_at_once(world: World, tmp_path: Path) -> None:
    before = world.tip
    git(tmp_path, "clone", "-q", "--bare", str(world.path), "remote.git")
    remote = tmp_path / "remote.git"
    world.git("remote", "add", "origin", str(remote))
    world.git("fetch", "-q", "origin")
    world.git("branch", "-q", "-u", "origin/main", "main")
    here = tmp_path / "rendezvous"
    here.mkdir()
    options = facade.BatchOptions(max_concurrency=2, confinement="none", trees=tmp_path / "trees", push=True)
    plans = [
        make_plan(
            TaskList(tasks=tasks_of(one, other, here), target="main"),
            project_id=project_id_of(world.repository),
            at=utc_now(),
        )
        for one, other in ("xy", "yx")
    ]

    def start(number: int) -> None:
        plan = plans[number]
        permit = Permit(plan_id=facade.plan_digest(plan), push=True, given_by="test")
        facade.start_batches(request(world.path), plan, permit=permit, options=options)

    side_by_side(lambda: start(0), lambda: start(1))
    views = facade.batch_list(request(world.path))
    assert [(view.run.status, view.is_alive) for view in views] == [(Status.COMPLETED, False)] * 2
    assert [world.git("show", f"main:{one}2") for one in "xy"] == ["x1", "y1"]
    assert {"left-x1", "left-y1"} <= {path.name for path in world.path.iterdir()}
    merges = world.git("log", "--first-parent", "--format=%s", f"{before}..main").splitlines()
    assert sorted(one.split("/")[-1].split(" ")[0] for one in merges) == ["x1", "x2", "y1", "y2"]
    assert git(remote, "rev-parse", "main") == world.tip
    for view in views:
        landed = [str(one.outcome.landed) for one in view.run.batches if one.outcome is not None]
        assert len(landed) == 2
        for task in view.run.tasks.values():
            world.git("merge-base", "--is-ancestor", str(task.result), landed[-1])
        assert not any(world.git("merge-base", "--is-ancestor", tip, "main") for tip in landed)
    assert world.git("status", "--porcelain") == ""
    assert world.git("for-each-ref", "refs/gitalign/wip") == ""
    world.git("fsck", "--strict", "--no-dangling")
