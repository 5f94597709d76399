"""What a run says of its own memory."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import psutil
import pytest

from gitalign import facade
from gitalign.core.events import Event, EventKind
from gitalign.core.plan import Permit
from gitalign.engine.alignment.align import BranchAligner
from gitalign.engine.runtime import limits
from tests.git.workspace import Workspace
from tests.runs import request


def test_the_memory_of_whoever_started_us_is_not_ours() -> None:
    code = "from gitalign.engine.runtime.limits import MemoryWatch; print(MemoryWatch.peak_own_bytes())"
    large = (
        "import os, subprocess, sys\n"
        "held = b'x' * 300_000_000\n"
        "pid = os.fork()\n"
        f"if not pid: os.execv(sys.executable, [sys.executable, '-c', {code!r}])\n"
        "os.waitpid(pid, 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", large], capture_output=True, text=True, env=dict(os.environ), check=True
    )
    assert 5_000_000 < int(done.stdout) < 200_000_000


@pytest.mark.parametrize("lists_children", [True, False])
def test_memory_is_that_of_the_whole_tree(monkeypatch: pytest.MonkeyPatch, *, lists_children: bool) -> None:
    """Children of children count, and those that a thread started, whichever way the kernel is asked."""
    inner = "held = b'x' * 60_000_000; print('ready', flush=True); input()"
    outer = f"import subprocess, sys; held = b'x' * 30_000_000; subprocess.run([sys.executable, '-c', {inner!r}])"
    if not lists_children:
        monkeypatch.setattr(limits, "_tree", lambda _: None)
    this = psutil.Process()
    before = limits.tree_bytes(this)
    words = [sys.executable, "-c", outer]
    with ThreadPoolExecutor(1) as pool:
        start = partial(subprocess.Popen, words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        with pool.submit(start).result() as child:
            assert child.stdin is not None
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            during = limits.tree_bytes(this)
            child.stdin.write("\n")
            child.stdin.close()
    assert 90_000_000 < during - before < 200_000_000
    assert limits.tree_bytes(this) - before < 30_000_000


def test_processor_time_is_that_of_the_whole_tree() -> None:
    """Of what has ended, of what is still running, and of this process itself; each counts once."""
    burn = "import time\nwhile time.process_time() < 0.2: pass\nprint('done', flush=True)\ninput()"
    before = limits.processor_s()
    words = [sys.executable, "-ISc", burn]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "done\n"
        during = limits.processor_s() - before
        child.communicate("\n")
    after = limits.processor_s() - before
    assert 0.18 <= during <= after < during + 0.15


def test_the_memory_bound_says_what_it_is_of_and_idle_processes_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    for number in range(12):
        work.switch(f"topic-{number}", "main")
        work.commit("own", {f"own-{number}": b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"2\n"})
    monkeypatch.setattr(limits, "_SAMPLE_S", 0.0)
    rested: list[int] = []
    rest = BranchAligner.rest

    def counted(self: BranchAligner, worker: int) -> None:
        rested.append(worker)
        rest(self, worker)

    monkeypatch.setattr(BranchAligner, "rest", counted)
    told: list[str] = []

    def listen(event: Event) -> None:
        if event.kind is EventKind.NOTICE:
            told.append(str(event.data["text"]))

    asked = request(work.path, orchestration__max_memory_mb=64, orchestration__max_workers_per_target=4)
    report = facade.run(asked, permit=Permit(plan_id="*"), listeners=[listen])
    assert report.counts() == {"aligned": 12}
    (words,) = [text for text in told if text.startswith("memory bound reached")][:1]
    assert "MB, max_memory_mb is 64; until it is below 51 MB, one branch at a time goes on" in words
    assert rested
