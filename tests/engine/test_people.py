"""Whose branches are, and who must talk to whom."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.forecast import Author
from gitalign.core.pair_conflicts import Basis
from tests.git.workspace import Workspace
from tests.histories import git
from tests.runs import request

LINES = b"".join(b"line %d\n" % number for number in range(30))
ADA, BOB = Author(name="Ada", email="ada@example.org"), Author(name="Bob", email="bob@example.org")


def as_author(monkeypatch: pytest.MonkeyPatch, author: Author) -> None:
    monkeypatch.setenv("GIT_AUTHOR_NAME", author.name)
    monkeypatch.setenv("GIT_AUTHOR_EMAIL", author.email)


def commit_as(place: Path, author: Author, message: str) -> str:
    """The staged and changed files, by somebody."""
    named = {"GIT_AUTHOR_NAME": author.name, "GIT_AUTHOR_EMAIL": author.email}
    subprocess.run(["git", "commit", "-qam", message], cwd=place, env=os.environ | named, check=True)
    return git(place, "rev-parse", "HEAD").strip()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two branches that clash at `f`, one that stops, one that is contained."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES, "g": b"0\n", "h": b"0\n"})
    for name, author, text in (("x", ADA, b"x\n"), ("y", BOB, b"y\n")):
        work.switch(name, "main")
        (work.path / "g").write_bytes(b"0\n" + name.encode() * 2)
        (work.path / name).write_bytes(b"own\n")
        git(work.path, "add", name)
        git(work.path, "checkout", "-q", "g")
        commit_as(work.path, author, f"{name} elsewhere")
        (work.path / "f").write_bytes(LINES.replace(b"line 3\n", text))
        commit_as(work.path, author, f"{name} at f")
    for name in ("stops", "stops-too"):
        work.switch(name, "main")
        work.commit(name, {"h": name.encode(), "f": LINES.replace(b"line 20\n", name.encode() + b"\n")})
    work.switch("changes", "main")
    work.commit("changes", {"h2": b"1"})
    work.switch("main")
    work.commit("on", {"h": b"main\n"})
    return work.path


def test_a_clash_names_type_hunk_and_the_commits_of_both_sides(place: Path) -> None:
    found = facade.forecast(request(place), pairs=True)
    clash = next(clash for clash in found.clashes if (clash.one, clash.other) == ("x", "y"))
    assert clash.basis is Basis.ALIGNED
    assert [conflict.kind for conflict in clash.conflicts] == ["CONFLICT (contents)"]
    (hunk,) = clash.hunks
    assert (hunk.path, hunk.one.first, hunk.one.last, hunk.one.text) == ("f", 4, 4, ("x",))
    assert (hunk.other.first, hunk.other.text) == (4, ("y",))
    assert clash.one_commits == (git(place, "rev-parse", "x").strip(),)
    assert clash.other_commits == (git(place, "rev-parse", "y").strip(),)
    notes = {note.commit: (note.author, note.subject) for note in found.commits}
    assert notes == {clash.one_commits[0]: (ADA, "x at f"), clash.other_commits[0]: (BOB, "y at f")}


def test_who_must_talk_to_whom(place: Path) -> None:
    found = facade.forecast(request(place), pairs=True)
    (talk,) = [talk for talk in found.talks() if talk.one != talk.other]
    assert (talk.one, talk.other, talk.clashes, talk.paths) == (ADA, BOB, (("x", "y"),), ("f",))
    owners = {owner.branch: owner.authors for owner in found.owners}
    assert owners["x"] == (ADA,)
    assert sorted(owners) == ["changes", "stops", "stops-too", "x", "y"]


def test_mailmap_is_applied(place: Path) -> None:
    (place / ".mailmap").write_text("Ada Lovelace <countess@example.org> <ada@example.org>\n")
    git(place, "add", ".mailmap")
    commit_as(place, BOB, "names")
    found = facade.forecast(request(place), pairs=True)
    owners = {owner.branch: owner.authors for owner in found.owners}
    assert owners["x"] == (Author(name="Ada Lovelace", email="countess@example.org"),)


def test_one_address_is_one_person_whatever_the_name(place: Path) -> None:
    git(place, "switch", "-q", "y")
    (place / "y").write_bytes(b"more\n")
    commit_as(place, Author(name="Ada L.", email="ADA@example.org"), "y by Ada, too")
    found = facade.forecast(request(place), pairs=True)
    owners = {owner.branch: owner.authors for owner in found.owners}
    assert owners["y"] == (BOB, ADA)


def test_branches_that_stop_at_the_same_path_contest_it(place: Path) -> None:
    found = facade.forecast(request(place), pairs=True)
    (contest,) = found.contests
    assert (contest.path, contest.stopping, contest.changing) == ("h", ("stops", "stops-too"), ())
    (count,) = found.pairs
    assert (count.branches, count.partial, count.left_out, count.pairs) == (3, 2, 0, 10)
    # x, y and the two that stop all change f; those that stop are undecided with one another already.
    assert (count.undecided, count.merged, count.clashing, count.failed) == (1, 5, 1, 0)


def test_commits_before_a_rename_are_found(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES, "d/1": LINES * 2, "d/2": LINES * 3})
    for name, files in (
        ("renames", {"f": None, "g": LINES.replace(b"line 3\n", b"drei\n")}),
        ("edits", {"f": LINES.replace(b"line 3\n", b"trois\n")}),
        ("moves", {"d/1": None, "d/2": None, "e/1": LINES * 2, "e/2": LINES * 3}),
        ("adds", {"d/new": b"new\n"}),
    ):
        work.switch(name, "main")
        work.commit(name, files)
    work.switch("main")
    work.commit("on", {"h": b"1\n"})
    found = facade.forecast(request(work.path), pairs=True)
    told = {(clash.one, clash.other): clash for clash in found.clashes}
    assert told.keys() == {("adds", "moves"), ("edits", "renames")}
    for (one, other), clash in told.items():
        assert clash.one_commits == (work.tip(one),)
        assert clash.other_commits == (work.tip(other),)
    assert told["edits", "renames"].sources == ("f",)
