"""State of other tools in a repository is theirs: a run, an undo and a deletion leave it byte for byte as it was."""

from __future__ import annotations

from pathlib import Path

import gitalign
from gitalign import facade
from gitalign.core.plan import Permit
from tests.git.workspace import Workspace
from tests.runs import request, run

PERMIT = Permit(plan_id="*")
OTHERS = (
    "refs/branchless/stash",
    "refs/jj/keep/1",
    "refs/spice/data",
    "refs/stacks/x",
    "refs/patches/x/one",
    "refs/gitbutler/x",
    "refs/original/refs/heads/x",
    "refs/replace-me/not",
    "refs/prefetch/remotes/origin/x",
    "refs/pull/1/head",
    "refs/changes/01/1/1",
)
CONFIG = {
    "git-town-branch.x.parent": "main",
    "git-town.main-branch": "main",
    "branchless.core.mainbranch": "main",
    "branch.x.description": "what it is about\n\nand more",
    "branch.x.pushremote": "fork",
    "stgit.x.stackformatversion": "5",
    "spice.log.all": "true",
    "gitbutler.x.target": "main",
    "rerere.enabled": "true",
}
FILES = ("machete", "branchless/db.sqlite3", "jj/repo/store", "gitbutler/virtual_branches.toml", "rr-cache/ab/preimage")


def built(place: Path) -> Workspace:
    work = Workspace(place)
    work.commit("base", {"a": b"a\n"})
    for name in ("x", "merged"):
        work.switch(name, "main")
        work.commit(name, {name: b"1\n"})
    work.switch("main")
    work.git("merge", "-q", "--no-ff", "-m", "merge", "merged")
    work.commit("on", {"m": b"1\n"})
    for number, ref in enumerate(OTHERS):
        work.git("update-ref", "--create-reflog", ref, "x" if number % 2 else "main~1")
    work.git("notes", "add", "-m", "a note on x", "x")
    work.git("notes", "--ref", "review", "add", "-m", "reviewed", "main")
    work.git("tag", "-a", "-m", "tagged", "v1", "x")
    for key, value in CONFIG.items():
        work.git("config", key, value)
    for name in FILES:
        path = work.path / ".git" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (work.path / "a").write_bytes(b"stashed\n")
    work.git("stash")
    return work


def state(work: Workspace) -> dict[str, object]:
    """Everything in the git directory that is not ours, and not a branch that runs move."""
    git = work.path / ".git"
    refs = work.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    logs = {
        str(path.relative_to(git)): path.read_bytes()
        for path in sorted((git / "logs").rglob("*"))
        if path.is_file() and not str(path).endswith(("heads/x", "heads/merged"))
    }
    return {
        "refs": [line for line in refs if not line.startswith("refs/gitalign/")],
        "notes": work.git("notes", "list") + work.git("notes", "--ref", "review", "list"),
        "config": sorted(work.git("config", "--local", "--list", "-z").split("\0")),
        "logs": logs,
        "files": {name: (git / name).read_bytes() for name in FILES},
        "stash": work.git("stash", "list"),
        "entries": {path.name for path in git.iterdir()} - {"gitalign"},
    }


def test_state_of_other_tools_is_untouched(tmp_path: Path) -> None:
    work = built(tmp_path / "repo")
    before = state(work)
    begun = (work.path / ".git/logs/refs/heads/x").read_text()
    report = run(work.path)
    assert report.run.moved == 1
    deleted = gitalign.prune_merged(request(work.path), permit=PERMIT)
    assert deleted is not None
    assert deleted.run.moved == 1
    facade.undo(request(work.path), deleted.run.id, permit=PERMIT)
    facade.undo(request(work.path), report.run.id, permit=PERMIT)
    assert state(work) == before
    assert (work.path / ".git/logs/refs/heads/x").read_text().startswith(begun), "its reflog goes on"
