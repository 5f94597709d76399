"""The verb `version`."""

from __future__ import annotations

import click

from gitalign import __version__
from gitalign.cli.verb import verb


@verb()
def version() -> int:
    """Print the version."""
    click.echo(f"git-align {__version__}")
    return 0
