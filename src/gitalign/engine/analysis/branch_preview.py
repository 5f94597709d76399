"""A branch as it would stand on its target, and how it is kept in memory: packed, under the key of its content."""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gitalign.core.names import Oid
from gitalign.core.outcome import AlignedKind
from gitalign.core.pair_conflicts import FileVersion, PathChange
from gitalign.core.plan import Step
from gitalign.documents.formats import json_text, opened, parsed, stamped
from gitalign.documents.reading import as_bool, as_oid, as_text, field, maybe, member_of
from gitalign.git.command import raw

_FORMAT = "standing 3"


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchPreview:
    """A branch that stands on its target, would once aligned, or stands there in part.

    Attributes:
        key: content key; the same commits, rules and git give the same.
        how: it came to stand there; None when it stood there already, or stands there in part.
        tree: of the branch then; of one in part, with conflict markers in what is unresolved.
        changes: of `tree` against the target's tip.
        own: what tells its commits above the target apart; shared ones are shared commits.
        commit: as it stands; None when it is remembered and was not made again.
        unresolved: paths at which merging it with the target in one piece stops.
        is_partial: it does not align; this is what git merges of it without a person.
    """

    step: Step
    key: str
    how: AlignedKind | None
    tree: Oid
    changes: tuple[PathChange, ...]
    own: frozenset[str]
    commit: Oid | None
    unresolved: frozenset[bytes] = frozenset()
    is_partial: bool = False

    @property
    def name(self) -> str:
        """Name of the branch."""
        return self.step.branch.name


if TYPE_CHECKING:
    from gitalign.documents.models.caches import BranchPreviewDocument

_HOW = member_of(AlignedKind)


def cache_key(key: str) -> str:
    """Under which a standing is remembered."""
    return hashlib.sha256(f"{_FORMAT} {key}".encode("ascii")).hexdigest()


def packed(one: BranchPreview) -> str:
    """A standing without its step and commit."""
    changes = b"".join(
        b"%b\0%b\0%b\0" % (path, _version(before), _version(after)) for path, before, after in one.changes
    )
    content: BranchPreviewDocument = {
        "how": one.how,
        "tree": one.tree,
        "changes": _squeezed(changes),
        "own": _squeezed(" ".join(sorted(one.own)).encode("ascii")),
        "unresolved": _squeezed(b"\0".join(sorted(one.unresolved))),
        "is_partial": one.is_partial,
    }
    return json_text(stamped("branch-preview", content))


def unpacked(step: Step, key: str, body: str) -> BranchPreview | None:
    """None for what another version wrote, or what is damaged: then it is found out again."""
    try:
        data = opened(parsed(body), "branch-preview")
        how, tree = maybe(data, "how", _HOW), field(data, "tree", as_oid)
        is_partial = field(data, "is_partial", as_bool)
        fields = _unsqueezed(field(data, "changes", as_text)).split(b"\0")
        changes = tuple(
            PathChange(path, _read_version(before), _read_version(after))
            for path, before, after in zip(fields[0:-1:3], fields[1::3], fields[2::3], strict=True)
        )
        own = frozenset(_unsqueezed(field(data, "own", as_text)).decode("ascii").split())
        unresolved = frozenset(filter(None, _unsqueezed(field(data, "unresolved", as_text)).split(b"\0")))
    except (ValueError, zlib.error):
        return None
    return BranchPreview(
        step=step,
        key=key,
        how=how,
        tree=tree,
        changes=changes,
        own=own,
        commit=step.seen if how is None and not is_partial else None,
        unresolved=unresolved,
        is_partial=is_partial,
    )


def _version(version: FileVersion | None) -> bytes:
    return b" ".join(version) if version is not None else b""


def _read_version(field: bytes) -> FileVersion | None:
    mode, _, oid = field.partition(b" ")
    return (mode, oid) if oid else None


def _squeezed(data: bytes) -> str:
    return base64.b85encode(zlib.compress(data, 3)).decode("ascii")


def _unsqueezed(text: str) -> bytes:
    return zlib.decompress(base64.b85decode(raw(text)))
