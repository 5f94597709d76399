"""Lists of branches: filters, order and page come from the address, so that a link to what is shown can be sent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from gitalign.core.jobs import Job
from gitalign.documents.models.service import BranchRowDocument
from gitalign.store.service.jobs import JobFilter, Jobs

ROWS = 100
"""On a page."""

_LONGEST = 1_000

SORTS: Mapping[str, tuple[str, Callable[[BranchRowDocument], Any]]] = {
    "name": ("name", lambda row: ()),
    "behind": ("most behind", lambda row: -row["behind"]),
    "own": ("most own commits", lambda row: -row["own_commits"]),
    "old": ("oldest", lambda row: row["last_commit_at"] or 0),
    "new": ("newest", lambda row: -(row["last_commit_at"] or 0)),
    "state": ("state", lambda row: row["state"]),
}


def page_of(
    jobs: Jobs, which: JobFilter, query: Mapping[str, str], *, rows: int, name: str = "cursor"
) -> tuple[Sequence[Job], int | None]:
    """Jobs of a page, newest first, and the cursor of the next page; None for that on the last one.

    Args:
        jobs: of the service.
        which: a choice.
        query: of the address.
        rows: on a page.
        name: of the cursor in the query.
    """
    word = query.get(name, "")
    before = int(word) if word.isdecimal() and word.isascii() and len(word) < 19 else None
    found = jobs.listed(which, before=before, limit=rows + 1)
    return [job for job, _ in found[:rows]], found[rows - 1][1] if len(found) > rows else None


def page_number(query: Mapping[str, str]) -> int:
    """The page that an address asks for, from 1."""
    word = query.get("page", "")
    return max(1, int(word)) if word.isdecimal() and word.isascii() and len(word) < 9 else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What of a list is shown.

    Attributes:
        q: part of a branch's name, or of an author's.
        target, state: exactly this; empty for all.
        show: `attention` for branches that need it.
        sort: a key of `SORTS`.
        page: from 1.
    """

    q: str = ""
    target: str = ""
    state: str = ""
    show: str = ""
    sort: str = "name"
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> Filters:
        """Filters from the query of an address; what is no filter, or too long, counts as none."""
        said = {name: query.get(name, "") for name in ("q", "target", "state", "show")}
        bounded = {name: value if len(value) <= _LONGEST else "" for name, value in said.items()}
        sort = query.get("sort", "")
        return cls(**bounded, sort=sort if sort in SORTS else "name", page=page_number(query))

    def address(self, **changes: Any) -> str:
        """This list with other filters, as the query of an address; a change of filters goes to the first page."""
        other = replace(self, **{"page": 1, **changes})
        said = {name: getattr(other, name) for name in ("q", "target", "state", "show", "sort", "page")}
        default = Filters()
        kept = {name: value for name, value in said.items() if value != getattr(default, name)}
        return "?" + urlencode(kept, errors="surrogateescape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A page of a list.

    Attributes:
        rows: of the page.
        total: rows that the filters let through.
        pages: how many pages they fill.
    """

    rows: Sequence[BranchRowDocument]
    total: int
    pages: int


def listing(rows: Sequence[BranchRowDocument], filters: Filters, *, needing: Collection[str]) -> Listing:
    """The rows that filters let through, in order, on their page.

    Args:
        rows: by name.
        filters: from the address.
        needing: branches that need attention.
    """
    wanted = filters.q.casefold()
    found = [
        row
        for row in rows
        if (wanted in row["branch"].casefold() or any(wanted in author.casefold() for author in row["authors"]))
        and filters.target in ("", row["target"])
        and filters.state in ("", row["state"])
        and (filters.show != "attention" or row["branch"] in needing)
    ]
    _, key = SORTS[filters.sort]
    found.sort(key=key)
    pages = max(1, -(-len(found) // ROWS))
    first = (min(filters.page, pages) - 1) * ROWS
    return Listing(rows=found[first : first + ROWS], total=len(found), pages=pages)
