"""Whose branches are, and which commits of theirs stand behind a clash."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from gitalign.core.forecast import Author, CommitNote, Owner
from gitalign.core.graph import CommitGraph
from gitalign.core.names import Oid
from gitalign.core.pair_conflicts import PairConflict
from gitalign.core.plan import Plan, Target
from gitalign.git.command import raw
from gitalign.git.diffs import raw_changes
from gitalign.git.history import Authorship, authorship
from gitalign.git.repository import Repository


class People:
    """Authors and commits of the branches of a plan, read in two passes over their own commits.

    Args:
        repository: the repository.
        plan: whose branches.
        graph: history behind them.
        targets: those that clashes name.
        clashes: whose commits are wanted.
    """

    def __init__(
        self,
        repository: Repository,
        plan: Plan,
        graph: CommitGraph,
        targets: Sequence[Target],
        clashes: Sequence[PairConflict],
    ) -> None:
        onto: dict[str, Oid] = {target.name: target.oid for target in targets}
        self._tips: dict[str, Oid] = {step.branch.name: step.seen for step in plan.steps}
        self._own: dict[str, tuple[Oid, ...]] = {
            step.branch.name: _own(graph, step.seen, step.onto) for step in plan.steps
        }
        sides = sorted({(name, clash.target) for clash in clashes for name in (clash.one, clash.other)})
        self._beyond = {(name, target): _own(graph, self._tips[name], onto[target]) for name, target in sides}
        wanted = sorted({oid for own in self._beyond.values() for oid in own})
        self._touched = {
            oid: frozenset(change.path for change in changes) for oid, changes in raw_changes(repository, wanted)
        }
        known = {oid for own in self._own.values() for oid in own} | set(wanted)
        known |= {tip for tip in self._tips.values() if tip in graph}
        self._wrote = authorship(repository.git, sorted(known))
        self._authors = _authors(self._wrote)
        self._named: set[Oid] = set()

    def owners(self) -> tuple[Owner, ...]:
        """Of every branch, by name."""
        found: list[Owner] = []
        for name, tip in sorted(self._tips.items()):
            commits = self._own[name] or (tip,)
            counted = Counter(self._authors[oid] for oid in commits if oid in self._authors)
            ranked = sorted(counted, key=lambda one: (-counted[one], one.email, one.name))
            at = self._wrote[tip].committed_at if tip in self._wrote else 0
            found.append(Owner(branch=name, authors=tuple(ranked), last_commit_at=at))
        return tuple(found)

    def with_commits(self, clash: PairConflict) -> PairConflict:
        """The clash with the commits of both branches that touch its paths."""
        paths = frozenset(map(raw, (*clash.paths, *clash.sources)))
        paths |= {raw(path) for conflict in clash.conflicts for path in conflict.paths}
        ones, others = (
            tuple(
                oid
                for oid in self._beyond[name, clash.target]
                if oid in self._wrote and not paths.isdisjoint(self._touched.get(oid, ()))
            )
            for name in (clash.one, clash.other)
        )
        self._named.update(ones, others)
        return replace(clash, one_commits=ones, other_commits=others)

    def notes(self) -> tuple[CommitNote, ...]:
        """Of the commits that clashes were given, by id."""
        return tuple(
            CommitNote(commit=oid, author=self._authors[oid], subject=self._wrote[oid].subject)
            for oid in sorted(self._named)
        )


def _own(graph: CommitGraph, tip: Oid, onto: Oid) -> tuple[Oid, ...]:
    """Oldest first; none where history cannot be walked."""
    if tip not in graph or onto not in graph:
        return ()
    own = graph.own(tip, onto)
    return (*own.picks, *own.merges)


def _authors(wrote: Mapping[Oid, Authorship]) -> dict[Oid, Author]:
    """Who wrote each commit: one mail address is one person, under the name most used with it."""
    names: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    persons: dict[Oid, str] = {}
    for oid, one in wrote.items():
        persons[oid] = one.author.casefold() or one.name
        names[persons[oid]][one.name, one.author] += 1
    known = {
        person: Author(name=name, email=email)
        for person, used in names.items()
        for (name, email), _ in [min(used.items(), key=lambda item: (-item[1], item[0]))]
    }
    return {oid: known[person] for oid, person in persons.items()}
