"""What `categorize` says."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict


class ListedBranchDocument(TypedDict):
    """A branch of a branch list."""

    branch_name: str
    assigned_target: str | None
    confidence: float
    tags: list[str]
    cluster_id: NotRequired[str | int]


class BranchListDocument(TypedDict):
    """A branch list, which `run --input` reads."""

    branches: list[ListedBranchDocument]


class MeasureDocument(TypedDict):
    """How a number is made."""

    weight: float
    formula: str
    higher_means: str


class CategoriesMetadataDocument(TypedDict):
    """When and how the branches were looked at; `clustering` says why there are no clusters, `silhouette` how good they are."""

    as_of: str
    targets: dict[str, str]
    metrics: dict[str, dict[str, MeasureDocument]]
    clustering: str | None
    silhouette: NotRequired[float | None]


class SecondaryTargetDocument(TypedDict):
    """Another target, and how well it fits."""

    target: str
    score: float


class CategoryEvidenceDocument(TypedDict):
    """How well a target fits a branch, and why."""

    target: str
    score: float
    parts: dict[str, float | None]
    own_commits: int
    behind: int
    first_parents: int
    on_line: bool
    picked: int
    words: list[str]


class CategoryMetricsDocument(TypedDict):
    """Numbers of a branch, by group; null where a group could not be measured."""

    history: dict[str, float] | None
    structure: dict[str, float] | None
    diff: dict[str, float] | None
    aggregates: dict[str, float]
    counts: dict[str, int]


class CategoryDocument(TypedDict):
    """Everything known of a branch."""

    integration_target: str | None
    tip: str
    confidence: float
    needs_decision: bool
    decision_rationale: str
    secondary_targets: list[SecondaryTargetDocument]
    evidence: list[CategoryEvidenceDocument]
    flags: list[str]
    notes: list[str]
    tags: list[str]
    cluster_id: str | int | None
    metrics: CategoryMetricsDocument | None


class LeftOutDocument(TypedDict):
    """A branch that was left out, and why."""

    branch: str
    code: str
    reason: str


class CategoriesSummaryDocument(TypedDict):
    """The branches, counted."""

    total: int
    by_target: dict[str, int]
    without_target: int
    needs_decision: int
    by_flag: dict[str, int]


class CategoriesDocument(TypedDict):
    """Everything known of every branch, under its name; `run --input` reads this, too."""

    metadata: CategoriesMetadataDocument
    branches: dict[str, CategoryDocument]
    excluded: list[LeftOutDocument]
    summary: CategoriesSummaryDocument


class ClusterDocument(TypedDict):
    """Branches that are like one another."""

    cluster_id: int
    branches: list[str]
    cluster_center: dict[str, float]
    size: int
    cohesion: float
    silhouette_score: float | None


class ClustersDocument(TypedDict):
    """The clusters, how good they are, and how they were joined."""

    clusters: list[ClusterDocument]
    branch_assignments: dict[str, int]
    quality_metrics: dict[str, float | None] | None
    dendogram_data: NotRequired[dict[str, Any]]
    unavailable: NotRequired[str]
