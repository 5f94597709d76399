"""Where a command runs and what it sees of the operator's environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gitalign.core.validation import ValidationPlan

MARK = "GITALIGN_CHECK"
"""Variable by which a command's processes are found again after they left its process group."""
_ALWAYS = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TERM",
    "LD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "PYTHONDONTWRITEBYTECODE",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command may write: its work tree and folders of its own.

    Attributes:
        objects: the object directory that the work tree's `.git` stands on; readable.
        cache: a folder that outlives the work tree's contents; None for one in `home`.
        secrets: a folder that the command may read; None for none.
    """

    root: Path
    tree: Path
    home: Path
    scratch: Path
    objects: Path | None = None
    cache: Path | None = None
    secrets: Path | None = None


def visible_environment(
    plan: ValidationPlan, own: Sequence[tuple[str, str]], *, source: Mapping[str, str]
) -> dict[str, str]:
    """What a check's environment holds whatever work tree it runs in; part of the key under which a pass is remembered.

    Args:
        plan: names the variables to pass.
        own: of the check.
        source: where inherited variables come from.
    """
    names = (*_ALWAYS, *plan.pass_environment)
    inherited = {name: source[name] for name in names if name in source}
    return {
        "CI": "true",
        "GITALIGN": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
        **inherited,
        **dict(own),
    }


def environment_in(place: Place, visible: Mapping[str, str], *, mark: str) -> dict[str, str]:
    """The whole environment of a command in a place."""
    return {
        "HOME": str(place.home),
        "XDG_CACHE_HOME": str(place.cache or place.home / ".cache"),
        "XDG_CONFIG_HOME": str(place.home / ".config"),
        "XDG_DATA_HOME": str(place.home / ".local/share"),
        "TMPDIR": str(place.scratch),
        **visible,
        MARK: mark,
    }
