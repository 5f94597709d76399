"""A push outlives the process that began it: it arrives after the remote was asked, and after the run was given up."""

from __future__ import annotations

import pytest

from gitalign import facade
from gitalign.core.publication import Publication, PushState
from gitalign.core.run import RunState
from tests import warm
from tests.remotes.conftest import PERMIT, Shared, refs_of


class Cut(Exception):
    """Ends a run."""


def cut_off_before_its_push(clone: Shared) -> tuple[Publication, ...]:
    """What a run was about to push; the remote has the commits already, as when a push is under way."""

    def checkpoint(name: str) -> None:
        if name == "push":
            raise Cut

    request = facade.Request(repo=clone.work.path, remote="", push=True)
    with pytest.raises(Cut):
        facade.run(request, permit=PERMIT, checkpoint=checkpoint)
    (run_id,) = facade.recover(facade.Request(repo=clone.work.path))
    publications = facade.show(request, run_id).publications
    assert {one.push for one in publications} == {PushState.NOT_PUSHED}
    for one in publications:
        clone.work.git("push", "-q", "origin", f"{one.update.after}:refs/keep/{one.update.after}")
    return publications


def test_what_arrives_before_the_run_goes_on_is_this_runs(clone: Shared) -> None:
    before = refs_of(clone)
    for one in (sent := cut_off_before_its_push(clone)):
        clone.work.git("--git-dir", str(clone.remote), "update-ref", one.pushed_ref, one.update.after)
    (report,) = facade.resume(facade.Request(repo=clone.work.path))
    assert (report.run.state, report.exit_code()) == (RunState.FINISHED, 0)
    assert {one.push for one in report.publications} == {PushState.PUSHED}
    clone.undo("last", push=True)
    for one in sent:
        clone.work.git("--git-dir", str(clone.remote), "update-ref", "-d", f"refs/keep/{one.update.after}")
    assert refs_of(clone) == before


def test_what_arrives_while_the_run_goes_on_is_found_and_taken_back(
    clone: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    heads = ("--git-dir", str(clone.remote), "for-each-ref", "refs/heads")
    before = clone.work.git(*heads)
    sent = cut_off_before_its_push(clone)
    arrives = "".join(f"git update-ref {one.pushed_ref} {one.update.after}\n" for one in sent)
    clone.hook("pre-receive", f"unset GIT_QUARANTINE_PATH\n{arrives}")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Later")  # so that the commits of the second run are others
    (report,) = facade.resume(facade.Request(repo=clone.work.path))
    assert {one.push for one in report.publications} == {PushState.REJECTED}
    assert {clone.there(name) for name in ("x", "y")} == {one.update.after for one in sent}
    assert any("arrived after all" in note for note in report.notices)
    (clone.remote / "hooks" / "pre-receive").unlink()
    clone.undo("last", push=True)
    assert clone.work.git(*heads) == before


def test_what_did_not_get_there_is_followed_by_a_command_that_reads_the_remote_again(clone: Shared) -> None:
    """`git align push` publishes only what moved here."""
    clone.hook("update", "exit 1")
    done = warm.run("run", "--remote", "--yes", cwd=clone.work.path)
    assert done.returncode == 1
    assert "git align run --remote" in done.stdout
    assert "git align push" not in done.stdout
