"""Every file of the package that is not Python is named in `pyproject.toml`, so that an installation has it."""

from __future__ import annotations

import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_an_installation_has_every_file() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    globs = settings["tool"]["setuptools"]["package-data"]["gitalign"]
    package = ROOT / "src/gitalign"
    others = [
        place.relative_to(package)
        for place in package.rglob("*")
        if place.is_file() and place.suffix not in (".py", ".pyc")
    ]
    assert len(others) > 20
    missing = [
        str(place)
        for place in others
        if not any(place.parent == Path(glob).parent and fnmatchcase(place.name, Path(glob).name) for glob in globs)
    ]
    assert missing == []
