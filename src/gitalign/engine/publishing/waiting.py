"""Pushes of earlier runs that failed or were held back, and that still wait, as far as that is known without asking a remote."""

from __future__ import annotations

from gitalign.core.names import HEADS, REMOTES, branch_of
from gitalign.core.publication import UNSETTLED, Publication, PushState
from gitalign.engine.publishing.push_history import Ancestry, unpushed
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository
from gitalign.ports import Journal


def waiting_pushes(repository: Repository, journal: Journal) -> tuple[Publication, ...]:
    """Branches whose last push did not arrive, each as that push left it, by name.

    A branch that was put back, deleted, or that the remote has meanwhile, as far as the clone knows, does not wait.

    Args:
        repository: the repository.
        journal: of the repository.

    Raises:
        GitError
    """
    refs = [ref for ref in journal.refs_not_pushed() if ref.startswith(HEADS)]
    if not refs:
        return ()  # nearly always
    now = read_refs(repository)
    ancestry = Ancestry(repository)
    waiting = []
    for ref, made in sorted(journal.history_of(ref for ref in refs if ref in now).items()):
        last = next(one for one in reversed(made) if one.push is not PushState.NOT_ASKED)
        there = now.get(f"{REMOTES}{last.remote}/{branch_of(last.pushed_ref)}", last.remote_before)
        # What is on no remote, a push does not make there.
        if last.push in UNSETTLED and there is not None and unpushed(ancestry, now[ref], there, made) is not None:
            waiting.append(last)
    return tuple(waiting)
