"""Categorizing: evidence read once for all branches, then one pure decision for each of them. Nothing moves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gitalign.categorize.assign import Kinship, assign
from gitalign.categorize.clusters import Likeness, cluster
from gitalign.categorize.labels import tags_of
from gitalign.categorize.metrics import Facts, measure
from gitalign.configuration.settings import Categorization
from gitalign.core.categories import Categorized, Category, Flag, Metrics
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid, display
from gitalign.core.plan import Plan, Target
from gitalign.engine.analysis.assigned import Known, decided_targets, known_of
from gitalign.engine.analysis.evidence import Ancestry, Changes, TargetFiles
from gitalign.engine.runtime.surroundings import Surroundings
from gitalign.errors import ConfigError
from gitalign.git.history import Authorship, authorship
from gitalign.git.in_quarantine import in_quarantine
from gitalign.git.quarantine import sweep_quarantines
from gitalign.git.repository import Repository

_PREFIX = "categorize-"
_DAY = 86_400
_STALE = ((90, Flag.STALE_90), (60, Flag.STALE_60), (30, Flag.STALE_30))


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What is looked at.

    Attributes:
        plan: which branches there are; the targets it gives them are not looked at.
        graph: history behind branches and targets.
        settings: the operator's rules and thresholds.
        as_of: the day ages are counted to.
        clusters: put branches together that are alike, where that can be done here.
    """

    plan: Plan
    graph: CommitGraph
    settings: Categorization
    as_of: datetime
    clusters: bool


def categorize(repository: Repository, survey: Survey, surroundings: Surroundings) -> Categorized:
    """Where every branch of a plan belongs, and what is to be known of it.

    Args:
        repository: the repository.
        survey: what is looked at.
        surroundings: unpredictable names.

    Raises:
        ConfigError: a rule names a target that is not there.
        GitError, OutOfSpace
    """
    plan, settings = survey.plan, survey.settings
    _check_names(settings, plan.targets)
    steps = sorted(plan.steps, key=lambda one: one.branch.name)
    files = TargetFiles(repository, plan.targets)
    changes = Changes(repository, files)
    ancestry = Ancestry(repository, survey.graph, steps, plan.targets, settings.keywords, changes)
    decided = decided_targets(steps, plan.targets, ancestry, settings)
    changes.read(one.since for one in decided if one.since is not None)
    known = known_of(repository, decided, files, changes, ancestry)
    sweep_quarantines(repository.state_dir / "quarantine", glob=f"{_PREFIX}*")
    in_quarantine(repository, _PREFIX + surroundings.token(6), changes.count)
    wrote = authorship(repository.git, [oid for one in known for oid in (one.step.seen, *one.own) if one.kinships])
    measured = _measured(known, changes, wrote, as_of=survey.as_of)
    twins = _twins(known)
    made: list[Category] = []
    for one in known:
        name = one.step.branch.name
        author = wrote.get(one.step.seen)
        flags, notes = _flags(one, ancestry, settings, author, twins.get(name), as_of=survey.as_of)
        made.append(_category(one, flags, notes, measured.get(name)))
    found = Categorized(targets=plan.targets, categories=tuple(made), excluded=plan.excluded, as_of=survey.as_of)
    return _with_clusters(found, known, cut=settings.cluster_cut) if survey.clusters else found


def _category(one: Known, flags: Collection[Flag], notes: Sequence[str], metrics: Metrics | None) -> Category:
    return Category(
        branch=one.step.branch.name,
        tip=one.step.seen,
        target=one.assignment.target,
        confidence=round(one.assignment.confidence, 4),
        needs_decision=one.assignment.needs_decision,
        reason=one.assignment.reason,
        evidence=one.assignment.evidence,
        flags=tuple(flag for flag in Flag if flag in flags),
        notes=tuple(notes),
        tags=tags_of(
            target=one.assignment.target,
            needs_decision=one.assignment.needs_decision,
            flags=flags,
            changed=one.footprint.paths if one.footprint else None,
            divergence=one.distance.differing / max(1, one.distance.either) if one.distance else None,
            metrics=metrics,
        ),
        metrics=metrics,
    )


def _check_names(settings: Categorization, targets: Sequence[Target]) -> None:
    known: set[str] = {target.name for target in targets}
    named = [(f"rules[{number}]", rule.target) for number, rule in enumerate(settings.rules)]
    for place, name in (*named, *(("keywords", name) for name in settings.keywords)):
        if name not in known:
            there = ", ".join(map(display, sorted(known))) or "none"
            raise ConfigError(
                f"categorization.{place}: {display(name)!r} is no target here; there are: {there}",
                code="unknown_target",
                hint="name it in alignment.targets, or mend the rule",
            )


