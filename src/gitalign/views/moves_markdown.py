"""Moves of branches as Markdown, for runs that align nothing: a push, merged branches, a batch."""

from __future__ import annotations

from collections.abc import Sequence

from gitalign.core.names import Oid, branch_of, is_zero
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.push import place_words
from gitalign.views.bounded_markdown import Section, cell, row, table

_COLUMNS = ("branch", "what", "from", "to", "why")


def moves_here(publications: Sequence[Publication]) -> Section:
    """Branches of the repository itself."""
    moved = [one for one in publications if one.state is not MoveState.STANDS]
    rows = [
        row(
            cell(branch_of(one.update.ref)),
            _what(one.state.value, is_deletion=one.state is MoveState.MOVED and is_zero(one.update.after)),
            _at(one.update.before),
            _at(one.update.after),
            cell(one.detail),
        )
        for one in moved
    ]
    return Section("Branches", table(_COLUMNS) if rows else (), rows, "branches")


def moves_on_remotes(publications: Sequence[Publication]) -> Section:
    """Branches of remotes."""
    pushed = [one for one in publications if one.push is not PushState.NOT_ASKED and one.remote is not None]
    rows = [
        row(
            cell(place_words(one.remote or "", one.pushed_ref)),
            _what(one.push.value, is_deletion=one.push is PushState.PUSHED and is_zero(one.pushed_oid)),
            _at(one.remote_before) if one.remote_before else "",
            _at(one.pushed_oid),
            cell(one.push_detail),
        )
        for one in pushed
    ]
    return Section("Remote branches", table(_COLUMNS) if rows else (), rows, "branches")


def _what(state: str, *, is_deletion: bool) -> str:
    return "deleted" if is_deletion else state.replace("_", " ")


def _at(oid: Oid) -> str:
    return "not there" if is_zero(oid) else f"`{oid[:12]}`"
