"""What settings are read from. Where it is the same, the settings are; finding that out needs none of what checks them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from gitalign.input_file import Unreadable, read_bounded

LARGEST_BYTES = 1024 * 1024
ENVIRONMENT = "GITALIGN_"


def file_of(file: Path | None, git_dir: Path | None) -> Path | None:
    """The file that settings are read from, which may not be there: the one the operator named, or that of the git directory."""
    return file if file is not None else git_dir / "gitalign" / "config.yaml" if git_dir is not None else None


def digest_of_given(
    *, file: Path | None, git_dir: Path | None, environ: Mapping[str, str], overrides: Mapping[str, object]
) -> str | None:
    """Digest of everything that `load_config` reads; None where it cannot be read. Arguments as there.

    The same digest in the same release means the same settings, from the same places.
    """
    place = file_of(file, git_dir)
    content: bytes | None = None
    try:
        if place is not None and (file is not None or place.exists()):
            content = read_bounded(place, most_bytes=LARGEST_BYTES)
    except (OSError, Unreadable):
        return None
    variables = sorted((name, value) for name, value in environ.items() if name.startswith(ENVIRONMENT))
    typed = sorted((key, repr(value)) for key, value in overrides.items())
    parts = (None if place is None else os.fspath(place), file is not None, content, variables, typed, os.getcwd())
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()
