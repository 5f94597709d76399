"""What is installed: the modes, their modules, and every file byte for byte. Pure but for the templates beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from importlib.resources import files

from gitalign.errors import UserError
from gitalign.release import VERSION

FOLDER = ".cli_framework"
MANIFEST = f"{FOLDER}/manifest.json"
CONFIG = f"{FOLDER}/config.json"


class Mode(StrEnum):
    """How much is installed."""

    MINIMAL = "minimal"
    FULL = "full"
    CUSTOM = "custom"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """A module.

    Attributes:
        name: of its file, without `.py`.
        verb: words of the verb that does its work.
        function: what Python code calls.
        summary: one sentence.
    """

    name: str
    verb: tuple[str, ...]
    function: str
    summary: str


MODULES = (
    Module(
        name="conflict_detector",
        verb=("conflicts",),
        function="detect_conflicts",
        summary="Which branches conflict with their targets, and where.",
    ),
    Module(
        name="constitutional_analyzer",
        verb=("rules", "check"),
        function="analyze_compliance",
        summary="What branches change against the house rules.",
    ),
    Module(
        name="resolution_engine",
        verb=("resolve",),
        function="resolutions_under_way",
        summary="Resolves the conflict of a branch in a work tree of its own.",
    ),
)
_NAMES = tuple(module.name for module in MODULES)
_MODULES_OF: Mapping[Mode, tuple[str, ...]] = {
    Mode.MINIMAL: ("conflict_detector", "resolution_engine"),
    Mode.FULL: _NAMES,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A file as it is to be.

    Attributes:
        data: its bytes.
        module: it belongs to; empty for the framework's own files.
        is_program: it can be executed.
    """

    data: bytes
    module: str = ""
    is_program: bool = False


def modules_of(mode: Mode, chosen: Sequence[str] = ()) -> tuple[str, ...]:
    """Names of the modules of a mode, in a fixed order.

    Args:
        mode: how much.
        chosen: the modules of mode custom; none for the others.

    Raises:
        UserError: an unknown module, none in mode custom, or some in another mode.
    """
    for name in chosen:
        if name not in _NAMES:
            near = get_close_matches(name, _NAMES, n=1)
            hint = f"did you mean {near[0]}?" if near else ""
            raise UserError(f"unknown module {name!r}; the modules are {', '.join(_NAMES)}", hint=hint)
    if mode is Mode.CUSTOM:
        if not chosen:
            raise UserError("mode custom needs modules", hint=f"--modules {_NAMES[0]}")
        return tuple(name for name in _NAMES if name in chosen)
    if chosen:
        raise UserError(f"mode {mode} has modules of its own", hint=f"--mode custom --modules {','.join(chosen)}")
    return _MODULES_OF[mode]


def files_of(mode: Mode, modules: Sequence[str], config: bytes | None = None) -> dict[str, Content]:
    """Path from the root of the work tree -> file, all but the manifest.

    Args:
        mode: named in the configuration.
        modules: names.
        config: the configuration that is there; keys that are not ours stay.
    """
    made = {
        f"{FOLDER}/{name}": Content(data=_template(name), is_program=True)
        for name in ("install.sh", "merge_to_branch.sh")
    }
    made[CONFIG] = Content(data=_config(mode, modules, config))
    for module in MODULES:
        if module.name in modules:
            path = f"{FOLDER}/modules/{module.name}.py"
            made[path] = Content(data=_program(module), module=module.name, is_program=True)
    return made


def _template(name: str) -> bytes:
    return files("gitalign.framework").joinpath("files", name).read_bytes()


def _program(module: Module) -> bytes:
    text = _template("module.py.in").decode("utf-8")
    values = {
        "@NAME@": module.name,
        "@VERB@": " ".join(module.verb),
        "@WORDS@": repr(list(module.verb)).replace("'", '"'),
        "@FUNCTION@": module.function,
        "@SUMMARY@": module.summary,
    }
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text.encode("utf-8")


def _config(mode: Mode, modules: Sequence[str], there: bytes | None) -> bytes:
    kept: dict[str, object] = {}
    if there is not None:
        try:
            read = json.loads(there)
        except (ValueError, RecursionError):
            read = None
        kept = read if isinstance(read, dict) else {}
    ours = {"mode": str(mode), "modules": list(modules), "installed_by": f"git-align {VERSION}"}
    return (json.dumps({**kept, **ours}, indent=2) + "\n").encode("utf-8")
