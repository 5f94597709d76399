"""The verb `completion`: print a completion script."""

from __future__ import annotations

from typing import Annotated

import typer

from gitalign.cli.completion_scripts import SCRIPTS, Shell


def completion(shell: Annotated[Shell, typer.Argument(help="Which shell: bash, zsh or fish.")]) -> None:
    """Print a completion script for a shell.

    It completes `git align` and `git-align`, with branches, runs, targets and remotes.

    bash, in ~/.bashrc: eval "$(git-align completion bash)"

    zsh, in ~/.zshrc behind compinit: eval "$(git-align completion zsh)"

    fish, once: git-align completion fish > ~/.config/fish/completions/git-align.fish
    """
    typer.echo(SCRIPTS[shell], nl=False)
