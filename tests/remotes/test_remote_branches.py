"""Branches that only a remote has: aligned from an exact read of it, pushed under a lease each, put back the same way."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.exclusions import ExclusionCode
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, PushState
from gitalign.core.report import Verdict
from gitalign.core.run import RunState
from gitalign.errors import NotPermitted, UserError
from tests import warm
from tests.remotes.conftest import Shared, of, on_remote, refs_of
from tests.runs import branch, excluded


def tree(clone: Shared, name: str) -> str:
    return clone.work.git("--git-dir", str(clone.remote), "rev-parse", f"{name}^{{tree}}")


def test_aligned_on_the_remote_and_nothing_made_here(clone: Shared) -> None:
    before, here = refs_of(clone), clone.work.git("for-each-ref", "refs/heads")
    expected: dict[str, str] = {}
    for name in ("x", "y"):  # the oracle: git's own rebase
        clone.work.git("switch", "-q", "--detach", f"origin/{name}")
        clone.work.git("rebase", "-q", "origin/main")
        expected[name] = clone.work.tip("HEAD^{tree}")
    clone.work.git("switch", "-q", "main")
    report = on_remote(clone)
    assert report.exit_code() == 0
    for name in ("x", "y"):
        told = branch(report, name)
        assert (told.verdict, told.detail) == (Verdict.ALIGNED, f"pushed to origin/{name}")
        assert told.step.of_remote == "origin"
        assert told.step.target.ref == "refs/remotes/origin/main"
        assert clone.there(name) == of(report, name).update.after
        assert tree(clone, name) == expected[name]
        assert clone.work.git("merge-base", "origin/main", clone.there(name)) == clone.work.tip("origin/main")
    assert clone.work.git("for-each-ref", "refs/heads") == here
    assert all(proof.holds for proof in facade.verify(facade.Request(repo=clone.work.path), report.run.id))
    standing = {proof.standing for proof in facade.verify(facade.Request(repo=clone.work.path), report.run.id)}
    assert standing == {"the branch is there"}

    with pytest.raises(UserError, match="changed branches on a remote only") as refusal:
        clone.undo("last")
    assert refusal.value.hint == f"git align undo {report.run.id} --push"
    undone = clone.undo("last", push=True)
    assert undone.exit_code() == 0
    assert refs_of(clone) == before
    again = clone.undo(undone.run.id, push=True)
    assert again.exit_code() == 0
    assert clone.there("x") == of(report, "x").update.after


def test_a_second_run_has_nothing_to_do(clone: Shared) -> None:
    on_remote(clone)
    stands = refs_of(clone)
    report = on_remote(clone)
    assert {one.verdict for one in report.branches()} == {Verdict.UNCHANGED}
    assert refs_of(clone) == stands


def test_the_remote_is_read_and_not_what_the_clone_remembers(clone: Shared) -> None:
    theirs = clone.teammate_pushes("x")
    clone.work.git("--git-dir", str(clone.remote), "branch", "-q", "-D", "y")
    clone.work.git("--git-dir", str(clone.remote), "branch", "-q", "z", "x")
    report = on_remote(clone)
    assert of(report, "x").update.before == theirs
    assert {one.step.branch.name for one in report.branches()} == {"x", "z"}
    assert clone.there("y") == ""


def test_what_a_teammate_pushes_meanwhile_is_never_overwritten(clone: Shared) -> None:
    asked = facade.Request(repo=clone.work.path, remote="origin", push=True)
    plan = facade.plan(asked)
    theirs = clone.teammate_pushes("x")
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id, push=True))
    assert clone.there("x") == theirs
    assert branch(report, "x").verdict is Verdict.PUSH_FAILED
    assert branch(report, "y").verdict is Verdict.ALIGNED
    assert report.exit_code() == 1


def test_a_saved_plan_of_what_the_clone_knows_is_leased_on_that(clone: Shared, tmp_path: Path) -> None:
    saved = tmp_path / "plan.json"
    assert warm.run("plan", "--remote", "--save", saved, "-q", cwd=clone.work.path).returncode == 0
    theirs = clone.teammate_pushes("y")
    refused = warm.run("run", "--plan", saved, "--yes", cwd=clone.work.path)
    assert refused.returncode == 2
    assert "add --push to write there" in refused.stderr
    done = warm.run("run", "--plan", saved, "--push", "--yes", "--json", cwd=clone.work.path)
    verdicts = {one["branch"]: one["verdict"] for one in json.loads(done.stdout)["branches"]}
    assert (done.returncode, verdicts) == (1, {"x": "aligned", "y": "push_failed"})
    assert clone.there("y") == theirs


def test_no_leave_to_write_moves_nothing(clone: Shared) -> None:
    before = refs_of(clone)
    with pytest.raises(NotPermitted, match="running would write to origin"):
        facade.run(facade.Request(repo=clone.work.path, remote=""), permit=Permit(plan_id="*"))
    done = warm.run("run", "--remote", cwd=clone.work.path)
    assert done.returncode == 2
    assert refs_of(clone) == before


def test_refusals_of_the_remote_are_told_by_branch(clone: Shared) -> None:
    clone.hook("update", '[ "$1" != refs/heads/y ] || { echo "y is frozen" >&2; exit 1; }')
    report = on_remote(clone)
    assert clone.there("x") == of(report, "x").update.after
    assert "y is frozen" in branch(report, "y").detail
    assert branch(report, "y").verdict is Verdict.PUSH_FAILED


class TestInBothPlaces:
    @pytest.mark.parametrize(
        ("here", "words"),
        [
            ("ahead", "the local branch has 1 commit that origin/x lacks: git push origin x"),
            ("behind", "origin/x has 1 commit that the local branch lacks: git fetch origin x:x"),
            ("diverged", "the local branch and origin/x have diverged (1 commit here, 1 commit there)"),
        ],
    )
    def test_one_that_differs_is_held_back(self, clone: Shared, here: str, words: str) -> None:
        work = clone.work
        work.git("branch", "-q", "x", "origin/x")
        if here in ("ahead", "diverged"):
            work.switch("x")
            work.commit("mine", {"mine": b"1\n"})
            work.switch("main")
        if here in ("behind", "diverged"):
            clone.teammate_pushes("x")
        stood = clone.there("x")
        report = on_remote(clone)
        assert excluded(report, "x").code is ExclusionCode.DIFFERS
        assert excluded(report, "x").reason.startswith(words)
        assert clone.there("x") == stood
        assert branch(report, "y").verdict is Verdict.ALIGNED
        assert report.exit_code() == 1

    def test_the_same_in_both_places_is_aligned_on_the_remote(self, clone: Shared) -> None:
        clone.work.git("branch", "-q", "x", "origin/x")
        stood = clone.here("x")
        report = on_remote(clone)
        assert branch(report, "x").verdict is Verdict.ALIGNED
        assert clone.here("x") == stood != clone.there("x")

    def test_both_places_together(self, clone: Shared) -> None:
        """`--all`: a local branch moves and its place on the remote follows; what only the remote has is pushed alone."""
        work = clone.work
        before = refs_of(clone)
        work.git("branch", "-q", "--track", "x", "origin/x")
        work.switch("mine", "main~1")
        work.commit("mine", {"mine": b"1\n"})
        work.switch("main")
        report = on_remote(clone, everywhere=True)
        assert {one.step.branch.name: one.step.of_remote for one in report.branches()} == {
            "x": None,
            "y": "origin",
            "mine": None,
        }
        assert clone.here("x") == clone.there("x")
        assert (of(report, "x").state, of(report, "y").state) == (MoveState.MOVED, MoveState.STANDS)
        assert clone.there("y") == of(report, "y").update.after
        assert of(report, "mine").push is PushState.NOT_ON_REMOTE
        assert report.exit_code() == 0
        clone.undo(report.run.id, push=True)
        assert refs_of(clone) == before

    def test_one_that_lags_behind_is_held_back_with_the_rest_aligned(self, clone: Shared) -> None:
        clone.work.git("branch", "-q", "x", "origin/x")
        clone.teammate_pushes("x")
        report = on_remote(clone, everywhere=True)
        assert excluded(report, "x").code is ExclusionCode.DIFFERS
        assert branch(report, "y").verdict is Verdict.ALIGNED

    def test_one_that_is_ahead_is_aligned_and_pushed(self, clone: Shared) -> None:
        clone.work.git("branch", "-q", "--track", "x", "origin/x")
        clone.work.switch("x")
        clone.work.commit("mine", {"mine": b"1\n"})
        clone.work.switch("main")
        report = on_remote(clone, everywhere=True)
        assert branch(report, "x").verdict is Verdict.ALIGNED
        assert clone.here("x") == clone.there("x")


class TestStacksTargetsAndStrategies:
    def test_a_stack_is_pushed_as_a_stack(self, clone: Shared) -> None:
        work = clone.work
        work.switch("top", "origin/x")
        work.commit("top", {"top": b"1\n"})
        work.git("push", "-q", "origin", "top")
        work.switch("main")
        work.git("branch", "-q", "-D", "top")
        report = on_remote(clone)
        assert clone.there("top") == of(report, "top").update.after
        assert work.git("rev-parse", f"{clone.there('top')}^") == clone.there("x")

    def test_protected_branches_and_targets_of_the_remote_stay(self, clone: Shared) -> None:
        before = clone.there("main"), clone.there("x")
        report = on_remote(clone, protected=["x"])
        assert (clone.there("main"), clone.there("x")) == before
        assert excluded(report, "x").code is ExclusionCode.PROTECTED

    def test_no_integration_branch_is_made_there(self, clone: Shared) -> None:
        with pytest.raises(UserError, match="would get an integration branch"):
            on_remote(clone, strategy="integration-branch")

    def test_a_mirror_pushes_nothing(self, clone: Shared) -> None:
        clone.work.git("config", "remote.origin.mirror", "true")
        before = refs_of(clone)
        report = on_remote(clone)
        assert refs_of(clone) == before
        assert {one.verdict for one in report.branches()} == {Verdict.PUSH_FAILED}


class TestCutOff:
    @pytest.mark.parametrize("at", ["journal", "store", "pin", "keep", "verify", "push", "end"])
    def test_killed_at_every_effect(self, clone: Shared, at: str) -> None:
        """Each branch of the remote is at before or after; `resume` finishes what was begun, and undo gives it all back."""
        before = refs_of(clone)
        done = warm.call("tests.engine.rehearsal:main", clone.work.path, "run-remote-push", at)
        assert (done.returncode, done.stdout) == (-9, at), done.stderr
        is_pushed = at == "end"
        assert (refs_of(clone) != before) is is_pushed
        reports = facade.resume(facade.Request(repo=clone.work.path))
        (report,) = reports
        assert report.exit_code() == 0
        assert {one.push for one in report.publications} == {PushState.PUSHED}
        assert clone.there("x") == of(report, "x").update.after
        assert clone.work.git("fsck", "--connectivity-only") == ""
        assert not facade.resume(facade.Request(repo=clone.work.path))
        clone.undo(report.run.id, push=True)
        assert refs_of(clone) == before

    def test_a_remote_that_does_not_answer_is_not_guessed_about(self, clone: Shared) -> None:
        done = warm.call("tests.engine.rehearsal:main", clone.work.path, "run-remote-push", "push")
        assert done.returncode == -9
        away = clone.remote.with_name("away.git")
        clone.remote.rename(away)
        (report,) = facade.resume(facade.Request(repo=clone.work.path))
        assert {one.push for one in report.publications} == {PushState.UNKNOWN}
        assert report.run.state is RunState.FINISHED
        assert report.exit_code() == 1
        away.rename(clone.remote)


def test_the_command_line(clone: Shared) -> None:
    done = warm.run("run", "--remote", "--yes", cwd=clone.work.path)
    assert done.returncode == 0, done.stderr
    assert "The branches of origin." in done.stdout
    assert "2 aligned" in done.stdout
    assert "git align undo --push" in done.stdout
    assert warm.run("undo", "last", "--yes", cwd=clone.work.path).returncode == 2
    undone = warm.run("undo", "last", "--push", "--yes", cwd=clone.work.path)
    assert undone.returncode == 0, undone.stderr
    again = next(line for line in undone.stdout.splitlines() if line.endswith("brings them forward again"))
    assert again.startswith("next: git align undo --push 2")
    everywhere = warm.run("run", "--all", "--yes", cwd=clone.work.path)
    assert everywhere.returncode == 0, everywhere.stderr
    assert "Local branches, and 2 branches that only origin has." in everywhere.stdout


class TestTheWayOfAUser:
    def test_a_conflict_of_a_remotes_branch_is_resolved_in_a_local_one(self, clone: Shared) -> None:
        work = clone.work
        work.switch("clash", "origin/x")
        work.commit("mine", {"a": b"mine\n"})
        work.git("push", "-q", "origin", "clash")
        work.switch("main")
        work.git("branch", "-q", "-D", "clash")
        work.commit("theirs", {"a": b"theirs\n"})
        work.git("push", "-q", "origin", "main")
        done = warm.run("run", "--remote", "--yes", cwd=work.path)
        assert "next: git align conflicts --remote" in done.stdout
        seen = warm.run("conflicts", "--remote", cwd=work.path)
        assert "git branch --track clash origin/clash && git align resolve clash" in seen.stdout
        refused = warm.run("resolve", "clash", cwd=work.path)
        assert refused.returncode == 2
        assert "it exists only on origin" in refused.stderr
        assert "git branch --track clash origin/clash" in refused.stderr

    def test_runs_and_the_bare_command_count_what_went_to_the_remote(self, clone: Shared) -> None:
        report = on_remote(clone)
        (listed,) = facade.runs(facade.Request(repo=clone.work.path))
        assert (report.run.pushed, listed.moved, listed.pushed) == (2, 0, 2)
        assert "2 on a remote" in warm.run("runs", cwd=clone.work.path).stdout
        assert "0 moved, 2 on a remote" in warm.run(cwd=clone.work.path).stdout

    def test_an_unknown_remote_is_named_before_anything_is_done(self, clone: Shared) -> None:
        done = warm.run("run", "--remote", "nowhere", "--yes", cwd=clone.work.path)
        assert done.returncode == 2
        assert "there is no remote 'nowhere' (remotes: origin)" in done.stderr

    def test_a_bare_clone_reads_the_remote_when_asked(self, clone: Shared, tmp_path: Path) -> None:
        bare = tmp_path / "bare.git"
        subprocess.run(["git", "clone", "-q", "--bare", f"file://{clone.remote}", str(bare)], check=True)
        for key in ("user.name", "user.email"):
            clone.work.git("--git-dir", str(bare), "config", key, clone.work.git("config", key))
        told = warm.run("plan", "--remote", cwd=bare)
        assert told.returncode == 2
        assert "add --fetch" in told.stderr
        mine = clone.work.git("--git-dir", str(bare), "for-each-ref", "refs/heads")
        done = warm.run("run", "--remote", "--yes", cwd=bare)
        assert done.returncode == 0, done.stderr
        assert clone.work.git("--git-dir", str(bare), "for-each-ref", "refs/heads") == mine
        assert "2 aligned" in done.stdout

    def test_what_another_undo_gave_back_is_not_a_push_of_this_run(self, clone: Shared) -> None:
        """A run on the remote, undone there; then a local run, undone and brought forward again: the remote stays as it is."""
        stood = clone.there("x")
        report = on_remote(clone)
        clone.undo(report.run.id, push=True)
        clone.work.git("branch", "-q", "--track", "x", "origin/x")
        clone.run(only=("x",))
        clone.undo("last")
        assert (clone.here("x"), clone.there("x")) == (stood, stood)
        forward = clone.undo("last", push=True)
        assert clone.there("x") == stood
        assert of(forward, "x").push is PushState.NOT_ASKED
        assert clone.here("x") != stood
