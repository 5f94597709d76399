"""A process that moves refs and ends without an answer: what the refs hold decides."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from gitalign.core.names import Oid, zero_like
from gitalign.core.publication import RefUpdate
from gitalign.errors import GitError, InvariantBroken
from gitalign.git import ref_transactions
from gitalign.git.ref_transactions import RefTransactions
from gitalign.git.refs import RefUpdater, Refusal
from gitalign.git.repository import open_repository
from tests.engine.faults import ENDS, FaultyGit
from tests.git.workspace import Workspace

TRANSACTIONS = [end for end in ENDS if end.startswith("transaction killed") and "with us" not in end]

MADE_AGAIN = {end: 1 if end == "transaction killed when committed" else 2 for end in ["killed before", *TRANSACTIONS]}
"""How many processes it takes."""


class Sample:
    """Two branches at a first commit, to be moved to a second one; one of them is checked out in the main work tree."""

    def __init__(self, place: Path) -> None:
        self.work = Workspace(place / "repo")
        self.before = Oid(self.work.commit("one", {"a": b"1\n"}))
        self.work.git("branch", "x")
        self.work.switch("held", "main")
        self.work.switch("main")
        self.after = Oid(self.work.commit("two", {"a": b"2\n"}))
        self.work.git("symbolic-ref", "HEAD", "refs/heads/held")
        self.faulty = FaultyGit(place / "faulty")
        self.updates = [
            RefUpdate(ref=f"refs/heads/{name}", before=self.before, after=self.after) for name in ("x", "held")
        ]

    def move(self, updates: list[RefUpdate] | None = None) -> Refusal | None:
        repository = open_repository(self.work.path)
        with closing(RefUpdater(repository, forbidden=frozenset(), message="test")) as door:
            return door.move(updates or self.updates)

    def stands(self) -> list[str]:
        return [self.work.tip(one.ref) for one in self.updates]

    def locks(self) -> list[Path]:
        return list((self.work.path / ".git").rglob("*.lock"))


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    return Sample(tmp_path)


@pytest.mark.parametrize("end", ["killed before", *TRANSACTIONS])
def test_killed_once(sample: Sample, end: str) -> None:
    """Edge case 62: killed before, between or after, the move is made, and said to be made; no lock stays."""
    with sample.faulty.going_wrong("update-ref", end):
        assert sample.move() is None
        assert sample.faulty.calls == MADE_AGAIN[end], "it was killed, and made again where that is needed"
    assert sample.stands() == [sample.after] * 2
    assert sample.locks() == []


@pytest.mark.parametrize("end", ["killed before", *TRANSACTIONS])
def test_killed_while_refs_are_deleted(sample: Sample, end: str) -> None:
    """A deletion locks `packed-refs` too."""
    sample.work.git("pack-refs", "--all")
    gone = [RefUpdate(ref=one.ref, before=one.before, after=zero_like(one.before)) for one in sample.updates[:1]]
    with sample.faulty.going_wrong("update-ref", end):
        assert sample.move(gone) is None
        # Half-way, the only ref is gone already.
        assert sample.faulty.calls == (1 if end.endswith("half-way") else MADE_AGAIN[end])
    assert sample.work.git("for-each-ref", "refs/heads/x") == ""
    assert sample.locks() == []


@pytest.mark.parametrize("end", ["transaction killed half-way"])
def test_the_rest_cannot_follow(sample: Sample, end: str) -> None:
    """The first of two was moved, the second one is locked by another process: the first one is put back."""
    lock = sample.work.path / ".git" / "refs" / "heads" / "held.lock"
    lock.write_text("another process\n")
    with sample.faulty.going_wrong("update-ref", end):
        refusal = sample.move()
    assert refusal is not None
    assert "held.lock" in refusal.reason
    assert sample.stands() == [sample.before] * 2
    assert sample.locks() == [lock]


def test_a_refusal_stays_a_refusal(sample: Sample) -> None:
    """git itself says no: another process moved one of them. Nothing is tried again, nothing is moved."""
    sample.work.git("update-ref", "refs/heads/x", sample.after)
    sample.work.git(
        "update-ref", "refs/heads/held", sample.work.git("commit-tree", "-m", "m", f"{sample.after}^{{tree}}")
    )
    before = sample.stands()
    with sample.faulty.going_wrong("update-ref", "killed before", number=2):
        assert sample.move() is not None
    assert sample.faulty.calls == 1
    assert sample.stands() == before


def test_the_refs_stand_there_already(sample: Sample) -> None:
    """Another recovery of the same run was quicker: both are right."""
    for one in sample.updates:
        sample.work.git("update-ref", one.ref, one.after)
    assert sample.move() is None


def test_the_refs_cannot_be_read_afterwards(sample: Sample, tmp_path: Path) -> None:
    """Unknown is not no: an error is raised, and nobody is told that the branch was held back."""
    blind = FaultyGit(tmp_path / "blind", git=sample.faulty.executable)
    with (
        sample.faulty.going_wrong("update-ref", "transaction killed when committed"),
        blind.going_wrong("for-each-ref", "killed before"),
        pytest.raises(GitError),
    ):
        sample.move()


def test_what_git_answered_before_it_ended_counts(sample: Sample) -> None:
    """It says no to the fourth of more transactions than a pipe holds, while they are still handed to it: three are made."""
    zero = zero_like(sample.before)
    groups = [[RefUpdate(ref=f"refs/heads/new/{at}", before=zero, after=sample.after)] for at in range(2_000)]
    groups[3] = [RefUpdate(ref="refs/heads/x", before=sample.after, after=sample.before)]
    with closing(RefTransactions(open_repository(sample.work.path), message="test")) as transactions:
        made, ending = transactions.made(groups, logged=True)
    assert made == 3
    assert ending is not None
    assert ending.changed_nothing
    assert len(sample.work.git("for-each-ref", "refs/heads/new").splitlines()) == 3


def test_answers_behind_an_odd_one_count_for_nothing(sample: Sample, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes after it belongs to transactions that were given up, not to those that are asked for next."""
    zero = zero_like(sample.before)
    made = [[RefUpdate(ref=f"refs/heads/new/{at}", before=zero, after=sample.after)] for at in range(2)]
    refused = [[RefUpdate(ref="refs/heads/x", before=sample.after, after=sample.before)]]
    with closing(RefTransactions(open_repository(sample.work.path), message="test")) as transactions:
        with monkeypatch.context() as odd:
            odd.setattr(ref_transactions, "_ANSWERS", (b"start: ok", b"prepare: ok", b"commit: odd"))
            with pytest.raises(InvariantBroken):
                transactions.made(made, logged=True)
        count, ending = transactions.made(refused, logged=True)
    assert count == 0
    assert ending is not None
    assert sample.work.tip("refs/heads/x") == sample.before
