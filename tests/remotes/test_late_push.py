"""A push outlives the process that began it: it arrives after the remote was asked, and after the run was given up."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.publication import Publication, PushState
from gitalign.core.run import RunState
from gitalign.engine.runtime.signals import StopSignal
from gitalign.git import push as push_module
from tests import warm
from tests.remotes.conftest import PERMIT, Shared, on_remote, refs_of


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


@pytest.mark.parametrize("at", ["journal", "verify"])
def test_a_run_that_was_stopped_before_its_push_goes_on(clone: Shared, at: str) -> None:
    stop = StopSignal()

    def checkpoint(name: str) -> None:
        if name == at:
            stop.request_stop()

    request = facade.Request(repo=clone.work.path, remote="", push=True)
    before = refs_of(clone)
    stopped = facade.run(request, permit=PERMIT, stop=stop, checkpoint=checkpoint)
    assert (stopped.run.state, stopped.exit_code()) == (RunState.INTERRUPTED, 130)
    assert {one.push for one in stopped.publications} == {PushState.NOT_PUSHED}
    assert refs_of(clone) == before
    (report,) = facade.resume(facade.Request(repo=clone.work.path))
    assert report.exit_code() == 0
    assert {one.push for one in report.publications} == {PushState.PUSHED}
    clone.undo("last", push=True)
    assert refs_of(clone) == before


def test_a_push_that_was_ended_may_have_arrived(clone: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ran out of time: the remote still has what it had, and `resume` asks again."""
    monkeypatch.setattr(push_module, "_TIMEOUT_S", 0.3)
    clone.hook("pre-receive", "exec sleep 2")
    report = on_remote(clone)
    assert {one.push for one in report.publications} == {PushState.UNKNOWN}
    assert report.exit_code() == 1
    (asked,) = facade.resume(facade.Request(repo=clone.work.path))
    assert {one.push for one in asked.publications} == {PushState.NOT_PUSHED}


_SAYS_NOTHING = """
import subprocess, sys
served = subprocess.Popen(["git", "receive-pack", *sys.argv[1:]], stdout=subprocess.PIPE)
out = sys.stdout.buffer
while (size := served.stdout.read(4)) != b"0000":
    out.write(size + served.stdout.read(int(size, 16) - 4))
out.write(b"0000")
out.flush()
served.stdout.read()
told = b"\\x01000eunpack ok\\n0000"
out.write(b"%04x" % (len(told) + 4) + told + b"0000")
"""


def test_a_remote_that_does_not_report_is_asked(clone: Shared, tmp_path: Path) -> None:
    """git says `[remote failure]` of branches that the remote has taken."""
    server = tmp_path / "receive-pack.py"
    server.write_text(_SAYS_NOTHING)
    clone.work.git("config", "remote.origin.receivepack", f"{sys.executable} {server}")
    report = on_remote(clone)
    assert {one.push for one in report.publications} == {PushState.PUSHED}
    assert all(
        clone.there(one.update.ref.removeprefix("refs/heads/")) == one.update.after for one in report.publications
    )
