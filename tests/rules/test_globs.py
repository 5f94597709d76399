"""Globs of house rules beside patterns of .gitignore: where they agree, and the one way in which they do not."""

from __future__ import annotations

import pathspec
from hypothesis import given
from hypothesis import strategies as st

from gitalign.rules.globs import matches

PARTS = st.sampled_from(["a", "b", "a.key", "ab", "src"])
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
GLOBS = st.lists(st.sampled_from(["a", "*", "**", "*.key", "a?", "[ab]", "src", "[!a]"]), min_size=1, max_size=4).map(
    "/".join
)


@given(PATHS, GLOBS)
def test_what_a_glob_matches_gits_pattern_matches_too(path: str, glob: str) -> None:
    """Except for `**` at the end, which git wants to stand for something."""
    if matches(path, glob) and not glob.endswith("**"):
        assert pathspec.GitIgnoreSpec.from_lines([glob]).match_file(path)


@given(PATHS, GLOBS)
def test_what_gits_pattern_matches_beyond_that_lies_in_a_folder_that_matches(path: str, glob: str) -> None:
    """This is why the rules have globs of their own: `src/*` is about files in `src`, not about all below it."""
    if pathspec.GitIgnoreSpec.from_lines([glob]).match_file(path) and not matches(path, glob):
        parts = path.split("/")
        above = ["/".join(parts[:count]) for count in range(1, len(parts))]
        assert any(matches(folder, glob) for folder in above)


def test_a_file_in_a_folder_of_that_name_is_no_such_file() -> None:
    for path, glob in (("src/a/b", "src/*"), ("a.key/readme", "*.key")):
        assert pathspec.GitIgnoreSpec.from_lines([glob]).match_file(path)
        assert not matches(path, glob)
