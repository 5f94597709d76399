"""Hostile or broken surroundings: nothing of a repository runs, one broken branch stays alone, no ref moves half-way."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from gitalign import child, facade
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from gitalign.errors import GitAlignError, GitTooOld, NotARepository, StoreError
from tests import needs, warm
from tests.git.workspace import Workspace
from tests.runs import branch, request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))
HOOKS = (
    "reference-transaction", "post-checkout", "pre-push", "post-rewrite", "pre-commit", "post-commit", "post-merge",
    "pre-rebase", "prepare-commit-msg", "commit-msg", "update", "post-index-change", "pre-auto-gc", "fsmonitor-watchman",
)  # fmt: skip


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES, "other": b"o\n"})
    for name in ("x", "y"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n", "list": LINES.replace(b"line 20\n", name.encode() + b"\n")})
        work.commit(f"{name} again", {f"{name}2": b"1\n"})
    work.switch("main")
    work.commit("main", {"extra": b"e\n", "list": LINES.replace(b"line 3\n", b"three\n")})
    return work


def test_nothing_of_the_repository_ever_runs(work: Workspace, tmp_path: Path) -> None:
    """Edge case 41."""
    canary = tmp_path / "canary"
    script = f"#!/bin/sh\necho $0 >> {canary}\nexit 1\n"
    for hook in HOOKS:
        place = work.path / ".git" / "hooks" / hook
        place.parent.mkdir(exist_ok=True)
        place.write_text(script)
        place.chmod(0o755)
    evil = tmp_path / "evil"
    evil.write_text(script)
    evil.chmod(0o755)
    place = tmp_path / "wt"
    work.git("-c", "core.hooksPath=/dev/null", "worktree", "add", "-q", str(place), "x")
    for key in (
        "core.fsmonitor", "core.sshCommand", "core.editor", "sequence.editor", "core.pager", "core.askPass", "diff.external",
        "merge.evil.driver", "diff.evil.command", "diff.evil.textconv", "alias.merge-tree", "alias.rev-list", "gpg.program",
        "core.alternateRefsCommand", "uploadpack.packObjectsHook", "credential.helper",
    ):  # fmt: skip
        work.git("config", key, str(evil))
    (work.path / ".git" / "info").mkdir(exist_ok=True)
    (work.path / ".git" / "info" / "attributes").write_text("* merge=evil diff=evil\n")
    report = run(work.path)
    assert {one.verdict for one in report.branches()} == {Verdict.ALIGNED}
    facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))
    facade.doctor(request(work.path))
    facade.status(request(work.path))
    assert not canary.exists(), canary.read_text()


def test_filters_hold_their_work_tree_back_and_never_run(work: Workspace, tmp_path: Path) -> None:
    """Edge cases 10, 41."""
    canary = tmp_path / "canary"
    place = tmp_path / "wt"
    work.git("worktree", "add", "-q", str(place), "x")
    work.git("config", "filter.evil.smudge", f"touch {canary}; cat")
    work.git("config", "filter.evil.clean", f"touch {canary}; cat")
    (work.path / ".git" / "info").mkdir(exist_ok=True)
    (work.path / ".git" / "info" / "attributes").write_text("* filter=evil\n")
    tip = work.tip("x")
    report = run(work.path)
    assert work.tip("x") == tip
    assert branch(report, "y").verdict is Verdict.ALIGNED
    assert not canary.exists()


def test_a_missing_blob_fails_its_branches_alone(work: Workspace) -> None:
    """Edge case 43."""
    blob = work.tip("x:list")
    (work.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    tip = work.tip("x")
    report = run(work.path)
    found = branch(report, "x")
    assert found.verdict is Verdict.FAILED
    assert getattr(found.result.outcome, "code", "") == "missing_object"
    assert blob in found.detail
    assert work.tip("x") == tip
    assert branch(report, "y").verdict is Verdict.ALIGNED


def test_missing_history_fails_its_branch_alone(work: Workspace) -> None:
    parent = work.tip("x~1")
    (work.path / ".git" / "objects" / parent[:2] / parent[2:]).unlink()
    report = run(work.path)
    assert branch(report, "x").verdict is Verdict.REFUSED
    assert getattr(branch(report, "x").result.outcome, "code", "") == "missing_object"
    assert branch(report, "y").verdict is Verdict.ALIGNED


def test_a_branch_that_points_to_no_commit_is_left_out(work: Workspace) -> None:
    (work.path / ".git" / "refs" / "heads" / "blob").write_text(work.tip("main:list") + "\n")
    report = run(work.path)
    assert next(one.code for one in report.plan.excluded if one.branch == "blob") == "not_a_commit"
    assert branch(report, "x").verdict is Verdict.ALIGNED


def fake_git(folder: Path, body: str) -> str:
    """A `git` in front of the real one on PATH; `$REAL` is the real one."""
    folder.mkdir()
    script = folder / "git"
    script.write_text(f"#!/bin/sh\nREAL={shutil.which('git')}\n{body}\n")
    script.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def shorten_deadlines(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Nobody waits longer than that for a child."""

    def hurried(call: Callable[..., object]) -> Callable[..., object]:
        return lambda *words, timeout_s, **more: call(*words, timeout_s=min(timeout_s, seconds), **more)

    def wait(self: child.Conversation, deadline: float, *, writing: bool = False) -> None:
        patiently(self, min(deadline, time.monotonic() + seconds), writing=writing)

    patiently = child.Conversation._wait
    monkeypatch.setattr(child.Conversation, "_wait", wait)
    monkeypatch.setattr(child, "run", hurried(child.run))
    monkeypatch.setattr(child, "pipe", hurried(child.pipe))


