"""What runs leave is held, and nobody sees it: not in `git log --all`, not in `git branch`."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.plan import Permit
from gitalign.engine.publishing import pins
from gitalign.errors import GitError
from gitalign.git import storing
from tests.git.workspace import Workspace
from tests.runs import request, run

LEAVE = Permit(plan_id="*")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"a": b"a\n"})
    work.git("branch", "develop")
    for name, on in (("x", "main"), ("y", "develop")):
        work.switch(name, on)
        work.commit(name, {name: b"1\n"})
    for target in ("main", "develop"):
        work.switch(target)
        work.commit(f"{target} on", {target: b"1\n"})
    return work


def collected(work: Workspace) -> None:
    work.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    work.git("gc", "--quiet", "--prune=now")


def keeps(work: Workspace) -> list[Path]:
    return sorted((work.path / ".git/objects/pack").glob("*.keep"))


def test_after_many_runs_the_graph_is_that_of_the_branches_and_every_run_can_be_taken_back(
    work: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pins, "_AT_MOST", 3)
    start = work.git("for-each-ref", "refs/heads/x", "refs/heads/y")
    reports = []
    for number in range(10):
        work.switch("main")
        work.commit(f"on {number}", {"on": b"%d\n" % number})
        reports.append(run(work.path))
    assert [report.run.moved for report in reports] == [2] * 10
    graph = ("log", "--graph", "--format=%h %s")
    assert work.git(*graph, "--all") == work.git(*graph, "--branches", "HEAD")
    assert "gitalign" not in work.git("log", "--all", "--decorate", "--format=%d %s")
    names = work.git("for-each-ref", "--format=%(refname:lstrip=1)").splitlines()
    assert {name for name in names if not name.startswith("gitalign/runs/")} == {
        *("heads/main", "heads/develop", "heads/x", "heads/y")
    }
    collected(work)
    assert len(keeps(work)) <= 5, "packs of several runs are joined"
    for report in reversed(reports):
        assert facade.undo(request(work.path), report.run.id, permit=LEAVE).exit_code() == 0
    assert work.git("for-each-ref", "refs/heads/x", "refs/heads/y") == start
    assert "missing" not in work.git("fsck", "--full", "--no-dangling")


def test_a_target_that_is_rewritten_takes_nothing_with_it(work: Workspace) -> None:
    before = work.tip("x")
    report = run(work.path)
    work.git("checkout", "-q", "--detach")
    for target in ("main", "develop", "x", "y"):
        if target != "x":
            work.git("branch", "-qD", target)
    work.git("checkout", "-q", "--orphan", "main")
    work.commit("all anew", {"a": b"b\n"})
    collected(work)
    assert facade.restore(request(work.path, targets=["main"]), "x", report.run.id, permit=LEAVE).exit_code() == 0
    assert work.tip("x") == before
    assert "missing" not in work.git("fsck", "--full", "--no-dangling")


def test_prune_lets_go_of_what_no_run_needs(work: Workspace) -> None:
    first = run(work.path)
    back = facade.undo(request(work.path), first.run.id, permit=LEAVE)
    again = facade.undo(request(work.path), back.run.id, permit=LEAVE)
    marks = [keep.read_text() for keep in keeps(work)]
    assert [mark for mark in marks if back.run.id in mark and again.run.id in mark], "the same commits are in one pack"
    facade.prune(request(work.path), older_than_days=0)
    assert keeps(work) == []
    assert work.git("for-each-ref", "refs/gitalign") == ""


def test_what_cannot_be_packed_is_pinned_by_a_commit(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    before = work.tip("x")

    def fails(*_: object, **__: object) -> str:
        raise GitError("no packs today")

    monkeypatch.setattr(pins, "copied", fails)
    report = run(work.path)
    collected(work)
    assert facade.restore(request(work.path), "x", report.run.id, permit=LEAVE).exit_code() == 0
    assert work.tip("x") == before


def test_what_is_held_is_taken_over_as_it_lies_there(work: Workspace) -> None:
    """Deltas of the repository stay deltas; nothing that was made on the way is left."""
    work.switch("x")
    for number in range(3):
        work.commit(f"x {number}", {"x": b"".join(b"%d\n" % line for line in range(2000)) + b"%d\n" % number})
    work.switch("main")
    work.git("repack", "-adq", "--window=10")
    before = work.tip("x")
    run(work.path)
    packs = [keep.with_suffix(".pack") for keep in keeps(work)]
    (held,) = (pack for pack in packs if any(line.startswith(before) for line in verified(work, pack)))
    whole = [int(line.split()[3]) for line in verified(work, held) if line.split()[1:2] == ["blob"]]
    assert sum(whole) < 10_000, "three files of 9 kB each"
    names = {path.name for path in held.parent.iterdir()}
    assert {f"{held.stem}{ending}" for ending in (".pack", ".idx", ".keep")} <= names
    assert not [name for name in names if name.startswith("tmp_")]


def verified(work: Workspace, pack: Path) -> list[str]:
    return work.git("verify-pack", "-v", str(pack)).splitlines()


def test_what_a_dead_process_made_is_removed_by_git(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object, **__: object) -> None:
        raise GitError("as if killed")

    monkeypatch.setattr(storing, "_brought_in", dies)
    run(work.path)
    packs = work.path / ".git" / "objects" / "pack"
    assert list(packs.glob("tmp_*.pack"))
    collected(work)
    assert not list(packs.glob("tmp_*"))


def test_the_repository_alone_says_what_was_to_move(work: Workspace) -> None:
    before = work.tip("x")
    report = run(work.path)
    text = work.git("for-each-ref", "--format=%(contents)", f"refs/gitalign/runs/{report.run.id}")
    assert f"{before} {work.tip('x')} refs/heads/x" in text


def test_a_partial_copy_is_held_as_far_as_it_goes(tmp_path: Path) -> None:
    """The first content of a file was never copied; nothing that is there is lost, and nothing is fetched."""
    work = Workspace(tmp_path / "whole")
    work.commit("base", {"a": b"a\n"})
    work.switch("x", "main")
    work.commit("one", {"f": b"1\n"})
    lost = work.tip("HEAD:f")
    work.commit("two", {"f": b"2\n"})
    work.switch("main")
    work.commit("on", {"m": b"1\n"})
    (work.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    before = work.tip("x")
    report = run(work.path)
    assert report.run.moved == 1
    assert facade.restore(request(work.path), "x", report.run.id, permit=LEAVE).exit_code() == 0
    assert work.tip("x") == before
    assert work.git("for-each-ref", "--format=%(objecttype)", f"refs/gitalign/runs/{report.run.id}") == "tag"
