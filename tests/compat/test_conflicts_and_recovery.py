"""Conflicts and rollback by their old names."""

from __future__ import annotations

from pathlib import Path

import pytest

import gitalign
from gitalign import facade
from gitalign.core.conflict import Conflict, StageEntry
from gitalign.core.conflict_kinds import ConflictType, type_by_stages, type_of
from gitalign.core.names import Oid
from gitalign.core.plan import Permit
from gitalign.errors import GitError, NotPermitted, UserError
from tests.engine.faults import FaultyGit
from tests.git.workspace import Workspace
from tests.runs import request, run

LINES = b"".join(b"line %d\n" % number for number in range(20))
LEAVE = Permit(plan_id="*")


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"f": LINES, "g": LINES, "b.bin": bytes(range(256))})
    made.switch("topic", "main")
    made.commit("topic", {"f": LINES.replace(b"line 3", b"three"), "g": None, "both": b"1\n"})
    made.switch("clean", "main")
    made.commit("clean", {"own": b"1\n"})
    made.switch("main")
    made.commit("on", {"f": LINES.replace(b"line 3", b"drei"), "g": LINES + b"more\n", "both": b"2\n"})
    return made


def test_conflicts_are_foreseen_and_summed_up(work: Workspace) -> None:
    before = work.git("for-each-ref")
    resolver = gitalign.ConflictDetectionResolver("topic", repo_path=work.path)
    found = resolver.detect_conflicts()
    assert {one["file_path"]: one["conflict_type"] for one in found} == {
        "f": "content",
        "g": "file_delete",
        "both": "content",  # git names it so; only the stages of a work tree tell more
    }
    assert resolver.get_conflict_summary(found) == {
        "total_conflicts": 3,
        "by_severity": {"high": 1, "medium": 2},
        "by_type": {"content": 2, "file_delete": 1},
        "files_affected": 3,
    }
    assert resolver.report_resolution_status()["status"] == "not_begun"
    assert gitalign.ConflictDetectionResolver("clean", repo_path=work.path).detect_conflicts() == []
    with pytest.raises(UserError):
        gitalign.ConflictDetectionResolver("nobody", repo_path=work.path).detect_conflicts()
    assert work.git("for-each-ref") == before


def test_conflicts_are_resolved_one_by_one(work: Workspace) -> None:
    resolver = gitalign.ConflictDetectionResolver("topic", repo_path=work.path)
    guidance = resolver.provide_resolution_guidance("f")
    assert (guidance["position"], guidance["total"]) == (1, 1)
    assert any(one["command"].endswith(" add -- f") for one in guidance["commands"])
    assert not any(one["command"].endswith((" g", " both")) for one in guidance["commands"])
    assert resolver.classify_conflict("g") == "file_delete"
    assert resolver.classify_conflict("both") == "both_added"
    assert resolver.resolve_conflict({"file_path": "f"}, "as-is") is False
    assert resolver.resolve_conflict({"file_path": "f"}, "theirs") is True
    assert resolver.resolve_conflict({"file_path": "both"}, "ours") is True
    with pytest.raises(UserError, match="not in conflict"):
        resolver.resolve_conflict({"file_path": "f"}, "ours")
    with pytest.raises(UserError, match="no side"):
        resolver.resolve_conflict({"file_path": "g"}, "mine")
    assert resolver.report_resolution_status()["total_conflicts"] == 1
    assert resolver.resolve_conflict({"file_path": "g"}, "theirs") is True
    assert resolver.continue_resolution() == "done"
    assert resolver.finish(permit=LEAVE) == "aligned"
    assert "three" in work.git("show", "topic:f")
    assert work.git("show", "topic:both") == "2"
    assert "g" not in work.git("ls-tree", "--name-only", "topic").split()


@pytest.mark.parametrize(
    ("stages", "kind"),
    [
        ((1, 2, 3), ConflictType.CONTENT),
        ((2, 3), ConflictType.BOTH_ADDED),
        ((1, 2), ConflictType.DELETED),
        ((1, 3), ConflictType.DELETED),
        ((1,), ConflictType.DELETED),
        ((2,), ConflictType.RENAME),
        ((3,), ConflictType.RENAME),
    ],
)
def test_all_seven_states_of_a_path_have_a_sort(stages: tuple[int, ...], kind: ConflictType) -> None:
    entries = [StageEntry(stage=stage, mode="100644", oid=Oid("0" * 40), path="f") for stage in stages]
    assert type_by_stages(entries) is kind


