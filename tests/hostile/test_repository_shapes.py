"""Repositories of odd shapes: opened from everywhere, with parts in other places, borrowed, partial, on other back ends."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.categories import Flag
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from gitalign.errors import GitAlignError, NotARepository
from tests import needs
from tests.git.workspace import Workspace
from tests.runs import branch, excluded, request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))


def fill(work: Workspace) -> Workspace:
    """main and a branch x that is behind it."""
    work.commit("base", {"list": LINES, "deep/down/file": b"f\n"})
    work.switch("x", "main")
    work.commit("x", {"own": b"1\n", "list": LINES.replace(b"line 20\n", b"twenty\n")})
    work.switch("main")
    work.commit("main", {"extra": b"e\n", "list": LINES.replace(b"line 3\n", b"three\n")})
    return work


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    return fill(Workspace(tmp_path / "repo"))


def cloned(work: Workspace, place: Path, source: Path, *words: str) -> Workspace:
    """A bare clone with an identity of its own."""
    work.git(
        "clone", "-q", "--bare", *words, os.fspath(source) if "--shared" in words else f"file://{source}", str(place)
    )
    clone = Workspace.__new__(Workspace)
    clone.path, clone.executable, clone._minute = place, work.executable, 50
    clone.git("config", "user.name", "O Perator")
    clone.git("config", "user.email", "operator@example.org")
    return clone


def stands_on_main(work: Workspace, name: str = "x") -> bool:
    return work.git("merge-base", name, "main") == work.tip("main")


@pytest.mark.parametrize("place", ["folder", "git directory", "linked", "symbolic link", "inside the git directory"])
def test_a_repository_is_found_from_everywhere(work: Workspace, tmp_path: Path, place: str) -> None:
    """Edge case 31."""
    work.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    (tmp_path / "by link").symlink_to(work.path)
    where = {
        "folder": work.path / "deep" / "down",
        "git directory": work.path / ".git",
        "linked": tmp_path / "linked" / "deep",
        "symbolic link": tmp_path / "by link",
        "inside the git directory": work.path / ".git" / "refs",
    }[place]
    assert branch(run(where), "x").verdict is Verdict.ALIGNED
    assert stands_on_main(work)
    assert len(facade.runs(request(work.path))) == 1


@pytest.mark.parametrize(
    "name",
    [
        "with space",
        'quote"s',
        "new\nline",
        "caf\udce9",
        "#hash",
        "-dash",
        "größe",
        "a:b",
        "%40",
        "what?",
    ],
)
def test_any_path_will_do(tmp_path: Path, name: str) -> None:
    """Edge case 28: what git can open, git-align can."""
    work = fill(Workspace(tmp_path / name / "repo"))
    place = tmp_path / f"{name} wt"
    work.git("worktree", "add", "-q", os.fspath(place), "x")
    found = branch(run(work.path), "x")
    assert found.verdict is Verdict.ALIGNED, found.detail
    assert stands_on_main(work)
    assert work.git("-C", os.fspath(place), "status", "--porcelain") == ""
    assert (work.path / ".git" / "gitalign" / "gitalign.db").is_file()


def test_a_git_directory_in_another_place(tmp_path: Path) -> None:
    """Edge case 31."""
    work = fill(Workspace(tmp_path / "repo"))
    work.git("init", "-q", f"--separate-git-dir={tmp_path / 'elsewhere.git'}")
    assert (work.path / ".git").is_file()
    work.git("checkout", "-q", "x")
    assert branch(run(work.path), "x").verdict is Verdict.ALIGNED
    assert work.git("status", "--porcelain") == ""
    assert (tmp_path / "elsewhere.git" / "gitalign" / "gitalign.db").exists()


def test_a_work_tree_in_another_place(tmp_path: Path) -> None:
    """Edge case 31: core.worktree."""
    work = fill(Workspace(tmp_path / "repo"))
    work.git("checkout", "-q", "x")
    shutil.move(work.path / ".git", tmp_path / "store")
    work.git("--git-dir", str(tmp_path / "store"), "config", "core.worktree", str(work.path))
    found = branch(run(tmp_path / "store"), "x")
    status = work.git("--git-dir", str(tmp_path / "store"), "--work-tree", str(work.path), "status", "--porcelain")
    assert status == ""
    assert found.verdict in (Verdict.ALIGNED, Verdict.HELD_BACK)


def test_worktree_config_is_understood(work: Workspace, tmp_path: Path) -> None:
    """Edge case 31: extensions.worktreeConfig."""
    work.git("config", "extensions.worktreeConfig", "true")
    work.git("worktree", "add", "-q", str(tmp_path / "wt"), "x")
    work.git("-C", str(tmp_path / "wt"), "config", "--worktree", "core.sparseCheckout", "true")
    work.git("-C", str(tmp_path / "wt"), "sparse-checkout", "set", "--no-cone", "/list")
    found = branch(run(work.path), "x")
    assert found.verdict is Verdict.ALIGNED, found.detail
    assert work.git("-C", str(tmp_path / "wt"), "status", "--porcelain") == ""
    assert not (tmp_path / "wt" / "deep").exists()


def test_an_unknown_extension_is_told_loudly(work: Workspace) -> None:
    """Edge case 31."""
    work.git("config", "core.repositoryFormatVersion", "1")
    work.git("config", "extensions.fromTheFuture", "true")
    with pytest.raises(GitAlignError, match=r"(?i)fromthefuture") as caught:
        facade.plan(request(work.path))
    assert caught.value.exit_code in (2, 3)


def test_the_operators_variables_of_git_do_not_count(
    work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 42. Those that name a repository are in `tests/git/test_discovery.py`."""
    for name, value in {
        "GIT_ALTERNATE_OBJECT_DIRECTORIES": str(tmp_path / "alternates"),
        "GIT_NAMESPACE": "elsewhere",
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
        "GIT_CONFIG_PARAMETERS": "'core.abbrev'='4' 'merge.renames'='broken' 'core.quotePath'='true'",
        "GIT_CONFIG": str(tmp_path / "nowhere"),
        "GIT_REF_STORAGE": "nonsense",
        "GIT_ATTR_SOURCE": "nonsense",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_SHALLOW_FILE": str(tmp_path / "shallow"),
        "GIT_QUARANTINE_PATH": str(tmp_path / "quarantine"),
        "GIT_TRACE": str(tmp_path / "trace"),
        "GIT_REPLACE_REF_BASE": "refs/heads/",
        "GIT_EXTERNAL_DIFF": "false",
        "GIT_DEFAULT_HASH": "sha256",
    }.items():
        monkeypatch.setenv(name, value)
    found = branch(run(work.path), "x")
    monkeypatch.undo()
    assert found.verdict is Verdict.ALIGNED, found.detail
    assert stands_on_main(work)


