"""Options that verbs share, as values: what was typed, and the settings it stands for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import click

from gitalign.cli.parameters import argument, option

if TYPE_CHECKING:
    from gitalign.facade import Request


def _as_typed(ctx: click.Context, param: click.Parameter, value: Path) -> Path:
    """`--repo .` names the folder, whatever `GIT_DIR` says; without it git's own rules hold."""
    typed = getattr(ctx.get_parameter_source(param.name or ""), "name", "") == "COMMANDLINE"
    return value.absolute() if typed and value == Path() else value


Repo = Annotated[
    Path,
    option("--repo", help="Any path inside the repository.", shown_default="here", callback=_as_typed),
]
ConfigFile = Annotated[
    Path | None,
    option("--config", help="Configuration file (YAML).", shown_default="<git dir>/gitalign/config.yaml"),
]
Json = Annotated[bool, option("--json", help="One JSON document on standard output.")]
Input = Annotated[
    Path | None,
    option(
        "--input",
        help="Branch list (categorized_branches.json). Without it every branch goes to the target it is nearest to.",
        metavar="FILE",
    ),
]
Furthest = Annotated[
    bool, option("--furthest", help="Show how far conflicting branches align, and what stops them there.")
]
Partial = Annotated[bool, option("--partial", help="Take conflicting branches as far as they align, too.")]
PushHooks = Annotated[
    bool,
    option(
        "--push-hooks",
        help="Let a push run and send what git push would: the pre-push hook, Git LFS, the look at submodules, push options.",
    ),
]
Fetch = Annotated[bool, option("--fetch", help="Fetch first, and align onto what the remote has.")]
RunId = Annotated[str, argument(help="Run id, the beginning of one, or last.", metavar="RUN")]

LISTED_LAST = ("json", "yes", "verbose", "quiet")
"""Fields of `Options` that the help of every verb lists last."""


class Chosen(Protocol):
    """Options that choose branches."""

    def fields_of_request(self) -> dict[str, Any]:
        """These, as fields of a request."""
        ...


@dataclass(frozen=True, kw_only=True)
class Options:
    """Options that every verb takes."""

    repo: Repo = Path()
    config: ConfigFile = None
    json: Json = False
    yes: Annotated[bool, option("--yes", "-y", help="Do not ask.")] = False
    verbose: Annotated[bool, option("--verbose", "-v", help="Show everything.")] = False
    quiet: Annotated[bool, option("--quiet", "-q", help="No progress.")] = False

    def request(self, which: Chosen | None = None, **more: Any) -> Request:
        """The facade's request for these options.

        Args:
            which: the branches that were chosen.
            more: fields of the request by name.
        """
        from gitalign.facade import Request

        chosen = which.fields_of_request() if which is not None else {}
        return Request(repo=self.repo, config_file=self.config, needs_branches=True, **chosen, **more)


@dataclass(frozen=True, kw_only=True)
class Strategies:
    """How a branch takes in its target."""

    strategy: Annotated[
        str | None,
        option(
            "--strategy",
            help="How a branch takes in its target; auto tries one after another.",
            metavar="rebase|rebase-merges|merge|iterative|integration-branch|auto",
        ),
    ] = None
    merges: Annotated[
        str | None,
        option(
            "--merges",
            help="Branches that contain merges: refuse, flatten, merge-instead or recreate.",
            metavar="POLICY",
        ),
    ] = None

    def settings(self) -> dict[str, object]:
        """The settings these stand for, by dotted key."""
        return given(
            {
                "alignment.strategy": self.strategy,
                # What is typed holds for every branch.
                "alignment.strategies": () if self.strategy is not None else None,
                "alignment.merges": self.merges,
            }
        )


Resolutions = Annotated[
    bool | None,
    option(
        "--resolutions/--no-resolutions",
        help="Resolve conflicts by recorded resolutions, or not; every use is reported.",
        shown_default="resolutions.apply of the configuration",
    ),
]
ResolveWith = Annotated[
    tuple[str, ...],
    option(
        "--resolve-with",
        help="Resolve conflicts by these automatic resolvers, in this order; may be given several times. `none` for none.",
        metavar="RESOLVER,…",
        shown_default="resolutions.rungs of the configuration",
    ),
]


@dataclass(frozen=True, kw_only=True)
class Alignment(Strategies):
    """How a branch takes in its target, and what resolves conflicts on the way."""

    resolutions: Resolutions = None
    resolve_with: ResolveWith = ()

    def settings(self) -> dict[str, object]:
        """The settings these stand for, by dotted key."""
        return {**super().settings(), **resolver_settings(self.resolutions, self.resolve_with)}


def resolver_settings(resolutions: bool | None, resolve_with: tuple[str, ...]) -> dict[str, object]:
    """The settings that `--resolutions` and `--resolve-with` stand for, by dotted key."""
    names = [name.strip().replace("-", "_") for typed in resolve_with for name in typed.split(",")]
    names = [name for name in names if name]
    return given(
        {
            "resolutions.apply": resolutions,
            "resolutions.rungs": None if not resolve_with else [] if names == ["none"] else names,
        }
    )


def hook_settings(push_hooks: bool) -> dict[str, object]:
    """The setting that `--push-hooks` stands for, by dotted key."""
    return {"alignment.push_hooks": "run"} if push_hooks else {}


def given(settings: dict[str, object]) -> dict[str, object]:
    """Those that were typed."""
    return {key: value for key, value in settings.items() if value is not None}
