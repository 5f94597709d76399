"""Documents of `.cli_framework`."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict


class InstalledFileDocument(TypedDict):
    """A file that an installation wrote."""

    path: str
    sha256: str
    module: str
    number: int
    replaced: bool


class FrameworkManifestDocument(TypedDict):
    """What an installation wrote."""

    mode: Literal["minimal", "full", "custom"]
    modules: list[str]
    number: int
    files: list[InstalledFileDocument]


class FrameworkStepDocument(TypedDict):
    """How an installation is put back: paths that it created, and paths of which it keeps a copy."""

    number: int
    created: list[str]
    replaced: list[str]


class FrameworkChangeDocument(TypedDict):
    """What happened to a file, or would."""

    path: str
    kind: Literal["create", "replace", "remove", "keep", "unchanged"]
    detail: str


class FrameworkDocument(TypedDict):
    """What is installed in a work tree, and what a verb changed."""

    installed: bool
    mode: str | None
    modules: list[str]
    number: int | None
    interrupted: int | None
    changed: list[str]
    missing: list[str]
    changes: list[FrameworkChangeDocument]
    dry_run: bool


class BranchAdditionDocument(TypedDict):
    """What a commit on a branch would add."""

    branch: str
    before: str
    created: list[str]
    replaced: list[str]
    removed: list[str]
    refusal: str


class FrameworkAdditionsDocument(TypedDict):
    """What would be added to branches."""

    branches: list[BranchAdditionDocument]
    dry_run: bool
