"""Repositories in which branches clash in ways somebody has settled before."""

from __future__ import annotations

from pathlib import Path

from tests.git.workspace import Workspace

LINES = [b"%d\n" % number for number in range(30)]


def text_with(changes: dict[int, bytes]) -> bytes:
    """Thirty lines, some of them other ones."""
    return b"".join(changes.get(number, line) for number, line in enumerate(LINES))


def clashing(place: Path, *, branches: int = 1, files: int = 1) -> Workspace:
    """`main` and some branches `topic<n>` that changed line 10 of the same files differently; each branch has another line of its own."""
    work = Workspace(place)
    names = [f"f{number}" for number in range(files)]
    work.commit("base", dict.fromkeys(names, text_with({})))
    for number in range(branches):
        work.switch(f"topic{number}", "main")
        work.commit(f"own {number}", {"own": b"%d\n" % number})
        work.commit(f"clash {number}", {name: text_with({10: b"theirs\n", 25: b"own %d\n" % number}) for name in names})
        work.switch("main")
    work.commit("main moves", {name: text_with({10: b"ours\n", 2: b"two\n"}) for name in names})
    return work


def settle_in_git(work: Workspace, branch: str, settled: dict[str, bytes]) -> None:
    """Somebody merges a branch aside with rerere on, settles the conflicts, and throws the merge away."""
    work.git("config", "rerere.enabled", "true")
    work.git("checkout", "-q", "--detach", "main")
    work.git("merge", "-q", branch, check=False)
    for name, content in settled.items():
        (work.path / name).write_bytes(content)
    work.git("add", "-A")
    work.git("commit", "-q", "-m", "aside")
    work.git("checkout", "-q", "-f", "main")


def settle_by_merge(work: Workspace, branch: str, settled: dict[str, bytes], *, onto: str = "main") -> str:
    """Somebody merges a branch into one of their own and settles the conflicts there; the merge."""
    work.git("checkout", "-q", "-b", f"merged-{branch.replace('/', '-')}-{onto}", onto)
    work.git("-c", "rerere.enabled=false", "merge", "-q", branch, check=False)
    for name, content in settled.items():
        (work.path / name).write_bytes(content)
    work.git("add", "-A")
    work.git("commit", "-q", "-m", f"merge {branch}")
    made = work.tip("HEAD")
    work.git("checkout", "-q", "-f", "main")
    return made
