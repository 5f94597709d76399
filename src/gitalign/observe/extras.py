"""What is installed: the libraries behind settings, and plug-ins. Known before anything starts and without importing them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from types import MappingProxyType

from gitalign.errors import PluginError


def require_library(module: str, *, setting: str, extra: str) -> None:
    """Refuse a setting whose library is missing.

    Args:
        module: full name of what will be imported.
        setting: dotted key that asks for it.
        extra: of this distribution, which brings it.

    Raises:
        PluginError
    """
    try:
        found = find_spec(module) is not None
    except ModuleNotFoundError:
        found = False
    if not found:
        raise PluginError(
            f"{setting} needs {module}, which is not installed",
            hint=f"pip install 'git-align[{extra}]', or take {setting} out of the configuration",
        )


def plug_ins_of(group: str) -> Mapping[str, EntryPoint]:
    """Entry points of a group, by name."""
    return _installed_on(tuple(sys.path), group)


@lru_cache(maxsize=8)
def _installed_on(path: tuple[str, ...], group: str) -> Mapping[str, EntryPoint]:
    """To find them, the metadata of every installed package is read: once in a process, as Python imports a module once."""
    return MappingProxyType({entry.name: entry for entry in entry_points(group=group)})
