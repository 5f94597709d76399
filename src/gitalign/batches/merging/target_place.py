"""Where a target stands, here and on its remote: what tasks start from, what results are merged onto, and where they are pushed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gitalign.core.names import HEADS, REMOTES, BranchName, Oid, branch_of, display, ref_of, shell_word
from gitalign.core.push import PushPlace, PushRules, PushSettings, guarded
from gitalign.core.steps import counted
from gitalign.engine.publishing.push_history import Ancestry
from gitalign.engine.publishing.push_planning import Remotes, push_rules, twin_fault
from gitalign.errors import RemoteError, UserError
from gitalign.git.push_rules import PushConfig
from gitalign.git.refs import read_refs
from gitalign.git.remote import fetch
from gitalign.git.repository import Repository

_NOT_THERE = "target_not_on_remote"


class TargetProblem(UserError):
    """Nothing can land on a target as things stand."""

    code = "target_behind"


def no_branch(repository: Repository, target: str) -> TargetProblem:
    """The error for a target that is not here; a fresh clone has only the branches of its remote."""
    remotes = [ref.removeprefix(REMOTES) for ref in read_refs(repository, REMOTES) if ref.endswith(f"/{target}")]
    there = next((one for one in remotes if one.partition("/")[2] == target), None)
    hint = "git branch --list"
    if there is not None:
        hint = f"make it of the branch of the remote: git branch {shell_word(target)} {shell_word(there)}"
    return TargetProblem(f"there is no branch {display(target)}", hint=hint, code="no_target")


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPlace:
    """Where a target stands.

    Attributes:
        local: the branch here.
        onto: the commit that results are merged onto: the remote's, where that holds all of the local branch.
        push_to: where it is pushed, with what is there; None when it is not.
    """

    local: Oid
    onto: Oid
    push_to: PushPlace | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetReader:
    """Reads where targets stand.

    Attributes:
        repository: the repository.
        settings: of the operator, about pushing.
    """

    repository: Repository
    settings: PushSettings

    def here(self, target: str) -> TargetPlace:
        """Where a target stands as far as this repository knows; no remote is asked.

        Where neither the local branch nor the remote's holds all of the other, the local one counts.

        Raises:
            TargetProblem: there is no such branch.
            GitError
        """
        local, tracking = self._tips(target, self._rules(target))
        ahead = tracking is not None and Ancestry(self.repository).holds(tracking, local)
        return TargetPlace(local=local, onto=tracking if ahead and tracking is not None else local)

    def fetched(self, target: str, *, fetches: bool = True) -> TargetPlace:
        """Where a target stands, its remote-tracking branch brought up to date before.

        The remote's branch of the same name counts for one that follows none, as long as it holds all of it.

        Args:
            target: a branch.
            fetches: ask the remote; False takes what is known of it.

        Raises:
            TargetProblem: there is no such branch, or it and the remote's have both gone on.
            RemoteError: the remote cannot be reached.
            GitError
        """
        rules = self._rules(target)
        if fetches:
            self._fetch(target, rules)
        local, tracking = self._tips(target, rules)
        ancestry = Ancestry(self.repository)
        if tracking is None or ancestry.holds(local, tracking):
            return TargetPlace(local=local, onto=local)
        if ancestry.holds(tracking, local):
            return TargetPlace(local=local, onto=tracking)
        known = rules.tracking.get(BranchName(target))
        if known is None or not known.upstream_remote:
            return TargetPlace(local=local, onto=local)  # no one said that the two have to do with one another
        remote, name = self._upstream(target, rules)
        lacks = counted(int(self.repository.git.lines("rev-list", "--count", tracking, f"^{local}")[0]), "commit")
        raise TargetProblem(
            f"{display(target)} lacks {lacks} of {display(f'{remote}/{name}')}, and has others that it does not have",
            hint=f"bring the two together first: git switch {shell_word(target)} && git merge {shell_word(f'{remote}/{name}')}",
        )

    def pushed(self, target: str, *, ours: Mapping[Oid, Oid], with_hooks: bool = False) -> TargetPlace:
        """Where a target stands and is pushed, all of it asked of the remotes.

        Args:
            target: a branch.
            ours: what earlier batches of the same run landed -> where the target stood before each.
            with_hooks: a push may run and send what `git push` would.

        Raises:
            TargetProblem: as for `fetched`; or it cannot be pushed, or a push would publish commits of others.
            RemoteError, GitError
        """
        stands = self.fetched(target)
        rules = self._rules(target)
        place = self._place(target, rules, with_hooks=with_hooks or self.settings.with_hooks)
        assert place.tip is not None
        ancestry = Ancestry(self.repository)
        holds = ancestry.holds(stands.onto, place.tip)
        if holds is None:
            self._fetch_place(place)
            holds = Ancestry(self.repository).holds(stands.onto, place.tip)
        if not holds:
            raise TargetProblem(
                f"{place.words} has commits that {display(target)} does not have",
                hint=f"git pull {shell_word(place.remote)} {shell_word(branch_of(place.ref))}",
            )
        known = stands.local
        while known in ours:
            known = ours[known]
        if ancestry.holds(place.tip, known) is not True and stands.onto == stands.local:
            number = int(self.repository.git.lines("rev-list", "--count", stands.local, f"^{place.tip}")[0])
            raise TargetProblem(
                f"{display(target)} has {counted(number, 'commit')} that {place.words} does not have, and --push would "
                "publish them",
                hint=f"publish them first: git push {shell_word(place.remote)} {shell_word(target)}",
                code="unpublished_target",
            )
        return replace(stands, push_to=place)

    def _place(self, target: str, rules: PushRules, *, with_hooks: bool) -> PushPlace:
        name = BranchName(target)
        place = guarded({name: rules.place(name)}, primaries=(), protected=self.settings.protected)[name]
        if not place.held and place.remote not in rules.remotes:
            place = replace(place, held=f"there is no remote {display(place.remote)}")
        if not place.held:
            there = Remotes(self.repository).tips(place.remote)
            place = replace(place, tip=there.get(branch_of(place.ref)), held=twin_fault(place.remote, place.ref, there))
            if place.tip is None:
                place = replace(place, held=f"{place.words} does not exist; git push -u makes it")
        if not place.held and not with_hooks:
            extras = PushConfig(self.repository).guards([])
            if extras:
                words = f"git push would run or send {' and '.join(extras)}; --push-hooks does so, too"
                place = replace(place, held=words)
        if place.held:
            raise TargetProblem(
                f"{display(target)} cannot be pushed: {place.held}",
                hint="run without --push, or change where git pushes it",
                code="push_held_back",
            )
        return place

    def _rules(self, target: str) -> PushRules:
        besides = {name for name in self.settings.targets if name != target}
        return push_rules(self.repository, replace(self.settings, targets=tuple(sorted(besides))))

    def _upstream(self, target: str, rules: PushRules) -> tuple[str, str]:
        """Remote and branch that a target follows; empty when there is none."""
        known = rules.tracking.get(BranchName(target))
        if known is not None and known.upstream_ref.startswith(HEADS) and known.upstream_remote in rules.remotes:
            return known.upstream_remote, branch_of(known.upstream_ref)
        is_followed = known is not None and known.upstream_remote
        return ("", "") if is_followed or rules.default_remote not in rules.remotes else (rules.default_remote, target)

    def _fetch(self, target: str, rules: PushRules) -> None:
        remote, name = self._upstream(target, rules)
        if not remote:
            return
        try:
            fetch(self.repository, remote, [name])
        except RemoteError as error:
            if error.code != _NOT_THERE:
                raise

    def _fetch_place(self, place: PushPlace) -> None:
        fetch(self.repository, place.remote, [branch_of(place.ref)])

    def _tips(self, target: str, rules: PushRules) -> tuple[Oid, Oid | None]:
        remote, name = self._upstream(target, rules)
        tracking = f"{REMOTES}{remote}/{name}"
        refs = read_refs(self.repository, ref_of(target), *([tracking] if remote else []))
        if ref_of(target) not in refs:
            raise no_branch(self.repository, target)
        return refs[ref_of(target)], refs.get(tracking)
