"""Rungs of the ladder: each settles what it is for, and nothing beside it."""

from __future__ import annotations

import secrets
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign.core.policy import AutoResolver
from gitalign.resolve.import_lines import imports
from gitalign.resolve.region_resolvers import AUTO_RESOLVERS, auto_resolve, same_lines, union, whitespace
from gitalign.resolve.regions import Lines, NotMarked, Region, regions


def lines(text: str) -> Lines:
    return tuple(text.encode().splitlines(keepends=True))


def region(ours: str, base: str, theirs: str) -> Region:
    return Region(lines(ours), lines(base), lines(theirs))


def text(found: Lines | None) -> str | None:
    return None if found is None else b"".join(found).decode()


@pytest.mark.parametrize(
    ("ours", "base", "theirs", "wanted"),
    [
        ("a  b\n", "a b c\n", "a b\n", "a  b\n"),  # the same but for blanks
        ("a b\r\n", "a b\n", "a c\n", "a c\r\n"),  # ours changed line ends alone: theirs, with those ends
        ("a c\n", "a b\n", "a  b \n", "a c\n"),  # theirs changed blanks alone
        ("a b\n", "a c\n", "a b\r\n", "a b\r\n"),  # theirs changed line ends, too
        ("a c\n", "a b\n", "a b\r\n", "a c\r\n"),  # theirs changed line ends alone
        ("a c\r\n", "a b\n", "a b \n", "a c\r\n"),
        ("a  b\nx\r\n", "a b\nx\r\n", "a c\nx\r\n", "a c\nx\r\n"),  # ends of both kinds
        (" \na\n", "\na\n", "\nb\n", "\nb\n"),
        # A blank line that comes or goes is a change.
        ("x\n\n", "y\n", "x\n", None),
        ("a\n\n", "a\n", "b\n", None),
        ("\na\n", "a\n", "b\n", None),
        ("1. x \n", "1. x\n", "\n1. x\n", "\n1. x\n"),
        ("A: b\nbody\n", "A: b\n\nbody\n", "A:  b\n\nbody\n", "A: b\nbody\n"),
        ("", "\n", "b\n", None),
        # Blanks are spaces and tabs.
        ("a\tb\n", "a b\n", "a c\n", "a c\n"),
        ("a b\n", "a\rb\n", "a c\n", None),
        ("a b\n", "a\x0bb\n", "a c\n", None),
        ("a b\n", "a\x0c b\n", "a c\n", None),
        # Blanks behind a backslash.
        ("run a \\\n  -v b\n", "run a \\ \n  -v b\n", "run A \\ \n  -v b\n", None),
        ("run A \\\n  -v b\n", "run a \\\n  -v b\n", "run a  \\\n  -v b\n", None),
        ("run A\n", "run a\n", "run  a \\\n", None),
        ("r \\\n  -v  b\n", "r \\\n  -v b\n", "r \\\n  -v c\n", "r \\\n  -v c\n"),
        ("a\n", "b\n", "c\n", None),
        ("  a\n", "b\n", "a\n", None),  # indentation is no mere blank
        ("\ta\n", "b\n", "    a\n", None),
    ],
)
def test_whitespace(ours: str, base: str, theirs: str, wanted: str | None) -> None:
    assert text(whitespace(region(ours, base, theirs))) == wanted


def test_a_carriage_return_alone_ends_no_line() -> None:
    assert whitespace(Region((b"end\r",), (b"end",), (b"a\n", b"b\n"))) is None
    assert whitespace(Region((b"x\r\n",), (b"x\n",), (b"y\r\r\n",))) == (b"y\r\r\n",)
    assert whitespace(Region((b"# n del_all()\n",), (b"# n\rdel_all()\n",), (b"# n\rdel_all()\n", b"y\n"))) is None


@pytest.mark.parametrize(
    ("ours", "base", "theirs", "wanted"),
    [
        ("a\nb\n", "", "a\nb\nc\n", "a\nb\nc\n"),
        ("x\na\nb\n", "", "a\nb\n", "x\na\nb\n"),
        ("a\nc\n", "", "a\nb\nc\n", None),  # not in one piece
        ("a\n", "z\n", "a\nb\n", None),  # there was something
        ("", "", "a\n", None),
    ],
)
def test_same_lines(ours: str, base: str, theirs: str, wanted: str | None) -> None:
    assert text(same_lines(region(ours, base, theirs))) == wanted


