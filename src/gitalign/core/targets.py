"""Which branches are targets, why, and where each stands: the local branch or its upstream. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitalign.core.graph import CommitGraph
from gitalign.core.long_lived import PRIMARY_NAMES, conventional_targets, is_line, said_of
from gitalign.core.names import HEADS, REMOTES, BranchName, TargetName, display, ref_of, shell_word
from gitalign.core.plan import Plan, Target, TargetNote
from gitalign.core.snapshot import Snapshot, Tip
from gitalign.core.steps import counted
from gitalign.core.working_set import remote_of
from gitalign.errors import UserError

USUAL = "usual name"
TYPED = "--target"
_MOST_UNREAD = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTargets:
    """What decides which branches are targets.

    Attributes:
        names: as the operator gave them; empty to find them.
        given_by: where the names were given, in words.
        remote: whose branches stand in for local ones that are not there.
        upstreams: full name of a local branch and of the remote-tracking branch that it tracks.
    """

    names: tuple[str, ...] = ()
    given_by: str = ""
    remote: str = "origin"
    upstreams: Mapping[str, str] = field(default_factory=dict)

    @property
    def are_typed(self) -> bool:
        """True when the operator named them for this very command."""
        return self.given_by == TYPED


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTarget:
    """A target, and why it is one."""

    target: Target
    note: TargetNote


def discover_targets(
    snapshot: Snapshot, configured: Sequence[str], *, graph: CommitGraph | None = None, remote: str | None = None
) -> tuple[Target, ...]:
    """The primary branches, in order; see `find_targets`.

    Raises:
        UserError: a configured target does not exist.
    """
    wanted = WantedTargets(names=tuple(configured), remote=remote or snapshot.remote or "origin")
    return tuple(one.target for one in find_targets(snapshot, wanted, graph=graph))


def find_targets(
    snapshot: Snapshot, wanted: WantedTargets, *, graph: CommitGraph | None = None
) -> tuple[FoundTarget, ...]:
    """The primary branches, in order, each with why it is one.

    Args:
        snapshot: of all refs.
        wanted: names that the operator gave; without any the default branch and the conventional names that exist.
        graph: with it, the upstream of a local branch is taken where it has everything that the local branch has.

    Raises:
        UserError: a target that the operator named does not exist.
    """
    tips = {tip.ref: tip for tip in snapshot.tips}
    found: dict[TargetName, FoundTarget] = {}
    unknown: list[str] = []
    for given, why in _named(snapshot, wanted).items():
        name, chosen = _there(given, tips, wanted.remote)
        if chosen is None or chosen.object_type != "commit":
            unknown += [given] if wanted.names else []
            continue
        note = TargetNote(name=name, why=why)
        if graph is not None and chosen.ref == ref_of(name) and remote_of(snapshot, BranchName(name)) is None:
            upstream = tips.get(wanted.upstreams.get(chosen.ref, f"{REMOTES}{wanted.remote}/{name}"))
            chosen, note = _newer(graph, chosen, upstream, note)
        found.setdefault(name, FoundTarget(target=Target(name=name, ref=chosen.ref, oid=chosen.oid), note=note))
    if unknown:
        raise _unknown(unknown, snapshot.tips, wanted.remote)
    return tuple(found.values())


def _named(snapshot: Snapshot, wanted: WantedTargets) -> dict[str, str]:
    """Names to look for, with why."""
    if wanted.names:
        return dict.fromkeys(wanted.names, wanted.given_by)
    default = default_branch(snapshot, wanted.remote)
    names = conventional_names(snapshot.tips, wanted.remote)
    queues = [one for one in snapshot.evidence if one.is_queue]
    usual = {name: USUAL for name in names if said_of(name, queues) is None}
    return usual if default is None else {default[0]: default[1], **{k: v for k, v in usual.items() if k != default[0]}}


def _there(given: str, tips: Mapping[str, Tip], remote: str) -> tuple[TargetName, Tip | None]:
    """The name of a target and the ref that holds it; `origin/main` names the remote's branch of the target `main`."""
    if given.rpartition("/")[2] == "HEAD":  # of a remote it is a symbolic ref, of a work tree whatever is checked out
        return TargetName(given), tips.get(ref_of(TargetName(given)))
    here = tips.get(ref_of(TargetName(given))) or tips.get(f"{REMOTES}{remote}/{given}")
    named = tips.get(f"{REMOTES}{given}")
    if here is not None or named is None:
        return TargetName(given), here
    return TargetName(short_name(given, remote)), named


def short_name(given: str, remote: str) -> str:
    """The name of a branch on its remote: `main` for `origin/main`."""
    return given.removeprefix(f"{remote}/") if given.startswith(f"{remote}/") else given.partition("/")[2]


def _newer(graph: CommitGraph, local: Tip, upstream: Tip | None, note: TargetNote) -> tuple[Tip, TargetNote]:
    """The one that has everything; the local branch when both have commits of their own."""
    if upstream is None or upstream.oid == local.oid or upstream.oid not in graph or local.oid not in graph:
        return local, note
    name, other = display(note.name), display(upstream.ref.removeprefix(REMOTES))
    ahead, behind = graph.own_count(upstream.oid, local.oid), graph.own_count(local.oid, upstream.oid)
    if not ahead:
        return local, note
    if not behind:
        words = f"{name}: {other} is {counted(ahead, 'commit')} ahead of your {name}; branches are aligned with {other}"
        return upstream, replace(note, words=words)
    words = (
        f"{name}: your {name} and {other} have diverged: {counted(behind, 'commit')} only in yours, {ahead} only in {other}; "
        f"branches are aligned with your {name}. To align with {other}: add --target {shell_word(other)}"
    )
    return local, replace(note, words=words, is_diverged=True)


