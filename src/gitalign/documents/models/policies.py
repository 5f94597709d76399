"""Models: policies: what the operator decided, as a plan holds it."""

from __future__ import annotations

from typing_extensions import TypedDict

from gitalign.core.policy import (
    AlreadyMerged,
    AutoResolver,
    CheckedOut,
    CommitterPolicy,
    MergesPolicy,
    Strategy,
    UnknownTarget,
)


class StrategyRuleDocument(TypedDict):
    """A strategy for the branches that fit; every condition given must hold."""

    strategy: Strategy
    merges: MergesPolicy | None
    match: str | None
    target: str | None
    tag: str | None
    metric: str | None
    at_least: float | None
    at_most: float | None


class PolicyDocument(TypedDict):
    """Everything that changes what a run does to branches. Part of the plan's hash."""

    strategy: Strategy
    strategies: list[StrategyRuleDocument]
    merges: MergesPolicy
    already_merged: AlreadyMerged
    checked_out: CheckedOut
    committer: CommitterPolicy
    unknown_target: UnknownTarget
    iterative_step: int
    integration_prefix: str
    partial: bool
    backups: bool
    backup_prefix: str
    protected: list[str]
    apply_resolutions: bool
    read_rr_cache: bool
    rungs: list[AutoResolver]
    union_files: list[str]
    programs: str
