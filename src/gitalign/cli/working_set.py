"""Which branches a verb is about: the options that choose, and the lines that say so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from gitalign.cli.options import Options, given
from gitalign.cli.parameters import option

if TYPE_CHECKING:
    from gitalign.core.plan import Plan
    from gitalign.facade import Request

Remote = Annotated[
    str | None,
    option(
        "--remote",
        metavar="[NAME]",
        help="The branches of a remote instead of local ones; without NAME those of alignment.remote.",
    ),
]
All = Annotated[
    bool,
    option("--all", help="Local branches and, beside them, those that only the remote has."),
]
_OPTION = "--remote"
Targets = Annotated[
    tuple[str, ...],
    option(
        "--target",
        help="A branch to align onto, instead of the configured and the usual ones; may be given several times.",
        metavar="NAME",
    ),
]
Only = Annotated[
    tuple[str, ...],
    option("--only", help="Glob over whole branch names; may be given several times.", metavar="GLOB"),
]
Exclude = Annotated[
    tuple[str, ...],
    option(
        "--exclude", help="Leave out branches whose whole name matches; may be given several times.", metavar="GLOB"
    ),
]
Author = Annotated[
    tuple[str, ...],
    option(
        "--author",
        help="Only branches whose last commit is by this author: a part of `Name <email>`, or a glob over either; may be given several times.",
        metavar="PATTERN",
    ),
]
Since = Annotated[
    str | None,
    option(
        "--since", help="Only branches whose last commit is not older: `2 weeks ago`, `2026-01-31`.", metavar="DATE"
    ),
]
OlderThan = Annotated[
    str | None,
    option(
        "--older-than", help="Only branches whose last commit is older: `90 days`, `2026-01-31`.", metavar="AGE|DATE"
    ),
]


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The branches of a verb, by name, author and age."""

    only: Only = ()
    exclude: Exclude = ()
    author: Author = ()
    since: Since = None
    older_than: OlderThan = None

    def fields_of_request(self) -> dict[str, Any]:
        """These, as fields of a request."""
        return {
            "only": self.only,
            "exclude": self.exclude,
            "authors": self.author,
            "since": self.since,
            "older_than": self.older_than,
        }

    def are_given(self) -> bool:
        """True when any of them was typed."""
        return bool(self.only or self.exclude or self.author or self.since or self.older_than)


@dataclass(frozen=True, kw_only=True)
class Branches(Filters):
    """The branches of a verb, and what they are aligned onto."""

    target: Targets = ()
    remote: Remote = None
    everywhere: All = False

    def fields_of_request(self) -> dict[str, Any]:
        """These, as fields of a request; the target is a setting."""
        remote = "" if self.everywhere and self.remote is None else self.remote
        return {**super().fields_of_request(), "remote": remote, "also_local": self.everywhere}

    def settings(self) -> dict[str, object]:
        """The setting that `--target` stands for, by dotted key."""
        return target_settings(self.target)


def target_settings(target: tuple[str, ...]) -> dict[str, object]:
    """The setting that `--target` stands for, by dotted key."""
    return given({"alignment.targets": target or None})


def with_values(words: Sequence[str]) -> list[str]:
    """The command line with a value behind every `--remote` that has none: the parser knows no optional values."""
    made: list[str] = []
    for at, word in enumerate(words):
        if word == "--":
            return [*made, *words[at:]]
        follows = words[at + 1] if at + 1 < len(words) else "-"
        made.append(f"{_OPTION}=" if word == _OPTION and follows.startswith("-") else word)
    return made


def planned(
    options: Options, request: Request, *, whatever_is_checked_out: bool = False, beside_output: bool = False
) -> Plan:
    """The plan of a verb that moves nothing; it says whose branches it is about, and which it leaves out.

    Args:
        options: of the verb.
        request: what is planned.
        whatever_is_checked_out: plan also where HEAD is on a branch that may be the primary one.
        beside_output: say so on standard error, because a program reads standard output.
    """
    from gitalign import facade
    from gitalign.cli.rendering.console import console

    made = facade.plan(request, whatever_is_checked_out=whatever_is_checked_out)
    warnings = {f"{note.words}." for note in made.target_notes if note.is_diverged}
    if not options.json and not options.quiet:
        out = console(stderr=beside_output)
        for line in lines_about(made, was_asked=request.remote is not None, was_read=request.push or request.fetch):
            out.print(line, markup=False, style="yellow" if line in warnings else None)
    return made


def lines_about(plan: Plan, *, was_asked: bool, was_read: bool = False) -> list[str]:
    """What a reader should know about the working set, a line each.

    Args:
        plan: about which branches.
        was_asked: whether the branches of a remote were asked for.
        was_read: whether the remote was asked just now what it holds.
    """
    from gitalign.core.filters import filter_lines
    from gitalign.core.targets import target_lines
    from gitalign.core.working_set import only_on_remotes

    as_known = "" if was_read else ", as this clone knows them"
    remote = plan.snapshot.branches_of
    if plan.snapshot.taken_in is not None:
        from gitalign.cli.rendering.tables import many  # what draws tables is loaded late

        count = many(len(plan.snapshot.taken_in), "branch", "branches")
        both = f"Local branches, and {count} that only {remote} has."
        return [both, *target_lines(plan), *filter_lines(plan)]
    if remote is not None:
        whose = f"The branches of {remote}{as_known}." if was_asked else only_remote(remote)
        return [whose, *target_lines(plan), *filter_lines(plan)]
    counts = only_on_remotes(plan.snapshot, [target.name for target in plan.targets])
    return [*target_lines(plan), *(elsewhere(name, count) for name, count in counts), *filter_lines(plan)]


def only_remote(remote: str) -> str:
    """Why the branches of a remote were taken."""
    return f"There is no local branch to align: these are the branches of {remote}, as this clone knows them."


def elsewhere(remote: str, count: int) -> str:
    """How many branches a verb leaves out because they are not local, and how to see them."""
    which = "" if remote == "origin" else f" {remote}"
    exist = "branch exists" if count == 1 else "branches exist"
    return f"{count} {exist} only on {remote}: git align plan --remote{which}"
