"""Remotes as they are in practice: other names, other maps of their branches, two addresses, a HEAD that has moved."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

from gitalign import facade
from gitalign.core.exclusions import ExclusionCode
from gitalign.core.publication import PushState
from gitalign.core.push import PushSettings
from gitalign.core.report import Report, Verdict
from gitalign.engine.publishing.pushing import Pusher
from gitalign.engine.run.session import journal_of, open_for
from tests import warm
from tests.remotes.conftest import PERMIT, Shared, of, on_remote, refs_of
from tests.runs import branch, excluded


def on(clone: Shared, remote: str) -> Report:
    return facade.run(facade.Request(repo=clone.work.path, remote=remote, push=True), permit=PERMIT)


def on_the_server(clone: Shared, *words: str) -> str:
    return clone.work.git("--git-dir", str(clone.remote), *words)


class TestTwoBranchesForOnePlace:
    def test_a_local_branch_of_another_name_is_the_remotes(self, clone: Shared) -> None:
        """`--all` under push.default=upstream: `mine` goes to origin/x, so x is not the remote's alone."""
        work = clone.work
        work.git("config", "push.default", "upstream")
        work.git("switch", "-q", "-c", "mine", "--track", "origin/x")
        work.commit("mine", {"mine": b"1\n"})
        work.switch("main")
        report = on_remote(clone, everywhere=True, only=("mine", "x", "y"))
        assert {one.step.branch.name for one in report.branches()} == {"mine", "y"}
        assert of(report, "mine").push is PushState.PUSHED
        assert clone.there("x") == clone.here("mine")
        assert report.exit_code() == 0

    def test_neither_is_pushed_where_a_plan_has_both(self, clone: Shared) -> None:
        report = on_remote(clone)
        clone.undo(report.run.id, push=True)
        stood = refs_of(clone)
        opened = open_for(facade.Request(repo=clone.work.path))
        one, other = (
            replace(of(report, name), remote_ref="refs/heads/x", push=PushState.UNKNOWN) for name in ("x", "y")
        )
        with journal_of(opened) as journal:
            pusher = Pusher(
                repository=opened.repository,
                journal=journal,
                run_id=report.run.id,
                settings=PushSettings(),
                targets=["main"],
                emit=lambda *_, **__: None,
                on_remotes=frozenset({one.update.ref, other.update.ref}),
            )
            told = pusher.forward([one, other])
        assert {made.push for made in told} == {PushState.HELD_BACK}
        assert refs_of(clone) == stood


class TestOtherRemotes:
    def test_a_clone_without_an_origin(self, clone: Shared) -> None:
        clone.work.git("remote", "rename", "origin", "upstream")
        report = on(clone, "upstream")
        assert {one.push for one in report.publications} == {PushState.PUSHED}
        before = clone.there("x")
        clone.undo(report.run.id, push=True)
        assert clone.there("x") == of(report, "x").update.before != before

    def test_a_name_with_a_slash_is_named_whole(self, clone: Shared) -> None:
        clone.work.git("remote", "rename", "origin", "team/fork")
        done = warm.run("plan", cwd=clone.work.path)
        assert done.returncode == 0, done.stderr
        assert "the branches of team/fork" in done.stdout
        assert {one.push for one in on(clone, "team/fork").publications} == {PushState.PUSHED}

    def test_several_push_addresses_hold_back_whatever_the_remotes_name(self, clone: Shared) -> None:
        address = f"file://{clone.remote}"
        clone.work.git("remote", "add", "fork", address)
        for url in (address, f"{address}/."):
            clone.work.git("config", "--add", "remote.fork.pushurl", url)
        before = refs_of(clone)
        report = on(clone, "fork")
        assert {one.push for one in report.publications} == {PushState.HELD_BACK}
        assert refs_of(clone) == before

    def test_the_default_branch_is_the_one_that_the_remote_says(self, clone: Shared) -> None:
        """Its HEAD moved to another branch after the clone was made."""
        on_the_server(clone, "branch", "-q", "next-generation", "x")
        theirs = clone.teammate_pushes("next-generation")
        on_the_server(clone, "symbolic-ref", "HEAD", "refs/heads/next-generation")
        report = on_remote(clone)
        assert clone.there("next-generation") == theirs
        assert [target.name for target in report.plan.targets] == ["next-generation", "main"]
        assert clone.work.git("symbolic-ref", "refs/remotes/origin/HEAD") == "refs/remotes/origin/main"

    def test_a_commit_that_only_the_push_address_has_is_held_back(self, clone: Shared, tmp_path: Path) -> None:
        other = tmp_path / "push.git"
        subprocess.run(["git", "clone", "-q", "--bare", str(clone.remote), str(other)], check=True)
        clone.work.git("config", "remote.origin.pushurl", f"file://{other}")
        theirs = Shared(clone.work, other).teammate_pushes("x")
        report = on_remote(clone)
        assert excluded(report, "x").code is ExclusionCode.DIFFERS
        assert theirs[:12] in excluded(report, "x").reason
        assert report.exit_code() == 1


