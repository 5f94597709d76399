"""What a person is asked and told before an undo: which run, what changes where, and that there is nothing left to undo."""

from __future__ import annotations

from pathlib import Path

import pexpect
import pytest

from tests import warm
from tests.remotes.conftest import Shared
from tests.terminal import Terminal


def asked(place: Path, *words: str) -> str:
    """The question of a verb; it is answered with no."""
    shell = Terminal(*words, cwd=place, env={"TERM": "dumb", "NO_COLOR": "1"})
    shell.expect(r"\[y/N\]")
    question = (shell.before or "").splitlines()[-1]
    shell.sendline("n")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 1
    return question


def test_the_question_says_which_run_and_what_changes_where(clone: Shared) -> None:
    place = clone.work.path
    assert warm.run("run", "--remote", "--yes", cwd=place).returncode == 0
    question = asked(place, "undo", "last", "--push")
    assert question.startswith("Undo run 2")
    assert "It changes 2 branches on origin." in question
    assert warm.run("undo", "last", "--push", "--yes", cwd=place).returncode == 0
    assert asked(place, "undo", "last", "--push").startswith("Undo the undo 2")


def test_what_would_be_deleted_is_said(clone: Shared) -> None:
    work = clone.work
    work.git("branch", "-q", "done", "main")
    work.switch("done")
    work.commit("done", {"done": b"1\n"})
    work.git("push", "-q", "origin", "done", "done:main")
    work.switch("main")
    work.git("pull", "-q", "--ff-only")
    work.git("branch", "-q", "-D", "done")
    clone.target_moves_on()
    done = warm.run("prune", "--merged", "--remote", "--yes", cwd=work.path)
    assert done.returncode == 0, done.stderr + done.stdout
    assert clone.there("done") == ""
    assert warm.run("undo", "last", "--push", "--yes", cwd=work.path).returncode == 0
    assert "on origin; 1 of these are deleted" in asked(work.path, "undo", "last", "--push")


@pytest.mark.parametrize("words", [("--push",), ()])
def test_what_is_undone_already_is_not_undone_again(clone: Shared, words: tuple[str, ...]) -> None:
    place = clone.work.path
    if not words:
        clone.work.git("branch", "-q", "x", "origin/x")
    done = warm.run("run", *(["--remote"] if words else []), "--yes", cwd=place)
    assert done.returncode == 0, done.stderr
    run_id = next(line for line in done.stdout.splitlines() if line.startswith("run ")).split()[1].rstrip(":")
    assert warm.run("undo", run_id, *words, "--yes", cwd=place).returncode == 0
    again = warm.run("undo", run_id, *words, "--yes", cwd=place)
    assert again.returncode == 0, again.stderr
    assert f"run {run_id} is undone already" in again.stdout
    assert "pushed" not in again.stdout


def test_a_branch_that_only_the_remote_has_is_named_as_that(clone: Shared) -> None:
    clone.work.git("branch", "-q", "y1", "origin/y")
    done = warm.run("plan", "--only", "x", cwd=clone.work.path)
    assert done.returncode == 2
    assert "x exists only on origin" in done.stderr
    assert "add --remote --only x" in done.stderr
