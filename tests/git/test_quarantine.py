"""The quarantine in memory: bounded, packed to disk when it is much, left when it is not enough, found after a crash."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitalign.core.commit import RawCommit, new_commit
from gitalign.core.names import Oid
from gitalign.errors import OutOfSpace
from gitalign.git.objects import CommitReader, CommitWriter
from gitalign.git.quarantine import Quarantine, remove_quarantine
from gitalign.git.repository import open_repository
from gitalign.process_owner import this_owner
from tests import needs
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


def test_much_is_packed_to_disk_and_stays_readable(
    work: Workspace, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitalign.git.quarantine._MEMORY_BYTES", 200_000)
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
    keeps = quarantine.store(made, [Oid(work.tip("main"))])
    assert keeps
    assert work.git("cat-file", "-t", made[-1]) == "commit"
    quarantine.remove()


def test_what_git_is_writing_at_this_moment_is_left_alone(
    work: Workspace, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gitalign.git.quarantine._MEMORY_BYTES", 10_000)
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
    assert quarantine.store(made, [Oid(work.tip("main"))])
    quarantine.remove()


def test_too_little_memory_is_not_used(work: Workspace, tmp_path: Path) -> None:
    for memory in (None, tmp_path / "gone", tmp_path):
        quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
        assert quarantine.objects.resolve().is_relative_to(quarantine.path)
        quarantine.remove()


def test_what_a_dead_run_kept_in_memory_is_found(work: Workspace, memory: Path) -> None:
    quarantine = Quarantine(open_repository(work.path), "run", memory=memory)
    remove_quarantine(quarantine.path)
    assert not list(memory.iterdir())


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
