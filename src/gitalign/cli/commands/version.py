"""The verb `version`."""

from __future__ import annotations

import typer


def version() -> None:
    """Print the version."""
    from gitalign import __version__

    typer.echo(f"git-align {__version__}")
