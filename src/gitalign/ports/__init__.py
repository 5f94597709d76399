"""Every protocol of the engine: what a plug-in, a store or a listener must offer.

Protocols only. Built-ins and plug-ins come through the same door; nothing here knows who implements it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gitalign.core.conflict import Sides
from gitalign.core.findings import FindingRule
from gitalign.ports.aligning import Aligner, CancelToken, Emitter, Integration, Integrator, Listener
from gitalign.ports.batch_store import BatchRunStore, ProjectStore
from gitalign.ports.executing import Executor
from gitalign.ports.looking import DetectionRequest, Detector, Documenter, DocumentRequest, FactKind, FileFacts, Source
from gitalign.ports.resolving import (
    ConflictedFile,
    ConflictResolver,
    MergeResolverMaker,
    ProgramCall,
    ProgramEnd,
    ProgramRunner,
    Proposal,
    Regenerated,
    Regenerator,
    ResolvedFile,
    UnresolvedFile,
    WorkTree,
    WorkTreeMaker,
)
from gitalign.ports.store import (
    Claim,
    ClaimStore,
    EventStore,
    Journal,
    MoveStore,
    OwnerProbe,
    ResultStore,
    RunStore,
    SessionStore,
    VerdictCache,
)

__all__ = [
    "ActivePlugins",
    "Aligner",
    "BatchRunStore",
    "CancelToken",
    "Claim",
    "ClaimStore",
    "ConflictResolver",
    "ConflictedFile",
    "DetectionRequest",
    "Detector",
    "DocumentRequest",
    "Documenter",
    "Emitter",
    "EventStore",
    "Executor",
    "FactKind",
    "FileFacts",
    "Integration",
    "Integrator",
    "Journal",
    "Listener",
    "MergeResolverMaker",
    "MoveStore",
    "OwnerProbe",
    "ProgramCall",
    "ProgramEnd",
    "ProgramRunner",
    "ProjectStore",
    "Proposal",
    "Regenerated",
    "Regenerator",
    "ResolvedFile",
    "ResultStore",
    "RunStore",
    "SessionStore",
    "Sides",
    "Source",
    "UnresolvedFile",
    "VerdictCache",
    "WorkTree",
    "WorkTreeMaker",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivePlugins:
    """Plug-ins the operator named. Empty means the stage is reported as `not configured`."""

    detectors: tuple[Detector, ...] = field(default=())
    refusing: FindingRule = field(default=FindingRule())
    documenter: Documenter | None = None
    resolver: ConflictResolver | None = None
    regenerator: Regenerator | None = None
    notices: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    """Names of those that a program gave, and no configuration names."""

    def with_given(self, detector: Detector | None, documenter: Documenter | None) -> ActivePlugins:
        """These and those that a program gives: every finding of its detector refuses; its documenter takes the place of another."""
        more = [type(one).__name__ for one in (detector, documenter) if one is not None]
        rule = (
            self.refusing if detector is None else replace(self.refusing, always=(*self.refusing.always, detector.name))
        )
        return replace(
            self,
            detectors=(*self.detectors, *([detector] if detector is not None else [])),
            refusing=rule,
            documenter=documenter or self.documenter,
            given=(*self.given, *more),
        )

    def detection_key(self) -> str | None:
        """Text that changes whenever detection could judge the same objects otherwise; None when that cannot be determined."""
        keys = [getattr(detector, "key", None) for detector in self.detectors]
        return None if None in keys else repr((keys, self.refusing))
