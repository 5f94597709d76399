"""Remotes: fetching targets, and reading tips, which become the leases of a push."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.names import HEADS, BranchName, Oid, branch_of, command_on
from gitalign.errors import GitError, GitTimedOut, OutOfSpace, RemoteError, UserError
from gitalign.git.asking import retried
from gitalign.git.command import text
from gitalign.git.refs import read_tips
from gitalign.git.repository import Repository

_TIMEOUT_S = 600.0
_MOST_BYTES = 256 * 1024 * 1024
"""A server that says more is not listened to: 2.5 million branches."""
_NO_SUCH_REMOTE = (0, 2)


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
    _fetched(repository, remote, [f"+{HEADS}{name}:{_tracking(remote, name)}" for name in names])


def fetch_branches(repository: Repository, remote: str) -> None:
    """Bring the remote-tracking branches of all branches of a remote up to date; no other ref moves, and none is deleted.

    Raises:
        RemoteError: the remote cannot be reached.
        UserError: there is no such remote, or a remote-tracking branch stands for another ref.
    """
    known = text(repository.operator.run("remote").stdout).splitlines()
    if remote not in known:
        raise UserError(
            f"there is no remote {remote!r} (remotes: {', '.join(known) or 'none'})",
            hint="git remote --verbose",
            code="unknown_remote",
        )
    head = _tracking(remote, "HEAD")
    _require_plain(repository, [_tracking(remote, "").rstrip("/")], besides=[head])
    # A branch of that name would be written through the symbolic ref.
    _fetched(repository, remote, [f"+{HEADS}*:{_tracking(remote, '*')}", f"^{HEADS}HEAD"], by_hand="fetch --prune")


def _fetched(repository: Repository, remote: str, refspecs: Sequence[str], *, by_hand: str = "fetch") -> None:
    talk(
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
        *refspecs,
        remote=remote,
        by_hand=by_hand,
    )


def _tracking(remote: str, branch: str) -> str:
    return f"refs/remotes/{remote}/{branch}"


def _require_plain(repository: Repository, refs: Sequence[str], *, besides: Sequence[str] = ()) -> None:
    """Refuse symbolic refs: git would move what they stand for, a local branch perhaps.

    Raises:
        UserError
    """
    for tip in read_tips(repository, *refs):
        if tip.symbolic_target is not None and tip.ref not in besides:
            raise UserError(
                f"{tip.ref} is a symbolic ref to {tip.symbolic_target}; a fetch would move that",
                hint=f"git symbolic-ref --delete {tip.ref}",
                code="symbolic_tracking_ref",
            )


def remote_tips(
    repository: Repository, remote: str, *, for_push: bool = False, timeout_s: float = _TIMEOUT_S
) -> dict[BranchName, Oid]:
    """Branch -> id on the remote, asked of the remote itself.

    Args:
        repository: the repository.
        remote: name of the remote.
        for_push: ask where pushes go (`remote.<name>.pushurl`), which may be elsewhere.
        timeout_s: how long it may take, in seconds.

    Raises:
        RemoteError
    """
    where = _push_address(repository, remote) if for_push else remote
    words = ("ls-remote", "--heads", "--end-of-options", where)
    return _branches(talk(repository, *words, remote=remote, timeout_s=timeout_s))


def remote_tips_and_head(repository: Repository, remote: str) -> tuple[dict[BranchName, Oid], BranchName | None]:
    """Branch -> id where pushes to a remote go, and the branch that its HEAD is on; None when it does not say.

    Two questions, for a host sends only what each is about: with a pattern it would send every pull request's refs, too.

    Raises:
        RemoteError
    """
    head = remote_head(repository, remote)
    return remote_tips(repository, remote, for_push=True), head


def remote_head(repository: Repository, remote: str, *, timeout_s: float = _TIMEOUT_S) -> BranchName | None:
    """The branch that HEAD is on where pushes to a remote go; None when it does not say.

    Args:
        repository: the repository.
        remote: name of the remote.
        timeout_s: how long it may take, in seconds.

    Raises:
        RemoteError

    Source: `git help ls-remote` (--symref); builtin/ls-remote.c (ref prefixes for names without globs).
    """
    where = _push_address(repository, remote)
    words = ("ls-remote", "--symref", "--end-of-options", where, "HEAD")
    answer = talk(repository, *words, remote=remote, address=where, timeout_s=timeout_s)
    said = (line.removeprefix("ref: ").partition("\t") for line in answer.splitlines() if line.startswith("ref: "))
    head = next((ref for ref, _, name in said if name == "HEAD" and ref.startswith(HEADS)), None)
    return None if head is None else branch_of(head)


def _branches(answer: str) -> dict[BranchName, Oid]:
    lines = (line.partition("\t") for line in answer.splitlines())
    return {branch_of(ref): Oid(oid) for oid, _, ref in lines if ref.startswith(HEADS)}


def _push_address(repository: Repository, remote: str) -> str:
    """The name of a remote where it is read from where it is written to, otherwise the address for writing."""
    done = retried(lambda: repository.operator.run("remote", "get-url", "--", remote, accept=_NO_SUCH_REMOTE))
    addresses = push_addresses(repository, remote)
    return remote if text(done.stdout).splitlines()[:1] == [*addresses[:1]] else addresses[0]


def push_addresses(repository: Repository, remote: str) -> tuple[str, ...]:
    """Every address that a push to a remote goes to; the name itself where configuration knows no such remote.

    Raises:
        GitError

    Source: `git help remote` (get-url --push --all; exits with 2 when there is no such remote).
    """
    words = ("remote", "get-url", "--push", "--all", "--", remote)
    done = retried(lambda: repository.operator.run(*words, accept=_NO_SUCH_REMOTE))
    return tuple(text(done.stdout).splitlines()) if done.returncode == 0 else (remote,)


def talk(
    repository: Repository,
    *words: str,
    remote: str,
    address: str | None = None,
    by_hand: str | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> str:
    """What git answers that talks to a remote as the operator's own git would, from where that would run; hooks do not run.

    Args:
        repository: the repository.
        words: of the command.
        remote: its name, for messages.
        address: where it is, when it is not the last word; messages must not hold it.
        by_hand: what a person types instead.
        timeout_s: how long it may take, in seconds.

    Raises:
        RemoteError: with all that git said, which a server may have written.
        OutOfSpace: the disk of this machine is full; that of a remote is an error of the remote.
    """
    try:
        return text(repository.operator.run(*words, timeout_s=timeout_s, most_bytes=_MOST_BYTES).stdout)
    except GitTimedOut as error:
        raise RemoteError(
            f"remote {remote!r} did not answer in time", hint="check the network, then run again"
        ) from error
    except GitError as error:
        # An address may hold a password.
        said = error.message.replace(address or words[-1], remote) if words[0] == "ls-remote" else error.message
        if words[0] == "fetch" and isinstance(error, OutOfSpace) and _is_full_here(said):
            raise OutOfSpace(
                f"no room for what remote {remote!r} sends: {said}", hint="free some space, then run again"
            ) from error
        again = command_on(f"git {by_hand or words[0]}", remote)
        raise RemoteError(f"remote {remote!r}: {said}", hint=f"try it by hand: {again}") from error


_FULL = ("No space left on device", "Out of diskspace", "Disk quota exceeded", "Read-only file system")


def _is_full_here(said: str) -> bool:
    """Whether git said it of this machine. What a server writes comes behind these words."""
    is_full = any(sign in said for sign in _FULL)
    return is_full and "remote:" not in said and "remote error" not in said
