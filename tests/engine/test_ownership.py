"""A run is alive while it holds its lock, whatever clocks, host names and PID namespaces say (edge case 68)."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.events import Event, EventKind
from gitalign.core.forecast import Prospect
from gitalign.core.plan import Permit
from gitalign.core.run import RunState
from gitalign.errors import StoreError, UserError
from gitalign.process_owner import this_owner
from gitalign.store.run_locks import RunLocks
from tests import needs, warm
from tests.git.workspace import Workspace
from tests.runs import request, run


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    work.switch("topic", "main")
    work.commit("topic", {"t": b"t\n"})
    work.switch("main")
    work.commit("main", {"m": b"m\n"})
    return work


@dataclass
class Paused:
    """A run that waits before an effect, in another process."""

    child: warm.Child
    input: int

    def go_on(self) -> int:
        os.close(self.input)
        return self.child.wait()

    def kill(self) -> None:
        self.child.kill()
        self.child.wait()


@contextmanager
def under_way(repository: Path, effect: str = "results", *words: str) -> Iterator[Paused]:
    read, write = os.pipe()
    said, says = os.pipe()
    child = warm.begin("tests.engine.paused:main", repository, effect, *words, stdin=read, stdout=says)
    for one in (read, says):
        os.close(one)
    try:
        assert os.read(said, 100) == b"waits\n"
        yield Paused(child, write)
    finally:
        os.close(said)
        child.kill()
        child.wait()


def state(work: Workspace) -> Path:
    return work.path / ".git" / "gitalign"


def set_owner(work: Workspace, change: Callable[[list[str]], None]) -> None:
    """Change what the journal says about the owner of every run and claim."""
    with closing(sqlite3.connect(state(work) / "gitalign.db")) as database:
        for table in ("runs", "claims"):
            for (owner,) in database.execute(f"SELECT DISTINCT owner FROM {table}").fetchall():
                parts = owner.split("|")
                change(parts)
                database.execute(f"UPDATE {table} SET owner = ? WHERE owner = ?", ("|".join(parts), owner))
        database.commit()


def stepped_clock(parts: list[str]) -> None:
    parts[3] = "1.00"


def other_host(parts: list[str]) -> None:
    parts[0] = "elsewhere"


def other_namespace(parts: list[str]) -> None:
    parts[2] = str(2**22 + 1)


def after_a_restart(parts: list[str]) -> None:
    parts[1] = "another-boot"


@pytest.mark.parametrize("change", [stepped_clock, other_namespace, after_a_restart])
def test_a_living_run_keeps_its_work_whatever_its_owner_looks_like(
    work: Workspace, change: Callable[[list[str]], None]
) -> None:
    with under_way(work.path) as process:
        set_owner(work, change)
        for owner in state(work).glob("quarantine/*/owner"):
            parts = owner.read_text().split("|")
            change(parts)
            owner.write_text("|".join(parts))
        (record,) = facade.runs(request(work.path))
        assert facade.resume(request(work.path)) == ()
        facade.prune(request(work.path), older_than_days=0)
        (skipped,) = run(work.path).results
        assert getattr(skipped.outcome, "code", "") == "claimed_by_other_run"
        assert (state(work) / "quarantine" / record.id / "lock").exists()
        assert process.go_on() == 0
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""
    assert not (state(work) / "locks" / f"{record.id}.lock").exists()


@pytest.mark.parametrize("change", [stepped_clock, other_host, other_namespace])
def test_a_killed_run_is_recovered_whatever_its_owner_looks_like(
    work: Workspace, change: Callable[[list[str]], None]
) -> None:
    with under_way(work.path, "refs") as process:
        process.kill()
    set_owner(work, change)
    (report,) = facade.resume(request(work.path))
    assert report.run.state is RunState.FINISHED
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""
    assert list((state(work) / "locks").iterdir()) == []


def unshared(*words: str, script: str, **variables: str) -> str:
    """A command in namespaces of its own."""
    needs.namespaces(*words)
    done = subprocess.run(
        ["unshare", *words, "sh", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHON": sys.executable, **variables},
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


NAMESPACES = ("--pid", "--uts", "--fork", "--mount-proc")


def test_from_another_pid_namespace_a_living_run_is_left_alone_and_a_dead_one_recovered(work: Workspace) -> None:
    script = 'hostname elsewhere; "$PYTHON" -m gitalign resume --repo "$REPO"'
    with under_way(work.path, "refs") as process:
        said = unshared(*NAMESPACES, script=script, REPO=str(work.path))
        assert "is under way" in said
        assert "nothing to resume" in said
        assert facade.runs(request(work.path))[0].state is RunState.PUBLISHING
        process.kill()
    unshared(*NAMESPACES, script=script, REPO=str(work.path))
    assert facade.runs(request(work.path))[0].state is RunState.FINISHED
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""


def earlier_release(parts: list[str]) -> None:
    del parts[4:]


def test_what_an_earlier_release_wrote_is_judged_by_the_process_it_names(work: Workspace) -> None:
    with under_way(work.path, "refs") as process:
        set_owner(work, earlier_release)
        assert facade.resume(request(work.path)) == ()
        process.kill()
    assert len(facade.resume(request(work.path))) == 1


def test_a_run_on_a_host_that_is_gone_is_taken_over(work: Workspace) -> None:
    with under_way(work.path, "refs") as process:
        process.kill()
    set_owner(work, earlier_release)
    set_owner(work, other_host)
    (record,) = facade.runs(request(work.path))
    assert facade.resume(request(work.path)) == ()
    (report,) = facade.resume(request(work.path), take_over=record.id)
    assert report.run.state is RunState.FINISHED
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""
    with pytest.raises(UserError, match="not under way"):
        facade.resume(request(work.path), take_over=record.id)


def test_a_run_that_was_taken_over_while_it_lived_moves_nothing_more(work: Workspace) -> None:
    """The operator was wrong: the process was alive. Nothing is lost, and one of the two moves the branch."""
    with under_way(work.path) as process:
        (record,) = facade.runs(request(work.path))
        assert len(facade.resume(request(work.path), take_over=record.id)) == 1
        moved = work.git("rev-parse", "topic")
        process.go_on()
    assert work.git("rev-parse", "topic") == moved
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""


def test_two_processes_never_hold_a_run(work: Workspace) -> None:
    locks = RunLocks(state(work))
    run_id = "20260101-000000-abcdef"
    with locks.held(run_id) as owner:
        assert locks.is_alive(owner)
        with pytest.raises(StoreError, match="another process"), locks.held(run_id):
            pass
    assert not locks.is_alive(owner)
    assert locks.is_alive(this_owner())


def test_lock_files_of_killed_runs_do_not_pile_up(work: Workspace) -> None:
    locks = state(work) / "locks"
    locks.mkdir(parents=True)
    (locks / "20260101-000000-abcdef.lock").touch()
    (locks / "README").touch()
    run(work.path)
    assert [one.name for one in locks.iterdir()] == ["README"]


def test_a_run_whose_folder_in_memory_is_removed_goes_on_on_disk(work: Workspace) -> None:
    """logind removes what a user has in /dev/shm when the last session ends (RemoveIPC=yes)."""
    needs.memory()
    removed: list[Path] = []

    def remove(event: Event) -> None:
        if event.kind is EventKind.INTEGRATION_STARTED and not removed:
            (note,) = state(work).glob("quarantine/*/memory")
            removed.append(Path(note.read_text()))
            shutil.rmtree(removed[0])

    report = facade.run(request(work.path), permit=Permit(plan_id="*"), listeners=[remove])
    assert removed
    assert report.exit_code() == 0
    assert work.git("merge-base", "--is-ancestor", "main", "topic") == ""
    assert work.git("fsck", "--strict") == ""


def test_a_forecast_whose_folder_in_memory_is_removed_goes_on_on_disk(work: Workspace) -> None:
    needs.memory()
    removed: list[Path] = []

    def remove(event: Event) -> None:
        if event.kind is EventKind.INTEGRATION_STARTED and not removed:
            (note,) = state(work).glob("quarantine/*/memory")
            removed.append(Path(note.read_text()))
            shutil.rmtree(removed[0])

    (found,) = facade.forecast(request(work.path), listeners=[remove]).branches
    assert removed
    assert found.prospect is Prospect.CLEAN


def test_doctor_tells_a_run_under_way_from_one_that_is_to_be_resumed(work: Workspace) -> None:
    def said() -> tuple[bool | None, str]:
        return next((one.ok, one.detail) for one in facade.doctor(request(work.path)) if one.check == "journal")

    with under_way(work.path) as process:
        (record,) = facade.runs(request(work.path))
        assert said() == (True, f"under way: {record.id}")
        process.kill()
    assert said() == (None, f"unfinished: {record.id}")
