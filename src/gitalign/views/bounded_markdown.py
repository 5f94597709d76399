"""Markdown that fits into a comment of a pull request: every section says something, and what does not fit is counted.

GitHub refuses a comment of more than 65,536 characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from gitalign.core.first_steps import OLD_DAYS, STALE_DAYS, FirstConflict, FirstSteps, days_since
from gitalign.core.forecast import Author, Owner
from gitalign.core.markup import markdown
from gitalign.core.names import display
from gitalign.core.outlook import Published

MOST_BYTES = 60_000
_AT_FIRST = 8
"""Rows that every section gets before any gets more."""
_LONGEST = 240
_MOST_NAMES = 3
_REFERENCE = re.compile(r"@(?=\w)|&#35;(?=\d)")
"""What GitHub and GitLab would read as a person or an issue in rendered text, entities or not; a space of no width keeps them from it."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a document.

    Attributes:
        title: empty for one without a heading.
        before: lines above the rows, always there.
        rows: lines of a table or list, the most important first; these are what is left out.
        more: what rows are, for the line that counts those left out.
    """

    title: str = ""
    before: Sequence[str] = ()
    rows: Sequence[str] = ()
    more: str = "rows"


@dataclass(slots=True)
class _Room:
    left: int
    taken: dict[int, list[str]] = field(default_factory=dict)

    def take(self, number: int, rows: Iterable[str]) -> None:
        """Rows in their order, up to the first that does not fit."""
        mine = self.taken.setdefault(number, [])
        for row in rows:
            size = _size(row)
            if size > self.left:
                return
            self.left -= size
            mine.append(row)


def bounded(sections: Sequence[Section], *, most_bytes: int = MOST_BYTES) -> str:
    """The document; sections without lines and rows are left out.

    Args:
        sections: in their order; the first ones keep most.
        most_bytes: in UTF-8. What stands above the rows is not cut, and is to be short.
    """
    kept = [one for one in sections if one.before or one.rows]
    frames = [_frame(one) for one in kept]
    room = _Room(most_bytes - sum(_size(line) for frame in frames for line in frame) - sum(map(_reserve, kept)))
    for number, one in enumerate(kept):
        room.take(number, one.rows[:_AT_FIRST])
    for number, one in enumerate(kept):
        if len(room.taken[number]) == min(len(one.rows), _AT_FIRST):
            room.take(number, one.rows[_AT_FIRST:])
    lines: list[str] = []
    for number, (one, frame) in enumerate(zip(kept, frames, strict=True)):
        rows = room.taken[number]
        left = len(one.rows) - len(rows)
        lines += [*frame, *rows, *(["", f"and {left:,} more {one.more}"] if left else [])]
    return "\n".join(lines).lstrip("\n") + "\n"


def cell(words: str) -> str:
    """Words for a table, not longer than a reader takes in; they notify no person and refer to no issue."""
    return _REFERENCE.sub(lambda match: f"{match[0]}&#8203;", _cut(words))


def linked(words: str, href: str | None) -> str:
    """Words, as a link where there is a page."""
    return f"[{cell(words)}]({href})" if href is not None else cell(words)


def code(words: str) -> str:
    """Words as code, whatever signs they hold."""
    return f"<code>{_cut(words)}</code>"


def _cut(words: str) -> str:
    plain = display(words)
    return markdown(plain if len(plain) <= _LONGEST else f"{plain[:_LONGEST]}…")


def branch_link(name: str, published: Published | None) -> str:
    """A branch, as a link where a hosting service has it."""
    is_there = published is not None and display(name) == name and name in published.tips
    return linked(name, published.links.branch(name) if published is not None and is_there else None)


def target_commit(name: str, oid: str, published: Published | None) -> str:
    """The commit of a target, as a link where a hosting service has the target there."""
    is_there = published is not None and published.tips.get(name) == oid
    return commit_link(oid, published if is_there else None)


def commit_link(oid: str, published: Published | None) -> str:
    """A commit that a hosting service has."""
    href = published.links.commit(oid) if published is not None else None
    return f"[`{oid[:12]}`]({href})" if href else f"`{oid[:12]}`"


def person(author: Author | None, published: Published | None) -> str:
    """A person, as a link where there is a page."""
    if author is None:
        return ""
    return linked(author.name or author.email, published.links.author(author) if published is not None else None)


def author_and_age(owner: Owner | None, published: Published | None, as_of: datetime) -> tuple[str, str]:
    """Who has most commits of a branch, and days since the last one, for a table."""
    if owner is None:
        return "", ""
    age = str(days_since(owner.last_commit_at, as_of)) if owner.last_commit_at else ""
    return person(next(iter(owner.authors), None), published), age


def first_section(steps: FirstSteps, published: Published | None) -> Section:
    """What to do first."""
    rows = [
        f"- {_branches(len(one.branches))} {one.words} ({branch_link(one.branches[0], published)}"
        f"{f': {cell(one.reason)}' if one.reason else ''}): {code(one.command)}"
        for one in steps.attention
    ]
    rows += [_clash(one, published) for one in steps.clashes]
    if steps.alone:
        rest = "need more than one of these, or stop on their own" if steps.clashes else "stop, each on its own"
        if len(steps.alone) == 1:
            rest = "needs more than one of these, or stops on its own" if steps.clashes else "stops on its own"
        rows.append(f"- {_branches(len(steps.alone))} {rest}: {code(steps.to_look)}")
    if steps.unseen:
        words = "was not looked at, or is gone" if steps.unseen == 1 else "were not looked at, or are gone"
        rows.append(
            f"- {_branches(steps.unseen)} of these {words}, so what is shared is not known: {code(steps.to_look)}"
        )
    if steps.merged:
        are = "is merged" if len(steps.merged) == 1 else "are merged"
        rows.append(f"- {_branches(len(steps.merged))} {are}: {code(steps.to_delete)}")
    if steps.squashed:
        were = "was" if len(steps.squashed) == 1 else "were"
        words = f"{were} squashed, rebased or picked into the target"
        rows.append(f"- {_branches(len(steps.squashed))} {words}: {code(steps.to_delete_squashed)}")
    if steps.going_stale:
        soon = "; ".join(
            f"{branch_link(one.branch, published)}"
            + (f" by {person(one.author, published)}" if one.author else "")
            + f" in {one.days_left} {'day' if one.days_left == 1 else 'days'}"
            for one in steps.going_stale
        )
        rows.append(f"- Going stale next: {soon}")
    if steps.stale:
        all_old = steps.old == steps.stale
        old = f", {steps.old:,} of them for {OLD_DAYS} days or more" if steps.old and not all_old else ""
        days = OLD_DAYS if all_old else STALE_DAYS
        rows.append(f"- {_branches(steps.stale)} had no commit for {days} days or more{old}")
    nothing = [] if rows else ["Nothing: no branch stops, and none can be deleted."]
    return Section("What to do first", nothing, rows, "steps")


def table(head: Sequence[str], numbers: Sequence[int] = ()) -> list[str]:
    """The first lines of a table.

    Args:
        head: titles of the columns.
        numbers: places of those that hold numbers.
    """
    rule = "|".join("---:" if at in numbers else "---" for at in range(len(head)))
    return [f"| {' | '.join(head)} |", f"|{rule}|"]


def row(*cells: str) -> str:
    """A line of a table, of text that is Markdown already."""
    return f"| {' | '.join(cells)} |"


def _clash(one: FirstConflict, published: Published | None) -> str:
    paths = ", ".join(code(path) for path in one.paths[:3])
    more = f" and {len(one.paths) - 3} more" if len(one.paths) > 3 else ""
    frees = "each of them has other conflicts, too"
    if one.freed:
        frees = "resolving it frees " + ("all of them" if len(one.freed) == len(one.branches) else f"{len(one.freed)}")
    owners = ", ".join(f"{person(author, published)} ({count})" for author, count in one.owners[:3])
    owners += f" and {len(one.owners) - 3} more" if len(one.owners) > 3 else ""
    names = ", ".join(branch_link(name, published) for name in one.branches[:_MOST_NAMES])
    names += f" and {len(one.branches) - _MOST_NAMES} more" if len(one.branches) > _MOST_NAMES else ""
    cause = "".join(
        f" First stopped by {commit_link(cause.commit, published)} {cell(cause.subject)} ({cell(cause.author)})."
        for cause in one.causes[:1]
    )
    cause += f" And by {len(one.causes) - 1} more commits." if len(one.causes) > 1 else ""
    return (
        f"- {_branches(len(one.branches))} stop {one.words} in {paths}{more}; {frees}."
        f"{f' Owners: {owners}.' if owners else ''}{cause} {code(one.command)} ({names})"
    )


def _branches(count: int) -> str:
    return f"**{count:,} {'branch' if count == 1 else 'branches'}**"


def _frame(one: Section) -> list[str]:
    return [*(["", f"## {one.title}", ""] if one.title else []), *one.before]


def _reserve(one: Section) -> int:
    return _size(f"\nand {len(one.rows):,} more {one.more}\n") if one.rows else 0


def _size(line: str) -> int:
    return len(line.encode("utf-8", "surrogateescape")) + 1
