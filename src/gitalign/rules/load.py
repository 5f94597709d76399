"""Loading rule packs: built in by name, or from a file; every fault at once, with its place and the nearest valid name."""

from __future__ import annotations

import difflib
import os
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from pydantic import ValidationError

from gitalign.configuration.model_faults import model_faults
from gitalign.configuration.strict_yaml import NotStrict, load_yaml
from gitalign.core.rules import RulePack
from gitalign.errors import RulePackError
from gitalign.input_file import Unreadable, read_bounded
from gitalign.rules.pack_format import PackFile

_LARGEST_BYTES = 256 * 1024


def load_packs(names: Sequence[str], *, folder: Path, forbidden: Sequence[Path] = ()) -> tuple[RulePack, ...]:
    """The packs of these names.

    Args:
        names: of built-in packs, or of files; what holds a slash or ends with .yaml or .yml is a file.
        folder: where relative file names begin.
        forbidden: work trees: a file there is refused, since a branch could bring another one. Git directories are none.

    Raises:
        RulePackError: every fault of every pack.
    """
    packs: list[RulePack] = []
    faults: list[str] = []
    for name in dict.fromkeys(names):
        try:
            packs.append(_from_file(folder / name, forbidden) if _is_file_name(name) else _built_in(name))
        except RulePackError as error:
            faults += error.faults
    taken: dict[str, str] = {}
    for pack in packs:
        if pack.name in taken:
            faults.append(f"{pack.origin}: a pack named {pack.name!r} already exists ({taken[pack.name]})")
        taken.setdefault(pack.name, pack.origin)
    if faults:
        raise RulePackError(faults)
    return tuple(packs)


def built_in_names() -> tuple[str, ...]:
    """Names of the packs that come with git-align, sorted."""
    place = resources.files("gitalign") / "rules" / "packs"
    return tuple(sorted(one.name.removesuffix(".yaml") for one in place.iterdir() if one.name.endswith(".yaml")))


def parse_pack(text: str, *, origin: str) -> RulePack:
    """A pack from its text.

    Raises:
        RulePackError
    """
    try:
        data = load_yaml(text)
    except NotStrict as error:
        raise RulePackError([f"{origin} is not valid YAML: {error}"]) from error
    if not isinstance(data, dict):
        raise RulePackError([f"{origin} must hold keys: format, name, version, requirements"])
    try:
        return PackFile.model_validate(data).value(origin)
    except (ValidationError, RecursionError) as error:
        faults = model_faults(error, data, PackFile, whole="the pack") if isinstance(error, ValidationError) else []
        raise RulePackError([f"{origin}: {fault}" for fault in faults] or [f"{origin} is nested too deeply"]) from error


def _is_file_name(name: str) -> bool:
    return "/" in name or name.endswith((".yaml", ".yml"))


def _built_in(name: str) -> RulePack:
    known = built_in_names()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        told = f"did you mean {near[0]}?" if near else f"built in: {', '.join(known)}; a file needs a / or .yaml"
        raise RulePackError([f"there is no rule pack {name!r}; {told}"])
    place = resources.files("gitalign") / "rules" / "packs" / f"{name}.yaml"
    return parse_pack(place.read_text(encoding="utf-8"), origin="built in")


def _from_file(place: Path, forbidden: Sequence[Path]) -> RulePack:
    try:
        real = Path(os.path.realpath(place))
        if any(_is_in(real, tree.resolve()) for tree in forbidden):
            raise RulePackError([f"{place} lies in a work tree, where a branch can change it: keep it elsewhere"])
        data = read_bounded(place, most_bytes=_LARGEST_BYTES)
        return parse_pack(data.decode("utf-8-sig"), origin=str(place))
    except Unreadable as error:
        raise RulePackError([error.message]) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise RulePackError([f"cannot read {place}: {why}"]) from error


def _is_in(place: Path, tree: Path) -> bool:
    """True for what lies in a work tree; its git directory is none of it."""
    return place.is_relative_to(tree) and ".git" not in place.relative_to(tree).parts