@pytest.mark.parametrize(
    ("ours", "base", "theirs", "wanted"),
    [
        ("a\nb\n", "a\n", "a\nc\n", "a\nb\nc\n"),
        ("b\n", "", "c\nb\n", "b\nc\n"),
        ("a\n", "a\nb\n", "a\nb\nc\n", None),  # a line was removed
        ("A\n", "a\n", "a\nb\n", None),  # a line was changed
        ("a\nb", "a\n", "a\nc\n", None),  # no line end at the end of the file
        # An entry of two lines.
        ("foo==1 \\\n    --hash=1\n", "", "bar==1 \\\n    --hash=1\n", None),
        ("foo==1\n", "", "bar==1 \\ \n", None),
        ("a \\\r\n", "a \\\r\n", "a \\\r\nb\r\n", None),
    ],
)
def test_union(ours: str, base: str, theirs: str, wanted: str | None) -> None:
    assert text(union(region(ours, base, theirs))) == wanted


def test_nothing_is_put_into_an_entry_that_goes_on(tmp_path: Path) -> None:
    top = b"one\nfoo==1 \\\n"
    marked, labels = merged(tmp_path, top + b"  --a\n\nend\n", top + b"\nend\n", top + b"  --b\n\nend\n")
    parts = regions(marked, labels=labels)
    (only,) = (part for part in parts if isinstance(part, Region))
    assert only.before == b"foo==1 \\\n"
    assert union(only) is None
    assert union(replace(only, before=b"foo==1\n")) is not None
    assert auto_resolve(parts, [AutoResolver.UNION]) is None


@pytest.mark.parametrize(
    ("ours", "base", "theirs", "wanted"),
    [
        ("import a\nimport b\n", "import a\n", "import a\nimport c\n", "import a\nimport b\nimport c\n"),
        ("import a\nimport b\n", "import a\n", "import c\n", "import b\nimport c\n"),  # theirs removed one
        ("from x import y\n", "", "from x import z\n", "from x import y\nfrom x import z\n"),
        ("from x import y\n", "", "from w import y\n", None),  # the same name from two places
        ("import a as y\n", "", "from w import y\n", None),
        ("import a\nx = 1\n", "import a\n", "import b\n", None),
        ("from x import (\n", "", "import b\n", None),
        ("import a  # why\n", "", "import b\n", None),
        ("from x import *\n", "", "import b\n", None),
        ("from __future__ import annotations\n", "", "import b\n", None),
        ("import a\n    import b\n", "", "import c\n", None),
        ("import a.b\n", "", "import a.c\n", "import a.b\nimport a.c\n"),
        ("import a\n", "", "import a.c\n", "import a\nimport a.c\n"),
        ("import a\nimport b\n\n", "import a\n\n", "import a\nimport c\n", "import a\nimport b\nimport c\n\n"),
        # One name for two things.
        ("import datetime\n", "", "from datetime import datetime\n", None),
        ("import json\n", "", "import simplejson as json\n", None),
        ("from . import json\n", "", "import json\n", None),
        ("from .x import y\n", "", "from ..x import y\n", None),
        ("import os.path\n", "", "from mylib import os\n", None),
        ("from x import y as z, w as z\n", "", "import b\n", None),
        # A side that moved an import into a block, or out of one.
        ("import a\nimport b\n", "import a\n", "    import a\n", None),
        ("    import a\n    import b\n", "import a\n", "import a\nimport c\n", None),
        ("import a\n", "    import a\n", "import a\nimport c\n", None),
        ("    import a\n", "", "    import b\n", "    import a\n    import b\n"),
        # A block would be left empty.
        ("    import b\n", "    import a\n    import b\n", "    import a\n", None),
        ("    import a\n    import c\n", "    import a\n    import b\n", "    import b\n", "    import c\n"),
        # Line ends of two kinds, or none.
        ("import a\r\nimport b\r\n", "import a\n", "import a\nimport c\n", None),
        ("import a\r\n", "import a\r\n", "import a\nimport c\n", None),
        ("import a\r\n", "", "import c\r\n", "import a\r\nimport c\r\n"),
        ("import a", "", "import c\n", None),
    ],
)
def test_imports(ours: str, base: str, theirs: str, wanted: str | None) -> None:
    assert text(imports(region(ours, base, theirs))) == wanted


