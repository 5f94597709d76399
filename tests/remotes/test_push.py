"""Pushes: where they go, what goes along, what is held back, and that nothing of anybody's is overwritten."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.core.publication import PushState
from gitalign.core.report import Verdict
from gitalign.documents import plans
from gitalign.errors import PlanRefused, UserError
from tests.git.workspace import Workspace
from tests.remotes.conftest import PERMIT, Shared, of
from tests.runs import branch, request


def test_a_branch_that_tracks_another_name_rewrites_nothing_of_its_own_name(shared: Shared) -> None:
    """Edge case 54: `wip` tracks origin/alice/topic; origin/wip is somebody else's."""
    work = shared.work
    work.git("push", "-q", "origin", "y:wip", "x:alice/topic")
    work.git("fetch", "-q")
    work.git("branch", "-q", "wip", "y")
    work.git("branch", "-q", "-u", "origin/alice/topic", "wip")
    others = shared.there("wip"), shared.there("alice/topic")
    report = shared.run(push=True, only=("wip",))
    assert (shared.there("wip"), shared.there("alice/topic")) == others
    told = branch(report, "wip")
    assert told.verdict is Verdict.PUSH_FAILED
    assert told.detail.startswith("its upstream is origin/alice/topic, which has another name")
    assert report.exit_code() == 1
    assert "not pushed: its upstream is origin/alice/topic" in " ".join(told.step.notes)


def test_upstream_of_another_name_is_pushed_to_where_configuration_says_so(shared: Shared) -> None:
    work = shared.work
    work.git("push", "-q", "origin", "x:alice/topic")
    work.git("fetch", "-q")
    work.git("branch", "-q", "-u", "origin/alice/topic", "x")
    work.git("config", "push.default", "upstream")
    untouched = shared.there("x")
    report = shared.run(push=True, only=("x",))
    assert shared.there("alice/topic") == shared.here("x")
    assert shared.there("x") == untouched
    assert branch(report, "x").detail == "pushed to origin/alice/topic"
    assert report.exit_code() == 0
    shared.undo(report.run.id, push=True)
    assert shared.there("alice/topic") == shared.here("x") == untouched


def test_a_triangular_workflow_pushes_to_the_fork(shared: Shared, tmp_path: Path) -> None:
    work, fork = shared.work, tmp_path / "fork.git"
    work.git("clone", "-q", "--bare", str(work.path), str(fork))
    work.git("remote", "add", "fork", f"file://{fork}")
    work.git("config", "remote.pushDefault", "fork")
    upstream = shared.there("x")
    shared.target_moves_on()
    report = shared.run(push=True)
    assert shared.there("x") == upstream
    assert Shared(work, fork).there("x") == shared.here("x")
    assert branch(report, "x").detail == "pushed to fork/x"


def test_no_push_ever_goes_to_a_target(shared: Shared) -> None:
    """A branch that was started with `checkout -b z origin/main`, where configuration would push it there."""
    work = shared.work
    work.switch("z", "x")
    work.commit("z", {"z": b"1\n"})
    work.git("branch", "-q", "-u", "origin/main", "z")
    work.git("config", "push.default", "upstream")
    before = shared.there("main")
    report = shared.run(push=True, only=("z",))
    assert shared.there("main") == before
    assert of(report, "z").push is PushState.HELD_BACK
    assert "origin/main, which is a target" in of(report, "z").push_detail
    work.git("config", "--unset", "push.default")
    work.git("reset", "-q", "--hard", "ORIG_HEAD", check=False)
    assert shared.there("main") == before


def test_a_new_branch_is_not_made_on_the_remote_and_is_no_fault(shared: Shared) -> None:
    work = shared.work
    work.switch("new", "x")
    work.commit("new", {"n": b"1\n"})
    work.git("branch", "-q", "-u", "origin/main", "new")
    report = shared.run(push=True, only=("new",))
    assert of(report, "new").push is PushState.NOT_ON_REMOTE
    assert report.exit_code() == 0
    assert shared.there("new") == ""


