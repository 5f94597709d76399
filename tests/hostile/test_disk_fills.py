"""A disk that fills in the middle of a verb: a small file system of its own, filled before an effect, and freed afterwards.

Whatever was full: the exit code is a documented one, the message says that there is no room, no traceback is written, each branch
is at before or after, and when there is room again `resume` and the same verb end well. One cell for each place and kind of write
in every run of the tests, all of them with GITALIGN_THOROUGH=1.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from tests import needs, warm
from tests.engine.filled import BALLAST
from tests.engine.template import NAMES, Model, heads, is_clean
from tests.git.workspace import Workspace
from tests.needs import IS_THOROUGH
from tests.runs import run

BETWEEN = ("quarantine", "results", "journal", "store", "pin", "keep", "work tree lock", "work tree", "refs")
AFTER = ("refs moved", "save", "verify", "end")
LEFT = (0, 16, 64)
FULL = ("No space left on device", "disk is full", "Out of diskspace")

RUNS = [
    ("all", "quarantine", 16),  # while branches are aligned
    ("all", "results", 16),  # the log, then the journal
    ("all", "pin", 16),  # the lock of a ref
    ("all", "work tree", 0),
    ("all", "refs moved", 0),
    ("all", "verify", 0),
    ("objects", "store", 16),
    ("gitalign", "journal", 64),
]
UNDOS = [("pin", 16), ("refs moved", 0)]
RESUMES = [("pin", "work tree lock", 0), ("work tree", "pin", 16)]
PUSHES = [("push", 0)]
if IS_THOROUGH:
    RUNS = list(product(("all", "objects", "gitalign"), (*BETWEEN, *AFTER), LEFT))
    UNDOS = list(product(("journal", "pin", "work tree lock", "work tree", "refs", *AFTER, "marked"), LEFT))
    RESUMES = list(product(("pin", "refs moved", "work tree"), ("pin", "refs", "refs moved", "save"), LEFT))
    PUSHES = list(product(("journal", "pin", *AFTER, "push", "report"), LEFT))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return Model(tmp_path_factory.mktemp("fills") / "template")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small one."""
    with small(tmp_path / "small") as place:
        yield place


@contextmanager
def small(place: Path) -> Iterator[Path]:
    with needs.mounted(place, "-t", "tmpfs", "-o", "size=16m", "tmpfs") as mounted:
        yield mounted


@contextmanager
def on_a_small_disk(model: Model, place: Path, part: str) -> Iterator[tuple[Workspace, Path]]:
    """A copy of the template, all of it or a folder of its git directory on a small disk."""
    if part == "all":
        with small(place / "small") as disk:
            yield model.copy(disk / "real"), disk
        return
    work = model.copy(place / "real")
    folder = work.path / ".git" / part
    folder.rename(place / "part")
    with small(folder) as disk:
        shutil.copytree(place / "part", disk, dirs_exist_ok=True)
        yield work, disk


