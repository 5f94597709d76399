"""Moves of refs, intended and made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.publication import MoveState, Publication, PushState, RefUpdate
from gitalign.documents.formats import opened, stamped
from gitalign.documents.reading import as_int, as_oid, as_text, each, field, maybe, member_of, members, pair

if TYPE_CHECKING:
    from gitalign.documents.models.moves import MoveDocument, RefUpdateDocument

_MOVE_STATE = member_of(MoveState)
_PUSH_STATE = member_of(PushState)
_SETTING = pair(as_text, as_text)


def dump_ref_update(value: RefUpdate) -> RefUpdateDocument:
    """Move `ref` from `before` to `after` if it still holds `before`. All-zero means 'does not exist'."""
    return {
        "ref": value.ref,
        "before": value.before,
        "after": value.after,
    }


def load_ref_update(value: Any) -> RefUpdate:
    """Reads what `dump_ref_update` writes; raises `Malformed`."""
    data = members(value)
    return RefUpdate(
        ref=field(data, "ref", as_text),
        before=field(data, "before", as_oid),
        after=field(data, "after", as_oid),
    )


def dump_move(value: Publication) -> MoveDocument:
    """One branch's move and its verdict, locally and on the remote."""
    return {
        "update": dump_ref_update(value.update),
        "stack": value.stack,
        "state": value.state,
        "detail": value.detail,
        "backup_ref": value.backup_ref,
        "work_tree": value.work_tree,
        "remote": value.remote,
        "remote_before": value.remote_before,
        "push": value.push,
        "push_detail": value.push_detail,
        "remote_ref": value.remote_ref,
        "remote_after": value.remote_after,
        "section": list(value.section),
    }


def load_move(value: Any) -> Publication:
    """Reads what `dump_move` writes; raises `Malformed`."""
    data = members(value)
    return Publication(
        update=field(data, "update", load_ref_update),
        stack=field(data, "stack", as_int),
        state=field(data, "state", _MOVE_STATE),
        detail=field(data, "detail", as_text, ""),
        backup_ref=maybe(data, "backup_ref", as_text, None),
        work_tree=maybe(data, "work_tree", as_text, None),
        remote=maybe(data, "remote", as_text, None),
        remote_before=maybe(data, "remote_before", as_oid, None),
        push=field(data, "push", _PUSH_STATE, PushState.NOT_ASKED),
        push_detail=field(data, "push_detail", as_text, ""),
        remote_ref=maybe(data, "remote_ref", as_text, None),
        remote_after=maybe(data, "remote_after", as_oid, None),
        section=each(data, "section", _SETTING, ()),
    )


def dump(value: Publication) -> dict[str, Any]:
    """A move as a document of its own."""
    return stamped("move", dump_move(value))


def load(value: Any) -> Publication:
    """A move from a document.

    Raises:
        Malformed
    """
    return load_move(opened(value, "move"))