def test_a_branch_on_top_of_a_local_one_is_held_back_only_where_it_is_on_the_remote(shared: Shared) -> None:
    """`checkout --track -b z x`: git push has no remote for it."""
    work = shared.work
    for name in ("z", "there"):
        work.git("branch", "-q", "--track", name, "x")
    work.git("push", "-q", "origin", "there")
    report = shared.run(push=True, only=("z", "there"))
    assert of(report, "z").push is PushState.NOT_ON_REMOTE
    assert of(report, "there").push is PushState.HELD_BACK
    assert "local branch x" in of(report, "there").push_detail
    assert shared.there("there") == of(report, "there").update.before


def test_a_place_that_only_shares_the_name_must_hold_the_branch(shared: Shared) -> None:
    """Without any configuration the branch of the same name may be another one."""
    work = shared.work
    for name in ("x", "y"):
        work.git("branch", "-q", "--unset-upstream", name)
    work.git("push", "-q", "--force", "origin", "main~1:y")
    other = shared.there("y")
    report = shared.run(push=True)
    assert shared.there("x") == shared.here("x")
    assert shared.there("y") == other
    assert "git branch -u origin/y" in of(report, "y").push_detail


def test_addresses_for_writing_are_asked_and_written(shared: Shared, tmp_path: Path) -> None:
    work, written = shared.work, tmp_path / "written.git"
    work.git("clone", "-q", "--bare", str(work.path), str(written))
    work.git("config", "remote.origin.pushurl", str(written))
    read = shared.there("x")
    mine = Shared(work, written)
    work.git("push", "-q", "origin", "main")
    other = work.git("commit-tree", "-p", "y", "-m", "theirs", "y^{tree}")
    work.git("push", "-q", str(written), f"{other}:refs/heads/y")
    report = shared.run(push=True)
    assert shared.there("x") == read
    assert mine.there("x") == shared.here("x")
    assert mine.there("y") == other
    assert of(report, "y").push is PushState.REJECTED


def test_nothing_goes_along(shared: Shared) -> None:
    """`push.followTags` would publish private tags."""
    work = shared.work
    work.git("config", "push.followTags", "true")
    work.git("tag", "-a", "-m", "private", "private", "main")
    shared.run(push=True)
    assert shared.there("x") == shared.here("x")
    assert work.git("--git-dir", str(shared.remote), "for-each-ref", "refs/tags") == ""


def test_a_teammates_push_between_read_and_push_is_never_overwritten(shared: Shared) -> None:
    """Edge case 27."""
    asked = request(shared.work.path, push=True)
    plan = facade.plan(asked)
    theirs = shared.teammate_pushes("x")
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id, push=True))
    assert shared.there("x") == theirs
    assert of(report, "x").push is PushState.REJECTED
    assert "origin/x" in branch(report, "x").detail
    assert shared.there("y") == shared.here("y")
    again = shared.run(push=True)
    assert shared.there("x") == theirs
    assert again.exit_code() == 1
    assert "never fetched" in branch(again, "x").detail
    shared.work.git("fetch", "-q")
    assert shared.run(push=True).exit_code() == 1
    assert shared.there("x") == theirs


def test_the_plans_place_is_looked_at_again_before_the_push(shared: Shared) -> None:
    asked = request(shared.work.path, push=True)
    plan = facade.plan(asked)
    shared.work.git("config", "remote.origin.push", "refs/heads/*:refs/heads/elsewhere/*")
    before = shared.there("x")
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id, push=True))
    assert shared.there("x") == before
    assert shared.there("elsewhere/x") == ""
    assert "the plan said origin/x" in of(report, "x").push_detail


