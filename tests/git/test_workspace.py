"""What the tests build without git is what git builds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.git import workspace
from tests.git.quick_commit import quick_commit, quick_switch
from tests.git.workspace import Workspace


def build(work: Workspace) -> None:
    """Commits of every ordinary kind."""
    work.commit("first", {"a": b"1\n", "dir/deep/file": b"2\n", "dir.txt": b"", "dir-a": b"x" * 70_000})
    (work.path / "run").write_bytes(b"#!/bin/sh\n")
    (work.path / "run").chmod(0o755)
    (work.path / "link").symlink_to("dir/deep")
    (work.path / "empty").mkdir()
    work.commit("modes and links\n\nwith a text\nof two lines")
    work.switch("topic/x", "main")
    work.commit("taken away", {"dir/deep/file": None, "a": b"2\n", "\u00e4 \udcff": b"odd\n"})
    work.commit("nothing", allow_empty=True)
    (work.path / "a").unlink()
    work.commit("a folder in the place of a file", {"a/b": b"3\n"})
    work.switch("main")
    work.commit("same size, same moment", {"a": b"9\n"})
    (work.path / "run").chmod(0o644)
    work.commit("mode alone")
    work.switch("topic/y", "topic/x")
    work.commit("y", {"y/y": b"y\n"})
    work.switch("main")
    work.git("checkout", "-q", "--detach")
    work.commit("detached", {"d": b"d\n"})
    work.commit("by git: \u00e4", {"d": b"e\n"})
    work.git("checkout", "-q", "--orphan", "other")
    work.commit("without a parent")
    work.git("checkout", "-q", "main")
    work.git("remote", "add", "origin", "/nowhere")
    work.commit("with a remote", {"r": b"r\n"})
    for name in ("a", "dir.txt", "dir-a", "run", "link", "r"):
        (work.path / name).unlink(missing_ok=True)
    work.commit("all gone", {"dir/deep/file": None})


def state(work: Workspace) -> list[str]:
    """Everything that a commit leaves behind."""
    return [
        work.git("for-each-ref", "--format=%(refname) %(objectname)"),
        work.git("log", "--all", "--reflog", "--format=raw"),
        *(
            work.git("reflog", "show", "--format=%H %gd %gs %gn %ge", "--date=raw", name)
            for name in ("HEAD", "topic/x", "topic/y", "main", "other")
        ),
        work.git("ls-files", "-s"),
        work.git("status", "--porcelain"),
        *(
            f"{one} {one.read_text()}".replace(str(work.path), "")
            for one in sorted((work.path / ".git/logs").rglob("*"))
            if one.is_file()
        ),
        work.git("fsck", "--strict"),
        work.git("count-objects"),
        *sorted(
            f"{one.relative_to(work.path)} {one.lstat().st_mode:o}"
            for one in work.path.rglob("*")
            if ".git" not in one.parts
        ),
    ]


def test_a_quick_commit_is_that_of_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    git = Workspace.git

    def noted(self: Workspace, *words: str, **more: object) -> str:
        started.extend(word for word in words if word in ("commit", "-b"))
        return git(self, *words, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Workspace, "git", noted)
    quick, slow = Workspace(tmp_path / "quick"), Workspace(tmp_path / "slow")
    build(quick)
    assert len(started) == 1, "all but one were quick"
    with monkeypatch.context() as patch:
        patch.setattr(workspace, "quick_commit", lambda *_, **__: None)
        patch.setattr(workspace, "quick_switch", lambda *_: False)
        build(slow)
    assert len(started) == 16
    assert state(quick) == state(slow)


@pytest.mark.parametrize(
    "change",
    [
        lambda work: (work.path / ".gitattributes").write_text("* text=auto\n"),
        lambda work: (work.path / ".gitignore").write_text("b\n"),
        lambda work: (work.path / ".git/info/exclude").write_text("b\n"),
        lambda work: (work.path / ".git/hooks/post-commit").write_text("#!/bin/sh\n"),
        lambda work: work.git("config", "core.autocrlf", "true"),
        lambda work: work.git("pack-refs", "--all"),
        lambda work: work.git("gc", "-q"),
        lambda work: work.git("update-index", "--assume-unchanged", "a"),
        lambda work: (work.path / ".git/index.lock").touch(),
        lambda work: os.mkfifo(work.path / "pipe"),
        lambda work: Workspace(work.path / "within").commit("nested", {"n": b"n"}),
    ],
)
def test_what_is_not_ordinary_is_left_to_git(tmp_path: Path, change: object) -> None:
    work = Workspace(tmp_path / "work")
    work.commit("first", {"a": b"1\r\n"})
    work.git("branch", "branch")
    change(work)  # type: ignore[operator]
    env = {f"GIT_{who}_{what}": "x" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL", "DATE")}
    template = workspace._template("git", "sha1", 0o22)
    assert quick_commit(work.path / ".git", "second", env, template, may_be_empty=False) is None
    assert not quick_switch(work.path / ".git", "x", "main", env, template)
    assert not quick_switch(work.path / ".git", "branch", None, env, template)


@pytest.mark.parametrize(
    "change",
    [
        lambda work: (work.path / "new").touch(),
        lambda work: (work.path / "a").write_bytes(b"2"),
        lambda work: (work.path / "a").unlink(),
        lambda work: work.git("rm", "-q", "a"),
        lambda work: (work.path / "b").mkdir(),
        lambda work: work.git("worktree", "add", "-q", str(work.path.parent / "wt"), "branch"),
        lambda work: work.git("tag", "branch"),
    ],
)
def test_a_work_tree_that_is_not_clean_is_left_to_git(tmp_path: Path, change: object) -> None:
    work = Workspace(tmp_path / "work")
    work.commit("first", {"a": b"1\n"})
    work.switch("branch", "main")
    work.commit("second", {"b": b"1\n"})
    work.switch("main")
    change(work)  # type: ignore[operator]
    env = {f"GIT_COMMITTER_{what}": "x" for what in ("NAME", "EMAIL", "DATE")}
    assert not quick_switch(work.path / ".git", "branch", None, env, workspace._template("git", "sha1", 0o22))
    assert (work.path / ".git" / "HEAD").read_text() == "ref: refs/heads/main\n"