def test_gits_words_have_a_sort() -> None:
    words = {
        "CONFLICT (contents)": ConflictType.CONTENT,
        "CONFLICT (binary)": ConflictType.BINARY,
        "CONFLICT (modify/delete)": ConflictType.DELETED,
        "CONFLICT (rename/delete)": ConflictType.DELETED,
        "CONFLICT (rename/rename)": ConflictType.RENAME,
        "CONFLICT (directory rename suggested)": ConflictType.RENAME,
        "CONFLICT (submodule with possible resolution)": ConflictType.SUBMODULE,
        "CONFLICT (distinct modes)": ConflictType.PERMISSION,
        "CONFLICT (something new)": ConflictType.OTHER,
    }
    for word, kind in words.items():
        assert type_of(Conflict(kind=word, paths=("f",), message="")) is kind


def test_a_rollback_puts_one_branch_back_and_is_idempotent(work: Workspace) -> None:
    before = work.git("rev-parse", "clean")
    run(work.path, orchestration__enable_backup_branches=True)
    moved = work.git("rev-parse", "clean")
    assert moved != before
    recovery = gitalign.RollbackRecoveryMechanisms(work.path)
    with pytest.raises(NotPermitted):
        recovery.initiate_rollback("clean", "because")
    dry = recovery.initiate_rollback("clean", "because", dry_run=True)
    assert dry["rollback_operation"]["status"] == "would_restore"
    assert work.git("rev-parse", "clean") == moved
    methods = [one["method"] for one in recovery.analyze_recovery_options("clean")["options"] if one["applicable"]]
    assert methods[:2] == ["undo", "backup"]
    done = recovery.restore_from_backup("clean", permit=LEAVE)
    assert done["rollback_operation"]["status"] == "restored"
    assert done["recovery_verification"] == {"state_restored": True, "commit_hash_match": True, "file_integrity": True}
    assert work.git("rev-parse", "clean") == before
    again = recovery.initiate_rollback("clean", "once more", permit=LEAVE)
    assert again["rollback_operation"]["status"] == "nothing_to_do"
    assert again["recovery_verification"]["state_restored"] is True


def test_a_rollback_throws_nothing_away_that_was_done_since(work: Workspace) -> None:
    run(work.path)
    work.switch("clean")
    newer = work.commit("newer", {"newer": b"1\n"})
    work.switch("main")
    done = gitalign.RollbackRecoveryMechanisms(work.path).initiate_rollback("clean", "because", permit=LEAVE)
    assert done["rollback_operation"]["status"] == "refused"
    assert work.git("rev-parse", "clean") == newer


def test_a_rollback_ends_a_half_finished_resolution(work: Workspace) -> None:
    before = work.git("rev-parse", "topic")
    look = facade.resolve(request(work.path), "topic")
    recovery = gitalign.RollbackRecoveryMechanisms(work.path)
    assert recovery.analyze_recovery_options("topic")["under_resolution"] is True
    done = recovery.initiate_rollback("topic", "the user gave up", permit=LEAVE)
    assert done["rollback_operation"]["status"] == "restored"
    assert done["rollback_operation"]["rollback_method"] == "abort_resolution"
    assert done["recovery_verification"]["state_restored"] is True
    assert not Path(look.session.folder).exists()
    assert work.git("rev-parse", "topic") == before


def test_the_reflog_is_shown_and_never_followed_by_itself(work: Workspace) -> None:
    run(work.path)
    found = gitalign.RollbackRecoveryMechanisms(work.path).restore_from_reflog("clean")
    assert len(found["entries"]) >= 2
    with pytest.raises(UserError, match="no reflog"):
        gitalign.RollbackRecoveryMechanisms(work.path).restore_from_reflog("nobody")
    with pytest.raises(UserError, match="is and was no branch"):
        gitalign.RollbackRecoveryMechanisms(work.path).analyze_recovery_options("nobody")


@pytest.mark.parametrize("verb", ["rev-list", "log", "cat-file"])
def test_a_failure_of_git_is_no_answer(work: Workspace, tmp_path: Path, verb: str) -> None:
    """One that passes changes nothing; one that stays is raised, and is never "nothing there" or "damaged"."""
    facade.run(request(work.path), permit=LEAVE)
    recovery = gitalign.RollbackRecoveryMechanisms(repo_path=work.path)
    tip = work.tip("clean")

    def looked() -> tuple[object, object]:
        return recovery.analyze_recovery_options("clean"), recovery.verify_restored_state("clean", tip)

    expected = looked()
    faulty = FaultyGit(tmp_path / "faulty")
    with faulty.going_wrong(verb, "refused", number=1):
        assert looked() == expected
    with faulty.going_wrong(verb, "refused", every=True), pytest.raises(GitError):
        looked()


def test_a_branch_with_a_missing_object_is_not_whole(work: Workspace) -> None:
    recovery = gitalign.RollbackRecoveryMechanisms(repo_path=work.path)
    tip = work.tip("clean")
    tree = work.git("rev-parse", "clean^{tree}")
    (work.path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    assert not recovery.verify_restored_state("clean", tip)["file_integrity"]
