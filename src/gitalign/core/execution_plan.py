"""Parts of an execution plan: batches, predicted conflicts, held branches, advice. Pure values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class HeldCode(StrEnum):
    """Why a branch is in no batch."""

    CONFLICT = "conflict"
    REFUSED = "refused"
    FAILED = "failed"
    CANCELLED = "cancelled"
    WAITS = "waits"
    """A branch it depends on is held."""
    NOTHING_TO_LAND = "nothing_to_land"
    """Everything of it is in its target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A branch that lands with no batch, and why."""

    branch: str
    target: str
    code: HeldCode
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictedConflict:
    """Two branches of which the second to land will stop.

    Attributes:
        first, second: in the order of landing.
        kinds: conflict types as git names them, sorted.
        jointly: the two are clean with one another, and clash only together with others that land before.
        is_stop: the second stops when it lands in this order; false for two that were only put into different batches.
    """

    first: str
    second: str
    target: str
    paths: tuple[str, ...]
    kinds: tuple[str, ...]
    jointly: bool = False
    is_stop: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionBatch:
    """Branches that do not clash with one another, one by one and all together.

    Attributes:
        batch_id: from 0, in the order of landing.
        members: branch names in the order of landing.
        can_parallel: more than one member.
        depends_on: batches that must have landed, because of a dependency or so that fewer branches stop.
        predicted_conflicts: with branches of earlier batches.
        metadata: `targets`: members by target.
    """

    batch_id: int
    members: tuple[str, ...]
    can_parallel: bool
    depends_on: tuple[int, ...]
    predicted_conflicts: tuple[PredictedConflict, ...]
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Landing some branches before another spares work.

    Attributes:
        first: what should land first.
        then: what should land after them.
        saves: how many branches more would stop for a person if `then` came before all of them.
    """

    first: tuple[str, ...]
    then: str
    saves: int
