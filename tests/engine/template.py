"""A repository on which runs are cut off: where its branches are before and after, and what must not be left behind."""

from __future__ import annotations

import shutil
from pathlib import Path

from gitalign import facade
from gitalign.core.run import UNFINISHED
from tests.engine.held import held_for_nothing
from tests.git.workspace import Workspace
from tests.runs import request, run

NAMES = ("x", "x-two", "held", "plain")


def built(place: Path) -> Workspace:
    """A stack, a branch in a work tree of its own, a plain one, and a target that went on."""
    work = Workspace(place / "repo")
    work.commit("base", {"list": b"".join(b"line %d\n" % number for number in range(300))})
    for name, on in (("x", "main"), ("x-two", "x"), ("held", "main"), ("plain", "main")):
        work.switch(name, on)
        work.commit(name, {f"own/{name}": b"1\n"})
    work.switch("main")
    work.commit("main", {"later": b"1\n", "list": b"".join(b"line %d\n" % number for number in range(400))})
    work.git("worktree", "add", "-q", str(place / "desk"), "held")
    return work


class Model:
    """Where the branches are before a run, where they are after it, and a template to copy."""

    def __init__(self, place: Path) -> None:
        self.place = place
        work = built(place)
        shutil.copytree(place, place.parent / "whole", symlinks=True)
        whole = copied(place.parent / "whole")
        self.before = heads(work)
        assert run(whole.path, committer="preserve").exit_code() == 0
        self.after = heads(whole)
        assert all(self.before[name] != self.after[name] for name in NAMES)

    def copy(self, place: Path) -> Workspace:
        shutil.copytree(self.place, place, symlinks=True)
        return copied(place)


def copied(place: Path) -> Workspace:
    work = Workspace(place / "repo")
    (place / "repo" / ".git" / "worktrees" / "desk" / "gitdir").write_text(f"{place}/desk/.git\n")
    (place / "desk" / ".git").write_text(f"gitdir: {place}/repo/.git/worktrees/desk\n")
    state = work.path / ".git" / "gitalign"
    state.mkdir(exist_ok=True)
    (state / "config.yaml").write_text("alignment:\n  committer: preserve\n")
    return work


def heads(work: Workspace) -> dict[str, str]:
    return {name: work.tip(name) for name in NAMES}


def is_clean(work: Workspace) -> None:
    """Nothing of the run is left behind, no run is unfinished, and each work tree equals its branch."""
    for path in (work.path, work.path.parent / "desk"):
        assert work.git("-C", str(path), "status", "--porcelain") == "", path
    common = work.path / ".git"
    left = [one for one in common.rglob("*") if one.suffix == ".lock" or one.name.startswith("index-of-")]
    assert [one for one in left if one.parent != common / "gitalign" / "locks"] == []
    assert held_for_nothing(common) == []
    assert not list((common / "gitalign" / "quarantine").glob("*"))
    assert all(one.state not in UNFINISHED for one in facade.runs(request(work.path)))