class TestBranchesThatGitMixesUp:
    def test_a_twin_holds_back_itself_alone(self, clone: Shared) -> None:
        """`refs/heads/x` stands for two branches in a push; the others are pushed all the same."""
        on_the_server(clone, "update-ref", "refs/heads/refs/heads/x", clone.there("y"))
        stood = clone.there("x")
        report = on_remote(clone)
        assert of(report, "x").push is PushState.HELD_BACK
        assert "git push cannot tell the two apart" in branch(report, "x").detail
        assert clone.there("x") == stood
        assert branch(report, "y").verdict is Verdict.ALIGNED
        assert of(report, "refs/heads/x").push is PushState.PUSHED

    def test_a_twin_of_a_local_branch(self, shared: Shared) -> None:
        on_the_server(shared, "update-ref", "refs/heads/refs/heads/x", shared.there("y"))
        report = shared.run(push=True)
        assert of(report, "x").push is PushState.HELD_BACK
        assert of(report, "y").push is PushState.PUSHED

    def test_no_local_branch_moves_with_a_push(self, clone: Shared, tmp_path: Path) -> None:
        """A bare clone that fetches into refs/heads: git would move the local branches after the push."""
        bare = tmp_path / "bare.git"
        subprocess.run(["git", "clone", "-q", "--bare", f"file://{clone.remote}", str(bare)], check=True)
        for key, value in (
            ("user.name", "A"),
            ("user.email", "a@b"),
            ("remote.origin.fetch", "+refs/heads/*:refs/heads/*"),
        ):
            clone.work.git("--git-dir", str(bare), "config", key, value)
        here = clone.work.git("--git-dir", str(bare), "for-each-ref", "refs/heads")
        report = facade.run(facade.Request(repo=bare, remote="", push=True), permit=PERMIT)
        assert {one.push for one in report.publications} == {PushState.PUSHED}
        assert clone.work.git("--git-dir", str(bare), "for-each-ref", "refs/heads") == here


def test_the_commands_that_a_held_branch_names_work_where_it_is_checked_out(clone: Shared, tmp_path: Path) -> None:
    tree = tmp_path / "it's here"
    clone.work.git("worktree", "add", "-q", str(tree), "x")
    theirs = clone.teammate_pushes("x")
    report = on_remote(clone)
    told, _, command = excluded(report, "x").reason.partition(": ")
    assert told == "origin/x has 1 commit that the local branch lacks"
    subprocess.run(command, shell=True, check=True, cwd=clone.work.path, capture_output=True)
    assert clone.here("x") == theirs
    assert branch(on_remote(clone), "x").verdict is Verdict.ALIGNED


def test_a_name_in_the_way_of_a_new_branch_names_the_command_that_clears_it(clone: Shared) -> None:
    on_the_server(clone, "branch", "-q", "-D", "y")
    on_the_server(clone, "branch", "-q", "y/z", "x")
    done = warm.run("run", "--remote", "--yes", cwd=clone.work.path)
    assert done.returncode == 3
    assert "try it by hand: git fetch --prune origin" in done.stderr
    clone.work.git("fetch", "-q", "--prune", "origin")
    assert warm.run("run", "--remote", "--yes", cwd=clone.work.path).returncode == 0


def test_a_name_of_a_list_that_the_remote_has_not_is_shown(clone: Shared, tmp_path: Path) -> None:
    listed = tmp_path / "branches.json"
    listed.write_text('[{"branch": "x", "target": "main"}, {"branch": "nowhere", "target": "main"}]')
    done = warm.run("run", "--remote", "--input", listed, "--yes", cwd=clone.work.path)
    assert done.returncode == 1
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("nowhere")]
    assert "no such branch" in line


def test_a_commit_that_was_collected_keeps_back_no_other(clone: Shared) -> None:
    """The pins were pruned, git collected what x was: y is given back all the same."""
    before = clone.there("y")
    report = on_remote(clone)
    work = clone.work
    facade.prune(facade.Request(repo=work.path), older_than_days=0)
    work.git("update-ref", "refs/keep/y", before)
    work.git("reflog", "expire", "--expire=now", "--all")
    work.git("gc", "-q", "--prune=now")
    undone = clone.undo(report.run.id, push=True)
    assert (of(undone, "x").push, of(undone, "y").push) == (PushState.NOT_PUSHED, PushState.PUSHED)
    assert "is not in the repository any more" in of(undone, "x").push_detail
    assert (clone.there("x"), clone.there("y")) == (of(report, "x").update.after, before)