def test_the_branch_that_head_of_the_remote_is_on_is_not_pushed_to(shared: Shared) -> None:
    """Its HEAD is asked when pushing: it was put onto another branch, and nothing here knows."""
    asked = request(shared.work.path, push=True)
    plan = facade.plan(asked)
    shared.work.git("--git-dir", str(shared.remote), "symbolic-ref", "HEAD", "refs/heads/x")
    before = shared.there("x")
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id, push=True))
    assert shared.there("x") == before
    assert of(report, "x").push is PushState.HELD_BACK
    assert of(report, "x").push_detail == "origin/x is the branch that HEAD of origin is on"
    assert shared.there("y") == shared.here("y")


def test_a_plan_without_leases_is_not_pushed(shared: Shared) -> None:
    plan = facade.plan(request(shared.work.path))
    with pytest.raises(PlanRefused, match="without --push"):
        facade.run(request(shared.work.path), plan=plan, permit=Permit(plan_id=plan.id, push=True))


def test_plans_of_earlier_versions_can_be_read(shared: Shared) -> None:
    plan = facade.plan(request(shared.work.path))
    data = plans.dump(plan)
    for step in data["steps"]:
        del step["push_to"]
    for key in ("push_places", "public_targets"):
        del data["snapshot"][key]
    assert plans.read(json.dumps(data)).id == plan.id


def test_a_remote_that_nothing_is_pushed_to_need_not_exist(shared: Shared) -> None:
    work = shared.work
    work.git("remote", "rename", "origin", "fork")
    work.git("config", "remote.pushDefault", "fork")
    report = shared.run(push=True)
    assert report.exit_code() == 0
    assert shared.there("x") == shared.here("x")


class TestRejections:
    def test_the_servers_own_words_are_shown(self, shared: Shared) -> None:
        """Edge case 46."""
        shared.hook("update", 'case "$1" in *x) echo "x: no cookies after 5 pm" >&2; exit 1;; esac')
        report = shared.run(push=True)
        assert "no cookies after 5 pm" in branch(report, "x").detail
        assert "cookies" not in branch(report, "y").detail
        assert shared.there("y") == shared.here("y")

    def test_one_refused_branch_holds_back_no_other(self, shared: Shared) -> None:
        """A pre-receive hook refuses all refs of a push together."""
        for number in range(6):
            shared.work.switch(f"z{number}", "y")
            shared.work.commit(f"z{number}", {f"z{number}": b"1\n"})
            shared.work.git("push", "-q", "-u", "origin", f"z{number}")
        shared.work.switch("main")
        shared.hook(
            "pre-receive", 'while read old new ref; do case $ref in *z3) echo "not $ref" >&2; exit 1;; esac; done'
        )
        report = shared.run(push=True)
        failed = {one.step.branch.name for one in report.branches() if one.verdict is Verdict.PUSH_FAILED}
        assert failed == {"z3"}
        assert "not refs/heads/z3" in branch(report, "z3").detail


class TestGuards:
    def hook(self, work: Workspace, body: str) -> None:
        place = work.path / ".git" / "hooks" / "pre-push"
        place.parent.mkdir(exist_ok=True)
        place.write_text(f"#!/bin/sh\n{body}\n")
        place.chmod(0o755)

    def test_a_hook_holds_the_push_back_until_it_may_run(self, shared: Shared, tmp_path: Path) -> None:
        """Edge case 54."""
        seen = tmp_path / "seen"
        self.hook(shared.work, f'echo "$1 $(pwd)" >> {seen}; cat >> {seen}')
        before = shared.there("x")
        report = shared.run(push=True)
        assert shared.there("x") == before
        assert report.exit_code() == 1
        told = branch(report, "x").detail
        assert "hooks/pre-push" in told
        assert "--push-hooks" in told
        assert not seen.exists()
        pushed = shared.push(push_hooks="run")
        assert pushed is not None
        assert pushed.exit_code() == 0
        assert shared.there("x") == shared.here("x")
        words = seen.read_text()
        assert f"origin {shared.work.path}" in words
        assert f"{shared.here('x')} refs/heads/x {before}" in words

    def test_a_hook_that_refuses_is_heard(self, shared: Shared) -> None:
        self.hook(shared.work, "echo tests are red >&2; exit 1")
        before = shared.there("x")
        report = shared.run(push=True, push_hooks="run")
        assert shared.there("x") == before
        assert "tests are red" in branch(report, "x").detail

    def test_an_undo_is_held_back_too_and_says_so(self, shared: Shared) -> None:
        report = shared.run(push=True)
        self.hook(shared.work, "exit 0")
        undone = shared.undo(report.run.id, push=True)
        assert shared.there("x") == of(report, "x").update.after
        assert undone.exit_code() == 1
        assert "pre-push" in of(undone, "x").push_detail


