"""Events: rows of the journal and lines of the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.events import Event, EventKind
from gitalign.documents.formats import opened, stamped
from gitalign.documents.reading import (
    as_int,
    as_it_is,
    as_text,
    as_time,
    field,
    mapping,
    maybe,
    member_of,
    members,
    plain,
    time_text,
)

if TYPE_CHECKING:
    from gitalign.documents.models.events import EventDocument
    from gitalign.documents.models.run_files import AuditEventDocument

_EVENT_KIND = member_of(EventKind)
_DATA = mapping(as_it_is)


def dump_event(value: Event) -> EventDocument:
    """One thing that happened."""
    return {
        "run_id": value.run_id,
        "seq": value.seq,
        "at": time_text(value.at),
        "kind": value.kind,
        "branch": value.branch,
        "target": value.target,
        "data": plain(value.data),
    }


def load_event(value: Any) -> Event:
    """Reads what `dump_event` writes; raises `Malformed`."""
    data = members(value)
    return Event(
        run_id=field(data, "run_id", as_text),
        seq=field(data, "seq", as_int),
        at=field(data, "at", as_time),
        kind=field(data, "kind", _EVENT_KIND),
        branch=maybe(data, "branch", as_text, None),
        target=maybe(data, "target", as_text, None),
        data=field(data, "data", _DATA, {}),
    )


def dump(value: Event) -> dict[str, Any]:
    """An event as a document of its own."""
    return stamped("event", dump_event(value))


def load(value: Any) -> Event:
    """An event from a document.

    Raises:
        Malformed
    """
    return load_event(opened(value, "event"))


def dump_audit(value: Event) -> dict[str, Any]:
    """An event as a line of the audit trail: its own keys stand beside those that all events have."""
    line: AuditEventDocument = {
        "at": time_text(value.at),
        "run": value.run_id,
        "seq": value.seq,
        "event": value.kind,
    }
    if value.branch is not None:
        line["branch"] = value.branch
    if value.target is not None:
        line["target"] = value.target
    return {**stamped("audit-event", line), **plain(value.data)}
