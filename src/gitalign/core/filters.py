"""Which branches the operator asked for: by name, by author, by the date of the last commit. Pure."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from gitalign.core.exclusions import FILTERS, ExclusionCode
from gitalign.core.long_lived import known_role
from gitalign.core.names import Oid, display
from gitalign.core.plan import Plan

_MOST_NAMED = 3


class TipCommit(NamedTuple):
    """The commit that a branch points to: its author (mailmap applied) and author date, in seconds since the epoch."""

    name: str
    email: str
    authored_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """What was asked for. A branch takes part when every filter that is given lets it pass.

    Attributes:
        only: globs over whole names; one of them must match. Empty takes all.
        exclude: globs over whole names; none of them may match.
        authors: patterns for the author of the commit that the branch points to; one of them must match. A pattern without
            `*`, `?` and `[` matches any part of `Name <email>`, one with them the whole name or the whole e-mail address; case is ignored.
        since: the last commit must not be older than this, in seconds since the epoch. Its author date counts: an alignment
            changes the other one.
        before: the last commit must be older than this.
        tips: the commits that branches point to; one that is not here passes, for what it is is not known.
    """

    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    since: int | None = None
    before: int | None = None
    tips: Mapping[Oid, TipCommit] = field(default_factory=dict)

    @property
    def are_none(self) -> bool:
        """True when every branch passes."""
        return not (self.only or self.exclude or self.reads_commits)

    @property
    def are_names(self) -> bool:
        """True when whole names are asked for, each written in full."""
        return bool(self.only) and not any(set("*?[") & set(re.sub(r"\[[*?[]\]", "", glob)) for glob in self.only)

    @property
    def reads_commits(self) -> bool:
        """True when `tips` are needed."""
        return bool(self.authors) or self.since is not None or self.before is not None

    def left_out(self, name: str, tip: Oid) -> tuple[ExclusionCode, str] | None:
        """Which filter leaves a branch out, and why; None when it takes part."""
        if not self.names(name):
            return ExclusionCode.NOT_SELECTED, f"matches none of {', '.join(self.only)}"
        for glob in self.exclude:
            if fnmatch.fnmatchcase(name, glob):
                return ExclusionCode.EXCLUDED, f"matches --exclude {glob}"
        commit = self.tips.get(tip)
        if commit is None:
            return None
        if self.authors and not any(_is_by(commit, pattern) for pattern in self.authors):
            return ExclusionCode.OTHER_AUTHOR, f"its last commit is by {display(commit.name)} <{display(commit.email)}>"
        if self.since is not None and commit.authored_at < self.since:
            return ExclusionCode.BEFORE_SINCE, f"its last commit is of {_day(commit.authored_at)}"
        if self.before is not None and commit.authored_at >= self.before:
            return ExclusionCode.TOO_YOUNG, f"its last commit is of {_day(commit.authored_at)}"
        return None

    def takes(self, names: Sequence[str], tip: Oid) -> bool:
        """Whether a branch that goes by several names takes part: one of them is asked for, and none is excluded."""
        found = [self.left_out(name, tip) for name in names]
        return None in found and not any(out is not None and out[0] is ExclusionCode.EXCLUDED for out in found)

    def names(self, name: str) -> bool:
        """Whether a name is among those that were asked for."""
        return not self.only or any(fnmatch.fnmatchcase(name, glob) for glob in self.only)


ALL = Filters()
"""Every branch."""


def _is_by(commit: TipCommit, pattern: str) -> bool:
    wanted, name, email = pattern.casefold(), commit.name.casefold(), commit.email.casefold()
    if not set("*?[") & set(wanted):
        return wanted in f"{name} <{email}>"
    return fnmatch.fnmatchcase(name, wanted) or fnmatch.fnmatchcase(email, wanted)


def _day(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def filter_lines(plan: Plan) -> tuple[str, ...]:
    """What the filters of a plan left out, for a reader: a line that counts, by filter, and why nothing is left where that is so."""
    left_out = [one for one in plan.excluded if one.code in FILTERS]
    if not left_out:
        return ()
    counts = Counter(one.code for one in left_out if known_role(one.branch) is None)
    total = sum(counts.values())
    by = ", ".join(f"{counts[code]} by {option}" for code, option in FILTERS.items() if counts[code])
    words = f"Filters leave out {total} feature {'branch' if total == 1 else 'branches'}{f': {by}' if by else ''}."
    if plan.steps:
        return (words,) if total else ()
    others = [one for one in plan.excluded if one.code not in FILTERS and one.code is not ExclusionCode.IS_TARGET]
    if not others:
        return words, "No branch passes the filters: there is nothing to do."
    return words, *(f"{display(one.branch)} {display(one.reason)}." for one in others[:_MOST_NAMED])
