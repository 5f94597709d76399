"""What to type next, from what is known of the state. Never a command that would do nothing here.

Every command is one that the same person could type in the same place: with the repository, the configuration file and the
choice of branches that were given before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gitalign.core.names import BranchName, command_on, shell_word
from gitalign.core.plan import StepKind
from gitalign.core.working_set import remote_of

if TYPE_CHECKING:
    from rich.console import Console

    from gitalign.core.conflict_groups import BranchConflict, Conflicts
    from gitalign.core.forecast import Forecast
    from gitalign.core.plan import Plan, Step
    from gitalign.core.snapshot import Snapshot
    from gitalign.facade import Request

_OPTIONS_OF_SETTINGS = {
    "alignment.targets": "--target",
    "alignment.strategy": "--strategy",
    "alignment.merges": "--merges",
}


@dataclass(frozen=True, slots=True)
class Advice:
    """A command and what it does."""

    command: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """What was typed, to be typed again.

    Attributes:
        place: options for repository and configuration; they stand before the verb.
        how: options for targets, strategy and merges.
        which: options that choose branches.
        service: options of `remote`, where a service carries out the verbs; they stand behind the verb.
    """

    place: tuple[str, ...] = ()
    how: tuple[str, ...] = ()
    which: tuple[str, ...] = ()
    service: tuple[str, ...] | None = None

    @classmethod
    def of(cls, request: Request) -> Typed:
        """From the request that was made of it."""
        place = [("--repo", str(request.repo))] if str(request.repo) != "." else []
        place += [("--config", str(request.config_file))] if request.config_file is not None else []
        how: list[tuple[str, str]] = []
        for key, option in _OPTIONS_OF_SETTINGS.items():
            given = request.overrides.get(key, ())
            how += [(option, str(one)) for one in ([given] if isinstance(given, str) else given)]  # type: ignore[attr-defined]
        which = [("--input", str(request.input))] if request.input is not None else []
        for option, values in (("--only", request.only), ("--exclude", request.exclude), ("--author", request.authors)):
            which += [(option, value) for value in values]
        for option, value in (("--since", request.since), ("--older-than", request.older_than)):
            which += [(option, value)] if value is not None else []
        if request.also_local:
            which.append(("--all", ""))
        elif request.remote is not None:
            which.append(("--remote", request.remote))
        return cls(place=_words(place), how=_words(how), which=_words(which))

    def with_strategy(self, strategy: str) -> Typed:
        """The same with another strategy."""
        pairs = zip(self.how[::2], self.how[1::2], strict=True)
        kept = [word for option, value in pairs if option != "--strategy" for word in (option, value)]
        return replace(self, how=(*kept, "--strategy", strategy))

    def command(self, verb: str, *words: str) -> str:
        """The command line of a verb with these words behind it."""
        if self.service is not None:
            return " ".join(["git align remote", verb, *self.service, *words])
        return " ".join(["git align", *self.place, verb, *words])

    def of_group(self, group: str, verb: str, *words: str) -> str:
        """The command line of a verb of a group, such as `batch land`; a service has those of batches as `batch-land`."""
        if self.service is not None and group == "batch":
            return self.command(f"batch-{verb}", *words)
        return self.command(f"{group} {verb}", *words)


NOTHING_TYPED = Typed()


def _words(options: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    return tuple(word for name, value in options for word in ((name, shell_word(value)) if value else (name,)))


def show(out: Console, advice: Sequence[Advice]) -> None:
    """One line for each, or two where a line is too short for both command and reason; a command is never broken."""
    from gitalign.cli.rendering.tables import safe

    for one in advice:
        line = f"next: {one.command}   {one.why}"
        if out.is_terminal and len(line) > out.width:
            out.print(f"[bold]next:[/] {safe(one.command)}", soft_wrap=True)
            out.print(f"      [dim]{safe(one.why)}[/]")
        else:
            out.print(f"[bold]next:[/] {safe(one.command)}   {safe(one.why)}", soft_wrap=True)


def after_plan(plan: Plan, typed: Typed) -> list[Advice]:
    """What follows a plan: look at what will conflict, or run it; where nothing is to be aligned, merged branches."""
    if not any(is_work(step) for step in plan.steps):
        merged = sum(step.kind is StepKind.LEAVE and step.checkout is None for step in plan.steps)
        return [deletion(plan, typed, "deletes merged branches")] if merged else []
    words = (*typed.how, *chosen(plan.snapshot, typed))
    return [
        Advice(typed.command("forecast", *words), "which of them align, and where the others stop"),
        Advice(typed.command("run", *words), "aligns them"),
    ]


def deletion(plan: Plan, typed: Typed, why: str) -> Advice:
    """The command that deletes merged branches."""
    remote = plan.snapshot.branches_of
    where = ("--remote", remote) if remote is not None and plan.snapshot.taken_in is None else ()
    return Advice(typed.command("prune", "--merged", *where), why)


def after_forecast(found: Forecast, snapshot: Snapshot | None, typed: Typed) -> list[Advice]:
    """What follows a forecast: the conflicts, and a run for the branches without any. No snapshot: of a service."""
    from gitalign.core.forecast import Prospect

    words = (*typed.how, *chosen(snapshot, typed))
    prospects = {cell.prospect for cell in found.branches}
    advice = []
    if Prospect.CONFLICT in prospects:
        advice.append(Advice(typed.command("conflicts", *words), "groups the conflicts by what causes them"))
    if Prospect.CLEAN in prospects:
        advice.append(Advice(typed.command("run", *words), "aligns the branches without a conflict"))
    return advice


def after_conflicts(
    found: Conflicts, snapshot: Snapshot | None, typed: Typed, *, branch: str | None = None
) -> list[Advice]:
    """What follows a look at conflicts: one of them from both sides, resolving it, and recorded resolutions that fit."""
    shown = [one for one in found.branches if branch in (None, one.branch)]
    if not shown:
        return []
    words = (*typed.how, *chosen(snapshot, typed))
    first = shown[0]
    advice = []
    if branch is None:
        largest = found.groups[0].branches if found.groups else (first.branch,)
        first = next(one for one in shown if one.branch in largest)
        advice.append(Advice(command_on(typed.command("conflicts", *words), first.branch), "shows both sides of one"))
    helps = next((len(group.branches) for group in found.groups if first.branch in group.branches), 1)
    why = f"resolves it; that helps {helps} branches" if helps > 1 else "resolves it step by step"
    advice.append(Advice(_resolve(first, snapshot, typed), why))
    if typed.service is None and any(one.conflict.known_resolutions for one in shown):
        advice.append(
            Advice(typed.command("run", "--resolutions", *words), "applies the resolutions that are on record")
        )
    return advice


def is_work(step: Step) -> bool:
    """True for a step that a run would carry out."""
    return step.kind not in (StepKind.UP_TO_DATE, StepKind.LEAVE) and step.refusal is None


def chosen(snapshot: Snapshot | None, typed: Typed) -> tuple[str, ...]:
    """The choice of branches; also the remote's, where they were taken because there are no local ones."""
    if snapshot is None or snapshot.branches_of is None or any(word in ("--remote", "--all") for word in typed.which):
        return typed.which
    return (
        (*typed.which, "--all") if snapshot.taken_in is not None else (*typed.which, "--remote", snapshot.branches_of)
    )


def _resolve(one: BranchConflict, snapshot: Snapshot | None, typed: Typed) -> str:
    if snapshot is None or typed.service is not None:
        return command_on(typed.command("resolve"), one.branch)
    # Merges are not made again step by step; such a conflict is resolved while the target is merged in.
    how = typed.with_strategy("merge").how if one.kind is StepKind.RECREATE else typed.how
    theirs = remote_of(snapshot, BranchName(one.branch))
    # A conflict is resolved in a local branch.
    first = (
        command_on("git branch --track", one.branch) + f" {shell_word(f'{theirs}/{one.branch}')} && " if theirs else ""
    )
    return first + command_on(typed.command("resolve", *how), one.branch)
