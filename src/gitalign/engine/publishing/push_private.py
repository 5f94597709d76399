"""Commits of a local target that no remote has: a push must not publish them inside other branches."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.names import HEADS, Oid, shell_word
from gitalign.core.publication import Publication
from gitalign.core.steps import counted
from gitalign.engine.publishing.anchor import present
from gitalign.engine.publishing.push_planning import Remotes
from gitalign.git.command import text
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository


def private_commits(
    repository: Repository, chosen: Sequence[Publication], remotes: Remotes, *, targets: Sequence[str]
) -> dict[str, str]:
    """Full refs of branches that would publish such commits, with the reason.

    Public is what a remote of these branches or a remote-tracking branch has.

    Args:
        repository: the repository.
        chosen: what is to be pushed.
        remotes: are asked.
        targets: names of target branches.

    Raises:
        GitError, RemoteError
    """
    local = read_refs(repository, "refs/heads")
    public = {oid for remote in {one.remote for one in chosen if one.remote} for oid in remotes.tips(remote).values()}
    public |= set(read_refs(repository, "refs/remotes").values())
    known = [f"^{oid}" for oid in sorted(present(repository, sorted(public)))]
    held: dict[str, str] = {}
    for name in targets:
        mine = set(_listed(repository, [local[HEADS + name], *known])) if HEADS + name in local else set()
        if not mine:
            continue
        tainted = _reaching(repository, mine, [one.pushed_oid for one in chosen], known)
        for one in chosen:
            if one.pushed_oid in tainted:
                remote, word = shell_word(one.remote or "origin"), shell_word(name)
                held[one.update.ref] = (
                    f"{name} has {counted(len(mine), 'commit')} that no remote has, and it would publish them; "
                    f"publish them first: git push {remote} {word}; or align with the remote's {name}: "
                    f"git align run --target {shell_word(f'{one.remote}/{name}')} --push"
                )
    return held


def _listed(repository: Repository, words: Sequence[str], *options: str) -> list[str]:
    stdin = "\n".join(words).encode("ascii") + b"\n"
    return text(repository.git.run("rev-list", *options, "--stdin", stdin=stdin).stdout).splitlines()


def _reaching(repository: Repository, mine: set[str], tips: Sequence[Oid], known: Sequence[str]) -> set[str]:
    """Of the commits that a push would bring, those that have one of `mine` in their history."""
    found: set[str] = set()
    for line in _listed(repository, [*tips, *known], "--topo-order", "--reverse", "--parents"):
        commit, *parents = line.split(" ")
        if commit in mine or any(parent in found for parent in parents):
            found.add(commit)
    return found