def tips(work: Workspace) -> str:
    return work.git("for-each-ref", "refs/heads")


@pytest.mark.parametrize(
    "verb",
    ["rev-list", "for-each-ref", "merge-tree", "cat-file", "update-ref", "pack-objects", "index-pack", "ls-tree"],
)
@pytest.mark.parametrize("how", ["dies", "stalls"])
def test_git_that_dies_or_stalls_loses_nothing(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, how: str
) -> None:
    """Edge cases 40, 43."""
    before = tips(work)
    end = "kill -9 $$" if how == "dies" else "sleep 300"
    path = fake_git(tmp_path / "bin", f'case " $* " in *" {verb} "*) {end};; esac\nexec $REAL "$@"')
    shorten_deadlines(monkeypatch, 1.5)
    monkeypatch.setenv("PATH", path)
    started = time.monotonic()
    told: GitAlignError | None = None
    try:
        report = run(
            work.path, orchestration__integration_timeout_seconds=1, orchestration__enable_backup_branches=False
        )
        stopped = any(one.verdict in (Verdict.FAILED, Verdict.HELD_BACK) for one in report.branches())
        # What branches leave is held by a commit where git packs nothing; what they get is packed without it.
        assert stopped is (verb != "pack-objects")
    except GitAlignError as error:
        told = error
    assert told is None or (told.exit_code in (2, 3) and told.message)
    assert time.monotonic() - started < 60
    monkeypatch.undo()
    assert (tips(work) == before) is (verb != "pack-objects")
    facade.resume(request(work.path))
    run(work.path)
    assert "missing" not in work.git("fsck", "--full")


