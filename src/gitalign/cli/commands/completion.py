"""The verb `completion`: print a completion script."""

from __future__ import annotations

from typing import Annotated

import click

from gitalign.cli.completion_scripts import SCRIPTS, Shell
from gitalign.cli.parameters import argument
from gitalign.cli.verb import verb

ShellName = Annotated[Shell, argument(help="Which shell: bash, zsh or fish.", metavar="SHELL")]


@verb()
def completion(shell: ShellName) -> int:
    """Print a completion script for a shell.

    It completes `git align` and `git-align`, with branches, runs, targets and remotes.

    bash, in ~/.bashrc: eval "$(git-align completion bash)"

    zsh, in ~/.zshrc behind compinit: eval "$(git-align completion zsh)"

    fish, once: git-align completion fish > ~/.config/fish/completions/git-align.fish
    """
    click.echo(SCRIPTS[shell], nl=False)
    return 0
