"""Before a push: where each branch goes, what the remotes hold there, and what of the targets is public."""

from __future__ import annotations

import fnmatch
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitalign.core.names import HEADS, REMOTES, BranchName, Oid, TargetName, branch_of, display, is_backup_name, ref_of
from gitalign.core.plan import Target
from gitalign.core.push import PushPlace, PushRules, PushSettings, guarded
from gitalign.core.snapshot import Snapshot
from gitalign.core.steps import counted
from gitalign.engine.publishing.anchor import present
from gitalign.engine.publishing.push_history import Ancestry, unpushed
from gitalign.errors import RemoteError, UserError
from gitalign.git.command import text
from gitalign.git.push_rules import PushConfig
from gitalign.git.remote import remote_head, remote_tips
from gitalign.git.repository import Repository
from gitalign.ports import Journal


@dataclass(slots=True)
class Remotes:
    """Tips of remotes, each asked once."""

    repository: Repository
    timeout_s: float = 600.0
    _asked: dict[tuple[str, bool], dict[BranchName, Oid] | RemoteError] = field(default_factory=dict)
    _heads: dict[str, BranchName | None] = field(default_factory=dict)

    def tips(self, remote: str, *, for_push: bool = True) -> Mapping[BranchName, Oid]:
        """Branch -> id on a remote.

        Raises:
            RemoteError
        """
        key = (remote, for_push)
        if key not in self._asked:
            try:
                self._asked[key] = remote_tips(self.repository, remote, for_push=for_push, timeout_s=self.timeout_s)
            except RemoteError as error:
                self._asked[key] = error  # one that does not answer is not asked for every branch
        found = self._asked[key]
        if isinstance(found, RemoteError):
            raise found
        return found

    def head(self, remote: str) -> BranchName | None:
        """The branch that HEAD is on where pushes to a remote go; None when it does not say.

        Raises:
            RemoteError
        """
        if remote not in self._heads:
            self._heads[remote] = remote_head(self.repository, remote, timeout_s=self.timeout_s)
        return self._heads[remote]


def push_rules(repository: Repository, settings: PushSettings, *, besides: Iterable[str] = ()) -> PushRules:
    """The rules that decide where branches are pushed, and those of remotes that are asked about besides.

    Raises:
        GitError
    """
    return PushConfig(repository).rules(default_remote=settings.remote, insists=settings.insists, besides=besides)


def twin_fault(remote: str, ref: str, there: Container[str]) -> str:
    """Why a branch cannot be named in a push, in words; empty when it can.

    Args:
        remote: its name.
        ref: full name of the branch.
        there: names of all branches of the remote.

    Source: remote.c, count_refspec_match: `refs/heads/x` stands for `refs/heads/refs/heads/x` as well.
    """
    return f"{remote} has a branch named {ref}, too, and git push cannot tell the two apart" if ref in there else ""


def places_of(
    names: Iterable[BranchName], rules: PushRules, remotes: Remotes, settings: PushSettings, *, targets: Sequence[str]
) -> dict[BranchName, PushPlace]:
    """Where branches are pushed, with what the remotes hold there.

    Args:
        names: of branches.
        rules: as git's configuration has them.
        remotes: are asked.
        settings: of the operator.
        targets: names of target branches.

    Raises:
        RemoteError
    """
    primaries = {*targets, *settings.targets}
    upstreams = {ref_of(BranchName(name)) for name in primaries}
    chosen = guarded({name: rules.place(name) for name in names}, primaries=primaries, protected=settings.protected)
    found: dict[BranchName, PushPlace] = {}
    for name, place in chosen.items():
        if not place.ref.startswith(HEADS):
            found[name] = place
            continue
        if place.remote == ".":
            # A branch on top of a local one is on no remote as a rule; held back only if it seems to be.
            is_there = settings.remote in rules.remotes and name in remotes.tips(settings.remote)
            found[name] = replace(place, remote=settings.remote, held=place.held if is_there else "")
            continue
        there = remotes.tips(place.remote)
        tip = there.get(branch_of(place.ref))
        if tip is not None and not place.held:
            place = replace(place, held=twin_fault(place.remote, place.ref, there))
        # A branch that was started on the remote's target and never pushed: it is on no remote, which is no fault.
        is_new = place.held and tip is None and rules.tracking[name].upstream_ref in upstreams
        found[name] = replace(place, tip=tip, held="" if is_new else place.held)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class PushScope:
    """Which branches take part in a push.

    Attributes:
        settings: of the operator.
        targets: as found in the repository.
        only: globs over names of branches that take part; empty for all.
        prefix: of integration branches, which may be on the remote alone.
        backup_prefix: of backup branches, which are never pushed.
    """

    settings: PushSettings
    targets: Sequence[Target]
    only: Sequence[str]
    prefix: str
    backup_prefix: str

    def takes(self, name: BranchName) -> bool:
        """Whether a branch takes part; an integration branch goes by the name of its branch, too."""
        if is_backup_name(name, prefix=self.backup_prefix):
            return False
        names = (name, name.removeprefix(f"{self.prefix}/"))
        return not self.only or any(fnmatch.fnmatchcase(one, glob) for one in names for glob in self.only)


