"""What the data of several pages is made of: things that are numbered, hunks within a budget, links, and what to do first."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from gitalign.core.conflict import Conflict
from gitalign.core.first_steps import OLD_DAYS, STALE_DAYS, FirstConflict, FirstSteps
from gitalign.core.forecast import Author
from gitalign.core.hunks import Hunk, HunkSide
from gitalign.core.names import display
from gitalign.core.outlook import Published

K = TypeVar("K", bound=Hashable)
Json = dict[str, object]

_MOST_PATHS, _MOST_BRANCHES, _MOST_OWNERS, _MOST_CAUSES = 6, 60, 4, 2
_COST_OF_A_HUNK = 40
"""Of its numbers and commas, in bytes."""


class Numbered(Generic[K]):
    """Things that are named often, written once."""

    def __init__(self) -> None:
        self._numbers: dict[K, int] = {}

    def number(self, thing: K) -> int:
        """Its place in `all`."""
        return self._numbers.setdefault(thing, len(self._numbers))

    def all(self) -> list[K]:
        """All things, in the order of their numbers."""
        return list(self._numbers)


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything of a page that is numbered.

    Attributes:
        sets: of branch numbers.
        texts: lines of hunks.
    """

    paths: Numbered[str]
    authors: Numbered[Author]
    kinds: Numbered[str]
    commits: Numbered[str]
    sets: Numbered[tuple[int, ...]]
    texts: Numbered[tuple[str, ...]]

    @classmethod
    def empty(cls) -> Tables:
        """Nothing is numbered yet."""
        return cls(Numbered(), Numbered(), Numbered(), Numbered(), Numbered(), Numbered())

    def conflicts(self, found: Sequence[Conflict]) -> list[object]:
        """Conflicts by kind; those of one path each are put together, and stand as plain numbers."""
        alone: dict[int, list[object]] = {}
        for one in found:
            paths = [self.paths.number(path) for path in one.paths]
            alone.setdefault(self.kinds.number(one.kind), []).append(paths[0] if len(paths) == 1 else paths)
        return [[kind, paths] for kind, paths in alone.items()]

    def hunks(self, owned: Sequence[tuple[Sequence[Hunk], int]], *, budget_bytes: int) -> list[list[object]]:
        """For each owner of hunks (with how many it has beyond them): `[hunks, how many are left out]`.

        Within the budget every owner gets its first hunk before any gets its second one.
        """
        taken: list[list[object]] = [[] for _ in owned]
        seen: set[tuple[str, ...]] = set()
        left = budget_bytes
        for place in range(max((len(hunks) for hunks, _ in owned), default=0)):
            for number, (hunks, _) in enumerate(owned):
                if place >= len(hunks) or len(taken[number]) < place:
                    continue
                hunk = hunks[place]
                fresh = {side.text for side in (hunk.one, hunk.other)} - seen
                cost = _COST_OF_A_HUNK + sum(
                    len(line.encode("utf-8", "replace")) + 4 for text in fresh for line in text
                )
                if cost > left:
                    continue
                left -= cost
                seen |= fresh
                taken[number].append([self.paths.number(hunk.path), self._side(hunk.one), self._side(hunk.other)])
        return [[mine, len(hunks) - len(mine) + beyond] for mine, (hunks, beyond) in zip(taken, owned, strict=True)]

    def _side(self, side: HunkSide) -> list[object]:
        return [side.first, side.last, self.texts.number(side.text)]

    def written(self, published: Published | None) -> Json:
        """All of them, to be asked for last, when everything has its number."""
        links = published.links if published is not None else None
        return {
            "paths": [display(path) for path in self.paths.all()],
            "authors": [
                [display(one.name), display(one.email), links.author(one) if links is not None else None]
                for one in self.authors.all()
            ],
            "kinds": self.kinds.all(),
            "sets": [list(numbers) for numbers in self.sets.all()],
            "texts": [[display(line.expandtabs(4)) for line in text] for text in self.texts.all()],
            "links": dict(links.templates) if links is not None else {},
        }


def hosting_of(published: Published | None, branch: str, tip: str) -> int:
    """2 where a hosting service has the branch as it is here, 1 where it has it otherwise, 0 where it does not, or its name cannot be linked to."""
    there = published.tips.get(branch) if published is not None else None
    if there is None or display(branch) != branch:
        return 0
    return 2 if there == tip else 1


def steps_data(steps: FirstSteps, tables: Tables, *, as_of: datetime) -> Json:
    """What to do first, with branches by name and authors by number."""
    return {
        "stopped": steps.stopped,
        "clashes": [_clash(one, tables) for one in steps.clashes],
        "alone": len(steps.alone),
        "attention": [
            [len(one.branches), one.words, display(one.branches[0]), display(one.reason), display(one.command)]
            for one in steps.attention
        ],
        "merged": [display(name) for name in steps.merged[:_MOST_BRANCHES]],
        "merged_count": len(steps.merged),
        "squashed": [display(name) for name in steps.squashed[:_MOST_BRANCHES]],
        "squashed_count": len(steps.squashed),
        "to_delete_squashed": steps.to_delete_squashed,
        "soon": [
            [display(one.branch), tables.authors.number(one.author) if one.author else None, one.days_left]
            for one in steps.going_stale
        ],
        "stale": steps.stale,
        "old": steps.old,
        "unseen": steps.unseen,
        "to_look": steps.to_look,
        "to_delete": steps.to_delete,
        "stale_days": STALE_DAYS,
        "old_days": OLD_DAYS,
        "as_of": int(as_of.timestamp()),
    }


def _clash(one: FirstConflict, tables: Tables) -> Json:
    example = one.example
    return {
        "words": one.words,
        "paths": [display(path) for path in one.paths[:_MOST_PATHS]],
        "more_paths": max(0, len(one.paths) - _MOST_PATHS),
        "branches": [display(name) for name in one.branches[:_MOST_BRANCHES]],
        "count": len(one.branches),
        "freed": len(one.freed),
        "owners": [[tables.authors.number(author), count] for author, count in one.owners[:_MOST_OWNERS]],
        "more_owners": max(0, len(one.owners) - _MOST_OWNERS),
        "causes": [
            [cause.commit, tables.authors.number(Author(name=cause.author, email=cause.email)), display(cause.subject)]
            for cause in one.causes[:_MOST_CAUSES]
        ],
        "more_causes": max(0, len(one.causes) - _MOST_CAUSES),
        "example": [[display(line.expandtabs(4)) for line in side] for side in (example.target, example.branch)]
        if example is not None and (example.target or example.branch)
        else None,
        "command": one.command,
    }
