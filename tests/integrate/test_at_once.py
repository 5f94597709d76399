"""Branches replayed many at once: the same outcomes, commits and counts as one by one, whatever git does meanwhile."""

from __future__ import annotations

import math
import random
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign import facade
from gitalign.core.outcome import Aligned, Outcome, StepResult
from gitalign.core.plan import Permit, Step
from gitalign.core.report import Report
from gitalign.engine.alignment import at_once
from gitalign.engine.alignment.align import BranchAligner
from gitalign.engine.alignment.at_once import ReplaysAtOnce
from gitalign.engine.alignment.replay_block import Block, BlockProcesses, Replayed
from gitalign.engine.runtime.surroundings import of_process
from gitalign.errors import MissingObject, OutOfSpace
from gitalign.git import merge_stream
from gitalign.git.merge_stream import MergeStream
from gitalign.git.quarantine import Quarantine
from gitalign.integrate import streams
from tests import needs
from tests.git.workspace import Workspace
from tests.histories import RandomHistory
from tests.runs import request

LINES = b"".join(b"line %d\n" % number for number in range(40))


def changed(*pairs: tuple[int, bytes]) -> bytes:
    """The lines, with some of them replaced."""
    lines = LINES.splitlines(keepends=True)
    for number, words in pairs:
        lines[number] = words + b"\n"
    return b"".join(lines)


def align(repository: Path, place: Path, *, committer: str = "operator") -> Report:
    """A run over a copy, at a fixed time."""
    copy = shutil.copytree(repository, place, symlinks=True)
    surroundings = replace(of_process(), clock=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    asked = replace(request(copy, merges="flatten", committer=committer), surroundings=surroundings)
    plan = facade.plan(asked)
    return facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id))


def outcomes(report: Report) -> dict[str, Outcome]:
    """By branch."""
    return {one.step.branch.name: one.result.outcome for one in report.branches()}


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Branches that were replayed at once."""
    names: list[str] = []
    take = ReplaysAtOnce.take

    def noted(self: ReplaysAtOnce, step: object, **bounds: float) -> Replayed | None:
        found = take(self, step, **bounds)  # type: ignore[arg-type]
        if found is not None:
            names.append(step.branch.name)  # type: ignore[attr-defined]
        return found

    monkeypatch.setattr(ReplaysAtOnce, "take", noted)
    return names


def one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on no branch is replayed at once."""
    monkeypatch.setattr(at_once, "_is_replayed", lambda step: False)


