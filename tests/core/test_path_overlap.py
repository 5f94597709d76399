"""Patterns of `touches`: never said to keep apart when a file matches both."""

from __future__ import annotations

import pathspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gitalign.core.path_overlap import can_meet, pattern_fault

_NAME = st.text("ab.", min_size=1, max_size=3).filter(lambda name: name.strip(".") != "")
_PATH = st.lists(_NAME, min_size=1, max_size=4).map("/".join)
_SIGN = st.sampled_from(["a", "b", ".", "*", "?", "[ab]", "[!a]", "[!]]", "[]a]", "\\a", "**"])
_PART = st.one_of(st.just("**"), st.lists(_SIGN, min_size=1, max_size=3).map("".join))
_PATTERN = st.tuples(
    st.sampled_from(["", "/"]), st.lists(_PART, min_size=1, max_size=4).map("/".join), st.sampled_from(["", "/"])
).map("".join)


def matches(pattern: str, path: str) -> bool:
    """Whether pathspec, which `git check-ignore` agrees with, says that a pattern names a file.

    Patterns with a wildcard in their last part name no folders here: what they match only by way of one does not count.
    """
    spec = pathspec.GitIgnoreSpec.from_lines([pattern])
    if not spec.match_file(path):
        return False
    is_of_files = not pattern.endswith("/") and set("*?[\\") & set(pattern.rpartition("/")[2])
    parents = [path[:at] for at, sign in enumerate(path) if sign == "/"]
    return not (is_of_files and any(spec.match_file(f"{parent}/") for parent in parents))


@settings(max_examples=60)
@given(first=_PATTERN, second=_PATTERN, paths=st.lists(_PATH, max_size=30))
@example(first="a/**/b", second="**/a", paths=["a/b/a", "a/a/b"])
@example(first="*.a", second="b/", paths=["b/x.a", "a/b/x.a"])
def test_patterns_that_match_one_path_overlap(first: str, second: str, paths: list[str]) -> None:
    if any(matches(first, path) and matches(second, path) for path in paths):
        assert can_meet(first, second)
        assert can_meet(second, first)


@settings(max_examples=60)
@given(pattern=_PATTERN, path=_PATH)
def test_a_path_and_a_pattern_overlap_when_one_matches_the_other(pattern: str, path: str) -> None:
    if matches(pattern, path):
        assert can_meet(pattern, f"/{path}")


@pytest.mark.parametrize(
    ("first", "second", "meet"),
    [
        ("src/a.py", "src/a.py", True),
        ("src/a.py", "src/b.py", False),
        ("src/", "src/deep/x.py", True),
        ("/src", "/lib/src", False),
        ("src", "/lib/src", True),
        ("*.py", "docs/*.md", False),
        ("*.py", "src/*", True),
        ("docs/**", "src/**", False),
        ("src/*/a", "src/x/b", False),
        ("src/\\*", "src/x", False),
        ("**/test_*.py", "tests/test_a?.py", True),
        ("a/b", "a/bc", False),
        ("src/*", "src/deep/x", False),
        ("src/*/", "src/deep/x", True),
        ("src/[!]]b", "src/ab", True),
        ("src/[^]]b", "src/abc", False),
        ("src/[[:alpha:]]", "src/a", True),
        ("src/[\\]]", "src/]", True),
    ],
)
def test_what_overlaps(first: str, second: str, meet: bool) -> None:
    assert can_meet(first, second) is meet
    assert can_meet(second, first) is meet


@pytest.mark.parametrize("pattern", ["!a", "", "/", "a/../b", "# x"])
def test_what_is_no_pattern(pattern: str) -> None:
    assert pattern_fault(pattern) is not None
