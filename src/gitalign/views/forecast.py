"""The forecast as a page: heat map, branches, people, paths, and a page per branch."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

from gitalign.core.clashes import Clash
from gitalign.core.forecast import Author, BranchForecast, Forecast
from gitalign.core.hunks import HunkSide
from gitalign.core.names import display
from gitalign.core.outcome import Conflict
from gitalign.views.page import page

K = TypeVar("K", bound=Hashable)
Json = dict[str, object]


class _Numbered(Generic[K]):
    """Things that are named often, written once."""

    def __init__(self) -> None:
        self._numbers: dict[K, int] = {}

    def number(self, thing: K) -> int:
        return self._numbers.setdefault(thing, len(self._numbers))

    def all(self) -> list[K]:
        return list(self._numbers)


def forecast_page(forecast: Forecast, *, name: str) -> str:
    """The page of a forecast; the same forecast gives the same page.

    Args:
        forecast: with or without its clash map.
        name: of the repository.
    """
    return page("forecast", title=f"{display(name)} - forecast", data=_data(forecast, name))


def _data(forecast: Forecast, name: str) -> Json:
    paths: _Numbered[str] = _Numbered()
    authors: _Numbered[Author] = _Numbered()
    kinds: _Numbered[str] = _Numbered()
    owners = {owner.branch: owner for owner in forecast.owners}
    place = {(one.branch, one.target): number for number, one in enumerate(forecast.branches)}

    def conflicts(found: tuple[Conflict, ...]) -> list[object]:
        return [[kinds.number(one.kind), [paths.number(path) for path in one.paths]] for one in found]

    def branch(one: BranchForecast) -> Json:
        owner = owners.get(one.branch)
        return {
            "name": display(one.branch),
            "target": one.target,
            "tip": one.tip,
            "prospect": one.prospect.value,
            "assigned": one.assigned,
            "own": one.own_commits,
            "behind": one.behind,
            "reason": display(one.reason),
            "commit": one.commit,
            "subject": display(one.subject),
            "position": one.position,
            "total": one.total,
            "conflicts": conflicts(one.conflicts),
            "paths": [paths.number(path) for path in one.paths],
            "authors": [authors.number(author) for author in owner.authors] if owner else [],
            "at": owner.last_commit_at if owner else 0,
        }

    def clash(one: Clash) -> Json:
        return {
            "one": place[one.one, one.target],
            "other": place[one.other, one.target],
            "basis": one.basis.value,
            "conflicts": conflicts(one.conflicts),
            "paths": [paths.number(path) for path in one.paths],
            "hunks": [[paths.number(hunk.path), _side(hunk.one), _side(hunk.other)] for hunk in one.hunks],
            "left_out": one.hunks_left_out,
            "commits": [list(one.one_commits), list(one.other_commits)],
        }

    made: Json = {
        "name": display(name),
        "targets": [{"name": one.name, "shown": display(one.name), "tip": one.oid} for one in forecast.targets],
        "branches": [branch(one) for one in forecast.branches],
        "clashes": [clash(one) for one in forecast.clashes],
        "contests": [
            {
                "path": paths.number(one.path),
                "stopping": [place[name, one.target] for name in one.stopping],
                "changing": [place[name, one.target] for name in one.changing],
            }
            for one in forecast.contests
        ],
        "counts": [
            {
                "target": one.target,
                "pairs": one.pairs,
                "pruned": one.pruned,
                "merged": one.merged,
                "undecided": one.undecided,
                "failed": one.failed,
                "clashing": one.clashing,
                "left_out": one.left_out,
            }
            for one in forecast.pairs
        ],
        "talks": [
            {
                "one": authors.number(one.one),
                "other": authors.number(one.other),
                "clashes": len(one.clashes),
                "paths": [paths.number(path) for path in one.paths],
            }
            for one in forecast.talks()
        ],
        "commits": {note.commit: [display(note.subject), authors.number(note.author)] for note in forecast.commits},
        "complete": forecast.is_complete,
        "with_pairs": bool(forecast.pairs),
    }
    # Last, when everything has its number.
    made["paths"] = [display(path) for path in paths.all()]
    made["authors"] = [[display(one.name), display(one.email)] for one in authors.all()]
    made["kinds"] = kinds.all()
    return made


def _side(side: HunkSide) -> list[object]:
    return [side.first, side.last, [display(line.expandtabs(4)) for line in side.text]]
