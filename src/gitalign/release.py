"""Which release this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("git-align")
except PackageNotFoundError:  # pragma: no cover - running from a source tree that was never installed
    VERSION = "0+unknown"
