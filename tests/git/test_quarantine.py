"""The quarantine in memory: bounded, packed to disk when it is much, left when it is not enough, found after a crash."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitalign.core.commit import RawCommit, new_commit
from gitalign.core.names import Oid
from gitalign.errors import GitError, OutOfSpace
from gitalign.git.in_quarantine import GuardedCache, in_quarantine
from gitalign.git.object_memory import MemoryLost, remove_noted
from gitalign.git.objects import CommitReader, CommitWriter
from gitalign.git.quarantine import Quarantine, remove_quarantine, sweep_quarantines
from gitalign.git.repository import open_repository
from gitalign.process_owner import this_owner
from gitalign.store.journal import open_journal
from tests import needs, warm
from tests.git.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    return work


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A tmpfs of our own."""
    with needs.mounted(tmp_path / "memory", "-t", "tmpfs", "-o", "size=160m", "tmpfs") as place:
        yield place


def commits(work: Workspace, count: int, *, size: int = 10) -> list[RawCommit]:
    who = b"A <a@b> 1 +0000"
    tree = work.tip("main^{tree}")
    return [
        new_commit(tree=tree, parents=(work.tip("main"),), author=who, committer=who, message=b"%d " % number * size)
        for number in range(count)
    ]


def readable(quarantine: Quarantine, oids: list[Oid]) -> bool:
    reader = CommitReader(quarantine.git, timeout_s=20)
    try:
        return len(reader.read(oids)) == len(oids)
    finally:
        reader.close()


def test_objects_in_memory_are_private_and_removed(work: Workspace, memory: Path) -> None:
    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    (claimed,) = memory.iterdir()
    assert claimed.stat().st_mode & 0o077 == 0
    made = CommitWriter(quarantine.objects, object_format="sha1").write(commits(work, 3))
    assert readable(quarantine, made)
    quarantine.remove()
    assert not list(memory.iterdir())
    assert not quarantine.path.exists()


