"""Whose branches a plan is about: those of the repository itself, those of a remote, or both. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from gitalign.core.exclusions import ExclusionCode
from gitalign.core.graph import CommitGraph
from gitalign.core.long_lived import known_role, said_of
from gitalign.core.names import HEADS, REMOTES, BranchName, Oid, branch_of, command_on, display, shell_word
from gitalign.core.plan import Plan, Target
from gitalign.core.snapshot import Snapshot, Tip
from gitalign.core.steps import counted
from gitalign.errors import UserError

_OF_A_HEAD = 3  # slashes in refs/remotes/NAME/HEAD
_NOT_WORK = frozenset(
    {
        ExclusionCode.IS_TARGET,
        ExclusionCode.BACKUP,
        ExclusionCode.INTEGRATION,
        ExclusionCode.SYMBOLIC_REF,
        ExclusionCode.DEFAULT_BRANCH,
        ExclusionCode.LONG_LIVED,
        ExclusionCode.BOT,
    }
)


def tips_of(snapshot: Snapshot, remote: str) -> tuple[Tip, ...]:
    """Branches of a remote as the clone knows them, under the names they have there.

    Args:
        snapshot: of all refs.
        remote: name of the remote.

    Raises:
        UserError: the clone knows no branch of it.
    """
    here = f"{REMOTES}{remote}/"
    theirs = tuple(
        replace(tip, ref=HEADS + tip.ref.removeprefix(here))
        for tip in snapshot.tips
        if tip.ref.startswith(here) and tip.ref != f"{here}HEAD"
    )
    if not theirs:
        known = ", ".join(remotes_with_branches(snapshot)) or "none"
        raise UserError(
            f"no branch of the remote {remote!r} is known here (remotes with branches: {known})",
            hint="add --fetch to read it; a bare clone has its branches as local ones: git align plan",
            code="unknown_remote",
        )
    return theirs


def branches_of(snapshot: Snapshot, remote: str, theirs: Sequence[Tip]) -> Snapshot:
    """The snapshot with the branches of a remote in the place of the local ones; no work tree holds those.

    Args:
        snapshot: of all refs.
        remote: name of the remote.
        theirs: its branches, as `tips_of` gives them or as the remote itself said.
    """
    others = tuple(tip for tip in snapshot.tips if not tip.ref.startswith(HEADS))
    return replace(
        snapshot,
        tips=(*theirs, *others),
        checkouts=(),
        placed=(),
        head=None,
        branches_of=remote,
        counterparts=_elsewhere(theirs, _local(snapshot)),
        held_here=_held(snapshot),
    )


def with_branches_of(snapshot: Snapshot, remote: str, theirs: Sequence[Tip]) -> Snapshot:
    """The snapshot with the branches of a remote beside the local ones; one that is in both places counts as local.

    Args and source of `theirs` as for `branches_of`.
    """
    local = _local(snapshot)
    # What a local branch of another name is pushed to is that branch's, and not the remote's alone.
    pushed = (place.ref for _, place in snapshot.push_places if place.remote == remote and not place.held)
    here = {*(tip.ref for tip in local), *pushed}
    new = tuple(tip for tip in theirs if tip.ref not in here)
    return replace(
        snapshot,
        tips=(*snapshot.tips, *new),
        branches_of=remote,
        taken_in=tuple(BranchName(tip.ref.removeprefix(HEADS)) for tip in new),
        counterparts=_elsewhere(local, theirs),
        held_here=_held(snapshot),
    )


def with_head_of(snapshot: Snapshot, remote: str, head: BranchName) -> Snapshot:
    """The snapshot with a remote's HEAD where the remote itself has it; a clone remembers where it was when it was made."""
    name = f"{REMOTES}{remote}/HEAD"
    there = f"{REMOTES}{remote}/{head}"
    stands = next((tip for tip in snapshot.tips if tip.ref == there), None)
    if stands is None:
        return snapshot
    others = tuple(tip for tip in snapshot.tips if tip.ref != name)
    return replace(snapshot, tips=(*others, replace(stands, ref=name, symbolic_target=there)))


def _local(snapshot: Snapshot) -> tuple[Tip, ...]:
    return tuple(tip for tip in snapshot.tips if tip.ref.startswith(HEADS))


def _held(snapshot: Snapshot) -> tuple[tuple[BranchName, str], ...]:
    return tuple((branch_of(one.ref), one.path) for one in snapshot.checkouts)


def _elsewhere(tips: Iterable[Tip], others: Iterable[Tip]) -> tuple[tuple[BranchName, Oid], ...]:
    """Branches that stand elsewhere in the other place, with the commit there."""
    there = {tip.ref: tip.oid for tip in others}
    found = ((BranchName(tip.ref.removeprefix(HEADS)), there.get(tip.ref, tip.oid), tip.oid) for tip in tips)
    return tuple((name, other) for name, other, mine in found if other != mine)