def commit_of(work: Workspace, branch: str, headers: bytes, message: bytes) -> None:
    """Put a commit with such headers and message onto a branch, with a file of its own."""
    work.switch(branch)
    blob = work.git("hash-object", "-w", "--stdin", stdin=headers + message)
    listed = work.git("ls-tree", "HEAD") + f"\n100644 blob {blob}\todd\n"
    tree = work.git("mktree", stdin=listed.encode())
    people = b"author A <a@x> 1 +0100\ncommitter C <c@x> 2 -0200\n"
    data = b"tree %b\nparent %b\n%b%b\n%b" % (tree.encode(), work.tip("HEAD").encode(), people, headers, message)
    oid = work.git("hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=data)
    work.git("update-ref", f"refs/heads/{branch}", oid)
    work.git("reset", "-q", "--hard")


def build(place: Path, object_format: str) -> Path:
    """Branches of every kind on one target, which went on."""
    work = Workspace(place, object_format=object_format)
    work.commit("base", {"list": LINES, "other": LINES, "extra": b"x\n"})
    work.switch("plain", "main")
    for number in range(4):
        work.commit(f"plain {number}", {"list": changed((20, b"plain %d" % number))})
    work.switch("stacked", "plain")
    work.commit("stacked", {"own": b"1\n"})
    work.switch("same-tip", "plain")
    work.switch("empty", "main")
    work.commit("something", {"e": b"e\n"})
    work.commit("empty from the start", allow_empty=True)
    work.switch("becomes-empty", "main")
    work.commit("alone", {"alone": b"1\n"})
    work.commit("the same as upstream, in two", {"other": changed((9, b"nine"), (11, b"eleven"))})
    work.commit("after", {"after": b"1\n"})
    work.switch("upstream", "main")
    work.commit("picked", {"other": changed((9, b"nine"))})
    work.commit("kept", {"kept": b"1\n"})
    work.switch("all-upstream", "main")
    work.commit("picked", {"other": changed((9, b"nine"))})
    work.switch("clash-at-third", "main")
    work.commit("fine", {"f": b"1\n"})
    work.commit("fine too", {"f": b"2\n"})
    work.commit("clash", {"list": changed((3, b"drei"))})
    work.commit("never", {"f": b"3\n"})
    work.switch("clash-above", "clash-at-third")
    work.commit("above", {"g": b"1\n"})
    for name, headers, message in (
        ("encoding", b"encoding ISO-8859-1\n", b"gr\xfc\xdfe\n"),
        ("signed", b"gpgsig -----BEGIN\n abc\n -----END\n", b"signed"),
        ("foreign", b"change-id abc\n", b"\n\nlate subject\n"),
        ("unresolved", b"jj:trees a b c\n", b"conflict of another tool\n"),
    ):
        work.switch(name, "main")
        commit_of(work, name, headers, message)
    work.switch("with-merge", "main")
    work.commit("before", {"m": b"1\n"})
    work.git("merge", "-q", "--no-ff", "-m", "side", "encoding")
    work.switch("partly-on-target", "main")
    work.commit("lower", {"lower": b"1\n"})
    work.switch("main")
    work.commit("main", {"list": changed((3, b"three"))})
    work.commit("picked", {"other": changed((9, b"nine"))})
    work.commit("and", {"other": changed((9, b"nine"), (11, b"eleven"))})
    work.switch("on-top", "main")
    work.commit("on top", {"top": b"1\n"})
    work.switch("main")
    return work.path


@pytest.fixture(scope="module", params=["sha1", "sha256"])
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests, which copy it."""
    return build(tmp_path_factory.mktemp("template") / "repo", request.param)


@pytest.mark.parametrize("committer", ["operator", "preserve"])
def test_the_same_as_one_by_one(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: list[str], committer: str
) -> None:
    """Every outcome with all it says, and how many merges were made, shared and spared."""
    together = align(repository, tmp_path / "together", committer=committer)
    assert {"plain", "stacked", "same-tip", "empty", "becomes-empty", "upstream", "encoding", "signed"} <= set(taken)
    assert not {"clash-at-third", "clash-above", "unresolved", "all-upstream"} & set(taken)
    one_by_one(monkeypatch)
    apart = align(repository, tmp_path / "apart", committer=committer)
    assert outcomes(together) == outcomes(apart)
    assert "merges made" in together.notices[0]
    assert together.notices == apart.notices


@needs.examples(4, 40)
@given(seed=st.integers(0, 2**32))
def test_random_histories_are_the_same(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """With merges, odd paths, renames, conflicts, and commits that were picked upstream."""
    place = tmp_path_factory.mktemp("random")
    repository = RandomHistory(random.Random(seed), merges=True, odd=seed % 2 == 1).build(place / "repo.git")
    together = align(repository, place / "together")
    with pytest.MonkeyPatch.context() as patch:
        one_by_one(patch)
        apart = align(repository, place / "apart")
    assert outcomes(together) == outcomes(apart)
    shutil.rmtree(place)


@pytest.mark.parametrize("count", [30, 300])
def test_many_in_several_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: list[str], count: int) -> None:
    """So many that packs are written, by two processes, in small blocks."""
    monkeypatch.setattr(at_once, "_LEAST", 10)
    monkeypatch.setattr(at_once, "_MOST_AHEAD", 15)
    monkeypatch.setattr(at_once, "_MOST_COMMITS", 50)
    monkeypatch.setattr(at_once, "_BLOCK_S", 0.02)
    stream = [b"blob\nmark :1\ndata 4\nold\n\n"]
    for number in range(count + 1):
        ref = b"main" if number == count else b"topic-%d" % number
        start = b"" if number == 0 else b"from :2\n"
        if number == 0:
            stream.append(b"commit refs/heads/main\nmark :2\ncommitter A <a@x> 1 +0000\ndata 1\nb\nM 644 :1 f\n\n")
            start = b"from :2\n"
        for part in range(2):
            stream.append(
                b"commit refs/heads/%b\ncommitter A <a@x> %d +0000\ndata 4\nwork\n%bM 644 inline n%d/%d\ndata 2\nx\n\n"
                % (ref, 10 + part, start if part == 0 else b"", number, part)
            )
    work = Workspace(tmp_path / "repo")
    work.git("fast-import", "--quiet", stdin=b"".join(stream))
    work.git("reset", "-q", "--hard")
    together = align(work.path, tmp_path / "together")
    assert len(taken) == count
    assert all(isinstance(outcome, Aligned) for outcome in outcomes(together).values())
    if count < 100:
        one_by_one(monkeypatch)
        assert outcomes(align(work.path, tmp_path / "apart")) == outcomes(together)


GIT = """#!/bin/sh
if [ "$1" = merge-tree ]; then
    echo >> {count}
    calls=0
    while read -r _; do calls=$((calls + 1)); done < {count}
    if [ "$calls" -ge 2 ] && [ "$calls" -le {last} ]; then
        {git} "$@" | (stdbuf -o0 head -c {bytes}; kill -9 0)
    fi
fi
exec {git} "$@"
"""


@pytest.mark.parametrize(("length", "last"), [(0, 2), (60, 2), (100, 3), (70, 9)])
def test_a_merge_process_that_ends_early_changes_nothing(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int, last: int
) -> None:
    """It is killed before, within and behind an answer, once, twice, or again and again: only whole answers count."""
    expected = outcomes(align(repository, tmp_path / "well"))
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    words = {"count": tmp_path / "calls", "git": shutil.which("git"), "bytes": length, "last": last}
    program.write_text(GIT.format(**words))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    found = outcomes(align(repository, tmp_path / "ill"))
    assert len((tmp_path / "calls").read_text()) > last
    assert found == expected


def test_what_is_stopped_leaves_nothing_waiting(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: list[str]
) -> None:
    """A stop in the middle of a block: its branches are not replayed at once, and no one waits for it for ever."""
    asked: list[int] = []

    def stopping(self: MergeStream, merges: object) -> None:
        asked.append(1)
        raise streams.Stopped

    monkeypatch.setattr(MergeStream, "ask", stopping)
    together = align(repository, tmp_path / "together")
    assert asked
    assert not [name for name in taken if name not in ("partly-on-target", "on-top")]
    monkeypatch.undo()
    assert outcomes(together) == outcomes(align(repository, tmp_path / "again"))


def test_a_bug_is_reported_as_one(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not covered up by replaying the branches again."""

    def broken(self: MergeStream, merges: object) -> None:
        raise ZeroDivisionError("of a test")

    monkeypatch.setattr(MergeStream, "ask", broken)
    found = outcomes(align(repository, tmp_path / "copy"))["plain"]
    assert "ZeroDivisionError" in getattr(found, "reason", "")


def test_no_branch_waits_longer_for_a_block_than_it_may_take(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block that hangs is no hang of its branches."""
    goes_on = threading.Event()

    def hanging(*_: object) -> None:
        goes_on.wait(60)

    monkeypatch.setattr(Block, "carry_out", hanging)
    seen: list[float] = []
    take = ReplaysAtOnce.take

    def soon(self: ReplaysAtOnce, step: Step, *, deadline: float) -> Replayed | None:
        seen.append(deadline)
        replayed = take(self, step, deadline=time.monotonic() + 0.01)
        assert replayed is None
        goes_on.set()
        return replayed

    monkeypatch.setattr(ReplaysAtOnce, "take", soon)
    together = align(repository, tmp_path / "together")
    assert seen
    assert max(seen) < math.inf
    monkeypatch.undo()
    assert outcomes(together) == outcomes(align(repository, tmp_path / "again"))


@pytest.mark.parametrize("wanting", ["thread", "second thread", "room"])
def test_without_a_thread_or_room_each_is_replayed_by_itself(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: list[str], wanting: str
) -> None:
    """No worker waits for what cannot begin, and the run ends well."""
    expected = outcomes(align(repository, tmp_path / "well"))
    taken.clear()
    start = threading.Thread.start
    refused_name = "replays" if wanting == "thread" else "replayed"

    def refused(self: threading.Thread) -> None:
        if self.name.startswith(refused_name):
            raise RuntimeError("can't start new thread")
        start(self)

    def full(self: Quarantine) -> Path:
        raise OutOfSpace("no space left", hint="")

    if wanting != "room":
        monkeypatch.setattr(threading.Thread, "start", refused)
    else:
        monkeypatch.setattr(Quarantine, "aside", full)
    assert outcomes(align(repository, tmp_path / "ill")) == expected
    assert bool(taken) == (wanting == "second thread")


def test_blocks_after_memory_was_left_are_replayed_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: list[str]
) -> None:
    """What is made up for merging goes along to disk, and what cannot be found while it moves fails no branch."""
    needs.memory()
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES})
    names = [f"topic/{number}" for number in range(40)]
    for number, name in enumerate(names):
        work.switch(name, "main")
        work.commit("topic", {"list": changed((number, b"topic")), "own": b"%d\n" % number})
    work.switch("main")
    work.commit("main", {"other": b"1\n"})
    for size in ("_FIRST", "_LEAST", "_MOST"):
        monkeypatch.setattr(at_once, size, 10)
    monkeypatch.setattr(merge_stream, "_PACKED_FROM", 1)
    carry_out, left = Block.carry_out, list[bool]()
    flush, look, conserve = Quarantine._flush, BranchAligner._align, BranchAligner._conserve
    missed = threading.Event()

    def leaving(self: Block, processes: BlockProcesses, is_stopped: Callable[[], bool]) -> None:
        if len(left) == 1:  # before the second block
            left.append(self._integration.quarantine.leave_memory())
        if not left:
            left.append(True)
        carry_out(self, processes, is_stopped)

    def halfway(self: Quarantine, where: Path) -> None:
        """The first branch is looked at only when the disk has taken the place of memory, and nothing was moved yet."""
        if self.objects.resolve() != where:
            missed.wait(10)
            flush(self, where)

    def conserving(self: BranchAligner, *of: Any) -> Outcome:
        end = time.monotonic() + 10
        while self._integration.quarantine.objects.resolve().name != "on-disk" and time.monotonic() < end:
            time.sleep(0.001)
        return conserve(self, *of)

    def looked_at(self: BranchAligner, *of: Any, **more: Any) -> StepResult:
        try:
            return look(self, *of, **more)
        except MissingObject:
            missed.set()
            raise

    monkeypatch.setattr(Block, "carry_out", leaving)
    monkeypatch.setattr(Quarantine, "_flush", halfway)
    monkeypatch.setattr(BranchAligner, "_conserve", conserving)
    monkeypatch.setattr(BranchAligner, "_align", looked_at)
    found = outcomes(align(work.path, tmp_path / "copy"))
    assert left == [True, True]
    assert missed.is_set()
    assert sorted(taken) == sorted(names)
    assert {name: outcome for name, outcome in found.items() if not isinstance(outcome, Aligned)} == {}
