"""From what is known of a branch to the target it belongs to, with the reason in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gitalign.core.categories import Evidence
from gitalign.core.names import display

WEIGHTS: Mapping[str, float] = {"history": 0.45, "hints": 0.20, "paths": 0.15, "name": 0.15, "patches": 0.05}
"""How much each part weighs. A part of which nothing is known for any target is left out, and the others fill its place."""
_OFF_LINE = 0.6
"""A branch that leaves something the target merged in, and not its own line, counts this much."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinship:
    """What was found out about one branch and one target.

    Attributes:
        own_commits: commits the target has not; None for histories that never meet.
        first_parents: commits down first parents until the target has one; None when it never does.
        on_line: the branch leaves the target's own line.
        picks: own commits that are no merges.
        picked: of those, how many the target has under another id.
        paths: files the branch edited that only this target has.
        named: the words by which its name says this target.
        hints: what git was given when the branch was made.
    """

    target: str
    own_commits: int | None
    behind: int
    first_parents: int | None
    on_line: bool
    picks: int
    picked: int
    paths: int
    named: str | None
    hints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assignment:
    """The target of a branch, how sure that is, and why."""

    target: str | None
    confidence: float
    needs_decision: bool
    reason: str
    evidence: tuple[Evidence, ...]


def assign(kinships: Sequence[Kinship], *, decide_above: float) -> Assignment:
    """Weigh the targets against one another.

    Args:
        kinships: one for each target, in the operator's order; ties keep it.
        decide_above: confidence below which a person should decide.
    """
    if not kinships:
        return Assignment(None, 0.0, True, "the repository has none of the target branches", ())
    ranked = sorted(_weighed(kinships), key=lambda one: -one.score)
    best = ranked[0]
    evidence = tuple(ranked)
    if all(one.own_commits is None for one in kinships):
        words = "shares no commit with any target"
        if best.score > 0:
            words += f"; {'; '.join(best.words)} says {display(best.target)}"
        return Assignment(best.target if best.score > 0 else None, 0.0, True, words, evidence)
    if len(ranked) == 1:
        return Assignment(best.target, 1.0, False, f"the only target: {'; '.join(best.words)}", evidence)
    second = ranked[1]
    confidence = 0.5 + 0.5 * (best.score - second.score) / best.score
    why = f"{display(best.target)} {best.score:.2f}: {'; '.join(best.words)}. {display(second.target)} {second.score:.2f}: {'; '.join(second.words)}"
    if best.score == second.score:
        level = [one for one in ranked if one.score == best.score]
        names = ", ".join(display(one.target) for one in level)
        return Assignment(best.target, 0.5, True, f"nothing tells {names} apart, first in order taken. {why}", evidence)
    unsure = confidence < decide_above
    return Assignment(best.target, confidence, unsure, f"{'too close to call. ' if unsure else ''}{why}", evidence)


def _weighed(kinships: Sequence[Kinship]) -> list[Evidence]:
    related = [one for one in kinships if one.own_commits is not None]
    fewest = min((one.own_commits or 0 for one in related), default=0)
    nearest = min((one.first_parents for one in related if one.first_parents is not None), default=None)
    hinted = any(one.hints for one in kinships)
    touched = sum(one.paths for one in related)
    some_line = any(one.on_line for one in related)
    named = 0 < sum(one.named is not None for one in kinships) < len(kinships)
    picked = any(one.picked for one in kinships)
    found: list[Evidence] = []
    for one in kinships:
        parts = {
            "history": _history(one, fewest, nearest, some_line=some_line),
            "hints": float(bool(one.hints)) if hinted else None,
            "paths": (one.paths / touched if one in related else 0.0) if touched else None,
            "name": float(one.named is not None) if named else None,
            "patches": (one.picked / one.picks if one.picks else 0.0) if picked else None,
        }
        told = {name: part for name, part in parts.items() if part is not None}
        score = sum(WEIGHTS[name] * part for name, part in told.items()) / sum(WEIGHTS[name] for name in told)
        evidence = Evidence(
            target=one.target,
            own_commits=one.own_commits or 0,
            behind=one.behind,
            first_parents=one.first_parents,
            on_line=one.on_line,
            picked=one.picked,
            history=told["history"],
            paths=parts["paths"],
            name=parts["name"],
            patches=parts["patches"],
            hints=parts["hints"],
            score=score,
            words=(),
        )
        found.append(replace(evidence, words=tuple(_words(one, evidence, touched))))
    return found


def _history(one: Kinship, fewest: int, nearest: int | None, *, some_line: bool) -> float:
    """Nearness: the fewest own commits over this target's, by all parents and by first parents (geometric mean)."""
    if one.own_commits is None:
        return 0.0
    total = (fewest + 1) / (one.own_commits + 1)
    first = (nearest + 1) / (one.first_parents + 1) if nearest is not None and one.first_parents is not None else total
    return math.sqrt(total * first) * (_OFF_LINE if some_line and not one.on_line else 1.0)


def _words(one: Kinship, evidence: Evidence, touched: int) -> list[str]:
    if one.own_commits is None:
        words = ["no commit in common"]
    else:
        words = [f"{one.own_commits} own commit{'' if one.own_commits == 1 else 's'}"]
        if one.first_parents is not None and one.first_parents != one.own_commits:
            words[0] += f" ({one.first_parents} by first parents)"
        if not one.on_line:
            words.append("not from its own line")
    if evidence.hints is not None and one.hints:
        words += one.hints
    if evidence.paths is not None and one.own_commits is not None:
        words.append(f"{one.paths} of {touched} edited files that one target alone has")
    if evidence.name and one.named:
        words.append(f"named by {display(one.named)!r}")
    if evidence.patches:
        words.append(f"{one.picked} of {one.picks} commits picked there")
    return words
