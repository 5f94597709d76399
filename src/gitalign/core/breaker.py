"""The circuit breaker: when so much fails that going on would only make more of the same."""

from __future__ import annotations

from dataclasses import dataclass

from gitalign.core.outcome import Conflicted, Failed, Outcome
from gitalign.core.policy import BreakerPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many branches of a scope finished, and how many of them count as failures."""

    finished: int = 0
    failures: int = 0

    def plus(self, outcome: Outcome, policy: BreakerPolicy) -> Tally:
        """The tally with one more outcome."""
        return Tally(finished=self.finished + 1, failures=self.failures + counts(outcome, policy))

    def is_tripped(self, policy: BreakerPolicy) -> bool:
        """True when both thresholds hold; a threshold of None always does, unless both are None."""
        if not policy.enabled or (policy.count is None and policy.percent is None) or not self.failures:
            return False
        enough = policy.count is None or self.failures >= policy.count
        much = policy.percent is None or self.failures * 100 >= policy.percent * self.finished
        return enough and much


def counts(outcome: Outcome, policy: BreakerPolicy) -> bool:
    """Whether an outcome is a failure to the breaker: broken worlds and failed checks are, conflicts only on request."""
    return isinstance(outcome, Failed) or (policy.counts_conflicts and isinstance(outcome, Conflicted))
