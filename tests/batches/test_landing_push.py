"""Pushing what lands: the remote decides, nothing is overwritten, and a push that was cut off is asked about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from gitalign import facade
from gitalign.batches.merging.land import BatchLander, LandOptions
from gitalign.batches.planning.plan_digest import plan_digest
from gitalign.batches.planning.tasks import Need, Task
from gitalign.batches.running.run_batches import run_batches
from gitalign.batches.running.state import PUSH, PUSH_HOOKS, BatchRun, Landed, MergeStatus, Status
from gitalign.batches.running.state_document import dump, load
from gitalign.core.plan import Permit
from gitalign.engine.run.contexts import Caller
from gitalign.engine.run.dead_runs import recover_dead
from gitalign.engine.run.session import Request, journal_of, open_for
from gitalign.engine.runtime.checkpoints import Checkpoint, no_checkpoint
from gitalign.errors import GitAlignError, RemoteError, UserError
from gitalign.facade.batch_retrying import to_be_landed
from tests.batches.runs import BATCH, Bench, killed_at, sh
from tests.batches.trees import World, grown, world
from tests.histories import git

__all__ = ["world"]


@dataclass
class Shared:
    """A repository whose main follows a remote's, and a batch of branches."""

    bench: Bench
    remote: Path

    @property
    def here(self) -> str:
        return self.bench.world.tip

    @property
    def there(self) -> str:
        return git(self.remote, "rev-parse", "main")

    def teammate(self, name: str = "theirs") -> str:
        """A teammate's commit on the remote's main."""
        tree = git(self.remote, "rev-parse", "main^{tree}")
        made = git(self.remote, "commit-tree", "-p", "main", "-m", name, tree)
        git(self.remote, "update-ref", "refs/heads/main", made)
        return made

    def hook(self, name: str, body: str) -> None:
        place = self.remote / "hooks" / name
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/sh\n{body}\n")
        place.chmod(0o755)

    def away(self) -> Path:
        return self.remote.rename(self.remote.with_name("gone.git"))

    def new(self, *tasks: Task, **options: object) -> BatchRun:
        run = replace(self.bench.new(*tasks), options={PUSH: True, **options})
        self.bench.store.write(run)
        return run

    def go(self, *, checkpoint: Checkpoint = no_checkpoint, attempts: int = 3) -> BatchRun:
        request = Request(repo=self.bench.world.path)
        opened = open_for(request)
        lander = BatchLander(
            opened, Caller(stop=self.bench.stop, checkpoint=checkpoint), LandOptions(attempts=attempts)
        )
        return run_batches(self.bench.context(), BATCH, lander)

    def subjects(self) -> list[str]:
        return git(self.remote, "log", "--first-parent", "--reverse", "--format=%s", "main").splitlines()


@pytest.fixture
def shared(world: World) -> Shared:
    remote = world.path.parent / "remote.git"
    git(world.path.parent, "clone", "-q", "--bare", str(world.path), str(remote))
    world.git("remote", "add", "origin", remote.as_uri())
    world.git("fetch", "-q", "origin")
    world.git("branch", "-q", "-u", "origin/main", "main")
    return Shared(Bench.at(world), remote)


def two(shared: Shared) -> list[Task]:
    for name in "ab":
        grown(shared.bench.world, name, {name: ""})
    return [Task(id=name, branch=name) for name in "ab"]


def outcome(run: BatchRun, number: int = 0) -> Landed:
    found = run.batches[number].outcome
    assert found is not None
    return found


MERGES = ["Merge a (batch execution)", "Merge b (batch execution)"]
PERMIT = Permit(plan_id="", given_by="test", push=True)


def test_what_lands_is_pushed_and_taken_back_here_and_there(shared: Shared) -> None:
    before = shared.here
    shared.new(*two(shared))
    run = shared.go()
    landed = outcome(run)
    assert (run.status, landed.merge_status, landed.pushed_to) == (Status.COMPLETED, MergeStatus.SUCCESS, "origin/main")
    assert shared.here == shared.there == landed.landed
    assert shared.subjects() == ["base", *MERGES]
    assert load(dump(run)) == run
    facade.undo(Request(repo=shared.bench.world.path), landed.landing_run, push=True, permit=PERMIT)
    assert shared.here == shared.there == before


