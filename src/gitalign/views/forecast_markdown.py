"""A forecast as Markdown: what to do first, targets, what stops, who must talk to whom; short enough for a comment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from gitalign.core.forecast import BranchForecast, Prospect
from gitalign.core.outlook import Outlook
from gitalign.views.bounded_markdown import (
    Section,
    author_and_age,
    bounded,
    branch_link,
    cell,
    code,
    first_section,
    person,
    row,
    table,
    target_commit,
)
from gitalign.views.forecast import steps_of

_GOOD = (Prospect.CLEAN, Prospect.UNCHANGED)


def forecast_markdown(outlook: Outlook, *, name: str, as_of: datetime) -> str:
    """The document.

    Args:
        outlook: a forecast, and what can be said of the branches that stop.
        name: of the repository.
        as_of: the moment ages are counted to.
    """
    forecast = outlook.forecast
    stopping = [one for one in forecast.branches if one.prospect is Prospect.CONFLICT]
    others = [one for one in forecast.branches if one.prospect not in (*_GOOD, Prospect.CONFLICT)]
    counts = Counter(one.prospect for one in forecast.branches)
    told = ", ".join(f"{counts[one]:,} {one.value}" for one in Prospect if counts[one])
    return bounded(
        [
            Section("", [f"# Forecast of {cell(name)}", "", f"{as_of:%Y-%m-%d %H:%M} UTC: {told or 'no branch'}."]),
            first_section(steps_of(outlook, as_of), outlook.published),
            _targets(outlook),
            _branches("Branches that stop", stopping, outlook, as_of),
            _branches("Other branches that need a person", others, outlook, as_of),
            _talks(outlook),
            _contested(outlook),
        ]
    )


def _targets(outlook: Outlook) -> Section:
    forecast = outlook.forecast
    pairs = {one.target: one for one in forecast.pairs}
    head = ["target", "at", "clean", "unchanged", "conflict", "other", *(["pairs that clash"] if pairs else [])]
    rows = []
    for target in forecast.targets:
        found = forecast.counts(target.name)
        known = [found.get(one, 0) for one in (Prospect.CLEAN, Prospect.UNCHANGED, Prospect.CONFLICT)]
        numbers = [*known, sum(found.values()) - sum(known)]
        if pairs:
            numbers.append(pairs[target.name].clashing if target.name in pairs else 0)
        rows.append(
            row(
                cell(target.name),
                target_commit(target.name, target.oid, outlook.published),
                *(f"{number:,}" for number in numbers),
            )
        )
    return Section("Targets", table(head, range(2, len(head))) if rows else (), rows, "targets")


def _branches(title: str, found: Sequence[BranchForecast], outlook: Outlook, as_of: datetime) -> Section:
    owners = {owner.branch: owner for owner in outlook.forecast.owners}
    # The youngest first: these are what people work on.
    ranked = sorted(found, key=lambda one: -(owners[one.branch].last_commit_at if one.branch in owners else 0))
    rows = [
        row(
            branch_link(one.branch, outlook.published),
            cell(one.target),
            *author_and_age(owners.get(one.branch), outlook.published, as_of),
            f"{one.behind:,}",
            cell(one.reason or one.prospect.value),
        )
        for one in ranked
    ]
    return Section(
        title, table(["branch", "target", "author", "days", "behind", "why"], (3, 4)) if rows else (), rows, "branches"
    )


def _talks(outlook: Outlook) -> Section:
    rows = [
        row(
            person(talk.one, outlook.published),
            "both branches are theirs" if talk.one == talk.other else person(talk.other, outlook.published),
            f"{len(talk.clashes):,}",
            ", ".join(code(path) for path in talk.paths[:3])
            + (f" and {len(talk.paths) - 3} more" if len(talk.paths) > 3 else ""),
        )
        for talk in outlook.forecast.talks()
    ]
    head = table(["who", "must talk to", "clashes", "at"], (2,))
    return Section("Who must talk to whom", head if rows else (), rows, "pairs of people")


def _contested(outlook: Outlook) -> Section:
    counts = Counter(path for one in outlook.forecast.branches for path in one.paths)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    rows = [row(f"{count:,}", code(path)) for path, count in ranked if count > 1]
    return Section("Most contested paths", table(["branches", "path"], (0,)) if rows else (), rows, "paths")
