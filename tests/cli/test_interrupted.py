"""Ctrl-C before anything was begun: what is said to go on can go on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.cli.options import Options
from gitalign.cli.rendering.progress import followed
from gitalign.core.plan import Permit
from gitalign.core.run import RunState
from gitalign.engine.runtime.signals import StopSignal
from gitalign.errors import GitError
from tests import warm
from tests.git.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"g": b"1\n"})
    work.switch("main")
    work.commit("on", {"h": b"1\n"})
    return work


def pressed(work: Workspace, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A verb whose user presses Ctrl-C when it reads refs, before it has shown anything."""
    real = shutil.which("git")
    wrapper = place / "bin" / "git"
    wrapper.parent.mkdir(exist_ok=True)
    script = f'#!/bin/sh\ncase " $* " in *" for-each-ref "*) kill -INT $PPID;; esac\nexec {real} "$@"\n'
    wrapper.write_text(script)
    wrapper.chmod(0o755)
    done = warm.run(*words, cwd=work.path, env={"PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"})
    assert done.returncode == 130, (done.stdout, done.stderr)
    return done


def interrupt_a_run(work: Workspace) -> None:
    stop = StopSignal()
    stop.request_stop()
    report = facade.run(facade.Request(repo=work.path), permit=Permit(plan_id="*"), stop=stop)
    assert report.run.state is RunState.INTERRUPTED


def test_what_was_not_begun_cannot_go_on(work: Workspace, tmp_path: Path) -> None:
    """Neither a dry run, nor a run that was stopped before its plan was there, nor a verb that only looks."""
    for words in (("run", "--dry-run"), ("run", "--yes"), ("plan",)):
        assert "resume" not in pressed(work, tmp_path, *words).stderr, words
    answer = json.loads(pressed(work, tmp_path, "run", "--yes", "--json").stdout)
    assert (answer["error"]["code"], answer["error"]["hint"]) == ("interrupted", "")


def test_what_was_begun_earlier_can(work: Workspace, tmp_path: Path) -> None:
    interrupt_a_run(work)
    assert "git align resume" not in pressed(work, tmp_path, "run", "--dry-run").stderr
    assert "git align resume   goes on" in pressed(work, tmp_path, "run", "--yes").stderr
    assert warm.run("resume", cwd=work.path).returncode == 0
    assert work.git("merge-base", "main", "topic") == work.tip("main")


def test_git_that_a_second_ctrl_c_ended_has_not_failed() -> None:
    def ended(*, presses: bool) -> None:
        with followed(Options(quiet=True)) as (_, stop):
            if presses:
                stop.request_cancel()
            raise GitError("git was ended by signal 9", hint="run again")

    with pytest.raises(KeyboardInterrupt):
        ended(presses=True)
    with pytest.raises(GitError):
        ended(presses=False)
