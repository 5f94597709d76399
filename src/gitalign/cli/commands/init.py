"""The verb `init`: look at a repository, show what was found, and write a commented configuration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from gitalign.cli.options import Options
from gitalign.cli.parameters import option
from gitalign.cli.rendering.console import console, emit_json, require_writable, write_whole
from gitalign.cli.rendering.tables import safe
from gitalign.cli.verb import verb
from gitalign.core.exclusions import ExclusionCode
from gitalign.core.names import display, shell_word
from gitalign.errors import UserError

if TYPE_CHECKING:
    from gitalign.core.first_configuration import RepositoryFacts

_MOST_NAMED = 8
_NEVER_MOVED = {"bots": ("bot",), "long-lived": ("long_lived", "protected")}


Output = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        help="Where to write it.",
        metavar="FILE",
        shown_default="gitalign/config.yaml in the git directory",
    ),
]
DryRun = Annotated[bool, option("--dry-run", help="Print the configuration instead of writing it.")]


@verb(acts=True, without=("config", "yes"))
def init(*, output: Output = None, dry_run: DryRun = False, options: Options) -> int:
    """Write a commented configuration from what is found here.

    Looks for targets, remotes, bots and test commands. Never overwrites a file.
    """
    from gitalign.facade import first_configuration

    # Also where nothing can be aligned yet: the file is the place to name a target.
    found = first_configuration.find(replace(options.request(or_remote=True), needs_branches=False))
    place = output if output is not None else found.place
    written = configuration(found)
    if not dry_run:
        _write(place, written, makes_folder=output is None)
    if options.json:
        emit_json("initial", {**document(found), "file": None if dry_run else str(place), "configuration": written})
    elif dry_run:
        console().print(written, markup=False, soft_wrap=True, end="")
    elif not options.quiet:
        for label, words in summary(found):
            console().print(f"  {label:<10} {safe(words)}")
        console().print(f"written: {safe(str(place))}")
        where = "" if output is None else f" --config {shell_word(str(output))}"
        there = "" if options.repo == Path() else f" --repo {shell_word(str(options.repo))}"
        console().print(f"[bold]next:[/] {safe(f'git align{there}{where} plan')}   shows what a run would do")
    return 0


def _write(place: Path, written: str, *, makes_folder: bool) -> None:
    if place.exists():
        raise UserError(
            f"{place} exists already; init overwrites nothing",
            hint="compare it with: git align init --dry-run",
        )
    if makes_folder:
        place.parent.mkdir(parents=True, exist_ok=True)
    require_writable(place)
    write_whole(place, written)


def summary(found: RepositoryFacts) -> list[tuple[str, str]]:
    """What was found, in words."""
    why = {note.name: f" ({note.why})" if note.why else "" for note in found.plan.target_notes}
    targets = ", ".join(f"{target.name}{why.get(target.name, '')}" for target in found.plan.targets)
    lines = [("targets", targets or "none found: name yours under alignment.targets")]
    lines.append(("remotes", ", ".join(found.remotes) or "none"))
    for label, codes in _NEVER_MOVED.items():
        names = found.left_out(*(ExclusionCode(code) for code in codes))
        lines.append((label, f"{_some(names)}; never moved" if names else "none"))
    lines.append(("tests", ", ".join(f"{' '.join(one.words)} ({one.source})" for one in found.tests) or "none found"))
    return lines


def document(found: RepositoryFacts) -> dict[str, object]:
    """What was found, as JSON."""
    return {
        "targets": [str(target.name) for target in found.plan.targets],
        "remotes": list(found.remotes),
        **{
            label.replace("-", "_"): list(found.left_out(*(ExclusionCode(code) for code in codes)))
            for label, codes in _NEVER_MOVED.items()
        },
        "test_commands": [{"command": list(one.words), "file": one.source} for one in found.tests],
    }


def configuration(found: RepositoryFacts) -> str:
    """The file: it sets what was found and sure, and shows the rest as comments; a run of it does the same as one without it."""
    said = dict(summary(found))
    targets = [str(target.name) for target in found.plan.targets]
    remote = found.remotes[0] if found.remotes and "origin" not in found.remotes else "origin"
    tests = found.tests[0].words if found.tests else ("python3", "-m", "pytest", "-q")
    lines = [
        "# Settings of git-align for this repository, made by `git align init`.",
        "# git-align reads this file from the git directory, or where --config names it; never from a work tree.",
        "# A key that is not set has its default. `git align doctor` checks this file.",
        "",
        # A section of comments alone would be an empty one, which is an error.
        "alignment:" if targets else "# alignment:",
        "  # The branches that the others are aligned with. Each branch goes to the one it has the fewest commits beyond.",
        f"  # RepositoryFacts: {_comment(said['targets'])}",
        f"  targets: {_yaml(targets)}" if targets else "  # targets: [main]",
        "",
        "  # How a branch takes in its target: rebase, rebase-merges, merge, iterative, integration-branch or auto.",
        "  # strategy: rebase",
        "",
        "  # Never moved, beside the targets and what is known as long-lived. Globs over whole names.",
        f"  # RepositoryFacts as long-lived: {_comment(said['long-lived'])}",
        f"  # Left to their bots: {_comment(said['bots'])}",
        '  # protected: ["release/*", "releases/*", "hotfix/*"]',
        "",
        "  # The remote that --remote and --fetch mean, where none is named.",
        f"  # RepositoryFacts: {_comment(said['remotes'])}",
        f"  # remote: {_yaml(remote)}",
        "",
        "# validation:",
        "  # A command that is run on every result before it is published, in a work tree of its own, without network.",
        "  # It is code of the branches: nothing runs until you remove the # of both lines.",
        f"  # RepositoryFacts: {_comment(said['tests'])}",
        f"  # test_command: {_yaml(list(tests))}",
        "",
    ]
    return "\n".join(lines)


def _some(names: tuple[str, ...]) -> str:
    rest = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {rest} more" if rest > 0 else "")


def _comment(words: str) -> str:
    return display(words)


def _yaml(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)
