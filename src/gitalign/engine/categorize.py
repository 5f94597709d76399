"""Categorizing: a few passes over all of history at once, then one pure decision for each branch. Nothing moves."""

from __future__ import annotations

import fnmatch
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gitalign.categorize.assign import Assignment, Kinship, assign
from gitalign.categorize.clusters import Likeness, cluster
from gitalign.categorize.labels import tags_of
from gitalign.categorize.metrics import Facts, measure
from gitalign.categorize.words import names_target
from gitalign.config import Categorization
from gitalign.core.categories import Categorized, Category, Flag, Metrics
from gitalign.core.clashes import PathChange, folders_of
from gitalign.core.graph import CommitGraph, OwnCommits
from gitalign.core.names import Oid, display
from gitalign.core.plan import Plan, Step, StepKind, Target
from gitalign.errors import ConfigError
from gitalign.git.history import Authorship, LineCount, authorship, line_counts, path_changes
from gitalign.git.refs import Origin, read_origins
from gitalign.git.repository import Repository
from gitalign.integrate.upstream import UpstreamIndex

_DAY = 86_400
_STALE = ((90, Flag.STALE_90), (60, Flag.STALE_60), (30, Flag.STALE_30))

_Pair = tuple[Oid, Oid]


def categorize(
    repository: Repository, plan: Plan, graph: CommitGraph, settings: Categorization, *, as_of: datetime
) -> Categorized:
    """Where every branch of a plan belongs, and what is to be known of it.

    Args:
        repository: the repository.
        plan: which branches there are; the targets it gives them are not looked at.
        graph: history behind branches and targets.
        settings: the operator's rules and thresholds.
        as_of: the day ages are counted to.

    Raises:
        ConfigError: a rule names a target that is not there.
        GitError, OutOfSpace
    """
    _check_rules(settings, plan.targets)
    evidence = _Evidence(repository, plan, graph, settings)
    assigned: dict[str, Assignment] = {step.branch.name: evidence.assign(step) for step in plan.steps}
    files = _Files(repository, plan, graph, assigned)
    measured = _measured(repository, plan, graph, assigned, files, as_of=as_of)
    flagged = _flagged(plan, evidence, assigned, files, measured, as_of=as_of)
    made: list[Category] = []
    for step in sorted(plan.steps, key=lambda one: one.branch.name):
        name, found = step.branch.name, assigned[step.branch.name]
        flags, notes = flagged[name]
        changes = files.changes.get(name)
        metrics = measured.metrics.get(name)
        made.append(
            Category(
                branch=name,
                tip=step.seen,
                target=found.target,
                confidence=round(found.confidence, 4),
                needs_decision=found.needs_decision,
                reason=found.reason,
                evidence=found.evidence,
                flags=tuple(flag for flag in Flag if flag in flags),
                notes=tuple(notes),
                tags=tags_of(
                    target=found.target,
                    needs_decision=found.needs_decision,
                    flags=flags,
                    changed=None if changes is None else [change.path for change in changes],
                    divergence=files.divergence(name),
                    metrics=metrics,
                ),
                metrics=metrics,
            )
        )
    return Categorized(targets=plan.targets, categories=tuple(made), excluded=plan.excluded, as_of=as_of)


def with_clusters(repository: Repository, found: Categorized, graph: CommitGraph, *, cut: float) -> Categorized:
    """The same with branches that are alike put together, where that can be done here.

    Raises:
        GitError, OutOfSpace
    """
    onto: dict[str, Oid] = {target.name: target.oid for target in found.targets}
    pairs = {
        one.branch: (base, one.tip)
        for one in found.categories
        if one.metrics is not None and one.target is not None
        if (base := _base(graph, one.tip, onto[one.target])) is not None
    }
    read = path_changes(repository.git, pairs.values())
    likenesses = {
        one.branch: Likeness(one.metrics, [change.path for change in read[pair]] if pair in read else None)
        for one in found.categories
        if one.metrics is not None and (pair := pairs.get(one.branch)) is not None
    }
    made = cluster(likenesses, cut=cut)
    if isinstance(made, str):
        return replace(found, unclustered=made)
    number = {branch: one.cluster_id for one in made.clusters for branch in one.branches}
    categories = tuple(replace(one, cluster_id=number.get(one.branch)) for one in found.categories)
    return replace(found, categories=categories, clustering=made)


