"""Moves of branches as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.names import Oid, is_zero
from gitalign.core.publication import Publication
from gitalign.views.bounded_markdown import Section, cell, row, table
from gitalign.views.moves import MoveRow, rows_here, rows_on_remotes

_COLUMNS = ("branch", "what", "from", "to", "why")


def moves_here(publications: Sequence[Publication]) -> Section:
    """Branches of the repository itself."""
    return _section("Branches", rows_here(publications))


def moves_on_remotes(publications: Sequence[Publication]) -> Section:
    """Branches of remotes."""
    return _section("Remote branches", rows_on_remotes(publications))


def _section(title: str, moves: Sequence[MoveRow]) -> Section:
    rows = [
        row(cell(one.branch), one.what, _at(one.before) if one.before else "", _at(one.after), cell(one.why))
        for one in moves
    ]
    return Section(title, table(_COLUMNS) if rows else (), rows, "branches")


def _at(oid: Oid) -> str:
    return "not there" if is_zero(oid) else f"`{oid[:12]}`"
