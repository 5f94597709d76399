"""What a process knows of its trees spares git work, and never changes what is seen or laid out: git without it is the judge."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gitalign.batches.running.pool import Slot
from gitalign.batches.running.snapshot import look
from gitalign.batches.running.task_tree import TaskTree
from gitalign.child import Completed
from gitalign.core.names import Oid
from gitalign.git.command import Git
from gitalign.worktrees.file_marks import marks_of
from tests.batches.trees import World, world

__all__ = ["world"]

SCRIPTS = {
    "nothing": "true",
    "its git directory alone": "git branch side",
    "an edit": "echo more >> a.txt",
    "an edit of the same size": "printf 'b\\n' > a.txt",
    "a deletion": "rm a.txt",
    "an addition": "echo n > 'new file'; mkdir -p new/deep; echo d > new/deep/d; mkdir empty",
    "ignored files": "echo '*.o' > .gitignore; echo o > x.o; mkdir out; echo o > out/y.o; echo l > kept.log",
    "a nested repository": "mkdir in; git init -q in/nested; echo x > in/x; git init -q alone",
    "a mode": "chmod +x a.txt",
    "a mode that git does not keep": "chmod 600 a.txt; chmod 700 src",
    "another name": "ln a.txt ../linked; ln a.txt second",
    "a link": "ln -sf src/b.txt a.txt; ln -s / root",
    "a folder in place of a file": "rm a.txt; mkdir a.txt; echo in > a.txt/in",
    "a file in place of a folder": "rm -r src; echo f > src",
    "a folder that is gone": "rm -r src",
    "a folder that was replaced": "mv src other; mkdir src; echo b > src/b.txt",
    "a link in place of a folder": "mv src ../away; ln -s ../away src",
    "rules for files": "echo '*.txt text eol=crlf' > .gitattributes; echo again >> a.txt",
    "a pipe": "mkfifo other",
    "many files": "mkdir many; for i in $(seq 250); do echo $i > many-$i; done",
    "odd names": "printf x > \"$(printf 'a\\nb')\"; printf y > ':(top)'; printf z > '*'; printf w > -w",
    "a commit": "echo c > c.txt; git add c.txt; git commit -qm c; echo left > left.txt",
    "moved": "git mv a.txt z.txt; git commit -qm moved",
}


def run(slot: Slot, script: str) -> None:
    names = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(slot.tree.home)}
    names |= {f"GIT_{who}_{what}": "x@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    environ = {"PATH": os.environ["PATH"], **names}
    subprocess.run(["/bin/sh", "-c", script], cwd=slot.tree.tree, env=environ, check=True)


def laid_out(tree: TaskTree) -> dict[str, tuple[int, int, bytes]]:
    """Each file and folder: mode, names, content."""
    found = {}
    for folder, folders, files in os.walk(tree.tree):
        if folder == str(tree.tree):
            folders.remove(".git")
        for name in (*folders, *files):
            place = Path(folder, name)
            of = place.lstat()
            is_file = stat.S_ISREG(of.st_mode)
            content = os.fsencode(os.readlink(place)) if place.is_symlink() else place.read_bytes() if is_file else b""
            found[str(place.relative_to(tree.tree))] = (of.st_mode, of.st_nlink if is_file else 0, content)
    return found


def without_memory(world: World, slot: Slot, base: Oid) -> TaskTree:
    tree = TaskTree(slot.folder, world.repository)
    tree.adopt(base)
    return tree


@pytest.mark.parametrize("name", SCRIPTS)
def test_what_is_seen_and_laid_out_is_what_git_says_alone(world: World, name: str) -> None:
    slot = world.pool.take("")
    slot.tree.start_from(world.tip)
    fresh = laid_out(slot.tree)
    run(slot, SCRIPTS[name])
    seen = look(slot.tree)
    slot.tree.end_task()
    assert look(slot.tree) == seen
    assert look(without_memory(world, slot, world.tip)) == seen
    slot.release()
    again = world.pool.take("")
    assert again.number == slot.number
    again.tree.start_from(world.tip)
    assert laid_out(again.tree) == fresh
    assert look(again.tree).is_untouched
    assert look(without_memory(world, again, world.tip)).is_untouched
    again.release()


@pytest.mark.parametrize("name", ["nothing", "an edit", "an addition", "another name", "a mode that git does not keep"])
def test_what_changes_after_a_task_does_not_stay(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitalign.batches.running.tree_memory._A_MOMENT_S", 0.0)
    slot = world.pool.take("")
    slot.tree.start_from(world.tip)
    fresh = laid_out(slot.tree)
    look(slot.tree)
    slot.tree.end_task()
    run(slot, SCRIPTS[name])
    slot.tree.start_from(world.tip)
    assert laid_out(slot.tree) == fresh
    slot.release()


def laid_out_long_ago(slot: Slot) -> int:
    """Have files and index look as if they were laid out earlier; the time they got.

    git compares full seconds: a task that edits a file in the second of its layout, and is looked at in a later one, is what
    this stands for, without waiting for that second.
    """
    tree = slot.tree
    then = (tree.tree / "a.txt").stat().st_mtime_ns - 100 * 10**9
    for name in ("a.txt", "src/b.txt", ".gitignore", "package-lock.json"):
        os.utime(tree.tree / name, ns=(then, then))
    tree.git.run("update-index", "--refresh")
    os.utime(tree.folder / "work.index", ns=(then, then))
    return then


@pytest.mark.parametrize("knows", [True, False])
def test_an_edit_of_the_same_size_in_the_second_of_the_layout_is_seen(world: World, knows: bool) -> None:
    slot = world.pool.take("")
    slot.tree.start_from(world.tip)
    then = laid_out_long_ago(slot)
    tree = slot.tree if knows else without_memory(world, slot, world.tip)
    (tree.tree / "a.txt").write_text("b\n")
    os.utime(tree.tree / "a.txt", ns=(then, then))
    seen = look(tree)
    assert seen.is_dirty
    assert tree.git.run("cat-file", "blob", f"{seen.tree}:a.txt").stdout == b"b\n"
    slot.release()


def test_every_copy_of_an_index_is_as_old_as_the_index(world: World) -> None:
    """Otherwise `git add` and `git commit -a` of a task do not see its edit, in the second of the layout."""
    slot = world.pool.take("")
    slot.tree.start_from(world.tip)
    ours, theirs = slot.tree.folder / "work.index", slot.tree.task_git_dir / "index"
    assert theirs.stat().st_mtime_ns == ours.stat().st_mtime_ns
    slot.tree.hide(["src/b.txt"])
    assert theirs.stat().st_mtime_ns == ours.stat().st_mtime_ns
    slot.release()


def test_a_snapshot_follows_what_comes_and_goes_again(world: World) -> None:
    slot = world.pool.take("")
    slot.tree.start_from(world.tip)
    run(slot, "echo 1 > one; echo more >> a.txt; rm src/b.txt")
    first = look(slot.tree)
    run(slot, "rm one; echo 2 > two; git checkout -q a.txt src")
    second = look(slot.tree)
    assert first != second
    assert world_files(slot, second.tree) == {"two", *world.git("ls-files").splitlines()}
    run(slot, "rm two")
    assert look(slot.tree).is_untouched
    slot.release()


def world_files(slot: Slot, tree: Oid) -> set[str]:
    return set(slot.tree.git.lines("ls-tree", "-r", "--name-only", tree))


def test_a_tree_that_no_one_touched_costs_no_process_of_git(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slot = world.pool.take("")
    slot.tree.start_from(world.tip)
    look(slot.tree)
    calls: list[tuple[str, ...]] = []
    run_git = Git.run

    def counted(git: Git, *words: str, **options: Any) -> Completed:
        calls.append(words)
        return run_git(git, *words, **options)

    monkeypatch.setattr(Git, "run", counted)
    for _ in range(2):
        slot.tree.start_from(world.tip)
        assert look(slot.tree).is_untouched
        slot.tree.end_task()
    assert calls == []
    slot.release()


def test_locks_that_git_of_a_killed_process_left_stop_no_one(world: World) -> None:
    slot = world.pool.take("")
    slot.tree.start_from(world.tip)
    run(slot, "echo more >> a.txt")
    for name in ("work.index.lock", "seen.index.lock"):
        (slot.folder / name).touch()
    tree = without_memory(world, slot, world.tip)
    assert look(tree).is_dirty
    for name in ("work.index.lock", "seen.index.lock"):
        (slot.folder / name).touch()
    tree.start_from(world.tip)
    assert look(tree).is_untouched
    slot.release()


def test_files_that_may_change_unseen_are_not_known(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    marks = marks_of(str(tmp_path))
    assert marks is not None
    assert not marks.changes(str(tmp_path))
    later = (tmp_path / "a").stat().st_ctime_ns / 1e9 - 3600
    with pytest.MonkeyPatch.context() as patch:  # the clock was set back
        patch.setattr("time.time_ns", lambda: int(later * 1e9))
        assert marks_of(str(tmp_path)) is None