def _check_rules(settings: Categorization, targets: Sequence[Target]) -> None:
    known = {target.name for target in targets}
    words = ", ".join(map(display, known)) or "none"
    for number, rule in enumerate(settings.rules):
        if rule.target not in known:
            raise ConfigError(
                f"categorization.rules[{number}]: {display(rule.target)!r} is no target here; there are {words}",
                hint="name it in alignment.targets, or mend the rule",
            )
    for name in settings.keywords:
        if name not in known:
            raise ConfigError(
                f"categorization.keywords: {display(name)!r} is no target here; there are {words}",
                hint="name it in alignment.targets, or mend the keywords",
            )


class _Evidence:
    """What speaks for each target, gathered for all branches at once."""

    def __init__(self, repository: Repository, plan: Plan, graph: CommitGraph, settings: Categorization) -> None:
        self._graph = graph
        self._settings = settings
        self._targets = plan.targets
        steps = [step for step in plan.steps if step.seen in graph]
        targets = [target for target in plan.targets if target.oid in graph]
        related = [
            (step.seen, target.oid)
            for step in steps
            for target in targets
            if (own := graph.own(step.seen, target.oid)).count and own.bases
        ]
        self._upstream = UpstreamIndex.build(repository, graph, related)
        self._origins = read_origins(repository)
        self._homes = {tip: _homes(graph, tip, targets) for tip in {step.seen for step in steps}}
        self._alone = _files_of_one_target(repository, targets)
        nearest = {
            step.seen: base
            for step in steps
            if (base := _nearest_base(graph, step.seen, targets)) is not None and base != step.seen
        }
        self._work = path_changes(repository.git, [(base, tip) for tip, base in nearest.items()])
        self._nearest = nearest

    def assign(self, step: Step, *, by_name: bool = True) -> Assignment:
        """The target of a branch; without what its name says when not `by_name`."""
        if step.seen not in self._graph:
            words = self._graph.unreadable.get(step.seen) or "its history cannot be read"
            return Assignment(None, 0.0, True, words, ())
        kinships = [self._kinship(step, target, by_name=by_name) for target in self._targets if target.oid in self._graph]
        found = assign(kinships, decide_above=self._settings.decide_above)
        for number, rule in enumerate(self._settings.rules):
            if fnmatch.fnmatchcase(step.branch.name, rule.match):
                words = f"rule {number + 1} of the configuration: {rule.match!r} goes to {display(rule.target)}"
                ranked = sorted(found.evidence, key=lambda one: one.target != rule.target)
                return Assignment(rule.target, 1.0, False, words, tuple(ranked))
        if self.is_cut_off(step, found.target):
            return replace(
                found,
                needs_decision=True,
                reason=f"history is cut off (shallow clone), so that this may be wrong. {found.reason}",
            )
        return found

    def named(self, step: Step) -> str | None:
        """The one target a branch's name says, if it says one."""
        said = [target.name for target in self._targets if self._says(step, target)]
        return said[0] if len(said) == 1 else None

    def is_cut_off(self, step: Step, target: str | None) -> bool:
        """True when hidden history may hold a better base."""
        onto = next((one.oid for one in self._targets if one.name == target), None)
        if onto is None or onto not in self._graph or step.seen not in self._graph:
            return False
        return self._graph.own(step.seen, onto).hits_shallow

    def picked_all(self, step: Step, target: str | None) -> bool:
        """True when every own commit stands in the target under another id."""
        onto = next((one.oid for one in self._targets if one.name == target), None)
        if onto is None or onto not in self._graph or step.seen not in self._graph:
            return False
        own = self._graph.own(step.seen, onto)
        return bool(own.picks and own.bases) and len(self._upstream.matches(step.seen, onto)) == len(own.picks)

    def _says(self, step: Step, target: Target) -> str | None:
        return names_target(step.branch.name, target.name, self._settings.keywords)

    def _kinship(self, step: Step, target: Target, *, by_name: bool) -> Kinship:
        own = self._graph.own(step.seen, target.oid)
        fork = self._graph.fork(step.seen, target.oid)
        meets = bool(own.bases)
        pair = self._nearest.get(step.seen)
        changed = self._work.get((pair, step.seen), ()) if pair is not None else ()
        alone = self._alone.get(target.name, frozenset())
        homes = self._homes[step.seen]
        return Kinship(
            target=target.name,
            own_commits=own.count if meets else None,
            behind=self._graph.behind_count(step.seen, target.oid),
            first_parents=fork.distance if fork.commit is not None else None,
            on_line=target.name in homes if homes else fork.is_on_line,
            picks=len(own.picks),
            picked=len(self._upstream.matches(step.seen, target.oid)) if own.count and meets else 0,
            paths=sum(change.before is not None and change.path in alone for change in changed),
            named=self._says(step, target) if by_name else None,
            hints=_hints(self._origins.get(step.ref), target),
        )


