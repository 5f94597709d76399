"""The ladder on conflicts that git made: exactly the merge that stopped, nothing beside its conflicts, no marker taken for a line."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitalign.core.policy import AutoResolver
from gitalign.git.repository import Repository, open_repository
from gitalign.ports import ConflictedFile, Proposal, Sides, UnresolvedFile
from gitalign.resolve.composite import CompositeResolver
from gitalign.resolve.region_resolvers import AUTO_RESOLVERS
from gitalign.resolve.regions import lines_of
from gitalign.resolve.resolver_chain import ResolverChain
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


def ladder(repository: Repository, *rungs: AutoResolver, union_files: tuple[str, ...] = ()) -> ResolverChain:
    return ResolverChain(rungs, union_files=union_files, repository=repository)


def merged(repository: Repository, sides: Sides, *, style: str = "merge", marker_size: int = 7) -> bytes | None:
    """The file as `git merge-tree` leaves it; None when it merges."""
    place = Path(repository.common_dir)
    (place / "info").mkdir(exist_ok=True)
    (place / "info" / "attributes").write_text(f"file.py conflict-marker-size={marker_size}\n")
    work = Workspace.__new__(Workspace)
    work.path, work.executable, work._minute = place.parent, "git", 0
    commits: list[str] = []
    for content in (sides.base, sides.ours, sides.theirs):
        blob = work.git("hash-object", "-w", "--no-filters", "--stdin", stdin=content)
        tree = work.git("mktree", stdin=f"100644 blob {blob}\tfile.py\n".encode())
        parent = ["-p", commits[0]] if commits else []
        commits.append(work.git("commit-tree", tree, *parent, "-m", "x"))
    told = work.git("-c", f"merge.conflictStyle={style}", "merge-tree", "--write-tree", *commits[1:], check=False)
    (place / "info" / "attributes").unlink()
    tree, _, messages = told.partition("\n")
    return raw_blob(place, f"{tree}:file.py") if messages else None


def raw_blob(place: Path, name: str) -> bytes:
    """A blob, with its last line end."""
    return subprocess.run(["git", "cat-file", "blob", name], cwd=place, capture_output=True, check=True).stdout


def conflicted(repository: Repository, sides: Sides, *, path: str = "file.py") -> ConflictedFile | None:
    """The file as a merge leaves it; None when it merges."""
    marked = merged(repository, sides)
    return None if marked is None else ConflictedFile(path=path, stages=(), marked=marked, marker_size=7, sides=sides)


def blanks_off(content: bytes) -> list[bytes]:
    return [bare for line in lines_of(content) if (bare := b" ".join(line.split()))]


@settings(max_examples=25)
@given(base=SIDE, ours=SIDE, theirs=SIDE)
def test_every_proposal_follows_from_the_sides(base: bytes, ours: bytes, theirs: bytes, repository: Repository) -> None:
    sides = Sides(base, ours, theirs)
    file = conflicted(repository, sides)
    if file is None:
        return
    shown = merged(repository, sides, style="diff3", marker_size=40)
    assert shown is not None
    kept, *choices = taken_apart(shown)
    for rung in AUTO_RESOLVERS:
        answer = ladder(repository, rung, union_files=("*.py",)).propose(file)
        assert isinstance(answer, Proposal | UnresolvedFile)
        if isinstance(answer, UnresolvedFile):
            # Whatever lines look like, the merge can be made again.
            assert answer.reason.startswith(("no resolver fits", "what would come of it"))
            continue
        # What git merged stands as git merged it, in its order.
        at = 0
        for stretch in kept:
            found = answer.content.find(stretch, at)
            assert found >= 0
            at = found + len(stretch)
        assert answer.content.startswith(kept[0])
        assert answer.content.endswith(kept[-1])
        # No line comes from nowhere.
        known = {line.strip() for side in (ours, theirs) for line in lines_of(side)}
        assert {line.strip() for line in lines_of(answer.content)} <= known
        if rung is AutoResolver.WHITESPACE and len(kept) == 2:
            assert blanks_off(answer.content) in [blanks_off(b"".join(one)) for one in choices]
        if rung is AutoResolver.UNION:
            # What git itself took away beside the conflict stays away.
            wanted = {line.rstrip() for one in choices for line in lines_of(b"".join(one))}
            assert wanted <= {line.rstrip() for line in lines_of(answer.content)}
        # A last line without an end stays one; none is made.
        assert answer.content.endswith(b"\n") in {ours.endswith(b"\n"), theirs.endswith(b"\n")}


def taken_apart(diff3: bytes) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """The stretches that are in no conflict, then the file by pieces as ours and as theirs has it; markers are longer than any line."""
    kept, ours, theirs, inside = [b""], [b""], [b""], 0
    for line in lines_of(diff3):
        step = [b"<" * 40, b"|" * 40, b"=" * 40, b">" * 40]
        if line[:40] in step:
            inside = (step.index(line[:40]) + 1) % 4
            kept += [b""] if not inside else []
            continue
        if not inside:
            kept[-1] += line
        if inside in (0, 1):
            ours.append(line)
        if inside in (0, 3):
            theirs.append(line)
    return kept, ours, theirs


def test_lines_that_look_like_markers_stay_lines(repository: Repository) -> None:
    title = b"Title\n=======\n"
    sides = Sides(title + b"one\n" + title, title + b"one \n" + title + b"new\n", title + b"two\n" + title)
    file = conflicted(repository, sides)
    assert file is not None
    answer = ladder(repository, AutoResolver.WHITESPACE).propose(file)
    assert isinstance(answer, Proposal)
    assert answer.content == title + b"two\n" + title + b"new\n"
    # In the base it would end the base, and the separator would be taken for a line of theirs.
    within = conflicted(repository, Sides(title, b"one\n", b"one \n"))
    assert within is not None
    answer = ladder(repository, AutoResolver.WHITESPACE).propose(within)
    assert isinstance(answer, Proposal)
    assert answer.content == b"one\n"


def test_a_last_line_without_an_end_stays_one(repository: Repository) -> None:
    file = conflicted(repository, Sides(b"a b", b"a  b", b"a c"))
    assert file is not None
    answer = ladder(repository, AutoResolver.WHITESPACE).propose(file)
    assert isinstance(answer, Proposal)
    assert answer.content == b"a c"
    listed = conflicted(repository, Sides(b"", b"ours", b"theirs"))
    assert listed is not None
    assert isinstance(ladder(repository, AutoResolver.UNION, union_files=("*",)).propose(listed), UnresolvedFile)


def test_another_merge_than_the_one_that_stopped_is_left_alone(repository: Repository) -> None:
    file = conflicted(repository, Sides(b"a\n", b"a \n", b"b\n"))
    assert file is not None
    resolver = ladder(repository, AutoResolver.WHITESPACE)
    assert isinstance(resolver.propose(file), Proposal)
    for marked in (file.marked + b"more\n", file.marked.replace(b"a \n", b"a\t\n"), file.marked.replace(b"<", b"{")):
        answer = resolver.propose(replace(file, marked=marked))
        assert isinstance(answer, UnresolvedFile)
        assert "not the one that stopped" in answer.reason


def test_a_rung_is_for_the_files_it_is_meant_for(repository: Repository) -> None:
    file = conflicted(repository, Sides(b"import a\n", b"import a\nimport b\n", b"import a\nimport c\n"))
    assert file is not None
    imports, union = (
        ladder(repository, AutoResolver.IMPORTS),
        ladder(repository, AutoResolver.UNION, union_files=("/lists/*",)),
    )
    for path, by_imports, by_union in (("a.py", 1, 0), ("a.pyi", 1, 0), ("a.txt", 0, 0), ("lists/a", 0, 1)):
        one = replace(file, path=path)
        assert (imports.could(one), union.could(one)) == (bool(by_imports), bool(by_union))
        assert isinstance(imports.propose(one), Proposal) == bool(by_imports)
    assert not imports.could(replace(file, is_plain=False))
    assert not imports.could(replace(file, marked=file.marked + b"\0"))
    assert imports.propose(replace(file, sides=None)) is None


@pytest.mark.parametrize(
    ("rung", "base", "ours", "theirs", "why"),
    [
        # The same name from two places, one of them outside of the conflict.
        ("imports", "import z\n", "import z\nimport b\n", "import z\nimport c as use\n", "name use is bound to two"),
        ("imports", "import z\n", "import z\nimport b\n", "import z\nimport go\n", "name go is bound to two"),
        # A side had it both ways itself.
        ("imports", "import z\n", "import z\nimport b\n", "import z\nimport fast\n", None),
        ("imports", "import z\n", "import z\nimport b\n", "import z\nimport c\n", None),
        ("imports", "import z\n", "import z\nimport b\n", "import z\nimport late\n", None),  # in a function
        # Blanks inside of a string, in code, at the end of a docstring's line, in a docstring's line.
        ("whitespace", 'a = ["x y", 1]\n', 'a = ["x  y", 1]\n', 'a = ["x y", 2]\n', "blanks that a side changed mean"),
        ("whitespace", 'a = ["x y", 1]\n', 'a = ["x y",  1]\n', 'a = ["x y", 2]\n', None),
        ("whitespace", '"""\nx y\n"""\n', '"""\nx y \n"""\n', '"""\nx z\n"""\n', None),
        ("whitespace", '"""\nx y\n"""\n', '"""\nx  y\n"""\n', '"""\nx z\n"""\n', "blanks that a side changed mean"),
        ("whitespace", "a = (\n1,\n)\n", "a = (\n1, \n)\n", "a = (\n2,\n)\n", None),
        # Imports that are text.
        (
            "imports",
            '"""\nimport a\n"""\n',
            '"""\nimport a\nimport b\n"""\n',
            '"""\nimport a\nimport c\n"""\n',
            "in a string",
        ),
        # A side that is no Python is judged by its lines.
        ("imports", "import a\nprint 1\n", "import a\nimport b\nprint 1\n", "import a\nimport c\nprint 1\n", None),
    ],
)
def test_a_python_file_is_looked_at_as_a_whole(
    repository: Repository, rung: str, base: str, ours: str, theirs: str, why: str | None
) -> None:
    rest = """