def _unknown(names: Sequence[str], tips: Sequence[Tip], remote: str) -> UserError:
    prefixes = (HEADS, f"{REMOTES}{remote}/")
    known = dict.fromkeys(tip.ref.removeprefix(one) for one in prefixes for tip in tips if tip.ref.startswith(one))
    near = difflib.get_close_matches(names[0], list(known), n=3, cutoff=0.6)
    there = ", ".join(map(display, known))
    if near:
        hint = f"did you mean {' or '.join(shell_word(name) for name in near)}?"
    elif known:
        hint = f"name branches that exist, with --target or alignment.targets ({there[:200]})"
    else:
        hint = "the repository has no branches"
    return UserError(f"no such target branch: {', '.join(map(display, names))}", code="unknown_target", hint=hint)


def head_of_remote(tips: Iterable[Tip], remote: str) -> str | None:
    """Name of the branch that the remote's HEAD points to, as the clone knows it; None when it does not."""
    here = f"{REMOTES}{remote}/"
    head = next((tip.symbolic_target for tip in tips if tip.ref == f"{here}HEAD"), None)
    return head.removeprefix(here) if head is not None and head.startswith(here) else None


def default_branch(snapshot: Snapshot, remote: str) -> tuple[str, str] | None:
    """The repository's default branch and how it is known; None when it is not.

    Args:
        snapshot: of all refs.
        remote: its HEAD counts, unless the plan is about another remote's branches; in a bare repository its own HEAD.
    """
    whose = snapshot.branches_of or remote
    head = head_of_remote(snapshot.tips, whose)
    if head is not None:
        return head, f"HEAD of {whose}"
    own = snapshot.head if snapshot.is_bare and snapshot.branches_of is None else None
    if own is not None and any(tip.ref == own for tip in snapshot.tips):
        return own.removeprefix(HEADS), "HEAD of this repository"
    return None


def conventional_names(tips: Iterable[Tip], remote: str) -> tuple[str, ...]:
    """Names of the targets of a repository whose operator named none: the branch that the remote's HEAD points to, and conventional names."""
    known = {tip.ref: tip for tip in tips}
    names = (
        ref.removeprefix(prefix)
        for ref, tip in known.items()
        for prefix in (HEADS, f"{REMOTES}{remote}/")
        if ref.startswith(prefix) and not (tip.symbolic_target or "").startswith(prefix)
    )
    return conventional_targets(names, head=head_of_remote(known.values(), remote))


def lines_of(snapshot: Snapshot, targets: Iterable[Target], remote: str) -> dict[str, Tip]:
    """Long-lived branches that are no targets, by name: local ones, and those that only the remote has."""
    names = {target.name for target in targets}
    found: dict[str, Tip] = {}
    for prefix in (HEADS, f"{REMOTES}{remote}/"):
        there = (tip for tip in snapshot.tips if tip.ref.startswith(prefix) and tip.symbolic_target is None)
        for tip in there:
            name = tip.ref.removeprefix(prefix)
            if tip.object_type == "commit" and name not in names and is_line(name, snapshot.evidence):
                found.setdefault(name, tip)
    return found


def unread_line(plan: Plan) -> list[str]:
    """Files that may name long-lived branches and could not be read."""
    unread = plan.snapshot.unread
    more = f"; and {len(unread) - _MOST_UNREAD} more" if len(unread) > _MOST_UNREAD else ""
    return [f"Not read for long-lived branches: {'; '.join(unread[:_MOST_UNREAD])}{more}."] if unread else []


def target_lines(plan: Plan) -> list[str]:
    """What a reader should know about the targets of a plan: which there are, why, and where they stand."""
    if not plan.target_notes:
        return []
    by: dict[str, list[str]] = {}
    for note in plan.target_notes:
        by.setdefault(note.why, []).append(display(note.name))
    parts = [f"{', '.join(names)}{f' ({why})' if why else ''}" for why, names in by.items()]
    return [
        f"Targets: {'; '.join(parts)}.",
        *unread_line(plan),
        *(f"{note.words}." for note in plan.target_notes if note.words),
    ]


_SURE = frozenset(PRIMARY_NAMES[:5])
"""Usual names that hardly any repository gives to a branch beside its primary one."""


def is_guess(plan: Plan) -> bool:
    """True when the targets are known by names alone, and none of these is sure to be the primary branch."""
    notes = plan.target_notes
    return bool(notes) and all(note.why == USUAL and note.name not in _SURE for note in notes)


def with_public(targets: Sequence[Target], snapshot: Snapshot) -> tuple[Target, ...]:
    """The targets at their public tips, where a push was asked for and these are elsewhere."""
    public = {name: oid for name, oid, _ in snapshot.public_targets}
    tracking = {(tip.oid, tip.ref.rpartition("/")[2]): tip.ref for tip in snapshot.tips if tip.ref.startswith(REMOTES)}
    return tuple(
        replace(
            target,
            oid=public[target.name],
            ref=tracking.get((public[target.name], target.name.rpartition("/")[2]), target.ref),
        )
        if target.name in public
        else target
        for target in targets
    )
