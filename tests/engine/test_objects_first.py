"""Nothing is written that names an object which is not there, and what an earlier release left of that kind is mended."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import closing
from dataclasses import replace as replaced_in
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gitalign import facade
from gitalign.core.commit import new_commit, serialise
from gitalign.core.diagnosis import Diagnosis
from gitalign.core.names import Oid
from gitalign.core.plan import Permit
from gitalign.core.run import RunState
from gitalign.engine.publishing.anchor import anchor_ref, broken_anchors, mend_anchors
from gitalign.engine.runtime.surroundings import of_process
from gitalign.errors import GitAlignError, GitError, OutOfSpace, UserError
from gitalign.git import loose_pack, result_packs
from gitalign.git.quarantine import Quarantine
from gitalign.git.repository import open_repository
from gitalign.git.result_packs import ResultPacks
from gitalign.store.journal import open_journal
from tests.engine.faults import FaultyGit
from tests.engine.held import held_for_nothing
from tests.git.workspace import Workspace
from tests.runs import request, run

BRANCHES = 3


def built(place: Path) -> Workspace:
    """A target that went on, and three branches."""
    work = Workspace(place / "repo")
    work.commit("base", {"base": b"1\n"})
    for number in range(BRANCHES):
        work.switch(f"topic/{number}", "main")
        work.commit(f"topic {number}", {f"own/{number}": b"x\n"})
    work.switch("main")
    work.commit("main", {"later": b"1\n"})
    return work


def heads(work: Workspace) -> dict[str, str]:
    lines = work.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads/topic").splitlines()
    return dict(line.split(" ") for line in lines)


def is_sound(work: Workspace) -> None:
    """What an incomplete repository fails at."""
    work.git("log", "--all", "--oneline")
    work.git("bundle", "create", "-q", str(work.path / ".git" / "all.bundle"), "--all")
    work.git("gc", "--quiet", "--prune=now")
    assert "missing" not in work.git("fsck", "--full", "--no-dangling")


def a_pack_for_each_branch(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that some can be stored and others not."""
    monkeypatch.setattr(result_packs, "_TIPS_PER_PACK", 1)
    monkeypatch.setattr(result_packs, "_PACKS_AT_ONCE", 3)
    monkeypatch.setattr(loose_pack, "_PACK_BYTES", 0)


@pytest.mark.parametrize("ending", [".keep", ".pack", ".idx"])
@pytest.mark.parametrize("has_links", [True, False])
def test_packs_that_were_brought_over_in_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, has_links: bool
) -> None:
    """Edge case 63: a disk that is full at the second pack, with and without second names for files."""
    a_pack_for_each_branch(monkeypatch)
    work = built(tmp_path)
    before = heads(work)
    brought: list[Path] = []
    link, replace = os.link, Path.replace

    def none_left(place: Path) -> None:
        if place.suffix == ending and "quarantine" not in place.parts:
            brought.append(place)
            if len(brought) > 1:
                raise OSError(errno.ENOSPC, "No space left on device", str(place))

    def linked(source: Path, place: Path) -> None:
        if not has_links:
            raise OSError(errno.EPERM, "Operation not permitted", str(place))
        none_left(place)
        link(source, place)

    def replaced(self: Path, target: Path) -> Path:
        none_left(Path(target))
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "link", linked)
        patch.setattr(Path, "replace", replaced)
        with pytest.raises(OutOfSpace):
            run(work.path)
    assert len(brought) > 1
    assert heads(work) == before
    asked = request(work.path)
    assert [report.exit_code() for report in facade.resume(asked)] == [0]
    now = heads(work)
    assert all(now[ref] != before[ref] for ref in before)
    if ending != ".idx":
        assert held_for_nothing(work.path / ".git") == []
    # A pack that got no index keeps its mark, by which prune knows it, also when it got its index from the next run.
    in_two_days = replaced_in(of_process(), clock=lambda: datetime.now(UTC) + timedelta(days=2))
    facade.prune(replaced_in(asked, surroundings=in_two_days), older_than_days=0)
    assert held_for_nothing(work.path / ".git") == []
    is_sound(work)


