"""Tags that can be determined from files and history alone. What only a forecast or a run can tell is not tagged here."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from gitalign.categorize.paths import PathKind, is_security, kind_of
from gitalign.core.categories import Flag, Metrics

_SMALL, _LARGE = 3, 20
_LITTLE_DIVERGENCE, _MUCH_DIVERGENCE = 0.1, 0.5


def tags_of(
    *,
    target: str | None,
    needs_decision: bool,
    flags: Collection[Flag],
    changed: Sequence[bytes] | None,
    divergence: float | None,
    metrics: Metrics | None,
) -> tuple[str, ...]:
    """Tags of both vocabularies, sorted; see docs/categorize.md for each.

    Args:
        target: the branch's target.
        needs_decision: whether a person should decide on it.
        flags: of the branch.
        changed: paths the branch changed; None when unknown.
        divergence: share of files that differ from the target; None when unknown.
        metrics: of the branch; None when unknown.
    """
    tags: set[str] = set()
    if target is not None:
        tags.add(f"tag:{re.sub(r'[^0-9A-Za-z]+', '_', target).strip('_').lower()}_branch")
    if needs_decision:
        tags.add("tag:needs_decision")
    if divergence is not None:
        tags.add(
            "tag:simple_merge"
            if divergence < _LITTLE_DIVERGENCE
            else "tag:moderate_complexity"
            if divergence < _MUCH_DIVERGENCE
            else "tag:high_complexity"
        )
    if changed:
        tags |= _content(changed)
    if metrics is not None and metrics.diff is not None and changed:
        safety = metrics.diff["integration_risk"]
        tags.add("low-risk" if safety >= 0.8 else "medium-risk" if safety >= 0.5 else "high-risk")
    stale = {Flag.STALE_30, Flag.STALE_60, Flag.STALE_90}.intersection(flags)
    tags.add("stale" if stale else "active")
    for flag, tag in (
        (Flag.MERGED, "merged"),
        (Flag.ALREADY_CONTAINED, "already-contained"),
        (Flag.DUPLICATE, "duplicate"),
    ):
        if flag in flags:
            tags.add(tag)
    return tuple(sorted(tags))


def _content(changed: Sequence[bytes]) -> set[str]:
    kinds = {kind_of(path) for path in changed}
    tags = {
        tag
        for kind, tag in (
            (PathKind.CODE, "tag:core_code_changes"),
            (PathKind.TEST, "tag:test_changes"),
            (PathKind.CONFIG, "tag:config_changes"),
        )
        if kind in kinds
    }
    if kinds == {PathKind.DOCS}:
        tags.add("tag:documentation_only")
    if PathKind.CODE in kinds and PathKind.TEST not in kinds:
        tags.add("tag:requires_unit_tests")
    if any(map(is_security, changed)):
        tags.add("tag:requires_security_review")
    tags.add(
        "single-file"
        if len(changed) == 1
        else "small-scope"
        if len(changed) <= _SMALL
        else "wide-scope"
        if len(changed) >= _LARGE
        else "medium-scope"
    )
    return tags
