"""Paths that git has to invent are named as `git rebase` names them here."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign.core.outcome import Conflicted
from tests.git.workspace import Workspace
from tests.histories import git
from tests.runs import branch, run


@pytest.mark.parametrize("digits", ["", "4", "12", "no"])
def test_the_digits_of_an_invented_path_are_those_of_core_abbrev(tmp_path: Path, digits: str) -> None:
    work = Workspace(tmp_path / "repo")
    if digits:
        work.git("config", "core.abbrev", digits)
    work.commit("base", {"f": b"1\n"})
    work.switch("x", "main")
    work.commit("a file", {"place": b"file\n"})
    work.switch("main")
    work.commit("a folder", {"place/inside": b"1\n"})
    outcome = branch(run(work.path), "x").result.outcome
    assert isinstance(outcome, Conflicted)
    work.switch("x")
    git(work.path, "rebase", "main", check=False)
    listed = git(work.path, "ls-files", "-u", "-z").rstrip("\0").split("\0")
    assert sorted({line.partition("\t")[2] for line in listed}) == list(outcome.paths)
    assert "~" in outcome.paths[0]