class TestPrivateCommits:
    def test_the_public_target_is_taken_where_the_local_one_is_ahead(self, shared: Shared) -> None:
        """Edge case 70."""
        shared.target_moves_on(pushed=False)
        secret, public = shared.here("main"), shared.there("main")
        asked = request(shared.work.path, push=True)
        plan = facade.plan(asked)
        assert plan.targets[0].oid == public
        assert plan.targets[0].ref == "refs/remotes/origin/main"
        (note,) = [words for _, _, words in plan.snapshot.public_targets]
        assert note.startswith("main has 1 commit that origin/main does not have")
        report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id, push=True))
        assert report.exit_code() == 0
        assert note in report.notices
        assert secret not in shared.work.git("rev-list", shared.there("x"))
        assert public in shared.work.git("rev-list", shared.there("x"))

    def test_a_branch_that_holds_them_already_is_held_back_until_they_are_public(self, shared: Shared) -> None:
        shared.target_moves_on(pushed=False)
        shared.run()
        before = shared.there("x")
        for report in (shared.run(push=True), shared.push()):
            assert shared.there("x") == before
            assert of(report, "x").push is PushState.HELD_BACK
            assert "main has 1 commit that no remote has" in of(report, "x").push_detail
        shared.work.git("push", "-q", "origin", "main")
        report = shared.push()
        assert report is not None
        assert report.exit_code() == 0
        assert shared.there("x") == shared.here("x")

    def test_the_newer_target_of_the_remote_is_taken(self, shared: Shared) -> None:
        shared.work.git("checkout", "-q", "--detach")
        shared.work.git("branch", "-q", "-f", "main", "main~1")
        plan = facade.plan(request(shared.work.path, push=True))
        assert plan.targets[0].oid == shared.there("main")
        assert "1 commit ahead of the local main" in plan.snapshot.public_targets[0][2]

    def test_a_target_that_was_never_fetched_is_asked_for(self, shared: Shared) -> None:
        work = shared.work
        shared.teammate_pushes("main")
        assert shared.run(push=True).exit_code() == 0  # stale, but all of it is public
        shared.target_moves_on(pushed=False)
        with pytest.raises(UserError, match="which is not here") as caught:
            facade.plan(request(work.path, push=True))
        assert "--fetch --push" in caught.value.hint