def test_without_push_nothing_is_sent(shared: Shared) -> None:
    before = shared.there
    shared.new(*two(shared), **{PUSH: False})
    assert outcome(shared.go()).pushed_to == ""
    assert (shared.there, shared.here) == (before, outcome(shared.bench.store.read(BATCH)).landed)


def test_an_undo_leaves_a_remote_alone_that_went_on(shared: Shared) -> None:
    shared.new(*two(shared))
    run = outcome(shared.go()).landing_run
    theirs = shared.teammate()
    facade.undo(Request(repo=shared.bench.world.path), run, push=True, permit=PERMIT)
    assert shared.there == theirs


def test_what_the_remote_gained_meanwhile_is_merged_onto(shared: Shared) -> None:
    shared.new(*two(shared))
    theirs = shared.teammate()
    run = shared.go()
    assert shared.subjects() == ["base", "theirs", *MERGES]
    assert shared.here == shared.there == outcome(run).landed
    assert shared.bench.world.git("merge-base", "--is-ancestor", theirs, "main") == ""


def at(place: str, do: Callable[[], object], times: int = 1) -> Checkpoint:
    left = times

    def checkpoint(name: str) -> None:
        nonlocal left
        if name == place and left:
            left -= 1
            do()

    return checkpoint


def test_a_remote_that_moves_at_the_last_moment_refuses_and_the_batch_is_merged_again(shared: Shared) -> None:
    shared.new(*two(shared))
    run = shared.go(checkpoint=at("push", shared.teammate))
    assert shared.subjects() == ["base", "theirs", *MERGES]
    assert shared.here == shared.there == outcome(run).landed


def test_a_remote_that_never_rests_leaves_everything_as_it_was(shared: Shared) -> None:
    before = shared.here
    shared.new(*two(shared))
    run = shared.go(checkpoint=at("push", shared.teammate, 9), attempts=2)
    assert (outcome(run).merge_status, run.status) == (MergeStatus.TARGET_MOVED, Status.PENDING)
    assert (shared.here, shared.subjects()) == (before, ["base", "theirs", "theirs"])
    assert outcome(shared.go()).merge_status is MergeStatus.SUCCESS
    assert shared.here == shared.there


def test_a_server_that_refuses_keeps_the_target_here_where_it_is(shared: Shared) -> None:
    before = shared.here
    shared.hook("pre-receive", "echo no pushes on Fridays >&2; exit 1")
    shared.new(*two(shared))
    landed = outcome(shared.go())
    assert (landed.merge_status, landed.landed) == (MergeStatus.REFUSED, None)
    assert "no pushes on Fridays" in landed.reason
    assert (shared.here, shared.there) == (before, before)


def test_what_git_push_would_run_holds_it_back_unless_asked_for(shared: Shared) -> None:
    before = shared.here
    ran = shared.bench.world.path.parent / "ran"
    hook = shared.bench.world.path / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {ran}\n")
    hook.chmod(0o755)
    shared.new(*two(shared))
    landed = outcome(shared.go())
    assert landed.merge_status is MergeStatus.REFUSED
    assert "main cannot be pushed: git push would run or send the hook" in landed.reason
    assert (shared.here, ran.exists()) == (before, False)
    run = shared.bench.store.read(BATCH)
    run = to_be_landed(run)
    shared.bench.store.write(replace(run, options={**run.options, PUSH_HOOKS: True}))
    assert outcome(shared.go()).merge_status is MergeStatus.SUCCESS
    assert ran.exists()


def test_commits_that_only_the_local_target_has_are_not_published(shared: Shared) -> None:
    shared.bench.world.git("commit", "-q", "--allow-empty", "-m", "mine alone")
    before = shared.there
    shared.new(*two(shared))
    landed = outcome(shared.go())
    assert landed.merge_status is MergeStatus.REFUSED
    assert "main has 1 commit that origin/main does not have, and --push would publish them" in landed.reason
    assert shared.there == before


def test_a_target_that_was_force_pushed_gets_nothing_back(shared: Shared) -> None:
    shared.bench.world.git("commit", "-q", "--allow-empty", "-m", "to be dropped")
    shared.bench.world.git("push", "-q", "origin", "main")
    shared.new(*two(shared))
    git(shared.remote, "update-ref", "refs/heads/main", "main~1")
    before = shared.there
    landed = outcome(shared.go())
    assert (landed.merge_status, shared.there) == (MergeStatus.REFUSED, before)
    assert "origin/main does not have" in landed.reason


