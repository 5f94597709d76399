"""Pushes of earlier runs that failed or were held back, and that still wait, as far as that is known without asking a remote."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from gitalign.core.names import HEADS, REMOTES, Oid, branch_of
from gitalign.core.publication import UNSETTLED, Publication, PushState
from gitalign.engine.publishing.push_history import Ancestry, unpushed
from gitalign.git.asking import absent
from gitalign.git.command import text
from gitalign.git.refs import read_refs
from gitalign.git.repository import Repository
from gitalign.ports import Journal

_PLACES = r"^remote\..*\.(url|pushurl|fetch)$"


def waiting_pushes(repository: Repository, journal: Journal) -> tuple[Publication, ...]:
    """Branches whose last push did not arrive, each as that push left it, by name.

    A branch that was put back, deleted, or that the remote has meanwhile, as far as the clone knows, does not wait. Nor does
    one whose remote, or whose branch there, is gone: what is on no remote, a push does not make there.

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
    ancestry, places = Ancestry(repository), _Places(repository, now)
    waiting = []
    for ref, made in sorted(journal.history_of(ref for ref in refs if ref in now).items()):
        # None where another process has just pruned that run.
        last = next((one for one in reversed(made) if one.push is not PushState.NOT_ASKED), None)
        if last is None or last.push not in UNSETTLED:
            continue
        there = places.tip(last)
        if there is not None and unpushed(ancestry, now[ref], there, made) is not None:
            waiting.append(last)
    return tuple(waiting)


class _Places:
    """Branches of remotes, as far as a clone knows them.

    Args:
        repository: the clone.
        now: its refs.
    """

    def __init__(self, repository: Repository, now: Mapping[str, Oid]) -> None:
        self._repository = repository
        self._now = now

    def tip(self, one: Publication) -> Oid | None:
        """What the place of a push holds; None where there is no such place any more.

        A remote-tracking branch that is missing was pruned where the remote is followed whole, and what it held is here.
        """
        remote, before = one.remote or "", one.remote_before
        tracked = self._now.get(f"{REMOTES}{remote}/{branch_of(one.pushed_ref)}")
        if tracked is not None or before is None:
            return tracked or before
        is_known = any(f"remote.{remote}.{key}" in self._configured for key in ("url", "pushurl"))
        if not is_known:
            return before if "/" in remote or ":" in remote else None  # an address may stand in place of a name
        whole = f"{HEADS}*:{REMOTES}{remote}/*"
        is_followed = whole in (spec.removeprefix("+") for spec in self._configured.get(f"remote.{remote}.fetch", ()))
        is_read_elsewhere = f"remote.{remote}.pushurl" in self._configured
        if not is_followed or is_read_elsewhere or absent(self._repository.git, [before]):
            return before
        return None

    @cached_property
    def _configured(self) -> Mapping[str, list[str]]:
        done = self._repository.operator.run("config", "-z", "--get-regexp", _PLACES, accept=(0, 1))
        found: dict[str, list[str]] = {}
        for entry in text(done.stdout).split("\0")[:-1]:
            key, _, value = entry.partition("\n")
            found.setdefault(key, []).append(value)
        return found
