"""Snapshots: what a plan was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.long_lived import Evidence
from gitalign.core.push import PushPlace
from gitalign.core.snapshot import Checkout, CheckoutState, Snapshot, Tip
from gitalign.documents.reading import (
    as_bool,
    as_branch_name,
    as_oid,
    as_target_name,
    as_text,
    as_time,
    each,
    field,
    many,
    maybe,
    member_of,
    members,
    pair,
    time_text,
    triple,
)

if TYPE_CHECKING:
    from gitalign.documents.models.snapshots import (
        CheckoutDocument,
        EvidenceDocument,
        PushPlaceDocument,
        SnapshotDocument,
        TipDocument,
    )

_CHECKOUT_STATE = member_of(CheckoutState)
_BRANCH_AT = pair(as_branch_name, as_oid)
_REF_AT = pair(as_text, as_oid)
_BRANCHES = many(as_branch_name)
_BRANCH_IN = pair(as_branch_name, as_text)
_NAME_AND_REASON = pair(as_text, as_text)
_PUBLIC_TARGET = triple(as_target_name, as_oid, as_text)


def dump_tip(value: Tip) -> TipDocument:
    """One ref as it stood in the snapshot."""
    return {
        "ref": value.ref,
        "oid": value.oid,
        "symbolic_target": value.symbolic_target,
        "object_type": value.object_type,
    }


def load_tip(value: Any) -> Tip:
    """Reads what `dump_tip` writes; raises `Malformed`."""
    data = members(value)
    return Tip(
        ref=field(data, "ref", as_text),
        oid=field(data, "oid", as_oid),
        symbolic_target=maybe(data, "symbolic_target", as_text, None),
        object_type=field(data, "object_type", as_text, "commit"),
    )


def dump_checkout(value: Checkout) -> CheckoutDocument:
    """One work tree and the branch it holds."""
    return {
        "path": value.path,
        "ref": value.ref,
        "state": value.state,
        "detail": value.detail,
    }


def load_checkout(value: Any) -> Checkout:
    """Reads what `dump_checkout` writes; raises `Malformed`."""
    data = members(value)
    return Checkout(
        path=field(data, "path", as_text),
        ref=field(data, "ref", as_text),
        state=field(data, "state", _CHECKOUT_STATE),
        detail=field(data, "detail", as_text, ""),
    )


def dump_push_place(value: PushPlace) -> PushPlaceDocument:
    """Where a branch goes on a remote, or why it goes nowhere."""
    return {
        "remote": value.remote,
        "ref": value.ref,
        "tip": value.tip,
        "held": value.held,
        "is_configured": value.is_configured,
        "unpushed": value.unpushed,
    }


def load_push_place(value: Any) -> PushPlace:
    """Reads what `dump_push_place` writes; raises `Malformed`."""
    data = members(value)
    return PushPlace(
        remote=field(data, "remote", as_text),
        ref=field(data, "ref", as_text),
        tip=maybe(data, "tip", as_oid, None),
        held=field(data, "held", as_text, ""),
        is_configured=field(data, "is_configured", as_bool, True),
        unpushed=maybe(data, "unpushed", as_oid, None),
    )


_NAMED_PLACE = pair(as_branch_name, load_push_place)


def dump_evidence(value: Evidence) -> EvidenceDocument:
    """What a repository itself says of a long-lived branch."""
    return {
        "pattern": value.pattern,
        "reason": value.reason,
        "is_queue": value.is_queue,
    }


def load_evidence(value: Any) -> Evidence:
    """Reads what `dump_evidence` writes; raises `Malformed`."""
    data = members(value)
    return Evidence(
        pattern=field(data, "pattern", as_text),
        reason=field(data, "reason", as_text),
        is_queue=field(data, "is_queue", as_bool, False),
    )


def dump_snapshot(value: Snapshot) -> SnapshotDocument:
    """All refs of a repository, read once."""
    return {
        "repository": value.repository,
        "object_format": value.object_format,
        "taken_at": time_text(value.taken_at),
        "tips": [dump_tip(item) for item in value.tips],
        "checkouts": [dump_checkout(item) for item in value.checkouts],
        "remote": value.remote,
        "remote_tips": list(value.remote_tips),
        "is_shallow": value.is_shallow,
        "placed": list(value.placed),
        "branches_of": value.branches_of,
        "taken_in": None if value.taken_in is None else list(value.taken_in),
        "counterparts": list(value.counterparts),
        "held_here": list(value.held_here),
        "push_places": [(item[0], dump_push_place(item[1])) for item in value.push_places],
        "head": value.head,
        "is_bare": value.is_bare,
        "default_branch": value.default_branch,
        "evidence": [dump_evidence(item) for item in value.evidence],
        "lines": list(value.lines),
        "unread": list(value.unread),
        "public_targets": list(value.public_targets),
    }


def load_snapshot(value: Any) -> Snapshot:
    """Reads what `dump_snapshot` writes; raises `Malformed`."""
    data = members(value)
    return Snapshot(
        repository=field(data, "repository", as_text),
        object_format=field(data, "object_format", as_text),
        taken_at=field(data, "taken_at", as_time),
        tips=each(data, "tips", load_tip),
        checkouts=each(data, "checkouts", load_checkout, ()),
        remote=maybe(data, "remote", as_text, None),
        remote_tips=each(data, "remote_tips", _BRANCH_AT, ()),
        is_shallow=field(data, "is_shallow", as_bool, False),
        placed=each(data, "placed", _REF_AT, ()),
        branches_of=maybe(data, "branches_of", as_text, None),
        taken_in=maybe(data, "taken_in", _BRANCHES, None),
        counterparts=each(data, "counterparts", _BRANCH_AT, ()),
        held_here=each(data, "held_here", _BRANCH_IN, ()),
        push_places=each(data, "push_places", _NAMED_PLACE, ()),
        head=maybe(data, "head", as_text, None),
        is_bare=field(data, "is_bare", as_bool, False),
        default_branch=maybe(data, "default_branch", _NAME_AND_REASON, None),
        evidence=each(data, "evidence", load_evidence, ()),
        lines=each(data, "lines", _REF_AT, ()),
        unread=each(data, "unread", as_text, ()),
        public_targets=each(data, "public_targets", _PUBLIC_TARGET, ()),
    )
