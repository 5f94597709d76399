"""Who holds a branch is asked again when it changed, and not before."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from gitalign.git import holders
from gitalign.git.holders import HolderWatch
from gitalign.git.repository import Repository, open_repository
from gitalign.git.worktree import read_holders
from tests.git.workspace import Workspace


def aged(work: Workspace) -> None:
    """As if the last change was a while ago."""
    common = work.path / ".git"
    for folder in (common, *common.glob("worktrees"), *common.glob("worktrees/*")):
        moment = time.time_ns() - 5_000_000_000 + 7
        os.utime(folder, ns=(moment, moment))


def test_every_way_to_hold_a_branch_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"1\n"})
    for name in ("x", "y"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n", "a": name.encode()})
    work.switch("main")
    work.git("worktree", "add", "-q", "--detach", str(tmp_path / "desk"))
    looks: list[Repository] = []

    def counted(repository: Repository) -> dict[str, list[str]]:
        looks.append(repository)
        return read_holders(repository)

    monkeypatch.setattr(holders, "read_holders", counted)
    watch = HolderWatch(open_repository(work.path))
    aged(work)
    held = {"refs/heads/main": [str(work.path)]}
    for _ in range(3):
        assert watch.now() == held
    assert len(looks) == 1
    desk = str(tmp_path / "desk")
    for words, now in (
        (("checkout", "-q", "x"), {**held, "refs/heads/x": [desk]}),
        (("checkout", "-q", "--detach"), held),
        (("rebase", "x", "y"), {**held, "refs/heads/y": [desk]}),
        (("rebase", "--abort"), {**held, "refs/heads/y": [desk]}),
        (("checkout", "-q", "--detach"), held),
        (("checkout", "-q", "x"), {**held, "refs/heads/x": [desk]}),
        (("bisect", "start"), {**held, "refs/heads/x": [desk]}),
        (("checkout", "-q", "--detach"), {**held, "refs/heads/x": [desk]}),
        (("bisect", "reset"), {**held, "refs/heads/x": [desk]}),
        (("checkout", "-q", "--detach"), held),
    ):
        work.git("-C", desk, *words, check=False)
        assert watch.now() == now, words
        aged(work)
        assert watch.now() == now, words
    work.git("worktree", "add", "-q", str(tmp_path / "third"), "x")
    assert watch.now()["refs/heads/x"] == [str(tmp_path / "third")]
    work.git("checkout", "-q", "y", check=False)
    assert watch.now() == read_holders(open_repository(work.path))
