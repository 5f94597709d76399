"""How long a stage of a run still takes, from the work that is done; no number before it is worth one. Pure."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping

from gitalign.core.plan import Step, StepKind

_LEAST_SHARE = 0.1
_LEAST_S = 3.0
_SOON_S = 10.0


def weight_of(step: Step) -> float:
    """How much work a branch is, in no unit.

    Commits that branches share are merged once, and a conflict ends a branch early, so work grows more slowly than the number
    of commits: on three public repositories (tests/cli/recorded) the logarithm came nearest to the time that was needed.
    """
    if step.refusal is not None or step.kind in (StepKind.UP_TO_DATE, StepKind.LEAVE):
        return 0.1
    return 1.0 + math.log2(1 + step.own_commits)


class TimeLeft:
    """One stage: parts of known weight, each of which ends once.

    Args:
        began_s: when the stage began, on the clock of all other times given.
        weights: of all its parts.
    """

    def __init__(self, began_s: float, weights: Mapping[Hashable, float]) -> None:
        self._began_s = began_s
        self._weights = dict(weights)
        self._total = sum(self._weights.values())
        self._done = 0.0
        self._seen_s = began_s

    def finished(self, part: Hashable, at_s: float) -> None:
        """Note that a part has ended; one that is not known counts nothing."""
        self._done += self._weights.pop(part, 0.0)
        self._seen_s = at_s

    def left_s(self, now_s: float) -> float | None:
        """Seconds still needed; None as long as too little is done to tell, and when the last answer has run out."""
        took = self._seen_s - self._began_s
        if not self._weights or self._done < _LEAST_SHARE * self._total or now_s - self._began_s < _LEAST_S:
            return None
        left = took * (self._total - self._done) / self._done - (now_s - self._seen_s)
        return left if left > 0 else None


def in_words(left_s: float | None) -> str:
    """The time left as a person says it; empty when it is not known."""
    if left_s is None:
        return ""
    if left_s < _SOON_S:
        return "a few seconds left"
    if left_s < 55:
        return f"about {5 * round(left_s / 5)} s left"
    minutes = round(left_s / 60) or 1
    if minutes < 60:
        return f"about {minutes} min left"
    return f"about {minutes // 60} h {minutes % 60} min left"