def _homes(graph: CommitGraph, tip: Oid, targets: Sequence[Target]) -> frozenset[str]:
    """Of several targets that have all of a branch, those that had it first; empty unless there are several."""
    arrivals = {target.name: oid for target in targets if (oid := graph.arrival(tip, target.oid)) is not None}
    if len(arrivals) < 2:
        return frozenset()
    return frozenset(
        name
        for name, arrival in arrivals.items()
        if not any(other != arrival and graph.is_ancestor(other, arrival) for other in arrivals.values())
    )


def _hints(origin: Origin | None, target: Target) -> tuple[str, ...]:
    if origin is None:
        return ()
    found: list[str] = []
    if _is_about(origin.upstream, target):
        found.append(f"its upstream is {display(origin.upstream)}")
    if _is_about(origin.created_from, target):
        found.append(f"created from {display(origin.created_from)}")
    return tuple(found)


def _is_about(ref: str, target: Target) -> bool:
    """True for the target's own branch, or the branch of its name on some remote."""
    short = ref.removeprefix("refs/").removeprefix("heads/")
    if short.startswith("remotes/"):
        short = short.removeprefix("remotes/").partition("/")[2]
    return short == target.name or short.partition("/")[2] == target.name and ref.startswith("origin/")


def _files_of_one_target(repository: Repository, targets: Sequence[Target]) -> dict[str, frozenset[bytes]]:
    """Paths that exist in one target alone, by target."""
    holders: dict[bytes, int] = Counter()
    listed = {target.name: _files_of(repository, target.oid) for target in targets}
    for paths in listed.values():
        for path in paths:
            holders[path] += 1
    return {name: frozenset(path for path in paths if holders[path] == 1) for name, paths in listed.items()}


def _files_of(repository: Repository, commit: Oid) -> list[bytes]:
    done = repository.git.run(
        "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, accept=(0, 128)
    )
    return done.stdout.split(b"\0")[:-1] if done.returncode == 0 else []


def _nearest_base(graph: CommitGraph, tip: Oid, targets: Sequence[Target]) -> Oid | None:
    """Where the branch left the target it has the fewest commits beyond."""
    found: list[OwnCommits] = [own for target in targets if (own := graph.own(tip, target.oid)).bases]
    return min(found, key=lambda own: own.count).bases[0] if found else None


def _base(graph: CommitGraph, tip: Oid, onto: Oid) -> Oid | None:
    if tip not in graph or onto not in graph:
        return None
    bases = graph.own(tip, onto).bases
    return bases[0] if bases else None


