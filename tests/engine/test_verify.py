"""Certificates: proved before anything is published, proved again later, and broken by any change of history."""

from __future__ import annotations

import json
import random
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitalign import facade
from gitalign.core.certificate import Certificate, CheckName, CommitProof, PatchVerdict
from gitalign.core.names import Oid
from gitalign.core.outcome import AlignedKind, Dropped, DropReason, Failed
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from gitalign.documents import certificates as documents
from gitalign.documents.reading import Malformed
from gitalign.engine.gates import evidence
from gitalign.engine.gates.certify import prove_again
from gitalign.engine.gates.proofs import certified
from gitalign.errors import UserError
from gitalign.git.diffs import listed_changes
from gitalign.git.raw_diff import digest_of
from gitalign.git.repository import open_repository
from tests import needs, warm
from tests.git.workspace import Workspace
from tests.histories import RandomHistory
from tests.runs import branch, request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """A branch of three commits, one of them upstream and one whose surroundings change; a branch with a merge."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES, "g": b"g\n", "k": b"old\n"})
    work.switch("topic", "main")
    work.commit("first", {"own": b"1\n"})
    work.commit("picked", {"g": b"picked\n"})
    work.commit("near", {"f": LINES.replace(b"line 20\n", b"zwanzig\n")})
    work.switch("side", "main")
    work.commit("side", {"side": b"1\n"})
    work.switch("merging", "main")
    work.commit("before", {"m": b"1\n"})
    work.git("merge", "-q", "--no-ff", "-m", "merge side", "side")
    work.switch("main")
    work.commit("picked", {"g": b"picked\n"})
    work.commit("on", {"f": LINES.replace(b"line 18\n", b"achtzehn\n"), "k": b"new\n"})
    return work


def certificates(work: Workspace) -> dict[str, Certificate]:
    proofs = facade.verify(request(work.path))
    return {proof.certificate.ref.removeprefix("refs/heads/"): proof.certificate for proof in proofs}


def test_a_run_is_proved_again_from_the_repository_alone(work: Workspace) -> None:
    report = run(work.path)
    proofs = facade.verify(request(work.path))
    assert {proof.certificate.ref for proof in proofs} == {
        f"refs/heads/{name}" for name in ("merging", "side", "topic")
    }
    assert all(proof.holds and proof.standing == "the branch is there" for proof in proofs)
    topic = certificates(work)["topic"]
    assert [pair.patch for pair in topic.commits] == [PatchVerdict.SAME, PatchVerdict.CHANGED]
    assert [(drop.reason.value, drop.subject) for drop in topic.dropped] == [("upstream", "picked")]
    assert [check.name for check in topic.checks] == list(CheckName)
    assert certificates(work)["merging"].how is AlignedKind.MERGED
    assert topic.plan_id == report.plan.id
    facade.undo(request(work.path), report.run.id, permit=Permit(plan_id="*"))
    again = facade.verify(request(work.path), report.run.id)
    assert {proof.standing for proof in again} == {"the branch is where it was before the run"}
    assert all(proof.holds for proof in again)


def test_an_undo_has_no_certificates_and_the_run_it_undid_is_named(work: Workspace) -> None:
    report = run(work.path)
    undo = facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))

    with pytest.raises(UserError, match=f"run {undo.run.id} aligned no branch, so it has no certificates") as refused:
        facade.verify(request(work.path))

    assert refused.value.hint == f"git align verify {report.run.id}"
    assert all(proof.holds for proof in facade.verify(request(work.path), report.run.id))


def test_where_the_branch_is_now_is_told(work: Workspace) -> None:
    run(work.path)
    work.switch("topic")
    work.commit("more", {"more": b"1\n"})
    work.switch("main")
    work.git("branch", "-D", "-q", "merging")
    work.git("update-ref", "refs/heads/side", "main")
    standing = {proof.certificate.ref: proof.standing for proof in facade.verify(request(work.path))}
    assert standing == {
        "refs/heads/merging": "the branch is gone",
        "refs/heads/side": "the branch is elsewhere now",
        "refs/heads/topic": "the branch has moved on from there",
    }


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, (*path, key))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves(inner, (*path, at))
    else:
        yield path


def other(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if value is None:
        return "0" * 40
    return ("1" if value[:1] == "0" else "0") + value[1:] if value else "x"


def test_any_changed_word_is_noticed(work: Workspace) -> None:
    run(work.path)
    repository = open_repository(work.path)
    for one in certificates(work).values():
        document = json.loads(documents.text_of(one))
        for place in leaves(document):
            changed = json.loads(json.dumps(document))
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = other(inner[place[-1]])
            try:
                forged = documents.load(changed)
            except Malformed:
                continue
            (proof,) = prove_again(repository, [forged])
            assert not proof.holds, place


def history_of(one: Certificate, work: Workspace) -> dict[str, Certificate]:
    """The certificate told otherwise, one fact at a time, with a digest that fits."""
    first, *rest = one.commits
    main = Oid(work.tip("main"))
    return {
        "a commit less": replace(one, commits=tuple(rest)),
        "a commit twice": replace(one, commits=(first, *one.commits)),
        "commits in another order": replace(one, commits=one.commits[::-1]),
        "an old commit exchanged": replace(
            one, commits=(CommitProof(old=Oid(work.tip("side~0")), new=first.new, patch=first.patch), *rest)
        ),
        "another verdict on a change": replace(one, commits=(replace(first, patch=PatchVerdict.CHANGED), *rest)),
        "a commit as untouched": replace(one, commits=(replace(first, new=first.old), *rest)),
        "a dropped commit less": replace(one, dropped=()),
        "another upstream commit": replace(one, dropped=(replace(one.dropped[0], upstream=main),)),
        "another target": replace(one, onto=Oid(work.tip("main~1"))),
        "another result": replace(one, after=main),
        "another beginning": replace(one, before=Oid(work.tip("side"))),
        "another tree": replace(one, tree=Oid(work.tip("main^{tree}"))),
        "merged instead": replace(one, how=AlignedKind.MERGED),
        "a result that is missing": replace(one, after=Oid("1" * 40)),
        "a check less": replace(one, checks=one.checks[1:]),
    }


def test_a_forger_who_knows_the_digest_does_not_get_past_history(work: Workspace) -> None:
    run(work.path)
    repository = open_repository(work.path)
    topic = certificates(work)["topic"]
    for what, forged in history_of(topic, work).items():
        (proof,) = prove_again(repository, [forged])
        assert not proof.holds, what


def failing(work: Workspace, **facts: Any) -> set[CheckName]:
    """Checks that fail for a branch made by hand."""
    claim = Certificate(
        run_id="r", plan_id="p", ref="refs/heads/x", target_ref="refs/heads/main", checks=(),
        tool_version="0", git_version="0", **{"dropped": (), **facts},
    )  # fmt: skip
    (proof,) = prove_again(open_repository(work.path), [claim])
    return {check.name for check in proof.checks if not check.passed}


def by_hand(work: Workspace, message: str, files: dict[str, bytes | None], **more: str) -> dict[str, Any]:
    """One commit of a branch, and what somebody claims it became."""
    work.switch("by-hand", "main~2")
    work.commit("work", {"own": b"1\n"})
    before = Oid(work.tip("HEAD"))
    work.switch("result", "main")
    work.commit(message, files)
    work.switch("main")
    after = Oid(work.tip("result"))
    return {
        "how": AlignedKind.REPLAYED,
        "before": before,
        "onto": Oid(work.tip("main")),
        "after": after,
        "tree": Oid(work.tip("result^{tree}")),
        "commits": (CommitProof(old=before, new=after, patch=PatchVerdict(more.get("patch", "same"))),),
    }


@pytest.mark.parametrize(
    ("message", "files", "broken"),
    [
        ("other words", {"own": b"1\n"}, {CheckName.AUTHORSHIP_KEPT}),
        ("work", {"own": b"2\n"}, {CheckName.PATCHES_KEPT}),
        ("work", {"own": b"1\n", "k": b"old\n"}, {CheckName.PATCHES_KEPT, CheckName.TARGET_NOT_REVERSED}),
    ],
)
def test_what_a_wrong_result_is_told_apart_by(
    work: Workspace, message: str, files: dict[str, bytes | None], broken: set[CheckName]
) -> None:
    work.git("checkout", "-q", "main")
    facts = by_hand(work, message, files)
    # The clock of the workspace ticks: the date differs unless it is put back.
    date = work.git("show", "-s", "--format=%ad", "--date=raw", facts["before"])
    work.switch("result")
    env = {"GIT_AUTHOR_DATE": date}
    work.git("commit", "-q", "--amend", "--no-edit", "--date", date, env=env)
    work.switch("main")
    after = Oid(work.tip("result"))
    facts |= {"after": after, "commits": (replace(facts["commits"][0], new=after),)}
    assert failing(work, **facts) == broken


def test_a_commit_that_was_dropped_is_no_reason_to_take_back_what_the_target_has(work: Workspace) -> None:
    """The branch buried a side (`-s ours`) of which the target has taken a commit; the result takes it back in the target."""
    work.switch("buried", "main~2")
    picked = Oid(work.commit("picked", {"g": b"picked\n"}))
    work.switch("by-hand", "main~2")
    old = Oid(work.commit("work", {"own": b"1\n"}))
    work.git("merge", "-q", "-s", "ours", "-m", "bury it", "buried")
    before = Oid(work.tip("HEAD"))
    work.switch("result", "main")
    new = Oid(work.commit("work", {"own": b"1\n", "g": b"g\n"}))
    broken = failing(
        work,
        how=AlignedKind.REPLAYED,
        before=before,
        onto=Oid(work.tip("main")),
        after=new,
        tree=Oid(work.tip("result^{tree}")),
        commits=(CommitProof(old=old, new=new, patch=PatchVerdict.CHANGED),),
        dropped=(
            Dropped(oid=picked, reason=DropReason.UPSTREAM, upstream=Oid(work.tip("main~1"))),
            Dropped(oid=before, reason=DropReason.MERGE_FLATTENED),
        ),
    )
    assert broken == {CheckName.TARGET_NOT_REVERSED, CheckName.AUTHORSHIP_KEPT}


def test_nothing_is_published_that_is_not_proved(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = work.tip("topic")

    def lost(make: Callable[..., Iterator[Certificate]]) -> Callable[..., Iterator[Certificate]]:
        def made(repository: Any, git: Any, tips: Any, claims: Any, **more: Any) -> Iterator[Certificate]:
            """As if the replay had lost the first commit of `topic`."""
            return make(
                repository,
                git,
                tips,
                [replace(one, commits=one.commits[1:]) if one.ref.endswith("topic") else one for one in claims],
                **more,
            )

        return made

    monkeypatch.setattr("gitalign.engine.gates.certify.certified", lost(certified))
    report = run(work.path)
    outcome = branch(report, "topic").result.outcome
    assert isinstance(outcome, Failed)
    assert (outcome.code, work.tip("topic")) == ("not_proved", tip)
    assert branch(report, "side").verdict is Verdict.ALIGNED
    assert "topic" not in certificates(work)


@pytest.mark.parametrize("is_right", [True, False])
def test_changes_that_were_listed_before_are_listed_once(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, is_right: bool
) -> None:
    """What is known of a commit only says that it is like another one; where it is not, git is asked."""
    run(work.path)
    made = list(certificates(work).values())
    repository = open_repository(work.path)
    tips = {oid for one in made for oid in (one.before, one.onto, one.after)}
    olds = [pair.old for one in made for pair in one.commits]
    listed = dict(listed_changes(repository, olds))
    known = {oid: digest_of(changes if is_right else (*changes, b":", b"x")) for oid, changes in listed.items()}
    asked: list[Oid] = []

    def noted(repository: Any, oids: Any) -> Any:
        asked.extend(oids)
        return listed_changes(repository, oids)

    monkeypatch.setattr(evidence, "listed_changes", noted)
    assert list(certified(repository, repository.git, tips, made, known=known)) == made
    alike = {pair.old for one in made for pair in one.commits if listed[pair.old] == changes_of(repository, pair.new)}
    assert alike
    assert alike & set(asked) == (set() if is_right else alike)


def changes_of(repository: Any, oid: Oid) -> tuple[bytes, ...]:
    return dict(listed_changes(repository, [oid]))[oid]


def test_files_that_are_no_certificates_are_refused(work: Workspace, tmp_path: Path) -> None:
    run(work.path)
    place = tmp_path / "certificates"
    with pytest.raises(UserError, match="no certificates can be read"):
        facade.verify(request(work.path), certificates=place)
    place.write_text("{}\n")
    with pytest.raises(UserError, match="line 1: not a certificate"):
        facade.verify(request(work.path), certificates=place)
    with pytest.raises(UserError, match="no certificate of nobody"):
        facade.verify(request(work.path), branch="nobody")
    (written,) = (work.path / ".git" / "gitalign" / "runs").glob("*/certificates.jsonl")
    first = written.read_text().splitlines()[0]
    for odd in ("--all", "1" * 39, "0" * 40 + r"\n--not", "HEAD"):
        place.write_text(first.replace(json.loads(first)["before"], odd))
        with pytest.raises(UserError, match="is no object id"):
            facade.verify(request(work.path), certificates=place)
    place.write_bytes(written.read_bytes())
    proofs = facade.verify(request(work.path), certificates=place)
    assert all(proof.holds for proof in proofs)
    place.write_bytes(written.read_bytes() * 2)
    assert facade.verify(request(work.path), certificates=place) == proofs, "a line twice is one branch"


@needs.examples(8)
@given(seed=st.integers(0, 2**32), how=st.sampled_from(["rebase", "flatten", "merge"]))
def test_every_aligned_branch_of_any_history_is_proved(seed: int, how: str) -> None:
    asked: dict[str, Any] = {"rebase": {}, "flatten": {"merges": "flatten"}, "merge": {"strategy": "merge"}}[how]
    with tempfile.TemporaryDirectory() as folder:
        chance = random.Random(seed)
        history = RandomHistory(chance, merges=how != "rebase", odd=chance.random() < 0.5)
        repository = history.build(Path(folder) / "repo.git")
        report = run(repository, detection__detectors=[], **asked)
        codes = {getattr(one.result.outcome, "code", "") for one in report.branches()}
        assert "not_proved" not in codes, f"seed {seed}, {how}"
        assert all(proof.holds for proof in facade.verify(request(repository))), f"seed {seed}, {how}"


def kept(work: Workspace) -> Path:
    # By time: the ids of two runs in one second are in no order.
    folders = (work.path / ".git" / "gitalign" / "runs").iterdir()
    return max(folders, key=lambda folder: folder.stat().st_ctime_ns) / "certificates.jsonl"


def test_every_branch_that_was_moved_must_have_a_certificate(work: Workspace) -> None:
    """Judged by what must be there, never by what is found."""
    run(work.path)
    lines = kept(work).read_text().splitlines(keepends=True)
    assert len(lines) == 3
    kept(work).write_text(lines[0])
    there = json.loads(lines[0])["ref"]
    proofs = {proof.certificate.ref: proof for proof in facade.verify(request(work.path))}
    assert len(proofs) == 3
    assert [ref for ref, proof in proofs.items() if proof.holds] == [there]
    missing = next(proof for ref, proof in proofs.items() if ref != there)
    assert "no certificate of this move" in missing.faults[0]
    assert missing.standing == "the branch is there"
    done = warm.run("verify", "--repo", work.path)
    assert done.returncode == 1
    assert "3 branches: 1 proved, 2 not" in done.stdout
    name = missing.certificate.ref.removeprefix("refs/heads/")
    assert warm.run("verify", "last", name, "--repo", work.path).returncode == 1
    assert warm.run("verify", "last", there.removeprefix("refs/heads/"), "--repo", work.path).returncode == 0


@pytest.mark.parametrize("damage", ["empty", "gone", "of another run"])
def test_a_file_without_the_runs_certificates_proves_nothing(work: Workspace, damage: str) -> None:
    report = run(work.path)
    earlier = kept(work).read_text()
    match damage:
        case "empty":
            kept(work).write_text("")
        case "gone":
            kept(work).unlink()
        case _:
            work.switch("main")
            work.commit("more", {"more": b"1\n"})
            work.git("checkout", "-q", "--detach")
            report = run(work.path)
            kept(work).write_text(earlier)
    proofs = facade.verify(request(work.path), report.run.id)
    wrong = [proof for proof in proofs if proof.certificate.run_id == report.run.id]
    assert len(wrong) == 3
    assert not any(proof.holds for proof in wrong)
    assert warm.run("verify", "--repo", work.path).returncode == 1


def test_a_moved_branch_whose_result_is_lost_is_not_told_as_cancelled(work: Workspace) -> None:
    report = run(work.path)
    with closing(sqlite3.connect(work.path / ".git" / "gitalign" / "gitalign.db")) as database:
        database.execute("DELETE FROM results")
        database.commit()
    again = facade.show(request(work.path), report.run.id)
    moved = {one.update.ref for one in report.publications}
    told = [one for one in again.branches() if one.step.moved_ref in moved]
    assert {one.verdict for one in told} == {Verdict.FAILED}
    assert all("its result is not in the journal" in one.detail for one in told)
    assert again.exit_code() == 1
