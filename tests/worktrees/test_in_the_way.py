"""Edge case 53: what is ignored or untracked in a work tree outlives runs and undos, wherever the work tree is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.exclusions import ExclusionCode
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState
from gitalign.core.report import Verdict
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

IGNORED = b".env\nignored/\nlink\nfolder\n"


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`topic` ignores what `target` tracks; `topic` is checked out."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {".gitignore": IGNORED, "kept": b"1\n"})
    work.switch("topic", "main")
    work.commit("topic", {"own": b"1\n"})
    return work


def tracked_by_main(work: Workspace, files: Mapping[str, bytes]) -> None:
    """Commit files to main, ignored ones too, without touching a work tree."""
    lines = [f"100644 {work.git('hash-object', '-w', '--stdin', stdin=data)}\t{name}\n" for name, data in files.items()]
    index = {"GIT_INDEX_FILE": str(work.path / ".git" / "other-index")}
    work.git("read-tree", "main", env=index)
    work.git("update-index", "--add", "--replace", "--index-info", stdin="".join(lines).encode(), env=index)
    tree = work.git("write-tree", env=index)
    work.git("update-ref", "refs/heads/main", work.git("commit-tree", tree, "-p", "main", "-m", "tracked now"))


def desk(work: Workspace, tmp_path: Path, kind: str) -> Path:
    """A work tree that holds topic: the main one, or a linked one."""
    if kind == "main":
        return work.path
    work.switch("main")
    work.git("worktree", "add", "-q", str(tmp_path / "linked"), "topic")
    return tmp_path / "linked"


def held_back(work: Workspace) -> str:
    """Run; topic must be left where it was, and plan, doctor and report say why."""
    tip = work.tip("topic")
    (why,) = [one for one in facade.plan(request(work.path)).excluded if one.branch == "topic"]
    assert why.code is ExclusionCode.WORK_TREE_OBSTRUCTED
    told = [one for one in facade.doctor(request(work.path)) if one.check == "work tree"]
    assert [one.ok for one in told] == [None]
    assert "refs/heads/topic is held back (obstructed" in told[0].detail
    report = run(work.path)
    assert report.exit_code() == 1
    assert work.tip("topic") == tip
    return why.reason


@pytest.mark.parametrize("kind", ["main", "linked"])
def test_an_ignored_file_that_the_target_tracks(work: Workspace, tmp_path: Path, kind: str) -> None:
    tracked_by_main(work, {".env": b"of main\n"})
    place = desk(work, tmp_path, kind) / ".env"
    place.write_bytes(b"the only copy\n")
    assert ".env" in held_back(work)
    assert place.read_bytes() == b"the only copy\n"
    place.unlink()
    assert branch(run(work.path), "topic").verdict is Verdict.ALIGNED
    assert place.read_bytes() == b"of main\n"


def test_an_ignored_file_in_a_folder(work: Workspace) -> None:
    tracked_by_main(work, {"ignored/deep/f": b"of main\n", "ignored/g": b"of main\n"})
    (work.path / "ignored" / "deep").mkdir(parents=True)
    (work.path / "ignored" / "other").write_bytes(b"not in the way\n")
    assert "topic" in {step.branch.name for step in facade.plan(request(work.path)).steps}
    (work.path / "ignored" / "deep" / "f").write_bytes(b"the only copy\n")
    assert held_back(work).endswith("ignored/deep/f")


def test_an_untracked_file_is_told_before_the_run(work: Workspace) -> None:
    tracked_by_main(work, {"new": b"of main\n"})
    (work.path / "new").write_bytes(b"the only copy\n")
    assert held_back(work).endswith("new")


@pytest.mark.parametrize("kind", ["main", "linked"])
def test_a_folder_with_a_repository_of_its_own_where_the_target_has_a_file(
    work: Workspace, tmp_path: Path, kind: str
) -> None:
    tracked_by_main(work, {"folder": b"of main\n"})
    inner = Workspace(desk(work, tmp_path, kind) / "folder")
    only = inner.commit("the only copy", {"f": b"1\n"})
    assert "a repository of its own" in held_back(work)
    assert inner.tip("HEAD") == only


def test_a_repository_where_the_target_has_files(work: Workspace) -> None:
    tracked_by_main(work, {"ignored/inner/f": b"of main\n", "ignored/inner/g/h": b"of main\n"})
    inner = Workspace(work.path / "ignored" / "inner")
    inner.commit("mine", {"f": b"mine\n"})
    assert held_back(work).endswith("ignored/inner/ (a repository of its own)")


def test_a_folder_of_ignored_files_where_the_target_has_a_file(work: Workspace) -> None:
    tracked_by_main(work, {"folder": b"of main\n"})
    (work.path / "folder" / "empty").mkdir(parents=True)
    assert "topic" in {step.branch.name for step in facade.plan(request(work.path)).steps}, "nothing is lost with it"
    (work.path / "folder" / "deep").mkdir(parents=True)
    (work.path / "folder" / "deep" / "f").write_bytes(b"the only copy\n")
    assert held_back(work).endswith("folder/deep/f")


@pytest.mark.parametrize("way", ["link", "dangling", "file"])
def test_something_else_where_the_target_has_a_folder(work: Workspace, tmp_path: Path, way: str) -> None:
    tracked_by_main(work, {"link/f": b"of main\n", "link/g": b"of main\n"})
    place = work.path / "link"
    if way == "file":
        place.write_bytes(b"the only copy\n")
    else:
        place.symlink_to(tmp_path / ("elsewhere" if way == "link" else "nowhere"))
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "f").write_bytes(b"mine\n")
    assert held_back(work).endswith("link")
    assert place.is_symlink() is (way != "file")


def test_names_that_the_file_system_takes_for_one(work: Workspace) -> None:
    """A file whose name changes in case only is tracked, and in nobody's way, where git ignores case."""
    work.git("config", "core.ignoreCase", "true")
    work.switch("main")
    work.git("mv", "kept", "KEPT")
    work.git("commit", "-qm", "rename")
    work.switch("topic")
    os.link(work.path / "kept", work.path / "KEPT")  # as such a file system shows it
    assert "topic" in {step.branch.name for step in facade.plan(request(work.path)).steps}
    work.git("config", "core.ignoreCase", "false")
    assert held_back(work).endswith("KEPT")


