"""The change summary of a branch: `<branch>_CHANGES_SUMMARY.md` and the same as JSON."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gitalign.core.certificate import PatchVerdict
from gitalign.core.emptied import why_dropped
from gitalign.core.findings import Finding
from gitalign.core.markup import markdown
from gitalign.core.names import Oid
from gitalign.core.outcome import Aligned, Conflicted, Dropped, Outcome
from gitalign.core.report import alignable_point_in_words, strategies_in_words
from gitalign.core.rules import Compliance
from gitalign.core.validation import Validation, ValidationStatus

_MOST_FILES = 200
_CONVENTIONAL = re.compile(r"^(?P<kind>[a-z]+)(\([^)]*\))?(?P<breaking>!)?:", re.IGNORECASE)
_ARCHITECTURE = re.compile(
    r"(^|/)(core|infra|infrastructure|config|settings|migrations|schema)/|(^|/)(Dockerfile|[^/]*\.lock|pyproject\.toml|package\.json)$"
)
_LARGE_LINES = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitStory:
    """One commit of the branch and what became of it.

    Attributes:
        new: None when it is not in the result.
        patch: None when it is not in the result.
    """

    old: Oid
    new: Oid | None
    subject: str
    author: str
    patch: PatchVerdict | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileStory:
    """A file that differs between target and result; lines are None for binary files and those that cannot be read."""

    path: str
    status: str
    added: int | None
    deleted: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is reported of a branch.

    Attributes:
        commits: own commits, dropped ones too: plain ones oldest first, then merges.
        files: from the target to the result.
        shared: files that both branch and target changed since they parted.
        target_commits: commits of the target the branch lacked.
        compliance: what the house rules say of the result, None when they were not asked for.
    """

    run_id: str
    branch: str
    target: str
    verdict: str
    detail: str
    before: Oid
    onto: Oid
    outcome: Outcome
    target_commits: int
    commits: tuple[CommitStory, ...]
    files: tuple[FileStory, ...]
    shared: tuple[str, ...]
    validation: Validation = Validation(status=ValidationStatus.NOT_CONFIGURED)
    compliance: Compliance | None = None

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What checks and detectors noticed."""
        return getattr(self.outcome, "findings", ())

    @property
    def dropped(self) -> tuple[Dropped, ...]:
        """Commits that are not in the result."""
        return self.outcome.dropped if isinstance(self.outcome, Aligned) else ()


def kind_of(subject: str) -> str:
    """`feature`, `fix` or `other`, by the prefix of conventional commits."""
    match = _CONVENTIONAL.match(subject)
    word = match["kind"].lower() if match else ""
    return "feature" if word in ("feat", "feature") else "fix" if word in ("fix", "bugfix", "hotfix") else "other"


def is_breaking(subject: str) -> bool:
    """True when a conventional commit says that it breaks something (`feat!: …`)."""
    match = _CONVENTIONAL.match(subject)
    return bool(match and match["breaking"])


def architectural(files: Iterable[FileStory]) -> list[FileStory]:
    """Files in places that carry the structure of a program, and very large changes."""
    return [
        one for one in files if _ARCHITECTURE.search(one.path) or (one.added or 0) + (one.deleted or 0) >= _LARGE_LINES
    ]


def summary_markdown(one: Summary) -> str:
    """The summary for people."""
    lines = [f"# Changes of {markdown(one.branch)}", "", "## Overview", ""]
    lines += _overview(one)
    lines += _commit_log(one)
    lines += _files(one)
    lines += _outcome_lines(one.outcome)
    lines += _findings_and_checks(one)
    if one.compliance is not None:
        lines += _house_rules(one.compliance)
    lines += ["", "## Deviations from the plan", "", "(for a person to fill in)"]
    return "\n".join(lines) + "\n"


def _overview(one: Summary) -> list[str]:
    return _table(
        ("", ""),
        [
            ("Target", f"{markdown(one.target)} at `{one.onto[:12]}`"),
            ("Outcome", f"{markdown(one.verdict)}" + (f": {markdown(one.detail)}" if one.detail else "")),
            ("Before", f"`{one.before[:12]}`"),
            *(
                [("After", f"`{one.outcome.after[:12]}` ({one.outcome.how.value.replace('_', ' ')})")]
                if isinstance(one.outcome, Aligned)
                else []
            ),
            *(
                (("Strategies", "; ".join(map(markdown, ladder))),)
                if (ladder := strategies_in_words(one.outcome))
                else ()
            ),
            ("New from the target", f"{one.target_commits} commits"),
            ("Run", markdown(one.run_id)),
        ],
    )


def _commit_log(one: Summary) -> list[str]:
    """Commits, by what they are for."""
    lines: list[str] = []
    kept = [commit for commit in one.commits if commit.new is not None or not isinstance(one.outcome, Aligned)]
    if one.commits:
        lines += ["", "## Commit log", ""]
        lines += _table(
            ("was", "is", "change", "author", "subject"),
            [_commit_row(commit, is_aligned=isinstance(one.outcome, Aligned)) for commit in one.commits],
        )
    for title, kind in (("New features", "feature"), ("Bug fixes", "fix"), ("Other changes", "other")):
        subjects = [commit.subject for commit in kept if kind_of(commit.subject) == kind]
        if subjects:
            lines += ["", f"## {title}", "", *(f"- {markdown(subject)}" for subject in subjects)]
    breaking = [commit.subject for commit in kept if is_breaking(commit.subject)]
    structural = architectural(one.files)
    if breaking or structural:
        lines += ["", "## Architectural modifications", ""]
        lines += [f"- breaking: {markdown(subject)}" for subject in breaking]
        lines += [f"- {markdown(file.path)} ({_lines(file)})" for file in structural[:_MOST_FILES]]
    return lines


def _files(one: Summary) -> list[str]:
    lines: list[str] = []
    if one.files:
        lines += ["", "## Files", ""]
        lines += _table(
            ("file", "", "added", "deleted"),
            [
                (markdown(file.path), file.status, _count(file.added), _count(file.deleted))
                for file in one.files[:_MOST_FILES]
            ],
        )
        if len(one.files) > _MOST_FILES:
            lines += ["", f"and {len(one.files) - _MOST_FILES} more"]
    if one.shared:
        lines += [
            "",
            "## Changed by the target, too",
            "",
            *(f"- {markdown(path)}" for path in one.shared[:_MOST_FILES]),
        ]
    return lines


def _findings_and_checks(one: Summary) -> list[str]:
    lines: list[str] = []
    if one.findings:
        lines += ["", "## Findings", ""]
        lines += _table(
            ("severity", "code", "where", "from", "what"),
            [
                (
                    finding.severity.value,
                    finding.code,
                    markdown(finding.path or "") + (f":{finding.line}" if finding.line else ""),
                    finding.introduced_by or "",
                    markdown(finding.message),
                )
                for finding in one.findings
            ],
        )
    if one.validation.checks:
        lines += ["", "## Checks", ""]
        lines += _table(
            ("check", "ended as", "why"),
            [
                (markdown(check.name), check.status.value.replace("_", " "), markdown(check.reason))
                for check in one.validation.checks
            ],
        )
    return lines


def _house_rules(found: Compliance) -> list[str]:
    rows = [
        (
            result.severity.value.upper(),
            markdown(result.id),
            result.verdict.value.replace("_", " "),
            "" if result.score is None else f"{result.score:.2f}",
            markdown(result.details),
        )
        for result in found.results
    ]
    spots = [
        f"- {markdown(result.id)}: {markdown(spot.path or '')}{f':{spot.line}' if spot.line else ''} {markdown(spot.message)}"
        for result in found.results
        for spot in result.spots
        if not result.is_compliant
    ]
    more = len(spots) - _MOST_FILES
    told = [*spots[:_MOST_FILES], *([f"- and {more} more"] if more > 0 else [])]
    table = _table(("", "rule", "verdict", "score", "how"), rows)
    lines = ["", "## House rules", "", f"{markdown(', '.join(found.packs))}: {found.words}.", "", *table]
    return [*lines, "", *told] if told else lines


def _outcome_lines(outcome: Outcome) -> list[str]:
    if isinstance(outcome, Aligned) and outcome.stopped_by is not None:
        return [*_outcome_lines(replace(outcome, stopped_by=None)), *_outcome_lines(outcome.stopped_by)]
    match outcome:
        case Aligned(dropped=dropped, resolved=resolved) if dropped:
            rows = [
                (
                    f"`{drop.oid[:12]}`",
                    why_dropped(drop, resolved) + (f" as `{drop.upstream[:12]}`" if drop.upstream else ""),
                    markdown(drop.subject),
                )
                for drop in dropped
            ]
            return ["", "## Commits that are not in the result", "", *_table(("commit", "why", "subject"), rows)]
        case Conflicted():
            where = (
                f"commit {outcome.position} of {outcome.total}, `{outcome.commit[:12]}` {markdown(outcome.subject)}"
                if outcome.commit
                else "merging branch and target"
            )
            listed = [
                f"- {markdown(conflict.kind)}: {', '.join(map(markdown, conflict.paths))}"
                for conflict in outcome.conflicts
            ]
            steps = [f"    {step}" for step in outcome.reproduce]
            far = [f"- {markdown(line)}" for line in alignable_point_in_words(outcome.alignable_point)]
            told = [f"Stopped at {where}.", "", *listed, "", *far, *([""] if far else [])]
            return ["", "## Conflicts", "", *told, "To meet it yourself:", "", *steps]
        case _:
            return []


def _commit_row(commit: CommitStory, *, is_aligned: bool) -> tuple[str, ...]:
    became = f"`{commit.new[:12]}`" if commit.new else "dropped" if is_aligned else ""
    patch = commit.patch.value if commit.patch else ""
    return f"`{commit.old[:12]}`", became, patch, markdown(commit.author), markdown(commit.subject)


def _lines(file: FileStory) -> str:
    return f"{file.status}, +{_count(file.added)} -{_count(file.deleted)}"


def _count(lines: int | None) -> str:
    return "?" if lines is None else str(lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    return [
        f"| {' | '.join(head)} |",
        f"|{'---|' * len(head)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
