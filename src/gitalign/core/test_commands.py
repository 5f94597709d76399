"""Which command runs the tests of a project, from files that build tools keep at its root. Pure, and never more than a proposal."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TestCommand:
    """A command, and the file that it was found in."""

    __test__ = False  # no test of pytest's

    words: tuple[str, ...]
    source: str


_NO_TEST = "no test specified"


def _python(text: str) -> tuple[str, ...] | None:
    data = tomllib.loads(text)
    tool = data.get("tool", {})
    named = json.dumps([data.get("project", {}), data.get("dependency-groups", {}), tool.get("poetry", {})])
    uses = "pytest" in tool or re.search(r'"pytest\b', named) is not None
    return ("python3", "-m", "pytest", "-q") if uses else None


def _node(text: str) -> tuple[str, ...] | None:
    script = json.loads(text).get("scripts", {}).get("test", "")
    return ("npm", "test") if isinstance(script, str) and script and _NO_TEST not in script else None


def _make(text: str) -> tuple[str, ...] | None:
    named = re.search(r"^(test|check)\s*:(?!=)", text, re.MULTILINE)
    return ("make", named.group(1)) if named else None


def _always(*words: str) -> Callable[[str], tuple[str, ...]]:
    return lambda text: words


_FILES: Mapping[str, Callable[[str], tuple[str, ...] | None]] = {
    "tox.ini": _always("tox"),
    "noxfile.py": _always("nox"),
    "pyproject.toml": _python,
    "pytest.ini": _always("python3", "-m", "pytest", "-q"),
    "package.json": _node,
    "Cargo.toml": _always("cargo", "test"),
    "go.mod": _always("go", "test", "./..."),
    "mix.exs": _always("mix", "test"),
    "gradlew": _always("./gradlew", "test"),
    "mvnw": _always("./mvnw", "-q", "test"),
    "pom.xml": _always("mvn", "-q", "test"),
    "Gemfile": _always("bundle", "exec", "rake"),
    "Makefile": _make,
}
BUILD_FILES = tuple(_FILES)
"""Files that are looked at."""


def test_commands(files: Mapping[str, str]) -> tuple[TestCommand, ...]:
    """Proposals, the likeliest first.

    Args:
        files: contents of those of `BUILD_FILES` that exist, by name; a file that cannot be understood proposes nothing.
    """
    found: list[TestCommand] = []
    for name, read in _FILES.items():
        if name not in files:
            continue
        try:
            words = read(files[name])
        except (ValueError, AttributeError, TypeError):
            continue
        if words is not None and words not in [one.words for one in found]:
            found.append(TestCommand(words, name))
    return tuple(found)


test_commands.__test__ = False  # type: ignore[attr-defined]
