"""What people stumbled over at the command line."""

from __future__ import annotations

from pathlib import Path

import pexpect
import pytest

from tests import warm
from tests.git.workspace import Workspace
from tests.terminal import Terminal


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """A branch that can be aligned, and a merged one."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("old", "main")
    work.commit("old", {"h": b"1\n"})
    work.switch("main")
    work.git("merge", "-q", "--ff-only", "old")
    work.switch("topic", "main")
    work.commit("topic", {"g": b"1\n"})
    work.switch("main")
    work.commit("more", {"f": b"2\n"})
    return work


def test_a_run_without_work_does_not_hide_the_last_one(work: Workspace) -> None:
    first = warm.run("run", "--yes", cwd=work.path)
    assert "aligned" in first.stdout
    assert "moved branches" not in warm.run("show", cwd=work.path).stdout
    warm.run("run", "--yes", "-v", cwd=work.path)  # without -v nothing is done where nothing has changed
    shown = warm.run("show", "last", cwd=work.path).stdout
    named = next(line for line in shown.splitlines() if "the last run that moved branches" in line)
    words = named.removeprefix("next: git align ").split("   ")[0].split()
    assert "topic" in warm.run(*words, cwd=work.path).stdout


@pytest.mark.parametrize("verb", ["run", "plan", "forecast"])
def test_a_branch_as_an_argument_is_answered_with_the_option(work: Workspace, verb: str) -> None:
    done = warm.run(verb, "topic", "it's", cwd=work.path)
    assert done.returncode == 2
    assert f"git align {verb} --only topic --only 'it'\"'\"'s'" in done.stderr


def test_a_verb_without_that_option_only_refuses(work: Workspace) -> None:
    done = warm.run("doctor", "topic", cwd=work.path)
    assert done.returncode == 2
    assert "unexpected argument: topic" in done.stderr
    assert "--only" not in done.stderr


def test_a_deletion_is_called_one(work: Workspace, tmp_path: Path) -> None:
    work.git("clone", "-q", "--bare", str(work.path), str(tmp_path / "hub.git"))
    work.git("remote", "add", "origin", str(tmp_path / "hub.git"))
    work.git("fetch", "-q", "origin")
    there = warm.run("prune", "--merged", "--remote", "--yes", cwd=work.path).stdout
    assert any(line.split("\t")[1:2] == ["deleted"] and "old" in line for line in there.splitlines()), there
    here = warm.run("prune", "--merged", "--yes", cwd=work.path).stdout
    assert any(line.split("\t")[:2] == ["old", "deleted"] for line in here.splitlines()), here


def test_quiet_is_quiet(work: Workspace) -> None:
    for words in (("resume", "-q"), ("prune", "-q", "--older-than", "0", "--yes")):
        done = warm.run(*words, cwd=work.path)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", ""), words


def test_merged_branches_are_chosen_by_author_and_age(work: Workspace) -> None:
    def would_go(*words: str) -> bool:
        done = warm.run("prune", "--merged", "--dry-run", *words, cwd=work.path)
        assert done.returncode == 0, done.stderr
        return "old" in done.stdout

    assert would_go()
    assert would_go("--author", "*")
    assert not would_go("--author", "nobody@nowhere")
    assert not would_go("--since", "yesterday")
    assert would_go("--older-than", "1 day")
    assert would_go("--older-than", "1")
    assert warm.run("prune", "--older-than", "1 day", cwd=work.path).returncode == 2
    assert warm.run("prune", "--author", "x", cwd=work.path).returncode == 2


def test_the_plan_before_the_question_is_paged(work: Workspace) -> None:
    env = {"TERM": "xterm", "PAGER": "sed s/^/paged:/"}
    for words, is_paged in ((["run"], True), (["--no-pager", "run"], False)):
        terminal = Terminal(*words, cwd=work.path, env=env)
        terminal.expect("Align 1 branches now")
        assert ("paged:" in (terminal.before or "")) is is_paged
        terminal.sendline("n")
        terminal.expect(pexpect.EOF)
        terminal.close()


def test_after_an_undo_that_put_back_only_part_of_it_no_advice_gives_up_the_rest(work: Workspace) -> None:
    """What is still to be put back needs the pins; and where nothing moved, nothing is offered to be put back."""
    work.git("branch", "other", "topic")
    assert warm.run("run", "--yes", cwd=work.path).returncode == 0
    work.git("branch", "-f", "other", "main")
    done = warm.run("undo", "last", "--yes", cwd=work.path)
    assert done.returncode == 1, done.stdout
    assert "prune --older-than" not in done.stdout
    assert "puts back the others" in done.stdout
    run_id = done.stdout.rsplit("undo ", 1)[1].split()[0]
    work.git("branch", "-f", "topic", "main")
    again = warm.run("undo", run_id, "--yes", cwd=work.path)
    assert "brings them forward again" not in again.stdout