def run():
    import late


try:
    import fast
except ImportError:
    fast = None
"""
    both = rest + "\n\ndef go():\n    import use as other\n\n\nimport use\n"
    file = conflicted(repository, Sides((base + rest).encode(), (ours + both).encode(), (theirs + rest).encode()))
    assert file is not None
    resolver = ladder(repository, AutoResolver(rung))
    answer = resolver.propose(file)
    if why is None:
        assert isinstance(answer, Proposal)
        return
    assert isinstance(answer, UnresolvedFile)
    assert why in answer.reason
    # It is by its name that a file is known as Python.
    if rung == "whitespace":
        assert isinstance(resolver.propose(replace(file, path="file.txt")), Proposal)


def test_a_result_that_is_no_python_is_not_taken(repository: Repository) -> None:
    """A keyword argument in what the other side has made a list of."""
    gap = b"\n\n"
    file = conflicted(
        repository,
        Sides(
            b"x = f(\n" + gap + b"a,\n" + gap + b")\n",
            b"x = [\n" + gap + b"a, \n" + gap + b"]\n",
            b"x = f(\n" + gap + b"a=1,\n" + gap + b")\n",
        ),
    )
    assert file is not None
    answer = ladder(repository, AutoResolver.WHITESPACE).propose(file)
    assert isinstance(answer, UnresolvedFile)
    assert answer.reason.endswith("it is no Python, though both sides are")


def test_the_order_of_rungs_is_the_order_in_which_they_are_tried(repository: Repository) -> None:
    file = conflicted(repository, Sides(b"", b"import a\n", b"import a\nimport b\n"))
    assert file is not None
    for rungs in ((AutoResolver.SAME_LINES, AutoResolver.IMPORTS), (AutoResolver.IMPORTS, AutoResolver.SAME_LINES)):
        answer = ladder(repository, *rungs).propose(file)
        assert isinstance(answer, Proposal)
        assert answer.resolution.resolver == rungs[0].value
        assert len(answer.resolution.conflict) == 40
    keys = {
        ladder(repository, *rungs, union_files=files).key
        for rungs in (
            (AutoResolver.UNION,),
            (AutoResolver.UNION, AutoResolver.IMPORTS),
            (AutoResolver.IMPORTS, AutoResolver.UNION),
        )
        for files in (("a",), ("a", "b"))
    }
    assert len(keys) == 6


class _Says:
    """A resolver that gives one answer."""

    def __init__(self, answer: Proposal | UnresolvedFile | None) -> None:
        self.answer, self.key = answer, repr(answer)

    def knows(self, file: ConflictedFile) -> str | None:
        return "known" if self.answer is not None else None

    def could(self, file: ConflictedFile) -> bool:
        return self.answer is not None

    def propose(self, file: ConflictedFile) -> Proposal | UnresolvedFile | None:
        return self.answer


def test_the_first_that_settles_a_file_does_and_nothing_decides_a_dispute(
    repository: Repository,
) -> None:
    file = conflicted(repository, Sides(b"a\n", b"a \n", b"b\n"))
    assert file is not None
    rungs = ladder(repository, AutoResolver.WHITESPACE)
    unfit, disputed = UnresolvedFile(reason="does not fit"), UnresolvedFile(reason="disagree", is_disputed=True)
    assert isinstance(CompositeResolver([_Says(unfit), rungs]).propose(file), Proposal)
    assert CompositeResolver([_Says(disputed), rungs]).propose(file) is disputed
    none = CompositeResolver([_Says(None), _Says(unfit), ladder(repository, AutoResolver.SAME_LINES)])
    answer = none.propose(file)
    assert isinstance(answer, UnresolvedFile)
    assert answer.reason == "does not fit; no resolver fits every conflict of it (same_lines)"
    assert (none.could(file), none.knows(file)) == (True, "known")
    assert CompositeResolver([_Says(None)]).propose(file) is None
    assert CompositeResolver([rungs]).key != CompositeResolver([rungs, rungs]).key
