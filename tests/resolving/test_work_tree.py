"""The work tree of a session: laid out as git would lay it out, and deleted only when nothing is lost with it (edge case 73)."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.manual_resolution import Look, Stand
from gitalign.core.names import Oid
from gitalign.core.plan import Permit
from gitalign.core.report import Report, Verdict
from gitalign.errors import GitError, UserError
from gitalign.git.repository import open_repository
from gitalign.worktrees.resolution_tree import look
from tests.engine.faults import FaultyGit
from tests.git.workspace import Workspace
from tests.runs import branch, request

LINES = b"".join(b"line %d\n" % number for number in range(20))


def _link(work: Workspace, to: str) -> None:
    (work.path / "link").unlink(missing_ok=True)
    (work.path / "link").symlink_to(to)


def content(work: Workspace, side: str) -> None:
    work.commit(side, {"f": LINES.replace(b"line 3", side.encode()), "with space": LINES + side.encode()})


def deleted(work: Workspace, side: str) -> None:
    work.commit(side, {"f": None if side == "topic" else LINES + b"more\n", "own": b"1\n"})


def both_added(work: Workspace, side: str) -> None:
    work.commit(side, {"new": side.encode() * 3 + b"\n", "own" + side: b"1\n"})


def binary(work: Workspace, side: str) -> None:
    work.commit(side, {"bin": b"\0" + side.encode()})


def renamed_both(work: Workspace, side: str) -> None:
    work.git("mv", "f", f"f-{side}")
    work.commit(side)


def renamed_and_changed(work: Workspace, side: str) -> None:
    if side == "topic":
        work.git("mv", "f", "moved")
    work.commit(side, {("moved" if side == "topic" else "f"): LINES.replace(b"line 3", side.encode())})


def file_and_folder(work: Workspace, side: str) -> None:
    work.commit(side, {"place" if side == "topic" else "place/below": side.encode() + b"\n"})


def links(work: Workspace, side: str) -> None:
    _link(work, side)
    work.commit(side)


def modes(work: Workspace, side: str) -> None:
    (work.path / "f").chmod(0o755 if side == "topic" else 0o644)
    content(work, side)


SHAPES: list[Callable[[Workspace, str], None]] = [
    content, deleted, both_added, binary, renamed_both, renamed_and_changed, file_and_folder, links, modes,
]  # fmt: skip


@pytest.mark.parametrize("strategy", ["rebase", "merge"])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_a_stop_is_laid_out_as_git_lays_it_out(
    tmp_path: Path, shape: Callable[[Workspace, str], None], strategy: str
) -> None:
    work = Workspace(tmp_path / "repo")
    _link(work, "base")
    work.commit("base", {"f": LINES, "bin": b"\0base", "with space": LINES})
    work.switch("topic", "main")
    shape(work, "topic")
    work.switch("main")
    shape(work, "main")
    work.git("worktree", "add", "-q", "--detach", str(tmp_path / "git"), "topic")
    words = ["rebase", "main"] if strategy == "rebase" else ["merge", "-q", "main"]
    work.git("-C", str(tmp_path / "git"), *words, check=False)
    look = facade.resolve(request(work.path, strategy=strategy), "topic")
    assert look.stand is Stand.STOPPED
    ours, theirs = Path(look.session.folder), tmp_path / "git"
    for asked in (("ls-files", "--stage"), ("status", "--porcelain=v2"), ("diff", "HEAD")):
        assert work.git("-C", str(ours), *asked) == work.git("-C", str(theirs), *asked), asked
    assert files_of(ours) == files_of(theirs)
    assert work.git("-C", str(ours), "rev-parse", "HEAD") == work.git("-C", str(theirs), "rev-parse", "HEAD")


def files_of(folder: Path) -> dict[str, object]:
    return {
        str(place.relative_to(folder)): str(place.readlink()) if place.is_symlink() else place.read_bytes()
        for place in folder.rglob("*")
        if place.name != ".git" and (place.is_symlink() or place.is_file())
    }


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES, "g": LINES})
    work.switch("topic", "main")
    work.commit("topic", {"f": LINES.replace(b"line 3", b"topic")})
    work.switch("main")
    work.commit("on", {"f": LINES.replace(b"line 3", b"main")})
    return work


def resolved(work: Workspace) -> Look:
    look = facade.resolve(request(work.path), "topic")
    (Path(look.session.folder) / "f").write_bytes(LINES.replace(b"line 3", b"both"))
    facade.resolve_stage(request(work.path), "topic")
    return look


def finish(work: Workspace) -> Report:
    return facade.resolve_finish(request(work.path), "topic", permit=Permit(plan_id="*"))


def test_changes_that_are_not_added_are_asked_about(work: Workspace) -> None:
    look = resolved(work)
    (Path(look.session.folder) / "g").write_bytes(b"edited as well\n")
    with pytest.raises(UserError, match="not added: g"):
        facade.resolve_continue(request(work.path), "topic")
    work.git("-C", look.session.folder, "add", "g")
    assert facade.resolve_continue(request(work.path), "topic").stand is Stand.DONE
    finish(work)
    assert work.git("show", "topic:g") == "edited as well"


@pytest.mark.parametrize("change", ["untracked", "changed"])
def test_a_work_tree_that_holds_more_than_landed_stays(work: Workspace, change: str) -> None:
    look = resolved(work)
    folder = Path(look.session.folder)
    facade.resolve_continue(request(work.path), "topic")
    (folder / ("notes" if change == "untracked" else "g")).write_bytes(b"the only copy\n")
    (folder / "f.orig").write_bytes(b"left by a merge tool\n")
    report = finish(work)
    assert branch(report, "topic").verdict is Verdict.ALIGNED
    (notice,) = [one for one in report.notices if str(folder) in one]
    assert ("notes" if change == "untracked" else "g") in notice
    assert folder.is_dir()
    facade.resolve_abort(request(work.path), "topic")
    assert not folder.exists()


def test_a_work_tree_in_which_a_process_lives_stays(work: Workspace) -> None:
    look = resolved(work)
    facade.resolve_continue(request(work.path), "topic")
    (Path(look.session.folder) / "sub").mkdir()
    lives = subprocess.Popen(["sleep", "60"], cwd=Path(look.session.folder) / "sub")
    try:
        report = finish(work)
        assert branch(report, "topic").verdict is Verdict.ALIGNED
        assert any(f"process {lives.pid} works in it" in one for one in report.notices)
        with pytest.raises(UserError, match=f"process {lives.pid}"):
            facade.resolve_abort(request(work.path), "topic")
        assert Path(look.session.folder).is_dir()
    finally:
        lives.kill()
        lives.wait()
    facade.resolve_abort(request(work.path), "topic")
    assert not Path(look.session.folder).exists()


def test_work_trees_of_people_that_are_not_there_at_the_moment_are_kept(work: Workspace, tmp_path: Path) -> None:
    """A disk that is not mounted: `git worktree prune` would forget its index and what is in progress there."""
    work.git("worktree", "add", "-q", "--detach", str(tmp_path / "away"), "topic")
    (tmp_path / "away").rename(tmp_path / "elsewhere")
    resolved(work)
    facade.resolve_continue(request(work.path), "topic")
    finish(work)
    (tmp_path / "elsewhere").rename(tmp_path / "away")
    assert work.git("-C", str(tmp_path / "away"), "status", "--porcelain") == ""


def test_the_stash_and_the_index_of_the_main_work_tree_are_left_alone(work: Workspace) -> None:
    """Edge case 72."""
    (work.path / "g").write_bytes(b"stashed\n")
    work.git("stash")
    (work.path / "staged").write_bytes(b"1\n")
    work.git("add", "staged")
    before = (work.tip("refs/stash"), (work.path / ".git" / "index").read_bytes(), work.git("reflog", "HEAD"))
    for name in ("rebase.autoStash", "merge.autoStash"):
        work.git("config", name, "true")
    resolved(work)
    facade.resolve_continue(request(work.path), "topic")
    finish(work)
    assert (work.tip("refs/stash"), (work.path / ".git" / "index").read_bytes(), work.git("reflog", "HEAD")) == before


@pytest.fixture
def stopped(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": LINES})
    work.switch("topic", "main")
    content(work, "topic")
    work.switch("main")
    content(work, "main")
    return work


@pytest.mark.parametrize("strategy", ["rebase", "merge"])
def test_a_failure_of_git_never_says_that_nothing_is_in_progress(
    stopped: Workspace, tmp_path: Path, strategy: str
) -> None:
    """Whichever question fails: asked again it is answered, and where every answer fails, the failure is raised."""
    asked = request(stopped.path, strategy=strategy)
    expected = facade.resolve(asked, "topic")
    assert (expected.stand, expected.stopped_at) == (
        Stand.STOPPED,
        stopped.tip("main" if strategy == "merge" else "topic"),
    )
    session = expected.session
    repository = open_repository(stopped.path)
    faulty = FaultyGit(tmp_path / "faulty")
    with faulty.going_wrong("rev-parse", "refused", number=0):
        ours = replace(repository, git=replace(repository.git, executable=faulty.executable))
        assert look(ours, session) == replace(expected, now=Oid(stopped.tip("topic")))
        calls = faulty.calls
    assert calls == 2, "HEAD, and what it stopped at"
    for number in range(1, calls + 1):
        with faulty.going_wrong("rev-parse", "refused", number=number):
            assert look(ours, session) == replace(expected, now=Oid(stopped.tip("topic")))
            assert faulty.calls == calls + 1
    with faulty.going_wrong("rev-parse", "refused", every=True), pytest.raises(GitError):
        look(ours, session)
    (
        stopped.path
        / ".git/worktrees"
        / Path(session.folder).name
        / ("MERGE_HEAD" if strategy == "merge" else "REBASE_HEAD")
    ).unlink()
    assert look(repository, session).stopped_at is None


def test_a_work_tree_whose_head_is_gone_can_be_given_up(stopped: Workspace) -> None:
    session = facade.resolve(request(stopped.path), "topic").session
    repository = open_repository(stopped.path)
    linked = stopped.path / ".git/worktrees" / Path(session.folder).name
    for content in ("ref: refs/heads/nowhere\n", "0" * 39 + "1\n", None):
        (linked / "HEAD").unlink()
        if content is not None:
            (linked / "HEAD").write_text(content)
        assert look(repository, session).stand is Stand.GONE, content


def test_a_rebase_that_dies_at_a_conflict_is_still_stopped_at_its_commit(tmp_path: Path) -> None:
    """Another process has the lock of `rerere`, so git ends before it says where it stopped."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n", "g": b"1\n"})
    work.switch("topic", "main")
    work.commit("first", {"f": b"topic\n"})
    second = work.commit("second", {"g": b"topic\n"})
    work.switch("main")
    work.commit("on", {"f": b"main\n", "g": b"main\n"})
    seen = facade.resolve(request(work.path), "topic")
    (Path(seen.session.folder) / "f").write_bytes(b"both\n")
    work.git("-C", seen.session.folder, "add", "f")
    lock = Path(work.git("-C", seen.session.folder, "rev-parse", "--absolute-git-dir"), "MERGE_RR.lock")
    work.git("-C", seen.session.folder, "commit", "-qC", "REBASE_HEAD")
    lock.touch()
    work.git("-C", seen.session.folder, "rebase", "--continue", check=False)
    lock.unlink()
    seen = facade.resolve(request(work.path), "topic")
    assert (seen.stand, seen.stopped_at, seen.subject) == (Stand.STOPPED, second, "second")
    (Path(seen.session.folder) / "g").write_bytes(b"both\n")
    work.git("-C", seen.session.folder, "add", "g")
    seen = facade.resolve_continue(request(work.path), "topic")
    assert seen.stand is Stand.DONE
    assert branch(finish(work), "topic").verdict is Verdict.ALIGNED
    assert work.git("log", "--format=%s", "main..topic").splitlines() == ["second", "first"]
    assert work.git("show", "topic:g") == "both"


