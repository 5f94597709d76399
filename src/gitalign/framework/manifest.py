"""What an installation wrote, so that it can be compared, removed and put back: values and their documents."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from gitalign.documents.formats import opened, parsed, stamped
from gitalign.documents.reading import Malformed, as_bool, as_int, as_text, each, member_of, members
from gitalign.documents.reading import field as member
from gitalign.errors import UserError
from gitalign.framework.contents import FOLDER, Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A file that an installation wrote.

    Attributes:
        path: from the root of the work tree, with `/`.
        sha256: of its bytes.
        module: it belongs to; empty for the framework's own files.
        number: of the installation that wrote it first.
        replaced: a file of someone else's stood there, and installation `number` keeps a copy.
    """

    path: str
    sha256: str
    module: str = ""
    number: int = 1
    replaced: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What stands in a work tree.

    Attributes:
        mode, modules: what was asked for.
        number: of the newest installation.
        files: every file, by path.
    """

    mode: Mode
    modules: tuple[str, ...]
    number: int
    files: Mapping[str, Installed] = field(default_factory=dict)


class ChangeKind(StrEnum):
    """What happens to a file."""

    CREATE = "create"
    REPLACE = "replace"
    """A copy of what was there is kept."""
    REMOVE = "remove"
    KEEP = "keep"
    """It was changed since it was installed."""
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happens to a file.

    Attributes:
        path: from the root of the work tree.
        kind: what.
        detail: where its copy is, or why it stays.
    """

    path: str
    kind: ChangeKind
    detail: str = ""


def digest(data: bytes) -> str:
    """How the manifest names the content of a file."""
    return hashlib.sha256(data).hexdigest()


def manifest_text(manifest: Manifest) -> str:
    """The manifest as its document."""
    content: dict[str, Any] = {
        "mode": str(manifest.mode),
        "modules": list(manifest.modules),
        "number": manifest.number,
        "files": [
            {
                "path": one.path,
                "sha256": one.sha256,
                "module": one.module,
                "number": one.number,
                "replaced": one.replaced,
            }
            for _, one in sorted(manifest.files.items())
        ],
    }
    return json.dumps(stamped("framework-manifest", content), indent=2) + "\n"


def read_manifest(data: bytes) -> Manifest:
    """A manifest from its document.

    Raises:
        UserError: it was changed so that it is no manifest any more.
    """
    try:
        document = opened(parsed(data.decode("utf-8", "replace")), "framework-manifest")
        files = each(document, "files", _installed)
        return Manifest(
            mode=member(document, "mode", member_of(Mode)),
            modules=each(document, "modules", as_text),
            number=member(document, "number", _count),
            files={one.path: one for one in files},
        )
    except Malformed as error:
        raise UserError(
            f"{FOLDER}/manifest.json cannot be read: {error}",
            hint="restore it from your history (git log -- .cli_framework), or remove the folder and install again",
        ) from error


def _installed(value: Any) -> Installed:
    data = members(value)
    return Installed(
        path=member(data, "path", safe_path),
        sha256=member(data, "sha256", as_text),
        module=member(data, "module", as_text, ""),
        number=member(data, "number", _count, 1),
        replaced=member(data, "replaced", as_bool, False),
    )


def safe_path(value: Any) -> str:
    """A path below the framework's folder: a manifest is data from a repository, and never leads elsewhere.

    Raises:
        Malformed
    """
    path = as_text(value)
    parts = path.split("/")
    inside = PurePosixPath(path).parts[:1] == (FOLDER,) and len(parts) > 1
    if not inside or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise Malformed(f"{path!r} is not a path in {FOLDER}")
    return path


def _count(value: Any) -> int:
    number = as_int(value)
    if not 0 < number < 1_000_000:
        raise Malformed("not a count")
    return number
