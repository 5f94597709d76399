"""A run over what the last one left is answered without being made, and only then: whatever changed, it is made."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.configuration.given import digest_of_given
from gitalign.core.known_answer import KnownAnswer
from gitalign.core.plan import Permit
from gitalign.core.report import Report
from gitalign.core.status import Status
from gitalign.documents.formats import json_text, parsed
from gitalign.documents.overviews import dump_status, load_status
from gitalign.engine.run import fingerprint, planning
from gitalign.engine.run import known_answer as known
from gitalign.errors import ConfigError
from gitalign.store.journal import open_journal
from tests import warm
from tests.git.workspace import Workspace
from tests.runs import request, run

FILE = "known-answer"
MOST_PROCESSES = 7


def build(place: Path, *, stacked: bool = False) -> Workspace:
    """A branch that aligns, one that conflicts, one without a commit in common."""
    work = Workspace(place)
    work.commit("base", {"f": b"1\n"})
    work.switch("fine", "main")
    work.commit("own", {"g": b"1\n"})
    work.switch("clash", "fine" if stacked else "main")
    work.commit("clashing", {"f": b"2\n"})
    work.git("checkout", "-q", "--orphan", "alone")
    work.commit("alone", {"h": b"1\n"})
    work.switch("main")
    work.commit("more", {"f": b"3\n"})
    return work


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Reused: where a change made the answer unknown, the repository is run again."""
    return build(tmp_path_factory.mktemp("known") / "repo")


def known_for(work: Workspace, **settings: object) -> KnownAnswer | None:
    return facade.known_answer(request(work.path, **settings))  # type: ignore[arg-type]


def settled(work: Workspace) -> Report | None:
    """Run until the answer is known; the report of the last run that was made for it."""
    report = None if known_for(work) else run(work.path)
    assert known_for(work) is not None
    return report


def counts(report: Report) -> Mapping[tuple[str, str], int]:
    return Counter((one.step.target.name, one.verdict.value) for one in report.branches())


def test_the_answer_is_what_the_run_itself_comes_to(tmp_path: Path) -> None:
    work = build(tmp_path / "repo")
    assert known_for(work) is None
    first = run(work.path)
    answer = known_for(work)
    assert answer is not None
    assert answer.run_id == first.run.id
    again = run(work.path)
    assert {(target, verdict): many for target, verdict, many in answer.counts} == counts(again)
    assert answer.exit_code == again.exit_code() == 1
    assert again.publications == ()


def test_a_branch_that_stays_while_its_stack_moved_is_looked_at_again(tmp_path: Path) -> None:
    work = build(tmp_path / "repo", stacked=True)
    assert {one.verdict.value for one in run(work.path).branches()} == {"aligned", "conflicted", "refused"}
    assert known_for(work) is None
    run(work.path)
    assert known_for(work) is not None


def _commit_on(work: Workspace, branch: str) -> None:
    tree = work.git("rev-parse", f"{branch}^{{tree}}")
    work.git("update-ref", f"refs/heads/{branch}", work.git("commit-tree", tree, "-p", branch, "-m", "more"))


def _undo(work: Workspace) -> None:
    facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))


def _edit(work: Workspace) -> None:
    (work.path / "f").write_bytes(b"edited\n")


def _forget(work: Workspace) -> None:
    journal = open_journal(work.path / ".git" / "gitalign" / "gitalign.db")
    journal.keep({"key": "verdict"}, at=journal.runs(limit=1)[0].started_at)
    journal.close()


def _write(name: str, content: bytes) -> Callable[[Workspace], None]:
    def write(work: Workspace) -> None:
        place = work.path / ".git" / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)

    return write


CHANGES: dict[str, Callable[[Workspace], object]] = {
    "a commit on a branch": lambda work: _commit_on(work, "clash"),
    "a commit on the target": lambda work: _commit_on(work, "main"),
    "a new branch": lambda work: work.git("branch", "new", "fine"),
    "a branch is deleted": lambda work: work.git("branch", "-D", "alone"),
    "a branch of a remote": lambda work: work.git("update-ref", "refs/remotes/origin/fine", "main"),
    "another branch is checked out": lambda work: work.switch("clash"),
    "a file is edited": _edit,
    "another work tree": lambda work: work.git("worktree", "add", "-q", str(work.path.parent / "second"), "fine"),
    "the configuration of git": lambda work: work.git("config", "branch.clash.merge", "refs/heads/main"),
    "a configuration that no code of ours names": lambda work: work.git("config", "merge.renames", "false"),
    "settings": _write("gitalign/config.yaml", b"alignment: {protected: [fine]}\n"),
    "attributes": _write("info/attributes", b"* merge=union\n"),
    "objects": lambda work: work.git("hash-object", "-w", "--stdin", stdin=b"new\n"),
    "a pack": lambda work: work.git("repack", "-a", "-d", "-q"),
    "a run": lambda work: run(work.path, only=("fine",)),
    "something written to the journal": _forget,
}


