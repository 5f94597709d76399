"""Options that verbs share, completion of runs and branches, and the ways to ask and to leave."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from gitalign.cli.console import Options

_LARGEST_PLAN_BYTES = 512 * 1024 * 1024


def _as_typed(ctx: typer.Context, param: typer.CallbackParam, value: Path) -> Path:
    """`--repo .` names the folder, whatever `GIT_DIR` says; without it git's own rules hold."""
    typed = getattr(ctx.get_parameter_source(param.name or ""), "name", "") == "COMMANDLINE"
    return value.absolute() if typed and value == Path() else value


Repo = Annotated[
    Path,
    typer.Option("--repo", help="Any path inside the repository.", show_default="here", callback=_as_typed),
]
ConfigFile = Annotated[
    Path | None,
    typer.Option("--config", help="Configuration file (YAML).", show_default="<git dir>/gitalign/config.yaml"),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Show everything.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", help="Glob over whole branch names; may be given several times.", metavar="GLOB"),
]
Input = Annotated[
    Path | None,
    typer.Option(
        "--input",
        help="Branch list (categorized_branches.json). Without it every branch goes to the target it is nearest to.",
        metavar="FILE",
    ),
]
Strategy = Annotated[
    str | None,
    typer.Option(
        "--strategy",
        help="How a branch takes in its target; auto tries one after another.",
        metavar="rebase|rebase-merges|merge|iterative|integration-branch|auto",
    ),
]
Merges = Annotated[
    str | None,
    typer.Option(
        "--merges", help="Branches that contain merges: refuse, flatten, merge-instead or recreate.", metavar="POLICY"
    ),
]
Resolutions = Annotated[
    bool | None,
    typer.Option(
        "--resolutions/--no-resolutions",
        help="Resolve conflicts by recorded resolutions, or not; every use is reported.",
        show_default="resolutions.apply of the configuration",
    ),
]
ResolveWith = Annotated[
    list[str] | None,
    typer.Option(
        "--resolve-with",
        help="Resolve conflicts by these automatic resolvers, in this order; may be given several times. `none` for none.",
        metavar="RUNG,…",
        show_default="resolutions.rungs of the configuration",
    ),
]
Furthest = Annotated[
    bool, typer.Option("--furthest", help="Show how far conflicting branches align, and what stops them there.")
]
Partial = Annotated[bool, typer.Option("--partial", help="Take conflicting branches as far as they align, too.")]
PushHooks = Annotated[
    bool,
    typer.Option(
        "--push-hooks",
        help="Let a push run and send what git push would: the pre-push hook, Git LFS, the look at submodules, push options.",
    ),
]
Fetch = Annotated[bool, typer.Option("--fetch", help="Fetch first, and align onto what the remote has.")]


RunId = Annotated[str, typer.Argument(help="Run id, the beginning of one, or last.", metavar="RUN")]


def leave(code: int) -> None:
    """End with an exit code."""
    raise typer.Exit(code)


def overrides_of(
    *,
    targets: list[str] | None = None,
    strategy: str | None = None,
    merges: str | None = None,
    workers: int | None = None,
    resolutions: bool | None = None,
    resolve_with: list[str] | None = None,
    furthest: bool = False,
    partial: bool = False,
    push_hooks: bool = False,
) -> dict[str, object]:
    """Settings given as flags, by dotted key."""
    given = {
        "alignment.targets": targets or None,
        "alignment.strategy": strategy,
        # What is typed goes for every branch.
        "alignment.strategies": () if strategy is not None else None,
        "alignment.merges": merges,
        "orchestration.max_workers_per_target": workers,
        "resolutions.apply": resolutions,
        "resolutions.rungs": None if not resolve_with else _rungs(resolve_with),
        "alignment.furthest": furthest or None,
        "alignment.partial": partial or None,
        "alignment.push_hooks": "run" if push_hooks else None,
    }
    return {key: value for key, value in given.items() if value is not None}


def _rungs(given: list[str]) -> list[str]:
    names = [name.strip().replace("-", "_") for one in given for name in one.split(",") if name.strip()]
    return [] if names == ["none"] else names


def refuse_beside_a_plan(given: dict[str, bool]) -> None:
    """Say that options change nothing where a saved plan is run: what they are about is in the plan.

    Args:
        given: whether each option was typed, by its name.

    Raises:
        UserError
    """
    from gitalign.errors import UserError

    typed = [name for name, is_typed in given.items() if is_typed]
    if typed:
        raise UserError(
            f"a saved plan says itself how branches are aligned: {', '.join(typed)} cannot stand beside --plan",
            hint=f"make a new one: git align plan {' '.join(typed)} --save FILE",
        )


def read_plan(path: Path) -> Any:
    """A saved plan.

    Raises:
        PlanRefused
    """
    from gitalign.documents import plans
    from gitalign.errors import PlanRefused
    from gitalign.input_file import Unreadable, read_bounded

    hint = "make one: git align plan --save FILE"
    try:
        return plans.read(read_bounded(path, most_bytes=_LARGEST_PLAN_BYTES).decode("utf-8"))
    except Unreadable as error:
        raise PlanRefused(error.message, hint=hint) from error
    except UnicodeDecodeError as error:
        raise PlanRefused(f"{path} is not UTF-8", hint=hint) from error


def permission(options: Options, plan: Any, *, push: bool) -> str | None:
    """Who gave leave to move branches; None when the person at the terminal said no."""
    from gitalign.cli import render_before
    from gitalign.cli.console import console
    from gitalign.core.names import display
    from gitalign.core.plan import StepKind

    count = sum(step.kind not in (StepKind.UP_TO_DATE, StepKind.LEAVE) and step.refusal is None for step in plan.steps)
    waiting = sum(step.push_to is not None and step.push_to.unpushed is not None for step in plan.steps) if push else 0
    if options.yes or not (count or waiting):
        return "--yes" if options.yes else "nothing to move"
    if not options.json and may_ask():
        render_before.show_plan(console(stderr=True), plan)
    also = f", and {waiting} that earlier runs moved" if waiting else ""
    pushing = f" and push them{also}" if push else ""
    theirs = plan.snapshot.branches_of
    on = f" of {display(theirs)}" if theirs is not None and plan.snapshot.taken_in is None else ""
    back = "undo --push puts them back" if theirs is not None else "They can be put back with undo"
    question = f"Align {count} branches{on} now{pushing}? {back[0].upper()}{back[1:]}."
    return "prompt" if asked(options, question) else None


def may_ask() -> bool:
    """True when a person can be asked."""
    from gitalign.cli.console import is_interactive

    return is_interactive()


def asked(options: Options, question: str) -> bool:
    """Whether the operator agrees.

    Raises:
        NotPermitted: nobody can be asked.
    """
    from gitalign.errors import NotPermitted

    if options.yes:
        return True
    if options.json or not may_ask():
        raise NotPermitted(
            "this would move branches, and there is no terminal to ask at",
            hint="add --yes, or look first with --dry-run",
        )
    return typer.confirm(question, default=False)


def as_text(document: Any) -> str:
    """A JSON document as text."""
    import json

    return json.dumps(document, indent=2) + "\n"


def carried_out(options: Options, work: Callable[[], int], *, acts: bool = False) -> int:
    """Exit code of a verb; see `console.guarded`."""
    from gitalign.cli.console import guarded

    return guarded(options, work, acts=acts)
