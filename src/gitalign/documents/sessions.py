"""Manual resolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.manual_resolution import ResolutionSession
from gitalign.documents.formats import opened, stamped
from gitalign.documents.reading import as_bool, as_oid, as_text, as_time, field, members, time_text

if TYPE_CHECKING:
    from gitalign.documents.models.sessions import SessionDocument


def dump_session(value: ResolutionSession) -> SessionDocument:
    """A branch that a person is resolving, as the journal keeps it."""
    return {
        "ref": value.ref,
        "branch": value.branch,
        "target": value.target,
        "seen": value.seen,
        "onto": value.onto,
        "folder": value.folder,
        "plan": value.plan,
        "is_merge": value.is_merge,
        "opened_at": time_text(value.opened_at),
        "settings": value.settings,
    }


def load_session(value: Any) -> ResolutionSession:
    """Reads what `dump_session` writes; raises `Malformed`."""
    data = members(value)
    return ResolutionSession(
        ref=field(data, "ref", as_text),
        branch=field(data, "branch", as_text),
        target=field(data, "target", as_text),
        seen=field(data, "seen", as_oid),
        onto=field(data, "onto", as_oid),
        folder=field(data, "folder", as_text),
        plan=field(data, "plan", as_text),
        is_merge=field(data, "is_merge", as_bool),
        opened_at=field(data, "opened_at", as_time),
        settings=field(data, "settings", as_text, ""),
    )


def dump(value: ResolutionSession) -> dict[str, Any]:
    """A manual resolution as a document of its own."""
    return stamped("session", dump_session(value))


def load(value: Any) -> ResolutionSession:
    """A manual resolution from a document.

    Raises:
        Malformed
    """
    return load_session(opened(value, "session"))