@pytest.mark.parametrize("change", CHANGES)
def test_whatever_changed_the_run_is_made(work: Workspace, change: str) -> None:
    work.git("checkout", "-q", "-f", "main")
    settled(work)
    CHANGES[change](work)
    assert known_for(work) is None


@pytest.mark.parametrize("name", ["info/attributes", "shallow"])
def test_what_changed_after_the_plan_was_made_is_not_called_unchanged(work: Workspace, name: str) -> None:
    settled(work)
    asked = request(work.path)
    plan = facade.plan(asked)
    place = work.path / ".git" / name
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"" if name == "shallow" else b"* -text\n")
    facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id))
    assert facade.known_answer(request(work.path)) is None


def test_after_an_undo_the_run_is_made(tmp_path: Path) -> None:
    work = build(tmp_path / "repo")
    run(work.path)
    _undo(work)
    assert known_for(work) is None
    assert {one.verdict.value for one in run(work.path).branches()} == {"aligned", "conflicted", "refused"}


def test_another_question_is_another_answer(work: Workspace) -> None:
    settled(work)
    plain = request(work.path)
    for other in (
        facade.Request(repo=work.path, only=("fine",)),
        facade.Request(repo=work.path, exclude=("fine",)),
        facade.Request(repo=work.path, fetch=True),
        facade.Request(repo=work.path, push=True),
        facade.Request(repo=work.path, remote=""),
        facade.Request(repo=work.path, since="yesterday"),
        facade.Request(repo=work.path, older_than="1 week"),
        facade.Request(repo=work.path, authors=("A",)),
        facade.Request(repo=work.path, input=work.path / "f"),
        request(work.path, merges="flatten"),
        request(work.path, orchestration__max_attempts=1),
    ):
        assert facade.known_answer(other) is None, other
    assert facade.known_answer(plain) is not None


