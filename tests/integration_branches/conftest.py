"""A repository with one branch of each kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.git.workspace import Workspace

LINES = b"".join(b"line %d\n" % number for number in range(20))


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """`feature` is behind, `merged` has a merge of the target in it, `clashes` does not merge, `done` is in the target."""
    made = Workspace(tmp_path / "repo")
    made.commit("base", {"f": LINES, "g": LINES})
    made.git("branch", "done")
    made.switch("feature", "main")
    made.commit("one", {"own": b"1\n"})
    made.commit("two", {"f": LINES.replace(b"line 3\n", b"three\n")})
    made.switch("merged", "main")
    made.commit("mine", {"mine": b"1\n"})
    made.switch("clashes", "main")
    made.commit("clash", {"g": LINES.replace(b"line 5\n", b"cinco\n")})
    made.switch("main")
    made.commit("on", {"f": LINES.replace(b"line 17\n", b"seventeen\n"), "g": LINES.replace(b"line 5\n", b"cinq\n")})
    made.switch("merged")
    made.git("merge", "-q", "--no-ff", "main")
    made.commit("after", {"after": b"1\n"})
    made.switch("main")
    made.commit("further", {"h": b"1\n"})
    return made