def test_a_sparse_work_tree(work: Workspace) -> None:
    tracked_by_main(work, {"ignored/f": b"of main\n", "out/f": b"of main\n"})
    work.git("sparse-checkout", "set", "--no-cone", "/ignored/", "/kept")
    assert branch(run(work.path), "topic").verdict is Verdict.ALIGNED
    assert (work.path / "ignored" / "f").exists()
    assert not (work.path / "out").exists()
    assert not (work.path / "own").exists()
    assert work.git("status", "--porcelain") == ""


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_a_change_that_git_status_was_told_not_to_show(work: Workspace, flag: str) -> None:
    tracked_by_main(work, {"kept": b"of main\n"})
    work.git("update-index", flag, "kept")
    assert "topic" in {step.branch.name for step in facade.plan(request(work.path)).steps}, "it is as in the index"
    (work.path / "kept").write_bytes(b"my settings\n")
    assert "kept (changed" in held_back(work)
    assert (work.path / "kept").read_bytes() == b"my settings\n"


def test_a_name_that_is_to_be_added_counts_as_a_change(work: Workspace) -> None:
    tracked_by_main(work, {"new": b"of main\n"})
    (work.path / "new").write_bytes(b"mine\n")
    work.git("add", "--intent-to-add", "new")
    (why,) = [one for one in facade.plan(request(work.path)).excluded if one.branch == "topic"]
    assert why.code is ExclusionCode.CHECKED_OUT_DIRTY
    run(work.path)
    assert (work.path / "new").read_bytes() == b"mine\n"


def test_a_submodule_that_would_have_to_move_along(work: Workspace, tmp_path: Path) -> None:
    other = Workspace(tmp_path / "other")
    first, second = other.commit("one", {"f": b"1\n"}), other.commit("two", {"f": b"2\n"})
    work.switch("main")
    work.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.path), "sub")
    work.git("-C", "sub", "checkout", "-q", first)
    work.commit("sub")
    work.switch("topic")
    work.git("rebase", "-q", "main")
    work.git("submodule", "--quiet", "update")
    work.git("update-index", "--cacheinfo", f"160000,{second},sub")
    tree = work.git("write-tree")
    work.git("reset", "-q", "--hard")
    work.git("update-ref", "refs/heads/main", work.git("commit-tree", tree, "-p", "main", "-m", "newer sub"))
    assert "sub (a submodule" in held_back(work)
    assert work.git("status", "--porcelain") == ""
    work.git("submodule", "--quiet", "deinit", "--force", "sub")
    assert branch(run(work.path, already_merged="fast-forward"), "topic").verdict is Verdict.ALIGNED
    assert work.git("status", "--porcelain") == ""