def test_another_git_and_another_release_are_asked_again(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(work)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{work.path}:/usr/bin:/bin")
        assert known_for(work) is None
    with monkeypatch.context() as patched:
        patched.setattr(fingerprint, "_program", lambda: iter(["another release"]))
        assert known_for(work) is None
    assert known_for(work) is not None


def test_an_open_or_a_killed_journal_is_read(work: Workspace) -> None:
    """A run that is under way, or that was killed, has left its log beside the database."""
    settled(work)
    database = sqlite3.connect(work.path / ".git" / "gitalign" / "gitalign.db")
    database.execute("SELECT count(*) FROM runs").fetchall()
    assert known_for(work) is None
    database.close()
    assert known_for(work) is not None


def _head(content: bytes) -> bytes:
    return content.replace(b"answer 1", b"answer 2")


@pytest.mark.parametrize(
    "damage",
    [
        _head,
        lambda content: content[:-1],
        lambda _: b"",
        lambda content: content.replace(b"-", b"/"),
        lambda _: b"\xff",
    ],
    ids=["of another release", "cut short", "empty", "no run", "no text"],
)
def test_a_damaged_answer_is_none(work: Workspace, damage: Callable[[bytes], bytes]) -> None:
    settled(work)
    place = work.path / ".git" / "gitalign" / FILE
    whole = place.read_bytes()
    place.write_bytes(damage(whole))
    assert known_for(work) is None
    place.write_bytes(whole)
    assert known_for(work) is not None


def test_a_link_is_not_followed(work: Workspace) -> None:
    settled(work)
    place = work.path / ".git" / "gitalign" / FILE
    kept = place.rename(place.with_name("elsewhere"))
    place.symlink_to(kept)
    assert known_for(work) is None
    run(work.path)
    assert not place.is_symlink()
    assert kept.read_text() != place.read_text()


@pytest.mark.parametrize(
    "settings",
    [
        {"partial": True},
        {"furthest": True},
        {"summaries": True},
        {"strategy": "integration-branch"},
        {"validation__test_command": ["true"]},
        {"resolutions__rungs": ["imports"]},
        {"detection__detectors": ["secrets"]},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_what_others_decide_is_asked_each_time(tmp_path: Path, settings: dict[str, object]) -> None:
    work = build(tmp_path / "repo")
    for _ in range(2):
        run(work.path, **settings)  # type: ignore[arg-type]
        assert known_for(work, **settings) is None


def test_what_a_work_tree_holds_back_is_looked_at_each_time(tmp_path: Path) -> None:
    work = build(tmp_path / "repo")
    work.switch("fine")
    (work.path / "g").write_bytes(b"edited\n")
    run(work.path)
    assert known_for(work) is None
    work.git("checkout", "-q", "g")
    assert {one.verdict.value for one in run(work.path).branches()} == {"aligned", "conflicted", "refused"}


def test_a_plan_of_other_settings_leaves_no_answer(tmp_path: Path) -> None:
    work = build(tmp_path / "repo")
    asked = request(work.path)
    plan = facade.plan(asked)
    (work.path / ".git" / "gitalign").mkdir()
    (work.path / ".git" / "gitalign" / "config.yaml").write_text("alignment: {iterative_step: 5}\n")
    facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id))
    assert known_for(work) is None


def test_nothing_is_kept_where_nothing_can_be_written(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    settled(work)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(known, "keep", full)
    run(work.path)
    assert known_for(work) is None


def quiet(work: Workspace) -> None:
    """As if nothing had been written to the journal for a second."""
    database = work.path / ".git" / "gitalign" / "gitalign.db"
    a_second_ago = database.stat().st_mtime_ns - 1_000_000_000
    os.utime(database, ns=(a_second_ago, a_second_ago))


def status_found_out(work: Workspace) -> Status:
    (work.path / ".git" / "gitalign" / "known-status").unlink(missing_ok=True)
    return facade.status(request(work.path))


def test_a_status_that_is_known_is_not_found_out_again(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    run(work.path)
    quiet(work)
    found = status_found_out(work)
    with monkeypatch.context() as patched:
        patched.setattr(planning, "make_plan", None)
        assert facade.status(request(work.path)) == found
        with pytest.raises(TypeError):
            facade.status(request(work.path, iterative_step=5))
    assert load_status(parsed(json_text(dump_status(found)))) == found


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Reused by the tests of every change, and run once."""
    work = build(tmp_path_factory.mktemp("looked") / "repo")
    run(work.path)
    return work


@pytest.mark.parametrize("change", [*CHANGES, "undo", "the log of a branch", "a damaged file"])
def test_whatever_changed_the_status_is_found_out(looked_at: Workspace, change: str) -> None:
    work = looked_at
    work.git("checkout", "-q", "-f", "main")
    others: dict[str, Callable[[Workspace], object]] = {
        "undo": _undo,
        "the log of a branch": lambda work: (work.path / ".git" / "logs" / "refs" / "heads" / "fine").write_bytes(b""),
        "a damaged file": _write("gitalign/known-status", b"git-align known status 1\n"),
    }
    quiet(work)
    before = status_found_out(work)
    place = work.path / ".git" / "gitalign" / "known-status"
    kept = place.read_bytes()
    (CHANGES | others)[change](work)
    after = facade.status(request(work.path))
    assert after == status_found_out(work)
    # What was written to the journal just now leaves nothing kept.
    kept_now = place.read_bytes() if place.exists() else b""
    assert after != before or kept_now != kept or change == "a damaged file"


def test_a_status_is_not_kept_while_the_journal_may_still_be_written(work: Workspace) -> None:
    run(work.path)
    place = work.path / ".git" / "gitalign" / "known-status"
    place.unlink(missing_ok=True)
    just_now = time.time() + 60  # however long it takes until the status is asked for
    os.utime(work.path / ".git" / "gitalign" / "gitalign.db", (just_now, just_now))
    facade.status(request(work.path))
    assert not place.exists()


def test_the_command_says_so_and_opens_neither_history_nor_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = build(tmp_path / "repo")
    warm.run("run", "--yes", cwd=work.path)
    before = facade.runs(request(work.path))
    log = tmp_path / "log"
    real = subprocess.run(["sh", "-c", "command -v git"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "git").write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >> {log}\nexec {real} "$@"\n')
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    warm.run("run", "--yes", cwd=work.path)
    log.unlink()
    done = warm.run("run", "--yes", cwd=work.path)
    assert done.returncode == 1
    assert "Nothing has changed since run" in done.stdout
    assert "conflicted" in done.stdout
    started = log.read_text().splitlines()
    assert len(started) <= MOST_PROCESSES, started
    assert not any(line.startswith(("rev-list", "cat-file")) for line in started)
    assert len(facade.runs(request(work.path))) == len(before) + 1
    for words in (("--json",), ("-v",), ("--output", str(tmp_path / "results"))):
        made = warm.run("run", "--yes", *words, cwd=work.path)
        assert "Nothing has changed" not in made.stdout, words
    assert len(facade.runs(request(work.path))) == len(before) + 4


def test_settings_of_another_origin_are_asked_again_and_are_not_read_where_the_answer_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = build(tmp_path / "repo")
    run(work.path)
    file = tmp_path / "settings.yaml"
    file.write_text("alignment: {iterative_step: 0}\n")
    with monkeypatch.context() as patched:
        patched.setattr("gitalign.configuration.load.load_config", None)
        assert known_for(work) is not None
        assert facade.known_answer(facade.Request(repo=work.path, config_file=file)) is None
        patched.setenv("GITALIGN_ALIGNMENT__ITERATIVE_STEP", "0")
        assert known_for(work) is None
    missing = facade.Request(repo=work.path, config_file=tmp_path / "no-such.yaml")
    assert facade.known_answer(missing) is None
    with pytest.raises(ConfigError, match="no-such"):
        facade.plan(missing)
    assert known_for(work) is not None


def test_a_file_of_settings_that_cannot_be_read_leaves_nothing_known(tmp_path: Path) -> None:
    place = tmp_path / "settings.yaml"
    place.mkdir()
    given: dict[str, Any] = {"git_dir": None, "environ": {}, "overrides": {}}
    assert digest_of_given(file=place, **given) is None
    assert digest_of_given(file=None, **given) == digest_of_given(file=None, **given)
