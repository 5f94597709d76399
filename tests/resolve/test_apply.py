"""Recorded resolutions in the path of a run: the bytes git's rerere gives, every use told, nothing where it does not fit. Edge cases 13, 15."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitalign import facade
from gitalign.core.outcome import Aligned, Conflicted
from gitalign.core.report import BranchReport
from gitalign.git.repository import open_repository
from gitalign.ports import ConflictedFile, Proposal, UnresolvedFile
from gitalign.resolve.recorded import RecordedResolver
from gitalign.resolve.recorded_resolutions import read_resolutions
from gitalign.resolve.rerere import normalise
from tests.git.workspace import Workspace
from tests.resolve.clashes import LINES, clashing, settle_by_merge, settle_in_git, text_with
from tests.runs import branch, request, run

SETTLED = text_with({10: b"both\n", 2: b"two\n", 25: b"own 0\n"})


def applied(work: Workspace, name: str, *, strategy: str = "rebase", rr_cache: str = "read") -> BranchReport:
    asked = run(work.path, only=(name,), resolutions__apply=True, resolutions__rr_cache=rr_cache, strategy=strategy)
    return branch(asked, name)


def test_what_git_recorded_settles_the_same_clash_of_every_branch(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo", branches=3)
    settle_in_git(work, "topic0", {"f0": SETTLED})
    report = run(work.path, only=("topic*",), resolutions__apply=True)
    for number in range(3):
        outcome = branch(report, f"topic{number}").result.outcome
        assert isinstance(outcome, Aligned)
        (one,) = outcome.resolved
        assert (one.path, one.source, one.commit) == ("f0", "recorded by git", outcome.rewritten[1].old)
        assert [finding.code for finding in outcome.findings if finding.path == "f0"] == ["resolution_applied"]
        made = work.git("show", f"topic{number}:f0") + "\n"
        assert made.encode() == text_with({10: b"both\n", 2: b"two\n", 25: b"own %d\n" % number})
    assert all(proof.holds for proof in facade.verify(request(work.path)))
    assert [len(proof.certificate.resolved) for proof in facade.verify(request(work.path))] == [1, 1, 1]


def test_without_leave_nothing_is_applied(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo")
    settle_in_git(work, "topic0", {"f0": SETTLED})
    outcome = branch(run(work.path), "topic0").result.outcome
    assert isinstance(outcome, Conflicted)
    off = applied(work, "topic0", rr_cache="off").result.outcome
    assert isinstance(off, Conflicted)
    assert off.known_resolutions == ()


def test_a_verdict_from_before_hides_no_resolution_learned_since(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo")
    assert isinstance(applied(work, "topic0").result.outcome, Conflicted)
    settle_in_git(work, "topic0", {"f0": SETTLED})
    assert isinstance(applied(work, "topic0").result.outcome, Aligned)


def test_a_forecast_tells_of_it_each_time(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo")
    settle_in_git(work, "topic0", {"f0": SETTLED})
    asked = request(work.path, only=("topic0",), resolutions__apply=True)
    first, again = (facade.forecast(asked).branches for _ in range(2))
    assert first == again
    assert [one.prospect.value for one in first] == ["clean"]
    assert [[used.path for used in one.resolved] for one in first] == [["f0"]]


def test_all_files_of_a_commit_or_none(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo", files=2)
    settle_in_git(work, "topic0", {"f0": SETTLED, "f1": SETTLED})
    work.switch("topic0")
    work.git("reset", "-q", "--hard", "HEAD~1")
    other = text_with({10: b"another\n"})
    work.commit("clash", {"f0": text_with({10: b"theirs\n", 25: b"own 0\n"}), "f1": other})
    work.switch("main")
    outcome = applied(work, "topic0").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.paths == ("f0", "f1")
    assert [one.path for one in outcome.known_resolutions] == ["f0"]


def test_merging_the_target_in_uses_it_too(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo")
    settle_in_git(work, "topic0", {"f0": SETTLED})
    outcome = applied(work, "topic0", strategy="merge").result.outcome
    assert isinstance(outcome, Aligned)
    assert [(one.path, one.commit) for one in outcome.resolved] == [("f0", None)]
    assert work.git("show", "topic0:f0").encode() + b"\n" == SETTLED


def test_resolutions_that_disagree_are_not_applied_until_a_person_chooses(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo")
    settle_by_merge(work, "topic0", {"f0": SETTLED})
    work.git("branch", "-m", "merged-topic0-main", "one")
    settle_by_merge(work, "topic0", {"f0": text_with({10: b"neither\n", 2: b"two\n", 25: b"own 0\n"})})
    asked = request(work.path)
    _, recorded = facade.learn_resolutions(asked)
    assert len(recorded.added) == 2
    outcome = applied(work, "topic0").result.outcome
    assert isinstance(outcome, Conflicted)
    assert "disagree" in outcome.unresolved[0]
    found, _ = facade.resolutions(asked)
    assert [one.disputed for one in found] == [True, True]
    wrong = next(one for one in facade.resolution(asked, found[0].conflict) if b"neither" in (one.postimage or b""))
    facade.forget_resolution(asked, wrong.name)
    assert isinstance(applied(work, "topic0").result.outcome, Aligned)
    assert b"both" in work.git("show", "topic0:f0").encode()


@pytest.mark.parametrize("what", ["mode", "deleted", "link"])
def test_more_than_lines_is_left_to_people(tmp_path: Path, what: str) -> None:
    """Edge case 13: what is known of the lines says nothing of modes, of files gone, or of links."""
    work = clashing(tmp_path / "repo", files=2)
    settle_in_git(work, "topic0", {"f0": SETTLED, "f1": SETTLED})
    if what == "mode":
        work.commit("add", {"new": b"<1>\n"})
        work.switch("topic0")
        (work.path / "new").write_bytes(b"<2>\n")
        (work.path / "new").chmod(0o755)
    elif what == "deleted":
        work.commit("gone", {"f1": None})
        work.switch("topic0")
    else:
        (work.path / "new").symlink_to("a")
        work.commit("link")
        work.switch("topic0")
        (work.path / "new").symlink_to("b")
    work.git("add", "-A")
    work.git("commit", "-q", "--amend", "--no-edit")
    work.switch("main")
    tip = work.tip("topic0")
    outcome = applied(work, "topic0").result.outcome
    assert isinstance(outcome, Conflicted)
    assert {one.path for one in outcome.known_resolutions} == ({"f0"} if what == "deleted" else {"f0", "f1"})
    assert work.tip("topic0") == tip


def test_a_phantom_conflict_after_a_squash_is_not_taken_for_the_one_before(tmp_path: Path) -> None:
    """Edge case 13: the parent of a stack was squashed into the target, which changed the same lines again since."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": text_with({})})
    work.switch("parent", "main")
    work.commit("p1", {"f": text_with({10: b"p1\n"})})
    work.commit("p2", {"f": text_with({10: b"p2\n"})})
    work.switch("child", "parent")
    work.commit("c", {"f": text_with({10: b"child\n"})})
    work.switch("main")
    squashed = work.commit("squash of parent", {"f": text_with({10: b"p2\n"})})
    # The clash of p1 with the squash, settled while the target still had exactly what the parent had.
    settle_in_git(work, "parent~1", {"f": text_with({10: b"p2\n"})})
    assert work.tip("main") == squashed
    work.commit("target goes on", {"f": text_with({10: b"p2, and more\n"})})
    work.git("branch", "-D", "-q", "parent")
    outcome = applied(work, "child").result.outcome
    assert isinstance(outcome, Conflicted)
    assert outcome.known_resolutions == ()
    assert b"p2, and more" in work.git("show", "main:f").encode()


