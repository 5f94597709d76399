"""How many workers go on side by side: a rule that follows memory, load and waits for locks between two bounds. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_MEMORY_IS_LOW = 0.8
_BUSY_ABOVE, _FREE_BELOW = 1.5, 0.9
_COUNTS_FROM = 0.25
_WAITS_FROM = 0.25
_MOST_AT_FIRST = 3


@dataclass(frozen=True, slots=True)
class WidthBounds:
    """No fewer than `least` workers, no more than `most`; the same number twice switches the rule off."""

    least: int
    most: int

    def first(self, processors: int) -> int:
        """How many to begin with: one for each processor, or three where there are fewer, within the bounds."""
        return max(self.least, min(self.most, max(_MOST_AT_FIRST, processors)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What is seen of the machine and of the work, since the last look.

    Attributes:
        memory: in use, as a share of what may be used.
        memory_of_work: that of the workers alone, as such a share.
        load: programs that run or wait for a processor, for each processor; None where the system does not say.
        computing: programs of the workers that run or wait for a processor, for each worker.
        lock_waits: share of the workers' time in which they waited for locks of each other and of other programs.
    """

    memory: float = 0.0
    memory_of_work: float = 0.0
    load: float | None = None
    computing: float = 0.0
    lock_waits: float = 0.0


@dataclass(frozen=True, slots=True)
class Width:
    """How many workers may go on, and why that is not what it was before; no reason where nothing has changed."""

    allowed: int
    reason: str = ""


def next_width(allowed: int, signs: Signs, *, busy: int, bounds: WidthBounds) -> Width:
    """How many workers may go on from now on. What is under way is never ended.

    - Memory at its bound: half of those that are busy. Until it is below four fifths of the bound, there are no more.
    - Workers that wait for locks a quarter of their time: one fewer.
    - Workers that compute, and more than one and a half programs for each processor: one fewer, or as many as keep it busy.
      Workers that wait for something else, such as a network, are no fewer for the load that other programs make.
    - All of them busy, and processor and memory to spare: half as many again, as far as memory allows.

    Args:
        allowed: so many may go on now.
        signs: since the last look.
        busy: so many are.
        bounds: of the answer.
    """
    width = _wanted(allowed, signs, busy)
    return Width(max(bounds.least, min(bounds.most, width.allowed)), width.reason)


def _wanted(allowed: int, signs: Signs, busy: int) -> Width:
    if signs.memory >= 1:
        return Width(min(allowed, busy // 2), f"memory is at its bound ({signs.memory:.0%})")
    if signs.lock_waits >= _WAITS_FROM:
        return Width(allowed - 1, f"{signs.lock_waits:.0%} of the time goes into waits for locks")
    computes = signs.computing >= _COUNTS_FROM
    if signs.load is not None and signs.load > _BUSY_ABOVE and computes:
        return Width(min(allowed, busy) - 1, f"{signs.load:.1f} programs for each processor")
    is_free = signs.load is None or signs.load < _FREE_BELOW or not computes
    if busy < allowed or not is_free or signs.memory >= _MEMORY_IS_LOW:
        return Width(allowed)
    more = max(1, allowed // 2)
    room = _MEMORY_IS_LOW - signs.memory
    of_one = signs.memory_of_work / max(1, busy)
    if of_one * more > room:
        more = int(room / of_one)
    return Width(allowed + more, "processor and memory to spare" if more else "")
