"""What an earlier run found out is not found out again: conflicts, what nothing is left of, and what an object is missing for."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gitalign.core.outcome import Failed
from gitalign.core.report import Report, Verdict
from gitalign.engine.alignment.align import BranchAligner
from tests.git.workspace import Workspace
from tests.runs import branch, run

LINES = b"".join(b"line %d\n" % number for number in range(30))


def changed(number: int) -> bytes:
    return LINES.replace(b"line %d\n" % number, b"changed\n")


def merges(report: Report) -> int:
    return next(int(words.split()[0]) for words in report.notices if "merges made" in words)


def outcomes(report: Report) -> dict[str, tuple[Verdict, str, str]]:
    """Verdict, code and reason of every branch."""
    found = [(one.step.branch.name, one.verdict, one.result.outcome) for one in report.branches()]
    return {
        name: (verdict, getattr(outcome, "code", ""), getattr(outcome, "reason", ""))
        for name, verdict, outcome in found
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Branches of which one conflicts, one has landed under another id, and one needs a merge of file `list`."""
    work = Workspace(tmp_path_factory.mktemp("known") / "repo")
    work.commit("base", {"f": b"1\n", "list": LINES})
    work.switch("clash", "main")
    work.commit("clashing", {"f": b"2\n"})
    work.switch("landed", "main")
    work.commit("landing", {"g": b"1\n"})
    work.switch("needs", "main")
    work.commit("needing", {"list": changed(20)})
    work.switch("main")
    work.commit("landed, too", {"g": b"1\n"})
    work.commit("more", {"f": b"3\n", "list": changed(3)})
    return work


@pytest.fixture
def work(source: Workspace, tmp_path: Path) -> Workspace:
    shutil.copytree(source.path, tmp_path / "repo")
    return Workspace(tmp_path / "repo")


def lose(work: Workspace) -> tuple[Path, Path]:
    """Take away what git needs to merge `needs`: where it was, and where it is now."""
    oid = work.git("hash-object", "--stdin", stdin=LINES)
    place = work.path / ".git" / "objects" / oid[:2] / oid[2:]
    kept = work.path.parent / "kept"
    shutil.move(place, kept)
    return place, kept


def test_nothing_is_merged_twice_for_the_same_answer(work: Workspace) -> None:
    lose(work)
    first = run(work.path)
    assert merges(first) > 0
    assert outcomes(first)["landed"][:2] == (Verdict.UNCHANGED, "already_merged")
    assert outcomes(first)["needs"][:2] == (Verdict.FAILED, "missing_object")
    again = run(work.path)
    assert merges(again) == 0
    assert outcomes(again) == outcomes(first)
    assert kept(work) == 3


def test_a_branch_is_tried_again_as_soon_as_its_object_is_there(work: Workspace) -> None:
    place, kept = lose(work)
    assert branch(run(work.path), "needs").verdict is Verdict.FAILED
    shutil.move(kept, place)
    assert branch(run(work.path), "needs").verdict is Verdict.ALIGNED


def test_what_is_done_with_landed_branches_is_asked_again(work: Workspace) -> None:
    assert branch(run(work.path), "landed").verdict is Verdict.UNCHANGED
    moved = branch(run(work.path, already_merged="fast-forward"), "landed")
    assert moved.verdict is Verdict.ALIGNED
    assert work.tip("landed") == work.tip("main")


def test_an_object_that_no_commit_holds_is_not_waited_for(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that was made for a run, and got lost there, is missing from the repository for ever."""
    made = "7" * 40
    outcome = Failed(code="missing_object", reason=f"git merge-tree --stdin: exit 128: fatal: unable to read {made}")
    with monkeypatch.context() as during:
        during.setattr(BranchAligner, "_integrate", lambda *_: outcome)
        assert branch(run(work.path), "needs").result.outcome == outcome
    assert branch(run(work.path), "needs").verdict is Verdict.ALIGNED


def test_what_a_cut_off_history_says_is_not_kept(work: Workspace) -> None:
    """More of it may come at any time, and then a commit that seemed to be there already is another one."""
    (work.path / ".git" / "shallow").write_text(f"{work.git('rev-list', '--max-parents=0', 'main')}\n")
    assert outcomes(run(work.path))["landed"][1] == "already_merged"
    assert kept(work) == 1, "the conflict alone"
    (work.path / ".git" / "shallow").unlink()
    assert outcomes(run(work.path))["landed"][1] == "already_merged"
    assert kept(work) == 3, "and the conflict of the whole history"


def test_a_conflict_of_a_grafted_history_is_not_one_of_the_true_history(tmp_path: Path) -> None:
    """A graft hides the commit below: what changes its file then conflicts, and does not once the graft is gone."""
    work = Workspace(tmp_path / "repo")
    base = work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    work.commit("makes it", {"g": b"1\n"})
    tip = work.commit("changes it", {"g": b"2\n"})
    work.switch("main")
    work.commit("more", {"f": b"2\n"})
    grafts = work.path / ".git" / "info" / "grafts"
    grafts.parent.mkdir(exist_ok=True)
    grafts.write_text(f"{tip} {base}\n")
    for _ in range(2):
        assert branch(run(work.path), "topic").verdict is Verdict.CONFLICTED
    grafts.unlink()
    assert branch(run(work.path), "topic").verdict is Verdict.ALIGNED
    assert work.git("log", "--format=%s", "main..topic").splitlines() == ["changes it", "makes it"]


def kept(work: Workspace) -> int:
    with closing(sqlite3.connect(work.path / ".git" / "gitalign" / "gitalign.db")) as journal:
        return int(journal.execute("SELECT count(*) FROM verdicts").fetchone()[0])
