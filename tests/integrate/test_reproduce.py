"""The commands of a stop: they lead there, whatever the configuration says, or tell how far they lead; they move nothing."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from gitalign.core.outcome import Conflicted
from tests.git.workspace import IDENTITY, Workspace
from tests.runs import branch, run

LINES = [b"line %d\n" % number for number in range(60)]


def _with(**changes: str) -> bytes:
    """The lines with some of them changed: `l3="x"`."""
    lines = list(LINES)
    for name, text in changes.items():
        lines[int(name[1:])] = text.encode() + b"\n"
    return b"".join(lines)


def _typed(work: Workspace, outcome: Conflicted) -> Path:
    """Type all commands but the last, which clears away; the folder they worked in."""
    for command in outcome.reproduce[:-1]:
        done = subprocess.run(
            command, shell=True, cwd=work.path, env={**os.environ, **IDENTITY}, capture_output=True, check=False
        )
        assert done.returncode == 0 or not command.startswith("#"), command
    return work.path / outcome.reproduce[0].split()[4]


def _remarks(outcome: Conflicted) -> list[str]:
    return [line for line in outcome.reproduce if line.startswith("# ")]


def _stopped(work: Workspace, folder: Path) -> tuple[str, str]:
    """The conflicted paths, and the subject of the commit git stopped at."""
    unmerged = work.git("-C", str(folder), "diff", "--name-only", "--diff-filter=U")
    return unmerged, work.git("-C", str(folder), "log", "-1", "--format=%s", "REBASE_HEAD", check=False)


@pytest.mark.parametrize(
    ("strategy", "merges"),
    [("rebase", False), ("rebase", True), ("iterative", False), ("rebase-merges", True)],
)
def test_the_commands_move_nothing_and_lead_there_under_any_configuration(
    strategy: str, merges: bool, tmp_path: Path
) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": _with(), "g": _with()})
    work.switch("side", "main")
    work.commit("side", {"side": b"1\n"})
    work.switch("x", "main")
    work.commit("one", {"one": b"1\n"})
    work.git("branch", "below")
    if merges:
        work.git("merge", "-q", "--no-ff", "--no-edit", "side")
    work.commit("two", {"g": _with(l3="x")})
    work.commit("fixup! one", {"one": b"2\n"})
    work.commit("clash", {"f": _with(l3="x")})
    work.git("branch", "-D", "side")
    work.switch("main")
    work.commit("D1", {"d": b"1\n"})
    work.commit("D2", {"f": _with(l3="d")})
    for name, value in (
        ("rebase.updateRefs", "true"),
        ("rebase.autoSquash", "true"),
        ("rebase.autoStash", "true"),
        ("rebase.rebaseMerges", "true"),
        ("rebase.abbreviateCommands", "true"),
    ):
        work.git("config", name, value)
    report = run(work.path, only=("x",), strategy=strategy, iterative_step=1, merges="flatten")
    outcome = branch(report, "x").result.outcome
    assert isinstance(outcome, Conflicted), outcome
    assert _remarks(outcome) == []
    refs = work.git("for-each-ref", "refs/heads")
    folder = _typed(work, outcome)
    assert _stopped(work, folder) == ("f", "clash")
    assert outcome.commit == work.tip("x")
    work.git("-C", str(folder), "checkout", "--theirs", "--", "f")
    work.git("-C", str(folder), "add", "-A")
    work.git("-C", str(folder), "-c", "core.editor=true", "rebase", "--continue")
    assert work.git("for-each-ref", "refs/heads") == refs
    subjects = work.git("-C", str(folder), "log", "--format=%s", "--no-merges", "main..HEAD").splitlines()
    assert sorted(subjects) == sorted(["clash", "fixup! one", "two", "one", *(["side"] if merges else [])])
    subprocess.run(outcome.reproduce[-1], shell=True, cwd=work.path, check=True, capture_output=True)
    assert not folder.exists()


def test_the_commands_stop_at_a_merge_that_was_settled_and_say_so(tmp_path: Path) -> None:
    """Nothing is checked out from the old merge: the target has changed other lines of the file since."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": _with()})
    work.switch("x", "main")
    work.commit("X", {"f": _with(l5="five x")})
    work.switch("main")
    work.commit("D", {"f": _with(l5="five d")})
    work.switch("x")
    work.git("merge", "-q", "main", check=False)
    work.commit("M", {"f": _with(l5="five settled")})
    work.commit("Y", {"f": _with(l5="five settled", l40="forty y")})
    work.switch("main")
    work.commit("T", {"f": _with(l5="five d", l40="forty t")})
    outcome = branch(run(work.path, strategy="rebase-merges"), "x").result.outcome
    assert isinstance(outcome, Conflicted)
    merge, commit = work.tip("x~1"), work.tip("x")
    assert (outcome.commit, outcome.recreating) == (commit, None)
    folder = _typed(work, outcome)
    unmerged = work.git("-C", str(folder), "ls-files", "-u").splitlines()
    assert [line.split()[1] for line in unmerged] == [work.tip(f"{name}:f") for name in ("main~2", "x~2", "main")]
    told = _remarks(outcome)
    assert merge in told[0]
    assert told[0].startswith("# first git stops at merge ")
    assert f"git show --remerge-diff {merge}" in told[1]
    assert commit in told[-1]
    # As the remarks have it, a person comes to the stop.
    (work.path / folder / "f").write_bytes(_with(l5="five settled", l40="forty t"))
    work.git("-C", str(folder), "add", "f")
    work.git("-C", str(folder), "-c", "core.editor=true", "rebase", "--continue", check=False)
    assert _stopped(work, folder) == ("f", "Y")


