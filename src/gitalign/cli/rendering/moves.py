"""Moves of branches and pushes, made or intended, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gitalign.cli.advice import NOTHING_TYPED, Typed
from gitalign.cli.rendering.tables import plain_table, safe
from gitalign.core.names import Oid, branch_of, display, is_zero
from gitalign.core.publication import MoveState, Publication, PushState
from gitalign.core.push import place_words

if TYPE_CHECKING:
    from rich.console import Console


def restore_question(branch: str, move: Publication) -> str:
    """What is asked before a branch is put back."""
    return f"Put {display(branch)} back to where it was ({move.update.after[:12]})?"


def show_way_forward(out: Console, run_id: str, *, push: bool, typed: Typed = NOTHING_TYPED) -> None:
    """What brings a branch forward again that was put back."""
    command = typed.command("undo", *(("--push",) if push else ()), run_id)
    out.print(safe(f"next: {command}   brings it forward again"), markup=False, soft_wrap=True)


def show_moves(out: Console, publications: Sequence[Publication], *, tense: str = "") -> None:
    """Ref moves and pushes, made or intended."""
    if not publications:
        out.print("nothing to do")
        return
    moves = [one for one in publications if one.state is not MoveState.STANDS]
    table = plain_table("branch", "state", "from", "to", "")
    for one in moves:
        state = _move_in_words(one, tense)
        table.add_row(
            safe(branch_of(one.update.ref)), state, _at(one.update.before), _at(one.update.after), safe(one.detail)
        )
    if moves:
        out.print(table)
    _show_pushes(out, publications, tense=tense)


def _move_in_words(one: Publication, tense: str) -> str:
    is_deletion = is_zero(one.update.after)
    if tense and one.state is MoveState.INTENDED:
        return "would be deleted" if is_deletion else tense
    if is_deletion and one.state is MoveState.MOVED:
        return "deleted"
    return one.state.value.replace("_", " ")


def _push_in_words(one: Publication, *, is_open: bool) -> str:
    is_deletion = is_zero(one.pushed_oid)
    if is_open:
        return "would be deleted" if is_deletion else "would be pushed"
    if is_deletion and one.push is PushState.PUSHED:
        return "deleted"
    return one.push.value.replace("_", " ")


def _at(oid: Oid) -> str:
    """Where a branch stands, in short; a word where it is not there."""
    return "not there" if is_zero(oid) else oid[:12]


def _show_pushes(out: Console, publications: Sequence[Publication], *, tense: str) -> None:
    """What went to remotes, or is to."""
    pushed = [one for one in publications if one.push is not PushState.NOT_ASKED and one.remote is not None]
    if not pushed:
        return
    table = plain_table("remote branch", "push", "from", "to", "")
    for one in pushed:
        is_open = bool(tense) and one.push is PushState.UNKNOWN
        state = _push_in_words(one, is_open=is_open)
        table.add_row(
            safe(place_words(one.remote or "", one.pushed_ref)),
            state,
            _at(one.remote_before) if one.remote_before else "",
            _at(one.pushed_oid),
            "" if is_open else safe(one.push_detail),
        )
    out.print(table)
