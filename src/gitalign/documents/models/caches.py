"""What the journal caches from run to run."""

from __future__ import annotations

from typing import Any

from typing_extensions import TypedDict

from gitalign.core.outcome import AlignedKind
from gitalign.documents.models.execution_plans import PredictedConflictDocument
from gitalign.documents.models.pair_conflicts import PairConflictDocument


class BranchPreviewDocument(TypedDict):
    """A branch on its target; texts are packed: zlib, then Base85."""

    how: AlignedKind | None
    tree: str
    changes: str
    own: str
    unresolved: str
    is_partial: bool


class PairDocument(TypedDict):
    """What merging two branches gave: a conflict, or none."""

    clash: PairConflictDocument | None


class LandingStopsDocument(TypedDict):
    """Where landing a sequence of branches stops."""

    stops: list[PredictedConflictDocument]


class FileFactDocument(TypedDict):
    """What a detector found out about a content; `fact` is for that detector alone to read."""

    blob: str
    fact: Any
