"""Where a branch is pushed: the place that `git push` would choose, decided from what git says of its configuration. Pure.

Source: `git help push`, `git help config` (push.default, branch.<name>.pushRemote, remote.pushDefault, remote.<name>.push);
builtin/push.c, setup_default_push_refspecs. `branch@{push}` is not asked for itself: in a triangular workflow under
`push.default=simple` git pushes, but gives no answer to that.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitalign.core.names import HEADS, BranchName, Oid, branch_of, display, ref_of


@dataclass(frozen=True, slots=True, kw_only=True)
class PushPlace:
    """Where a branch goes on a remote, or why it goes nowhere.

    Attributes:
        remote: name (or address) of the remote.
        ref: full ref on the remote.
        tip: what the remote holds there; None when nothing is there, or it was not asked for.
        held: why it is not pushed, in words; empty when it may be.
        is_configured: whether git's configuration names the place. A place that is merely the branch of the same name may be
            another person's.
        unpushed: what an earlier run put on the branch and the remote does not hold, when this run itself moves nothing.
    """

    remote: str
    ref: str
    tip: Oid | None = None
    held: str = ""
    is_configured: bool = True
    unpushed: Oid | None = None

    @property
    def words(self) -> str:
        """Remote and branch in a form for people: `origin/topic`."""
        return place_words(self.remote, self.ref)


def place_words(remote: str, ref: str) -> str:
    """Remote and branch in a form for people: `origin/topic`. An address is shown without user and password."""
    shown = re.sub(r"(?<=://)[^/@]*@", "", remote)
    return display(f"{shown}/{branch_of(ref) if ref.startswith(HEADS) else ref}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """What git says of one branch; empty strings where its configuration says nothing.

    Attributes:
        upstream_remote: `branch.<name>.remote`.
        upstream_ref: full ref of the upstream on its remote.
        push_remote: remote that configuration names for pushing.
        push_ref: what `remote.<name>.push` makes of the branch.
        upstreams: number of upstreams; git pushes to none where there are several.
    """

    upstream_remote: str = ""
    upstream_ref: str = ""
    push_remote: str = ""
    push_ref: str = ""
    upstreams: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PushRules:
    """The configuration that decides where branches are pushed.

    Attributes:
        default_remote: the remote of branches for which git's configuration names none.
        insists: whether the operator named that remote, so that a branch that git would push elsewhere is held back.
        push_default: `push.default`.
        refspecs: remote -> values of `remote.<name>.push`.
        mirrors: remotes with `remote.<name>.mirror`.
        addresses: remote -> number of addresses that a push goes to.
        tracking: branch -> what git says of it.
        remotes: names of remotes that have an address.
    """

    default_remote: str
    insists: bool = False
    push_default: str = "simple"
    refspecs: Mapping[str, Sequence[str]] = field(default_factory=dict)
    mirrors: frozenset[str] = frozenset()
    addresses: Mapping[str, int] = field(default_factory=dict)
    tracking: Mapping[BranchName, Tracking] = field(default_factory=dict)
    remotes: frozenset[str] = frozenset()

    def place(self, name: BranchName) -> PushPlace:
        """Where `git push` would push a branch; held back with a reason where it would push nowhere or too much."""
        known = self.tracking.get(name, Tracking())
        remote = known.push_remote or self.default_remote
        same = PushPlace(remote=remote, ref=ref_of(name), is_configured=bool(known.push_remote))
        if self.insists and remote != self.default_remote:
            words = f"alignment.remote is {self.default_remote}, but git would push it to {remote}"
            return replace(same, held=words)
        if remote == ".":
            below = branch_of(known.upstream_ref) if known.upstream_ref.startswith(HEADS) else known.upstream_ref
            return replace(same, held=f"its upstream is the local branch {below}, so git push has no remote for it")
        if fault := self.fault_of(remote):
            return replace(same, held=fault)
        if specs := self.refspecs.get(remote):
            if known.push_ref:
                return replace(same, ref=known.push_ref, is_configured=True)
            if ":" in [spec.removeprefix("+") for spec in specs]:
                return replace(same, is_configured=True)
            return replace(same, held=f"remote.{remote}.push does not include it")
        return self._by_default(name, known, same)

    def fault_of(self, remote: str) -> str:
        """Why nothing is pushed to a remote, in words; empty when branches may be."""
        if remote in self.mirrors:
            return f"remote.{remote}.mirror is set: git push would push every ref"
        if self.addresses.get(remote, 1) > 1:
            return f"{remote} has {self.addresses[remote]} push addresses; a lease covers only one"
        return ""

    def _by_default(self, name: BranchName, known: Tracking, same: PushPlace) -> PushPlace:
        upstream = PushPlace(remote=same.remote, ref=known.upstream_ref)
        is_triangular = known.upstream_remote not in ("", same.remote)
        match self.push_default:
            case "nothing":
                return replace(same, held="push.default is nothing")
            case "current" | "matching":
                return replace(same, is_configured=True)
            case "upstream" | "tracking":
                if not known.upstream_ref:
                    return replace(same, held="it has no upstream, and push.default is upstream")
                if is_triangular or known.upstreams > 1:
                    return replace(same, held=f"{same.remote} is not the remote of its upstream")
                return upstream
            case _:
                if not known.upstream_ref or is_triangular:
                    return same
                if known.upstream_ref != ref_of(name) or known.upstreams > 1:
                    why = (
                        f"its upstream is {upstream.words}, which has another name, so git push refuses (push.default)"
                    )
                    return replace(same, held=why)
                return upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSettings:
    """What the operator decided about pushing.

    Attributes:
        remote: the remote of branches for which git's configuration names none.
        insists: whether the operator named that remote.
        with_hooks: run and send what `git push` would run and send beside the branches.
        targets: names of target branches in configuration.
        protected: globs over names of branches that are never overwritten.
    """

    remote: str = "origin"
    insists: bool = False
    with_hooks: bool = False
    targets: tuple[str, ...] = ()
    protected: tuple[str, ...] = ()


def guarded(
    places: Mapping[BranchName, PushPlace], *, primaries: Iterable[str], protected: Sequence[str] = ()
) -> dict[BranchName, PushPlace]:
    """The places, with those held back that must not be overwritten, or that two branches share.

    Args:
        places: by branch.
        primaries: names of target branches.
        protected: globs over names of branches.
    """
    forbidden = {ref_of(BranchName(name)) for name in primaries}
    heads: dict[tuple[str, str], list[BranchName]] = {}
    for name, place in places.items():
        if not place.held:
            heads.setdefault((place.remote, place.ref), []).append(name)
    checked: dict[BranchName, PushPlace] = {}
    for name, place in places.items():
        others = [other for other in heads.get((place.remote, place.ref), ()) if other != name]
        if place.held:
            held = place.held
        elif place.ref in forbidden:
            held = f"git push would write {place.words}, which is a target"
        elif not place.ref.startswith(HEADS):
            held = f"git push would write {place.ref}, which is not a branch"
        elif glob := next((glob for glob in protected if fnmatch.fnmatchcase(branch_of(place.ref), glob)), ""):
            held = f"git push would write {place.words}, which is protected by the pattern {glob}"
        elif others:
            held = f"{display(others[0])} is pushed to {place.words}, too"
        else:
            held = ""
        checked[name] = replace(place, held=held)
    return checked
