"""The ladder on conflicts that git made: exactly the merge that stopped, nothing beside its conflicts, no marker taken for a line."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitalign.core.policy import Rung
from gitalign.git.repository import Repository, open_repository
from gitalign.ports import ConflictedFile, Proposal, Sides, Undecided
from gitalign.resolve.composite import CompositeResolver
from gitalign.resolve.ladder import LadderResolver
from gitalign.resolve.regions import lines_of
from gitalign.resolve.rungs import RUNGS
from tests.git.workspace import Workspace

LINE = st.sampled_from(
    [b"a\n", b"b\n", b"a \n", b"  a\n", b"a\r\n", b"=======\n", b"========\n", b"x\r=======\n", b"\n", b"import os\n"]
)
SIDE = st.tuples(st.lists(LINE, max_size=6), st.sampled_from([b"", b"end", b"end\r", b"a"])).map(
    lambda parts: b"top\n" + b"".join(parts[0]) + parts[1]
)


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """An empty one."""
    place = tmp_path_factory.mktemp("ladder") / "repo"
    Workspace(place)
    return open_repository(place)


def ladder(repository: Repository, *rungs: Rung, union_files: tuple[str, ...] = ()) -> LadderResolver:
    return LadderResolver(rungs, union_files=union_files, repository=repository)


def merge_file(folder: Path, sides: Sides, *words: str) -> bytes:
    """What `git merge-file` makes of it."""
    for name, content in (("ours", sides.ours), ("base", sides.base), ("theirs", sides.theirs)):
        (folder / name).write_bytes(content)
    asked = ["git", "merge-file", "-p", *words, "ours", "base", "theirs"]
    return subprocess.run(asked, cwd=folder, capture_output=True, check=False).stdout


def conflicted(folder: Path, sides: Sides, *, path: str = "file.py") -> ConflictedFile | None:
    """The file as a merge leaves it; None when it merges."""
    marked = merge_file(folder, sides, "-L", "HEAD", "-L", "base", "-L", "topic")
    if b"<<<<<<< HEAD" not in marked:
        return None
    return ConflictedFile(path=path, stages=(), marked=marked, marker_size=7, sides=sides)


def blanks_off(content: bytes) -> list[bytes]:
    return [bare for line in lines_of(content) if (bare := b" ".join(line.split()))]


@settings(max_examples=150)
@given(base=SIDE, ours=SIDE, theirs=SIDE)
def test_every_proposal_follows_from_the_sides(
    base: bytes, ours: bytes, theirs: bytes, repository: Repository, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    sides = Sides(base, ours, theirs)
    file = conflicted(folder, sides)
    if file is None:
        return
    sized = ("--marker-size=40", "--diff3", "-L", "OURS", "-L", "BASE", "-L", "THEIRS")
    merged = outside(merge_file(folder, sides, *sized))
    for rung in RUNGS:
        answer = ladder(repository, rung, union_files=("*.py",)).propose(file)
        assert isinstance(answer, Proposal | Undecided)
        if isinstance(answer, Undecided):
            continue
        # What git merged stands as git merged it, in its order.
        at = 0
        for stretch in merged:
            found = answer.content.find(stretch, at)
            assert found >= 0
            at = found + len(stretch)
        assert answer.content.startswith(merged[0])
        assert answer.content.endswith(merged[-1])
        # No line comes from nowhere.
        known = {line.strip() for side in (ours, theirs) for line in lines_of(side)}
        assert {line.strip() for line in lines_of(answer.content)} <= known
        if rung is Rung.WHITESPACE and len(merged) == 2:
            choices = [merge_file(folder, sides, "--diff3", word) for word in ("--ours", "--theirs")]
            assert blanks_off(answer.content) in [blanks_off(one) for one in choices]
        if rung is Rung.UNION:
            # What git itself took away beside the conflict stays away.
            favoured = [merge_file(folder, sides, word) for word in ("--ours", "--theirs")]
            assert {line for one in favoured for line in lines_of(one)} <= set(lines_of(answer.content))
        # A last line without an end stays one; none is made.
        assert answer.content.endswith(b"\n") in {ours.endswith(b"\n"), theirs.endswith(b"\n")}


def outside(diff3: bytes) -> list[bytes]:
    """The stretches that are in no conflict, told apart by markers that are longer than any line."""
    found, is_inside = [b""], False
    for line in lines_of(diff3):
        if line.startswith(b"<" * 40):
            is_inside = True
        elif line.startswith(b">" * 40):
            is_inside = False
            found.append(b"")
        elif not is_inside:
            found[-1] += line
    return found


def test_lines_that_look_like_markers_stay_lines(repository: Repository, tmp_path: Path) -> None:
    title = b"Title\n=======\n"
    sides = Sides(title + b"one\n" + title, title + b"one \n" + title + b"new\n", title + b"two\n" + title)
    file = conflicted(tmp_path, sides)
    assert file is not None
    answer = ladder(repository, Rung.WHITESPACE).propose(file)
    assert isinstance(answer, Proposal)
    assert answer.content == title + b"two\n" + title + b"new\n"


def test_a_last_line_without_an_end_stays_one(repository: Repository, tmp_path: Path) -> None:
    file = conflicted(tmp_path, Sides(b"a b", b"a  b", b"a c"))
    assert file is not None
    answer = ladder(repository, Rung.WHITESPACE).propose(file)
    assert isinstance(answer, Proposal)
    assert answer.content == b"a c"
    listed = conflicted(tmp_path, Sides(b"", b"ours", b"theirs"))
    assert listed is not None
    assert isinstance(ladder(repository, Rung.UNION, union_files=("*",)).propose(listed), Undecided)


def test_another_merge_than_the_one_that_stopped_is_left_alone(repository: Repository, tmp_path: Path) -> None:
    file = conflicted(tmp_path, Sides(b"a\n", b"a \n", b"b\n"))
    assert file is not None
    resolver = ladder(repository, Rung.WHITESPACE)
    assert isinstance(resolver.propose(file), Proposal)
    for marked in (file.marked + b"more\n", file.marked.replace(b"a \n", b"a\t\n"), file.marked.replace(b"<", b"{")):
        answer = resolver.propose(replace(file, marked=marked))
        assert isinstance(answer, Undecided)
        assert "not the one that stopped" in answer.reason


def test_a_rung_is_for_the_files_it_is_meant_for(repository: Repository, tmp_path: Path) -> None:
    file = conflicted(tmp_path, Sides(b"import a\n", b"import a\nimport b\n", b"import a\nimport c\n"))
    assert file is not None
    imports, union = ladder(repository, Rung.IMPORTS), ladder(repository, Rung.UNION, union_files=("/lists/*",))
    for path, by_imports, by_union in (("a.py", 1, 0), ("a.pyi", 1, 0), ("a.txt", 0, 0), ("lists/a", 0, 1)):
        one = replace(file, path=path)
        assert (imports.could(one), union.could(one)) == (bool(by_imports), bool(by_union))
        assert isinstance(imports.propose(one), Proposal) == bool(by_imports)
    assert not imports.could(replace(file, is_plain=False))
    assert not imports.could(replace(file, marked=file.marked + b"\0"))
    assert imports.propose(replace(file, sides=None)) is None


def test_the_order_of_rungs_is_the_order_in_which_they_are_tried(repository: Repository, tmp_path: Path) -> None:
    file = conflicted(tmp_path, Sides(b"", b"import a\n", b"import a\nimport b\n"))
    assert file is not None
    for rungs in ((Rung.SAME_LINES, Rung.IMPORTS), (Rung.IMPORTS, Rung.SAME_LINES)):
        answer = ladder(repository, *rungs).propose(file)
        assert isinstance(answer, Proposal)
        assert answer.told.resolver == rungs[0].value
        assert len(answer.told.conflict) == 40
    keys = {
        ladder(repository, *rungs, union_files=files).key
        for rungs in ((Rung.UNION,), (Rung.UNION, Rung.IMPORTS), (Rung.IMPORTS, Rung.UNION))
        for files in (("a",), ("a", "b"))
    }
    assert len(keys) == 6


class _Says:
    """A resolver that gives one answer."""

    def __init__(self, answer: Proposal | Undecided | None) -> None:
        self.answer, self.key = answer, repr(answer)

    def knows(self, file: ConflictedFile) -> str | None:
        return "known" if self.answer is not None else None

    def could(self, file: ConflictedFile) -> bool:
        return self.answer is not None

    def propose(self, file: ConflictedFile) -> Proposal | Undecided | None:
        return self.answer


def test_the_first_that_settles_a_file_does_and_nothing_decides_a_dispute(
    repository: Repository, tmp_path: Path
) -> None:
    file = conflicted(tmp_path, Sides(b"a\n", b"a \n", b"b\n"))
    assert file is not None
    rungs = ladder(repository, Rung.WHITESPACE)
    unfit, disputed = Undecided(reason="does not fit"), Undecided(reason="disagree", is_disputed=True)
    assert isinstance(CompositeResolver([_Says(unfit), rungs]).propose(file), Proposal)
    assert CompositeResolver([_Says(disputed), rungs]).propose(file) is disputed
    none = CompositeResolver([_Says(None), _Says(unfit), ladder(repository, Rung.SAME_LINES)])
    answer = none.propose(file)
    assert isinstance(answer, Undecided)
    assert answer.reason == "does not fit; no rung fits every stretch of it (same_lines)"
    assert (none.could(file), none.knows(file)) == (True, "known")
    assert CompositeResolver([_Says(None)]).propose(file) is None
    assert CompositeResolver([rungs]).key != CompositeResolver([rungs, rungs]).key
