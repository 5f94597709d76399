"""A fence on the git server: a ref that moves with every push, so that a worker that was taken for dead pushes nothing more.

A lease protects a branch from what others pushed there. It does not stop a worker that is late by hours and pushes a result that
was right when it began. So workers agree on one ref of the server. Who takes work over moves it first. Every push moves it on, in
one transaction with the branches, from where this worker put it: when it stands elsewhere, the server refuses all of it.

Sources: `git help push` (--atomic: "Either all refs are updated, or on error, no refs are updated", where the server can do that),
`git help gitprotocol-pack` (each command names the old id, which the server compares when it moves the ref).
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from enum import StrEnum

from gitalign.core.names import Oid, zero_like
from gitalign.core.publication import PushState
from gitalign.core.push_orders import NO_EXTRAS, PushExtras, PushOrder, PushVerdict
from gitalign.errors import GitError, RemoteError
from gitalign.git.command import text
from gitalign.git.push import (
    AT_ONCE,
    PATIENCE,
    attempted,
    push_in_batches,
    settled_orders,
)
from gitalign.git.remote import push_addresses, talk
from gitalign.git.repository import Repository

NAMESPACE = "refs/gitalign/fence/"
_ROUNDS = 3


class FencePolicy(StrEnum):
    """What to do about servers that cannot have a fence."""

    REQUIRED = "required"
    """Do not push to them."""
    PREFERRED = "preferred"
    """Push to them under leases alone, and say so."""
    OFF = "off"
    """Use no fence at all."""


class PushFence:
    """The fence of one piece of work.

    Args:
        name: of the fence: all workers that may do this work use the same one. Letters and digits.
        holder: who takes it, for people who look at the ref.
        prove: called before it is taken, again too; raises when the work is not this worker's any more.
        is_required: nothing is pushed where there can be no fence.
        note: called with a sentence when a server can have no fence.
    """

    def __init__(
        self,
        name: str,
        *,
        holder: str,
        prove: Callable[[], None],
        is_required: bool,
        note: Callable[[str], None],
    ) -> None:
        self._ref = f"{NAMESPACE}{name}"
        self._holder = holder
        self._prove = prove
        self._is_required = is_required
        self._note = note
        self._stands: dict[str, Oid | None] = {}
        """Where this worker put the fence of a remote; None for a remote that has none."""

    def take(self, repository: Repository, remote: str) -> bool:
        """Take the fence of a remote, so that an earlier holder pushes nothing more; False when it can have none.

        Raises:
            RemoteError: the remote cannot be asked, or it can have no fence, which is required.
            GitError
            StoreError: as `prove` says.
        """
        self._prove()
        reason = self._taken(repository, remote)
        if reason is None:
            return True
        if self._is_required:
            raise RemoteError(
                f"remote {remote!r} can have no fence: {reason}; nothing is pushed there",
                hint="see work.fence in the settings of the service",
                code="no_fence",
            )
        self._stands[remote] = None
        self._note(f"{remote} can have no fence ({reason}): pushes are protected by the lease of each branch alone")
        return False

    def push(
        self, repository: Repository, remote: str, orders: Sequence[PushOrder], extras: PushExtras
    ) -> tuple[PushVerdict, ...]:
        """Push branches, each under its own lease and all of them under the fence; see `push` of `git/push.py`.

        Raises:
            StoreError: the work is another worker's.
            RemoteError: the fence cannot be taken.
        """
        if not orders:
            return ()
        if remote not in self._stands:
            self.take(repository, remote)
        if self._stands[remote] is None:
            return push_in_batches(repository, remote, orders, extras)
        pushes = _Pushes(self, repository, remote, extras)
        verdicts: list[PushVerdict] = []
        for start in range(0, len(orders), AT_ONCE):
            verdicts += pushes.push(orders[start : start + AT_ONCE])
        return tuple(verdicts)

    def moved_on(self, repository: Repository, remote: str) -> PushOrder:
        """The order that moves the fence on with a push."""
        stands = self._stands[remote]
        assert stands is not None
        return PushOrder(ref=self._ref, after=self._mark(repository), lease=stands)

    def stands_at(self, remote: str, oid: Oid) -> None:
        """Note where this worker has put the fence."""
        self._stands[remote] = oid

    def seen(self, repository: Repository, remote: str) -> Oid | None:
        """Where the fence stands on the remote; None when it is not there.

        Raises:
            RemoteError
        """
        where = push_addresses(repository, remote)[0]
        answer = talk(repository, "ls-remote", "--end-of-options", where, self._ref, remote=remote, address=where)
        found = [line.split("\t") for line in answer.splitlines()]
        return next((Oid(oid) for oid, ref in found if ref == self._ref), None)

    def _taken(self, repository: Repository, remote: str) -> str | None:
        """Move the fence of a remote to a mark of our own; why it can have none, or None when it was taken."""
        if len(push_addresses(repository, remote)) > 1:
            return "it has several addresses"
        words = ""
        for _ in range(_ROUNDS):
            there = self.seen(repository, remote)
            mark = self._mark(repository)
            order = PushOrder(ref=self._ref, after=mark, lease=zero_like(mark) if there is None else there)
            attempt = attempted(repository, remote, [order], NO_EXTRAS, is_atomic=True)
            now = self.seen(repository, remote)
            if now == mark:
                self._stands[remote] = mark
                return None
            words = attempt.said[self._ref].detail if self._ref in attempt.said else attempt.broken
            if now == there and attempt.silence is not PushState.UNKNOWN:
                return words or "the server gave no reason"
            self._prove()  # another worker was quicker; is it still our turn?
        raise RemoteError(f"the fence on {remote!r} cannot be taken: {words}", hint="run again", code="no_fence")

    def _mark(self, repository: Repository) -> Oid:
        """A commit that no other one equals, of an empty tree: some servers accept nothing else in a ref."""
        git = repository.git
        tree = text(git.run("hash-object", "-t", "tree", "-w", "--stdin").stdout).strip()
        who = "git-align <git-align@localhost> 0 +0000"
        content = f"tree {tree}\nauthor {who}\ncommitter {who}\n\nFence of {self._holder}\n\n{secrets.token_hex(16)}\n"
        done = git.run(
            "hash-object", "-t", "commit", "-w", "--stdin", stdin=content.encode("utf-8", "backslashreplace")
        )
        return Oid(text(done.stdout).strip())


class _Pushes:
    """Pushes that the server takes whole or not at all. Where one is refused for a branch in it, its parts are tried."""

    def __init__(self, fence: PushFence, repository: Repository, remote: str, extras: PushExtras) -> None:
        self._fence = fence
        self._repository = repository
        self._remote = remote
        self._extras = extras
        self._patience = PATIENCE

    def push(self, orders: Sequence[PushOrder]) -> list[PushVerdict]:
        verdicts = self._whole(orders)
        if any(one.state is PushState.PUSHED for one in verdicts):
            self._patience = PATIENCE
            return verdicts
        is_refused = any(one.state is PushState.REJECTED for one in verdicts)
        if not is_refused or len(orders) == 1 or self._patience <= 0:
            return verdicts
        self._patience -= 2
        half = len(orders) // 2
        return [*self.push(orders[:half]), *self.push(orders[half:])]

    def _whole(self, orders: Sequence[PushOrder]) -> list[PushVerdict]:
        for _ in range(_ROUNDS):
            mark = self._fence.moved_on(self._repository, self._remote)
            attempt = attempted(self._repository, self._remote, [*orders, mark], self._extras, is_atomic=True)
            said = attempt.said.get(mark.ref)
            if said is not None and said.state is PushState.PUSHED:
                self._fence.stands_at(self._remote, mark.after)
                silent = [order for order in orders if order.ref not in attempt.said]
                rest = {one.ref: one for one in settled_orders(self._repository, self._remote, silent, attempt)}
                return [{**rest, **attempt.said}[order.ref] for order in orders]
            try:
                now = self._fence.seen(self._repository, self._remote)
            except (GitError, RemoteError) as error:
                words = attempt.broken or error.message
                return [PushVerdict(ref=order.ref, state=PushState.UNKNOWN, detail=words) for order in orders]
            if now == mark.after:  # it was taken in, though the answer did not arrive
                self._fence.stands_at(self._remote, mark.after)
                return [PushVerdict(ref=order.ref, state=PushState.PUSHED) for order in orders]
            if now == mark.lease:
                return self._not_taken(orders, attempt.broken, dict(attempt.said), attempt.silence)
            # Another worker holds the fence. Is the work ours at all? It raises when it is not.
            self._fence.take(self._repository, self._remote)
        words = "the fence on the remote moves all the time"
        return [PushVerdict(ref=order.ref, state=PushState.NOT_PUSHED, detail=words) for order in orders]

    def _not_taken(
        self, orders: Sequence[PushOrder], broken: str, said: dict[str, PushVerdict], silence: PushState
    ) -> list[PushVerdict]:
        """Verdicts of a push of which the server took nothing in."""
        words = broken or "the remote gave no reason"
        state = silence if silence is PushState.UNKNOWN or not said else PushState.REJECTED
        plain = {order.ref: PushVerdict(ref=order.ref, state=state, detail=words) for order in orders}
        kept = {ref: one for ref, one in said.items() if one.state is not PushState.PUSHED}
        return [{**plain, **kept}[order.ref] for order in orders]