SIDE = st.lists(
    st.sampled_from(["a\n", "b\n", "  a\n", "import a\n", "import b\n", "=======\n", "<<<<<<< x\n", "\n"]), max_size=6
)


@given(SIDE, SIDE, SIDE)
def test_whatever_is_settled_follows_from_the_sides(ours: list[str], base: list[str], theirs: list[str]) -> None:
    """No line is invented, and none that both sides kept is lost."""
    one = region("".join(ours), "".join(base), "".join(theirs))
    for rung in (whitespace, same_lines, imports, union):
        found = rung(one)
        if found is None:
            continue
        words = {line.strip() for line in found}
        assert words <= {line.strip() for line in (*one.ours, *one.theirs)}
        kept = {line.strip() for line in one.ours} & {line.strip() for line in one.theirs} - {b""}
        assert kept <= words


def merged(folder: Path, ours: bytes, base: bytes, theirs: bytes) -> tuple[bytes, tuple[bytes, bytes, bytes]]:
    """What git makes of three files, in diff3 style under labels of its own."""
    labels = tuple(secrets.token_hex(8).encode() for _ in range(3))
    for name, content in (("ours", ours), ("base", base), ("theirs", theirs)):
        (folder / name).write_bytes(content)
    words = [word for label in labels for word in ("-L", label.decode())]
    done = subprocess.run(
        ["git", "merge-file", "-p", "--diff3", *words, "ours", "base", "theirs"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    return done.stdout, (labels[0], labels[1], labels[2])


@given(SIDE, SIDE, SIDE)
def test_a_file_is_taken_apart_as_git_put_it_together(
    tmp_path_factory: pytest.TempPathFactory, ours: list[str], base: list[str], theirs: list[str]
) -> None:
    """Also where files hold lines that look like markers."""
    folder = tmp_path_factory.mktemp("merge")
    sides = [("top\n" + "".join(side) + "bottom\n").encode() for side in (ours, base, theirs)]
    marked, labels = merged(folder, sides[0], sides[1], sides[2])
    try:
        parts = regions(marked, labels=labels)
    except NotMarked:
        # A bare line of seven equal signs inside a side cannot be told from the separator.
        assert any("=======\n" in side for side in (ours, base, theirs))
        return
    if any("=======\n" in side for side in (ours, base, theirs)):
        return
    for at, side in ((0, sides[0]), (1, sides[1]), (2, sides[2])):
        put = b"".join(
            b"".join((part.ours, part.base, part.theirs)[at] if isinstance(part, Region) else part) for part in parts
        )
        if at != 1:
            assert set(side.splitlines()) >= set(put.splitlines()) - set(sides[2 - at].splitlines())
    only = [part for part in parts if isinstance(part, Region)]
    assert (b"<<<<<<< " + labels[0] in marked) == bool(only)


def test_every_region_must_be_settled(tmp_path: Path) -> None:
    base = b"import a\n" + b"\n".join(b"%d" % number for number in range(20)) + b"\nend\n"
    ours = base.replace(b"import a\n", b"import a\nimport b\n").replace(b"19\n", b"neunzehn\n")
    theirs = base.replace(b"import a\n", b"import a\nimport c\n")
    marked, labels = merged(tmp_path, ours, base, theirs)
    climbed = auto_resolve(regions(marked, labels=labels), [AutoResolver.IMPORTS])
    assert climbed is not None
    assert climbed.content == ours.replace(b"import b\n", b"import b\nimport c\n")
    assert climbed.used == (AutoResolver.IMPORTS,)
    marked, labels = merged(tmp_path, ours, base, theirs.replace(b"19\n", b"dix-neuf\n"))
    assert auto_resolve(regions(marked, labels=labels), list(AUTO_RESOLVERS)) is None
    assert auto_resolve(regions(marked, labels=labels), []) is None