def with_push_places(
    repository: Repository, snapshot: Snapshot, scope: PushScope, *, journal: Journal | None
) -> Snapshot:
    """The snapshot with where its branches are pushed, and with the public tips of its targets.

    Args:
        repository: the repository.
        snapshot: its refs.
        scope: which branches take part.
        journal: what runs made, None where nothing ever ran.

    Raises:
        GitError, RemoteError
        UserError: what of a target is public cannot be known.
    """
    settings, targets = scope.settings, scope.targets
    rules = push_rules(repository, settings)
    remotes = Remotes(repository)
    local = {branch_of(tip.ref): tip.oid for tip in snapshot.tips if tip.ref.startswith(HEADS)}
    names = {name for name in local if scope.takes(name)}
    if settings.remote in rules.remotes:
        names |= {name for name in remotes.tips(settings.remote) if name.startswith(f"{scope.prefix}/")}
    names -= {BranchName(target.name) for target in targets}
    places = places_of(sorted(names), rules, remotes, settings, targets=[target.name for target in targets])
    if journal is not None:
        history = journal.history_of(map(ref_of, names))
        ancestry = Ancestry(repository)
        for name, place in places.items():
            made = history.get(ref_of(name), ())
            if made and place.tip is not None and name in local:
                places[name] = replace(place, unpushed=unpushed(ancestry, local[name], place.tip, made))
    return replace(
        snapshot,
        remote=settings.remote,
        push_places=tuple(sorted(places.items())),
        public_targets=tuple(_public(repository, snapshot, targets, rules, remotes)),
    )


def _public(
    repository: Repository,
    snapshot: Snapshot,
    targets: Sequence[Target],
    rules: PushRules,
    remotes: Remotes,
) -> Iterable[tuple[TargetName, Oid, str]]:
    """Targets that stand elsewhere on their remote: a push must not publish what only the local target has."""
    ancestry = Ancestry(repository)
    tips = {tip.ref: tip.oid for tip in snapshot.tips}
    for target in targets:
        if not target.ref.startswith(HEADS):
            continue
        known = rules.tracking.get(BranchName(target.name))
        tracks = known is not None and known.upstream_remote not in ("", ".") and known.upstream_ref.startswith(HEADS)
        remote = known.upstream_remote if known is not None and tracks else rules.default_remote
        name = branch_of(known.upstream_ref) if known is not None and tracks else BranchName(target.name)
        if remote not in rules.remotes:
            continue
        there = remotes.tips(remote, for_push=False).get(name)
        if there is None or there == target.oid:
            continue
        shown = display(f"{remote}/{name}")
        if there not in present(repository, [there]):
            tracking = tips.get(f"{REMOTES}{remote}/{name}")
            if tracking is not None and ancestry.holds(tracking, target.oid):
                continue  # all of it is public, though the remote has gone on since
            raise UserError(
                f"{shown} stands at {there[:12]}, which is not here, so it is not known what of {target.name} is public",
                hint="git align run --fetch --push",
            )
        ahead = counted(_count(repository, there, target.oid), "commit")
        if ancestry.holds(there, target.oid):
            behind = counted(_count(repository, target.oid, there), "commit")
            words = f"{shown} is {behind} ahead of the local {target.name}, and is taken"
        else:
            words = f"{target.name} has {ahead} that {shown} does not have; {shown} is taken, for --push must not publish them"
        yield target.name, there, words


def _count(repository: Repository, without: Oid, tip: Oid) -> int:
    done = repository.git.run("rev-list", "--count", tip, f"^{without}")
    return int(text(done.stdout))
