"""Lanes for merges beyond the plan's own: one for a single thread, or a few that work through a list together."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

from gitalign.core.names import Oid
from gitalign.engine.alignment.context import IntegrationContext
from gitalign.engine.alignment.integration import probe
from gitalign.git.attributes import AttributeFiles, read_attributes
from gitalign.git.merge import Wire
from gitalign.integrate.lane import MergeWorker

T = TypeVar("T")
R = TypeVar("R")

_WORKERS = 2


@contextmanager
def merging_lane(integration: IntegrationContext, targets: Iterable[Oid]) -> Iterator[MergeWorker]:
    """One lane, under the attributes of the targets."""
    lane = _lane_maker(integration, targets)()
    try:
        yield lane
    finally:
        lane.close()


def map_on_workers(
    integration: IntegrationContext,
    targets: Iterable[Oid] | Mapping[Oid, AttributeFiles],
    ask: Callable[[MergeWorker, T], R],
    items: Sequence[T],
) -> list[R]:
    """Ask for every item, in parallel, each thread with a lane of its own; answers in the order of the items.

    Args:
        integration: where the lanes are.
        targets: under whose attributes merges are made; with their attribute files, where they were read already.
        ask: one item.
        items: what is asked.

    Raises:
        whatever `ask` raises.
    """
    if not items:
        return []
    made = _lane_maker(integration, targets)
    own = threading.local()
    lanes: list[MergeWorker] = []

    def answer(item: T) -> R:
        if not hasattr(own, "lane"):
            own.lane = made()
            lanes.append(own.lane)
        return ask(own.lane, item)

    try:
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="lane") as pool:
            return list(pool.map(answer, items))
    finally:
        for one in lanes:
            one.close()


def _lane_maker(
    integration: IntegrationContext, targets: Iterable[Oid] | Mapping[Oid, AttributeFiles]
) -> Callable[[], MergeWorker]:
    """Makes lanes that share their merges."""
    quarantine = integration.quarantine
    wire = integration.wire if integration.wire.wire is not Wire.SINGLE else probe(quarantine)
    if isinstance(targets, Mapping):
        attributes = dict(targets)
    else:
        attributes = {target: read_attributes(quarantine.git, target) for target in sorted(targets)}
    shared = integration.merges
    timeout_s = integration.limits.integration_timeout_s
    return lambda: MergeWorker(quarantine, wire=wire, attributes=attributes, shared=shared, timeout_s=timeout_s)
