"""Categories: what is known of each branch, to which target it belongs, and why. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gitalign.core.exclusions import Exclusion
from gitalign.core.names import Oid
from gitalign.core.plan import Target


class Flag(StrEnum):
    """What an operator should know of a branch before anything else."""

    MERGED = "merged"
    """Every commit of it is in its target."""
    ALREADY_CONTAINED = "already_contained"
    """What it changes stands in its target under other commits: picked or squashed."""
    DUPLICATE = "duplicate"
    """Another branch makes the very same change."""
    STALE_30 = "stale_30"
    STALE_60 = "stale_60"
    STALE_90 = "stale_90"
    """Days since its newest commit; only the highest that holds is given."""
    CONTENT_MISMATCH = "content_mismatch"
    """Its name says one target, its history and files another."""
    UNRELATED = "unrelated_history"
    NEEDS_DEEPENING = "needs_deepening"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks for one target. Parts are from 0 (nothing) to 1; None where nothing can be said.

    Attributes:
        own_commits: commits of the branch that the target has not.
        behind: commits of the target that the branch has not.
        first_parents: commits down the branch's first parents until the target has one; None when it never does.
        on_line: the branch leaves the target's own line, not something the target merged in.
        picked: own commits that the target has under another id (same patch).
        history, paths, name, patches, hints: the parts.
        score: weighted mean of the parts that can be determined for any target.
        words: what the parts stand for.
    """

    target: str
    own_commits: int
    behind: int
    first_parents: int | None
    on_line: bool
    picked: int
    history: float
    paths: float | None
    name: float | None
    patches: float | None
    hints: float | None
    score: float
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Measures of a branch against its target: by name, each from 0 to 1, and plain counts.

    `docs/categorize.md` has formula and polarity of each.

    Attributes:
        history, structure, diff: the three groups; None where files could not be read.
        counts: whole numbers behind them.
    """

    history: Mapping[str, float]
    structure: Mapping[str, float] | None
    diff: Mapping[str, float] | None
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Category:
    """One branch.

    Attributes:
        target: where it belongs as far as can be determined; None when nothing can.
        confidence: from 0 to 1; .5 is as good as a coin between the first two.
        needs_decision: a person should say; `reason` tells why.
        reason: why this target, in words and numbers.
        evidence: best target first.
        notes: what the flags stand for, in words.
    """

    branch: str
    tip: Oid
    target: str | None
    confidence: float
    needs_decision: bool
    reason: str
    evidence: tuple[Evidence, ...]
    flags: tuple[Flag, ...]
    notes: tuple[str, ...]
    tags: tuple[str, ...]
    metrics: Metrics | None
    cluster_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Branches that are alike.

    Attributes:
        center: mean of the aggregates of its members.
        cohesion: 1 / (1 + mean distance to the middle); 1 for a single branch.
        silhouette: mean of its members; None where it is not defined (fewer than two clusters, or all alone).
    """

    cluster_id: int
    branches: tuple[str, ...]
    center: Mapping[str, float]
    cohesion: float
    silhouette: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustering:
    """All clusters and how good they are.

    Attributes:
        cut: height at which the tree of clusters was cut.
        silhouette, davies_bouldin, calinski_harabasz: None where they are not defined.
        merges: (one, other, height, size), as Ward's method joined them; leaves are numbered as `order` lists them.
    """

    clusters: tuple[Cluster, ...]
    cut: float
    silhouette: float | None
    davies_bouldin: float | None
    calinski_harabasz: float | None
    order: tuple[str, ...]
    merges: tuple[tuple[int, int, float, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Categorized:
    """Every branch of a repository.

    Attributes:
        as_of: the day ages are counted to.
        clustering: None when it was not asked for or cannot be made here.
        unclustered: why there is no clustering; empty when there is.
    """

    targets: tuple[Target, ...]
    categories: tuple[Category, ...]
    excluded: tuple[Exclusion, ...]
    as_of: datetime
    clustering: Clustering | None = None
    unclustered: str = ""

    def counts(self) -> dict[str, int]:
        """Branches by target; those without one under the empty name."""
        found: dict[str, int] = {target.name: 0 for target in self.targets}
        for one in self.categories:
            found[one.target or ""] = found.get(one.target or "", 0) + 1
        return found

    def exit_code(self) -> int:
        """0 when every branch has its target, 1 when a person should decide on some."""
        return 1 if any(one.needs_decision for one in self.categories) else 0
