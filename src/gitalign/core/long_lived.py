"""Branches that are not feature branches, known by their names: long-lived lines, releases, versions, and branches of bots.

Names alone decide here. A name that could be either counts as long-lived: a branch held back can be asked for by its name,
a release line that was rewritten cannot be taken back from everybody who has it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

PRIMARY_NAMES = (
    "main",
    "master",
    "trunk",
    "develop",
    "development",
    "dev",
    "next",
    "staging",
    "stable",
    "scientific",
    "orchestration-tools",
)
"""Names that are taken for targets, where such a branch exists and the operator named no target."""


class Role(StrEnum):
    """What a branch is for, when it is no feature branch."""

    LONG_LIVED = "long-lived"
    RELEASE = "release"
    VERSION = "version"
    PAGES = "pages"
    QUEUE = "queue"
    BOT = "bot"


@dataclass(frozen=True, slots=True)
class Known:
    """Why a name is known.

    Attributes:
        role: what the branch is for.
        reason: in words, as a reader sees them behind the branch's name.
    """

    role: Role
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a repository itself says of a long-lived branch.

    Attributes:
        pattern: glob over whole names.
        reason: in words that follow "is ".
        is_queue: the branch belongs to a merge queue: never a target that is found by its name.
    """

    pattern: str
    reason: str
    is_queue: bool = False


_LONG_LIVED = frozenset(
    {
        *PRIMARY_NAMES,
        *(
            "mainline",
            "default",
            "devel",
            "edge",
            "nightly",
            "canary",
            "preview",
            "unstable",
            "testing",
            "experimental",
        ),
        *("production", "prod", "preprod", "pre-prod", "qa", "uat", "live", "release", "maint", "lts", "seen", "pu"),
    }
)
_PAGES = re.compile(r"(gh|gl|cf|github|gitlab|codeberg|docs)-pages|pages|asf-(site|staging)")
_QUEUE = re.compile(
    r"gh-readonly-queue/.+|mergify/merge-queue/.+|(staging|trying)([.-]tmp\d*)?|trying|(graphite|trunk)-(merge|base)/.+|merge-queue/.+"
)
_RELEASE = re.compile(
    r"(releases?|rel|hotfix|hotfixes|stable|support|maint|maintenance|unmaintained|lts)/.+"
    r"|(releases?|hotfix)[_.-](?!(please|notes?|scripts?|drafter|process|docs?|workflow|automation|ci|actions?|tooling|checklist)([_.-]|$)).+"
    r"|(rel|stable|support|maint|maintenance|lts)[_.-][^/]*\d[^/]*"
    r"|(releases?|stable|maint)\d.*"
    r"|[^/]+[-_.](stable|unstable)|(latest|current)[-_]release"
    r"|v?\d[\w.]*?[-_.](maint|maintenance|releases?|rel|lts|branch)|\d[\d._-]*[-_.]hotfix",
    re.IGNORECASE,
)
_NUMBER = r"[vr]?\d+(?:[._-]\d+)*(?:[._-][x*])?"
_TAIL = (
    r"(?:[-_.]?(?:x|stable|br|branch|release|maintenance|maint|lts|dev|final|(?:alpha|beta|rc|pre|preview|m)[.-]?\d*))*"
)
_VERSION = re.compile(rf"(?:{_NUMBER}{_TAIL})|(?:[vrk]\d+)|(?:[A-Z]+(?:_\d+)+(?:_[A-Z]+)?)", re.IGNORECASE)
_NAMED_VERSION = re.compile(rf"([a-z]+)[-_/]v?\d+[._](?:\d+|x)(?:[._](?:\d+|x))*{_TAIL}", re.IGNORECASE)
_LINE_OF_A_PART = re.compile(r"([a-z]+(?:[-_][a-z]+)+)[-_/]v?\d+(?:[._]\d+)*[._]x", re.IGNORECASE)
"""`tokio-util-0.7.x`: several words count only before a version that ends in `x`, for `my-change-1.2` may be about anything."""
_WORK = frozenset(
    re.findall(
        r"\w+",
        """
        fix bug bugfix issue issues feature feat add update upgrade bump use test tests wip try tmp temp pr patch task ticket
        story port backport topic prepare refactor chore docs doc to support drop remove migrate revert merge pull user dev
        experiment exp poc demo
        """,
    )
)
"""Words before a version that speak of work on it, and not of a line of it."""
_BOTS: tuple[tuple[str, str], ...] = (
    (r"dependabot/.+", "dependabot"),
    (r"renovate(-bot|bot)?[/-].+", "renovate"),
    (r"greenkeeper[/-].+", "greenkeeper"),
    (r"deps-update/.+|updatecli_.+", "updatecli"),
    (r"depfu/.+", "depfu"),
    (r"pyup[-/].+", "pyup"),
    (r"snyk-(fix|upgrade|monitor)-.+", "snyk"),
    (r"(whitesource|mend)[-/](remediate|bolt|configure).*", "mend"),
    (r"imgbot", "imgbot"),
    (r"all-?contributors/.+", "all-contributors"),
    (r"pre-commit-ci-update-config", "pre-commit.ci"),
    (r"release-please--.+", "release-please"),
    (r"changeset-release/.+", "changesets"),
    (r"owl-bot-.+", "OwlBot"),
    (r"create-pull-request/.+", "create-pull-request"),
    (r"mergify/bp/.+", "mergify"),
    (r"(.+-)?bots?/.+", "a bot"),
    (r"(weblate|transifex|crowdin|l10n)[-_/].+|l10n_.+", "a translation service"),
)
_BOT = re.compile("|".join(f"(?P<b{at}>{pattern})" for at, (pattern, _) in enumerate(_BOTS)), re.IGNORECASE)


