"""The clash map of a repository, from its newest forecast: the drawing of the static page, and a list of pairs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, Response

from gitalign.core.jobs import Job, JobKind, JobState
from gitalign.errors import NotFound
from gitalign.service.contents import content_of
from gitalign.service.pages.listing import page_number
from gitalign.service.pages.page_route import PageRoute, Viewer
from gitalign.service.pages.rendering import page
from gitalign.service.state import service_of
from gitalign.store.service.jobs import JobFilter, Jobs
from gitalign.views.clash_drawing import MOST_NAMED, by_clashes, clash_drawing

router = APIRouter(route_class=PageRoute, include_in_schema=False, default_response_class=HTMLResponse)
_PAIRS = 100
_MOST_HUNKS = 20
_LONGEST = 1_000
Part = Annotated[str, Query(max_length=1_000)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClashLook:
    """Pairs that clash.

    Attributes:
        job: the forecast that found them.
        total: pairs of all branches.
        names: of branches of the pairs that are shown, those with most clashes first.
        pairs: those that the filters let through.
        drawing: of them.
        targets: of all pairs.
        undecided: pairs of which nothing is known, because one of them stops on the target.
    """

    job: Job
    total: int
    names: Sequence[str]
    pairs: Sequence[Mapping[str, Any]]
    drawing: str
    targets: Sequence[str]
    undecided: int

    @property
    def is_overview(self) -> bool:
        """True when there are too many branches for their names."""
        return len(self.names) > MOST_NAMED


def forecast_with_pairs(jobs: Jobs, repository: str) -> tuple[Job, Any] | None:
    """The newest forecast that looked for pairs, with its document; None when none did."""
    which = JobFilter(repositories=[repository], kinds=[JobKind.FORECAST], states=[JobState.DONE])
    job = jobs.first(which, wanted=lambda one: bool(one.params.get("pairs")))
    content = content_of(jobs, job)
    return None if job is None or content is None else (job, content)


def clash_look(job: Job, forecast: Mapping[str, Any], *, branch: str, path: str, target: str) -> ClashLook:
    """Pairs that filters let through.

    Args:
        job: that made the forecast.
        forecast: its document.
        branch: part of the name of one of both.
        path: part of a path at which they clash.
        target: both are aligned onto it; empty for all.
    """
    wanted, part = branch.casefold(), path.casefold()
    pairs = [
        one
        for one in forecast["clashes"]
        if (wanted in one["one"].casefold() or wanted in one["other"].casefold())
        and (not part or any(part in place.casefold() for place in one["paths"]))
        and target in ("", one["target"])
    ]
    both = [(one["one"], one["other"]) for one in pairs]
    names = by_clashes(both)
    base = f"/repositories/{quote(job.repository)}"
    drawing = clash_drawing(
        names,
        both,
        href=lambda name: f"{base}/branches/{quote(name, safe='/', errors='surrogateescape')}",
        pair_href=lambda one, other: f"{base}/clashes/pair?{_query(one=one, other=other)}",
    )
    return ClashLook(
        job=job,
        total=len(forecast["clashes"]),
        names=names,
        pairs=sorted(pairs, key=lambda one: (-len(one["paths"]), one["one"], one["other"])),
        drawing=drawing if pairs else "",
        targets=sorted({one["target"] for one in forecast["clashes"]}),
        undecided=sum(one["undecided"] for one in forecast["pairs"]),
    )


def _query(**values: str | int) -> str:
    return urlencode({name: value for name, value in values.items() if value}, errors="surrogateescape")


@router.get("/repositories/{repository}/clashes")
def show_clashes(request: Request, repository: str, actor: Viewer) -> Response:
    """The clash map."""
    service = service_of(request)
    service.repositories.get(repository)
    found = forecast_with_pairs(service.jobs, repository)
    query = request.query_params
    filters = {name: query.get(name, "")[:_LONGEST] for name in ("branch", "path", "target")}
    look = None if found is None else clash_look(found[0], found[1], **filters)
    pages = 1 if look is None else max(1, -(-len(look.pairs) // _PAIRS))
    number = min(page_number(query), pages)
    return page(
        request,
        "clashes.html",
        actor=actor,
        repository=repository,
        look=look,
        shown=() if look is None else look.pairs[(number - 1) * _PAIRS : number * _PAIRS],
        filters=filters,
        number=number,
        pages=pages,
        query=lambda at: f"?{_query(**filters, page=at)}",
        pair_query=lambda one: f"?{_query(one=one['one'], other=one['other'])}",
        key=secrets.token_urlsafe(16),
    )


@router.get("/repositories/{repository}/clashes/pair")
def show_pair(request: Request, repository: str, one: Part, other: Part, actor: Viewer) -> Response:
    """Two branches that clash: where, with both sides, and the commits of each."""
    service = service_of(request)
    service.repositories.get(repository)
    found = forecast_with_pairs(service.jobs, repository)
    job, forecast = found if found is not None else (None, {"clashes": ()})
    pair = next((pair for pair in forecast["clashes"] if {pair["one"], pair["other"]} == {one, other}), None)
    if job is None or pair is None:
        raise NotFound("these two branches are not known to clash", code="unknown_pair")
    notes = {note["commit"]: note for note in forecast["commits"]}
    return page(
        request,
        "pair.html",
        actor=actor,
        repository=repository,
        job=job,
        pair=pair,
        hunks=pair["hunks"][:_MOST_HUNKS],
        hunks_left_out=max(0, len(pair["hunks"]) - _MOST_HUNKS) + pair["hunks_left_out"],
        notes=notes,
    )
