"""Where recorded resolutions come from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gitalign.core.resolution_origin import Origin, OriginKind
from gitalign.documents.formats import opened, stamped
from gitalign.documents.reading import as_text, as_time, field, maybe, member_of, members, time_text

if TYPE_CHECKING:
    from gitalign.documents.models.resolution_origins import OriginDocument

_ORIGIN_KIND = member_of(OriginKind)


def dump_origin(value: Origin) -> OriginDocument:
    """Where a resolution comes from."""
    return {
        "kind": value.kind,
        "by": value.by,
        "at": None if value.at is None else time_text(value.at),
        "commit": value.commit,
        "branch": value.branch,
        "path": value.path,
        "imported_from": value.imported_from,
    }


def load_origin(value: Any) -> Origin:
    """Reads what `dump_origin` writes; raises `Malformed`."""
    data = members(value)
    return Origin(
        kind=field(data, "kind", _ORIGIN_KIND),
        by=field(data, "by", as_text, ""),
        at=maybe(data, "at", as_time, None),
        commit=field(data, "commit", as_text, ""),
        branch=field(data, "branch", as_text, ""),
        path=field(data, "path", as_text, ""),
        imported_from=field(data, "imported_from", as_text, ""),
    )


def content_of(value: Origin) -> bytes:
    """An origin as the content of a file or blob; equal origins give equal bytes in every release of a version."""
    return json.dumps(stamped("resolution-origin", dump_origin(value)), indent=2).encode("ascii") + b"\n"


def load(value: Any) -> Origin:
    """An origin from a document.

    Raises:
        Malformed
    """
    return load_origin(opened(value, "resolution-origin"))
