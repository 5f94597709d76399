"""Which pager git would use, as `git help var` (GIT_PAGER) and `git help config` (core.pager, pager.<cmd>) say it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from gitalign import child
from gitalign.git.environment import operator_environment

_DEFAULT = "less"
_NONE = ("", "cat")
_FALSE = ("false", "no", "off", "0")
_TRUE = ("true", "yes", "on", "1")
_TIMEOUT_S = 5.0
_EXTRA = {"LESS": "FRX", "LV": "-c"}
"""What git sets for its pager where it is not set (pager.c, `setup_pager_env`)."""


def pager_command(at: Path, *, source: Mapping[str, str] = os.environ) -> str | None:
    """The shell command of the pager; None when output goes straight to the terminal.

    `pager.align` first, then GIT_PAGER, `core.pager`, PAGER, less. A repository's own configuration can switch the pager off,
    and cannot name one: what only looks starts no program of a repository (docs/environment.md).

    Args:
        at: a path inside the repository; outside of one, the operator's own configuration counts.
        source: the environment.
    """
    settings = _settings(at, source)
    own, is_own_trusted = settings.get("pager.align", (None, False))
    if own is not None and own.lower() in _FALSE:
        return None
    named = source.get("GIT_PAGER")
    if own is not None and is_own_trusted and own.lower() not in _TRUE and named is None:
        named = own
    core, is_trusted = settings.get("core.pager", (None, False))
    if named is None and is_trusted:
        named = core
    if named is None:
        named = source.get("PAGER")
    if named is None:
        named = _DEFAULT if shutil.which(_DEFAULT, path=source.get("PATH")) else ""
    return None if named.strip() in _NONE else named


def pager_environment(*, source: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of the pager."""
    return {**_EXTRA, **source, "GIT_PAGER_IN_USE": "true"}


def is_paged_by_git(*, source: Mapping[str, str] = os.environ) -> bool:
    """True when `git -p align`, or `pager.align`, put a pager between us and the terminal."""
    return source.get("GIT_PAGER_IN_USE", "").lower() in _TRUE


def _settings(at: Path, source: Mapping[str, str]) -> dict[str, tuple[str, bool]]:
    """The last value of each setting that may be followed, and whether the operator set it: not the repository."""
    argv = ["git", "config", "-z", "--show-scope", "--get-regexp", r"^(core\.pager|pager\.align)$"]
    try:
        said = child.run(argv, env=operator_environment(source=source), cwd=at, timeout_s=_TIMEOUT_S)
    except (OSError, child.ChildTimedOut):
        return {}
    found: dict[str, tuple[str, bool]] = {}
    parts = said.stdout.decode("utf-8", "surrogateescape").split("\0")
    for scope, entry in zip(parts[::2], parts[1::2], strict=False):
        key, _, value = entry.partition("\n")
        is_operators = scope not in ("local", "worktree")
        if is_operators or value.lower() in _FALSE:
            # A bare key without a value is true (`git help config`).
            found[key] = (value if "\n" in entry else "true", is_operators)
    return found