def _measured(
    known: Sequence[Known], changes: Changes, wrote: Mapping[Oid, Authorship], *, as_of: datetime
) -> dict[str, Metrics]:
    most_behind: dict[str, int] = defaultdict(int)
    for one in known:
        if (kinship := one.kinship) is not None:
            most_behind[kinship.target] = max(most_behind[kinship.target], kinship.behind)
    return {
        one.step.branch.name: measure(
            Facts(
                commits=[wrote[oid] for oid in one.own or (one.step.seen,) if oid in wrote],
                own_commits=len(one.own),
                as_of=int(as_of.timestamp()),
                behind=kinship.behind,
                most_behind=most_behind[kinship.target],
                lines=changes.lines(one.since),
                footprint=one.footprint,
                distance=one.distance,
            )
        )
        for one in known
        if (kinship := one.kinship) is not None and one.since is not None
    }


def _flags(
    one: Known,
    ancestry: Ancestry,
    settings: Categorization,
    wrote: Authorship | None,
    twin: str | None,
    *,
    as_of: datetime,
) -> tuple[set[Flag], list[str]]:
    flags: set[Flag] = set()
    notes: list[str] = []

    def raise_flag(flag: Flag, words: str) -> None:
        flags.add(flag)
        notes.append(words)

    if not one.kinships:
        raise_flag(Flag.UNREADABLE, ancestry.unreadable(one.step))
    elif one.target is not None and one.since is not None and (one.footprint is None or one.distance is None):
        raise_flag(Flag.UNREADABLE, "objects are missing; its files were not weighed")
    elif one.is_cut_off:
        raise_flag(Flag.NEEDS_DEEPENING, "history is cut off (shallow clone): git fetch --unshallow")
    elif one.since is None:
        where = "any target" if one.target is None else display(one.target.name)
        raise_flag(Flag.UNRELATED, f"shares no commit with {where}")
    elif (words := _contained(one)) is not None:
        raise_flag(Flag.ALREADY_CONTAINED if one.own else Flag.MERGED, words)
    if twin is not None:
        raise_flag(Flag.DUPLICATE, twin)
    if wrote is not None:
        days = (int(as_of.timestamp()) - wrote.committed_at) // _DAY
        stale = next((flag for least, flag in _STALE if days >= least), None)
        if stale is not None:
            raise_flag(stale, f"newest commit {days} days old")
    if (words := _mismatch(one.kinships, settings)) is not None:
        raise_flag(Flag.CONTENT_MISMATCH, words)
    return flags, notes


def _contained(one: Known) -> str | None:
    """How the target comes to have all of a branch, in words; None when it has not."""
    kinship, target = one.kinship, display(one.target.name) if one.target is not None else ""
    if not one.own:
        return f"every commit is in {target}"
    if kinship is not None and kinship.picks and kinship.picked == kinship.picks:
        return f"every commit stands in {target} under another id"
    if one.footprint is None or one.distance is None:
        return None
    if not one.footprint.paths:
        return "its commits change nothing, taken together"
    return None if one.distance.apart_at_its_own else f"every file it changed stands in {target} just so"


def _mismatch(kinships: Sequence[Kinship], settings: Categorization) -> str | None:
    """The words when a name says one target and everything else clearly another."""
    said = [one.target for one in kinships if one.named is not None]
    if len(said) != 1:
        return None
    other = assign([replace(one, named=None) for one in kinships], decide_above=settings.decide_above)
    if other.target is None or other.target == said[0] or other.needs_decision:
        return None
    return f"its name says {display(said[0])}, everything else {display(other.target)}"


def _twins(known: Sequence[Known]) -> dict[str, str]:
    """Branch -> words, for those that make the same change as one before them by name."""
    first_at: dict[Oid, str] = {}
    first_with: dict[tuple[str | None, bytes], str] = {}
    found: dict[str, str] = {}
    for one in known:
        name = one.step.branch.name
        if one.step.seen in first_at:
            found[name] = f"stands at the same commit as {display(first_at[one.step.seen])}"
            continue
        first_at[one.step.seen] = name
        if one.footprint is None or not one.footprint.paths:
            continue
        key = (one.assignment.target, one.footprint.result)
        if key in first_with:
            found[name] = f"leaves the same files as {display(first_with[key])}"
        else:
            first_with[key] = name
    return found


def _with_clusters(found: Categorized, known: Sequence[Known], *, cut: float) -> Categorized:
    paths: dict[str, tuple[bytes, ...] | None] = {
        one.step.branch.name: one.footprint.paths if one.footprint else None for one in known
    }
    made = cluster(
        {one.branch: Likeness(one.metrics, paths[one.branch]) for one in found.categories if one.metrics is not None},
        cut=cut,
    )
    if isinstance(made, str):
        return replace(found, unclustered=made)
    number = {branch: one.cluster_id for one in made.clusters for branch in one.branches}
    categories = tuple(replace(one, cluster_id=number.get(one.branch)) for one in found.categories)
    return replace(found, categories=categories, clustering=made)