def test_git_that_is_too_old_or_missing_is_named(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", fake_git(tmp_path / "bin", "echo git version 2.30.2"))
    with pytest.raises(GitTooOld, match=r"2\.30"):
        facade.plan(request(work.path))
    monkeypatch.setenv("PATH", str(tmp_path / "nowhere"))
    with pytest.raises(GitAlignError, match="cannot start git"):
        facade.plan(request(work.path))


def test_no_repository_is_a_usage_error(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "gone"):
        with pytest.raises(NotARepository) as caught:
            facade.plan(request(place))
        assert caught.value.exit_code == 2


@pytest.fixture
def small_disk(work: Workspace, tmp_path: Path) -> Iterator[Workspace]:
    """The repository on a tmpfs of 24 MiB."""
    with needs.mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=24m", "tmpfs") as place:
        shutil.copytree(work.path, place / "repo", symlinks=True)
        small = Workspace.__new__(Workspace)
        small.path, small.executable, small._minute = place / "repo", "git", 100
        yield small


@pytest.mark.parametrize("left", [0, 64, 256, 1024, 4096, 9000])
def test_full_disk_moves_nothing_half_way(small_disk: Workspace, left: int) -> None:
    """Edge case 36."""
    before = tips(small_disk)
    free = shutil.disk_usage(small_disk.path).free
    (small_disk.path.parent / "ballast").write_bytes(b"\0" * (free - left * 1024))
    told: GitAlignError | None = None
    try:
        run(small_disk.path)
    except GitAlignError as error:
        told = error
    if left < 8192:
        assert told is not None, "a full disk went unnoticed"
        assert told.exit_code == 3
        assert tips(small_disk) == before
    else:
        assert told is None
    (small_disk.path.parent / "ballast").unlink()
    facade.resume(request(small_disk.path))
    run(small_disk.path)
    assert "missing" not in small_disk.git("fsck", "--full")
    assert not list((small_disk.path / ".git").rglob("*.lock"))


def test_read_only_repository_is_told_before_anything_is_done(work: Workspace, tmp_path: Path) -> None:
    """Edge case 36."""
    with needs.mounted(tmp_path / "ro", "--bind", str(work.path)) as place:
        subprocess.run(["mount", "-o", "remount,ro,bind", str(place)], check=True)
        before = tips(work)
        assert facade.plan(request(place)).steps
        assert facade.status(request(place)).to_align == 2
        with pytest.raises(GitAlignError) as caught:
            run(place)
        assert caught.value.exit_code == 3
        assert "gitalign" in caught.value.message or "Read-only" in caught.value.message
        assert tips(work) == before


def test_a_corrupt_journal_is_told_and_left_alone(work: Workspace) -> None:
    run(work.path)
    database = work.path / ".git" / "gitalign" / "gitalign.db"
    for beside in database.parent.glob("gitalign.db-*"):
        beside.unlink()
    database.write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreError, match="journal") as caught:
        facade.runs(request(work.path))
    assert "anchors" in caught.value.hint
    assert database.read_bytes().startswith(b"no database")


def test_the_anchor_tells_every_move_even_without_the_journal(work: Workspace) -> None:
    """Edge case 37."""
    report = run(work.path)
    shutil.rmtree(work.path / ".git" / "gitalign")
    (line,) = work.git("for-each-ref", "--format=%(objectname) %(refname)", "refs/gitalign").splitlines()
    assert line.endswith(report.run.id)
    told = work.git("for-each-ref", "--format=%(contents)", line.split(" ")[1])
    work.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    work.git("gc", "--quiet", "--prune=now")
    for one in report.publications:
        assert f"{one.update.before} {one.update.after} {one.update.ref}" in told
        assert work.git("rev-list", "--objects", one.update.before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_stop_cleanly_and_resume_goes_on(tmp_path: Path, number: int) -> None:
    """Edge case 40."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES})
    for index in range(30):
        work.switch(f"topic/{index}", "main")
        work.commit("own", {f"own{index}": b"1\n"})
    work.switch("main")
    work.commit("main", {"extra": b"e\n"})
    slow = fake_git(tmp_path / "bin", 'case " $* " in *" merge-tree "*) sleep 0.1;; esac\nexec $REAL "$@"')
    before = tips(work)
    running = warm.start("run", "--repo", work.path, "--yes", env={"PATH": slow})
    database = work.path / ".git" / "gitalign" / "quarantine"
    deadline = time.monotonic() + 20
    while not list(database.glob("*")) and time.monotonic() < deadline:
        os.sched_yield()
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert tips(work) == before
    (record,) = facade.runs(request(work.path))
    assert record.outcome == "interrupted"
    reports = facade.resume(request(work.path))
    assert sum(one.verdict is Verdict.ALIGNED for report in reports for one in report.branches()) == 30


def test_state_is_private_to_its_owner_where_it_matters(work: Workspace) -> None:
    quarantine = work.path / ".git" / "gitalign" / "quarantine"
    memory: dict[Path, int] = {}

    def look(effect: str) -> None:
        for pointer in quarantine.glob("*/memory"):
            place = Path(pointer.read_text())
            with suppress(FileNotFoundError):  # it is deleted while branches are moved
                memory[place] = stat.S_IMODE(place.stat().st_mode)

    facade.run(request(work.path), permit=Permit(plan_id="*"), checkpoint=look)
    assert set(memory.values()) == {0o700}
    assert not any(place.exists() for place in memory)
    assert not quarantine.exists()
