"""Measures of one branch: history, structure and diff, each from 0 to 1, with formula and polarity stated once.

Reference: the metric groups 002.1, 002.2 and 002.3 of the original requests. There, some rules read a measure the other way round
than its formula; here each says what a higher value means, and nothing decides against it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from gitalign.categorize.footprint import Distance, Footprint
from gitalign.categorize.paths import folder_of, risk_of
from gitalign.core.categories import Metrics
from gitalign.git.history import Authorship
from gitalign.git.linecount import LineCount

_DAY = 86_400
_CHURN_OF_A_COMMIT = 500
_LARGE_CHURN = 5_000
_MANY_FILES = 50
_UNTOLD = 0.5


@dataclass(frozen=True, slots=True)
class Measure:
    """One measure: its weight in its group, how it is reckoned, and what a higher value means."""

    weight: float
    formula: str
    higher_means: str


MEASURES: Mapping[str, Mapping[str, Measure]] = {
    "history": {
        "commit_recency": Measure(0.25, "exp(-days since the newest commit / 30)", "more recent"),
        "commit_frequency": Measure(0.20, "min(1, own commits / max(1, days from first to newest))", "busier"),
        "authorship_diversity": Measure(0.20, "authors / own commits", "more authors per commit"),
        "merge_readiness": Measure(
            0.20, "1 - behind / greatest behind of any branch of the target", "closer to the target's tip"
        ),
        "stability_score": Measure(
            0.15, f"max(0, 1 - lines changed per own commit / {_CHURN_OF_A_COMMIT})", "smaller commits"
        ),
    },
    "structure": {
        "directory_similarity": Measure(
            0.30, "folders in branch and target / folders in either", "more like the target"
        ),
        "file_additions": Measure(0.25, "max(0, 1 - files added / files of the branch)", "fewer new files"),
        "core_module_stability": Measure(
            0.25,
            "(1, or .5 when a core file is deleted) - .1 for every 5 core files modified, at least 0",
            "core left alone",
        ),
        "namespace_isolation": Measure(
            0.20, "changed files in the top folder changed most / changed files", "work in one place"
        ),
    },
    "diff": {
        "code_churn": Measure(0.30, f"max(0, 1 - min(lines changed / {_LARGE_CHURN}, 1))", "fewer lines changed"),
        "change_concentration": Measure(0.25, f"max(0, 1 - changed files / {_MANY_FILES})", "fewer files changed"),
        "diff_complexity": Measure(
            0.25, "min(lines of the largest file change / mean / 3, 1)", "one file stands out: more complex"
        ),
        "integration_risk": Measure(
            0.20, "1 - sum of file risks (.8 critical, .5 high, .2 medium, .05 low) / changed files", "safer"
        ),
    },
}
"""Group -> measure -> what it is. An empty diff gives .5 throughout its group."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the measures are made of.

    Attributes:
        commits: of the own commits; of the tip alone when there are none.
        own_commits: how many there are.
        as_of: seconds since the epoch.
        behind, most_behind: commits of the target the branch lacks; the greatest such number of any branch of the target.
        lines: of each path the branch changed since it left; None when a file could not be read.
        footprint: those changes; None when trees could not be read.
        distance: from the target's tip; None when trees could not be read.
    """

    commits: Sequence[Authorship]
    own_commits: int
    as_of: int
    behind: int
    most_behind: int
    lines: Mapping[bytes, LineCount] | None
    footprint: Footprint | None
    distance: Distance | None


def measure(facts: Facts) -> Metrics:
    """All measures of a branch."""
    times = [one.committed_at for one in facts.commits]
    days = (max(times) - min(times)) / _DAY if times else 0.0
    counts = {
        "own_commits": facts.own_commits,
        "behind": facts.behind,
        "days_active": math.ceil(days),
        "unique_authors": len({one.author for one in facts.commits}),
    }
    churn = None
    if facts.lines is not None:
        churn = sum(one.added + one.deleted for one in facts.lines.values())
        counts |= {
            "lines_added": sum(one.added for one in facts.lines.values()),
            "lines_deleted": sum(one.deleted for one in facts.lines.values()),
        }
    history = {
        "commit_recency": math.exp(-max(0.0, (facts.as_of - max(times)) / _DAY) / 30) if times else 0.0,
        "commit_frequency": min(1.0, facts.own_commits / max(1.0, days)),
        "authorship_diversity": len({one.author for one in facts.commits}) / max(1, len(facts.commits)),
        "merge_readiness": 1 - facts.behind / max(1, facts.most_behind),
        "stability_score": _UNTOLD
        if churn is None
        else max(0.0, 1 - churn / max(1, facts.own_commits) / _CHURN_OF_A_COMMIT),
    }
    structure = None
    if facts.footprint is not None and facts.distance is not None:
        structure = _structure(facts.footprint, facts.distance, counts)
    diff = None if facts.lines is None else _diff(facts.lines)
    return Metrics(history=history, structure=structure, diff=diff, counts=counts)


def aggregate(group: str, values: Mapping[str, float]) -> float:
    """The weighted mean of a group of measures."""
    return sum(one.weight * values[name] for name, one in MEASURES[group].items())


def aggregates(metrics: Metrics) -> Iterator[tuple[str, float]]:
    """The mean of each group that could be measured, and of all of them together as 002.4 weighs them."""
    groups = {"history": metrics.history, "structure": metrics.structure, "diff": metrics.diff}
    found = {name: aggregate(name, values) for name, values in groups.items() if values is not None}
    yield from found.items()
    if len(found) == len(groups):
        yield "combined", 0.35 * found["history"] + 0.35 * found["structure"] + 0.30 * found["diff"]


def _structure(changed: Footprint, apart: Distance, counts: dict[str, int]) -> dict[str, float]:
    tops = Counter(folder_of(path, 1) for path in changed.paths)
    counts |= {
        "file_count": apart.files,
        "directory_count": apart.folders,
        "new_files": changed.added,
        "modified_files": changed.edited,
        "deleted_files": changed.deleted,
    }
    kept = 0.5 if changed.core_deleted else 1.0
    return {
        "directory_similarity": apart.shared_folders / apart.either_folders if apart.either_folders else 1.0,
        "file_additions": max(0.0, 1 - changed.added / apart.files) if apart.files > 0 else 0.0,
        "core_module_stability": max(0.0, kept - 0.1 * (changed.core_edited // 5)),
        "namespace_isolation": max(tops.values()) / tops.total() if tops else _UNTOLD,
    }


def _diff(lines: Mapping[bytes, LineCount]) -> dict[str, float]:
    if not lines:
        return dict.fromkeys(MEASURES["diff"], _UNTOLD)
    sizes = [one.added + one.deleted for one in lines.values()]
    mean = sum(sizes) / len(sizes)
    return {
        "code_churn": max(0.0, 1 - min(sum(sizes) / _LARGE_CHURN, 1)),
        "change_concentration": 1 - min(len(lines) / _MANY_FILES, 1),
        "diff_complexity": min(max(sizes) / mean / 3, 1.0) if mean else _UNTOLD,
        "integration_risk": 1 - sum(map(risk_of, lines)) / len(lines),
    }
