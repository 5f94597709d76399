"""Merges through every wire agree with one another and with `git merge-tree` run by hand."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gitalign.core.names import Oid
from gitalign.errors import GitDied, GitTimedOut, MissingObject
from gitalign.git.attributes import read_attributes
from gitalign.git.merge import MergeProcess, MergeWire, Side, Wire, empty_tree, probe_wire
from gitalign.git.objects import CommitReader, CommitWriter
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import open_repository
from tests.git.workspace import Workspace

LINES = b"".join(b"line %d\n" % number for number in range(20))


class Bench:
    """A quarantine with reader, writer and wires."""

    def __init__(self, path: Path, executable: str = "git") -> None:
        self.repository = open_repository(path, executable=executable)
        self.quarantine = Quarantine(self.repository, "test")
        self.writer = CommitWriter(self.quarantine.objects, object_format=self.repository.object_format)
        self.reader = CommitReader(self.quarantine.git, timeout_s=20)
        self.probed = probe_wire(self.quarantine.git, self.writer, object_format=self.repository.object_format)
        self._open: list[MergeProcess] = []

    def process(
        self, wire: MergeWire | None = None, *, target: str | None = None, timeout_s: float = 20
    ) -> MergeProcess:
        attributes = read_attributes(self.quarantine.git, Oid(target)) if target else ()
        made = MergeProcess(
            self.quarantine.bench(attributes), wire=wire or self.probed, writer=self.writer, timeout_s=timeout_s
        )
        self._open.append(made)
        return made

    def side(self, oid: str) -> Side:
        (commit,) = self.reader.read([Oid(oid)])
        return Side(commit.tree, Oid(oid), commit.parents)

    def close(self) -> None:
        for one in self._open:
            one.close()
        self.reader.close()
        self.quarantine.remove()


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES, "other": b"o\n"})
    work.switch("x", "main")
    work.commit("x1", {"list": LINES.replace(b"line 5\n", b"x5\n")})
    work.commit("x2", {"new": b"n\n"})
    work.switch("main")
    work.commit("m1", {"list": LINES.replace(b"line 5\n", b"main5\n")})
    return work


@pytest.fixture
def bench(work: Workspace) -> Iterator[Bench]:
    bench = Bench(work.path)
    yield bench
    bench.close()


def wires(bench: Bench) -> list[MergeWire]:
    return [bench.probed, MergeWire(Wire.SINGLE)]


def test_the_probed_wire_answers_many_questions_in_one_process(bench: Bench) -> None:
    assert bench.probed.wire is not Wire.SINGLE


def test_conflict_tells_stages_types_and_paths_on_every_wire(bench: Bench, work: Workspace) -> None:
    """Edge case 43: decided by git's data, not by an exit code or words."""
    answers = []
    for wire in wires(bench):
        answer = bench.process(wire).merge(
            base=bench.side(work.tip("x~2")), ours=bench.side(work.tip("main")), theirs=bench.side(work.tip("x~1"))
        )
        assert not answer.is_clean
        assert [entry.stage for entry in answer.entries] == [1, 2, 3]
        assert {entry.path for entry in answer.entries} == {"list"}
        assert [conflict.kind for conflict in answer.conflicts] == ["CONFLICT (contents)"]
        answers.append((answer.entries, answer.conflicts))
    assert answers[0] == answers[1]


def test_a_pick_is_merged_on_its_own_parent_not_on_the_merge_base(bench: Bench, work: Workspace) -> None:
    for wire in wires(bench):
        answer = bench.process(wire).merge(
            base=bench.side(work.tip("x~1")), ours=bench.side(work.tip("main")), theirs=bench.side(work.tip("x"))
        )
        assert answer.is_clean
        assert "new" in bench.quarantine.git.lines("ls-tree", "--name-only", answer.tree)


def test_root_commit_is_merged_on_an_empty_tree(bench: Bench, work: Workspace) -> None:
    """Edge case 5."""
    work.git("checkout", "-q", "--orphan", "alone")
    work.git("rm", "-rfq", ".")
    root = work.commit("root", {"alone": b"a\n"})
    for wire in wires(bench):
        answer = bench.process(wire).merge(base=None, ours=bench.side(work.tip("main")), theirs=bench.side(root))
        assert answer.is_clean
        assert set(bench.quarantine.git.lines("ls-tree", "--name-only", answer.tree)) == {"alone", "list", "other"}


def test_histories_are_merged_on_the_bases_git_finds(bench: Bench, work: Workspace) -> None:
    for wire in wires(bench):
        assert not bench.process(wire).merge_histories(Oid(work.tip("x")), Oid(work.tip("main"))).is_clean
        clean = bench.process(wire).merge_histories(Oid(work.tip("x")), Oid(work.tip("x~2")))
        assert clean.is_clean
        assert clean.tree == work.tip("x^{tree}")


def test_answers_stay_in_step_over_clean_and_unclean_merges(bench: Bench, work: Workspace) -> None:
    process = bench.process()
    main, base, x1, x2 = (bench.side(work.tip(name)) for name in ("main", "x~2", "x~1", "x"))
    for _ in range(5):
        assert not process.merge(base=base, ours=main, theirs=x1).is_clean
        assert process.merge(base=x1, ours=main, theirs=x2).is_clean


