"""Output that only shows goes to the pager that git would use: on a terminal, and nowhere else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pexpect
import pytest

from gitalign.git.pager import pager_command
from tests import warm
from tests.git.workspace import Workspace
from tests.terminal import Terminal

MARKED = "sed 's/^/> /'"


@pytest.fixture(scope="module")
def repo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = Workspace(tmp_path_factory.mktemp("pager") / "repo")
    work.commit("base", {"f": b"a\n"})
    work.switch("one", "main")
    work.commit("one", {"one": b"x\n"})
    work.switch("main")
    work.commit("more", {"g": b"a\n"})
    return work.path


def seen(repo: Path, *words: str, **env: str) -> tuple[str, int | None]:
    """What is on the terminal in the end, and the exit code."""
    terminal = Terminal(*words, cwd=repo, columns=80, env={"TERM": "dumb", **env})
    terminal.expect(pexpect.EOF)
    terminal.close()
    return terminal.before or "", terminal.exitstatus


def test_what_shows_is_paged_whole_and_in_the_width_of_the_terminal(repo: Path) -> None:
    text, code = seen(repo, "plan", GIT_PAGER=MARKED)
    lines = [line for line in text.splitlines() if line]
    assert code == 0
    assert all(line.startswith(">") for line in lines)
    assert any("one" in line and "rebase" in line for line in lines)
    assert "\t" not in text, "the pager is a terminal, not a pipe"


@pytest.mark.parametrize(
    "words", [("plan", "--no-pager"), ("--no-pager", "plan"), ("plan", "--json"), ("run", "--yes", "--dry-run"), ()]
)
def test_what_is_not_paged(repo: Path, words: tuple[str, ...]) -> None:
    text, code = seen(repo, *words, GIT_PAGER=MARKED)
    assert code == 0
    assert not any(line.startswith(">") for line in text.splitlines())


def test_a_pipe_has_no_pager(repo: Path) -> None:
    done = warm.run("plan", cwd=repo, env={"GIT_PAGER": MARKED})
    assert "> " not in done.stdout
    assert "\t" in done.stdout


def test_an_error_is_not_paged_and_keeps_its_code(repo: Path) -> None:
    text, code = seen(repo, "plan", "--only", "no-such-*", GIT_PAGER=MARKED)
    assert code == 2
    assert "error:" in text
    assert "> error" not in text


def test_a_pager_that_stops_reading_is_no_fault(repo: Path) -> None:
    text, code = seen(repo, "plan", "-v", GIT_PAGER="true")
    assert (text, code) == ("", 0)
    text, code = seen(repo, "conflicts", GIT_PAGER="exit 9")
    assert (text.strip(), code) == ("", 0)


def test_a_pager_that_cannot_be_started_hides_nothing(repo: Path) -> None:
    text, code = seen(repo, "plan", GIT_PAGER="no-such-pager --option")
    assert code == 0
    assert "rebase" in text


def test_git_pages_what_it_is_told_to_page(repo: Path, tmp_path: Path) -> None:
    """`git -p align`: git's own pager stands between us and the terminal, which is a terminal all the same."""
    text = _through_git(repo, tmp_path, "-p", "align", "runs")
    assert text.startswith("> ")
    assert "nothing was run here yet" in text
    text = _through_git(repo, tmp_path, "--no-pager", "align", "plan")
    assert "> " not in text


def _through_git(repo: Path, tmp_path: Path, *words: str) -> str:
    program = tmp_path / "git-align"
    if not program.exists():
        import sys

        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m gitalign "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    env = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "GIT_PAGER": MARKED, "TERM": "dumb"}
    terminal = pexpect.spawn("git", list(words), cwd=str(repo), env=env, encoding="utf-8", timeout=30)
    terminal.expect(pexpect.EOF)
    terminal.close()
    return (terminal.before or "").lstrip()


def test_the_choice_is_gits(repo: Path, tmp_path: Path) -> None:
    work, home = Workspace(tmp_path / "choice"), tmp_path / "global"
    base = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": str(home), "GIT_CONFIG_NOSYSTEM": "1"}

    def chosen(config: str = "", **env: str) -> str | None:
        home.write_text(config)
        return pager_command(work.path, source={**base, **env})

    assert chosen(GIT_PAGER="one", PAGER="two") == "one"
    assert chosen("[core]\npager = three\n", PAGER="two") == "three"
    assert chosen("[core]\npager = three\n", GIT_PAGER="one") == "one"
    assert chosen(PAGER="two") == "two"
    assert chosen(PAGER="cat") is None
    assert chosen(GIT_PAGER="", PAGER="two") is None
    assert chosen("[pager]\nalign = false\n", GIT_PAGER="one") is None
    assert chosen("[pager]\nalign\n", PAGER="two") == "two"
    assert chosen("[pager]\nalign = four -x\n[core]\npager = three\n") == "four -x"
    work.git("config", "core.pager", "evil")
    assert chosen(PAGER="two") == "two", "a repository names no program"
    work.git("config", "pager.align", "evil")
    assert chosen(PAGER="two") == "two"
    work.git("config", "pager.align", "false")
    assert chosen(PAGER="two") is None, "but may switch the pager off"
    assert pager_command(tmp_path / "gone", source={**base, "PAGER": "two"}) == "two"
