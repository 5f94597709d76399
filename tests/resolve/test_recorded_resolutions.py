"""Where resolutions are kept: the ref, git's own folder, files handed on; and what is not believed of them. Edge case 15."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.names import RESOLUTIONS_REF
from gitalign.core.outcome import Aligned, Conflicted
from gitalign.core.plan import Permit
from gitalign.core.resolution_origin import Origin, OriginKind
from gitalign.engine.resolution.resolutions import ResolvedFile, record_resolution
from gitalign.errors import RefLocked, UserError
from gitalign.git.repository import open_repository
from gitalign.resolve.entries import Resolution
from gitalign.resolve.record import Change, Recorded, record
from gitalign.resolve.recorded_resolutions import ResolutionReader, read_resolutions
from gitalign.resolve.rerere import normalise
from tests.git.workspace import Workspace
from tests.resolve.clashes import clashing, settle_by_merge, settle_in_git, text_with
from tests.runs import branch, request, run

SETTLED = text_with({10: b"both\n", 2: b"two\n", 25: b"own 0\n"})


def made(marked: bytes, settled: bytes) -> Resolution:
    conflict = normalise(marked)
    assert conflict is not None
    origin = Origin(kind=OriginKind.RESOLVED, by="A U Thor <author@example.org>", branch="topic")
    return Resolution(conflict=conflict.id, preimage=conflict.image, postimage=settled, origin=origin)


AT = datetime(2026, 1, 1, tzinfo=UTC)
ONE = made(b"a\n<<<<<<< x\n1\n=======\n2\n>>>>>>> y\n", b"a\n12\n")
OTHER = made(b"a\n<<<<<<< x\n1\n=======\n2\n>>>>>>> y\n", b"a\n21\n")


def learned(place: Path) -> Workspace:
    work = clashing(place, branches=2)
    settle_by_merge(work, "topic0", {"f0": SETTLED})
    _, recorded = facade.learn_resolutions(request(work.path))
    assert len(recorded.added) == 1
    return work


def test_what_a_merge_settled_is_learned_and_told(tmp_path: Path) -> None:
    work = learned(tmp_path / "repo")
    ((one,), faults) = facade.resolutions(request(work.path))
    assert faults == ()
    assert one.origin.kind is OriginKind.LEARNED
    assert one.origin.commit == work.tip("merged-topic0-main")
    assert one.origin.by == "A U Thor <author@example.org>"
    (whole,) = facade.resolution(request(work.path), one.conflict[:8])
    assert whole.postimage == SETTLED
    again, recorded = facade.learn_resolutions(request(work.path))
    assert (again.merges, recorded.known) == (0, 0)
    again, recorded = facade.learn_resolutions(request(work.path), again=True)
    assert (again.merges, recorded.known) == (1, 1)
    assert work.git("log", "--format=%s", RESOLUTIONS_REF) == "Learn from 1 merges"


def test_learning_goes_on_where_it_ended(tmp_path: Path) -> None:
    work = learned(tmp_path / "repo")
    work.switch("topic1")
    work.commit("more", {"f0": text_with({10: b"theirs again\n"})})
    work.switch("main")
    settle_by_merge(work, "topic1", {"f0": text_with({10: b"all\n", 2: b"two\n"})})
    lessons, recorded = facade.learn_resolutions(request(work.path))
    assert (lessons.merges, len(recorded.added)) == (1, 1)


@pytest.mark.parametrize(
    ("settled", "count"),
    [
        (text_with({10: b"both\n", 2: b"two\n", 25: b"own 0\n", 17: b"by the way\n"}), "changed_elsewhere"),
        (text_with({10: b"<<<<<<< left\n", 2: b"two\n", 25: b"own 0\n"}), "unsettled"),
    ],
)
def test_merges_that_teach_nothing(tmp_path: Path, settled: bytes, count: str) -> None:
    work = clashing(tmp_path / "repo")
    settle_by_merge(work, "topic0", {"f0": settled})
    lessons, recorded = facade.learn_resolutions(request(work.path))
    assert (lessons.files, getattr(lessons, count), recorded.added) == (1, 1, ())


def test_forgetting_names_every_branch_and_holds(tmp_path: Path) -> None:
    work = learned(tmp_path / "repo")
    asked = request(work.path)
    report = run(work.path, only=("topic*",), resolutions__apply=True)
    assert all(isinstance(branch(report, name).result.outcome, Aligned) for name in ("topic0", "topic1"))
    ((one,), _) = facade.resolutions(asked)
    gone, used = facade.forget_resolution(asked, one.conflict[:10])
    assert [each.conflict for each in gone] == [one.conflict]
    assert [(each.branch, each.path, each.run_id) for each in used] == [
        ("topic0", "f0", report.run.id),
        ("topic1", "f0", report.run.id),
    ]
    _, recorded = facade.learn_resolutions(asked, again=True)
    assert (recorded.added, recorded.withheld) == ((), 1)
    assert facade.resolutions(asked)[0] == ()
    facade.undo(asked, report.run.id, permit=_leave(), push=False)
    assert isinstance(
        branch(run(work.path, only=("topic1",), resolutions__apply=True), "topic1").result.outcome, Conflicted
    )
    with pytest.raises(UserError):
        facade.forget_resolution(asked, one.conflict)


def _leave() -> Permit:
    return Permit(plan_id="*", push=False)


def test_what_git_recorded_can_be_forgotten_without_touching_its_folder(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo")
    settle_in_git(work, "topic0", {"f0": SETTLED})
    before = sorted(str(path) for path in (work.path / ".git/rr-cache").rglob("*"))
    ((one,), _) = facade.resolutions(request(work.path))
    assert one.in_rr_cache
    facade.forget_resolution(request(work.path), one.name)
    assert facade.resolutions(request(work.path))[0] == ()
    assert sorted(str(path) for path in (work.path / ".git/rr-cache").rglob("*")) == before


def test_git_itself_applies_what_was_written_for_it(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo")
    settle_by_merge(work, "topic0", {"f0": SETTLED})
    facade.learn_resolutions(request(work.path, resolutions__rr_cache="write"))
    work.git("config", "rerere.enabled", "true")
    work.git("checkout", "-q", "--detach", "main")
    work.git("merge", "-q", "topic0", check=False)
    assert (work.path / "f0").read_bytes() == SETTLED


def test_teams_share_it_by_push_fetch_and_file(tmp_path: Path) -> None:
    work = learned(tmp_path / "repo")
    work.git("init", "-q", "--bare", str(tmp_path / "hub"))
    work.git("push", "-q", str(tmp_path / "hub"), "--all")
    work.git("push", "-q", str(tmp_path / "hub"), RESOLUTIONS_REF)
    mate = Workspace(tmp_path / "mate")
    mate.git("fetch", "-q", str(tmp_path / "hub"), "+refs/heads/*:refs/heads/*", "--update-head-ok")
    mate.git("reset", "-q", "--hard")
    mate.git("fetch", "-q", str(tmp_path / "hub"), RESOLUTIONS_REF)
    recorded, faults = facade.import_resolutions(request(mate.path), "FETCH_HEAD", is_ref=True)
    assert (len(recorded.added), faults) == (1, ())
    assert facade.learn_resolutions(request(mate.path))[0].merges == 0
    outcome = branch(run(mate.path, only=("topic1",), resolutions__apply=True), "topic1").result.outcome
    assert isinstance(outcome, Aligned)
    assert "imported from FETCH_HEAD" in outcome.resolved[0].source
    assert facade.export_resolutions(request(work.path), tmp_path / "handed.tar") == 1
    third = Workspace(tmp_path / "third")
    third.commit("root", {"x": b"x\n"})
    recorded, faults = facade.import_resolutions(request(third.path), str(tmp_path / "handed.tar"))
    assert (len(recorded.added), faults) == (1, ())
    with tarfile.open(tmp_path / "handed.tar") as archive:
        assert all(name.split("/")[0] == recorded.added[0].conflict for name in archive.getnames())
    # Going back to where it came from it is nothing new, and the two histories are one.
    mate.git("push", "-q", str(tmp_path / "hub"), RESOLUTIONS_REF, check=False)
    back, _ = facade.import_resolutions(request(mate.path), RESOLUTIONS_REF, is_ref=True)
    assert (back.added, back.known) == ((), 1)


def test_two_answers_stand_side_by_side(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    repository = open_repository(work.path)
    record(repository, read_resolutions(repository, rr_cache=False), [ONE], Change(at=AT, message="one"))
    record(repository, read_resolutions(repository, rr_cache=False), [OTHER, ONE], Change(at=AT, message="other"))
    found, _ = facade.resolutions(request(work.path))
    assert [(one.name, one.disputed) for one in found] == [(f"{ONE.conflict}.0", True), (f"{ONE.conflict}.1", True)]
    facade.forget_resolution(request(work.path), f"{ONE.conflict}.0")
    ((left,), _) = facade.resolutions(request(work.path))
    assert (left.name, left.disputed) == (f"{ONE.conflict}.1", False)


def test_a_memory_that_moved_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    repository = open_repository(work.path)
    empty = read_resolutions(repository, rr_cache=False)
    record(repository, empty, [ONE], Change(at=AT, message="one"))
    with pytest.raises(RefLocked):
        record(repository, empty, [OTHER], Change(at=AT, message="other"))
    assert len(facade.resolutions(request(work.path))[0]) == 1


def test_an_entry_is_checked_whoever_wrote_it(tmp_path: Path) -> None:
    """The ref is moved to a tree that somebody made up."""
    work = Workspace(tmp_path / "repo")
    good, bad = "1" * 40, "2" * 40
    contents = {
        f"{ONE.conflict}/preimage": ONE.preimage,
        f"{ONE.conflict}/postimage": ONE.postimage,
        f"{ONE.conflict}/origin.json": b'{"kind": "resolved", "by": ["no name"]}',
        f"{good}/preimage": ONE.preimage,
        f"{good}/postimage": ONE.postimage,
        f"{bad}/preimage": b"no conflict\n",
        f"{bad}/postimage": b"x" * 10,
        f"{bad}/postimage.1": b"alone\n",
        "README": b"hello\n",
        "sub/dir/deep": b"x\n",
        f"{ONE.conflict}/preimage.99": ONE.preimage,
        f"{ONE.conflict}/preimage.1": ONE.preimage,
        f"{ONE.conflict}/postimage.1": ONE.preimage,
    }
    for name, content in contents.items():
        (work.path / name).parent.mkdir(parents=True, exist_ok=True)
        (work.path / name).write_bytes(content)
    work.git("add", "-A")
    work.git("commit", "-q", "-m", "made up")
    work.git("update-ref", RESOLUTIONS_REF, "HEAD")
    found, faults = facade.resolutions(request(work.path))
    told = {one.name: one.fault for one in found}
    assert told == {
        good: "its preimage is that of another conflict",
        bad: "its preimage is that of another conflict",
        f"{ONE.conflict}.0": "",
        f"{ONE.conflict}.1": "it still has conflict markers",
    }
    assert len(faults) == 4
    assert facade.export_resolutions(request(work.path), tmp_path / "out.tar") == 1


def test_a_folder_of_gits_own_is_read_without_following_anything(tmp_path: Path) -> None:
    work = clashing(tmp_path / "repo")
    settle_in_git(work, "topic0", {"f0": SETTLED})
    cache = work.path / ".git/rr-cache"
    (known,) = [folder.name for folder in cache.iterdir()]
    shutil.copytree(cache / known, cache / ("a" * 40))
    (cache / ("b" * 40)).symlink_to(cache / known)
    (cache / "odd name").mkdir()
    (cache / known / "postimage").rename(tmp_path / "elsewhere")
    (cache / known / "postimage").symlink_to(tmp_path / "elsewhere")
    found, faults = facade.resolutions(request(work.path))
    assert [(one.name, bool(one.fault)) for one in found] == [(f"rr-cache/{'a' * 40}", True)]
    assert len(faults) == 1
    assert isinstance(
        branch(run(work.path, only=("topic0",), resolutions__apply=True), "topic0").result.outcome, Conflicted
    )


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"\0" * 2048])
def test_files_that_are_no_archives(tmp_path: Path, content: bytes) -> None:
    work = Workspace(tmp_path / "repo")
    (tmp_path / "x.tar").write_bytes(content)
    try:
        recorded, _ = facade.import_resolutions(request(work.path), str(tmp_path / "x.tar"))
    except UserError:
        return
    assert recorded.added == ()


def test_members_of_an_archive_that_climb_or_link_are_left_out(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    with tarfile.open(tmp_path / "x.tar", "w") as archive:
        for name in (
            f"../../{ONE.conflict}/preimage",
            f"{ONE.conflict}/preimage",
            "/etc/x",
            f"{ONE.conflict}/postimage",
        ):
            member = tarfile.TarInfo(name)
            member.size = len(ONE.preimage)
            archive.addfile(member, io.BytesIO(ONE.preimage))
        link = tarfile.TarInfo(f"{ONE.conflict}/postimage.1")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    recorded, faults = facade.import_resolutions(request(work.path), str(tmp_path / "x.tar"))
    assert recorded.added == ()
    assert [reason for _, reason in recorded.refused] == ["it still has conflict markers"]
    assert len(faults) == 3
    assert not Path("/etc/x").exists()


def test_what_is_read_is_what_was_written_in_either_hash(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo", object_format="sha256")
    repository = open_repository(work.path)
    conflict = normalise(b"<<<<<<< x\n1\n=======\n2\n>>>>>>> y\n", object_format="sha256")
    assert conflict is not None
    one = Resolution(conflict=conflict.id, preimage=conflict.image, postimage=b"12\n", origin=ONE.origin)
    record(repository, read_resolutions(repository, rr_cache=False), [one, ONE], Change(at=AT, message="one"))
    memory = read_resolutions(repository, rr_cache=False)
    shelf = ResolutionReader(memory, repository)
    assert [shelf.get(entry) for entry in memory.all()] == [one]
    shelf.close()


def test_what_a_person_settles_now_counts_though_it_was_forgotten(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    repository = open_repository(work.path)

    def settled(content: bytes) -> Recorded:
        marked = b"a\n<<<<<<< x\n1\n=======\n2\n>>>>>>> y\n"
        file = ResolvedFile(marked=marked, resolved=content, marker_size=7, origin=ONE.origin)
        return record_resolution(repository, file, write_cache=True, at=AT)

    assert [one.conflict for one in settled(b"a\n12\n").added] == [ONE.conflict]
    facade.forget_resolution(request(work.path, resolutions__rr_cache="off"), ONE.conflict)
    assert facade.resolutions(request(work.path))[0] == ()
    assert len(settled(b"a\n12\n").added) == 1
    assert len(facade.resolutions(request(work.path))[0]) == 1
    assert (work.path / ".git/rr-cache" / ONE.conflict / "postimage").read_bytes() == b"a\n12\n"
    assert settled(b"a\n<<<<<<< x\n1\n").added == ()


def test_the_origin_is_kept_beside_its_images(tmp_path: Path) -> None:
    work = Workspace(tmp_path / "repo")
    repository = open_repository(work.path)
    record(repository, read_resolutions(repository, rr_cache=False), [ONE], Change(at=AT, message="one"))
    told = json.loads(work.git("show", f"{RESOLUTIONS_REF}:{ONE.conflict}/origin.json"))
    assert (told["kind"], told["by"], told["branch"]) == ("resolved", "A U Thor <author@example.org>", "topic")