@pytest.mark.parametrize("kind", ["main", "linked"])
def test_undo_holds_back_what_came_into_its_way_since(work: Workspace, tmp_path: Path, kind: str) -> None:
    """The run deletes a file; a person makes an ignored one of that name, which undo would overwrite."""
    tracked_by_main(work, {".env": b"of main\n"})
    place = desk(work, tmp_path, kind)
    work.git("-C", str(place), "reset", "-q", "--hard", "main")
    work.git("-C", str(place), "commit", "-q", "--allow-empty", "-m", "topic")
    tree = work.git("rev-parse", "main~1^{tree}")
    work.git("update-ref", "refs/heads/main", work.git("commit-tree", tree, "-p", "main", "-m", "not tracked any more"))
    assert branch(run(work.path), "topic").verdict is Verdict.ALIGNED
    moved = work.tip("topic")
    assert not (place / ".env").exists()
    (place / ".env").write_bytes(b"the only copy\n")
    (foreseen,) = facade.undo_preview(request(work.path), "last")
    assert foreseen.state is MoveState.HELD_BACK
    assert f"in its work tree {place}, these are not tracked and would be lost: .env" in foreseen.detail
    report = facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))
    (publication,) = [one for one in report.publications if one.update.ref == "refs/heads/topic"]
    assert publication.state is MoveState.HELD_BACK
    assert ".env" in publication.detail
    assert (place / ".env").read_bytes() == b"the only copy\n"
    assert work.tip("topic") == moved


def test_a_preview_of_an_undo_holds_back_the_stack_of_a_work_tree_that_cannot_follow(work: Workspace) -> None:
    work.switch("upper", "topic")
    work.commit("upper", {"upper": b"1\n"})
    tracked_by_main(work, {"new": b"1\n"})
    assert run(work.path).exit_code() == 0
    assert {one.state for one in facade.undo_preview(request(work.path), "last")} == {MoveState.INTENDED}
    (work.path / "upper").write_bytes(b"not committed\n")
    foreseen = {one.update.ref: one for one in facade.undo_preview(request(work.path), "last")}
    assert {one.state for one in foreseen.values()} == {MoveState.HELD_BACK}
    assert "uncommitted changes in upper" in foreseen["refs/heads/upper"].detail
    assert "upper of its stack is held back" in foreseen["refs/heads/topic"].detail
    done = facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))
    assert {one.state for one in done.publications} == {MoveState.HELD_BACK}


@pytest.mark.parametrize("kind", ["main", "linked"])
def test_what_came_into_the_way_after_planning(work: Workspace, tmp_path: Path, kind: str) -> None:
    tracked_by_main(work, {".env": b"of main\n"})
    place = desk(work, tmp_path, kind) / ".env"
    tip = work.tip("topic")
    asked = request(work.path)
    plan = facade.plan(asked)
    place.write_bytes(b"the only copy\n")
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id))
    (publication,) = [one for one in report.publications if one.update.ref == "refs/heads/topic"]
    assert publication.state is MoveState.HELD_BACK
    assert ".env" in publication.detail
    assert place.read_bytes() == b"the only copy\n"
    assert work.tip("topic") == tip


@pytest.mark.parametrize("kind", ["main", "linked"])
def test_clean_files_with_other_times_follow(work: Workspace, tmp_path: Path, kind: str) -> None:
    """As after a copy or a restored backup: contents are as committed, times are not as the index has them."""
    tracked_by_main(work, {"kept": b"of main\n"})
    place = desk(work, tmp_path, kind)
    for name in ("kept", "own", ".gitignore"):
        os.utime(place / name, (1_000_000_000, 1_000_000_000))
    report = run(work.path)
    assert branch(report, "topic").verdict is Verdict.ALIGNED
    assert [one.state for one in report.publications] == [MoveState.MOVED]
    assert (place / "kept").read_bytes() == b"of main\n"
    assert work.git("-C", str(place), "status", "--porcelain") == ""
    facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))
    assert (place / "kept").read_bytes() == b"1\n"