def test_borrowed_objects(work: Workspace, tmp_path: Path) -> None:
    """Edge case 31: a clone that borrows from another by alternates, through two steps."""
    one = cloned(work, tmp_path / "one.git", work.path, "--shared")
    two = cloned(work, tmp_path / "two.git", one.path, "--shared")
    report = run(two.path, orchestration__enable_backup_branches=False)
    assert branch(report, "x").verdict is Verdict.ALIGNED
    assert stands_on_main(two)
    assert "missing" not in two.git("fsck", "--full")
    assert not stands_on_main(work)


def test_objects_borrowed_through_as_many_steps_as_git_follows(work: Workspace, tmp_path: Path) -> None:
    """Our quarantine stands on the repository, and adds no step. A check sees the same objects."""
    clone = work
    for step in range(6):
        clone = cloned(work, tmp_path / f"{step}.git", clone.path, "--shared")
    assert clone.git("rev-list", "--count", "x") != "0"
    seen = (
        "git cat-file -e HEAD^{tree} && git ls-tree -r HEAD | while read m t o p; do git cat-file -e $o || exit 1; done"
    )
    report = run(
        clone.path,
        orchestration__enable_backup_branches=False,
        validation__checks=[{"name": "objects", "command": ["sh", "-c", seen]}],
        # Another git to test with may lie where a check sees nothing by itself.
        validation__read_only_paths=[str(Path(git).parent)] if (git := os.environ.get("TEST_GIT_DIR")) else [],
    )
    assert branch(report, "x").verdict is Verdict.ALIGNED, branch(report, "x").detail
    assert stands_on_main(clone)


