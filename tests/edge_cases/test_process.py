"""Edge cases of processes, configuration and what others do to the repository meanwhile, end to end with real git."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.outcome import Conflicted, Failed
from gitalign.core.plan import Permit
from gitalign.core.report import Verdict
from gitalign.errors import GitError
from tests import warm
from tests.git.workspace import Workspace
from tests.histories import Stream, git
from tests.runs import branch, excluded, request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES})
    for name in ("x", "y"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n", "list": LINES.replace(b"line 20\n", name.encode() + b"\n")})
    work.switch("main")
    work.commit("main", {"extra": b"e\n", "list": LINES.replace(b"line 3\n", b"three\n")})
    return work


@pytest.mark.parametrize("when", ["planned", "journal", "pin", "backups"])
def test_a_branch_checked_out_meanwhile_leaves_no_garbage_in_its_work_tree(
    work: Workspace, tmp_path: Path, when: str
) -> None:
    """Edge case 30: checked out after the plan was made, at whatever moment before its ref moves."""
    asked = request(work.path, orchestration__enable_backup_branches=True)
    plan = facade.plan(asked)
    place = tmp_path / "wt"

    def meanwhile(name: str) -> None:
        if name == when and not place.exists():
            work.git("worktree", "add", "-q", str(place), "x")

    if when == "planned":
        meanwhile("planned")
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id), checkpoint=meanwhile)
    assert place.exists()
    assert branch(report, "y").verdict is Verdict.ALIGNED
    assert work.git("-C", str(place), "status", "--porcelain") == ""
    if branch(report, "x").verdict is not Verdict.ALIGNED:
        assert work.tip("x") == plan.step(branch(report, "x").step.id).seen


@pytest.mark.parametrize("lock", ["index.lock", "HEAD.lock", "config.lock", "packed-refs.lock", "shallow.lock"])
def test_stale_locks_of_the_repository(work: Workspace, lock: str) -> None:
    """Edge case 34: what needs no lock is not stopped by one; what does, is told, and nothing is half done."""
    (work.path / ".git" / lock).write_bytes(b"")
    report = run(work.path)
    for name in ("x", "y"):
        found = branch(report, name)
        assert found.verdict is Verdict.ALIGNED, f"{lock}: {found.detail}"
    assert (work.path / ".git" / lock).exists()


def test_a_locked_branch_is_held_back_alone_and_told(work: Workspace) -> None:
    """Edge case 34."""
    lock = work.path / ".git" / "refs" / "heads" / "x.lock"
    lock.write_bytes(b"")
    x = work.tip("x")
    report = run(work.path)
    found = branch(report, "x")
    assert found.verdict is Verdict.HELD_BACK
    assert "x.lock" in found.detail
    assert work.tip("x") == x
    assert lock.exists()
    assert branch(report, "y").verdict is Verdict.ALIGNED
    lock.unlink()
    assert branch(run(work.path), "x").verdict is Verdict.ALIGNED


def test_a_branch_whose_time_is_up_stays_and_is_aligned_by_a_run_with_more_time(work: Workspace) -> None:
    before = (work.tip("x"), work.tip("y"))
    report = run(work.path, orchestration__branch_alignment_timeout_seconds=1e-6, orchestration__max_attempts=1)
    for name in ("x", "y"):
        outcome = branch(report, name).result.outcome
        assert isinstance(outcome, Failed)
        assert (outcome.code, "branch_alignment_timeout_seconds" in outcome.hint) == ("branch_timed_out", True)
    assert (work.tip("x"), work.tip("y")) == before
    assert branch(run(work.path), "x").verdict is Verdict.ALIGNED


def test_a_work_tree_with_a_locked_index_is_held_back(work: Workspace, tmp_path: Path) -> None:
    """Edge case 34."""
    work.git("worktree", "add", "-q", str(tmp_path / "wt"), "x")
    x = work.tip("x")
    (work.path / ".git" / "worktrees" / "wt" / "index.lock").write_bytes(b"")
    report = run(work.path)
    assert work.tip("x") == x
    found = [one for one in report.branches() if one.step.branch.name == "x"]
    said = found[0].detail if found else excluded(report, "x").reason
    assert "index.lock" in said
    (work.path / ".git" / "worktrees" / "wt" / "index.lock").unlink()
    assert work.git("-C", str(tmp_path / "wt"), "status", "--porcelain") == ""
    assert branch(report, "y").verdict is Verdict.ALIGNED


def test_garbage_collection_at_every_moment_takes_nothing_away(work: Workspace) -> None:
    """Edge case 37."""
    asked = request(work.path)
    plan = facade.plan(asked)
    seen: list[str] = []

    def collect(name: str) -> None:
        seen.append(name)
        work.git("-c", "gc.pruneExpire=now", "gc", "--quiet", "--prune=now")

    try:
        report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id), checkpoint=collect)
        assert len(seen) > 5
    except GitError:
        # git may remove even the pack that is being written at that moment: nothing has moved, and the run is made again.
        assert seen[-1] in ("store", "backups")
        (report,) = facade.resume(asked)
    assert {one.verdict for one in report.branches()} == {Verdict.ALIGNED}
    work.git("gc", "--quiet", "--prune=now")
    assert "missing" not in work.git("fsck", "--full", "--no-dangling")
    before = {one.update.ref: one.update.before for one in report.publications}
    facade.undo(request(work.path), report.run.id, permit=Permit(plan_id="*"), checkpoint=collect)
    assert {ref: work.tip(ref) for ref in before} == before
    assert "missing" not in work.git("fsck", "--full", "--no-dangling")


def test_two_commands_at_once_align_every_branch_once(tmp_path: Path) -> None:
    """Edge case 39: two processes, one repository."""
    work = Workspace(tmp_path / "repo")
    stream = Stream()
    tree = {b"list": (b"100644", LINES)}
    base = stream.commit("refs/heads/main", tree, [], b"base\n")
    for number in range(60):
        stream.commit(f"refs/heads/t/{number}", {**tree, b"own%d" % number: (b"100644", b"1\n")}, [base], b"own\n")
    stream.commit("refs/heads/main", {**tree, b"extra": (b"100644", b"e\n")}, [base], b"main\n")
    stream.load(work.path)
    asked = {"GITALIGN_ORCHESTRATION__ENABLE_BACKUP_BRANCHES": "true"}
    children = [warm.start("run", "--repo", work.path, "--yes", "--json", "-q", env=asked) for _ in range(3)]
    said = [child.communicate() for child in children]
    moved: list[str] = []
    for child, (out, err) in zip(children, said, strict=True):
        assert child.returncode in (0, 1), err
        report = json.loads(out)
        moved += [one["update"]["ref"] for one in report["moves"] if one["state"] == "moved"]
    run(work.path)
    assert len(moved) == len(set(moved)), "a branch was moved twice"
    tips = work.git("for-each-ref", "--format=%(refname)", "--no-contains=main", "refs/heads/t")
    assert tips == ""
    assert work.git("rev-list", "--count", "main..t/7") == "1"
    backups = work.git("for-each-ref", "--format=%(objectname)", "refs/heads/backup-t").splitlines()
    assert len(backups) == 60


NASTY = {
    "rebase.updateRefs": "true",
    "rebase.autoStash": "true",
    "rebase.autoSquash": "true",
    "rebase.forkPoint": "true",
    "merge.conflictStyle": "diff3",
    "merge.renames": "false",
    "merge.directoryRenames": "true",
    "merge.renormalize": "true",
    "merge.renameLimit": "1",
    "diff.renames": "copies",
    "diff.renameLimit": "1",
    "diff.noprefix": "true",
    "diff.mnemonicPrefix": "true",
    "diff.algorithm": "histogram",
    "diff.context": "0",
    "diff.external": "false",
    "diff.ignoreSubmodules": "all",
    "diff.orderFile": "/dev/null",
    "patchid.stable": "false",
    "patchid.verbatim": "true",
    "log.showSignature": "true",
    "log.date": "relative",
    "log.follow": "true",
    "format.pretty": "oneline",
    "color.ui": "always",
    "color.status": "always",
    "core.abbrev": "4",
    "core.autocrlf": "true",
    "core.eol": "crlf",
    "core.ignoreCase": "true",
    "core.precomposeUnicode": "true",
    "core.protectNTFS": "true",
    "core.quotePath": "true",
    "core.commentChar": ";",
    "core.logAllRefUpdates": "false",
    "core.multiPackIndex": "false",
    "core.commitGraph": "false",
    "core.sharedRepository": "group",
    "core.whitespace": "error",
    "i18n.commitEncoding": "ISO-8859-1",
    "i18n.logOutputEncoding": "UTF-16",
    "commit.cleanup": "strip",
    "commit.template": "/dev/null",
    "status.short": "true",
    "status.branch": "true",
    "status.relativePaths": "true",
    "status.showUntrackedFiles": "all",
    "blame.ignoreRevsFile": "nowhere",
    "push.default": "matching",
    "push.followTags": "true",
    "transfer.hideRefs": "refs/heads/x",
    "receive.fsckObjects": "true",
    "pack.packSizeLimit": "1m",
    "gc.pruneExpire": "now",
    "gc.auto": "1",
    "fetch.prune": "true",
    "column.ui": "always",
    "worktree.guessRemote": "true",
    "advice.detachedHead": "true",
    "trace2.normalTarget": "1",
    "alias.rev-list": "!false",
    "alias.merge-tree": "!false",
    "extensions.noop": "true",
    "submodule.recurse": "true",
    "versionsort.suffix": "-",
    "tag.sort": "-version:refname",
    "branch.sort": "-committerdate",
    "init.defaultBranch": "elsewhere",
    "feature.manyFiles": "true",
    "user.useConfigOnly": "true",
    "apply.whitespace": "fix",
    "mailinfo.scissors": "true",
    "notes.rewriteRef": "refs/notes/commits",
}


def history(place: Path) -> Path:
    """Renames, line endings, non-ASCII messages, a conflict and a commit picked upstream."""
    stream = Stream()
    tree = {b"list": (b"100644", LINES), b"crlf": (b"100644", b"a\r\nb\r\nc\r\n"), "größe".encode(): (b"100644", LINES)}
    base = stream.commit("refs/heads/main", tree, [], b"base\n")
    edited = LINES.replace(b"line 20\n", b"twenty\n")
    picked = {**tree, b"crlf": (b"100644", b"a\r\nb\r\nC\r\n")}
    one = stream.commit("refs/heads/x", picked, [base], b"; semicolon\n\n# hash\n   \n\n\ntrailing   \n")
    stream.commit("refs/heads/x", {**picked, b"list": (b"100644", edited)}, [one], "größe\n".encode("latin-1"))
    stream.commit(
        "refs/heads/clash", {**tree, b"list": (b"100644", LINES.replace(b"line 3\n", b"drei\n"))}, [base], b"c"
    )
    stream.commit("refs/heads/two", {**picked, b"fixup": (b"100644", b"1\n")}, [one], b"fixup! ; semicolon\n")
    moved = {path: value for path, value in tree.items() if path != b"list"}
    moved[b"moved/list"] = (b"100644", LINES.replace(b"line 3\n", b"three\n"))
    main = stream.commit("refs/heads/main", moved, [base], b"rename\n")
    stream.commit("refs/heads/main", {**moved, b"crlf": picked[b"crlf"]}, [main], b"picked\n")
    git(place.parent, "init", "-q", "--bare", "-b", "main", str(place))
    git(place, "config", "user.name", "O Perator")
    git(place, "config", "user.email", "operator@example.org")
    stream.load(place)
    return place


def told(repository: Path) -> tuple[str, dict[str, object]]:
    """Where every branch ends, and what is said of those that conflict."""
    report = run(repository, committer="preserve")
    conflicts: dict[str, object] = {}
    for one in report.branches():
        outcome = one.result.outcome
        if isinstance(outcome, Conflicted):
            conflicts[one.step.branch.name] = (outcome.entries, [(c.kind, c.paths) for c in outcome.conflicts])
    return git(repository, "for-each-ref", "--format=%(objectname) %(refname)", "refs/heads"), conflicts


def test_no_setting_of_the_operator_changes_a_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Edge case 42: the user's configuration, the repository's, the locale and the time zone."""
    expected = told(history(tmp_path / "plain.git"))
    assert expected[1], "the sample has a conflict"
    home = tmp_path / "home"
    home.mkdir()
    for key, value in NASTY.items():
        git(tmp_path, "config", "--file", str(home / ".gitconfig"), key, value)
    (home / "attributes").write_text("* text=auto eol=crlf ident merge=union\n")
    git(tmp_path, "config", "--file", str(home / ".gitconfig"), "core.attributesFile", str(home / "attributes"))
    local = history(tmp_path / "local.git")
    for key, value in NASTY.items():
        if not key.startswith("extensions"):
            git(local, "config", key, value)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("LANGUAGE", "de:fr")
    monkeypatch.setenv("GIT_MERGE_VERBOSITY", "5")
    monkeypatch.setenv("GIT_PAGER", "false")
    monkeypatch.setenv("PAGER", "false")
    monkeypatch.setenv("GREP_OPTIONS", "--color=always")
    assert told(history(tmp_path / "global.git")) == expected
    assert told(local) == expected


