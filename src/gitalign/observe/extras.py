"""Whether the libraries behind settings are there, known before anything starts and without importing them."""

from __future__ import annotations

from importlib.util import find_spec

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