@pytest.mark.parametrize("picks", ["nothing", "its commit"])
def test_a_rebase_that_is_killed_between_two_commits_loses_none(tmp_path: Path, picks: str) -> None:
    """git takes a commit from its list before it picks it, and would go on behind it."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    work.commit("first", {"f": b"topic\n"})
    second = work.commit("second", {"g": b"1\n"})
    third = work.commit("third", {"h": b"1\n"})
    work.switch("main")
    work.commit("on", {"f": b"main\n"})
    folder = facade.resolve(request(work.path), "topic").session.folder
    (Path(folder) / "f").write_bytes(b"both\n")
    work.git("-C", folder, "add", "f")
    work.git("-C", folder, "commit", "-qC", "REBASE_HEAD")
    done = Path(work.git("-C", folder, "rev-parse", "--absolute-git-dir"), "rebase-merge", "done")
    hook = work.path / ".git/hooks/reference-transaction"
    hook.parent.mkdir(exist_ok=True)
    ref = "REBASE_HEAD" if picks == "nothing" else "HEAD"
    hook.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = committed ] && grep -q " {ref}$" && tail -n 1 {done} | grep -q {second} && kill -9 $PPID\n'
        "exit 0\n"
    )
    hook.chmod(0o755)
    work.git("-C", folder, "rebase", "--continue", check=False)
    hook.unlink()
    assert work.git("-C", folder, "log", "--format=%s", "main..").splitlines()[0] == (
        "first" if picks == "nothing" else "second"
    )
    assert [third in line for line in (done.parent / "git-rebase-todo").read_text().splitlines()[:1]] == [True]
    for lock in done.parent.parent.glob("*.lock"):
        lock.unlink()
    seen = facade.resolve(request(work.path), "topic")
    assert (seen.stand, seen.stopped_at) == (Stand.READY, None)
    assert facade.resolve_continue(request(work.path), "topic").stand is Stand.DONE
    assert branch(finish(work), "topic").verdict is Verdict.ALIGNED
    assert work.git("log", "--format=%s", "main..topic").splitlines() == ["third", "second", "first"]


def test_nothing_of_git_goes_on_in_the_background(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `git commit` leaves behind in the background has locks that the rebase needs."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    work.switch("topic", "main")
    work.commit("first", {"f": b"topic\n"})
    work.switch("main")
    work.commit("on", {"f": b"main\n"})
    events = tmp_path / "events"
    config = tmp_path / "config"
    config.write_text(f"[trace2]\n\teventTarget = {events}\n[gc]\n\tauto = 1\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    seen = facade.resolve(request(work.path), "topic")
    (Path(seen.session.folder) / "f").write_bytes(b"both\n")
    state = Path(work.git("-C", seen.session.folder, "rev-parse", "--absolute-git-dir"), "rebase-merge")
    (state / "git-rebase-todo").write_text("exec true\n")  # a person edited the list, so git itself goes on
    facade.resolve_stage(request(work.path), "topic")
    assert facade.resolve_continue(request(work.path), "topic").stand is Stand.DONE
    begun = re.findall(r'"argv":\["[^"]*","([a-z-]+)"', events.read_text())
    assert {"rebase", "commit"} <= set(begun)
    assert not {"maintenance", "gc"} & set(begun)