@lru_cache(maxsize=1 << 16)
def known_role(name: str) -> Known | None:
    """What a branch's name says it is for; None for a feature branch.

    Args:
        name: without `refs/heads/` or the name of a remote.
    """
    bot = _BOT.fullmatch(name)
    if bot is not None and bot.lastgroup is not None:
        return Known(Role.BOT, f"belongs to {_BOTS[int(bot.lastgroup[1:])][1]}, which updates its branches itself")
    if _QUEUE.fullmatch(name) and name not in PRIMARY_NAMES:
        return Known(Role.QUEUE, "belongs to a merge queue")
    if _PAGES.fullmatch(name):
        return Known(Role.PAGES, "holds a published site")
    if name in _LONG_LIVED:
        return Known(Role.LONG_LIVED, "is a long-lived branch by its name")
    if _RELEASE.fullmatch(name):
        return Known(Role.RELEASE, "is a release or maintenance branch by its name")
    if _VERSION.fullmatch(name):
        return Known(Role.VERSION, "is a version branch by its name")
    named = _NAMED_VERSION.fullmatch(name) or _LINE_OF_A_PART.fullmatch(name)
    if named is not None and not _WORK & set(re.split("[-_]", named.group(1).lower())):
        return Known(Role.VERSION, "is a version branch by its name")
    return None


def said_of(name: str, evidence: Iterable[Evidence]) -> Evidence | None:
    """What speaks for a branch being long-lived; None when nothing does."""
    return next((one for one in evidence if fnmatch.fnmatchcase(name, one.pattern)), None)


def is_line(name: str, evidence: Iterable[Evidence]) -> bool:
    """True for a branch that others are started on and stay on: a release, a version, or what the repository itself says is long-lived.

    Names such as `production` do not count: many of those are put where a feature branch stands.
    """
    known = known_role(name)
    if known is not None:
        return known.role in (Role.RELEASE, Role.VERSION)
    said = said_of(name, evidence)
    return said is not None and not said.is_queue


def conventional_targets(names: Iterable[str], *, head: str | None = None) -> tuple[str, ...]:
    """Which of the names are taken for targets when the operator named none, in order.

    Args:
        names: branches that exist.
        head: the branch that the remote's HEAD points to; it comes first.
    """
    there = set(names)
    if "trying" in there:  # bors tries pull requests there, and what it merges in `staging`
        there.discard("staging")
    return tuple(dict.fromkeys(name for name in (*([head] if head else []), *PRIMARY_NAMES) if name in there))
