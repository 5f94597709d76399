"""Where a repository stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gitalign.core.status import Status
from gitalign.documents.plans import dump_target, dump_target_note, load_target, load_target_note
from gitalign.documents.reading import as_int, as_text, each, field, maybe, members, pair
from gitalign.documents.runs import dump_run, load_run

if TYPE_CHECKING:
    from gitalign.documents.models.status import StatusDocument


def dump_status(value: Status) -> StatusDocument:
    """Where a repository stands."""
    return {
        "repository": value.repository,
        "targets": [dump_target(item) for item in value.targets],
        "target_notes": [dump_target_note(item) for item in value.target_notes],
        "fault": value.fault,
        "to_align": value.to_align,
        "up_to_date": value.up_to_date,
        "excluded": value.excluded,
        "unfinished": [dump_run(item) for item in value.unfinished],
        "last": None if value.last is None else dump_run(value.last),
        "only_on_remotes": list(value.only_on_remotes),
        "next_command": value.next_command,
        "merged": value.merged,
    }


def load_status(value: Any) -> Status:
    """Where a repository stands, from its document.

    Raises:
        Malformed
    """
    data = members(value)
    return Status(
        repository=field(data, "repository", as_text),
        targets=each(data, "targets", load_target),
        target_notes=each(data, "target_notes", load_target_note),
        fault=field(data, "fault", as_text),
        to_align=field(data, "to_align", as_int),
        up_to_date=field(data, "up_to_date", as_int),
        excluded=field(data, "excluded", as_int),
        unfinished=each(data, "unfinished", load_run),
        last=maybe(data, "last", load_run),
        only_on_remotes=each(data, "only_on_remotes", pair(as_text, as_int)),
        next_command=field(data, "next_command", as_text),
        merged=field(data, "merged", as_int),
    )