def test_a_remote_that_cannot_be_reached_is_an_error_and_nothing_moved(shared: Shared) -> None:
    before = shared.here
    shared.new(*two(shared))
    gone = shared.away()
    with pytest.raises(RemoteError):
        shared.go()
    assert shared.here == before
    gone.rename(shared.remote)
    assert outcome(shared.go()).merge_status is MergeStatus.SUCCESS
    assert shared.here == shared.there


def test_work_of_the_user_keeps_the_local_target_and_the_report_says_so(shared: Shared) -> None:
    before = shared.here
    grown(shared.bench.world, "a", {"a.txt": "theirs\n"})
    (shared.bench.world.path / "a.txt").write_text("mine\n")
    shared.new(Task(id="a", branch="a"))
    landed = outcome(shared.go())
    assert (landed.merge_status, landed.landed, landed.pushed_to) == (MergeStatus.SUCCESS, shared.there, "origin/main")
    assert landed.reason.startswith("origin/main has it, main here does not: ")
    assert (shared.here, (shared.bench.world.path / "a.txt").read_text()) == (before, "mine\n")
    facade.undo(Request(repo=shared.bench.world.path), landed.landing_run, push=True, permit=PERMIT)
    assert shared.there == before


PLACES = ["pin", "push", "pushed", "refs moved", "end"]


@pytest.mark.parametrize("place", PLACES)
def test_a_landing_that_is_killed_is_finished_once(shared: Shared, place: str) -> None:
    shared.new(*two(shared))
    assert killed_at(place, lambda checkpoint: shared.go(checkpoint=checkpoint))
    run = shared.go()
    assert outcome(run).merge_status is MergeStatus.SUCCESS, outcome(run)
    assert (outcome(run).pushed_to, run.status) == ("origin/main", Status.COMPLETED)
    assert shared.subjects() == ["base", *MERGES]
    assert shared.here == shared.there == outcome(run).landed
    assert shared.go() == run
    assert shared.bench.world.git("status", "--porcelain", "--untracked-files=no") == ""


@pytest.mark.parametrize("place", ["push", "pushed", "refs moved"])
def test_a_landing_that_is_killed_can_be_undone_in_place_of_being_resumed(shared: Shared, place: str) -> None:
    before = shared.here
    shared.new(*two(shared))
    assert killed_at(place, lambda checkpoint: shared.go(checkpoint=checkpoint))
    run_id = shared.bench.store.read(BATCH).batches[0].landing_run
    undo: Callable[[], Any] = lambda: facade.undo(  # noqa: E731
        Request(repo=shared.bench.world.path), run_id, push=True, permit=PERMIT
    )
    if place == "push":  # the remote never got it, so it was rolled back
        with pytest.raises(UserError, match="moved nothing"):
            undo()
    else:
        undo()
    assert shared.here == shared.there == before


def test_a_push_whose_end_is_not_known_is_asked_about_when_the_remote_is_back(shared: Shared) -> None:
    shared.new(*two(shared))
    assert killed_at("pushed", lambda checkpoint: shared.go(checkpoint=checkpoint))
    sent = shared.there
    gone = shared.away()
    before = shared.here
    with pytest.raises(RemoteError, match="it is not known whether the batch was pushed"):
        shared.go()
    assert shared.here == before
    gone.rename(shared.remote)
    run = shared.go()
    assert (outcome(run).merge_status, outcome(run).landed) == (MergeStatus.SUCCESS, sent)
    assert outcome(run).reason == "origin/main has it, main here does not: git pull brings it"
    assert (shared.there, shared.here) == (sent, before)


def test_a_push_that_arrives_after_it_was_given_up_counts(shared: Shared) -> None:
    """The process is killed, recovery finds that nothing was pushed, and then what it had begun arrives all the same."""
    before = shared.here
    shared.new(*two(shared))
    assert killed_at("push", lambda checkpoint: shared.go(checkpoint=checkpoint))
    path, run_id = shared.bench.world.path, shared.bench.store.read(BATCH).batches[0].landing_run
    opened = open_for(Request(repo=path))
    with journal_of(opened) as journal:
        recover_dead(opened, journal, Caller())
        (publication,) = journal.publications(run_id)
    assert (publication.state.value, publication.push.value) == ("rolled_back", "not_pushed")
    shared.bench.world.git("push", "-q", "origin", f"{publication.update.after}:refs/heads/main")
    run = shared.go()
    landed = outcome(run)
    assert (landed.merge_status, landed.landed, landed.landing_run) == (MergeStatus.SUCCESS, shared.there, run_id)
    assert shared.subjects() == ["base", *MERGES]
    facade.undo(Request(repo=path), run_id, push=True, permit=PERMIT)
    assert shared.here == shared.there == before
    again = replace(shared.bench.store.read(BATCH), status=Status.PENDING)
    shared.bench.store.write(again.with_batch(0, status=Status.PENDING, outcome=None))
    assert outcome(shared.go()).landing_run != run_id, "what was undone has not landed"


