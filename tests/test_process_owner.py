"""Locks that say who is alive: with real processes that are killed, fork and start programs."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gitalign.owned_folders import is_left, own
from gitalign.process_owner import HeldLock

_HOLDER = "import sys, pathlib; from gitalign.process_owner import HeldLock; lock = HeldLock.take(pathlib.Path(sys.argv[1]))\n"


@contextmanager
def holder(path: Path, then: str) -> Iterator[subprocess.Popen[str]]:
    """A process that takes the lock, does `then`, says what it printed, and waits for its end of input."""
    script = f"{_HOLDER}{then}\nprint('ready', flush=True)\nsys.stdin.read()\nlock.release()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process
        finally:
            process.kill()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_one_holder_at_a_time_and_the_file_goes_with_it(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "run.lock"
    assert not HeldLock.is_held(path)
    with HeldLock.take(path) or pytest.fail("not taken") as lock:
        assert lock.is_ours
        assert HeldLock.is_held(path)
        assert HeldLock.take(path) is None
    assert not path.exists()
    assert not lock.is_ours
    lock.release()
    again = HeldLock.take(path)
    assert again is not None
    lock.release()
    assert again.is_ours, "the release of an earlier holder takes nothing from this one"
    again.release()


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    with holder(path, "") as process:
        assert line(process) == "ready"
        assert HeldLock.is_held(path)
        assert HeldLock.take(path) is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert path.exists()
        assert not HeldLock.is_held(path)
        with HeldLock.take(path) or pytest.fail("not taken"):
            assert HeldLock.is_held(path)


def test_a_forked_child_neither_keeps_nor_releases_it(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    fork = (
        "import os, signal\n"
        "read, write = os.pipe()\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    assert not lock.is_ours\n"
        "    lock.release()\n"
        "    os.write(write, b'.')\n"
        "    signal.pause()\n"
        "os.read(read, 1)\n"
        "print(child, flush=True)"
    )
    with holder(path, fork) as process:
        child = int(line(process))
        try:
            assert line(process) == "ready"
            assert HeldLock.is_held(path), "the child released it"
            process.send_signal(signal.SIGKILL)
            process.wait()
            os.kill(child, 0)
            assert not HeldLock.is_held(path), "the child kept it"
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_started_program_does_not_keep_it(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    start = "import subprocess; print(subprocess.Popen(['sleep', '60'], close_fds=False).pid, flush=True)"
    with holder(path, start) as process:
        program = int(line(process))
        try:
            assert line(process) == "ready"
            process.send_signal(signal.SIGKILL)
            process.wait()
            os.kill(program, 0)
            assert not HeldLock.is_held(path)
        finally:
            os.kill(program, signal.SIGKILL)


def test_looking_never_keeps_others_from_taking(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    path.touch()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            HeldLock.is_held(path)

    lookers = [threading.Thread(target=look) for _ in range(2)]
    for one in lookers:
        one.start()
    try:
        for _ in range(50):
            lock = HeldLock.take(path)
            assert lock is not None
            lock.release()
    finally:
        done.set()
        for one in lookers:
            one.join()


def test_of_many_that_take_while_the_file_comes_and_goes_one_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    inside = 0
    most = 0
    guard = threading.Lock()

    def take() -> None:
        nonlocal inside, most
        for _ in range(100):
            lock = HeldLock.take(path)
            if lock is None:
                continue
            with guard:
                inside += 1
                most = max(most, inside)
            with guard:
                inside -= 1
            lock.release()

    takers = [threading.Thread(target=take) for _ in range(4)]
    for one in takers:
        one.start()
    for one in takers:
        one.join()
    assert most == 1


def test_a_lock_whose_file_was_removed_guards_nothing(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    lock = HeldLock.take(path)
    assert lock is not None
    path.unlink()
    assert not lock.is_ours
    other = HeldLock.take(path)
    assert other is not None
    lock.release()
    assert path.exists(), "the file is the other's"
    assert other.is_ours
    other.release()


def test_a_link_in_place_of_the_folder_is_not_followed(tmp_path: Path) -> None:
    """Edge case 67."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "a.lock").write_text("somebody's\n")
    (tmp_path / "locks").symlink_to(elsewhere)
    with pytest.raises(OSError, match="is a link"):
        HeldLock.take(tmp_path / "locks" / "a.lock")
    assert (elsewhere / "a.lock").read_text() == "somebody's\n"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "precious"
    path = tmp_path / "run.lock"
    path.symlink_to(elsewhere)
    with pytest.raises(OSError):
        HeldLock.take(path)
    assert not elsewhere.exists()
    assert HeldLock.is_held(path), "what cannot be known counts as alive"


def test_a_pipe_in_its_place_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "run.lock"
    os.mkfifo(path)
    with pytest.raises(OSError):
        HeldLock.take(path)
    assert HeldLock.is_held(path)


def test_whoever_may_write_the_folder_may_take_the_lock(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o2775)
    private = tmp_path / "private"
    private.mkdir()
    private.chmod(0o700)
    before = os.umask(0o077)
    try:
        for folder, mode in ((shared, 0o664), (private, 0o600)):
            path = folder / "locks" / "run.lock"
            with HeldLock.take(path) or pytest.fail("not taken"):
                assert stat.S_IMODE(path.stat().st_mode) == mode
                assert stat.S_IMODE(path.parent.stat().st_mode) & 0o777 == stat.S_IMODE(folder.stat().st_mode) & 0o777
    finally:
        os.umask(before)


def test_a_folder_that_is_being_made_never_counts_as_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process that cleans up in this very moment would remove it, and the objects of a run with it."""
    folder = tmp_path / "folder"
    folder.mkdir()
    looks: list[str] = []
    is_looking = False

    def looked_at(module: object, name: str) -> None:
        call = getattr(module, name)

        def between(*given: object, **more: object) -> object:
            nonlocal is_looking
            if not is_looking:
                is_looking = True
                assert not is_left(folder), f"before {name}"
                looks.append(name)
                is_looking = False
            return call(*given, **more)

        monkeypatch.setattr(module, name, between)

    for module, name in ((fcntl, "flock"), (os, "open"), (os, "link"), (Path, "unlink"), (Path, "write_text")):
        looked_at(module, name)
    lock = own(folder)
    assert lock is not None
    assert {"flock", "link", "write_text"} <= set(looks)
    assert sorted(os.listdir(folder)) == ["lock", "owner"]
    with pytest.raises(OSError, match="another process"):
        own(folder)
    lock.release()
    assert is_left(folder) is False, "its owner is alive"


def test_where_files_have_no_second_names_a_lock_is_taken_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", refused)
    lock = HeldLock.make(tmp_path / "lock")
    assert lock is not None
    assert os.listdir(tmp_path) == ["lock"]
    assert HeldLock.make(tmp_path / "lock") is None
    lock.release()
    assert os.listdir(tmp_path) == []
