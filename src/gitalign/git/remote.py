"""Remotes: fetching targets, reading tips for leases, pushing branch by branch with one explicit lease each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.core.names import HEADS, BranchName, Oid, branch_of
from gitalign.core.publication import PushState
from gitalign.errors import GitError, GitTimedOut, RemoteError, UserError
from gitalign.git.command import Git, text
from gitalign.git.refs import read_tips
from gitalign.git.repository import Repository

_TIMEOUT_S = 600.0
_AT_ONCE = 150


def fetch(repository: Repository, remote: str, targets: Sequence[str]) -> None:
    """Bring the remote-tracking branches of the targets up to date; no other ref moves.

    Each is named, and what `remote.<name>.fetch` says does not count: a mirror's refspec would write over local branches,
    and that of a bare or single-branch clone would leave the target as it was.

    Args:
        repository: the repository.
        remote: name of a remote.
        targets: names of primary branches; those that the remote has not are left out.

    Raises:
        RemoteError: the remote has none of the targets, or cannot be reached.
        UserError: a remote-tracking branch stands for another ref.

    Source: `git help fetch` (--refmap).
    """
    there = remote_tips(repository, remote)
    names = [name for name in dict.fromkeys(targets) if BranchName(name) in there]
    if not names:
        raise RemoteError(
            f"remote {remote!r} has none of the target branches: {', '.join(targets)}",
            hint="name them in alignment.targets, or run without --fetch",
            code="target_not_on_remote",
        )
    _require_plain(repository, [_tracking(remote, name) for name in names])
    _talk(
        repository,
        "fetch",
        "--refmap=",
        "--no-tags",
        "--no-prune",
        "--no-recurse-submodules",
        "--no-auto-maintenance",
        "--no-write-fetch-head",
        "--end-of-options",
        remote,
        *(f"+{HEADS}{name}:{_tracking(remote, name)}" for name in names),
        remote=remote,
    )


def _tracking(remote: str, branch: str) -> str:
    return f"refs/remotes/{remote}/{branch}"


def _require_plain(repository: Repository, refs: Sequence[str]) -> None:
    """Refuse symbolic refs: git would move what they stand for, a local branch perhaps.

    Raises:
        UserError
    """
    for tip in read_tips(repository, *refs):
        if tip.symbolic_target is not None:
            raise UserError(
                f"{tip.ref} is a symbolic ref to {tip.symbolic_target}; a fetch would move that",
                hint=f"git symbolic-ref --delete {tip.ref}",
                code="symbolic_tracking_ref",
            )


def remote_tips(repository: Repository, remote: str) -> dict[BranchName, Oid]:
    """Branch -> id on the remote, asked of the remote itself.

    Raises:
        RemoteError
    """
    answer = _talk(repository, "ls-remote", "--heads", "--end-of-options", remote, remote=remote)
    tips: dict[BranchName, Oid] = {}
    for line in answer.splitlines():
        oid, _, ref = line.partition("\t")
        if ref.startswith(HEADS):
            tips[branch_of(ref)] = Oid(oid)
    return tips


@dataclass(frozen=True, slots=True, kw_only=True)
class PushOrder:
    """One branch to push: what the remote is to hold, and what it must hold now."""

    ref: str
    after: Oid
    lease: Oid


@dataclass(frozen=True, slots=True, kw_only=True)
class PushVerdict:
    """What the remote said of one branch."""

    ref: str
    state: PushState
    detail: str = ""


def push(repository: Repository, remote: str, orders: Sequence[PushOrder]) -> tuple[PushVerdict, ...]:
    """Push branches, each under its own lease; one that is refused does not hold back another.

    Never raises for what a remote says of a branch. Where the connection breaks before it said anything, the remote is
    asked what it holds.

    Source: `git help push` (--porcelain, --force-with-lease=<ref>:<expect>).
    """
    verdicts: list[PushVerdict] = []
    for start in range(0, len(orders), _AT_ONCE):
        verdicts += _push(repository, remote, orders[start : start + _AT_ONCE])
    return tuple(verdicts)


def _push(repository: Repository, remote: str, orders: Sequence[PushOrder]) -> list[PushVerdict]:
    leases = [f"--force-with-lease={order.ref}:{order.lease}" for order in orders]
    specs = [f"{order.after}:{order.ref}" for order in orders]
    said: dict[str, PushVerdict] = {}
    broken = ""
    try:
        git = _online(repository)
        done = git.run(
            "push",
            "--porcelain",
            "--no-verify",
            "--no-signed",
            "--recurse-submodules=no",
            *leases,
            "--end-of-options",
            remote,
            *specs,
            accept=range(256),
            timeout_s=_TIMEOUT_S,
        )
        for line in text(done.stdout).splitlines():
            flag, _, rest = line.partition("\t")
            if rest and ":" in rest:
                spec, _, summary = rest.partition("\t")
                ref = spec.rpartition(":")[2]
                said[ref] = PushVerdict(ref=ref, state=_STATES.get(flag, PushState.REJECTED), detail=summary.strip())
        broken = text(done.stderr).strip()[-500:]
    except GitError as error:
        broken = error.message
    silent = [order for order in orders if order.ref not in said]
    if silent:
        said |= {verdict.ref: verdict for verdict in _settle(repository, remote, silent, broken)}
    return [said[order.ref] for order in orders]


_STATES = {
    " ": PushState.PUSHED,
    "+": PushState.PUSHED,
    "*": PushState.PUSHED,
    "=": PushState.UP_TO_DATE,
    "!": PushState.REJECTED,
}


def _settle(repository: Repository, remote: str, orders: Sequence[PushOrder], broken: str) -> list[PushVerdict]:
    """What happened to branches the remote said nothing of."""
    try:
        there = remote_tips(repository, remote)
    except RemoteError as error:
        return [PushVerdict(ref=order.ref, state=PushState.UNKNOWN, detail=broken or error.message) for order in orders]
    settled: list[PushVerdict] = []
    for order in orders:
        arrived = there.get(branch_of(order.ref)) == order.after
        settled.append(
            PushVerdict(
                ref=order.ref,
                state=PushState.PUSHED if arrived else PushState.REJECTED,
                detail="" if arrived else broken or "the remote gave no reason",
            )
        )
    return settled


def _online(repository: Repository) -> Git:
    """git as it talks to remotes: as the operator's own git would, from where it would; hooks do not run."""
    return repository.operator


def _talk(repository: Repository, *words: str, remote: str) -> str:
    try:
        return text(_online(repository).run(*words, timeout_s=_TIMEOUT_S).stdout)
    except GitTimedOut as error:
        raise RemoteError(
            f"remote {remote!r} did not answer in time", hint="check the network, then run again"
        ) from error
    except GitError as error:
        raise RemoteError(
            f"remote {remote!r}: {error.message}", hint=f"try it by hand: git {words[0]} {remote}"
        ) from error