def remote_of(snapshot: Snapshot, name: BranchName) -> str | None:
    """The remote whose branch a planned branch is; None for a local one."""
    is_local = snapshot.taken_in is not None and name not in snapshot.taken_in
    return None if is_local else snapshot.branches_of


def as_of_remote(targets: Iterable[Target], snapshot: Snapshot) -> tuple[Target, ...]:
    """The targets under the full names that they have in the repository."""
    here = f"{REMOTES}{snapshot.branches_of}/"

    def named(target: Target) -> Target:
        is_theirs = target.ref.startswith(HEADS) and remote_of(snapshot, BranchName(target.name)) is not None
        return replace(target, ref=here + target.ref.removeprefix(HEADS)) if is_theirs else target

    return tuple(map(named, targets))


def difference(snapshot: Snapshot, graph: CommitGraph, name: BranchName, tip: Oid, other: Oid) -> str | None:
    """Why a branch that stands elsewhere in its other place is left alone, with what to type; None when it need not be.

    A local branch that has all that the remote's has may move, for then the remote's can follow. The other way round not:
    the commits that only the local branch has would be left behind on the old ones.

    Args:
        snapshot: as `branches_of` or `with_branches_of` made it.
        graph: history of both.
        name: of the branch.
        tip: where the planned one stands.
        other: where its other place stands.
    """
    remote = snapshot.branches_of or ""
    if remote_of(snapshot, name) is None:
        here, there = tip, other
    else:
        here, there = other, tip
    where = display(f"{remote}/{name}")
    if here not in graph or there not in graph:
        return (
            f"it stands elsewhere here than on {remote}, and its history cannot be read: git fetch {shell_word(remote)}"
        )
    ahead, behind = graph.own_count(here, there), graph.own_count(there, here)
    if not behind and remote_of(snapshot, name) is None:
        return None
    if not behind:
        push = command_on(f"git push {shell_word(remote)}", name)
        return f"the local branch has {counted(ahead, 'commit')} that {where} lacks: {push}, or git align run --all"
    if not ahead:
        update = command_on(f"git fetch {shell_word(remote)}", f"{name}:{name}")
        tree = dict(snapshot.held_here).get(name)
        if tree is not None:  # git fetches into no branch that is checked out
            update = command_on(f"git -C {shell_word(tree)} merge --ff-only", f"{remote}/{name}")
        return f"{where} has {counted(behind, 'commit')} that the local branch lacks: {update}"
    ours, theirs = counted(ahead, "commit"), counted(behind, "commit")
    look = command_on("git log --left-right --oneline", f"{name}...{where}")
    return f"the local branch and {where} have diverged ({ours} here, {theirs} there): {look}"


def remotes_with_branches(snapshot: Snapshot) -> tuple[str, ...]:
    """Remotes of which the clone knows branches: by their HEAD, or the first part of the ref's name."""
    parts = _parts_of(snapshot)
    return tuple(sorted({parts(tip.ref)[0] for tip in snapshot.tips if tip.ref.startswith(REMOTES)}))


def _parts_of(snapshot: Snapshot) -> Callable[[str], tuple[str, str]]:
    """Splits a remote-tracking ref into remote and branch; the name of a remote may hold slashes, which its HEAD tells."""
    heads = {tip.ref for tip in snapshot.tips if tip.symbolic_target is not None and tip.ref.endswith("/HEAD")}
    slashed = [ref.removesuffix("HEAD") for ref in heads if ref.startswith(REMOTES) and ref.count("/") > _OF_A_HEAD]

    def parts(ref: str) -> tuple[str, str]:
        place = next((one for one in slashed if ref.startswith(one)), None)
        if place is not None:
            return place[len(REMOTES) : -1], ref.removeprefix(place)
        remote, _, name = ref.removeprefix(REMOTES).partition("/")
        return remote, name

    return parts


def remote_by_branch(snapshot: Snapshot) -> dict[str, str]:
    """Branch -> a remote that has it, as far as the clone knows."""
    parts = _parts_of(snapshot)
    found = (parts(tip.ref) for tip in snapshot.tips if tip.ref.startswith(REMOTES))
    return {name: remote for remote, name in found}


def has_branch(snapshot: Snapshot, remote: str, name: str) -> bool:
    """Whether a remote has a branch of that name, as far as the clone knows."""
    return any(tip.ref == f"{REMOTES}{remote}/{name}" for tip in snapshot.tips)


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
    parts = _parts_of(snapshot)
    for tip in snapshot.tips:
        if not tip.ref.startswith(REMOTES) or tip.symbolic_target is not None:
            continue
        remote, name = parts(tip.ref)
        if (
            name
            and name not in here
            and name not in targets
            and known_role(name) is None
            and said_of(name, snapshot.evidence) is None
        ):
            counts[remote] += 1
    return tuple(sorted(counts.items()))
