"""Finding a place where clean turns into not clean, with few questions. Pure: questions out, answers in."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisection:
    """A search along a line of positions whose first is clean and whose last is not.

    It need not be that everything before some place is clean and everything after it is not: whichever place is found, it is one where
    clean turns into not clean.

    Attributes:
        clean: a position that is clean.
        broken: a later one that is not.
        suspects: positions that are likelier than others to be the first that is not, ascending. A guess, which may be wrong: it changes how
            many questions are asked, never which answers are right.
        guesses_left: questions that may still follow the guess; after that, halving alone bounds their number.
        step_size: how many suspects further the next question goes, as long as every answer was clean; 0 once one was not. What breaks a
            branch is mostly found early, and merges with what is near are quick.
    """

    clean: int
    broken: int
    suspects: tuple[int, ...] = ()
    guesses_left: int
    step_size: int = 1

    @property
    def is_done(self) -> bool:
        """True when the two positions are neighbours."""
        return self.broken - self.clean == 1

    def question(self) -> int:
        """A position between the two, to be looked at next."""
        if self.guesses_left > 0:
            between = self._suspects_between()
            if between:
                return between[min(self.step_size, len(between)) - 1 if self.step_size else len(between) // 2]
            if self._is_suspect(self.broken):
                return self.broken - 1
        return (self.clean + self.broken) // 2

    def answered(self, position: int, *, is_clean: bool, suspects: Sequence[int] | None = None) -> Bisection:
        """The search after an answer; with `suspects` when the answer gave a better guess."""
        return replace(
            self,
            clean=position if is_clean else self.clean,
            broken=self.broken if is_clean else position,
            suspects=self.suspects if suspects is None else tuple(suspects),
            guesses_left=self.guesses_left - 1,
            step_size=2 * self.step_size if is_clean else 0,
        )

    def _suspects_between(self) -> tuple[int, ...]:
        low = bisect.bisect_right(self.suspects, self.clean)
        return self.suspects[low : bisect.bisect_left(self.suspects, self.broken)]

    def _is_suspect(self, position: int) -> bool:
        at = bisect.bisect_left(self.suspects, position)
        return at < len(self.suspects) and self.suspects[at] == position


def search(length: int, *, suspects: Sequence[int] = ()) -> Bisection:
    """A search over the positions 0 (clean) to `length` (not clean), at most three questions per halving.

    Args:
        length: of the line, at least 1.
        suspects: positions that are likely to be the first that is not clean, ascending.
    """
    return Bisection(clean=0, broken=length, suspects=tuple(suspects), guesses_left=2 * length.bit_length())