@pytest.mark.parametrize("has_threads", [True, False])
def test_emptied_beside_other_work_it_is_not_lost_and_leaves_nothing(
    work: Workspace, memory: Path, monkeypatch: pytest.MonkeyPatch, has_threads: bool
) -> None:
    def refused(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    for number in range(10):
        quarantine.git.run("hash-object", "-w", "--stdin", stdin=b"%d" % number)
    assert list(memory.iterdir())
    if not has_threads:
        monkeypatch.setattr(threading.Thread, "start", refused)
    quarantine.empty()
    quarantine.empty()
    assert not quarantine.has_lost_memory
    quarantine.require_memory()
    quarantine.remove()
    assert list(memory.iterdir()) == []
    assert not quarantine.path.exists()


def test_much_is_packed_to_disk_and_stays_readable(
    work: Workspace, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitalign.git.object_memory._MOST_BYTES", 200_000)
    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    writer = CommitWriter(quarantine.objects, object_format="sha1")
    made = writer.write(commits(work, 20))
    quarantine.keep_within_bounds()
    assert not list((quarantine.path / "pack").glob("*.pack"))
    made += writer.write(commits(work, 200, size=400))
    quarantine.keep_within_bounds()
    assert list((quarantine.path / "pack").glob("*.pack"))
    assert not list(quarantine.objects.glob("??/*"))
    assert readable(quarantine, made)
    keeps = quarantine.packs.store(made, [Oid(work.tip("main"))])
    assert keeps
    assert work.git("cat-file", "-t", made[-1]) == "commit"
    quarantine.remove()


def test_what_git_is_writing_at_this_moment_is_left_alone(
    work: Workspace, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitalign.git.object_memory._MOST_BYTES", 10_000)
    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    made = CommitWriter(quarantine.objects, object_format="sha1").write(commits(work, 100, size=400))
    half_written = quarantine.objects / made[0][:2] / "tmp_obj_a1B2c3"
    half_written.write_bytes(b"half an object")
    quarantine.keep_within_bounds()
    assert list((quarantine.path / "pack").glob("*.pack"))
    assert half_written.exists()
    assert readable(quarantine, made)
    quarantine.remove()


def test_when_memory_is_not_enough_disk_is(work: Workspace, memory: Path) -> None:
    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    writer = CommitWriter(quarantine.objects, object_format="sha1")
    made = writer.write(commits(work, 5))
    assert quarantine.leave_memory()
    assert not quarantine.leave_memory()
    assert not list(memory.iterdir())
    made += writer.write(commits(work, 9)[5:])
    assert readable(quarantine, made)
    quarantine.keep_within_bounds()
    assert quarantine.packs.store(made, [Oid(work.tip("main"))])
    quarantine.remove()


def test_too_little_memory_is_not_used(work: Workspace, tmp_path: Path) -> None:
    for memory in (None, tmp_path / "gone", tmp_path):
        quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
        assert quarantine.objects.resolve().is_relative_to(quarantine.path)
        quarantine.remove()


def test_what_a_dead_run_kept_in_memory_is_found(work: Workspace, memory: Path) -> None:
    killed_with_a_quarantine(work, memory)
    path = work.path / ".git" / "gitalign" / "quarantine" / "run"
    assert list(memory.iterdir())
    remove_quarantine(path, memory=memory)
    assert not list(memory.iterdir())
    assert not path.exists()


def killed_with_a_quarantine(work: Workspace, memory: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from gitalign.git.quarantine import Quarantine; from gitalign.git.repository import open_repository\n"
        "Quarantine(open_repository(sys.argv[1]), 'run', memory=Path(sys.argv[2]))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(work.path), str(memory)], check=False)
    assert done.returncode == -signal.SIGKILL


def test_a_pointer_to_somewhere_else_is_not_followed(work: Workspace, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    quarantine = Quarantine(open_repository(work.path), "run", memory=None)
    (quarantine.path / "memory").write_text(str(precious))
    remove_quarantine(quarantine.path)
    assert precious.exists()


def test_a_state_folder_that_cannot_be_made_is_told(work: Workspace) -> None:
    (work.path / ".git" / "gitalign").write_text("a file")
    with pytest.raises(OutOfSpace, match="gitalign"):
        Quarantine(open_repository(work.path), "run")


def test_what_dead_processes_left_in_memory_is_swept(work: Workspace, memory: Path) -> None:
    """Also when their repository is gone."""
    left = memory / "git-align-left"
    left.mkdir()
    host, boot, _, started = this_owner().split("|")
    (left / "owner").write_text(f"{host}|{boot}|{os.getpid()}|1.0")
    alive = memory / "git-align-alive"
    alive.mkdir()
    (alive / "owner").write_text(f"{host}|{boot}|{os.getpid()}|{started}")
    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    assert not left.exists()
    assert alive.exists()
    quarantine.remove()


def test_nothing_is_left_in_memory_when_the_disk_refuses(work: Workspace, memory: Path) -> None:
    """Edge case 36."""
    (work.path / ".git" / "gitalign" / "quarantine" / "run" / "pack").mkdir(parents=True)
    (work.path / ".git" / "gitalign" / "quarantine" / "run" / "memory").mkdir()
    with pytest.raises(OutOfSpace):
        Quarantine(open_repository(work.path), "run", memory=memory)
    assert not list(memory.iterdir())


def test_what_a_living_process_keeps_in_memory_stays_whatever_its_owner_looks_like(
    work: Workspace, memory: Path
) -> None:
    """Edge case 68: a stepped clock, another PID namespace, a restart."""
    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    (claimed,) = memory.iterdir()
    for owner in (claimed / "owner", quarantine.path / "owner"):
        host, _, _, _ = owner.read_text().split("|")
        owner.write_text(f"{host}|another-boot|1|1.0")
    Quarantine(open_repository(work.path), "other", memory=memory).remove()
    sweep_quarantines(quarantine.path.parent)
    remove_noted(quarantine.path / "memory", memory=memory)
    assert claimed.is_dir()
    assert quarantine.path.is_dir()
    quarantine.remove()
    assert not list(memory.iterdir())


def test_a_note_that_names_the_folder_of_a_living_run_removes_nothing(work: Workspace, memory: Path) -> None:
    living = Quarantine(open_repository(work.path), "living", memory=memory)
    other = Quarantine(open_repository(work.path), "other", memory=None)
    (other.path / "memory").write_bytes((living.path / "memory").read_bytes())
    remove_quarantine(other.path, memory=memory)
    assert len(list(memory.iterdir())) == 1
    living.remove()


def abandon() -> None:
    """Words: REPOSITORY NAME. Makes a quarantine and ends without removing it."""
    Quarantine(open_repository(sys.argv[1]), sys.argv[2], memory=None)
    os._exit(0)


def test_a_link_in_the_place_of_the_folder_is_not_followed(work: Workspace, tmp_path: Path) -> None:
    """Edge case 67. What is behind the link is what a sweep removes where it is not behind one."""
    for name in ("run", "dead"):
        warm.call("tests.git.test_quarantine:abandon", work.path, name)
    quarantines = work.path / ".git" / "gitalign" / "quarantine"
    precious = tmp_path / "precious"
    precious.mkdir()
    (quarantines / "run").rename(precious / "run")
    sweep_quarantines(quarantines)
    assert not quarantines.exists(), "dead is removed"
    quarantines.symlink_to(precious)
    sweep_quarantines(quarantines)
    remove_quarantine(quarantines / "run")
    assert (precious / "run" / "owner").exists()
    with pytest.raises(OutOfSpace, match="link"):
        Quarantine(open_repository(work.path), "new", memory=None)
    quarantines.unlink()
    quarantines.mkdir()
    (quarantines / "run").symlink_to(precious / "run")
    sweep_quarantines(quarantines)
    remove_quarantine(quarantines / "run")
    assert (precious / "run" / "owner").exists()


def test_two_quarantines_never_share_a_folder(work: Workspace) -> None:
    first = Quarantine(open_repository(work.path), "run", memory=None)
    with pytest.raises(OutOfSpace, match="another process"):
        Quarantine(open_repository(work.path), "run", memory=None)
    assert first.path.is_dir()
    first.remove()


def fill(memory: Path) -> None:
    with suppress(OSError), (memory / "filler").open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def test_memory_that_is_full_is_left_and_the_write_made_again(work: Workspace, memory: Path) -> None:
    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    writer = CommitWriter(quarantine.objects, object_format="sha1")
    made = writer.write(commits(work, 3))
    fill(memory)
    more = commits(work, 40, size=4000)
    made += quarantine.with_room(lambda: writer.write(more))
    assert quarantine.objects.resolve().is_relative_to(quarantine.path)
    assert readable(quarantine, made)
    quarantine.remove()


def test_whoever_writes_while_memory_is_left_writes_again(work: Workspace, memory: Path) -> None:
    """A temporary file in memory cannot be renamed to its place on disk: no reason to fail a branch."""
    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    writer = CommitWriter(quarantine.objects, object_format="sha1")
    made: list[Oid] = []
    turns = iter(commits(work, 2))

    def write() -> None:
        if quarantine.objects.resolve().is_relative_to(memory):
            assert quarantine.leave_memory()
            raise GitError("unable to write file: No such file or directory")
        made.extend(writer.write([next(turns)]))

    quarantine.with_room(write)
    assert readable(quarantine, made)
    with pytest.raises(GitError, match="about something else"):
        quarantine.with_room(lambda: fail("about something else"))
    quarantine.remove()


def fail(words: str) -> None:
    raise GitError(words)


def test_work_whose_memory_is_removed_is_made_again_on_disk(work: Workspace, memory: Path) -> None:
    """logind removes what a user has in /dev/shm when the session ends (RemoveIPC=yes)."""
    repository = open_repository(work.path)
    turns: list[bool] = []

    def make(quarantine: Quarantine) -> list[Oid]:
        in_memory = quarantine.objects.resolve().is_relative_to(memory)
        turns.append(in_memory)
        writer = CommitWriter(quarantine.objects, object_format="sha1")
        made = writer.write(commits(work, 5))
        if in_memory:
            (claimed,) = memory.iterdir()
            shutil.rmtree(claimed)
            quarantine.keep_within_bounds()
            assert not quarantine.leave_memory()
        assert in_memory or readable(quarantine, made)
        quarantine.require_memory()
        return made

    assert len(in_quarantine(repository, "run", make, memory=memory)) == 5
    assert turns == [True, False]
    assert not (work.path / ".git" / "gitalign" / "quarantine").exists()


def test_nothing_is_remembered_once_memory_is_lost(work: Workspace, memory: Path) -> None:
    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    with closing(open_journal(work.path / "journal.db")) as journal:
        guarded = GuardedCache(journal, quarantine)
        guarded.keep({"a" * 64: "kept"}, at=datetime.now(UTC))
        (claimed,) = memory.iterdir()
        shutil.rmtree(claimed)
        with pytest.raises(MemoryLost):
            guarded.keep({"b" * 64: "lost"}, at=datetime.now(UTC))
        assert set(guarded.look_up(["a" * 64, "b" * 64])) == {"a" * 64}
    quarantine.remove()
