"""Programs that are ended with the run, killed with it, or that move the folder they were given. Edge cases 33, 41."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from gitalign import facade
from gitalign.core.outcome import Cancelled, Conflicted
from gitalign.core.plan import Permit
from gitalign.engine.runtime.signals import StopSignal
from gitalign.git import scratch
from tests.git.workspace import Workspace
from tests.resolve.test_ladder_runs import diverged
from tests.runs import branch, request, run


def kill_children(*, but: Collection[psutil.Process]) -> None:
    """All that the run has started; `but` was there before, such as the server of warm processes."""
    for one in set(psutil.Process().children()).difference(but):
        with suppress(ProcessLookupError):
            os.killpg(one.pid, signal.SIGKILL)


SIDES = {"f": (b"a\nb\n", b"a\nours\n", b"a\ntheirs\n")}


def configured(rung: str, script: str) -> dict[str, Any]:
    words = [sys.executable, "-c", script, *(["%A"] if rung == "driver" else [])]
    settings: dict[str, Any] = {"command": words, "name": "tool"}
    return {
        "resolutions__rungs": [rung],
        f"resolutions__{rung}": [{**settings, "paths": ["f"]}] if rung == "regenerate" else settings,
        "validation__confinement": "none",
    }


@pytest.mark.parametrize("rung", ["driver", "external", "regenerate"])
@pytest.mark.parametrize("is_killed_first", [False, True])
def test_a_run_that_is_stopped_at_once_judges_nobody(tmp_path: Path, rung: str, is_killed_first: bool) -> None:
    work = diverged(tmp_path / "repo", SIDES)
    begun = tmp_path / "begun"
    settings = configured(rung, f"import time\nopen({str(begun)!r}, 'w')\ntime.sleep(60)")
    asked = request(work.path, **settings)
    plan = facade.plan(asked)
    stop = StopSignal()
    before = psutil.Process().children()

    def interrupt() -> None:
        while not begun.exists():
            time.sleep(0.02)
        stop.request_stop()
        stop.request_cancel()
        if is_killed_first:
            kill_children(but=before)

    thread = threading.Thread(target=interrupt)
    thread.start()
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id), stop=stop)
    thread.join()
    assert isinstance(branch(report, "topic").result.outcome, Cancelled)
    assert report.exit_code() == 130


@pytest.mark.parametrize("rung", ["driver", "regenerate"])
def test_a_folder_that_is_a_link_by_now_is_not_followed(tmp_path: Path, rung: str) -> None:
    work = diverged(tmp_path / "repo", SIDES)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("f", "ours"):
        (elsewhere / name).write_text("secret\n")
    script = (
        "import os, sys\nhere = os.getcwd()\nos.chdir('..')\nos.rename(here, here + '2')\n"
        f"os.symlink({str(elsewhere)!r}, here)\nassert open(here + '/f').read() == 'secret\\n'"
    )
    outcome = branch(run(work.path, **configured(rung, script)), "topic").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.unresolved[0].startswith("f: tool: it left the file as")
    assert (elsewhere / "f").read_text() == "secret\n"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary directory of the test's own."""
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    scratch._mine.clear()
    yield place
    scratch._mine.clear()


def killed_while_it_asks(work: Workspace, temporary: Path) -> None:
    begun = work.path.parent / "begun"
    settings = configured("external", f"import time\nopen({str(begun)!r}, 'w')\ntime.sleep(60)")
    script = f"from pathlib import Path\nfrom tests.runs import run\nrun(Path({str(work.path)!r}), **{settings!r})\n"
    running = subprocess.Popen([sys.executable, "-c", script], env={**os.environ, "TMPDIR": str(temporary)})
    while not begun.exists():
        assert running.poll() is None
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()


def test_what_a_killed_run_left_is_told_and_removed_by_the_next(tmp_path: Path, temporary: Path) -> None:
    work = diverged(tmp_path / "repo", SIDES)
    killed_while_it_asks(work, temporary)
    (left,) = scratch.leftovers()
    assert any(b"theirs" in one.read_bytes() for one in left.rglob("*") if one.is_file())
    (told,) = (one for one in facade.doctor(request(work.path)) if one.check == "leftovers")
    assert (told.ok, str(left) in told.detail) == (None, True)
    run(work.path)
    assert not left.exists()
    (told,) = (one for one in facade.doctor(request(work.path)) if one.check == "leftovers")
    assert told.ok


def test_only_our_own_dead_are_removed(temporary: Path) -> None:
    with scratch.scratch_folder("test") as mine:
        (mine / "file").write_text("x")
        young = temporary / f"{scratch.PREFIX}young"
        young.mkdir()
        (temporary / f"{scratch.PREFIX}link").symlink_to("/")
        old = temporary / f"{scratch.PREFIX}old"
        old.mkdir()
        os.utime(old, (0, 0))
        scratch.sweep()
        assert mine.exists()
        assert young.exists()
        assert not old.exists()
    assert not mine.exists()
