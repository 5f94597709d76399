"""Reads the detailed document of categories back, as far as it is shown to people: without measures, and without what clusters are like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from gitalign.core.categories import Categorized, Category, Cluster, Clustering, Evidence, Flag
from gitalign.core.exclusions import Exclusion, ExclusionCode
from gitalign.core.names import TargetName
from gitalign.core.plan import Target
from gitalign.documents.reading import (
    as_bool,
    as_branch_name,
    as_float,
    as_int,
    as_oid,
    as_text,
    as_time,
    each,
    field,
    mapping,
    maybe,
    member_of,
    members,
)

_FLAG = member_of(Flag)
_CODE = member_of(ExclusionCode)


def load_detailed(document: Any) -> Categorized:
    """Every branch of a detailed document.

    Raises:
        Malformed
    """
    data = members(document)
    metadata = field(data, "metadata", members)
    categories = tuple(_category(name, value) for name, value in field(data, "branches", members).items())
    return Categorized(
        targets=tuple(
            Target(name=TargetName(name), ref=f"refs/heads/{name}", oid=as_oid(oid))
            for name, oid in field(metadata, "targets", members).items()
        ),
        categories=categories,
        excluded=each(data, "excluded", _exclusion),
        as_of=field(metadata, "as_of", as_time),
        clustering=_clustering(categories, maybe(metadata, "silhouette", as_float, None)),
        unclustered=maybe(metadata, "clustering", as_text) or "",
    )


def _clustering(categories: tuple[Category, ...], silhouette: float | None) -> Clustering | None:
    numbered: dict[int, list[str]] = defaultdict(list)
    for one in categories:
        if one.cluster_id is not None:
            numbered[one.cluster_id].append(one.branch)
    clusters = tuple(
        Cluster(cluster_id=number, branches=tuple(names), center={}, cohesion=0.0, silhouette=None)
        for number, names in sorted(numbered.items())
    )
    if not clusters:
        return None
    return Clustering(
        clusters=clusters,
        cut=0.0,
        silhouette=silhouette,
        davies_bouldin=None,
        calinski_harabasz=None,
        order=(),
        merges=(),
    )


def _category(branch: str, value: Any) -> Category:
    data = members(value)
    return Category(
        branch=branch,
        tip=field(data, "tip", as_oid),
        target=maybe(data, "integration_target", as_text),
        confidence=field(data, "confidence", as_float),
        needs_decision=field(data, "needs_decision", as_bool),
        reason=field(data, "decision_rationale", as_text),
        evidence=each(data, "evidence", _evidence),
        flags=each(data, "flags", _FLAG),
        notes=each(data, "notes", as_text),
        tags=each(data, "tags", as_text),
        metrics=None,
        cluster_id=maybe(data, "cluster_id", as_int),
    )


def _evidence(value: Any) -> Evidence:
    data = members(value)
    parts: Mapping[str, float | None] = field(data, "parts", mapping(_number))
    return Evidence(
        target=field(data, "target", as_text),
        own_commits=field(data, "own_commits", as_int),
        behind=field(data, "behind", as_int),
        first_parents=maybe(data, "first_parents", as_int),
        on_line=field(data, "on_line", as_bool),
        picked=field(data, "picked", as_int),
        history=parts.get("history") or 0.0,
        paths=parts.get("paths"),
        name=parts.get("name"),
        patches=parts.get("patches"),
        hints=parts.get("hints"),
        score=field(data, "score", as_float),
        words=each(data, "words", as_text),
    )


def _number(value: Any) -> float | None:
    return None if value is None else as_float(value)


def _exclusion(value: Any) -> Exclusion:
    data = members(value)
    return Exclusion(
        branch=field(data, "branch", as_branch_name),
        code=field(data, "code", _CODE),
        reason=field(data, "reason", as_text),
    )