def test_attributes_of_the_target_rule_whatever_is_checked_out(bench: Bench, work: Workspace) -> None:
    """Edge case 9: `merge=union` holds though the branch checked out does not have it."""
    plain = bench.process(target=work.tip("main")).merge(
        base=bench.side(work.tip("x~2")), ours=bench.side(work.tip("main")), theirs=bench.side(work.tip("x~1"))
    )
    work.commit("union", {".gitattributes": b"list merge=union\n"})
    union = bench.process(target=work.tip("main")).merge(
        base=bench.side(work.tip("x~2")), ours=bench.side(work.tip("main")), theirs=bench.side(work.tip("x~1"))
    )
    assert not plain.is_clean
    assert union.is_clean
    work.switch("x")
    again = bench.process(target=work.tip("main")).merge(
        base=bench.side(work.tip("x~2")), ours=bench.side(work.tip("main")), theirs=bench.side(work.tip("x~1"))
    )
    assert again.tree == union.tree


def test_nested_attributes_are_read_with_their_paths(bench: Bench, work: Workspace) -> None:
    work.commit("nested", {"deep/er/.gitattributes": b"* merge=union\n", "not.gitattributes": b"x"})
    assert read_attributes(bench.quarantine.git, Oid(work.tip("main"))) == (
        ("deep/er/.gitattributes", b"* merge=union\n"),
    )


def test_merge_drivers_of_the_repository_never_run(bench: Bench, work: Workspace, tmp_path: Path) -> None:
    """Edge case 41."""
    canary = tmp_path / "canary"
    work.git("config", "merge.evil.driver", f"touch {canary}; true")
    work.commit("evil", {".gitattributes": b"list merge=evil\n"})
    answer = bench.process(target=work.tip("main")).merge(
        base=bench.side(work.tip("x~2")), ours=bench.side(work.tip("main")), theirs=bench.side(work.tip("x~1"))
    )
    assert not answer.is_clean
    assert not canary.exists()


def test_user_configuration_changes_no_verdict(bench: Bench, work: Workspace) -> None:
    """Edge case 42."""
    work.git("config", "merge.renames", "false")
    work.git("config", "merge.conflictStyle", "diff3")
    work.git("config", "color.ui", "always")
    work.switch("y", "x~2")
    work.git("mv", "list", "moved")
    work.commit("rename")
    answer = bench.process().merge(
        base=bench.side(work.tip("x~2")), ours=bench.side(work.tip("y")), theirs=bench.side(work.tip("x~1"))
    )
    assert answer.is_clean
    assert "moved" in bench.quarantine.git.lines("ls-tree", "--name-only", answer.tree)


def test_a_missing_blob_fails_that_merge_and_the_next_one_works(bench: Bench, work: Workspace) -> None:
    blob = work.tip("x~1:list")
    place = work.path / ".git" / "objects" / blob[:2] / blob[2:]
    place.unlink()
    process = bench.process()
    with pytest.raises(MissingObject, match=blob):
        process.merge(
            base=bench.side(work.tip("x~2")), ours=bench.side(work.tip("main")), theirs=bench.side(work.tip("x~1"))
        )
    answer = process.merge(
        base=bench.side(work.tip("x~2")), ours=bench.side(work.tip("main")), theirs=bench.side(work.tip("x~2"))
    )
    assert answer.is_clean


def test_a_killed_process_is_told_from_a_conflict_and_replaced(bench: Bench, work: Workspace) -> None:
    """Edge case 43: a killed process is no verdict."""
    process = bench.process()
    main, base, x1 = (bench.side(work.tip(name)) for name in ("main", "x~2", "x~1"))
    process.merge(base=base, ours=main, theirs=x1)
    assert process._conversation is not None
    os.kill(process._conversation.pid, signal.SIGKILL)
    with pytest.raises(GitDied):
        process.merge(base=base, ours=main, theirs=x1)
    assert not process.merge(base=base, ours=main, theirs=x1).is_clean


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that ended and waits to be collected does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_stalling_git_ends_at_the_deadline_with_its_group(bench: Bench, work: Workspace, tmp_path: Path) -> None:
    """Edge case 40."""
    stalling = tmp_path / "git"
    stalling.write_text("#!/bin/sh\nsleep 1000 & echo $! > " + str(tmp_path / "pid") + "\nwait\n")
    stalling.chmod(0o755)
    process = bench.process(MergeWire(Wire.PAIRS, (str(stalling),)), timeout_s=0.5)
    started = time.monotonic()
    with pytest.raises(GitTimedOut):
        process.merge_histories(Oid(work.tip("x")), Oid(work.tip("main")))
    assert time.monotonic() - started < 10
    pid = int((tmp_path / "pid").read_text())
    while is_alive(pid) and time.monotonic() - started < 30:
        time.sleep(0.01)
    assert not is_alive(pid)


def test_sha256_repositories_work(tmp_path: Path) -> None:
    """Edge case 31."""
    work = Workspace(tmp_path / "repo", object_format="sha256")
    work.commit("base", {"list": LINES})
    work.switch("x", "main")
    work.commit("x1", {"list": LINES.replace(b"line 5\n", b"x5\n")})
    bench = Bench(work.path)
    try:
        answer = bench.process().merge(
            base=None, ours=bench.side(work.tip("main")), theirs=bench.side(work.tip("main"))
        )
        assert answer.is_clean
        assert len(answer.tree) == 64
        assert len(empty_tree(answer.tree)) == 64
    finally:
        bench.close()


def test_nothing_is_written_to_the_repository(bench: Bench, work: Workspace) -> None:
    """Edge case 3."""
    before = work.git("count-objects")
    bench.process().merge(
        base=bench.side(work.tip("x~1")), ours=bench.side(work.tip("main")), theirs=bench.side(work.tip("x"))
    )
    assert work.git("count-objects") == before
