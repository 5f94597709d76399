"""Whose branches a plan is about: those of the repository itself, or those of a remote as the clone knows them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from gitalign.core.long_lived import known_role
from gitalign.core.names import HEADS
from gitalign.core.plan import ExclusionCode, Plan, Snapshot
from gitalign.errors import UserError

_REMOTES = "refs/remotes/"
_NOT_WORK = frozenset(
    {
        ExclusionCode.IS_TARGET,
        ExclusionCode.BACKUP,
        ExclusionCode.INTEGRATION,
        ExclusionCode.SYMBOLIC_REF,
        ExclusionCode.LONG_LIVED,
        ExclusionCode.BOT,
    }
)


def branches_of(snapshot: Snapshot, remote: str) -> Snapshot:
    """The snapshot with the branches of a remote in the place of the local ones; no work tree holds those.

    Args:
        snapshot: of all refs.
        remote: name of the remote.

    Raises:
        UserError: the clone knows no branch of it.
    """
    here = f"{_REMOTES}{remote}/"
    theirs = tuple(
        replace(tip, ref=HEADS + tip.ref.removeprefix(here))
        for tip in snapshot.tips
        if tip.ref.startswith(here) and tip.ref != f"{here}HEAD"
    )
    if not theirs:
        known = ", ".join(remotes_with_branches(snapshot)) or "none"
        raise UserError(
            f"no branch of the remote {remote!r} is known here (remotes with branches: {known})",
            hint=f"git fetch {remote}",
            code="unknown_remote",
        )
    others = tuple(tip for tip in snapshot.tips if not tip.ref.startswith(HEADS))
    return replace(snapshot, tips=(*theirs, *others), checkouts=(), placed=(), branches_of=remote)


def remotes_with_branches(snapshot: Snapshot) -> tuple[str, ...]:
    """Remotes of which the clone knows branches, by the first part of the ref's name."""
    names = {tip.ref.removeprefix(_REMOTES).partition("/")[0] for tip in snapshot.tips if tip.ref.startswith(_REMOTES)}
    return tuple(sorted(names))


def has_no_work(plan: Plan) -> bool:
    """True when a plan has no branch besides targets and others that are never aligned."""
    return not plan.steps and all(one.code in _NOT_WORK for one in plan.excluded)


def only_on_remotes(snapshot: Snapshot, targets: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """How many feature branches exist on each remote and not here, by the remote's name; remotes without any are left out.

    Args:
        snapshot: of all refs.
        targets: names of targets, which do not count.
    """
    here = {tip.ref.removeprefix(HEADS) for tip in snapshot.tips if tip.ref.startswith(HEADS)}
    counts: Counter[str] = Counter()
    for tip in snapshot.tips:
        if not tip.ref.startswith(_REMOTES) or tip.symbolic_target is not None:
            continue
        remote, slash, name = tip.ref.removeprefix(_REMOTES).partition("/")
        if slash and name not in here and name not in targets and known_role(name) is None:
            counts[remote] += 1
    return tuple(sorted(counts.items()))
