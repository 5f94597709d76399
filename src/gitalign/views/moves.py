"""What became of each branch that a run moved, here and on remotes: one row each, for every kind of report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitalign.core.names import Oid, branch_of, is_zero
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.push import place_words


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveRow:
    """A branch that was to move.

    Attributes:
        branch: its name; on a remote `origin/topic`.
        what: what became of it, in words.
        before: where it was; None where that is not known.
        after: where it was to go; zeros where it was to be deleted.
        why: what held it back, or what else there is to say.
    """

    branch: str
    what: str
    before: Oid | None
    after: Oid
    why: str


def rows_here(publications: Sequence[Publication]) -> list[MoveRow]:
    """Branches of the repository itself."""
    return [
        MoveRow(
            branch=branch_of(one.update.ref),
            what=_what(one.state.value, is_deletion=one.state is MoveState.MOVED and is_zero(one.update.after)),
            before=one.update.before,
            after=one.update.after,
            why=one.detail,
        )
        for one in publications
        if one.state is not MoveState.STANDS
    ]


def rows_on_remotes(publications: Sequence[Publication]) -> list[MoveRow]:
    """Branches of remotes."""
    return [
        MoveRow(
            branch=place_words(one.remote, one.pushed_ref),
            what=_what(one.push.value, is_deletion=one.push is PushState.PUSHED and is_zero(one.pushed_oid)),
            before=one.remote_before,
            after=one.pushed_oid,
            why=one.push_detail,
        )
        for one in publications
        if one.push is not PushState.NOT_ASKED and one.remote is not None
    ]


def _what(state: str, *, is_deletion: bool) -> str:
    return "deleted" if is_deletion else state.replace("_", " ")
