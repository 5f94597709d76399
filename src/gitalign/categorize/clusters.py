"""Which branches are alike: Ward's method over history, changed paths and size of diff, by SciPy and scikit-learn."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gitalign.categorize.metrics import aggregates
from gitalign.categorize.paths import folder_of
from gitalign.core.categories import Cluster, Clustering, Metrics

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

_SHARES = {"history": 0.35, "paths": 0.35, "diff": 0.30}
_MOST_BRANCHES = 5_000
_FOLDER_DEPTH = 2
_MISSING = "scikit-learn is not installed: pip install 'git-align[cluster]'"


@dataclass(frozen=True, slots=True)
class Likeness:
    """What branches are compared by.

    Attributes:
        paths: changed paths; None when they could not be read.
    """

    metrics: Metrics
    paths: Sequence[bytes] | None


def cluster(branches: Mapping[str, Likeness], *, cut: float) -> Clustering | str:
    """Cluster branches; the reason in words when that cannot be done here.

    The distance of two branches is Euclidean over three blocks, each scaled to at most 1 and weighted .35, .35, .30: the measures
    of history, the share of changed files in each folder (two levels deep), and the measures of the diff.

    Args:
        branches: by name; the order of the result is that of the sorted names, whatever order they come in.
        cut: height at which Ward's tree is cut.
    """
    names = sorted(name for name, one in branches.items() if one.paths is not None and one.metrics.diff is not None)
    if len(names) > _MOST_BRANCHES:
        return f"more than {_MOST_BRANCHES} branches: the distances of all pairs would not fit in memory"
    if len(names) < 2:
        return _made(names, dict.fromkeys(names, 0), branches, cut=cut, points=None, merges=())
    try:
        import numpy
        from scipy.cluster.hierarchy import fcluster, linkage
    except ImportError:
        return _MISSING
    points = _points([branches[name] for name in names])
    tree: NDArray[Any] = linkage(points, method="ward")
    labels = fcluster(tree, t=cut, criterion="distance")
    numbered: dict[int, int] = {}
    for label in labels:
        numbered.setdefault(int(label), len(numbered))
    merges = tuple((int(one), int(other), float(height), int(size)) for one, other, height, size in tree)
    assigned = {name: numbered[int(label)] for name, label in zip(names, labels, strict=True)}
    return _made(names, assigned, branches, cut=cut, points=numpy.asarray(points), merges=merges)


def _points(branches: Sequence[Likeness]) -> NDArray[numpy.float64]:
    import numpy

    shares = [Counter(folder_of(path, _FOLDER_DEPTH) for path in one.paths or ()) for one in branches]
    folders = sorted(set().union(*shares))
    place = {folder: column for column, folder in enumerate(folders)}
    paths = numpy.zeros((len(branches), len(folders)))
    for row, counted in enumerate(shares):
        length = math.sqrt(sum(count * count for count in counted.values()))
        for folder, count in counted.items():
            paths[row, place[folder]] = count / length
    blocks = {
        "history": numpy.array([list(one.metrics.history.values()) for one in branches]),
        "paths": paths,
        "diff": numpy.array([list((one.metrics.diff or {}).values()) for one in branches]),
    }
    widest = {
        "history": math.sqrt(blocks["history"].shape[1]),
        "paths": math.sqrt(2),
        "diff": math.sqrt(blocks["diff"].shape[1]),
    }
    return numpy.hstack([block * (math.sqrt(_SHARES[name]) / widest[name]) for name, block in blocks.items()])


def _made(
    names: Sequence[str],
    assigned: Mapping[str, int],
    branches: Mapping[str, Likeness],
    *,
    cut: float,
    points: NDArray[Any] | None,
    merges: tuple[tuple[int, int, float, int], ...],
) -> Clustering:
    members: dict[int, list[str]] = {}
    for name in names:
        members.setdefault(assigned[name], []).append(name)
    each: dict[str, float] = {}
    silhouette = davies = calinski = None
    if points is not None and 2 <= len(members) < len(names):
        try:
            from sklearn import metrics as quality
        except ImportError:
            quality = None
        if quality is not None:
            labels = [assigned[name] for name in names]
            values = quality.silhouette_samples(points, labels)
            each = dict(zip(names, map(float, values), strict=True))
            silhouette = _told(float(values.mean()))
            davies = _told(float(quality.davies_bouldin_score(points, labels)))
            calinski = _told(float(quality.calinski_harabasz_score(points, labels)))
    row = {name: at for at, name in enumerate(names)}
    clusters = tuple(
        Cluster(
            cluster_id=number,
            branches=tuple(held),
            center=_center([branches[name].metrics for name in held]),
            cohesion=_cohesion(points, [row[name] for name in held]),
            silhouette=sum(each[name] for name in held) / len(held) if each else None,
        )
        for number, held in sorted(members.items())
    )
    return Clustering(
        clusters=clusters,
        cut=cut,
        silhouette=silhouette,
        davies_bouldin=davies,
        calinski_harabasz=calinski,
        order=tuple(names),
        merges=merges,
    )


def _told(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _center(members: Sequence[Metrics]) -> dict[str, float]:
    sums: Counter[str] = Counter()
    told: Counter[str] = Counter()
    for one in members:
        for name, value in aggregates(one):
            sums[name] += value  # type: ignore[assignment]
            told[name] += 1
    return {name: sums[name] / told[name] for name in sorted(sums)}


def _cohesion(points: NDArray[Any] | None, rows: Sequence[int]) -> float:
    if points is None or len(rows) < 2:
        return 1.0
    held = points[list(rows)]
    apart = ((held - held.mean(axis=0)) ** 2).sum(axis=1) ** 0.5
    return 1 / (1 + float(apart.mean()))
