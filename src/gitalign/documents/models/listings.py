"""Documents of verbs that list."""

from __future__ import annotations

from typing import NotRequired

from typing_extensions import TypedDict

from gitalign.documents.models.certificates import CertificateDocument as CertificateDocument
from gitalign.documents.models.merged_branches import MergedBranchDocument
from gitalign.documents.models.moves import MoveDocument
from gitalign.documents.models.proofs import ProofDocument
from gitalign.documents.models.resolution_origins import OriginDocument
from gitalign.documents.models.rule_packs import RulePackDocument
from gitalign.documents.models.runs import RunDocument
from gitalign.documents.models.status import DiagnosisDocument, LookDocument


class RunsDocument(TypedDict):
    """Runs, newest first."""

    runs: list[RunDocument]


class MovesDocument(TypedDict):
    """What would move."""

    moves: list[MoveDocument]


class ProofsDocument(TypedDict):
    """Certificates, looked at again."""

    proofs: list[ProofDocument]


class ChecksDocument(TypedDict):
    """What `doctor` looked at."""

    checks: list[DiagnosisDocument]


class RulePacksDocument(TypedDict):
    """Packs of house rules."""

    packs: list[RulePackDocument]


class ResolutionsUnderWayDocument(TypedDict):
    """Manual resolutions that are under way."""

    resolutions: list[LookDocument]


class ClosedResolutionDocument(TypedDict):
    """A manual resolution that was given up."""

    stand: str


class DeletableBranchDocument(MergedBranchDocument):
    """A branch that is merged, and whether it is deleted."""

    would_delete: bool


class MergedBranchesDocument(TypedDict):
    """Branches that are merged."""

    merged: list[DeletableBranchDocument]
    dry_run: bool


class KnownResolutionDocument(TypedDict):
    """One resolution on record; its contents where one was asked for."""

    name: str
    conflict: str
    origin: OriginDocument
    in_rr_cache: bool
    disputed: bool
    fault: str
    preimage: NotRequired[str]
    postimage: NotRequired[str]


class KnownResolutionsDocument(TypedDict):
    """Resolutions on record."""

    resolutions: list[KnownResolutionDocument]
    faults: NotRequired[list[str]]


class UsedResolutionDocument(TypedDict):
    """A branch whose newest result has a resolution in it."""

    branch: str
    run_id: str
    path: str
    conflict: str


class ForgottenResolutionsDocument(TypedDict):
    """Resolutions that were forgotten, and where they are used."""

    forgotten: list[str]
    used_by: list[UsedResolutionDocument]


class RefusedResolutionDocument(TypedDict):
    """A resolution that was not recorded, and why."""

    conflict: str
    reason: str


class RecordedResolutionsDocument(TypedDict):
    """What was recorded."""

    added: list[str]
    known: int
    withheld: int
    refused: list[RefusedResolutionDocument]


class ImportedResolutionsDocument(RecordedResolutionsDocument):
    """What was recorded of the resolutions of others."""

    faults: list[str]


class LearnedResolutionsDocument(RecordedResolutionsDocument):
    """What was recorded of past merges."""

    merges: int
    conflicting: int
    unreadable: int
    files: int
    unsettled: int
    changed_elsewhere: int
    unusable: int
    resolved: NotRequired[int]


class ExportedResolutionsDocument(TypedDict):
    """How many resolutions were written; over HTTP with the archive itself, in base64."""

    exported: int
    archive: NotRequired[str]


class TestCommandDocument(TypedDict):
    """A command that tests the repository, and the file that names it."""

    command: list[str]
    file: str


class InitialDocument(TypedDict):
    """What `init` found, and the configuration that it wrote."""

    targets: list[str]
    remotes: list[str]
    bots: list[str]
    long_lived: list[str]
    test_commands: list[TestCommandDocument]
    file: str | None
    configuration: str


class ConfigurationLinesDocument(TypedDict):
    """Lines that would correct the configuration."""

    file: str
    lines: list[str]


class FaultDocument(TypedDict):
    """What went wrong."""

    code: str
    message: str
    hint: str
    faults: list[str]
    configuration: NotRequired[ConfigurationLinesDocument]


class ErrorDocument(TypedDict):
    """An error; the exit code says of what kind."""

    error: FaultDocument