def test_objects_borrowed_by_a_variable(work: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`GIT_ALTERNATE_OBJECT_DIRECTORIES`, relative, with a colon in its name, and with alternates of its own."""
    clone = cloned(work, tmp_path / "bare.git", work.path)
    lender = cloned(work, tmp_path / "len:der.git", clone.path, "--shared")
    elsewhere = tmp_path / "objects"
    shutil.move(clone.path / "objects", elsewhere)
    (clone.path / "objects").mkdir()
    (lender.path / "objects" / "info" / "alternates").write_text(f"{elsewhere}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", '/nowhere:"len:der.git/objects"')
    report = run(clone.path, orchestration__enable_backup_branches=False)
    assert branch(report, "x").verdict is Verdict.ALIGNED, branch(report, "x").detail
    monkeypatch.setenv("GIT_ALTERNATE_OBJECT_DIRECTORIES", str(elsewhere))
    assert stands_on_main(clone)


def test_a_partial_clone_fetches_nothing_and_runs_nothing(work: Workspace, tmp_path: Path) -> None:
    """Edge cases 41, 43: missing objects of a partial clone are told, not fetched behind the operator's back."""
    canary = tmp_path / "canary"
    evil = tmp_path / "evil"
    evil.write_text(f"#!/bin/sh\necho ran >> {canary}\nexit 1\n")
    evil.chmod(0o755)
    work.git("config", "uploadpack.allowFilter", "true")
    clone = cloned(work, tmp_path / "partial.git", work.path, "--filter=blob:none")
    clone.git("config", "remote.origin.uploadpack", str(evil))
    tips = clone.git("for-each-ref")
    found = branch(run(clone.path), "x")
    assert found.verdict is Verdict.FAILED
    assert getattr(found.result.outcome, "code", "") == "missing_object"
    assert clone.git("for-each-ref") == tips
    assert not canary.exists(), "an object was fetched"


def test_a_shallow_clone_that_goes_deep_enough_is_aligned(work: Workspace, tmp_path: Path) -> None:
    """Edge case 25."""
    for number in range(5):
        work.commit(f"before {number}", {"before": b"%d\n" % number})
    work.switch("late", "main")
    work.commit("late", {"late": b"1\n"})
    work.switch("main")
    work.commit("goes on", {"goes": b"on\n"})
    clone = cloned(work, tmp_path / "shallow.git", work.path, "--depth=3", "--no-single-branch")
    report = run(clone.path, only=("late",))
    assert branch(report, "late").verdict is Verdict.ALIGNED
    assert clone.git("rev-parse", "late^") == work.tip("main")


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_refs_in_tables(tmp_path: Path, object_format: str) -> None:
    """Edge case 31: the reftable back end (git 2.45), with work trees, a conflict, an undo and a directory clash."""
    needs.reftable(tmp_path / "probe")
    work = Workspace.__new__(Workspace)
    work.path, work.executable, work._minute = tmp_path / "repo", "git", 0
    work.path.mkdir()
    work.git("init", "-q", "-b", "main", "--ref-format=reftable", f"--object-format={object_format}")
    work.git("config", "user.name", "O Perator")
    work.git("config", "user.email", "operator@example.org")
    fill(work)
    work.git("worktree", "add", "-q", str(tmp_path / "wt"), "x")
    work.switch("clash", "main~1")
    work.commit("clash", {"list": LINES.replace(b"line 3\n", b"drei\n")})
    work.switch("main")
    x = work.tip("x")
    report = run(work.path)
    assert branch(report, "x").verdict is Verdict.ALIGNED
    assert branch(report, "clash").verdict is Verdict.CONFLICTED
    assert stands_on_main(work)
    assert report.run.id in work.git("log", "-1", "-g", "--format=%gs", "x")
    assert work.git("-C", str(tmp_path / "wt"), "status", "--porcelain") == ""
    facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))
    assert work.tip("x") == x
    assert work.git("-C", str(tmp_path / "wt"), "status", "--porcelain") == ""


def test_packed_refs_move_like_loose_ones(work: Workspace) -> None:
    """Edge case 31."""
    work.git("pack-refs", "--all", "--prune")
    assert not (work.path / ".git" / "refs" / "heads" / "x").exists()
    x = work.tip("x")
    assert branch(run(work.path), "x").verdict is Verdict.ALIGNED
    assert work.tip("x") != x
    work.git("pack-refs", "--all", "--prune")
    facade.undo(request(work.path), "last", permit=Permit(plan_id="*"))
    assert work.tip("x") == x


def test_another_users_repository_is_refused_by_name(work: Workspace) -> None:
    """Edge case 41: safe.directory."""
    needs.root("give files away")
    for folder, names, files in os.walk(work.path):
        for name in [*names, *files, "."]:
            os.lchown(os.path.join(folder, name), 65534, 65534)
    with pytest.raises(NotARepository, match="dubious ownership"):
        facade.plan(request(work.path))


def test_an_empty_repository_and_one_without_targets_say_so(tmp_path: Path) -> None:
    """Edge case 5."""
    empty = Workspace(tmp_path / "empty")
    assert facade.plan(request(empty.path)).steps == ()
    assert run(empty.path).exit_code() == 0
    work = fill(Workspace(tmp_path / "repo"))
    work.git("branch", "-m", "main", "our-own-line")
    plan = facade.plan(request(work.path))
    assert {one.code for one in plan.excluded} == {"no_target"}
    with pytest.raises(GitAlignError, match="no such target"):
        facade.plan(request(work.path, targets=("nowhere",)))
    report = run(work.path, targets=("our-own-line",))
    assert branch(report, "x").verdict is Verdict.ALIGNED


def test_a_folder_or_a_tip_that_is_missing_fails_its_own_branch(tmp_path: Path) -> None:
    """Edge case 41: git merges past a folder neither side changed without reading it; it cannot be published for all that."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"f": b"1\n"})
    for name, files in (("fine", {"a": b"a\n"}), ("folder", {"t/t": b"t\n"}), ("tip", {"b": b"b\n"})):
        work.switch(name, "main")
        work.commit(name, files)
    work.switch("main")
    work.commit("on", {"m": b"m\n"})
    gone = work.tip("folder:t"), work.tip("tip")
    before = work.tip("folder")
    for oid in gone:
        (work.path / ".git" / "objects" / oid[:2] / oid[2:]).unlink()
    foreseen = facade.forecast(request(work.path), pairs=True)
    assert {cell.branch: cell.code for cell in foreseen.branches} == {"fine": "", "folder": "missing_object"}
    report = run(work.path)
    assert branch(report, "fine").verdict is Verdict.ALIGNED
    assert getattr(branch(report, "folder").result.outcome, "code", "") == "missing_object"
    assert work.tip("folder") == before
    assert "missing" in excluded(report, "tip").reason
    sorted_out = facade.categorize(request(work.path))
    assert Flag.UNREADABLE in next(one for one in sorted_out.categories if one.branch == "folder").flags
