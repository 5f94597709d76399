"""Categories as files: the shapes of `categorized_branches.json`, `clustered_branches.json`, and a checklist for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitalign.categorize.metrics import MEASURES, aggregates
from gitalign.core.categories import Categorized, Category, Evidence, Metrics
from gitalign.core.markup import markdown

_DIGITS = 4


def simple_document(found: Categorized) -> dict[str, Any]:
    """The shape a run reads: name, target, confidence, tags, cluster. A run leaves those without a target out, and says so."""
    return {"branches": [_entry(one) for one in found.categories]}


def detailed_document(found: Categorized) -> dict[str, Any]:
    """Everything known of every branch, under its name; a run reads this one, too."""
    return {
        "metadata": {
            "as_of": found.as_of.isoformat(),
            "targets": {target.name: target.oid for target in found.targets},
            "metrics": {
                group: {
                    name: {"weight": one.weight, "formula": one.formula, "higher_means": one.higher_means}
                    for name, one in measures.items()
                }
                for group, measures in MEASURES.items()
            },
            "clustering": found.unclustered or None,
            "silhouette": None if found.clustering is None else _digits(found.clustering.silhouette),
        },
        "branches": {one.branch: _details(one) for one in found.categories},
        "excluded": [{"branch": one.branch, "code": one.code, "reason": one.reason} for one in found.excluded],
        "summary": {
            "total": len(found.categories),
            "by_target": {name: count for name, count in found.counts().items() if name},
            "without_target": found.counts().get("", 0),
            "needs_decision": sum(one.needs_decision for one in found.categories),
            "by_flag": _by_flag(found),
        },
    }


def clustered_document(found: Categorized) -> dict[str, Any]:
    """The clusters, how good they are, and how they were joined. `dendogram_data` is spelled as its readers expect it."""
    made = found.clustering
    if made is None:
        return {"clusters": [], "branch_assignments": {}, "quality_metrics": None, "unavailable": found.unclustered}
    return {
        "clusters": [
            {
                "cluster_id": one.cluster_id,
                "branches": list(one.branches),
                "cluster_center": _rounded(one.center),
                "size": len(one.branches),
                "cohesion": round(one.cohesion, _DIGITS),
                "silhouette_score": _digits(one.silhouette),
            }
            for one in made.clusters
        ],
        "branch_assignments": {name: one.cluster_id for one in made.clusters for name in one.branches},
        "quality_metrics": {
            "total_clusters": len(made.clusters),
            "silhouette_avg": _digits(made.silhouette),
            "davies_bouldin_index": _digits(made.davies_bouldin),
            "calinski_harabasz_index": _digits(made.calinski_harabasz),
        },
        "dendogram_data": {
            "method": "ward",
            "cut": made.cut,
            "leaves": list(made.order),
            "merges": [[one, other, round(height, 6), size] for one, other, height, size in made.merges],
        },
    }


def checklist(found: Categorized) -> str:
    """ALIGNMENT_CHECKLIST.md: one row for each branch, with the reason for its target."""
    lines = [
        "# Alignment checklist",
        "",
        f"{len(found.categories)} branches, as of {found.as_of.date().isoformat()}. Rows marked **decide** want a person's word: the evidence does not settle them.",
        "",
        "| Branch | Proposed target | Justification | Status | Notes |",
        "| --- | --- | --- | --- | --- |",
    ]
    for one in found.categories:
        status = "**decide**" if one.needs_decision else ", ".join(_status(one)) or "to align"
        cells = (
            one.branch,
            one.target or "none",
            f"{one.reason} (confidence {one.confidence:.2f})",
            status,
            "; ".join(one.notes),
        )
        lines.append(f"| {' | '.join(cell if cell is status else markdown(cell) for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _status(one: Category) -> list[str]:
    return [
        flag.value.replace("_", " ") for flag in one.flags if flag.value in ("merged", "already_contained", "duplicate")
    ]


def _entry(one: Category) -> dict[str, Any]:
    made: dict[str, Any] = {
        "branch_name": one.branch,
        "assigned_target": one.target,
        "confidence": one.confidence,
        "tags": list(one.tags),
    }
    if one.cluster_id is not None:
        made["cluster_id"] = one.cluster_id
    return made


def _details(one: Category) -> dict[str, Any]:
    return {
        "integration_target": one.target,
        "tip": one.tip,
        "confidence": one.confidence,
        "needs_decision": one.needs_decision,
        "decision_rationale": one.reason,
        "secondary_targets": [
            {"target": each.target, "score": round(each.score, _DIGITS)}
            for each in one.evidence
            if each.target != one.target
        ],
        "evidence": [_evidence(each) for each in one.evidence],
        "flags": [flag.value for flag in one.flags],
        "notes": list(one.notes),
        "tags": list(one.tags),
        "cluster_id": one.cluster_id,
        "metrics": None if one.metrics is None else _metrics(one.metrics),
    }


def _evidence(one: Evidence) -> dict[str, Any]:
    return {
        "target": one.target,
        "score": round(one.score, _DIGITS),
        "parts": {
            "history": _digits(one.history),
            "hints": _digits(one.hints),
            "paths": _digits(one.paths),
            "name": _digits(one.name),
            "patches": _digits(one.patches),
        },
        "own_commits": one.own_commits,
        "behind": one.behind,
        "first_parents": one.first_parents,
        "on_line": one.on_line,
        "picked": one.picked,
        "words": list(one.words),
    }


def _metrics(one: Metrics) -> dict[str, Any]:
    groups = {"history": one.history, "structure": one.structure, "diff": one.diff}
    return {
        **{name: None if values is None else _rounded(values) for name, values in groups.items()},
        "aggregates": _rounded(dict(aggregates(one))),
        "counts": dict(one.counts),
    }


def _by_flag(found: Categorized) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in found.categories:
        for flag in one.flags:
            counts[flag.value] = counts.get(flag.value, 0) + 1
    return dict(sorted(counts.items()))


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, _DIGITS) for name, value in values.items()}


def _digits(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