@settings(max_examples=10)
@given(seed=st.integers(0, 2**32))
def test_the_same_bytes_as_rerere_and_only_where_the_conflict_is_the_same(
    seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    at = random.Random(seed)
    work = Workspace(tmp_path_factory.mktemp("same") / "repo")
    names = [f"f{number}" for number in range(8)]

    def version(words: list[bytes]) -> dict[str, bytes]:
        return {
            name: text_with({line: at.choice(words) for line in at.sample([3, 9, 10, 11, 20, 28], at.randrange(1, 4))})
            for name in names
        }

    work.commit("base", {name: b"".join(LINES) for name in names})
    first, second = version([b"x\n", b"y\n", b"y\r\n"]), version([b"x\n", b"y\n", b"z\n"])
    for name in at.sample(names, 6):  # the same clash again, in surroundings that may be others
        lines = first[name].splitlines(keepends=True)
        for _ in range(at.randrange(3)):
            lines[at.choice([0, 1, 6, 15, 24, 29])] = b"around %d\n" % at.randrange(9)
        second[name] = b"".join(lines)
    for name, files in (("first", first), ("second", second)):
        work.switch(name, "main")
        work.commit(name, files)
    work.switch("main")
    work.commit("ours", version([b"o\n", b"y\n"]))
    work.git("config", "rerere.enabled", "true")
    work.git("checkout", "-q", "--detach", "main")
    work.git("merge", "-q", "first", check=False)
    for name in work.git("diff", "--name-only", "--diff-filter=U").splitlines():
        lines = (work.path / name).read_bytes().splitlines(keepends=True)
        (work.path / name).write_bytes(
            b"".join(line for line in lines if line[:7] not in (b"<<<<<<<", b"=======", b">>>>>>>"))
        )
    work.git("add", "-A")
    work.git("commit", "-q", "--allow-empty", "-m", "aside")
    repository = open_repository(work.path)
    memory = read_resolutions(repository, rr_cache=True)
    work.git("checkout", "-q", "--detach", "main")
    tree, *rest = work.git("merge-tree", "--write-tree", "--name-only", "main", "second", check=False).splitlines()
    clashing_paths = rest[: rest.index("")] if "" in rest else []
    work.git("-c", "rerere.autoupdate=true", "merge", "-q", "second", check=False)
    left = set(work.git("diff", "--name-only", "--diff-filter=U").splitlines())
    resolver = RecordedResolver(memory, repository)
    for path in clashing_paths:
        marked = (work.git("cat-file", "blob", f"{tree}:{path}") + "\n").encode()
        asked = ConflictedFile(path=path, stages=(), marked=marked, marker_size=7)
        proposal = resolver.propose(asked)
        conflict = normalise(marked)
        assert conflict is not None
        assert resolver.knows(asked) == (conflict.id if conflict.id in memory.entries else None)
        if isinstance(proposal, Proposal):
            assert proposal.resolution.conflict == conflict.id
            assert path not in left
            assert proposal.content == (work.path / path).read_bytes()
        elif path not in left:
            # git takes the first of several that fit; here they have to agree.
            assert isinstance(proposal, UnresolvedFile)
            assert "disagree" in proposal.reason
    resolver.close()
