"""What is known of a program holds as long as its file is the same."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gitalign.errors import GitMissing, GitTimedOut
from gitalign.git.program import git_version, kept_of_program


def program(place: Path, version: str) -> str:
    """A git that notes each call."""
    place.write_text(f"#!/bin/sh\necho >> {place}.calls\necho git version {version}\n")
    place.chmod(0o755)
    return str(place)


def test_a_version_is_asked_once_and_again_when_the_program_is_replaced(tmp_path: Path) -> None:
    git = program(tmp_path / "git", "2.39.5")
    assert [git_version(git), git_version(git)] == [(2, 39, 5)] * 2
    assert (tmp_path / "git.calls").read_text() == "\n"
    os.rename(program(tmp_path / "newer", "2.50.1"), git)
    assert git_version(git) == (2, 50, 1)


def test_what_raises_or_is_not_sure_is_asked_again(tmp_path: Path) -> None:
    git = program(tmp_path / "git", "none")
    for _ in range(2):
        with pytest.raises(GitMissing):
            git_version(git)
    assert (tmp_path / "git.calls").read_text() == "\n\n"
    answers = iter(["perhaps", "yes", "no"])
    for expected in ("perhaps", "yes", "yes"):
        assert kept_of_program(git, "asked", lambda: next(answers), is_sure=lambda one: one == "yes") == expected


def test_a_program_that_is_not_there_is_no_answer_to_keep(tmp_path: Path) -> None:
    with pytest.raises(GitMissing):
        git_version(str(tmp_path / "git"))
    assert git_version(program(tmp_path / "git", "2.41.0")) == (2, 41, 0)


def test_a_program_that_never_answers_is_waited_for_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gitalign.git.program._TIMEOUT_S", 0.2)
    git = tmp_path / "git"
    git.write_text("#!/bin/sh\nexec sleep 60\n")
    git.chmod(0o755)
    with pytest.raises(GitTimedOut):
        git_version(str(git))
