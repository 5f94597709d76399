"""Started by `nohup`, in the background of a shell, or without a terminal: what is ignored stays ignored, SIGTERM stops as documented."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.run import RunState
from tests.git.workspace import Workspace
from tests.runs import request

WAYS: dict[str, tuple[tuple[str, ...], tuple[signal.Signals, ...]]] = {
    "nohup": (("nohup",), (signal.SIGHUP,)),
    "background": (("sh", "-c", '"$@" < /dev/null & wait $!', "sh"), (signal.SIGINT, signal.SIGQUIT)),
    "no terminal": (("setsid", "-w"), ()),
    "all of them": (
        ("setsid", "-w", "nohup", "sh", "-c", '"$@" < /dev/null & wait $!', "sh"),
        (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT),
    ),
}
"""How it is started, and which signals are ignored then."""


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n2\n3\n"})
    work.switch("topic", "main")
    work.commit("topic", {"f": b"1\n2\n3\n4\n"})
    work.switch("main")
    work.commit("on", {"f": b"0\n1\n2\n3\n"})
    return work


def started(work: Workspace, place: Path, *way: str) -> tuple[subprocess.Popen[str], int]:
    """A run in the middle of a merge, which goes on when the file `go` is there; and the id of its process."""
    wrapper = place / "bin" / "git"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/sh\ncase " $* " in *" merge-tree "*) echo $PPID > {place}/new; mv {place}/new {place}/pid\n'
        f'until [ -e {place}/go ]; do sleep 0.02; done;; esac\nexec {shutil.which("git")} "$@"\n'
    )
    wrapper.chmod(0o755)
    environ = {**os.environ, "PATH": f"{wrapper.parent}{os.pathsep}{os.environ['PATH']}"}
    words = [*way, sys.executable, "-m", "gitalign", "run", "--yes", "--repo", str(work.path)]
    child = subprocess.Popen(
        words, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while not (place / "pid").exists():
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        os.sched_yield()
    return child, int((place / "pid").read_text())


@pytest.mark.parametrize("is_stopped", [False, True], ids=["goes on", "is stopped"])
@pytest.mark.parametrize("way", WAYS)
def test_what_is_ignored_stays_ignored_and_sigterm_stops(
    work: Workspace, tmp_path: Path, way: str, is_stopped: bool
) -> None:
    words, ignored = WAYS[way]
    before = work.tip("topic")
    child, pid = started(work, tmp_path, *words)
    for number in ignored:
        os.kill(pid, number)
    if is_stopped:
        os.kill(pid, signal.SIGTERM)
    (tmp_path / "go").touch()
    out, err = child.communicate(timeout=60)
    assert child.returncode == (130 if is_stopped else 0), (out, err)
    (record,) = facade.runs(request(work.path))
    if is_stopped:
        assert (record.state, work.tip("topic")) == (RunState.INTERRUPTED, before)
        facade.resume(request(work.path))
    assert work.git("merge-base", "main", "topic") == work.tip("main")


def test_without_a_terminal_no_question_waits(work: Workspace) -> None:
    words = ("setsid", "-w", sys.executable, "-m", "gitalign", "run", "--repo", str(work.path))
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, done.stderr
    assert "no terminal to ask at" in done.stderr