class TestEarlierRuns:
    def test_run_then_run_push(self, shared: Shared) -> None:
        first = shared.run()
        before = shared.there("x")
        assert before != shared.here("x")
        plan = facade.plan(request(shared.work.path, push=True))
        step = next(step for step in plan.steps if step.branch.name == "x")
        assert "lacks what an earlier run made of it" in step.notes[-1]
        report = shared.run(push=True)
        assert shared.there("x") == shared.here("x")
        assert shared.there("y") == shared.here("y")
        assert report.exit_code() == 0
        assert branch(report, "x").verdict is Verdict.UNCHANGED
        assert "pushed to origin/x" in branch(report, "x").detail
        assert shared.run(push=True).publications == ()
        # The push is taken back, and then the move.
        shared.undo("last", push=True)
        assert shared.there("x") == before
        assert shared.here("x") == of(first, "x").update.after

    def test_after_the_target_moved_on_tips_that_runs_replaced_are_known(self, shared: Shared) -> None:
        shared.run()
        shared.target_moves_on()
        shared.run()
        shared.target_moves_on()
        report = shared.run(push=True)
        assert report.exit_code() == 0, [one.detail for one in report.branches()]
        assert shared.there("x") == shared.here("x")

    def test_the_chain_goes_through_a_persons_commits_and_undos(self, shared: Shared) -> None:
        work = shared.work
        original = shared.there("x")
        shared.run()
        work.switch("x")
        work.commit("more", {"x2": b"2\n"})
        shared.target_moves_on()
        again = shared.run()
        shared.undo(again.run.id)
        shared.run()
        assert shared.there("x") == original
        report = shared.push()
        assert report is not None
        assert of(report, "x").push is PushState.PUSHED
        assert shared.there("x") == shared.here("x")

    def test_a_teammates_commit_is_never_among_the_known(self, shared: Shared) -> None:
        work = shared.work
        shared.run()
        theirs = shared.teammate_pushes("x")
        work.git("fetch", "-q")
        shared.target_moves_on()
        for report in (shared.push(), shared.run(push=True), shared.push()):
            assert shared.there("x") == theirs
            assert report is not None
            assert of(report, "x").push is PushState.REJECTED
            assert report.exit_code() == 1


class TestPushVerb:
    def test_it_publishes_what_runs_moved_and_is_a_run(self, shared: Shared) -> None:
        moved = shared.run()
        before = {name: shared.there(name) for name in ("x", "y")}
        preview = facade.push_preview(request(shared.work.path))
        assert {one.update.ref for one in preview} == {"refs/heads/x", "refs/heads/y"}
        assert shared.there("x") == before["x"]
        only_x = shared.push(only=("x",))
        assert shared.there("x") == shared.here("x")
        assert shared.there("y") == before["y"]
        rest = shared.push(moved.run.id)
        assert rest is not None
        assert [one.update.ref for one in rest.publications] == ["refs/heads/y"]
        assert shared.there("y") == shared.here("y")
        assert shared.push() is None
        kinds = [record.kind.value for record in facade.runs(request(shared.work.path))]
        assert kinds == ["push", "push", "align"]
        assert only_x is not None
        back = shared.undo(only_x.run.id, push=True)
        assert back.exit_code() == 0
        assert shared.there("x") == before["x"]
        assert shared.here("x") == of(moved, "x").update.after
        forward = shared.undo(back.run.id, push=True)
        assert forward.exit_code() == 0
        assert shared.there("x") == shared.here("x")

    def test_only_what_runs_made_is_published(self, shared: Shared) -> None:
        work = shared.work
        shared.run()
        made = shared.here("x")
        work.switch("x")
        work.commit("not yet", {"x2": b"2\n"})
        shared.push()
        assert shared.there("x") == made

    def test_undo_of_the_run_takes_its_later_push_back(self, shared: Shared) -> None:
        before = shared.there("x")
        moved = shared.run()
        shared.push()
        undone = shared.undo(moved.run.id, push=True)
        assert undone.exit_code() == 0
        assert shared.there("x") == shared.here("x") == before

    def test_a_push_only_run_needs_push_to_be_undone(self, shared: Shared) -> None:
        shared.run()
        pushed = shared.push()
        assert pushed is not None
        with pytest.raises(UserError, match="only pushed") as caught:
            shared.undo(pushed.run.id)
        assert "--push" in caught.value.hint

    def test_leave_is_needed(self, shared: Shared) -> None:
        from gitalign.errors import NotPermitted

        with pytest.raises(NotPermitted):
            facade.push(request(shared.work.path), permit=Permit(plan_id="*"))
        assert PERMIT.push
