"""Pushing branch by branch, each with an explicit lease, and nothing else along with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitalign.core.names import HEADS, REMOTES, branch_of, is_zero, zero_like
from gitalign.core.publication import PushState
from gitalign.core.push_orders import NO_EXTRAS, PushExtras, PushOrder, PushVerdict
from gitalign.errors import GitError, RemoteError
from gitalign.git.command import Git, text
from gitalign.git.remote import remote_tips
from gitalign.git.repository import Repository

_TIMEOUT_S = 600.0
AT_ONCE = 150
PATIENCE = 24
"""Pushes of parts of a refused batch, none of which got anything through, before the rest counts as refused, too."""
_MOST_WORDS = 600
_MOST_BYTES = 64 * 1024 * 1024


def push(
    repository: Repository, remote: str, orders: Sequence[PushOrder], *, extras: PushExtras = NO_EXTRAS
) -> tuple[PushVerdict, ...]:
    """Push branches, each under its own lease; one that is refused does not hold back another.

    Never raises for what a remote says of a branch. Where the connection breaks before it said anything, the remote is
    asked what it holds. Where a server refuses a batch as a whole, because of one branch in it, the parts are tried.

    Source: `git help push` (--porcelain, --force-with-lease=<ref>:<expect>), `git help githooks` (pre-receive refuses all refs
    of a push together).
    """
    extras = replace(extras, pins=_without_local_tracking(repository, remote))
    if repository.fence is not None:
        return repository.fence.push(repository, remote, orders, extras)
    return push_in_batches(repository, remote, orders, extras)


def push_in_batches(
    repository: Repository, remote: str, orders: Sequence[PushOrder], extras: PushExtras
) -> tuple[PushVerdict, ...]:
    """Push branches under their leases alone; see `push`."""
    verdicts: list[PushVerdict] = []
    for start in range(0, len(orders), AT_ONCE):
        verdicts += _Batches(repository, remote, extras).push(orders[start : start + AT_ONCE])
    return tuple(verdicts)


def _without_local_tracking(repository: Repository, remote: str) -> tuple[tuple[str, str], ...]:
    """Configuration that keeps a push from moving local branches; empty where none could move.

    After a push, git moves what `remote.<name>.fetch` makes of the remote branch, in a bare clone a local branch perhaps.
    Source: transport.c, transport_update_tracking_ref; `git help fetch` (negative refspecs).
    """
    key = f"remote.{remote}.fetch"
    said = text(repository.operator.run("config", "-z", "--get-all", key, accept=(0, 1)).stdout).split("\0")
    places = [spec.partition(":")[2] for spec in said]
    return ((key, f"^{HEADS}*"),) if any(place and not place.startswith(REMOTES) for place in places) else ()


class _Batches:
    def __init__(self, repository: Repository, remote: str, extras: PushExtras) -> None:
        self._repository = repository
        self._remote = remote
        self._extras = extras
        self._patience = PATIENCE

    def push(self, orders: Sequence[PushOrder]) -> list[PushVerdict]:
        told = {verdict.ref: verdict for verdict in _push(self._repository, self._remote, orders, self._extras)}
        refused = [order for order in orders if told[order.ref].detail.startswith(_BY_SERVER)]
        if any(verdict.state is PushState.PUSHED for verdict in told.values()):
            self._patience = PATIENCE
        elif len(refused) > 1 and self._patience > 0:
            self._patience -= 2
            half = len(refused) // 2
            for part in (refused[:half], refused[half:]):
                told |= {verdict.ref: verdict for verdict in self.push(part)}
        return [told[order.ref] for order in orders]


def _push(repository: Repository, remote: str, orders: Sequence[PushOrder], extras: PushExtras) -> list[PushVerdict]:
    attempt = attempted(repository, remote, orders, extras)
    said = dict(attempt.said)
    silent = [order for order in orders if order.ref not in said]
    if silent:
        said |= {verdict.ref: verdict for verdict in settled_orders(repository, remote, silent, attempt)}
    return [said[order.ref] for order in orders]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushAttempt:
    """What came of one `git push`.

    Attributes:
        said: what the remote said, by ref; refs that it did not say anything of are not in it.
        broken: the end of what git wrote about it.
        silence: what counts for a ref that stands as before, when the remote said nothing of it.
    """

    said: Mapping[str, PushVerdict]
    broken: str
    silence: PushState


def _pushing(repository: Repository, extras: PushExtras) -> Git:
    """The git that pushes."""
    git = repository.operator
    pins = [("push.pushOption", ""), *extras.pins]
    if extras.hooks_path is None:
        return replace(git, config=(*git.config, *pins))
    pins.append(("core.hooksPath", extras.hooks_path))
    place, tree = repository.git_dir, repository.work_tree
    return replace(git, git_dir=place, work_tree=tree, config=(*git.config, *pins))


def attempted(
    repository: Repository, remote: str, orders: Sequence[PushOrder], extras: PushExtras, *, is_atomic: bool = False
) -> PushAttempt:
    """Push once.

    Args:
        repository: the repository.
        remote: name of the remote.
        orders: refs, each under its lease.
        extras: what else is run and sent.
        is_atomic: all of it or nothing, decided by the server.
    """
    leases = [f"--force-with-lease={order.ref}:{'' if is_zero(order.lease) else order.lease}" for order in orders]
    specs = [f"{'' if is_zero(order.after) else order.after}:{order.ref}" for order in orders]
    said: dict[str, PushVerdict] = {}
    try:
        done = _pushing(repository, extras).run(
            "push",
            "--porcelain",
            *(("--atomic",) if is_atomic else ()),
            *extras.words(),
            *leases,
            "--end-of-options",
            remote,
            *specs,
            accept=range(256),
            timeout_s=_TIMEOUT_S,
            most_bytes=_MOST_BYTES,
        )
    except GitError as error:
        # It was ended, not refused: what the remote has taken in may still be on its way to the branch.
        return PushAttempt(said=said, broken=error.message, silence=PushState.UNKNOWN)
    errors = text(done.stderr)
    for line in text(done.stdout).splitlines():
        flag, _, rest = line.partition("\t")
        if rest and ":" in rest:
            spec, _, summary = rest.partition("\t")
            if summary.startswith(_UNREPORTED):
                continue
            ref = spec.rpartition(":")[2]
            state = _STATES.get(flag, PushState.REJECTED)
            words = _words_of(errors, ref) if state is PushState.REJECTED else ""
            said[ref] = PushVerdict(ref=ref, state=state, detail=summary.strip() + words)
    return PushAttempt(said=said, broken=errors.strip()[-_MOST_WORDS:], silence=PushState.NOT_PUSHED)


_BY_SERVER = "[remote rejected]"
_UNREPORTED = "[remote failure]"
"""The remote did not say what became of the branch (`git help push`): it may have it."""
_STATES = {
    " ": PushState.PUSHED,
    "+": PushState.PUSHED,
    "*": PushState.PUSHED,
    "-": PushState.PUSHED,
    "=": PushState.UP_TO_DATE,
    "!": PushState.REJECTED,
}


def _words_of(errors: str, ref: str) -> str:
    """What the server's hooks said of a branch: what stands before git's own line on it, or all where there is none.

    For people only: nothing is decided by it.
    """
    lines = [line.removeprefix("remote:").strip() for line in errors.splitlines() if line.startswith("remote:")]
    before: list[str] = []
    for line in lines:
        if line.startswith("error: hook declined to update "):
            if line.endswith(f" {ref}"):
                lines = before
                break
            before = []
        else:
            before.append(line)
    words = "; ".join(line for line in lines if line)
    return f": {words[:_MOST_WORDS]}" if words else ""


def settled_orders(
    repository: Repository, remote: str, orders: Sequence[PushOrder], attempt: PushAttempt
) -> list[PushVerdict]:
    """What happened to branches that the remote said nothing of; it is asked what it holds."""
    broken = attempt.broken
    try:
        there = remote_tips(repository, remote, for_push=True)
    except RemoteError as error:
        return [PushVerdict(ref=order.ref, state=PushState.UNKNOWN, detail=broken or error.message) for order in orders]
    settled: list[PushVerdict] = []
    for order in orders:
        stands = there.get(branch_of(order.ref), zero_like(order.after))
        otherwise = attempt.silence if stands == order.lease else PushState.REJECTED
        state = PushState.PUSHED if stands == order.after else otherwise
        words = "" if state is PushState.PUSHED else broken or "the remote gave no reason"
        settled.append(PushVerdict(ref=order.ref, state=state, detail=words))
    return settled