def started(shared: Shared, *tasks: Task, **options: Any) -> BatchRun:
    """A run as the command line starts it."""
    from gitalign.batches.planning.make_plan import make_plan
    from gitalign.batches.planning.tasks import TaskList
    from gitalign.engine.runtime.surroundings import utc_now

    plan = make_plan(
        TaskList(tasks=tasks, target="main"), project_id=UUID("6f1b7a0e-0000-4000-8000-000000000001"), at=utc_now()
    )
    wanted = facade.BatchOptions(confinement="none", trees=shared.bench.world.path.parent / "trees", **options)
    permit = Permit(plan_id=plan_digest(plan), given_by="test")
    return facade.start_batches(Request(repo=shared.bench.world.path), plan, permit=permit, options=wanted)


def test_tasks_start_from_what_the_remote_has_now(shared: Shared) -> None:
    theirs = shared.teammate()
    run = started(shared, sh("t", "git log -1 --format=%s > seen"))
    assert run.status is Status.COMPLETED, run
    assert run.tasks["t"].base == theirs
    assert shared.bench.world.git("show", "main:seen") == "theirs"
    assert shared.there == theirs, "nothing was pushed"


def test_later_batches_start_from_what_earlier_ones_landed_and_pushed(shared: Shared) -> None:
    tasks = (sh("first", "echo 1 > one"), sh("second", "cat one > two", needs=(Need("first"),)))
    run = started(shared, *tasks, push=True)
    assert run.status is Status.COMPLETED, run
    assert run.batches[1].base == outcome(run, 0).landed
    assert shared.here == shared.there == outcome(run, 1).landed


def test_an_offline_start_says_what_to_do(shared: Shared) -> None:
    shared.away()
    with pytest.raises(RemoteError) as caught:
        started(shared, sh("t", "echo > t"))
    assert "--no-fetch" in caught.value.hint
    run = started(shared, sh("t", "echo > t"), fetch=False)
    assert run.status is Status.COMPLETED


def test_a_target_that_has_diverged_from_its_remote_is_refused(shared: Shared) -> None:
    shared.bench.world.git("commit", "-q", "--allow-empty", "-m", "mine")
    shared.teammate()
    with pytest.raises(UserError, match="main lacks 1 commit of origin/main, and has others") as caught:
        started(shared, sh("t", "echo > t"))
    assert caught.value.code == "target_behind"
    shared.bench.world.git("branch", "-q", "--unset-upstream", "main")
    run = started(shared, sh("t", "echo > t"))
    assert (run.status, run.tasks["t"].base) == (Status.COMPLETED, shared.bench.world.git("rev-parse", "main~1"))


@pytest.mark.parametrize("why", ["private", "hook", "no-fetch", "mirror", "not there"])
def test_a_push_that_cannot_be_is_refused_before_anything_runs(shared: Shared, why: str) -> None:
    options: dict[str, Any] = {"push": True}
    if why == "private":
        shared.bench.world.git("commit", "-q", "--allow-empty", "-m", "mine")
    elif why == "hook":
        hook = shared.bench.world.path / ".git/hooks/pre-push"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\n")
        hook.chmod(0o755)
    elif why == "no-fetch":
        options["fetch"] = False
    elif why == "mirror":
        shared.bench.world.git("config", "remote.origin.mirror", "true")
    else:
        git(shared.remote, "update-ref", "-d", "refs/heads/main")
    ran = shared.bench.world.path.parent / "ran"
    with pytest.raises(GitAlignError) as caught:
        started(shared, sh("t", f"touch {ran}"), **options)
    assert not ran.exists()
    codes = {"private": "unpublished_target", "no-fetch": "usage"}
    assert caught.value.code == codes.get(why, "push_held_back"), caught.value.message
