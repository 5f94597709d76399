"""What documents show is what happens: their commands are typed, in order, in real repositories."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.git.workspace import IDENTITY
from tests.guides import shop
from tests.guides.console import Reader, commands, first_missing

ROOT = Path(__file__).resolve().parents[2]


def test_the_tour_of_readme(tmp_path: Path) -> None:
    variables = shop.serve(tmp_path)
    clone = tmp_path / "shop"
    words = ["git", "clone", "--quiet", shop.ADDRESS, str(clone)]
    subprocess.run(words, check=True, env={"PATH": "/usr/bin:/bin", **IDENTITY, **variables})
    reader = Reader(clone, variables)
    reader.follow(ROOT / "README.md")
    assert len(reader.ran) == 5


def test_a_document_that_says_something_else_is_found() -> None:
    text = "```console\n$ git align # exit code 1: why\none … three\nfour\n$ echo\n```\n"
    assert [(one.words, one.printed, one.code) for one in commands(text)] == [
        ("git align # exit code 1: why", ("one … three", "four"), 1),
        ("echo", (), 0),
    ]
    assert first_missing(("one … three", "four"), "one  two   three\nfour") is None
    assert first_missing(("four", "one"), "one\nfour") == "one"


def test_the_tutorial(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    reader = Reader(home, shop.serve(tmp_path))
    reader.follow(ROOT / "docs" / "tutorial.md")
    assert len(reader.ran) > 40


def test_ten_agents(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    variables = {
        "HOME": str(home),
        "PATH": f"{home}/bin:{os.environ['PATH']}",
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    reader = Reader(home, {**shop.serve(tmp_path), **variables})
    reader.follow(ROOT / "docs" / "ten-agents.md")
    assert len(reader.ran) > 10
