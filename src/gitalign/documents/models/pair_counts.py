"""Models: how many pairs were compared, and what is not known of them."""

from __future__ import annotations

from typing_extensions import TypedDict


class ContestDocument(TypedDict):
    """A path at which branches stop on their target and that others change, too."""

    target: str
    path: str
    stopping: list[str]
    changing: list[str]


class UnmergedPairDocument(TypedDict):
    """Two branches that git could not merge, and why."""

    one: str
    other: str
    target: str
    reason: str


class PairCountDocument(TypedDict):
    """How the pairs of one target were decided: `pairs` is the sum of `pruned`, `merged`, `undecided` and `failed`."""

    target: str
    branches: int
    partial: int
    left_out: int
    pairs: int
    pruned: int
    merged: int
    undecided: int
    failed: int
    clashing: int
