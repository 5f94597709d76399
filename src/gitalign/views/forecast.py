"""The forecast as a page: what to do first, clash map, branches, people, paths, and a page per branch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gitalign.core.attention import foreseen
from gitalign.core.first_steps import FirstSteps, Landed, first_steps
from gitalign.core.forecast import BranchForecast, CommitNote, Owner, Prospect, Talk
from gitalign.core.names import display
from gitalign.core.outlook import Outlook
from gitalign.core.pair_conflicts import PairConflict, PairCount
from gitalign.views.clash_drawing import by_clashes, clash_drawing
from gitalign.views.page import page
from gitalign.views.parts import Json, Tables, hosting_of, steps_data
from gitalign.views.svg import element

_CLASH_HUNKS_BYTES = 500_000
_STOP_HUNKS_BYTES = 350_000
"""A page of 650 branches is to stay under 2 MB."""


def forecast_page(outlook: Outlook, *, name: str, as_of: datetime) -> str:
    """The page of a forecast; the same forecast and moment give the same page.

    Args:
        outlook: a forecast with or without its clash map, and what can be said of the branches that stop.
        name: of the repository.
        as_of: the moment ages are counted to.
    """
    return page(
        "forecast", title=f"{display(name)} - forecast", data=_data(outlook, name, as_of), drawn=_drawn(outlook)
    )


def _drawn(outlook: Outlook) -> str:
    """The clash map for readers without scripts; the script has one of its own, to be zoomed and pointed at."""
    pairs = [(one.one, one.other) for one in outlook.forecast.clashes]
    return element("noscript", clash_drawing(by_clashes(pairs), pairs)) if pairs else ""


def steps_of(outlook: Outlook, as_of: datetime) -> FirstSteps:
    """What to do first, by a forecast."""
    steps = first_steps(
        stopped={one.branch for one in outlook.forecast.branches if one.prospect is Prospect.CONFLICT},
        work=outlook.stopped,
        owners=outlook.forecast.owners,
        landed=Landed(outlook.merged, outlook.squashed),
        remotes=dict(outlook.remotes),
        as_of=as_of,
    )
    return replace(steps, attention=foreseen(outlook.forecast.branches))


def _data(outlook: Outlook, name: str, as_of: datetime) -> Json:
    forecast = outlook.forecast
    tables = Tables.empty()
    made: Json = {
        "name": display(name),
        "targets": [
            {
                "name": display(one.name),
                "tip": one.oid,
                "hosted": hosting_of(outlook.published, one.name, one.oid),
            }
            for one in forecast.targets
        ],
        **_branches(outlook, tables),
        "counts": [_count(one) for one in forecast.pairs],
        "talks": [_talk(one, tables) for one in forecast.talks()],
        "complete": forecast.is_complete,
        "with_pairs": bool(forecast.pairs),
        "steps": steps_data(steps_of(outlook, as_of), tables, as_of=as_of),
        "as_of": int(as_of.timestamp()),
    }
    known: dict[str, CommitNote] = {note.commit: note for note in forecast.commits}
    made["commits"] = [
        [oid, display(known[oid].subject), tables.authors.number(known[oid].author)]
        if oid in known
        else [oid, "", None]
        for oid in tables.commits.all()
    ]
    return made | tables.written(outlook.published)


def _branches(outlook: Outlook, tables: Tables) -> Json:
    """Branches, pairs of them that conflict, and paths at which some stop and others change."""
    forecast = outlook.forecast
    owners = {owner.branch: owner for owner in forecast.owners}
    place = {(one.branch, one.target): number for number, one in enumerate(forecast.branches)}
    stops = {(one.branch, one.target): one for one in outlook.stopped.hunks}
    at_stop = tables.hunks(
        [
            (found.hunks, found.left_out) if (found := stops.get((one.branch, one.target))) is not None else ((), 0)
            for one in forecast.branches
        ],
        budget_bytes=_STOP_HUNKS_BYTES,
    )
    at_clash = tables.hunks(
        [(one.hunks, one.hunks_left_out) for one in forecast.clashes], budget_bytes=_CLASH_HUNKS_BYTES
    )
    merged = {*outlook.merged, *outlook.squashed}
    remotes = dict(outlook.remotes)
    mates = {
        name: group.branches for group in outlook.stopped.groups if len(group.branches) > 1 for name in group.branches
    }

    def numbers(names: tuple[str, ...], target: str) -> int:
        return tables.sets.number(tuple(place[name, target] for name in names if (name, target) in place))

    return {
        "branches": [
            {
                **_branch(one, tables, owners),
                "hunks": hunks,
                "merged": int(one.branch in merged),
                "hosted": hosting_of(outlook.published, one.branch, one.tip),
                **({"remote": remotes[one.branch]} if one.branch in remotes else {}),
                **({"mates": numbers(mates[one.branch], one.target)} if one.branch in mates else {}),
            }
            for one, hunks in zip(forecast.branches, at_stop, strict=True)
        ],
        "clashes": [_clash(one, tables, place, hunks) for one, hunks in zip(forecast.clashes, at_clash, strict=True)],
        "contests": [
            [tables.paths.number(one.path), numbers(one.stopping, one.target), numbers(one.changing, one.target)]
            for one in forecast.contests
        ],
    }


def _count(one: PairCount) -> Json:
    return {
        "target": display(one.target),
        "pairs": one.pairs,
        "pruned": one.pruned,
        "merged": one.merged,
        "undecided": one.undecided,
        "failed": one.failed,
        "clashing": one.clashing,
        "left_out": one.left_out,
    }


def _talk(one: Talk, tables: Tables) -> Json:
    return {
        "one": tables.authors.number(one.one),
        "other": tables.authors.number(one.other),
        "clashes": len(one.clashes),
        "paths": [tables.paths.number(path) for path in one.paths],
    }


def _branch(one: BranchForecast, tables: Tables, owners: Mapping[str, Owner]) -> Json:
    owner = owners.get(one.branch)
    stopped = one.prospect is Prospect.CONFLICT
    named = {path for conflict in one.conflicts for path in conflict.paths}
    made: Json = {
        "name": display(one.branch),
        "target": display(one.target),
        "tip": one.tip,
        "prospect": one.prospect.value,
        "assigned": int(one.assigned),
        "own": one.own_commits,
        "behind": one.behind,
        # The page puts that of a conflict together again.
        "reason": "" if stopped else display(one.reason),
        "authors": [tables.authors.number(author) for author in owner.authors] if owner else [],
        "at": owner.last_commit_at if owner else 0,
    }
    if stopped:
        made |= {
            "commit": one.commit,
            "subject": display(one.subject),
            "position": one.position,
            "total": one.total,
            "conflicts": tables.conflicts(one.conflicts),
        }
        if named != set(one.paths):
            made["paths"] = [tables.paths.number(path) for path in one.paths]
    return made


def _clash(one: PairConflict, tables: Tables, place: Mapping[tuple[str, str], int], hunks: list[object]) -> Json:
    return {
        "one": place[one.one, one.target],
        "other": place[one.other, one.target],
        "basis": one.basis.value,
        "conflicts": tables.conflicts(one.conflicts),
        "paths": [tables.paths.number(path) for path in one.paths],
        "hunks": hunks,
        "commits": [
            [tables.commits.number(oid) for oid in commits] for commits in (one.one_commits, one.other_commits)
        ],
    }