def filled(disk: Path, left: int, effect: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A verb whose disk fills before an effect, and has room again afterwards."""
    done = warm.call("tests.engine.filled:main", disk, left, effect, *words, cwd=cwd)
    assert f"filled before {effect}" in done.stderr
    (disk / BALLAST).unlink(missing_ok=True)
    return done


def is_explained(done: subprocess.CompletedProcess[str]) -> None:
    """What no room comes to: an error that says so with its next step, or nothing at all."""
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode in (0, 1, 3), done.stderr
    if done.returncode == 3:
        message = done.stderr[done.stderr.index("error: ") :]
        assert any(sign in message for sign in FULL), message
        assert "next: " in message
        assert "free" in message[message.index("next: ") :]


def is_whole(model: Model, work: Workspace) -> Mapping[str, str]:
    """Where the branches stand: each at before or after, with all its history."""
    stands = heads(work)
    assert all(stands[name] in (model.before[name], model.after[name]) for name in NAMES)
    assert "missing" not in work.git("fsck", "--connectivity-only", "--no-dangling")
    return stands


def goes_on(work: Workspace, *words: str) -> None:
    """`resume`, and the same verb once more, end well."""
    resumed = warm.run("resume", cwd=work.path)
    assert resumed.returncode in (0, 1), resumed.stderr
    again = warm.run(*words, cwd=work.path)
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.parametrize(("part", "effect", "left"), RUNS)
def test_a_run(tmp_path: Path, model: Model, part: str, effect: str, left: int) -> None:
    """Edge case 36."""
    with on_a_small_disk(model, tmp_path, part) as (work, disk):
        done = filled(disk, left, effect, "run", "--yes", cwd=work.path)
        is_explained(done)
        stands = is_whole(model, work)
        assert done.returncode != 0 or stands == model.after
        goes_on(work, "run", "--yes")
        assert is_whole(model, work) == model.after
        is_clean(work)


@pytest.mark.parametrize(("effect", "left"), UNDOS)
def test_an_undo(disk: Path, model: Model, effect: str, left: int) -> None:
    work = model.copy(disk / "real")
    run(work.path, committer="preserve")
    done = filled(disk, left, effect, "undo", "last", "--yes", cwd=work.path)
    is_explained(done)
    stands = is_whole(model, work)
    assert done.returncode != 0 or stands == model.before
    resumed = warm.run("resume", cwd=work.path)
    assert resumed.returncode == 0, resumed.stderr
    if heads(work) != model.before:
        assert warm.run("undo", "last", "--yes", cwd=work.path).returncode == 0
    assert is_whole(model, work) == model.before
    is_clean(work)


@pytest.mark.parametrize(("killed", "effect", "left"), RESUMES)
def test_a_resume(disk: Path, model: Model, killed: str, effect: str, left: int) -> None:
    """The recovery of a killed run has no room itself."""
    work = model.copy(disk / "real")
    assert warm.call("tests.engine.rehearsal:main", work.path, "run", killed).returncode == -9
    is_explained(filled(disk, left, effect, "resume", cwd=work.path))
    is_whole(model, work)
    goes_on(work, "run", "--yes")
    assert is_whole(model, work) == model.after
    is_clean(work)


@pytest.mark.parametrize(("effect", "left"), PUSHES)
def test_a_push(tmp_path: Path, disk: Path, model: Model, effect: str, left: int) -> None:
    """The disk of the clone is full, that of the remote is not."""
    work = model.copy(disk / "real")
    remote = tmp_path / "remote.git"
    work.git("clone", "-q", "--bare", ".", str(remote))
    work.git("remote", "add", "origin", f"file://{remote}")
    work.git("fetch", "-q", "origin")
    is_explained(filled(disk, left, effect, "run", "--push", "--yes", cwd=work.path))
    is_whole(model, work)
    goes_on(work, "run", "--push", "--yes")
    assert is_whole(model, work) == model.after
    there = {name: work.git("--git-dir", str(remote), "rev-parse", f"refs/heads/{name}") for name in NAMES}
    assert there == model.after
    is_clean(work)


def test_a_report_that_has_no_room_undoes_nothing(disk: Path, model: Model) -> None:
    work = model.copy(disk / "real")
    done = filled(disk, 0, "report", "run", "--yes", cwd=work.path)
    assert (done.returncode, heads(work)) == (0, model.after)
    assert "Traceback" not in done.stderr
    (note,) = (line for line in done.stdout.splitlines() if "report file is not written" in line)
    assert "No space left on device; the journal has the results" in note
    assert not list((work.path / ".git" / "gitalign" / "runs").glob("*/*report*"))
    assert warm.run("show", "last", cwd=work.path).returncode == 0


@pytest.mark.parametrize(("effect", "left"), [("memory", 0), ("memory", 16), ("results", 0)])
def test_memory_that_fills_is_left_for_the_disk(tmp_path: Path, model: Model, effect: str, left: int) -> None:
    """`/dev/shm` full as soon as the run has a folder there, before its first object, and when its results are to be stored."""
    work = model.copy(tmp_path / "real")
    done = warm.call("tests.engine.filled:main", "/dev/shm", left, effect, "run", "--yes", cwd=work.path)
    assert f"filled before {effect}" in done.stderr
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert heads(work) == model.after
    is_clean(work)