class _Files:
    """What each branch changes against its own target."""

    def __init__(
        self, repository: Repository, plan: Plan, graph: CommitGraph, assigned: Mapping[str, Assignment]
    ) -> None:
        onto: dict[str, Oid] = {target.name: target.oid for target in plan.targets}
        since: dict[str, _Pair] = {}
        against: dict[str, _Pair] = {}
        for step in plan.steps:
            target = assigned[step.branch.name].target
            base = _base(graph, step.seen, onto[target]) if target is not None else None
            if target is not None and base is not None:
                since[step.branch.name] = (base, step.seen)
                against[step.branch.name] = (onto[target], step.seen)
        read = path_changes(repository.git, [*since.values(), *against.values()])
        self.since: Mapping[str, _Pair] = since
        self.changes: dict[str, tuple[PathChange, ...]] = {
            name: read[pair] for name, pair in since.items() if pair in read
        }
        self.against: dict[str, tuple[PathChange, ...]] = {
            name: read[pair] for name, pair in against.items() if pair in read
        }
        self.target_of = {name: one.target for name, one in assigned.items()}
        self.folders: dict[str, Counter[bytes]] = {
            target.name: Counter(folder for path in _files_of(repository, target.oid) for folder in folders_of(path))
            for target in plan.targets
        }

    def divergence(self, name: str) -> float | None:
        """Share of files, of branch and target together, that differ."""
        target = self.target_of[name]
        if name not in self.against or target is None:
            return None
        either = self.folders[target].get(b"", 0) + sum(one.before is None for one in self.against[name])
        return len(self.against[name]) / either if either else 0.0


@dataclass(frozen=True, slots=True)
class _Measured:
    metrics: Mapping[str, Metrics]
    newest: Mapping[Oid, int]
    """Tip -> when it was committed."""


def _measured(
    repository: Repository,
    plan: Plan,
    graph: CommitGraph,
    assigned: Mapping[str, Assignment],
    files: _Files,
    *,
    as_of: datetime,
) -> _Measured:
    onto: dict[str, Oid] = {target.name: target.oid for target in plan.targets}
    own: dict[str, tuple[Oid, ...]] = {}
    behind: dict[str, int] = {}
    most_behind: dict[str, int] = defaultdict(int)
    for step in plan.steps:
        target = assigned[step.branch.name].target
        if target is None or step.branch.name not in files.since:
            continue
        own[step.branch.name] = graph.own_ids(step.seen, onto[target])
        behind[step.branch.name] = graph.behind_count(step.seen, onto[target])
        most_behind[target] = max(most_behind[target], behind[step.branch.name])
    tips = {step.seen for step in plan.steps if step.seen in graph}
    wrote: dict[Oid, Authorship] = authorship(repository.git, [*tips, *(oid for ids in own.values() for oid in ids)])
    lines = _line_counts(repository, files.since.values())
    metrics: dict[str, Metrics] = {
        step.branch.name: measure(
            Facts(
                commits=[wrote[oid] for oid in own[step.branch.name] or (step.seen,) if oid in wrote],
                own_commits=len(own[step.branch.name]),
                as_of=int(as_of.timestamp()),
                behind=behind[step.branch.name],
                most_behind=most_behind[target],
                lines=lines.get(files.since[step.branch.name]),
                changes=files.changes.get(step.branch.name),
                against_target=files.against.get(step.branch.name),
                target_folders=files.folders[target],
            )
        )
        for step in plan.steps
        if step.branch.name in own and (target := assigned[step.branch.name].target) is not None
    }
    return _Measured(metrics, {tip: wrote[tip].committed_at for tip in tips if tip in wrote})


