"""Edge cases of topology, names, refs and work trees, end to end with real git."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gitalign import facade
from gitalign.core.outcome import Refused
from gitalign.core.plan import Permit
from gitalign.core.publication import MoveState, PushState
from gitalign.core.report import Verdict
from gitalign.documents import plans
from gitalign.errors import PlanRefused
from tests.git.workspace import Workspace
from tests.runs import branch, excluded, request, run

LINES = b"".join(b"line %d\n" % number for number in range(30))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    work = Workspace(tmp_path / "repo")
    work.commit("base", {"list": LINES})
    return work


def topic(work: Workspace, name: str, *, start: str = "main", files: int = 1) -> str:
    """A branch of its own files; leaves main checked out."""
    work.switch(name, start)
    tip = ""
    for number in range(files):
        tip = work.commit(f"{name} {number}", {f"{name.replace('/', '-')}-{number}": b"1\n"})
    work.switch("main")
    return tip


def test_shared_commits_are_rewritten_once_and_both_names_move(work: Workspace) -> None:
    """Edge case 22."""
    topic(work, "bottom")
    topic(work, "top", start="bottom", files=2)
    topic(work, "side", start="bottom")
    work.git("branch", "top-again", "top")
    work.commit("main", {"extra": b"e\n"})
    report = run(work.path)
    assert work.tip("top~2") == work.tip("bottom") == work.tip("side~1")
    assert work.tip("top") == work.tip("top-again")
    assert len({branch(report, name).step.stack for name in ("bottom", "top", "top-again", "side")}) == 1
    step = branch(report, "top").step
    assert [report.plan.steps[parent].branch.name for parent in step.depends_on] == ["bottom"]


def test_shallow_clone_without_a_base_asks_for_deepening(work: Workspace, tmp_path: Path) -> None:
    """Edge case 25."""
    topic(work, "x", files=2)
    for number in range(5):
        work.commit(f"main {number}", {"extra": b"%d\n" % number})
    clone = tmp_path / "shallow.git"
    work.git("clone", "-q", "--bare", "--depth=2", "--no-single-branch", f"file://{work.path}", str(clone))
    outcome = branch(run(clone), "x").result.outcome
    assert isinstance(outcome, Refused)
    assert outcome.code == "needs_deepening"


def test_criss_cross_histories_merge_like_git(work: Workspace) -> None:
    """Edge case 25."""
    topic(work, "x")
    work.commit("main", {"extra": b"e\n"})
    main, x = work.tip("main"), work.tip("x")
    work.git("checkout", "-q", "x")
    work.git("merge", "-q", "--no-edit", main)
    work.commit("x goes on", {"x2": b"1\n"})
    work.git("checkout", "-q", "main")
    work.git("merge", "-q", "--no-ff", "--no-edit", x)
    work.commit("main goes on", {"extra2": b"e\n"})
    expected = work.git("merge-tree", "--write-tree", "x", "main").splitlines()[0]
    assert len(work.git("merge-base", "--all", "x", "main").split()) == 2
    run(work.path)
    assert work.tip("x^{tree}") == expected


def test_replace_refs_and_grafts_change_nothing(work: Workspace) -> None:
    """Edge case 26."""
    tip = topic(work, "x", files=3)
    work.commit("main", {"extra": b"e\n"})
    work.git("replace", "--graft", tip, work.tip("x~2"))
    report = run(work.path)
    assert branch(report, "x").step.own_commits == 3
    assert len(work.git("--no-replace-objects", "rev-list", "main..x").split()) == 3


@pytest.mark.parametrize(
    "name",
    [
        "-x",
        "a/b/c",
        "gr\u00fcn/\u65e5\u672c",
        "@home",
        "a#b",
        "x" * 240,
        "deadbeef",
        "list",
        "HEAD",
        "tagged",
        "caf\udce9",
        "a]b{c",
    ],
)
def test_odd_names_are_aligned_like_any_other(work: Workspace, name: str) -> None:
    """Edge case 28."""
    if "/" not in name and len(name) > 200:
        name = f"{name[:120]}/{name[120:]}"
    work.git("tag", "tagged")
    tip = topic(work, "plain")
    work.git(
        "update-ref",
        "--stdin",
        stdin=b"create refs/heads/%b %b\n" % (name.encode("utf-8", "surrogateescape"), tip.encode()),
    )
    work.git("update-ref", "-d", "refs/heads/plain")
    work.commit("main", {"extra": b"e\n"})
    report = run(work.path)
    assert branch(report, name).verdict is Verdict.ALIGNED
    refs = work.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
    (line,) = [line for line in refs.splitlines() if line.startswith(f"refs/heads/{name} ")]
    assert work.git("merge-base", "--is-ancestor", "refs/heads/main", line.split(" ")[1]) == ""
    assert line.split(" ")[1] != tip


def test_symbolic_refs_are_followed_once_and_never_moved_through(work: Workspace) -> None:
    """Edge case 29."""
    topic(work, "x")
    work.git("symbolic-ref", "refs/heads/alias", "refs/heads/x")
    work.git("symbolic-ref", "refs/heads/trunk", "refs/heads/main")
    main = work.commit("main", {"extra": b"e\n"})
    report = run(work.path)
    assert excluded(report, "alias").code == "symbolic_ref"
    assert excluded(report, "trunk").code == "symbolic_ref"
    assert work.git("symbolic-ref", "refs/heads/alias") == "refs/heads/x"
    assert work.tip("alias") == work.tip("x")
    assert work.tip("main") == main


def test_clean_work_tree_moves_along_and_dirty_one_is_held_back(work: Workspace, tmp_path: Path) -> None:
    """Edge case 30."""
    for name in ("clean", "dirty", "busy", "locked"):
        topic(work, name)
    for name in ("clean", "dirty", "busy", "locked"):
        work.git("worktree", "add", "-q", str(tmp_path / f"wt {name}"), name)
    (tmp_path / "wt dirty" / "list").write_bytes(b"work in progress\n")
    (tmp_path / "wt clean" / "untracked").write_bytes(b"mine\n")
    work.git("worktree", "lock", str(tmp_path / "wt locked"))
    work.commit("main", {"extra": b"e\n", "list": LINES.replace(b"line 3\n", b"three\n")})
    busy = tmp_path / "wt busy"
    (busy / "list").write_bytes(LINES.replace(b"line 3\n", b"drei\n"))
    work.git("-C", str(busy), "commit", "-qam", "clash")
    work.git("-C", str(busy), "rebase", "main", check=False)
    tips = {name: work.tip(name) for name in ("dirty", "busy", "locked")}
    report = run(work.path)
    assert branch(report, "clean").verdict is Verdict.ALIGNED
    assert work.git("-C", str(tmp_path / "wt clean"), "status", "--porcelain") == "?? untracked"
    assert (tmp_path / "wt clean" / "extra").read_bytes() == b"e\n"
    assert excluded(report, "dirty").code == "checked_out_dirty"
    assert "list" in excluded(report, "dirty").reason
    assert excluded(report, "busy").code == "checked_out_busy"
    assert excluded(report, "locked").code == "work_tree_unavailable"
    assert {name: work.tip(name) for name in tips} == tips
    assert (tmp_path / "wt dirty" / "list").read_bytes() == b"work in progress\n"


def test_untracked_file_in_the_way_holds_the_branch_back(work: Workspace, tmp_path: Path) -> None:
    """Edge cases 30, 47."""
    tip = topic(work, "x")
    place = tmp_path / "wt"
    work.git("worktree", "add", "-q", str(place), "x")
    (place / "extra").write_bytes(b"mine\n")
    work.commit("main", {"extra": b"e\n"})
    found = excluded(run(work.path), "x")
    assert found.code == "work_tree_obstructed"
    assert "extra" in found.reason
    assert work.tip("x") == tip
    assert (place / "extra").read_bytes() == b"mine\n"
    assert work.git("-C", str(place), "status", "--porcelain") == "?? extra"


def test_a_file_folder_clash_of_backup_names_is_got_around(work: Workspace) -> None:
    """Edge cases 28, 32."""
    topic(work, "a/b")
    work.git("branch", "backup-a", "main")
    work.git("branch", "backup-x-pre-align", "main")
    topic(work, "x")
    work.commit("main", {"extra": b"e\n"})
    report = run(work.path, only=("a/b", "x"), orchestration__enable_backup_branches=True)
    backups = {one.update.ref: one.backup_ref for one in report.publications}
    assert backups["refs/heads/a/b"] == f"refs/heads/backup-a-b-pre-align-{report.run.id}"
    assert backups["refs/heads/x"] == f"refs/heads/backup-x-pre-align-{report.run.id}"
    for one in report.publications:
        assert one.backup_ref is not None
        assert work.tip(one.backup_ref) == one.update.before


def test_a_commit_made_meanwhile_is_kept(work: Workspace) -> None:
    """Edge case 38."""
    topic(work, "x")
    work.commit("main", {"extra": b"e\n"})
    asked = request(work.path)
    plan = facade.plan(asked)

    def meanwhile(name: str) -> None:
        if name == "pin":
            work.git("update-ref", "refs/heads/x", work.git("commit-tree", "-p", "x", "-m", "new work", "x^{tree}"))

    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id), checkpoint=meanwhile)
    found = branch(report, "x")
    assert found.verdict is Verdict.HELD_BACK
    assert "moved by another process" in found.detail
    assert work.git("log", "-1", "--format=%s", "x") == "new work"
    assert branch(run(work.path), "x").verdict is Verdict.ALIGNED
    assert "new work" in work.git("log", "--format=%s", "main..x") or work.git("log", "--format=%s", "main..x")


def test_a_saved_plan_refuses_what_moved_since_and_what_was_tampered_with(work: Workspace, tmp_path: Path) -> None:
    topic(work, "x")
    topic(work, "y")
    work.commit("main", {"extra": b"e\n"})
    plan = facade.plan(request(work.path))
    text = plans.text_of(plan)
    work.switch("x")
    moved = work.commit("later", {"later": b"1\n"})
    work.switch("main")
    again = plans.read(text)
    assert again.id == plan.id
    report = facade.run(request(work.path), plan=again, permit=Permit(plan_id=again.id))
    outcome = branch(report, "x").result.outcome
    assert isinstance(outcome, Refused)
    assert outcome.code == "moved_since_plan"
    assert work.tip("x") == moved
    assert branch(report, "y").verdict is Verdict.ALIGNED
    changed = json.loads(text)
    changed["steps"][0]["seen"] = "0" * 40
    with pytest.raises(PlanRefused, match="was changed after it was made"):
        plans.read(json.dumps(changed))
    with pytest.raises(PlanRefused, match="not a plan"):
        plans.read("{}" if False else '{"format": 1}')


def test_two_runs_exclude_each_other_per_branch(work: Workspace) -> None:
    """Edge case 39."""
    topic(work, "x")
    topic(work, "y")
    work.commit("main", {"extra": b"e\n"})
    asked = request(work.path)
    plan = facade.plan(asked)
    inner: list[object] = []

    def meanwhile(name: str) -> None:
        if name == "results" and not inner:
            inner.append(branch(run(work.path, only=("x",)), "x").result.outcome)

    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id), checkpoint=meanwhile)
    assert getattr(inner[0], "code", "") == "claimed_by_other_run"
    assert branch(report, "x").verdict is Verdict.ALIGNED


def test_undo_restores_exactly_what_still_stands_and_can_be_undone(work: Workspace) -> None:
    """Edge case 44."""
    before = {name: topic(work, name) for name in ("x", "y", "z")}
    work.commit("main", {"extra": b"e\n"})
    report = run(work.path)
    after = {name: work.tip(name) for name in before}
    work.switch("y")
    later = work.commit("later", {"later": b"1\n"})
    work.switch("main")
    permit = Permit(plan_id="*")
    undone = facade.undo(request(work.path, only=("x", "y")), report.run.id, permit=permit)
    assert {one.update.ref: one.state for one in undone.publications} == {
        "refs/heads/x": MoveState.MOVED,
        "refs/heads/y": MoveState.HELD_BACK,
    }
    assert work.tip("x") == before["x"]
    assert work.tip("y") == later
    assert work.tip("z") == after["z"]
    facade.undo(request(work.path), undone.run.id, permit=permit)
    assert work.tip("x") == after["x"]
    facade.undo(request(work.path), report.run.id, permit=permit)
    assert work.tip("x") == before["x"]
    assert work.tip("z") == before["z"]


@pytest.fixture
def remote(work: Workspace, tmp_path: Path) -> Path:
    """A bare remote that holds x, y and z."""
    for name in ("x", "y", "z"):
        topic(work, name)
    place = tmp_path / "remote.git"
    work.git("clone", "-q", "--bare", str(work.path), str(place))
    work.git("remote", "add", "origin", str(place))
    work.git("fetch", "-q", "origin")
    topic(work, "local-only")
    work.commit("main", {"extra": b"e\n"})
    return place


def on_remote(work: Workspace, remote: Path, name: str) -> str:
    return work.git("--git-dir", str(remote), "rev-parse", f"refs/heads/{name}")


def test_push_leases_every_branch_and_never_overwrites_what_moved(work: Workspace, remote: Path) -> None:
    """Edge cases 27, 46."""
    work.git("push", "-q", "origin", "main")
    other = work.git("commit-tree", "-p", "y", "-m", "theirs", "y^{tree}")
    asked = request(work.path, push=True)
    plan = facade.plan(asked)
    work.git("push", "-q", "origin", f"{other}:refs/heads/y")
    (remote / "hooks" / "update").write_text('#!/bin/sh\ncase "$1" in *z) echo no z today >&2; exit 1;; esac\n')
    (remote / "hooks" / "update").chmod(0o755)
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id, push=True))
    pushes = {one.update.ref.rpartition("/")[2]: one for one in report.publications}
    assert pushes["x"].push is PushState.PUSHED
    assert on_remote(work, remote, "x") == work.tip("x")
    assert pushes["y"].push is PushState.REJECTED
    assert on_remote(work, remote, "y") == other
    assert pushes["z"].push is PushState.REJECTED
    assert pushes["local-only"].push is PushState.NOT_ON_REMOTE
    assert branch(report, "y").verdict is Verdict.PUSH_FAILED
    assert report.exit_code() == 1
    undone = facade.undo(request(work.path), report.run.id, push=True, permit=Permit(plan_id="*", push=True))
    assert on_remote(work, remote, "x") == work.tip("x") == pushes["x"].update.before
    assert on_remote(work, remote, "y") == other
    assert undone.exit_code() == 0


def test_commits_of_the_remote_that_were_never_fetched_are_not_overwritten(work: Workspace, remote: Path) -> None:
    """Edge case 27."""
    work.git("push", "-q", "origin", "main")
    theirs = work.git("commit-tree", "-p", "x", "-m", "theirs", "x^{tree}")
    work.git("push", "-q", "origin", f"{theirs}:refs/heads/x")
    report = run(work.path, push=True)
    one = next(one for one in report.publications if one.update.ref == "refs/heads/x")
    assert one.push is PushState.REJECTED
    assert on_remote(work, remote, "x") == theirs


def test_fetch_aligns_onto_what_the_remote_has(work: Workspace, remote: Path, tmp_path: Path) -> None:
    clone = Workspace(tmp_path / "clone")
    clone.git("remote", "add", "origin", str(remote))
    clone.git("fetch", "-q", "origin")
    clone.git("reset", "-q", "--hard", "origin/main")
    clone.git("branch", "x", "origin/x")
    work.git("push", "-q", "origin", "main")
    asked = facade.Request(repo=clone.path, fetch=True)
    plan = facade.plan(asked)
    (target,) = plan.targets
    assert target.ref == "refs/remotes/origin/main"
    assert target.oid == work.tip("main")
    main = clone.tip("main")
    report = facade.run(asked, plan=plan, permit=Permit(plan_id=plan.id))
    assert branch(report, "x").verdict is Verdict.ALIGNED
    assert clone.git("merge-base", "--is-ancestor", target.oid, "x") == ""
    assert clone.tip("main") == main
    log = (clone.path / ".git" / "gitalign" / "runs" / report.run.id / "run.log").read_text()
    said = [
        "Starting pre-checks...",
        "Fetching primary branch...",
        "Initiating rebase...",
        "Rebase complete/failed.",
        "Running post-checks...",
    ]
    assert [log.index(words) for words in said] == sorted(log.index(words) for words in said)


def test_a_target_is_never_moved_whatever_is_listed(work: Workspace, tmp_path: Path) -> None:
    """Edge case 2."""
    topic(work, "x")
    listed = tmp_path / "list.json"
    listed.write_text(json.dumps([{"branch": "main", "target": "main"}, {"branch": "x", "target": "main"}]))
    main = work.commit("main", {"extra": b"e\n"})
    asked = facade.Request(repo=work.path, input=listed)
    report = facade.run(asked, permit=Permit(plan_id="*"))
    assert excluded(report, "main").code == "is_target"
    assert work.tip("main") == main


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_both_hashes_work(tmp_path: Path, object_format: str) -> None:
    """Edge case 31."""
    work = Workspace(tmp_path / "repo", object_format=object_format)
    work.commit("base", {"list": LINES})
    topic(work, "x", files=3)
    work.commit("main", {"extra": b"e\n"})
    assert branch(run(work.path), "x").verdict is Verdict.ALIGNED
    assert work.git("fsck", "--full", "--strict") == "" or "error" not in work.git("fsck", "--full")


def test_prune_removes_pins_and_backups_and_never_moved_ones(work: Workspace) -> None:
    """Edge case 32."""
    topic(work, "x")
    topic(work, "y")
    work.commit("main", {"extra": b"e\n"})
    report = run(work.path, orchestration__enable_backup_branches=True)
    work.git("update-ref", "refs/heads/backup-y-pre-align", "main")
    young = facade.prune(request(work.path), older_than_days=1, backups=True)
    assert young.runs == ()
    pruned = facade.prune(request(work.path), older_than_days=0, backups=True)
    assert pruned.runs == (report.run.id,)
    assert pruned.backups == ("refs/heads/backup-x-pre-align",)
    assert [ref for ref, _ in pruned.kept_backups] == ["refs/heads/backup-y-pre-align"]
    assert work.git("for-each-ref", "refs/gitalign") == ""
