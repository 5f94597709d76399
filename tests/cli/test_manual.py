"""Man pages: made from the help of the verbs, installed where `man` looks, shown by git."""

from __future__ import annotations

import os
import shutil
import subprocess
import tomllib
from pathlib import Path

from gitalign.cli import reference
from tests import needs, warm
from tests.warm import ROOT


def test_pages_are_kept_up_to_date() -> None:
    """After a change to options or help texts: python -m gitalign.cli.reference"""
    kept = {page.name: page.read_text() for page in (ROOT / "man").glob("*.1")}
    assert kept == reference.man_pages()


def test_every_page_is_installed_where_man_looks() -> None:
    files = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    assert files["share/man/man1"] == ["man/*.1"]
    assert files["share/bash-completion/completions"] == ["completions/git-align"]


def test_pages_are_sound_roff() -> None:
    """As `man --warnings` has them made, which starts ten processes for each page."""
    needs.program("groff", "groff-base")
    pages = sorted((ROOT / "man").glob("*.1"))
    done = subprocess.run(
        ["groff", "-k", "-t", "-mtty-char", "-Tutf8", "-mandoc", "-wmac", "-P-cbou", *map(str, pages)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.stderr == ""
    assert done.stdout.count("EXIT STATUS") == len(pages)


def test_git_shows_the_page_of_a_command_on_the_path(tmp_path: Path) -> None:
    """man looks beside every folder of PATH: .../bin has its pages in .../share/man. So do pip, pip --user, venv and pipx."""
    needs.program("man", "man-db")
    program = tmp_path / "bin" / "git-align"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    place = tmp_path / "share" / "man" / "man1"
    shutil.copytree(ROOT / "man", place)
    env = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "MANPAGER": "cat", "LC_ALL": "C.UTF-8"}
    env.pop("MANPATH", None)
    for words in (["align", "--help"], ["help", "align"]):
        done = subprocess.run(["git", *words], capture_output=True, text=True, env=env, check=False)
        assert done.returncode == 0, done.stderr
        assert "git-align - Align every branch" in " ".join(done.stdout.split())


def test_the_list_of_verbs_fits_eighty_columns() -> None:
    """A verb is described in one line that is not cut."""
    done = warm.run("--help", env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert "..." not in done.stdout.partition("Commands:")[2]
