"""Disposable work trees: exactly the files of a tree, whatever was done in them before."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitalign.core.names import Oid
from gitalign.errors import OutOfSpace
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import open_repository
from gitalign.process_owner import this_owner
from gitalign.tree_removal import remove_tree
from gitalign.worktrees.disposable import ClaimedFolder, DisposableTree
from tests.git.workspace import Workspace


def opened(work: Workspace, root: Path) -> DisposableTree:
    repository = open_repository(work.path)
    quarantine = Quarantine(repository, f"trees-{root.name}", memory=None)
    return DisposableTree(root, quarantine.git, objects=quarantine.objects, object_format=repository.object_format)


def files(place: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(place)): os.readlink(path).encode() if path.is_symlink() else path.read_bytes()
        for path in sorted(place.rglob("*"))
        if (path.is_file() or path.is_symlink()) and ".git" not in path.relative_to(place).parts[:1]
    }


@pytest.fixture(params=["sha1", "sha256"])
def work(tmp_path: Path, request: pytest.FixtureRequest) -> Workspace:
    made = Workspace(tmp_path / "repo", object_format=request.param)
    made.commit("base", {"a": b"a\n", "deep/er/b": b"b\n", "gone": b"gone\n", ".gitignore": b"*.log\nbuild/\n"})
    made.commit("next", {"a": b"A\n", "gone": None, "new/c": b"c\n"})
    return made


def tree(work: Workspace, commit: str) -> Oid:
    return Oid(work.git("rev-parse", f"{commit}^{{tree}}"))


def test_it_holds_one_tree_after_the_other(work: Workspace, tmp_path: Path) -> None:
    one = opened(work, tmp_path / "slot")
    for commit in ("HEAD~1", "HEAD", "HEAD~1", "HEAD"):
        one.hold(tree(work, commit))
        wanted = {
            name: subprocess.run(
                ["git", "show", f"{commit}:{name}"], cwd=work.path, capture_output=True, check=True
            ).stdout
            for name in work.git("ls-tree", "-r", "--name-only", commit).splitlines()
        }
        assert files(one.tree) == wanted


def test_whatever_was_done_in_it_is_gone(work: Workspace, tmp_path: Path) -> None:
    one = opened(work, tmp_path / "slot")
    one.hold(tree(work, "HEAD"))
    clean = files(one.tree)
    (one.tree / "a").write_bytes(b"B\n")
    (one.tree / "new" / "c").unlink()
    (one.tree / "left.log").write_bytes(b"ignored")
    (one.tree / "build").mkdir()
    (one.tree / "build" / "out").write_bytes(b"ignored too")
    (one.tree / "nested" / ".git").mkdir(parents=True)
    (one.tree / "nested" / ".git" / "HEAD").write_bytes(b"ref: refs/heads/x\n")
    (one.tree / "shut").mkdir()
    (one.tree / "shut" / "in").write_bytes(b"x")
    (one.tree / "shut").chmod(0)
    (one.home / "cache").write_bytes(b"x")
    (one.scratch / "x").symlink_to("/")
    (one.tree / ".git" / "config").write_bytes(b"[core]\n\tfsmonitor = touch /tmp/fsmonitor-ran\n\thooksPath = /tmp\n")
    (one.tree / "deep" / "er" / "b").unlink()
    (one.tree / "deep" / "er").rmdir()
    (one.tree / "deep" / "er").symlink_to(tmp_path)
    one.hold(tree(work, "HEAD"))
    assert files(one.tree) == clean
    assert list(one.home.iterdir()) == []
    assert list(one.scratch.iterdir()) == []
    assert b"fsmonitor" not in (one.tree / ".git" / "config").read_bytes()
    assert (tmp_path / "repo").is_dir(), "the link was removed, not followed"
    assert not Path("/tmp/fsmonitor-ran").exists()


def test_a_change_that_keeps_size_and_time_is_seen(work: Workspace, tmp_path: Path) -> None:
    one = opened(work, tmp_path / "slot")
    one.hold(tree(work, "HEAD"))
    place = one.tree / "a"
    before = place.stat()
    place.write_bytes(b"Z\n")
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns))
    one.hold(tree(work, "HEAD"))
    assert place.read_bytes() == b"A\n"


def test_a_check_sees_its_own_edit_in_the_second_in_which_files_were_laid_out(work: Workspace, tmp_path: Path) -> None:
    """git goes by the time of the index: one that was copied later hides an edit of the same size."""
    one = opened(work, tmp_path / "slot")
    one.hold(tree(work, "HEAD"))
    index = next(tmp_path.glob("slot*.index"))
    assert (one.tree / ".git/index").stat().st_mtime_ns == index.stat().st_mtime_ns


def test_what_is_to_be_kept_stays(work: Workspace, tmp_path: Path) -> None:
    one = opened(work, tmp_path / "slot")
    one.hold(tree(work, "HEAD"))
    for name in ("cache", "other"):
        (one.tree / name).mkdir()
        (one.tree / name / "x").write_bytes(b"x")
    one.hold(tree(work, "HEAD~1"), keep=("cache/",))
    assert (one.tree / "cache" / "x").exists()
    assert not (one.tree / "other").exists()


def test_git_in_it_sees_one_clean_commit_that_depends_on_the_tree_alone(work: Workspace, tmp_path: Path) -> None:
    seen: list[str] = []
    for name in ("one", "two"):
        one = opened(work, tmp_path / name)
        one.hold(tree(work, "HEAD"))

        def git(*words: str, at: Path = one.tree) -> str:
            return subprocess.run(["git", *words], cwd=at, capture_output=True, text=True, check=True).stdout

        assert git("status", "--porcelain") == ""
        assert git("rev-parse", "HEAD^{tree}").strip() == tree(work, "HEAD")
        assert "new/c" in git("ls-files")
        (one.tree / "a").write_bytes(b"other\n")
        assert "-A" in git("diff")
        seen.append(git("rev-parse", "HEAD"))
    assert seen[0] == seen[1]
    assert work.git("status", "--porcelain") == ""


def test_filters_and_hooks_of_the_repository_do_not_run(work: Workspace, tmp_path: Path) -> None:
    work.git("config", "filter.bad.smudge", f"touch {tmp_path / 'ran'}; cat")
    hook = work.path / ".git" / "hooks" / "post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
    hook.chmod(0o755)
    work.commit("filter", {".gitattributes": b"* filter=bad\n", "x": b"x\n"})
    (tmp_path / "ran").unlink(missing_ok=True)
    opened(work, tmp_path / "slot").hold(tree(work, "HEAD"))
    assert not (tmp_path / "ran").exists()


def test_folders_of_dead_processes_are_removed_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    mine = ClaimedFolder(tmp_path, "mine")
    host, boot, _, started = this_owner().split("|")
    dead = tmp_path / "dead"
    dead.mkdir()
    (dead / "owner").write_text(f"{host}|{boot}|{2**22 + 1}|{started}")
    young = tmp_path / "young"
    young.mkdir()
    old = tmp_path / "old"
    old.mkdir()
    os.utime(old, (1_700_000_000, 1_700_000_000))
    other = ClaimedFolder(tmp_path, "other")
    assert mine.path.is_dir()
    assert other.path.is_dir()
    assert young.is_dir(), "it is being made, perhaps"
    assert not dead.exists()
    assert not old.exists()


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutOfSpace, match=r"validation\.directory"):
        raise_hint(tmp_path / "file" / "below")


def raise_hint(place: Path) -> None:
    try:
        ClaimedFolder(place, "x")
    except OutOfSpace as error:
        raise OutOfSpace(f"{error.message} {error.hint}") from error


def test_removing_follows_no_link(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_bytes(b"x")
    link = tmp_path / "link"
    link.symlink_to(precious)
    remove_tree(link)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "inner").symlink_to(precious)
    remove_tree(folder)
    assert not folder.exists()
    assert (precious / "file").exists()


def test_a_link_on_the_way_to_a_submodule_is_not_followed(work: Workspace, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    (victim / "sub").mkdir(parents=True)
    (victim / "sub" / "precious").write_bytes(b"x")
    work.git("update-index", "--add", "--cacheinfo", f"160000,{work.git('rev-parse', 'HEAD')},way/sub")
    work.git("commit", "-qm", "submodule")
    one = opened(work, tmp_path / "slot")
    one.hold(tree(work, "HEAD"))
    for keep in ((), ("way",)):
        remove_tree(one.tree / "way")
        (one.tree / "way").symlink_to(victim)
        one.hold(tree(work, "HEAD"), keep=keep)
        assert (victim / "sub" / "precious").exists()
        assert list((one.tree / "way" / "sub").iterdir()) == []


def test_what_is_kept_is_left_as_it_is(work: Workspace, tmp_path: Path) -> None:
    """Package managers link files into such folders, and write-protect them."""
    one = opened(work, tmp_path / "slot")
    one.hold(tree(work, "HEAD"))
    store = one.root.parent / "store"
    store.write_bytes(b"shared")
    (one.tree / "modules").mkdir()
    os.link(store, one.tree / "modules" / "linked")
    (one.tree / "modules" / "linked").chmod(0o444)
    one.hold(tree(work, "HEAD"), keep=("modules/",))
    assert (one.tree / "modules" / "linked").stat().st_mode & 0o777 == 0o444


def test_what_a_dead_run_left_stays_while_a_process_lives_in_it(tmp_path: Path) -> None:
    """Edge case 73."""
    left = tmp_path / "left" / "0" / "tree"
    left.mkdir(parents=True)
    os.utime(tmp_path / "left", (1, 1))
    lives = subprocess.Popen(["sleep", "60"], cwd=left)
    try:
        ClaimedFolder(tmp_path, "first").remove()
        assert left.is_dir()
    finally:
        lives.kill()
        lives.wait()
    ClaimedFolder(tmp_path, "second").remove()
    assert not (tmp_path / "left").exists()
