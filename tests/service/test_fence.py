"""The fence on the git server: a worker that was taken for dead pushes nothing, and a server without one is said to have none."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from gitalign.core.jobs import Job, JobKind, JobState
from gitalign.facade import FencePolicy
from gitalign.service.working.worker import Workers
from gitalign.store.service import schema
from gitalign.store.service.events import EventReader
from tests import warm
from tests.service.asking import REPOSITORY, ask, ended
from tests.service.mirroring import KEY, Mirrored

DEADLINE_S = 90.0
ALIGNED = {"clean", "feature/<b>two"}


def fence(world: Mirrored) -> dict[str, str]:
    return {ref: oid for ref, oid in world.there().items() if ref.startswith("refs/gitalign/fence/")}


def hook(world: Mirrored, name: str, body: str) -> None:
    place = world.server.root / "remote.git" / "hooks" / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(f"#!/bin/sh\n{body}\n")
    place.chmod(0o755)


def planned(world: Mirrored) -> str:
    world.add()
    job, _ = world.done(JobKind.PLAN)
    assert job.plan_id is not None, job.error
    return job.plan_id


def moved(world: Mirrored, before: dict[str, str]) -> set[str]:
    return {name for name, tip in world.branches().items() if before[name] != tip}


def work(world: Mirrored, job: Job, **more: object) -> Job:
    assert Workers(world.database, world.settings(**more)).work_once()
    return ended(world.database, job)[0]


def expire(world: Mirrored) -> None:
    with world.database.writing() as connection:
        connection.execute(schema.jobs.update().values(lease_until=1, not_before=0))


def until(done: object) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not done():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def late_worker(world: Mirrored, checkpoint: str = "") -> warm.Child:
    file = world.folder.parent / "service.db"
    env = {**os.environ, "TEST_CREDENTIAL_KEY": KEY}
    return warm.begin("tests.service.late:main", file, world.folder, world.server.host, checkpoint, env=env)


def is_stopped(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_the_fence_moves_with_every_push(world: Mirrored) -> None:
    plan_id, before = planned(world), world.branches()
    run, report = world.done(JobKind.RUN, plan_id=plan_id)
    assert (run.outcome, moved(world, before)) == ("attention", ALIGNED)
    first = fence(world)
    assert len(first) == 1
    undone, _ = world.done(JobKind.UNDO, run_id=report["run"]["id"])
    assert (undone.outcome, moved(world, before)) == ("ok", set())
    assert (len(fence(world)), fence(world) != first) == (1, True)


def test_a_worker_that_stood_still_past_its_lease_pushes_nothing(world: Mirrored) -> None:
    """SIGSTOP after it proved its lease, right before `git push`."""
    plan_id, before = planned(world), world.branches()
    job = ask(world.database, JobKind.RUN, plan_id=plan_id)
    child = late_worker(world, "push")
    try:
        until(lambda: is_stopped(child.pid))
        expire(world)
        assert work(world, job).state is JobState.QUEUED, "its process is alive: the job waits"
        taken = fence(world)
        os.kill(child.pid, signal.SIGCONT)
        child.wait(DEADLINE_S)
        assert (moved(world, before), fence(world)) == (set(), taken)
    finally:
        child.kill()
        child.wait()
    expire(world)
    job = work(world, job)
    assert (job.state, job.outcome, job.error) == (JobState.DONE, "attention", None)
    assert moved(world, before) == ALIGNED, "what was not pushed is made again"


def test_a_push_that_is_under_way_at_the_server_is_refused_there(world: Mirrored) -> None:
    """It passed every check of ours and of git's client, and is held up in a hook of the server."""
    plan_id, before = planned(world), world.branches()
    place = world.server.root
    hook(
        world,
        "pre-receive",
        f"grep -q refs/heads/ || exit 0\n[ -e {place}/go ] && exit 0\ntouch {place}/reached\n"
        f"while [ ! -e {place}/go ]; do sleep 0.05; done",
    )
    job = ask(world.database, JobKind.RUN, plan_id=plan_id)
    child = late_worker(world)
    try:
        until((place / "reached").exists)
        expire(world)
        assert work(world, job).state is JobState.QUEUED
        (place / "go").touch()
        child.wait(DEADLINE_S)
        assert moved(world, before) == set(), "the server compared the fence when it moved the refs"
    finally:
        (place / "go").touch()
        child.kill()
        child.wait()
    expire(world)
    assert work(world, job).outcome == "attention"
    assert moved(world, before) == ALIGNED


@pytest.mark.parametrize("how", ["refused", "hidden", "not atomic"])
@pytest.mark.parametrize("policy", [FencePolicy.PREFERRED, FencePolicy.REQUIRED])
def test_a_server_that_can_have_no_fence(world: Mirrored, how: str, policy: FencePolicy) -> None:
    plan_id, before = planned(world), world.branches()
    bare = world.server.root / "remote.git"
    if how == "refused":
        hook(world, "update", 'case "$1" in refs/gitalign/*) echo "branches only" >&2; exit 1;; esac')
    else:
        setting = ("receive.advertiseAtomic", "false") if how == "not atomic" else ("receive.hideRefs", "refs/gitalign")
        subprocess.run(["git", "-C", str(bare), "config", *setting], check=True)
    job = work(world, ask(world.database, JobKind.RUN, plan_id=plan_id), fence=policy)
    events = EventReader(world.database).after(REPOSITORY, 0, job=job.id, limit=999)
    notices = [event.document for event in events if event.kind == "notice"]
    if policy is FencePolicy.REQUIRED:
        assert (job.state, job.error and job.error["code"]) == (JobState.FAILED, "no_fence")
        assert moved(world, before) == set()
    else:
        assert (job.outcome, moved(world, before)) == ("attention", ALIGNED)
        assert any("can have no fence" in words for words in notices)
    assert fence(world) == {}


def test_without_a_fence_when_the_operator_says_so(world: Mirrored) -> None:
    plan_id, before = planned(world), world.branches()
    assert work(world, ask(world.database, JobKind.RUN, plan_id=plan_id), fence=FencePolicy.OFF).outcome == "attention"
    assert (moved(world, before), fence(world)) == (ALIGNED, {})


def test_a_branch_that_the_server_refuses_holds_no_other_back(world: Mirrored) -> None:
    plan_id, before = planned(world), world.branches()
    hook(world, "update", 'case "$1" in */clean) echo "clean is frozen" >&2; exit 1;; esac')
    job = ask(world.database, JobKind.RUN, plan_id=plan_id)
    assert work(world, job).outcome == "attention"
    assert moved(world, before) == {"feature/<b>two"}

    assert "clean is frozen" in str(ended(world.database, job)[1])


def test_a_branch_that_moved_holds_no_other_back(world: Mirrored) -> None:
    plan_id, before = planned(world), world.branches()
    bare = world.server.root / "remote.git"
    subprocess.run(["git", "-C", str(bare), "update-ref", "refs/heads/clean", before["main"]], check=True)
    assert work(world, ask(world.database, JobKind.RUN, plan_id=plan_id)).outcome == "attention"
    now = world.branches()
    assert now["clean"] == before["main"]
    assert now["feature/<b>two"] != before["feature/<b>two"]


def test_an_answer_that_is_lost_is_looked_up(world: Mirrored) -> None:
    plan_id, before = planned(world), world.branches()
    world.server.loses = True
    job = work(world, ask(world.database, JobKind.RUN, plan_id=plan_id))
    assert (job.outcome, job.error) == ("attention", None)
    assert moved(world, before) == ALIGNED
    _, report = ended(world.database, job)
    assert "unknown" not in {one.get("push") for one in report["branches"]}