def _line_counts(repository: Repository, pairs: Iterable[_Pair]) -> dict[_Pair, tuple[LineCount, ...]]:
    read = line_counts(repository.git, [pair for pair in dict.fromkeys(pairs) if pair[0] != pair[1]])
    return {**{pair: () for pair in pairs if pair[0] == pair[1]}, **read}


def _flagged(
    plan: Plan,
    evidence: _Evidence,
    assigned: Mapping[str, Assignment],
    files: _Files,
    measured: _Measured,
    *,
    as_of: datetime,
) -> dict[str, tuple[set[Flag], list[str]]]:
    twins = _twins(plan, assigned, files)
    found: dict[str, tuple[set[Flag], list[str]]] = {}
    for step in plan.steps:
        name = step.branch.name
        assignment = assigned[name]
        flags: set[Flag] = set()
        notes: list[str] = []
        mine = next((one for one in assignment.evidence if one.target == assignment.target), None)
        if not assignment.evidence:
            flags.add(Flag.UNREADABLE)
        elif all(one.first_parents is None and not one.on_line for one in assignment.evidence) and name not in files.since:
            flags.add(Flag.UNRELATED)
            notes.append("shares no commit with any target")
        elif mine is not None and name in files.since:
            words = _contained(step, mine.own_commits, evidence, files)
            if words is not None:
                flags.add(Flag.MERGED if not mine.own_commits else Flag.ALREADY_CONTAINED)
                notes.append(words)
        if evidence.is_cut_off(step, assignment.target):
            flags.add(Flag.NEEDS_DEEPENING)
            notes.append("history is cut off (shallow clone): git fetch --unshallow")
        if name in twins:
            flags.add(Flag.DUPLICATE)
            notes.append(twins[name])
        newest = measured.newest.get(step.seen)
        if newest is not None:
            days = (int(as_of.timestamp()) - newest) // _DAY
            stale = next((flag for least, flag in _STALE if days >= least), None)
            if stale is not None:
                flags.add(stale)
                notes.append(f"newest commit {days} days old")
        said = evidence.named(step)
        if said is not None and assignment.evidence:
            other = evidence.assign(step, by_name=False)
            if other.target not in (None, said) and not other.needs_decision:
                flags.add(Flag.CONTENT_MISMATCH)
                notes.append(f"its name says {display(said)}, its history and files {display(str(other.target))}")
        found[name] = (flags, notes)
    return found


def _contained(step: Step, own_commits: int, evidence: _Evidence, files: _Files) -> str | None:
    """How the target comes to have all of a branch, in words; None when it has not."""
    name = step.branch.name
    target = files.target_of[name]
    if not own_commits:
        return f"every commit is in {display(str(target))}"
    if evidence.picked_all(step, target):
        return f"every commit stands in {display(str(target))} under another id"
    changes, against = files.changes.get(name), files.against.get(name)
    if changes is None or against is None:
        return None
    if not changes:
        return "its commits change nothing, taken together"
    if not {one.path for one in changes} & {one.path for one in against}:
        return f"every file it changed stands in {display(str(target))} just so"
    return None


def _twins(plan: Plan, assigned: Mapping[str, Assignment], files: _Files) -> dict[str, str]:
    """Branches that make the same change as one that comes before them by name."""
    first_tip: dict[Oid, str] = {}
    first_change: dict[tuple[str | None, tuple[PathChange, ...]], str] = {}
    found: dict[str, str] = {}
    for step in sorted(plan.steps, key=lambda one: one.branch.name):
        name = step.branch.name
        if step.kind is not StepKind.LEAVE and step.seen in first_tip:
            found[name] = f"stands at the same commit as {display(first_tip[step.seen])}"
            continue
        first_tip.setdefault(step.seen, name)
        changes = files.changes.get(name)
        if not changes:
            continue
        key = (assigned[name].target, tuple(sorted(change._replace(before=None) for change in changes)))
        if key in first_change:
            found[name] = f"leaves the same files as {display(first_change[key])}"
        else:
            first_change[key] = name
    return found
