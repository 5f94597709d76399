"""The strategies of `auto`, one after the other: what the next strategy makes of a branch that the last one could not align."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from gitalign.core.names import display
from gitalign.core.outcome import Aligned, Cancelled, Conflicted, Outcome, Refused, Unchanged
from gitalign.errors import ABOUT_ONE_MERGE

StrategyAttempt = tuple[str, Callable[[], Outcome]]

_OF_ONE_STRATEGY = frozenset(
    {"octopus_merge", "merge_collapsed", "merge_driver", "taken_back", "changed_since", "leaves_nothing"}
)
"""Refusals that say something about a strategy, not about the branch."""


def try_strategies(attempts: Sequence[StrategyAttempt]) -> Outcome:
    """The outcome of the first strategy that aligns a branch; where none does, the stop of the first one that stopped in a conflict.

    Either tells what else was tried, and where it stopped. What is true of a branch whatever the strategy (stopped, out of
    time, another tool's conflict in it) ends the climb.

    Args:
        rungs: name and attempt, in the order in which they are tried.

    Raises:
        GitError: the first attempt could not be made at all.
    """
    told: list[tuple[Outcome | None, str]] = []
    for name, attempt in attempts:
        try:
            outcome = attempt()
        except ABOUT_ONE_MERGE as error:
            if not told:
                raise
            told.append((None, f"{name} cannot be made: {error.message[:200]}"))
            continue
        if isinstance(outcome, Aligned):
            return (
                replace(outcome, strategy_used=name, strategies_tried=tuple(words for _, words in told))
                if told
                else outcome
            )
        if isinstance(outcome, Conflicted):
            told.append((outcome, f"{name} {stop_in_words(outcome)}"))
        elif isinstance(outcome, Refused) and outcome.code in _OF_ONE_STRATEGY:
            told.append((outcome, f"{name} is refused: {outcome.reason}"))
        elif isinstance(outcome, Cancelled | Unchanged) or not told:
            return outcome
        else:
            told.append((None, f"{name}: {getattr(outcome, 'reason', outcome.kind)}"))
            break
    first = next((one for one, _ in told if isinstance(one, Conflicted)), told[0][0])
    if isinstance(first, Conflicted):
        return replace(first, strategies_tried=tuple(words for one, words in told if one is not first))
    assert first is not None
    return first


def stop_in_words(one: Conflicted) -> str:
    """Where a strategy stopped."""
    where = f"stops at commit {one.position} of {one.total} " if one.commit is not None else "stops "
    if one.recreating is not None:
        where = f"stops at making merge {one.recreating[:10]} again "
    if one.on_the_way is not None:
        where += f"at {one.on_the_way[:10]} on the way "
    more = f" and {len(one.paths) - 1} more" if len(one.paths) > 1 else ""
    return f"{where}in {display(one.paths[0]) if one.paths else 'git'}{more}"
