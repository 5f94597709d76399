"""Which target a branch belongs to, and what is known of it there, read once for all branches."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitalign.categorize.assign import Assignment, Kinship, assign
from gitalign.categorize.footprint import Distance, Footprint
from gitalign.configuration.settings import Categorization
from gitalign.core.names import Oid, display
from gitalign.core.plan import Step, Target
from gitalign.engine.analysis.evidence import Ancestry, Changes, Pair, TargetFiles, distances
from gitalign.git.repository import Repository


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one branch, before its flags and tags.

    Attributes:
        target: of the assignment, if there is one.
        own: own commits over it.
        since: base and tip; None when the two never met.
        is_cut_off: hidden history may hold a better base, or the only one.
    """

    step: Step
    kinships: tuple[Kinship, ...]
    assignment: Assignment
    target: Target | None
    own: tuple[Oid, ...]
    since: Pair | None
    footprint: Footprint | None
    distance: Distance | None
    is_cut_off: bool

    @property
    def kinship(self) -> Kinship | None:
        """That to its target."""
        return next((one for one in self.kinships if self.target and one.target == self.target.name), None)


@dataclass(frozen=True, slots=True)
class Decided:
    """A branch with its assignment.

    Attributes:
        since: base and tip; None when the branch and its target never met.
        is_cut_off: hidden history may hold a better base, or the only one.
    """

    step: Step
    kinships: tuple[Kinship, ...]
    assignment: Assignment
    target: Target | None
    since: Pair | None
    is_cut_off: bool


def decided_targets(
    steps: Sequence[Step], targets: Sequence[Target], ancestry: Ancestry, settings: Categorization
) -> list[Decided]:
    """Every branch with the target it belongs to."""
    by_name: dict[str, Target] = {target.name: target for target in targets}
    decided: list[Decided] = []
    for step in steps:
        kinships = ancestry.kinships(step)
        assignment = _assigned(step, kinships, ancestry, by_name, settings)
        target = by_name.get(assignment.target) if assignment.target is not None else None
        base = ancestry.base(step, target) if target is not None else None
        since = (base, step.seen) if base is not None else None
        cut_off = any(ancestry.is_cut_off(step, one) for one in ([target] if target is not None else targets))
        decided.append(Decided(step, kinships, assignment, target, since, cut_off))
    return decided


def known_of(
    repository: Repository, decided: Sequence[Decided], files: TargetFiles, changes: Changes, ancestry: Ancestry
) -> list[Known]:
    """What is known of every branch at its target.

    Args:
        repository: the repository.
        decided: the branches.
        files: of targets.
        changes: of branches; those of `decided` are read already.
        ancestry: of branches and targets.

    Raises:
        GitError
    """
    wanted = {
        (str(one.target.name), one.target.oid, one.step.seen): changes.footprints[one.since].paths
        for one in decided
        if one.target is not None and one.since in changes.footprints
    }
    apart = distances(repository, files, wanted)
    return [
        Known(
            one.step,
            one.kinships,
            one.assignment,
            one.target,
            ancestry.own(one.step, one.target) if one.target is not None else (),
            one.since,
            changes.footprints.get(one.since) if one.since is not None else None,
            apart.get((one.target.name, one.target.oid, one.step.seen)) if one.target is not None else None,
            one.is_cut_off,
        )
        for one in decided
    ]


def _assigned(
    step: Step,
    kinships: Sequence[Kinship],
    ancestry: Ancestry,
    targets: Mapping[str, Target],
    settings: Categorization,
) -> Assignment:
    """The operator's word first, then the evidence."""
    found = assign(kinships, decide_above=settings.decide_above)
    for number, rule in enumerate(settings.rules):
        if fnmatch.fnmatchcase(step.branch.name, rule.match):
            words = f"rule {number + 1} of the configuration: {rule.match!r} goes to {display(rule.target)}"
            ranked = sorted(found.evidence, key=lambda one: one.target != rule.target)
            return Assignment(rule.target, 1.0, False, words, tuple(ranked))
    if targets and not kinships:
        return replace(found, reason=ancestry.unreadable(step))
    if found.target is None and any(ancestry.is_cut_off(step, target) for target in targets.values()):
        words = "history is cut off (shallow clone) before the branch meets any target, so that nothing is known"
        return replace(found, needs_decision=True, reason=words)
    if found.target is not None and ancestry.is_cut_off(step, targets[found.target]):
        words = f"history is cut off (shallow clone), so that this may be wrong. {found.reason}"
        return replace(found, needs_decision=True, reason=words)
    return found