def test_what_is_proved_is_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Results are packed once: no second pack of theirs is made when they are published."""
    made: list[str] = []

    def noting(way: str) -> None:
        packed = getattr(ResultPacks, way)

        def noted(*said: Any) -> tuple[str, ...]:
            made.append(way)
            return packed(*said)  # type: ignore[no-any-return]

        monkeypatch.setattr(ResultPacks, way, noted)

    noting("_from_loose")
    noting("_stored")
    work = built(tmp_path)
    run(work.path)
    assert made == ["_from_loose"]
    is_sound(work)


@pytest.mark.parametrize(
    ("verb", "number", "end", "by"),
    [
        ("pack-objects", 1, "killed before", "resume"),
        ("pack-objects", 3, "killed before", "resume"),
        ("pack-objects", 2, "killed before", "run"),
        ("pack-objects", 2, "killed before", "undo"),
        ("pack-objects", 2, "killed before", "prune"),
        ("index-pack", 2, "killed before", "resume"),
        ("index-pack", 3, "killed after", "resume"),
        ("index-pack", 2, "no space", "resume"),
    ],
)
def test_a_run_whose_objects_were_not_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str, number: int, end: str, by: str
) -> None:
    """Edge case 63: cut off between journal and stored objects, whole or in part."""
    a_pack_for_each_branch(monkeypatch)
    # As where results could not be packed before they were proved.
    monkeypatch.setattr(ResultPacks, "pack", lambda *_, **__: False)
    work = built(tmp_path)
    before = heads(work)
    with FaultyGit(tmp_path / "faulty").going_wrong(verb, end, number=number), pytest.raises(GitAlignError):
        run(work.path)
    assert heads(work) == before
    asked = request(work.path)
    assert facade.runs(asked)[0].state is RunState.PUBLISHING
    if by == "run":
        run(work.path)
    elif by == "undo":
        with pytest.raises(UserError, match="no run moved anything"):
            facade.undo(asked, "last", permit=run_permit())
    elif by == "prune":
        facade.prune(asked)
    if by in ("undo", "prune"):
        assert heads(work) == before
        is_sound(work)
        assert [one.state for one in facade.runs(asked)][-1] is RunState.INTERRUPTED, "it is still to be done"
    reports = facade.resume(asked)
    now = heads(work)
    assert all(now[ref] != before[ref] for ref in before)
    assert reports
    if by != "run":
        assert [report.exit_code() for report in reports] == [0]
    assert facade.resume(asked) == ()
    assert not broken_anchors(open_repository(work.path))
    assert held_for_nothing(work.path / ".git") == []
    is_sound(work)


def run_permit() -> Permit:
    return Permit(plan_id="*")


def test_an_object_of_a_result_that_is_gone_before_it_is_stored(tmp_path: Path) -> None:
    """A commit is never stored without its tree: the memory that held it may be cleared by others meanwhile."""
    work = built(tmp_path)
    repository = open_repository(work.path)
    held = Quarantine(repository, "20260101-000000-000000", memory=None)
    try:
        tree = held.git.run("hash-object", "-w", "-t", "tree", "--stdin", stdin=b"").stdout.decode().strip()
        blob = held.git.run("hash-object", "-w", "--stdin", stdin=b"new\n").stdout.decode().strip()
        tree = held.git.run("mktree", stdin=f"100644 blob {blob}\tnew\n".encode()).stdout.decode().strip()
        who = b"x <x@example.org> 1 +0000"
        body = serialise(new_commit(tree=tree, parents=(work.tip("main"),), author=who, committer=who, message=b"m\n"))
        made = held.git.run("hash-object", "-w", "-t", "commit", "--stdin", stdin=body).stdout.decode().strip()
        (held.objects / blob[:2] / blob[2:]).unlink()
        with pytest.raises(GitAlignError, match=blob):
            held.packs.store([Oid(made)], [Oid(work.tip("main"))], replaced=[Oid(work.tip("topic/0"))])
    finally:
        held.remove()
    assert work.git("cat-file", "-t", made, check=False) == ""
    is_sound(work)


def test_what_a_partial_copy_lacked_before_may_be_missing_afterwards(tmp_path: Path) -> None:
    """The branch holds a file that was never copied; it is aligned, and lacks it still."""
    work = built(tmp_path)
    lost = work.tip("topic/0:own/0")
    (work.path / ".git" / "objects" / lost[:2] / lost[2:]).unlink()
    before = heads(work)
    report = run(work.path, only=("topic/0",))
    assert report.exit_code() == 0, report.branches()
    assert heads(work)["refs/heads/topic/0"] != before["refs/heads/topic/0"]


def cannot_hold(*_: object, **__: object) -> None:
    """As in earlier releases: the anchor names a commit that leads to what it pins."""
    raise GitError("no packs today")


def broken(place: Path, *, parents: int = 0) -> tuple[Workspace, str]:
    """A repository with the anchor of a run, of which an earlier release made another one that names commits nobody has."""
    work = built(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("gitalign.engine.publishing.anchor.hold", cannot_hold)
        run(work.path)
    run_id = facade.runs(request(work.path))[0].id
    ref = anchor_ref(run_id)
    good = work.git("cat-file", "commit", ref)
    nowhere = ["".join(f"{number:040x}") for number in range(1, 3)]
    head, _, message = good.partition("\n\n")
    lines = head.split("\n")
    lines[1:1] = [f"parent {oid}" for oid in nowhere]
    words = ("hash-object", "-w", "-t", "commit", "--literally", "--stdin")
    bad = work.git(*words, stdin=("\n".join(lines) + "\n\n" + message + "\n").encode())
    for number in range(parents):
        # The anchor of a large run has parts before it.
        first = "\n".join([lines[0], f"parent {bad}", *(f"parent {work.tip('main')}" for _ in range(500)), *lines[-2:]])
        bad = work.git("cat-file", "commit", bad) if number else bad
        bad = work.git(*words, stdin=f"{first}\n\n{message}\n".encode())
    (work.path / ".git" / ref).parent.mkdir(parents=True, exist_ok=True)
    (work.path / ".git" / ref).write_text(f"{bad}\n")
    return work, run_id


def examined(work: Workspace) -> Diagnosis:
    return next(one for one in facade.doctor(request(work.path)) if one.check == "anchors")


def test_an_anchor_that_names_what_is_not_there_is_found_and_mended(tmp_path: Path) -> None:
    work, run_id = broken(tmp_path)
    with pytest.raises(AssertionError, match=r"[Ff]ailed to traverse|missing|[Cc]ould not read|bad object"):
        work.git("gc", "--quiet", "--prune=now")
    found = examined(work)
    assert found.ok is False
    assert run_id in found.detail
    assert found.hint == "git align resume"
    facade.resume(request(work.path))
    assert examined(work).ok is True
    is_sound(work)
    undone = facade.undo(request(work.path), "last", permit=run_permit())
    assert undone.exit_code() == 0


def test_an_anchor_of_which_nothing_is_there_is_deleted(tmp_path: Path) -> None:
    work = built(tmp_path)
    ref = work.path / ".git" / anchor_ref("20260101-000000-000000")
    ref.parent.mkdir(parents=True)
    ref.write_text("12" * 20 + "\n")
    repository = open_repository(work.path)
    assert [one.ref for one in mend_anchors(repository)] == [anchor_ref("20260101-000000-000000")]
    assert not ref.exists()
    is_sound(work)


def test_anchors_with_parts_are_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More commits than one anchor may have parents: its parts are no commits of the run, and lead to the rest."""
    monkeypatch.setattr("gitalign.engine.publishing.anchor._PARENTS", 2)
    monkeypatch.setattr("gitalign.engine.publishing.anchor.hold", cannot_hold)
    work = built(tmp_path)
    run(work.path)
    repository = open_repository(work.path)
    assert broken_anchors(repository) == ()
    with closing(open_journal(repository.state_dir / "gitalign.db")) as journal:
        record = journal.runs()[0]
        lost = journal.publications(record.id)[0].update.before
    # The deepest part is where an earlier release could name it as well.
    first = work.git("rev-list", "--first-parent", "--grep=part 1$", anchor_ref(record.id)).split()[-1]
    assert lost in work.git("rev-list", anchor_ref(record.id)).split()
    shutil.rmtree(work.path / ".git" / "objects" / first[:2])
    assert [one.ref for one in broken_anchors(repository)] == [anchor_ref(record.id)]
    mend_anchors(repository)
    assert broken_anchors(repository) == ()
    work.git("log", "--all", "--oneline")
