"""Plug-ins: found by entry points, active only when the operator's configuration names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import EntryPoint

from gitalign.core.findings import FindingRule
from gitalign.errors import PluginError
from gitalign.observe.extras import plug_ins_of
from gitalign.ports import ActivePlugins, Detector, Documenter

DETECTORS = "gitalign.detectors"
DOCUMENTERS = "gitalign.documenters"
_SETTINGS = {DETECTORS: "detection.detectors", DOCUMENTERS: "alignment.documenter"}


def load_plugins(
    *, detectors: Sequence[str], refusing: FindingRule | None = None, documenter: str | None
) -> ActivePlugins:
    """Load what the configuration names; an entry point must be a callable that makes the plug-in.

    Args:
        detectors: entry-point names in group `gitalign.detectors`.
        refusing: which findings keep a branch from being published.
        documenter: entry-point name in group `gitalign.documenters`, None for none.

    Raises:
        PluginError: unknown name, or it cannot be loaded, or it does not offer what its protocol asks for.
    """
    made: list[Detector] = []
    installed = plug_ins_of(DETECTORS) if detectors else {}
    for name in detectors:
        plugin = _load(DETECTORS, name, installed)
        if not isinstance(plugin, Detector):
            raise PluginError(
                f"plug-in {name!r} is not a detector: it offers no name and detect()",
                hint="gitalign.ports.Detector says what a detector offers; or take it out of detection.detectors",
            )
        made.append(plugin)
    writer: Documenter | None = None
    if documenter is not None:
        plugin = _load(DOCUMENTERS, documenter, plug_ins_of(DOCUMENTERS))
        if not isinstance(plugin, Documenter):
            raise PluginError(
                f"plug-in {documenter!r} is not a documenter: it offers no name and document()",
                hint="gitalign.ports.Documenter says what a documenter offers; or take it out of alignment.documenter",
            )
        writer = plugin
    return ActivePlugins(detectors=tuple(made), refusing=refusing or FindingRule(), documenter=writer)


def _load(group: str, name: str, installed: Mapping[str, EntryPoint]) -> object:
    if name not in installed:
        known = ", ".join(sorted(installed)) or "none is installed"
        raise PluginError(
            f"{_SETTINGS[group]} names {name!r}, but no such plug-in is installed in {group} (known: {known})",
            hint=f"install it, or take it out of {_SETTINGS[group]}",
        )
    return _make(installed[name])


def _make(entry: EntryPoint) -> object:
    try:
        factory = entry.load()
        return factory()
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(
            f"plug-in {entry.name!r} cannot be loaded: {type(error).__name__}: {error}",
            hint=f"repair it, or take it out of {_SETTINGS[entry.group]}",
        ) from error