def test_the_commands_say_what_git_forgets(tmp_path: Path) -> None:
    """What was slipped into a merge is not in git's result; a later commit that needs it stops in git, and not here."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": _with()})
    work.switch("z", "main")
    work.commit("Z", {"z": b"1\n"})
    work.switch("x", "main")
    work.commit("X", {"x": b"1\n"})
    work.git("merge", "-q", "--no-commit", "z")
    work.commit("M slips n in", {"n": _with(l5="n")})
    work.commit("Y edits n", {"n": _with(l5="n", l40="y")})
    work.git("branch", "-D", "z")
    work.commit("Y2", {"f": _with(l40="y2")})
    work.git("branch", "again")
    work.switch("main")
    work.commit("T", {"f": _with(l40="t")})
    report = run(work.path, strategy="rebase-merges")
    for name in ("again", "x"):
        outcome = branch(report, name).result.outcome
        assert isinstance(outcome, Conflicted)
        assert outcome.commit == work.tip("x")
        told = _remarks(outcome)
        assert told[0] == f"# git forgets what merge {work.tip('x~2')} holds of its own, which was carried over here"
        assert "--remerge-diff" in told[1]
    assert isinstance(outcome, Conflicted)
    folder = _typed(work, outcome)
    assert _stopped(work, folder) == ("n", "Y edits n")


def test_the_commands_say_what_was_settled_by_a_rung(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": _with(), "g": _with()})
    work.switch("x", "main")
    work.commit("blanks", {"f": _with(l5="five  x", l20="twenty")})
    work.commit("clash", {"g": _with(l5="x")})
    work.switch("main")
    work.commit("D1", {"f": _with(l5="five x")})
    work.commit("D2", {"g": _with(l5="d")})
    for strategy in ("rebase", "iterative"):
        report = run(work.path, strategy=strategy, iterative_step=1, resolutions__rungs=["whitespace"])
        outcome = branch(report, "x").result.outcome
        assert isinstance(outcome, Conflicted)
        assert outcome.commit == work.tip("x")
        assert work.tip("x~1") in _remarks(outcome)[0], strategy
        folder = _typed(work, outcome)
        assert _stopped(work, folder) == ("f", "blanks")
        subprocess.run(outcome.reproduce[-1], shell=True, cwd=work.path, check=True, capture_output=True)


def test_what_cannot_be_carried_over_is_shown_where_the_commands_stop(tmp_path: Path) -> None:
    """Commands are found in the list git makes, however it is told to write it."""
    work = Workspace(tmp_path / "repo")
    work.git("config", "rebase.abbreviateCommands", "true")
    work.commit("base", {"g": _with()})
    work.switch("z", "main")
    work.commit("Z", {"z": b"1\n"})
    work.switch("x", "main")
    work.commit("X", {"x": b"1\n"})
    work.git("merge", "-q", "--no-commit", "z")
    work.commit("M", {"g": _with(l10="slipped in")})
    work.git("branch", "-D", "z")
    work.commit("Y", {"y": b"1\n"})
    work.switch("main")
    work.commit("T", {"g": _with(l10="another idea")})
    outcome = branch(run(work.path, strategy="rebase-merges"), "x").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.recreating == work.tip("x~1")
    folder = _typed(work, outcome)
    assert work.git("-C", str(folder), "log", "-1", "--format=%s") == "M"
