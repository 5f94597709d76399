"""What the branch's own commits say."""

from __future__ import annotations

import re

from gitalign.core.names import display
from gitalign.core.rule_checks import CommitMessageCheck
from gitalign.core.rules import Requirement, Spot
from gitalign.rules.evidence import Evidence, Judged
from gitalign.rules.searcher import CannotTell

_CONVENTIONAL = re.compile(r"([A-Za-z]+)(\([^()]*\))?!?: \S")
_LONGEST_SUBJECT = 10_000


def judge_commit_messages(check: CommitMessageCheck, requirement: Requirement, evidence: Evidence) -> Judged:
    """Each own commit that is no merge."""
    commits = [commit for commit in evidence.commits if not commit.is_merge]
    subjects = [commit.message.lstrip("\n").split("\n", 1)[0] for commit in commits]
    found: set[int] | None = None
    if check.subject is not None and subjects:
        try:
            lines = [subject[:_LONGEST_SUBJECT] for subject in subjects]
            found = set(evidence.searcher.lines(check.subject, lines, ignore_case=False, deadline=evidence.deadline))
        except CannotTell as error:
            return Judged(unit="commit", judged=0, fine=0, unjudged=[Spot(None, None, str(error))])
    spots: list[Spot] = []
    bad = 0
    for number, (commit, subject) in enumerate(zip(commits, subjects, strict=True)):
        faults = _faults(check, subject, commit.message)
        if found is not None and number not in found:
            faults.insert(0, f"the subject does not match {check.subject}")
        bad += bool(faults)
        spots += [Spot(None, None, f"{commit.oid[:12]} {display(subject[:80])!r}: {fault}") for fault in faults]
    return Judged(unit="commit", judged=len(commits), fine=len(commits) - bad, spots=spots)


def _faults(check: CommitMessageCheck, subject: str, message: str) -> list[str]:
    faults: list[str] = []
    if check.most_subject_characters is not None and len(subject) > check.most_subject_characters:
        faults.append(f"the subject has {len(subject)} characters, more than {check.most_subject_characters}")
    if check.conventional_types:
        match = _CONVENTIONAL.match(subject)
        if match is None or match[1] not in check.conventional_types:
            faults.append(f"the subject does not begin with one of {', '.join(check.conventional_types)} and a colon")
    if check.trailer is not None and not _has_trailer(message, check.trailer):
        faults.append(f"there is no trailer {check.trailer}")
    return faults


def _has_trailer(message: str, name: str) -> bool:
    """Source: `git help interpret-trailers`: lines `name: value` in the last paragraph, which is not the subject's."""
    paragraphs = [part for part in re.split(r"\n[ \t]*\n", message.strip("\n")) if part.strip()]
    if len(paragraphs) < 2:
        return False
    prefix = f"{name.lower()}:"
    return any(line.lower().startswith(prefix) and line[len(prefix) :].strip() for line in paragraphs[-1].split("\n"))
