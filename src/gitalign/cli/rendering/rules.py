"""What the verbs of house rules show."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, assert_never

from gitalign.cli.rendering.tables import MOST_ROWS, many, plain_table, safe, tell_rest
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
from gitalign.core.rules import Band, Compliance, Demand, RequirementResult, RulePack, Verdict

if TYPE_CHECKING:
    from rich.console import Console

_BANDS = {
    Band.EXCELLENT: "green",
    Band.COMPLIANT: "green",
    Band.PARTIALLY_COMPLIANT: "yellow",
    Band.NON_COMPLIANT: "red",
    Band.UNKNOWN: "yellow",
    Band.NOT_APPLICABLE: "dim",
}
_VERDICTS = {
    Verdict.PASSED: "green",
    Verdict.FAILED: "red",
    Verdict.UNKNOWN: "yellow",
    Verdict.NOT_APPLICABLE: "dim",
}
_MOST_SPOTS = 10


def show_compliance(out: Console, found: Sequence[Compliance], *, everything: bool = False) -> None:
    """Each branch with its band, and what is wrong with those that need attention."""
    if not found:
        out.print("No branch was judged: none has a target here.")
        return
    ordered = sorted(found, key=lambda one: (not one.needs_attention, one.branch))
    shown = ordered if everything else ordered[:MOST_ROWS]
    table = plain_table(
        "branch", "target", "band", "score", "must", "failed", "unknown", right=("score", "must"), cut=("failed",)
    )
    for one in shown:
        failed = [result.id for result in one.results if result.verdict is Verdict.FAILED]
        unknown = [result.id for result in one.results if result.verdict is Verdict.UNKNOWN]
        table.add_row(
            safe(one.branch),
            safe(one.target),
            f"[{_BANDS[one.band]}]{one.band.value.replace('_', ' ')}[/]",
            "-" if one.score is None else f"{one.score:.2f}",
            str(len(one.critical)) if one.critical else "-",
            safe(", ".join(failed)),
            safe(", ".join(unknown)),
        )
    out.print(table)
    tell_rest(out, len(shown), len(ordered))
    for one in shown:
        telling = [result for result in one.results if everything or result.verdict is Verdict.FAILED]
        if telling:
            out.print(f"\n[bold]{safe(one.branch)}[/]")
            for result in telling:
                show_rule(out, result, everything=everything)
    attention = sum(one.needs_attention or bool(one.critical) for one in found)
    out.print(
        f"\n{many(len(found), 'branch', 'branches')} judged by {safe(', '.join(found[0].packs))}; {attention} in need of attention. "
        "Nothing was moved."
    )


def show_rule(out: Console, result: RequirementResult, *, everything: bool = False) -> None:
    """What came of one rule, and where."""
    colour = _VERDICTS[result.verdict]
    out.print(
        f"  [{colour}]{result.verdict.value.replace('_', ' ')}[/] {result.severity.value.upper()} {safe(result.id)}: "
        f"{safe(result.details)}"
    )
    spots = result.spots if everything else result.spots[:_MOST_SPOTS]
    for spot in spots:
        place = "" if spot.path is None else f"{spot.path}:{spot.line}: " if spot.line else f"{spot.path}: "
        out.print(f"      {safe(place + spot.message)}")
    rest = len(result.spots) - len(spots) + result.spots_left_out
    if rest:
        out.print(f"      [dim]and {rest} more[/]")
    for words in result.suggestions:
        out.print(f"      [dim]{safe(words)}[/]")


def explain(out: Console, packs: Sequence[RulePack], *, only: str | None = None) -> None:
    """What each rule asks, why, and how it is judged."""
    for pack in packs:
        if only is not None and not any(one.id == only for one in pack.requirements):
            continue
        out.print(f"\n[bold]{safe(pack.name)}[/] {safe(pack.version)} ({safe(pack.origin)})")
        for one in pack.requirements:
            if only is not None and one.id != only:
                continue
            out.print(
                f"\n[bold]{one.severity.value.upper()} {safe(one.id)}[/]: {safe(one.name)} [dim]({safe(one.category)})[/]"
            )
            if one.description:
                out.print(f"  {safe(one.description)}")
            files = f", in {', '.join(one.paths)}" if one.paths else ""
            spared = f", not in {', '.join(one.exclude)}" if one.exclude else ""
            out.print(f"  judged: {safe(_how(one.check) + files + spared)}")
            if one.check is not None:
                share = "all" if one.threshold == 1 else f"at least {one.threshold:.0%}"
                out.print(f"  met when {share} of what is judged is in order{_weight(one.severity)}")
            if one.suggestion:
                out.print(f"  what to do: {safe(one.suggestion)}")
            for line in one.example.splitlines():
                out.print(f"    {safe(line)}")


def _weight(severity: Demand) -> str:
    if severity is Demand.MUST:
        return "; a branch that misses it, or for which the rule is unknown, is never compliant"
    return ""


def _how(check: Check | None) -> str:
    match check:
        case None:
            return "by a person only: always unknown"
        case PathCheck():
            parts = [f"nothing may be changed in {', '.join(check.forbidden)}" if check.forbidden else ""]
            parts.append(f"only {', '.join(check.allowed)} may be changed" if check.allowed else "")
        case SizeCheck():
            parts = [f"no file above {check.most_file_bytes} bytes" if check.most_file_bytes is not None else ""]
            parts.append(f"no more than {check.most_files} files" if check.most_files is not None else "")
            parts.append(f"no more than {check.most_lines} new lines" if check.most_lines is not None else "")
        case CommitMessageCheck():
            parts = [f"subjects match {check.subject}" if check.subject else ""]
            most = check.most_subject_characters
            parts.append(f"subjects of no more than {most} characters" if most is not None else "")
            parts.append(f"a trailer {check.trailer}" if check.trailer else "")
            types = ", ".join(check.conventional_types)
            parts.append(f"subjects that begin with one of {types} and a colon" if types else "")
        case RequiredFilesCheck():
            parts = [f"the result has {', '.join(check.files)}", "" if check.may_be_empty else "with something in it"]
        case PatternCheck():
            parts = [f"no new line matches {check.forbidden}" if check.forbidden else ""]
            parts.append(f"every changed file has a line that matches {check.required}" if check.required else "")
        case AstPatternCheck():
            parts = [f"no new {check.language} code matches {check.forbidden}" if check.forbidden else ""]
            parts.append(f"every changed file has code that matches {check.required}" if check.required else "")
        case PythonCheck():
            parts = [f"{check.look.value.replace('_', ' ')}, by the syntax tree of what the branch changed"]
        case _ as never:
            assert_never(never)
    return "; ".join(filter(None, parts))