@pytest.mark.parametrize("stands_on", ["main", "x", "old", "bare"])
def test_the_targets_merge_drivers_hold_wherever_one_stands(tmp_path: Path, stands_on: str) -> None:
    """Edge case 9."""
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"news/CHANGES": b"one\n"})
    work.git("branch", "old")
    work.switch("x", "main")
    work.commit("x", {"news/CHANGES": b"one\nfrom x\n"})
    work.switch("main")
    work.commit("main", {"news/CHANGES": b"one\nfrom main\n", "news/.gitattributes": b"CHANGES merge=union\n"})
    path = work.path
    if stands_on == "bare":
        path = tmp_path / "bare.git"
        work.git("clone", "-q", "--bare", str(work.path), str(path))
        git(path, "config", "user.name", "O Perator")
        git(path, "config", "user.email", "operator@example.org")
    else:
        work.switch(stands_on)
    assert branch(run(path), "x").verdict is Verdict.ALIGNED
    assert git(path, "show", "x:news/CHANGES").splitlines() == ["one", "from main", "from x"]


MOST_PROCESSES = 48
"""Of git in a run of ten branches: 41 to 45, as threads take turns. Lower it when there are fewer."""


def counted(work: Workspace, place: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Number of git processes a run starts."""
    place.mkdir()
    (place / "git").write_text(f'#!/bin/sh\nprintf . >> {place}/count\nexec {shutil.which("git")} "$@"\n')
    (place / "git").chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{place}:{os.environ['PATH']}")
        assert run(work.path).exit_code() == 0
    return len((place / "count").read_bytes())


def test_the_number_of_processes_does_not_grow_with_the_branches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Edge case 48."""
    calls: dict[int, int] = {}
    for count in (10, 210):
        work = Workspace(tmp_path / f"repo{count}")
        stream = Stream()
        tree = {b"list": (b"100644", LINES)}
        base = stream.commit("refs/heads/main", tree, [], b"base\n")
        for number in range(count):
            tip = base
            for part in range(3):
                tree_now = {**tree, b"own%d-%d" % (number, part): (b"100644", b"1\n")}
                tip = stream.commit(f"refs/heads/t/{number}", tree_now, [tip], b"own\n")
        changed = {b"list": (b"100644", LINES.replace(b"line 3\n", b"three\n"))}
        stream.commit("refs/heads/main", changed, [base], b"main\n")
        stream.load(work.path)
        calls[count] = counted(work, tmp_path / f"bin{count}", monkeypatch)
    assert calls[10] <= MOST_PROCESSES, "each costs a small run, and every test with one, 2 ms of processor time"
    assert calls[210] <= calls[10] + 20, calls
