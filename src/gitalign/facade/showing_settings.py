"""The settings of a repository, to be looked at."""

from __future__ import annotations

from typing import Any

from gitalign.engine.run.session import Request, open_for


def settings_shown(request: Request) -> dict[str, Any]:
    """Every setting by section, and where those came from that are not the defaults. Changes nothing.

    Settings name files and commands, never secrets: those are in files and variables that settings name.

    Raises:
        ConfigError, GitError
    """
    config = open_for(request).config
    return {
        "settings": config.model_dump(mode="json"),
        "origins": dict(sorted(config.origins.items())),
    }
