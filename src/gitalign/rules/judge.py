"""From packs and evidence to compliance: each requirement is handed to its checker, and what came of it is put in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from gitalign.core.rule_checks import (
    AstPatternCheck,
    Check,
    CommitMessageCheck,
    PathCheck,
    PatternCheck,
    PythonCheck,
    RequiredFilesCheck,
    SizeCheck,
)
from gitalign.core.rules import Requirement, RequirementResult, RulePack, Spot, Verdict
from gitalign.rules.checkers.ast_pattern import judge_ast_pattern
from gitalign.rules.checkers.commit_message import judge_commit_messages
from gitalign.rules.checkers.paths import judge_paths
from gitalign.rules.checkers.pattern import judge_pattern
from gitalign.rules.checkers.python_code import PythonReader, judge_python
from gitalign.rules.checkers.required_files import judge_required_files
from gitalign.rules.checkers.size import judge_size
from gitalign.rules.evidence import Evidence, Judged, TimeIsUp

_MOST_SPOTS = 100
_CLOSE_ENOUGH = 1e-9


def judge(packs: Sequence[RulePack], evidence: Evidence) -> tuple[RequirementResult, ...]:
    """What every requirement of the packs says of a branch, in their order.

    A checker that runs out of time, or fails over what it is shown, leaves its rule unknown; it never passes it, and it never
    stops another.
    """
    checks = [one.check for pack in packs for one in pack.requirements]
    reader = PythonReader(check.look for check in checks if isinstance(check, PythonCheck))
    return tuple(_result(pack, one, evidence, reader) for pack in packs for one in pack.requirements)


def _result(pack: RulePack, one: Requirement, evidence: Evidence, reader: PythonReader) -> RequirementResult:
    if one.check is None:
        return _requirement_result(pack, one, Verdict.UNKNOWN, None, "no checker: a person has to tell")
    try:
        found = _judged(one.check, one, evidence, reader)
    except TimeIsUp:
        return _requirement_result(pack, one, Verdict.UNKNOWN, None, "could not be judged in time")
    except (RecursionError, MemoryError) as error:
        return _requirement_result(pack, one, Verdict.UNKNOWN, None, f"could not be judged: {type(error).__name__}")
    spots = [*found.spots, *(Spot(spot.path, spot.line, f"not judged: {spot.message}") for spot in found.unjudged)]
    total = found.judged + len(found.unjudged)
    if not total:
        return _requirement_result(
            pack, one, Verdict.NOT_APPLICABLE, None, "the branch changes nothing that this is about"
        )
    score = found.fine / found.judged if found.judged else None
    if found.unjudged:
        details = f"{_many(len(found.unjudged), found.unit)} could not be judged: {_reason(found.unjudged[0])}"
        if score is not None and (found.fine + len(found.unjudged)) / total < one.threshold - _CLOSE_ENOUGH:
            return _requirement_result(pack, one, Verdict.FAILED, score, f"{_counted(found)}; {details}", spots)
        return _requirement_result(pack, one, Verdict.UNKNOWN, None, details, spots)
    assert score is not None
    verdict = Verdict.PASSED if score >= one.threshold - _CLOSE_ENOUGH else Verdict.FAILED
    return _requirement_result(pack, one, verdict, score, _counted(found), spots)


def _judged(check: Check, one: Requirement, evidence: Evidence, reader: PythonReader) -> Judged:
    match check:
        case PathCheck():
            return judge_paths(check, one, evidence)
        case SizeCheck():
            return judge_size(check, one, evidence)
        case CommitMessageCheck():
            return judge_commit_messages(check, one, evidence)
        case RequiredFilesCheck():
            return judge_required_files(check, one, evidence)
        case PatternCheck():
            return judge_pattern(check, one, evidence)
        case AstPatternCheck():
            return judge_ast_pattern(check, one, evidence)
        case PythonCheck():
            return judge_python(check, one, evidence, reader)
        case _ as never:
            assert_never(never)


def _requirement_result(
    pack: RulePack,
    one: Requirement,
    verdict: Verdict,
    score: float | None,
    details: str,
    spots: Sequence[Spot] = (),
) -> RequirementResult:
    is_wanting = verdict in (Verdict.FAILED, Verdict.UNKNOWN)
    return RequirementResult(
        pack=pack.name,
        id=one.id,
        name=one.name,
        category=one.category,
        severity=one.severity,
        verdict=verdict,
        score=score,
        threshold=one.threshold,
        details=details,
        suggestions=(one.suggestion,) if is_wanting and one.suggestion else (),
        spots=tuple(spots[:_MOST_SPOTS]),
        spots_left_out=max(0, len(spots) - _MOST_SPOTS),
    )


def _counted(found: Judged) -> str:
    return f"{found.fine} of {_many(found.judged, found.unit)} in order"


def _many(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"


def _reason(spot: Spot) -> str:
    return f"{spot.path} {spot.message}" if spot.path else spot.message


def unjudged(packs: Sequence[RulePack], reason: str) -> tuple[RequirementResult, ...]:
    """Every requirement as unknown, for a branch of which nothing can be read."""
    return tuple(
        _requirement_result(pack, one, Verdict.UNKNOWN, None, reason) for pack in packs for one in pack.requirements
    )
